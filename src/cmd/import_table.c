/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import_table.h"

#include <netinet/in.h>
#include <string.h>

#include "base/util.h"
#include "cmd/import_ports.h"
#include "policy/suffix.h"

#define NBSP "\xc2\xa0"

/* An endpoint as printed, in its parts. */
struct printed {
	const char *name, *path;
	size_t len, path_len;
	unsigned port;			/* of ":443" or the scheme; 0: neither */
};

char *import_table_trim(char *text)
{
	size_t len;

	for (;;) {
		if (!strncmp(text, NBSP, 2))
			text += 2;
		else if (*text && strchr(IMPORT_BLANKS, *text))
			text++;
		else
			break;
	}
	len = strlen(text);
	for (;;) {
		if (len >= 2 && !memcmp(text + len - 2, NBSP, 2))
			len -= 2;
		else if (len && strchr(IMPORT_BLANKS, text[len - 1]))
			len--;
		else
			break;
	}
	text[len] = '\0';
	return text;
}

/* The port behind a name: the name's length without it, and the port. */
static size_t cut_port(const char *name, size_t len, unsigned *port)
{
	const char *colon = memrchr(name, ':', len);
	unsigned n = 0;

	if (!colon || colon + 1 == name + len)
		return len;
	for (const char *p = colon + 1; p < name + len; p++) {
		if (*p < '0' || *p > '9' || n > UINT16_MAX)
			return len;
		n = n * 10 + (unsigned)(*p - '0');
	}
	if (!n || n > UINT16_MAX)
		return len;
	*port = n;
	return (size_t)(colon - name);
}

static struct printed parts(const char *text, size_t len)
{
	static const struct {
		const char *text;
		unsigned port;
	} schemes[] = { { "http://", 80 }, { "https://", 443 }, { "http(s)://", 0 } };
	struct printed e = { .name = text, .len = len };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t n = strlen(schemes[i].text);

		if (len <= n || strncasecmp(text, schemes[i].text, n) != 0)
			continue;
		e.port = schemes[i].port;
		e.name += n;
		e.len -= n;
	}
	for (size_t i = 0; i < e.len; i++) {
		if (!strchr("/?", e.name[i] ? e.name[i] : ' '))
			continue;
		e.path = e.name + i;
		e.path_len = e.len - i;
		e.len = i;
		break;
	}
	e.len = cut_port(e.name, e.len, &e.port);
	if (e.len > 1 && e.name[e.len - 1] == '.')
		e.len--;
	return e;
}

/*
 * The last label is a top-level domain, or one that networks use for themselves. What ends in something
 * else was cut off ("evoke-windowsservices-tas.msedge").
 */
