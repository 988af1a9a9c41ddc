/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONF_CONF_VALUE_H
#define CONF_CONF_VALUE_H

/* Values of options between text and field, by the row's type. Inside the conf layer only. */

#include <stdio.h>

#include "conf/conf.h"
#include "conf/conf_table.h"

/* Where what is read comes from and goes to. */
struct conf_in {
	struct arena *a;
	struct diag_list *d;
	const char *file;
	bool starved;			/* memory was short: what was read is not whole */
};

bool conf_type_list(enum conf_type type);
/*
 * Reads lines[n], none of them empty, into the option's field of the struct at `section`. n == 0 is
 * the empty value. What is bad goes to in->d with its line, and the field keeps what it held, of
 * lists the good words. `line` is the key's.
 */
void conf_value_set(struct conf_in *in, const struct conf_option *o, void *section, const struct conf_str *lines,
		    size_t n, unsigned line);
/* set4 or set6 from its words. 0 or -EINVAL. conf_export.c */
must_check int conf_set_parse(struct conf_in *in, struct conf_set *set, const char *text, unsigned line);
/* The same for lists, from words. conf_list.c */
void conf_list_set(struct conf_in *in, const struct conf_option *o, void *section, const struct conf_str *words,
		   size_t n, unsigned line);
/* The default in the option's field. */
void conf_value_default(struct conf_in *in, const struct conf_option *o, void *section);
/* "KEY = VALUE" and a newline, as conf_value_set takes it in `file`. conf_print.c */
void conf_value_print(const struct conf_option *o, const void *section, const char *file, FILE *out);

/* What would be right, "a number from 1 to 256 or auto"; gives buf. */
const char *conf_expected(const struct conf_option *o, char *buf, size_t cap);
/* "KEY = 'TEXT': expected …" */
void conf_bad(struct conf_in *in, const struct conf_option *o, const char *text, unsigned line);
/* How much of a file's path is its folder, with the '/'. */
size_t conf_dir_length(const char *file);
/* A path as written, from the file's folder where it is relative. NULL: memory is short (in->starved). */
const char *conf_path(struct conf_in *in, const char *text);

#define CONF_NUMBER_TEXT 32
const char *conf_time_text(uint64_t ms, char *buf);
const char *conf_size_text(uint64_t bytes, char *buf);

/* The first of the words (a blank between) within two edits of text, or NULL; len is the word's. conf_near.c */
const char *conf_near(const char *text, const char *words, size_t *len);
/* How many edits make b of a; more than max is max + 1. Both shorter than 64. */
unsigned conf_distance(const char *a, size_t alen, const char *b, size_t blen, unsigned max);

#endif
