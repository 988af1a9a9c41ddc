/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cmd/import_map.h"
#include "conf/catfile.h"

/* Bounds of one line, so that whatever is read, the catalogue's own reader takes it. */
#define VALUE_MAX 200			/* characters of a heading */
#define ROWS_MAX 100			/* row numbers of one entry */
#define NOTES_MAX 3
#define SLUG_MAX 40
#define PORT_TEXT 16

/* Adds a text; false where it was there already (or memory is short). */
static bool add(struct import *im, struct import_map *set, const char *text)
{
	uintptr_t *value = import_map_at(im, set, text);

	return value && !(*value)++;
}

/* Characters that a value or an inline comment takes as they stand: one line, and no ';'. */
static void put_plain(FILE *out, const char *text)
{
	size_t n = 0;

	for (; *text && n < VALUE_MAX; text++, n++)
		fputc(*text >= ' ' && *text < 0x7f && *text != ';' ? *text : '_', out);
	if (*text)
		fputs("...", out);
}

static const char *shown_name(const struct import *im)
{
	const char *slash = strrchr(im->file, '/');

	return !strcmp(im->file, "-") ? "standard input" : slash ? slash + 1 : im->file;
}

static void put_ports(FILE *out, const struct import_ports *p)
{
	char text[PORT_TEXT];

	for (unsigned i = 0; i < p->n; i++)
		fprintf(out, " %s", conf_port_text(&p->v[i], text));
}

/* "http", "https", "http-https", else every port: what tells one group of an area from the others. */
static void ports_name(char *buf, size_t cap, const struct import_ports *p)
{
	char text[PORT_TEXT];
	size_t n = 0;

	if (p->v[0].proto == IPPROTO_TCP && p->v[0].port == 80 && p->n == 1)
		snprintf(buf, cap, "-http");
	else if (p->v[0].proto == IPPROTO_TCP && p->v[0].port == 443 && p->n == 1)
		snprintf(buf, cap, "-https");
	else if (p->n == 2 && p->v[1].proto == IPPROTO_TCP && p->v[0].port == 80 && p->v[1].port == 443)
		snprintf(buf, cap, "-http-https");
	else for (unsigned i = 0; i < p->n && n < cap; i++) {
		conf_port_text(&p->v[i], text);
		n += (size_t)snprintf(buf + n, cap - n, "-%.3s-%s", text, text + 4);
	}
}

/* Letters and digits of a heading, and one '-' for whatever is between. */
static size_t slug(char *buf, const char *area)
{
	size_t n = 0;

	for (; *area && n < SLUG_MAX; area++) {
		char c = (char)name_lower((uint8_t)*area);

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			buf[n++] = c;
		else if (n && buf[n - 1] != '-')
			buf[n++] = '-';
	}
	/* Cut between words. */
	if (*area)
		for (size_t cut = n; cut; cut--)
			if (buf[cut - 1] == '-') {
				n = cut;
				break;
			}
	while (n && buf[n - 1] == '-')
		n--;
	buf[n] = '\0';
	return n;
}

/* A section's name that no other group has; NULL without memory. */
static const char *group_name(struct import *im, const struct import_group *g, const struct import_map *several,
			      struct import_map *taken)
{
	char buf[CATFILE_NAME_MAX + 1], name[CATFILE_NAME_MAX + 1], tail[16] = "";
	const char *kept;
	uintptr_t *uses;
	size_t n;

	n = *g->area ? slug(buf, g->area) : (size_t)snprintf(buf, sizeof(buf), "names");
	if (!n)
		n = (size_t)snprintf(buf, sizeof(buf), "group");
	if (import_map_get(several, g->area))
		ports_name(buf + n, sizeof(buf) - n, &g->ports);
	snprintf(name, sizeof(name), "%s", buf);
	/* How often a name was wanted is counted, so that a thousand headings with one name do not try a thousand each. */
	while ((uses = import_map_at(im, taken, buf)) && ++*uses > 1) {
		snprintf(tail, sizeof(tail), "-%u", (unsigned)*uses);
		snprintf(name, sizeof(name), "%.*s%s", (int)(sizeof(name) - 1 - strlen(tail)), buf, tail);
		uses = import_map_at(im, taken, name);
		if (!uses || !(*uses)++)
			break;
	}
	kept = uses ? arena_text(im->a, name, strlen(name)) : NULL;
	im->starved |= !kept;
	return kept;
}

static int by_text(const void *a, const void *b)
{
	const struct import_entry *x = *(struct import_entry *const *)a, *y = *(struct import_entry *const *)b;
	int c = strcmp(x->text, y->text);

	return c ? c : x < y ? -1 : x > y;
}

/* The patterns that were read, by their text, each one's rows in their order. Freed by the caller; NULL: starved. */
static struct import_entry **sorted(struct import *im, const struct import_group *g, size_t *n)
{
	struct import_entry **v = reallocarray(NULL, g->n + 1, sizeof(struct import_entry *));

	*n = 0;
	if (!v) {
		im->starved = true;
		return NULL;
	}
	for (size_t i = 0; i < g->n; i++)
		if (g->entries[i].read)
			v[(*n)++] = &g->entries[i];
	qsort(v, *n, sizeof(struct import_entry *), by_text);
	return v;
}

