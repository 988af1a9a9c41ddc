/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONF_INI_H
#define CONF_INI_H

/*
 * inih behind a reader of our own, which gives what Debian's build of inih
 * lacks: line numbers, lines and section names of any sensible length, empty and
 * repeated sections, keys that hold ':', and refusal of what is no text.
 * Comments: a line that begins with '#' or ';', or what follows a blank and ';'.
 */

#include <stdio.h>

#include "base/bytes.h"
#include "base/diag.h"

#define INI_LINE_MAX 65536		/* longer is an error of its line */

struct ini_handler {
	/* A section header "[kind name]": name is "" where none is given. Called for empty sections too. */
	void (*section)(void *ctx, const char *kind, const char *name, unsigned line);
	/* A key's first line. */
	void (*key)(void *ctx, const char *key, const char *value, unsigned line);
	/* An indented line that goes on with the last key. */
	void (*more)(void *ctx, const char *key, const char *value, unsigned line);
};

/*
 * Reads a whole file. What is no INI goes to d with its line, and reading goes
 * on. 0, or -errno when the file cannot be read at all (not put into d);
 * -EISDIR for a folder. A file with NUL bytes is one error, its content not handed out.
 */
must_check int ini_read(const char *path, const struct ini_handler *h, void *ctx, struct diag_list *d);
/*
 * The same from where the stream stands to its end; `path` is its name. What stands before a NUL byte
 * may be handed out.
 */
must_check int ini_read_stream(FILE *in, const char *path, const struct ini_handler *h, void *ctx, struct diag_list *d);

#endif
