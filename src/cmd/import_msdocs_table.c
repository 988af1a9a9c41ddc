/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "cmd/import_markdown.h"
#include "cmd/import_msdocs.h"
#include "cmd/import_ports.h"
#include "cmd/import_table.h"

#define HEADING_WORDS 6			/* of a table whose heading has no rule below: longer ones are sentences */

struct cells {
	char *v[MSDOCS_COLUMNS];
	unsigned n;
	bool leading, closing;
};

static struct msdocs_table *table_of(const struct import *im)
{
	return &((struct msdocs *)im->state)->table;
}

/* Cuts a copy of the line at its bars. "\|" is a character. False: im->starved. */
static bool split(struct import *im, struct cells *c, const char *line, char parting)
{
	char *copy = arena_text(im->a, line, strlen(line)), *s, *cell;

	*c = (struct cells){ .n = 0 };
	if (!copy) {
		im->starved = true;
		return false;
	}
	s = parting == '|' ? import_table_trim(copy) : copy;
	c->leading = parting == '|' && *s == '|';
	s += c->leading;
	for (cell = s; *s && c->n < MSDOCS_COLUMNS; s++) {
		if (*s == '\\' && s[1]) {
			s++;
		} else if (*s == parting) {
			*s = '\0';
			c->v[c->n++] = cell;
			cell = s + 1;
		}
	}
	if (parting == '|' && c->n && !*import_table_trim(cell))
		c->closing = true;
	else if (c->n < MSDOCS_COLUMNS)
		c->v[c->n++] = cell;
	return true;
}

bool msdocs_table_rule(const char *line)
{
	return strchr(line, '-') && (strchr(line, '|') || strstr(line, "--")) && strspn(line, " \t-:|+") == strlen(line);
}

/* The columns that count, of services and endpoints one each. */
static void read_columns(struct import *im, struct msdocs_table *t, const struct cells *c)
{
	unsigned best = MSDOCS_COLUMNS, best_rank = UINT_MAX;
	bool service = false;

	t->n = c->n;
	for (unsigned i = 0; i < c->n; i++) {
		unsigned rank;
		enum msdocs_column kind = msdocs_column(im, c->v[i], &rank);

		t->columns[i] = MSDOCS_OTHER;
		if (kind == MSDOCS_PROTOCOL || kind == MSDOCS_PORT || (kind == MSDOCS_SERVICE && !service))
			t->columns[i] = (uint8_t)kind;
		service |= kind == MSDOCS_SERVICE;
		if ((kind == MSDOCS_ENDPOINT || kind == MSDOCS_MAYBE) && rank < best_rank) {
			best_rank = rank;
			best = i;
			t->doubtful = kind == MSDOCS_MAYBE;
		}
	}
	/* Headings that say nothing: the first column, if it is names that stand in it. */
	if (best == MSDOCS_COLUMNS) {
		best = 0;
		t->doubtful = true;
	}
	t->columns[best] = MSDOCS_ENDPOINT;
}

/* Headings of columns, not a sentence that holds a tab. */
static bool short_cells(const struct cells *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		unsigned words = 1;

		for (const char *p = c->v[i]; *p; p++)
			words += *p == ' ' && p[1] != ' ';
		if (words > HEADING_WORDS)
			return false;
	}
	return c->n > 1;
}

/* The line may be a row. A tab before a blank cell at its end may be missing. */
static bool has_cells(const char *line, char parting)
{
	return strchr(line, parting) || (parting == '\t' && import_table_name_like(line, strlen(line)));
}

bool msdocs_table_open(struct import *im, const char *head, const char *below)
{
	char parting = strchr(head, '|') ? '|' : '\t';
	struct msdocs_table t = { .open = true, .parting = parting };
	bool rule = msdocs_table_rule(below) && (parting == '|' || strchr(below, '\t'));
	struct cells c;

	if (!strchr(head, parting) || (!rule && !has_cells(below, parting)) || !split(im, &c, head, parting))
		return false;
	read_columns(im, &t, &c);
	/* Without a rule below, a line with bars or tabs is a heading only if it is beyond doubt. */
	if (!rule && (t.doubtful || !short_cells(&c)))
		return false;
	t.leading = c.leading;
	t.closing = c.closing;
	t.first = ((struct msdocs *)im->state)->n;
	*table_of(im) = t;
	return true;
}

