/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import_msdocs.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/import_markdown.h"
#include "cmd/import_table.h"

#define TITLE_MAX 90			/* bytes of a title in plain text */
#define TITLE_WORDS 12
#define NO_HEADING "no heading"

void msdocs_add(struct import *im, const struct msdocs_row *row)
{
	struct msdocs *m = im->state;

	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 256;
		struct msdocs_row *v = reallocarray(m->rows, cap, sizeof(*v));

		if (!v) {
			im->starved = true;
			return;
		}
		m->rows = v;
		m->cap = cap;
	}
	m->rows[m->n] = *row;
	m->rows[m->n].heading = m->heading;
	m->rows[m->n++].parent = m->parent;
}

static void set_heading(struct import *im, unsigned level, const char *raw)
{
	struct msdocs *m = im->state;
	char *text = import_markdown_plain(im, raw, IMPORT_LINKS_TEXT), *anchor;
	size_t len;

	if (!text)
		return;
	anchor = strstr(text, "{#");
	if (anchor)
		*anchor = '\0';
	for (char *p = text; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	text = import_table_trim(text);
	len = strlen(text);
	while (len && strchr("#: ", text[len - 1]))
		text[--len] = '\0';
	text = import_markdown_unbold(text);
	if (!*text)
		return;
	m->table.n = 0;
	m->heading = m->headings[level] = text;
	for (unsigned i = level + 1; i <= MSDOCS_LEVELS; i++)
		m->headings[i] = NULL;
	m->parent = NULL;
	for (unsigned i = level - 1; i > 1 && !m->parent; i--)
		m->parent = m->headings[i];
}

/* "## Text": its level, 0 for all else. Two and more are Markdown's; one may be a comment in a list to copy. */
static unsigned heading_level(struct msdocs *m, const char *text)
{
	size_t n = strspn(text, "#");

	if (!n || n >= MSDOCS_LEVELS || (text[n] != ' ' && text[n] != '\t'))
		return 0;
	m->markdown |= n > 1;
	return (unsigned)n;
}

/* Behind the mark of an item, in a list of points or numbers; NULL where there is none. */
static const char *item(const char *text)
{
	static const char *const points[] = { "\xe2\x80\xa2", "\xc2\xb7", "\xe2\x80\x93", "\xe2\x97\xa6", NULL };
	size_t n = strspn(text, "0123456789");

	for (size_t i = 0; points[i]; i++)
		if (!strncmp(text, points[i], strlen(points[i])))
			return text + strlen(points[i]);
	n = n ? (text[n] == '.' || text[n] == ')' ? n + 1 : 0) : strchr("-*+", *text) && *text;
	return n && (text[n] == ' ' || text[n] == '\t') ? text + n : NULL;
}

/* An item of a list that goes on in the next line: a parenthesis is still open. */
static bool open_item(const char *text)
{
	int depth = 0;

	if (!item(text))
		return false;
	for (; *text; text++)
		depth += (*text == '(') - (*text == ')');
	return depth > 0;
}

/* A line all in bold, perhaps with a colon. */
static bool bold(const char *text)
{
	size_t len = strlen(text);

	if (len && text[len - 1] == ':')
		len--;
	return len > 4 && !strncmp(text, "**", 2) && !memcmp(text + len - 2, "**", 2) &&
	       !memmem(text + 2, len - 4, "**", 2);
}

/* " -Port", as commands have it. */
static bool option(const char *text)
{
	for (text = strstr(text, " -"); text; text = strstr(text + 1, " -"))
		if (text[2] && text[2] != ' ')
			return true;
	return false;
}

/*
 * In a page saved as plain text headings are lines like all others. A title is short, begins with a capital or a
 * digit, has no sign that ends or parts a sentence, and is no command: no options, quotes, paths,
 * assignments. One wrong in a hundred does no harm: it only names an area.
 */
static bool title(const char *text)
{
	size_t len = strlen(text);
	unsigned words = 1;

	if (len > TITLE_MAX || strpbrk(text, "\\\"=<>|`\t") || option(text) || strchr(".,:;?!", text[len - 1]))
		return false;
	if (!(*text >= 'A' && *text <= 'Z') && !(*text >= '0' && *text <= '9') && (unsigned char)*text < 0x80)
		return false;
	for (const char *p = text; *p; p++) {
		words += *p == ' ';
		if (strchr(".?!", *p) && p[1] == ' ')
			return false;
	}
	return words <= TITLE_WORDS;
}

/* A line that is no table's. */
static void other_line(struct import *im, char *text, unsigned number)
{
	struct msdocs *m = im->state;
	unsigned level;

	text = import_table_trim(text);
	if (!*text || !strncmp(text, "```", 3) || !strncmp(text, "~~~", 3))
		return;
	level = heading_level(m, text);
	if (level)
		set_heading(im, level, text + level);
	else if (item(text))
		(void)(msdocs_alone(im, item(text), number) || msdocs_quoted(im, item(text), true, number));
	else if (msdocs_table_line(im, text, number) || msdocs_alone(im, text, number) ||
		 msdocs_quoted(im, text, false, number))
		return;
	else if (bold(text))
		set_heading(im, MSDOCS_LEVELS, text);
	else if (!m->markdown && title(text))
		set_heading(im, 1, text);
}

/* The line below a heading that is all dashes or all equal signs. */
static bool underline(const char *text)
{
	size_t len = strlen(text);

	return len > 2 && (strspn(text, "=") == len || strspn(text, "-") == len);
}

static void release(struct import *im, const char *next)
{
	struct msdocs *m = im->state;
	char *held = m->held;

	m->held = NULL;
	if (!held)
		return;
	held = import_table_trim(held);
	if (next && *held && underline(next) && title(held) && !msdocs_alone(im, held, m->held_line))
		set_heading(im, *next == '=' ? 1 : 2, held);
	else
		other_line(im, held, m->held_line);
}

/* Takes away what is no text: the block of settings at the top, comments. False where nothing is left. */
static bool is_text(struct import *im, char *line)
{
	struct msdocs *m = im->state;
	char *end, *begin;

	if (!m->begun && !strcmp(line, "---")) {
		m->matter = im->line;
		m->markdown = true;
	} else if (m->matter && (!strcmp(line, "---") || !strcmp(line, "..."))) {
		m->matter = 0;
		m->begun = true;
		return false;
	}
	m->begun = true;
	if (m->matter)
		return false;
	if (m->comment) {
		end = strstr(line, "-->");
		if (!end)
			return false;
		m->comment = 0;
		memmove(line, end + 3, strlen(end + 3) + 1);
	}
	for (begin = line; (begin = strstr(begin, "<!--")); begin = end + 3) {
		end = strstr(begin, "-->");
		if (end)
			continue;
		m->comment = im->line;
		*begin = '\0';
		break;
	}
	return true;
}

static void msdocs_line(struct import *im, char *line)
{
	struct msdocs *m = im->state;
	char *text;

	if (!m)
		m = im->state = arena_alloc(im->a, sizeof(*m));
	im->starved |= !m;
	text = import_table_trim(line);
	if (im->starved || !is_text(im, text))
		return;
	/* Notes are quoted, and tables may stand in them. */
	while (*text == '>')
		text = import_table_trim(text + 1);
	if (m->table.open && msdocs_table_line(im, text, im->line))
		return;
	if (m->held && !item(m->held) && msdocs_table_open(im, m->held, text)) {
		m->held = NULL;
		if (!msdocs_table_rule(text))
			msdocs_table_line(im, text, im->line);
		return;
	}
	if (m->held && *text && open_item(m->held) && !item(text) && m->held_joined < MSDOCS_JOINED) {
		m->held_joined++;
		m->held = arena_printf(im->a, "%s %s", m->held, text);
		im->starved |= !m->held;
		return;
	}
	release(im, text);
	m->held = arena_text(im->a, text, strlen(text));
	m->held_line = im->line;
	m->held_joined = 0;
	im->starved |= !m->held;
}

/* In `seen`: under which text a key stands, or, once there were two, SEVERAL. */
#define SEVERAL ((uintptr_t)1)

static bool note(struct import *im, struct import_map *seen, const char *key, const char *under)
{
	uintptr_t *value = import_map_at(im, seen, key);

	under = under ? under : "";
	if (!value)
		return false;
	if (!*value)
		*value = (uintptr_t)under;
	else if (*value != SEVERAL && strcmp((const char *)*value, under) != 0)
		*value = SEVERAL;
	return *value == SEVERAL;
}

static const char *joined(struct import *im, const char *above, const char *text)
{
	const char *all = above ? arena_printf(im->a, "%s / %s", above, text) : text;

	im->starved |= !all;
	return all;
}

/*
 * The area of an endpoint is its service where the table has a column for that, else the heading above. Where
 * one service stands under several headings, as with a table for each edition, or one heading under
 * several others, what is above goes before it.
 */
static void make_rows(struct import *im)
{
	struct msdocs *m = im->state;
	struct import_map services = { 0 }, headings = { 0 }, counts = { 0 };
	bool editions = false;

	for (size_t i = 0; i < m->n; i++) {
		const struct msdocs_row *r = &m->rows[i];

		if (r->service)
			editions |= note(im, &services, r->service, r->heading);
		else if (r->heading)
			note(im, &headings, r->heading, r->parent);
	}
	for (size_t i = 0; i < m->n && !im->starved; i++) {
		const struct msdocs_row *r = &m->rows[i];
		const char *area = r->heading ? r->heading : NO_HEADING;

		if (r->service)
			area = editions ? joined(im, r->heading, r->service) : r->service;
		else if (r->heading && import_map_get(&headings, r->heading) == SEVERAL)
			area = joined(im, r->parent, r->heading);
		im->line = r->line;
		if (area)
			import_table_row(im, &counts, area, r->endpoint, r->protocol, r->remark);
	}
}

static void msdocs_end(struct import *im)
{
	struct msdocs *m = im->state;

	if (!m)
		return;
	msdocs_table_close(im);
	release(im, NULL);
	/* What hides the rest of a page must not do so in silence. */
	if (m->matter || m->comment) {
		im->line = m->matter ? m->matter : m->comment;
		import_complain(im, m->matter ? "---" : "<!--", m->matter ? 3 : 4, "never ends: what follows was not read");
	}
	make_rows(im);
	free(m->rows);
}

const struct import_format import_msdocs = {
	.name = "msdocs", .what = "a page of Microsoft's documentation", .line = msdocs_line, .end = msdocs_end,
};
