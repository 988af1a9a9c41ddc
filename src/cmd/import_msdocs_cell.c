/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "cmd/import_markdown.h"
#include "cmd/import_msdocs.h"
#include "cmd/import_ports.h"
#include "cmd/import_table.h"

#define PARTING " \t\n,;"
#define COLONS_MAX 8			/* of a sentence; each costs a look at all that follows */

/* Each word of the text has the look of a name, and there is one; "and" may stand between them. */
static bool all_names(const char *text)
{
	size_t names = 0;

	for (; *(text += strspn(text, PARTING)); text += strcspn(text, PARTING)) {
		size_t len = strcspn(text, PARTING);

		if (names && len == 3 && !strncasecmp(text, "and", 3))
			continue;
		if (!import_table_name_like(text, len))
			return false;
		names++;
	}
	return names;
}

/* Each word is one; the row says the rest. */
static void add_words(struct import *im, char *text, struct msdocs_row row)
{
	char *save = NULL;

	for (char *word = strtok_r(text, PARTING, &save); word; word = strtok_r(NULL, PARTING, &save)) {
		row.endpoint = word;
		if (strcasecmp(word, "and") != 0)
			msdocs_add(im, &row);
	}
}

/* Cuts "(port 443)" or "(for most tenants)" from the end, into the row. */
static void cut_remark(char *text, struct msdocs_row *row)
{
	size_t len = strlen(text);
	char *open = len && text[len - 1] == ')' ? strchr(text, '(') : NULL;
	struct import_ports ports;
	const char *why;

	if (!open || open == text)
		return;
	text[len - 1] = *open = '\0';
	row->remark = import_table_trim(open + 1);
	if (import_ports_read(&ports, row->remark, &why) || !ports.n)
		return;
	row->protocol = row->remark;
	row->remark = NULL;
}

static bool says_nothing(const char *text)
{
	static const char *const nothing[] = { "", "-", "n/a", "none", "\xe2\x80\x93", "\xe2\x80\x94" };

	for (size_t i = 0; i < ARRAY_SIZE(nothing); i++)
		if (!strcasecmp(text, nothing[i]))
			return true;
	return false;
}

/* Behind the mark of a list's item, or NULL. */
static char *item(char *text)
{
	if (!strncmp(text, "\xe2\x80\xa2", 3))
		return text + 3;
	if (strchr("-*+", *text) && (text[1] == ' ' || text[1] == '\t'))
		return text + 1;
	return NULL;
}

/* All of the text is names, or what stands behind a label and a colon: added, and true. */
static bool add_names(struct import *im, const char *text, struct msdocs_row row, bool label)
{
	char *name = arena_text(im->a, text, strlen(text)), *colon;

	if (!name) {
		im->starved = true;
		return false;
	}
	cut_remark(name, &row);
	colon = label ? strstr(name, ": ") : NULL;
	if (colon && all_names(colon + 1))
		name = colon + 1;
	else if (!all_names(name))
		return false;
	add_words(im, name, row);
	return true;
}

static void add_part(struct import *im, char *text, struct msdocs_row row)
{
	struct msdocs_table *t = &((struct msdocs *)im->state)->table;
	bool linked = import_markdown_unlink(text);

	text = import_table_trim(text);
	if (*text && item(text))
		text = item(text);
	text = import_markdown_unbold(import_table_trim(text));
	if (says_nothing(text))
		return;
	row.endpoint = text;
	if (add_names(im, text, row, true)) {
		t->likely++;
	} else if (!linked || strchr(text, '.')) {
		t->unlikely++;
		msdocs_add(im, &row);
	}
	/* Else the rest of a sentence whose link leads to another page. */
}

void msdocs_cell(struct import *im, const char *text, const char *protocol, unsigned line)
{
	struct msdocs_table *t = &((struct msdocs *)im->state)->table;
	char *rest = import_markdown_plain(im, text, IMPORT_LINKS_NAMES);

	while (rest)
		add_part(im, strsep(&rest, "\n"),
			 (struct msdocs_row){ .protocol = protocol, .service = t->service, .line = line });
}

bool msdocs_alone(struct import *im, const char *text, unsigned line)
{
	char *rest = import_markdown_plain(im, text, IMPORT_LINKS_NAMES);
	struct msdocs_row row = { .protocol = "", .line = line };
	bool any = false;

	while (rest) {
		char *part = strsep(&rest, "\n");

		if (!import_markdown_unlink(part))
			any |= add_names(im, import_markdown_unbold(import_table_trim(part)), row, false);
	}
	return any;
}

/* "Client to service: `*.example.com` (HTTPS)": what stands behind the colon, where it is marked as a name. */
static bool behind_colon(struct import *im, const char *text, unsigned line)
{
	unsigned tries = COLONS_MAX;

	for (const char *colon = strchr(text, ':'); colon && tries--; colon = strchr(colon + 1, ':'))
		if ((colon[1] == ' ' || colon[1] == '*') && strpbrk(colon, "`*") && msdocs_alone(im, colon + 1, line))
			return true;
	return false;
}

bool msdocs_quoted(struct import *im, const char *text, bool item, unsigned line)
{
	const char *open = text + strspn(text, IMPORT_BLANKS), *close = strchr(open + !!*open, '`');
	char *name;

	if (behind_colon(im, text, line))
		return true;
	if (!item || *open != '`' || !close)
		return false;
	name = arena_text(im->a, open + 1, (size_t)(close - open - 1));
	im->starved |= !name;
	return name && msdocs_alone(im, name, line);
}
