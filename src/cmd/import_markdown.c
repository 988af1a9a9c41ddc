/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import_markdown.h"

#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "cmd/import_table.h"

/* How far the end of a link or a tag is looked for, so that the whole is read in linear time. */
#define LINK_MAX 4096
#define TAG_MAX 512

struct plain {
	enum import_links links;
	char *out;
};

static void convert(struct plain *p, const char *s, const char *end);

static bool punctuation(char c)
{
	return c > ' ' && c < 0x7f && !(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool word(char c)
{
	return (unsigned char)c > ' ' && !punctuation(c);
}

/* Length of a tag's name. */
static size_t tag_name(const char *s, const char **name)
{
	size_t n = 0;

	s += 1 + (s[1] == '/');
	*name = s;
	while ((s[n] | 32) >= 'a' && (s[n] | 32) <= 'z')
		n++;
	while (n && s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

static bool one_of(const char *const *list, const char *name, size_t len)
{
	for (; *list; list++)
		if (strlen(*list) == len && !strncasecmp(*list, name, len))
			return true;
	return false;
}

/* Just behind the character, at most `max` away; NULL where it is not there. */
static const char *behind(const char *s, const char *end, char c, size_t max)
{
	const char *at = memchr(s, c, MIN((size_t)(end - s), max));

	return at ? at + 1 : NULL;
}

/* What begins with '<': where to go on, NULL where it is but a character. */
static const char *angle(struct plain *p, const char *s, const char *end)
{
	static const char *const parting[] = {
		"br", "dd", "div", "dl", "dt", "li", "ol", "p", "table", "tbody", "td", "th", "thead", "tr", "ul",
		NULL,
	};
	static const char *const plain[] = {
		"a", "abbr", "b", "code", "del", "em", "font", "i", "ins", "kbd", "mark", "nobr", "s", "samp", "small",
		"span", "strong", "sub", "sup", "tt", "u", "wbr", NULL,
	};
	const char *name, *close;
	size_t len;

	if (!strncmp(s, "<!--", 4)) {
		close = memmem(s, (size_t)(end - s), "-->", 3);
		return close ? close + 3 : end;
	}
	close = behind(s, end, '>', TAG_MAX);
	if (!close)
		return NULL;
	if (!strncasecmp(s, "<http", 5)) {
		convert(p, s + 1, close - 1);
		return close;
	}
	len = tag_name(s, &name);
	if (!len || !strchr(" \t/>", name[len]))
		return NULL;
	if (one_of(parting, name, len))
		*p->out++ = '\n';
	else if (!one_of(plain, name, len))
		return NULL;
	return close;
}

/* Bold text in the midst of a word: "**de**.example.com". A star that is a star has no letter behind it. */
static const char *bold(struct plain *p, const char *s, const char *end)
{
	const char *close = word(s[2]) ? memmem(s + 2, MIN((size_t)(end - s - 2), (size_t)LINK_MAX), "**", 2) : NULL;

	if (!close || !word(close[-1]))
		return NULL;
	convert(p, s + 2, close);
	return close + 2;
}

/* Behind the ')' that matches the '(' at s. */
static const char *target_end(const char *s, const char *end)
{
	unsigned depth = 0;

	for (size_t n = 0; s < end && n < LINK_MAX; s++, n++) {
		if (*s == '(')
			depth++;
		else if (*s == ')' && !--depth)
			return s + 1;
	}
	return NULL;
}

/* What begins with '[' (or an image's "!["): where to go on, NULL where it is no link. */
static const char *link(struct plain *p, const char *s, const char *end, bool image)
{
	char *before = p->out, *text;
	const char *close = ++s, *next;

	while (close < end && *close != ']' && *close != '[' && (size_t)(close - s) < LINK_MAX)
		close++;
	if (close == end || *close != ']')
		return NULL;
	if (close[1] == '(')
		next = target_end(close + 1, end);
	else
		next = close[1] == '[' ? behind(close + 1, end, ']', LINK_MAX) : NULL;
	if (!next)
		return NULL;
	if (image)
		return next;
	convert(p, s, close);
	*p->out = '\0';
	text = import_table_trim(before);
	if (p->links == IMPORT_LINKS_NAMES && !import_table_name_like(text, strlen(text))) {
		p->out = before;
		*p->out++ = IMPORT_LINK;
	}
	return next;
}

static const char *entity(struct plain *p, const char *s)
{
	static const struct {
		const char *text, *is;
	} entities[] = {
		{ "&lt;", "<" }, { "&gt;", ">" }, { "&amp;", "&" }, { "&nbsp;", " " }, { "&quot;", "\"" },
		{ "&#42;", "*" }, { "&#x2a;", "*" }, { "&ast;", "*" }, { "&#8203;", "" }, { "&#124;", "|" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(entities); i++) {
		size_t len = strlen(entities[i].text);

		if (strncasecmp(s, entities[i].text, len) != 0)
			continue;
		p->out = stpcpy(p->out, entities[i].is);
		return s + len;
	}
	return NULL;
}

/* Nothing comes out longer than it went in. */
static void convert(struct plain *p, const char *s, const char *end)
{
	while (s < end) {
		const char *next = NULL;

		if (*s == '\\' && s + 1 < end && punctuation(s[1])) {
			*p->out++ = s[1];
			next = s + 2;
		} else if (*s == '`') {
			next = s + 1;
		} else if (*s == '<') {
			next = angle(p, s, end);
		} else if (*s == '[') {
			next = link(p, s, end, false);
		} else if (*s == '!' && s + 1 < end && s[1] == '[') {
			next = link(p, s + 1, end, true);
		} else if (*s == '*' && s + 2 < end && s[1] == '*') {
			next = bold(p, s, end);
		} else if (*s == '&') {
			next = entity(p, s);
		}
		if (!next) {
			*p->out++ = *s == IMPORT_LINK ? ' ' : *s;
			next = s + 1;
		}
		s = next;
	}
}

char *import_markdown_plain(struct import *im, const char *text, enum import_links links)
{
	struct plain p = { .links = links };
	size_t len = strlen(text);
	char *out = arena_text(im->a, text, len);

	if (!out) {
		im->starved = true;
		return NULL;
	}
	p.out = out;
	convert(&p, text, text + len);
	*p.out = '\0';
	return out;
}

bool import_markdown_unlink(char *text)
{
	char *out = text;

	for (const char *s = text; *s; s++)
		if (*s != IMPORT_LINK)
			*out++ = *s;
	if (!*out)
		return false;
	*out = '\0';
	return true;
}

char *import_markdown_unbold(char *text)
{
	size_t len = strlen(text);

	while (len > 4 && (!strncmp(text, "**", 2) || !strncmp(text, "__", 2)) && !memcmp(text, text + len - 2, 2)) {
		text[len - 2] = '\0';
		text += 2;
		len -= 4;
	}
	return text;
}