static bool has_top_level(const char *name, size_t len)
{
	static const char *const own[] = {
		"local", "localhost", "internal", "lan", "corp", "home", "intranet", "private", "test", "example",
		"invalid",
	};
	const char *dot = memrchr(name, '.', len);
	char label[64];
	size_t n = dot ? (size_t)(name + len - dot - 1) : 0;

	if (!n || n >= sizeof(label))
		return false;
	for (size_t i = 0; i < n; i++)
		label[i] = (char)name_lower((uint8_t)dot[1 + i]);
	label[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (!strcmp(label, own[i]))
			return true;
	return !strncmp(label, "xn--", 4) || suffix_top_level(label);
}

/* Why what was printed is no name, NULL where it is one; `why` for what is not constant. */
static const char *no_name(const struct printed *e, char *why, size_t whylen)
{
	struct pattern p;

	if (!e->len)
		return "no endpoint";
	for (size_t i = 0; i < e->len; i++) {
		if (strchr("()", e->name[i]))
			return "text in parentheses is no name";
		if (strchr("<>[]{}", e->name[i]))
			return "a placeholder: it must be written out";
	}
	if (strcspn(e->name, IMPORT_BLANKS) < strlen(e->name) || strstr(e->name, NBSP))
		return "several words: expected one name";
	if (!memchr(e->name, '.', e->len))
		return "a name without its top-level domain";
	if (pattern_parse(&p, e->name, e->len, why, whylen))
		return why;
	if (!has_top_level(e->name, e->len))
		return "a name without its top-level domain";
	return NULL;
}

/* Endings of files that are top-level domains too; and a program's name is written "Windows.Photos". */
static bool like_top_level(const char *name, size_t len)
{
	static const char *const files[] = { "app", "cab", "md", "mov", "pl", "ps", "py", "sh", "zip" };
	const char *dot = memrchr(name, '.', len);
	size_t n = dot ? (size_t)(name + len - dot - 1) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (strlen(files[i]) == n && !strncmp(files[i], dot + 1, n))
			return false;
	for (size_t i = 0; i < n; i++)
		if (dot[1 + i] >= 'A' && dot[1 + i] <= 'Z')
			return false;
	return has_top_level(name, len);
}

bool import_table_name_like(const char *text, size_t len)
{
	struct printed e = parts(text, len);
	const char *open, *close;
	size_t n = e.len;
	struct pattern p;

	/* Markup of another language: "http://schemas.example.com/x</Action>". */
	if (e.path && (memchr(e.path, '<', e.path_len) || memchr(e.path, '"', e.path_len)))
		return false;
	while (n && strchr("*.", e.name[n - 1]))
		n--;
	if (!n || !memchr(e.name, '.', n) || !like_top_level(e.name, n))
		return false;
	/* "<tenant>.example.com": what is behind the placeholder must be a name. */
	open = memchr(e.name, '<', n);
	close = open ? memchr(open, '>', (size_t)(e.name + n - open)) : NULL;
	if (open && (!close || close + 1 == e.name + n || close[1] != '.'))
		return false;
	if (close) {
		n -= (size_t)(close + 2 - e.name);
		e.name = close + 2;
	}
	return !pattern_parse(&p, e.name, n, NULL, 0);
}

/* What to say of a name whose printed form has more than DNS sees, and of how it is asked for; NULL: nothing. */
static const char *note_of(struct import *im, const struct printed *e, const char *protocol, const char *remark)
{
	const char *note = NULL;

	if (!strncasecmp(protocol, "DNS ", 4))
		note = arena_printf(im->a, "asked for as %s", protocol + 4);
	else if (e->path_len > 1 && memchr(e->name, '*', e->len))
		note = arena_printf(im->a, "path %.*s is not seen by DNS", (int)MIN(e->path_len, 100u), e->path);
	else
		return remark;
	if (note && remark)
		note = arena_printf(im->a, "%s, %s", note, remark);
	im->starved |= !note;
	return note;
}

/* Blanks and the back-ticks that mark text to be typed. */
static char *bare(char *text)
{
	size_t len;

	text = import_table_trim(text);
	len = strlen(text);
	if (len < 2 || *text != '`' || text[len - 1] != '`')
		return text;
	text[len - 1] = '\0';
	return import_table_trim(text + 1);
}

/* Why the row cannot be read, NULL where it can; `buf` of PATTERN_WHY for what is not constant. */
static const char *read_row(const char *text, const char *cell, struct printed *e, struct import_ports *ports, char *buf)
{
	char shown[PATTERN_SHOWN];
	const char *why, *why_ports;

	*e = parts(text, strlen(text));
	why = no_name(e, buf, PATTERN_WHY);
	if (import_ports_read(ports, cell, &why_ports)) {
		ports->n = 0;
		if (why)
			return why;
		snprintf(buf, PATTERN_WHY, "protocol %.200s: %s", pattern_shown(cell, strlen(cell), shown), why_ports);
		return buf;
	}
	/* Where the table says none, the URL may. */
	if (!ports->n && e->port) {
		ports->v[0] = (struct conf_port){ IPPROTO_TCP, (uint16_t)e->port };
		ports->n = 1;
	}
	return why;
}

void import_table_row(struct import *im, struct import_map *rows, const char *area, const char *endpoint,
		      const char *protocol, const char *remark)
{
	char *text = arena_text(im->a, endpoint, strlen(endpoint)), *cell = arena_text(im->a, protocol, strlen(protocol));
	struct import_ports ports = { .n = 0 };
	char buf[PATTERN_WHY];
	struct import_group *g;
	struct printed e = { 0 };
	const char *why;
	uintptr_t *row = import_map_at(im, rows, area);

	if (!text || !cell || !row) {
		im->starved = true;
		return;
	}
	++*row;
	text = bare(text);
	cell = import_table_trim(cell);
	why = read_row(text, cell, &e, &ports, buf);
	g = import_group(im, area, &ports);
	if (g && why)
		import_reject(im, g, text, strlen(text), (unsigned)*row, why);
	else if (g)
		import_keep(im, g, e.name, e.len, (unsigned)*row, note_of(im, &e, cell, remark));
}
