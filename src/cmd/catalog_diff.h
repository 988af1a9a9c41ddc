/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_CATALOG_DIFF_H
#define CMD_CATALOG_DIFF_H

/*
 * postern catalog --diff A B: the entries of A, with what it includes, that B and what that includes do not
 * take as a whole, in A's role, with A's ports and types. Either may be CATALOG/GROUP.
 */

#include "policy/catalog.h"

/* Prints them; what is wrong goes to d. The exit status: 0 whatever differs, 1 where one is not found or not readable. */
int catalog_diff(struct arena *a, const struct conf *c, const char *const names[2], struct diag_list *d, bool json);

#endif
