/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_IMPORT_H
#define CMD_IMPORT_H

/* postern import: turns a published list into a catalogue on standard output. */

#include <stdio.h>

struct import_format;

/*
 * What could not be read goes to standard error as FILE:LINE: error: …, the rest is written all the same. `path`
 * "-" is standard input. The exit status: 0, 1 with lines that could not be read (or no file), 2 with a format that
 * there is not.
 */
int import_main(const char *format, const char *path);

/* The format of that name, or NULL. */
const struct import_format *import_find(const char *name);
/* Reads `in`, called `file` in messages on `err`, and writes the catalogue to `out`; the exit status. */
int import_stream(const struct import_format *f, const char *file, FILE *in, FILE *out, FILE *err);

#endif
