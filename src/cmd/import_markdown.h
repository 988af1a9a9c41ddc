/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_IMPORT_MARKDOWN_H
#define CMD_IMPORT_MARKDOWN_H

/*
 * A line of Markdown, or a cell of its tables, as plain text: back-ticks, escapes, entities, comments, links
 * and the HTML tags that documents use are taken away. A tag that HTML does not have is a placeholder
 * (<tenant>) and stays: without it the rest would be another name. <br> and the items of a list
 * part the text into lines.
 */

#include "cmd/import_read.h"

enum import_links {
	IMPORT_LINKS_TEXT,		/* [text](url) is its text */
	IMPORT_LINKS_NAMES,		/* that text only where it has the look of a name, else IMPORT_LINK */
};

#define IMPORT_LINK '\001'		/* stands for a link to another page */

/* A copy in the arena; NULL: im->starved. */
char *import_markdown_plain(struct import *im, const char *text, enum import_links links);
/* Takes the IMPORT_LINKs away; true where there were any. */
bool import_markdown_unlink(char *text);
/* Without the ** or __ around all of it. */
char *import_markdown_unbold(char *text);

#endif
