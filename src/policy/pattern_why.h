/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_PATTERN_WHY_H
#define POLICY_PATTERN_WHY_H

/* What is wrong with a pattern, in words for whoever wrote it. Of policy/pattern only. */

#include <stddef.h>

enum pattern_fault {
	PATTERN_FINE, PATTERN_EMPTY, PATTERN_CHARACTER, PATTERN_EMPTY_LABEL, PATTERN_LONG_LABEL, PATTERN_LONG,
	PATTERN_STARS, PATTERN_STAR_LAST, PATTERN_SINGLE, PATTERN_DOT_STAR, PATTERN_ADDRESS,
};

/* Writes the reason, and what would be right where that can be guessed. */
void pattern_why(enum pattern_fault fault, const char *text, size_t len, char *why, size_t whylen);

#endif
