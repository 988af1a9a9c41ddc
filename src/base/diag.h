/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

/*
 * What is wrong with an input: parsers append and carry on, so that one run
 * shows everything. Printed as "FILE:LINE: error: TEXT" or
 * "FILE:LINE: warning: TEXT [NAME]", in the order of files as first seen, then
 * of lines; after DIAG_KIND_MAX of one kind in one file, the number of the
 * others. Of one kind are warnings of one name, and errors of one fmt.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define DIAG_KIND_MAX 100

struct diag_list;

struct diag_list *diag_new(void);
void diag_free(struct diag_list *d);
/* line 0: the file as a whole ("FILE: error: …"). Running out of memory is itself counted as an error. */
void diag_error(struct diag_list *d, const char *file, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* `name` as in SPEC 3 without brackets ("anybody"); NULL: a warning without a name. */
void diag_warn(struct diag_list *d, const char *file, unsigned line, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
size_t diag_errors(const struct diag_list *d);
size_t diag_warnings(const struct diag_list *d);
void diag_print(const struct diag_list *d, FILE *out);
/* Each line through `put` without its newline, as diag_print would print it. */
void diag_each(const struct diag_list *d, void (*put)(void *ctx, const char *line), void *ctx);

/* The parts of a line; line 0: the file as a whole. */
struct diag_view {
	const char *file;
	unsigned line;
	bool error;
	const char *name;		/* of a warning, or NULL */
	const char *text;
};

typedef void diag_visit_fn(void *ctx, const struct diag_view *v);
/* The same, in parts. */
void diag_visit(const struct diag_list *d, diag_visit_fn *visit, void *ctx);

#endif
