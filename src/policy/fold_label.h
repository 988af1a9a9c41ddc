/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_FOLD_LABEL_H
#define POLICY_FOLD_LABEL_H

/* A label as parts. Of policy/fold* only. */

#include <stdbool.h>
#include <stddef.h>

enum part_kind { PART_WORD, PART_NUMBER, PART_RANDOM };

struct part {
	const char *text;
	unsigned len;
	enum part_kind kind;
};

#define PARTS_MAX 64

/* Gives their number; a label's 63 characters are 63 parts at most. */
unsigned fold_parts(struct part *parts, const char *label, size_t len);

#endif
