/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_SUFFIX_H
#define POLICY_SUFFIX_H

/*
 * Public suffixes: names directly below which anybody can get one. libpsl's
 * list, private section included, and a table of our own of what Debian's lacks.
 */

#include <stdbool.h>
#include <stddef.h>

struct suffix {
	const char *name;		/* a star stands for a label: of "*.example.com" each name one below is a suffix */
	const char *why;
};

extern const struct suffix suffix_table[];
extern const size_t suffix_table_len;

/* How many labels the public suffix of a name (lower case, no final dot) has; all of them where it is one itself. */
unsigned suffix_labels(const char *text);
/*
 * Whether `is` says true of one of the suffixes (rows of the table, rules of the list's text where it is installed)
 * that end in `end`. For checking patterns, not for serving.
 */
bool suffix_any(const char *end, bool (*is)(void *ctx, const char *suffix), void *ctx);
/* A label (lower case) is a top-level domain that the list knows. Without a list every one is. */
bool suffix_top_level(const char *label);

#endif