/* "HTTPS" and "443" of two columns make "HTTPS 443". */
static const char *protocol_of(struct import *im, const struct cells *c)
{
	const struct msdocs_table *t = table_of(im);
	const char *all = "", *why;
	struct import_ports ports;

	for (unsigned i = 0; i < MIN(c->n, t->n); i++) {
		char *cell;

		if (t->columns[i] != MSDOCS_PROTOCOL && t->columns[i] != MSDOCS_PORT)
			continue;
		cell = import_markdown_plain(im, c->v[i], IMPORT_LINKS_TEXT);
		if (!cell)
			return "";
		for (char *p = cell; *p; p++)
			*p = *p == '\n' ? ',' : *p;
		cell = import_table_trim(cell);
		if (!import_ports_read(&ports, cell, &why) && !ports.n && strncasecmp(cell, "DNS", 3) != 0)
			continue;
		all = *all ? arena_printf(im->a, "%s %s", all, cell) : cell;
		if (!all) {
			im->starved = true;
			return "";
		}
	}
	return all;
}

static void read_row(struct import *im, const char *line, unsigned number)
{
	struct msdocs_table *t = table_of(im);
	const char *endpoint = NULL;
	struct cells c;

	if (!split(im, &c, line, t->parting))
		return;
	for (unsigned i = 0; i < MIN(c.n, t->n); i++) {
		char *text;

		if (t->columns[i] == MSDOCS_ENDPOINT)
			endpoint = c.v[i];
		if (t->columns[i] != MSDOCS_SERVICE)
			continue;
		text = import_markdown_plain(im, c.v[i], IMPORT_LINKS_TEXT);
		if (!text)
			return;
		text = import_markdown_unbold(import_table_trim(text));
		if (*text)
			t->service = text;
	}
	if (endpoint)
		msdocs_cell(im, endpoint, protocol_of(im, &c), number);
}

static void end_row(struct import *im)
{
	struct msdocs_table *t = table_of(im);
	char *row = t->row;

	t->row = NULL;
	if (row)
		read_row(im, row, t->line);
}

void msdocs_table_close(struct import *im)
{
	struct msdocs_table *t = table_of(im);

	if (!t->open)
		return;
	end_row(im);
	t->open = false;
	/* Below "Name" there are settings, files, accounts: only where most look like it are they endpoints. */
	if (t->doubtful && t->likely <= t->unlikely)
		((struct msdocs *)im->state)->n = t->first;
}

/* The row was broken in two, and the line is the rest of it. */
static bool is_rest(struct import *im, const char *line)
{
	struct msdocs_table *t = table_of(im);
	struct cells row, rest;

	if (!split(im, &row, t->row, t->parting) || !split(im, &rest, line, t->parting))
		return false;
	if (rest.leading || row.closing || row.n + rest.n - 1 > t->n || t->joined == MSDOCS_JOINED)
		return false;
	if (t->leading)
		return t->closing || strchr(line, t->parting);
	/* Without bars at their ends a short row is no broken one if the next begins with a name. */
	return strchr(line, t->parting) && !import_table_name_like(rest.v[0], strcspn(rest.v[0], " \t"));
}

static bool join(struct import *im, const char *line)
{
	struct msdocs_table *t = table_of(im);
	struct cells c;

	if (!t->row)
		return false;
	if (!is_rest(im, line)) {
		end_row(im);
		return false;
	}
	t->joined++;
	t->row = arena_printf(im->a, "%s %s", t->row, line);
	im->starved |= !t->row;
	if (t->row && split(im, &c, t->row, t->parting) && (c.n == t->n && (!t->closing || c.closing)))
		end_row(im);
	return true;
}

/* A row of the last table after it was closed: something stands in the middle of the table. */
static bool is_stray(struct import *im, const char *line)
{
	struct msdocs_table *t = table_of(im);
	struct cells c;

	if (!t->n || t->doubtful || !split(im, &c, line, t->parting))
		return false;
	if (c.n != t->n || c.leading != t->leading)
		return false;
	/* Without a bar at its beginning it may as well be a command with a pipe. */
	for (unsigned i = 0; i < c.n && !c.leading; i++)
		if (t->columns[i] == MSDOCS_ENDPOINT) {
			const char *cell = import_table_trim(c.v[i]);

			return import_table_name_like(cell, strcspn(cell, " \t<"));
		}
	return true;
}

bool msdocs_table_line(struct import *im, const char *line, unsigned number)
{
	struct msdocs_table *t = table_of(im);
	struct cells c;

	if (!t->open) {
		if (!strchr(line, '|') || !is_stray(im, line))
			return false;
		read_row(im, line, number);
		return true;
	}
	if (msdocs_table_rule(line) && strchr(line, '|'))
		return true;
	if (*line && join(im, line))
		return true;
	if (!has_cells(line, t->parting) || !split(im, &c, line, t->parting)) {
		msdocs_table_close(im);
		return false;
	}
	t->line = number;
	t->joined = 0;
	t->row = arena_text(im->a, line, strlen(line));
	im->starved |= !t->row;
	if (t->row && (c.closing || t->parting == '\t' || (c.n >= t->n && !t->closing)))
		end_row(im);
	return true;
}
