/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REPLAY_SCRIPT_H
#define REPLAY_SCRIPT_H

/*
 * A script: commands at the left margin, each with the lines indented by a
 * tab below it; `#` begins a comment line. It is run once for every way its
 * choices can go: EACH names values for a variable, `shuffle` the orders of a reply's records.
 */

#include <stdbool.h>
#include <stddef.h>

#define WORDS_MAX 64
#define LINES_MAX 512
#define LINE_MAX_LEN 4096

struct command {
	unsigned line;
	char *text;
	char **block;			/* the lines below it, without their first tab */
	size_t n_block;
};

struct script {
	const char *path;
	char *data;
	struct command *commands;
	size_t n;
	char **lines;			/* all blocks point into it */
};

/* False when it cannot be read. */
bool script_read(struct script *s, const char *path);
void script_free(struct script *s);

/* Variables: $NAME in commands and blocks. */
void vars_clear(void);
bool vars_set(const char *name, size_t len, const char *value);
/* Writes text with the variables' values into out (LINE_MAX_LEN); false: no such variable, or too long. */
bool vars_expand(char *out, const char *text);

/* A line's words, which may be quoted: "two words". Cuts text up; gives their number, -1 when there are too many. */
int words_split(char *text, char *words[WORDS_MAX]);

/*
 * Choices: the k-th call of a run gives the same number below n until all
 * that follow it have been through theirs.
 */
void choices_start(void);
unsigned choices_take(unsigned n);
/* The next run; false: all have been. */
bool choices_next(void);
const char *choices_text(void);

#endif
