/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/jin.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* A second key of one name would hide the first. */
#define FLAGS (JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY)
#define BLANKS " \t\r\n"

struct jin_list {
	char *text;
	size_t len, at;
	size_t first, behind;		/* the element's bytes */
	size_t counted;			/* up to where newlines are in `line` */
	unsigned line, failed;		/* failed: 0, or the line that cannot be read */
	bool begun, ended;
	json_t *element;
	char why[JSON_ERROR_TEXT_LENGTH];
};

static const json_t *value(const struct jin *v)
{
	return (const json_t *)v;
}

int jin_open(struct jin_list **out, FILE *in, size_t limit)
{
	struct jin_list *l = calloc(1, sizeof(*l));
	size_t cap = 0, n;
	char *grown;

	limit = MIN(limit, INT_MAX);
	for (; l; l->len += n) {
		if (l->len == cap) {
			cap = cap ? cap * 2 : 65536;
			grown = realloc(l->text, cap);
			if (!grown)
				break;
			l->text = grown;
		}
		errno = 0;
		n = fread(l->text + l->len, 1, cap - l->len, in);
		if (n && l->len + n <= limit)
			continue;
		if (!n && !ferror(in)) {
			*out = l;
			return 0;
		}
		jin_close(l);
		return n ? -EFBIG : errno ? -errno : -EIO;
	}
	jin_close(l);
	return -ENOMEM;
}

void jin_close(struct jin_list *l)
{
	if (!l)
		return;
	json_decref(l->element);
	free(l->text);
	free(l);
}

static unsigned newlines(const struct jin_list *l, size_t from, size_t to)
{
	unsigned n = 0;

	while (from < to)
		n += l->text[from++] == '\n';
	return n;
}

/* The next byte that is no blank, or '\0' at the end (and for a NUL, which is as wrong anywhere). */
static char peek(struct jin_list *l)
{
	while (l->at < l->len && l->text[l->at] && strchr(BLANKS, l->text[l->at]))
		l->at++;
	return l->at < l->len ? l->text[l->at] : '\0';
}

/* Text of jansson holds pieces of the file: cut there, and anything but plain text taken out. */
static int fail(struct jin_list *l, const char *why, unsigned line)
{
	const char *near = strstr(why, " near ");
	size_t n = MIN(near ? (size_t)(near - why) : strlen(why), sizeof(l->why) - 1);

	for (size_t i = 0; i < n; i++)
		l->why[i] = why[i] >= ' ' && why[i] < 0x7f ? why[i] : '?';
	l->why[n] = '\0';
	l->failed = line;
	return -EBADMSG;
}

static int fail_here(struct jin_list *l, const char *why)
{
	return fail(l, why, 1 + newlines(l, 0, l->at));
}

/* Behind '[' or an element: 1 where another one follows, 0 behind the list's end. */
static int more(struct jin_list *l)
{
	static const char mark[] = "\xef\xbb\xbf";
	bool first = !l->begun;
	char c;

	if (first) {
		if (l->len >= 3 && !memcmp(l->text, mark, 3))
			l->at = 3;
		if (peek(l) != '[')
			return fail_here(l, "expected a list, which begins with '['");
		l->at++;
		l->begun = true;
	}
	c = peek(l);
	if (c == ']') {
		l->at++;
		l->ended = true;
		peek(l);
		return l->at < l->len ? fail_here(l, "more text behind the list's ']'") : 0;
	}
	if (first)
		return 1;
	if (c != ',')
		return fail_here(l, l->at < l->len ? "expected ',' or ']' behind an element" : "the list has no end");
	l->at++;
	return 1;
}

int jin_next(struct jin_list *l, const struct jin **v)
{
	json_error_t error;
	int err;

	json_decref(l->element);
	l->element = NULL;
	if (l->ended || l->failed)
		return l->failed ? -EBADMSG : 0;
	err = more(l);
	if (err <= 0)
		return err;
	if (!peek(l) && l->at == l->len)
		return fail_here(l, "the list has no end");
	l->line += newlines(l, l->counted, l->at);
	l->first = l->counted = l->at;
	l->element = json_loadb(l->text + l->at, l->len - l->at, FLAGS, &error);
	if (!l->element && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (!l->element)
		return fail(l, error.text, jin_line(l) + (error.line > 1 ? (unsigned)error.line - 1 : 0));
	l->at += (size_t)error.position;
	l->behind = l->at;
	*v = (const struct jin *)l->element;
	return 1;
}

unsigned jin_line(const struct jin_list *l)
{
	return l->failed ? l->failed : 1 + l->line;
}

unsigned jin_line_of(const struct jin_list *l, const char *text)
{
	const char *p = l->text + l->first, *end = l->text + l->behind;
	size_t len = strlen(text);

	while (l->element && p < end && (p = memmem(p, (size_t)(end - p), text, len))) {
		if (p[-1] == '"' && p + len < end && p[len] == '"')
			return jin_line(l) + newlines(l, l->first, (size_t)(p - l->text));
		p++;
	}
	return jin_line(l);
}

const char *jin_why(const struct jin_list *l)
{
	return l->why;
}

const struct jin *jin_get(const struct jin *object, const char *key)
{
	const json_t *v = json_object_get(value(object), key);

	return json_is_null(v) ? NULL : (const struct jin *)v;
}

const char *jin_text(const struct jin *v)
{
	return json_string_value(value(v));
}

bool jin_number(const struct jin *v, int64_t *n)
{
	*n = json_integer_value(value(v));
	return json_is_integer(value(v));
}

bool jin_bool(const struct jin *v, bool *b)
{
	*b = json_is_true(value(v));
	return json_is_boolean(value(v));
}

bool jin_is_object(const struct jin *v)
{
	return json_is_object(value(v));
}

bool jin_is_list(const struct jin *v)
{
	return json_is_array(value(v));
}

size_t jin_count(const struct jin *list)
{
	return json_array_size(value(list));
}

const struct jin *jin_at(const struct jin *list, size_t i)
{
	return (const struct jin *)json_array_get(value(list), i);
}
