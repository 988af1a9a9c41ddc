/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_IMPORT_MSDOCS_H
#define CMD_IMPORT_MSDOCS_H

/*
 * Inside of `import msdocs`. A page is read line by line (import_msdocs.c) into printed endpoints, its tables
 * in import_msdocs_table.c by the columns that import_msdocs_column.c knows, its cells and lists in
 * import_msdocs_cell.c. Only at the end are they made rows: what parts one area from another is known then.
 */

#include "cmd/import_map.h"

#define MSDOCS_COLUMNS 32
#define MSDOCS_JOINED 8			/* lines that go on in the next one: more are no accident */
#define MSDOCS_LEVELS 7			/* of headings: # to ######, and a line all in bold */

/* One printed endpoint. */
struct msdocs_row {
	const char *endpoint, *protocol;
	const char *remark;		/* "for most tenants", in parentheses behind it; or NULL */
	const char *service;		/* what a column of the table says it is for, or NULL */
	const char *heading, *parent;	/* above it, and above that; or NULL */
	unsigned line;
};

enum msdocs_column {
	MSDOCS_OTHER, MSDOCS_SERVICE, MSDOCS_ENDPOINT, MSDOCS_PROTOCOL, MSDOCS_PORT,
	MSDOCS_MAYBE,			/* "Name": the endpoint in some tables, something else in most */
};

struct msdocs_table {
	bool open;
	char parting;			/* '|', or a tab in a page saved as text */
	bool leading, closing;		/* its heading has a bar there */
	bool doubtful;			/* its endpoint column is a MAYBE */
	unsigned n;			/* columns; 0: no table yet below this heading */
	uint8_t columns[MSDOCS_COLUMNS];	/* enum msdocs_column */
	const char *service;		/* of the row before: a cell left blank means the same */
	char *row;			/* a row whose end is still to come, or NULL */
	unsigned line, joined;		/* its first line; lines joined to that */
	size_t first, likely, unlikely;	/* its endpoints: the first of them, those that look like names, the others */
};

struct msdocs {
	struct msdocs_table table;
	char *held;			/* the line before, which may be a table's heading; NULL: none */
	unsigned held_line, held_joined;
	unsigned matter, comment;	/* the line where what is no text began; 0: not inside of it */
	bool begun;			/* past the first line */
	bool markdown;			/* only '#' and bold make a heading then */
	const char *headings[MSDOCS_LEVELS + 1];	/* by level, from 1 */
	const char *heading, *parent;
	struct msdocs_row *rows;
	size_t n, cap;
};

/* Adds an endpoint, below the heading at hand. */
void msdocs_add(struct import *im, const struct msdocs_row *row);

/*
 * The endpoints of a table's cell, each added; behind a name may stand "(port 443)", which goes before
 * `protocol`, or another remark. Counts in the table how many look like names.
 */
void msdocs_cell(struct import *im, const char *text, const char *protocol, unsigned line);
/* A line or an item of a list that is nothing but a name, or several: added, and true. */
bool msdocs_alone(struct import *im, const char *text, unsigned line);
/*
 * The same in the midst of words: a name in back-ticks or with a star that ends the line behind a colon, or one in
 * back-ticks that an item begins with, is listed; any other is only spoken of.
 */
bool msdocs_quoted(struct import *im, const char *text, bool item, unsigned line);

/* What the heading of a column says of the cells below. */
enum msdocs_column msdocs_column(struct import *im, const char *heading, unsigned *rank);

/* Opens a table where `head` is its heading; `below` is the next line: a rule of dashes, or already a row. */
bool msdocs_table_open(struct import *im, const char *head, const char *below);
/* The line was the open table's, or one of the last table's that something came between. */
bool msdocs_table_line(struct import *im, const char *line, unsigned number);
void msdocs_table_close(struct import *im);
/* A line of dashes and bars as it stands below a table's heading. */
bool msdocs_table_rule(const char *line);

#endif
