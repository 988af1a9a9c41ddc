/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <strings.h>

#include "cmd/import_markdown.h"
#include "cmd/import_table.h"

/* Columns: area, endpoint, protocol or ports, and whatever else. */
#define COLUMNS 3

/* Tables made from documents may hold their markup still. */
static void row(struct import *im, const char *area, const char *endpoint, const char *protocol)
{
	char *plain = import_markdown_plain(im, endpoint, IMPORT_LINKS_NAMES);

	if (plain)
		import_table_row(im, im->state, area, import_markdown_unlink(plain) ? endpoint : plain, protocol,
				 NULL);
}

static void tsv_line(struct import *im, char *line)
{
	char *cell[COLUMNS] = { NULL }, *rest = line;
	size_t n = 0;

	if (!im->state)
		im->state = arena_alloc(im->a, sizeof(struct import_map));
	im->starved |= !im->state;
	if (im->starved || *line == '#')
		return;
	while (n < COLUMNS && rest)
		cell[n++] = import_table_trim(strsep(&rest, "\t"));
	if (n == 1 && !*cell[0])
		return;
	if (n == 1)
		import_complain(im, cell[0], strlen(cell[0]), "one column: expected area, endpoint and protocol, with tabs between");
	else if (!strcasecmp(cell[1], "endpoint"))
		return;
	else if (!*cell[1])
		import_complain(im, cell[0], strlen(cell[0]), "a row without an endpoint");
	else
		row(im, *cell[0] ? cell[0] : "no area", cell[1], n > 2 ? cell[2] : "");
}

const struct import_format import_tsv = {
	.name = "tsv", .what = "a table", .line = tsv_line,
};