/* The comment of a pattern: its rows, then its notes. `next` are the links from row to row, `e` is the first. */
static void put_rows(FILE *out, const struct import_group *g, const size_t *next, size_t e, int pad)
{
	const char *before = " ", *note = NULL;
	unsigned rows = 0, notes = 0;

	for (size_t i = e; i != SIZE_MAX; i = next[i])
		rows += !!g->entries[i].row;
	fprintf(out, "%*s ;", pad, "");
	if (rows) {
		unsigned k = 0;

		fprintf(out, rows > 1 ? " rows" : " row");
		for (size_t i = e; i != SIZE_MAX && k < ROWS_MAX; i = next[i])
			if (g->entries[i].row && ++k)
				fprintf(out, " %u", g->entries[i].row);
		if (rows > k)
			fprintf(out, " and %u more", rows - k);
		before = ", ";
	}
	for (size_t i = e; i != SIZE_MAX && notes < NOTES_MAX; i = next[i]) {
		if (!g->entries[i].note || (note && !strcmp(note, g->entries[i].note)))
			continue;
		note = g->entries[i].note;
		fputs(before, out);
		put_plain(out, note);
		before = ", ";
		notes++;
	}
}

static bool has_comment(const struct import_group *g, const size_t *next, size_t e)
{
	for (; e != SIZE_MAX; e = next[e])
		if (g->entries[e].row || g->entries[e].note)
			return true;
	return false;
}

/* In the order of the table. */
static void put_table(struct import *im, const struct import_group *g, struct import_entry **v, size_t n, FILE *out)
{
	size_t *next = reallocarray(NULL, g->n, sizeof(*next)), width = 0;
	bool *later = calloc(g->n, sizeof(*later));
	const char *key = "allow   = ";

	if (!next || !later) {
		im->starved = true;
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		bool same = i + 1 < n && !strcmp(v[i]->text, v[i + 1]->text);

		next[v[i] - g->entries] = same ? (size_t)(v[i + 1] - g->entries) : SIZE_MAX;
		if (same)
			later[v[i + 1] - g->entries] = true;
		width = MAX(width, strlen(v[i]->text));
	}
	for (size_t i = 0; i < g->n; i++) {
		const struct import_entry *e = &g->entries[i];

		if (!e->read || later[i])
			continue;
		fprintf(out, "%s%s", key, e->text);
		key = "          ";
		if (has_comment(g, next, i))
			put_rows(out, g, next, i, (int)(width - strlen(e->text)));
		fputc('\n', out);
	}
out:
	free(next);
	free(later);
}

static void put_list(struct import_entry **v, size_t n, FILE *out)
{
	const char *key = "allow   = ";

	for (size_t i = 0; i < n; i++) {
		if (i && !strcmp(v[i]->text, v[i - 1]->text))
			continue;
		fprintf(out, "%s%s\n", key, v[i]->text);
		key = "          ";
	}
}

static void put_rejected(const struct import_group *g, FILE *out)
{
	char text[PATTERN_SHOWN];

	for (size_t i = 0; i < g->n; i++) {
		const struct import_entry *e = &g->entries[i];

		if (e->read)
			continue;
		fputs("# ", out);
		if (e->row)
			fprintf(out, "row %u ", e->row);
		fprintf(out, "not read: %s: ", pattern_shown(e->text, strlen(e->text), text));
		put_plain(out, e->note);
		fputc('\n', out);
	}
}

static void put_group(struct import *im, const struct import_format *f, const struct import_group *g,
		      const char *name, FILE *out)
{
	const char *file = shown_name(im), *dot = strrchr(file, '.'), *off;
	struct import_entry **v;
	size_t n;

	v = sorted(im, g, &n);
	if (!v)
		return;
	/* A section without a pattern is an error of its catalogue, but what it would be must be seen. */
	off = n ? "" : "# ";
	fprintf(out, "\n%s[%s]\n", off, name);
	fprintf(out, "%spurpose = ", off);
	if (*g->area)
		put_plain(out, g->area);
	else
		fprintf(out, "what was read from %s", f->what);
	if (*g->area) {
		char base[NAME_MAX + 1];

		snprintf(base, sizeof(base), "%.*s", dot && dot > file ? (int)(dot - file) : (int)strlen(file), file);
		fprintf(out, "\n%ssource  = ", off);
		put_plain(out, base);
		fputs(", ", out);
		put_plain(out, g->area);
	}
	fprintf(out, "\n%sports   =", off);
	put_ports(out, &g->ports);
	fputc('\n', out);
	if (*g->area)
		put_table(im, g, v, n, out);
	else
		put_list(v, n, out);
	put_rejected(g, out);
	free(v);
}

void import_write(struct import *im, const struct import_format *f, FILE *out)
{
	struct import_map areas = { 0 }, several = { 0 }, taken = { 0 };

	fprintf(out, "[catalog]\ntitle   = Names of ");
	put_plain(out, shown_name(im));
	fprintf(out, "\nsource  = ");
	put_plain(out, shown_name(im));
	fputc('\n', out);
	add(im, &taken, "catalog");
	for (size_t i = 0; i < im->n_groups; i++)
		if (im->groups[i].n && !add(im, &areas, im->groups[i].area))
			add(im, &several, im->groups[i].area);
	for (size_t i = 0; i < im->n_groups && !im->starved; i++) {
		const char *name;

		if (!im->groups[i].n)
			continue;
		name = group_name(im, &im->groups[i], &several, &taken);
		if (name)
			put_group(im, f, &im->groups[i], name, out);
	}
}
