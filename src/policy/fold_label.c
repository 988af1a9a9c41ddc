/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/fold_label.h"

#include <string.h>

#include "policy/fold.h"

#define UUID_LEN 36
#define HEX_SHORT 4			/* a number in hexadecimal: 3, 1d, 4f02 */
#define HEX_RANDOM 8
#define MIXED_RANDOM 20			/* with letters and digits both */
#define LETTERS_RANDOM 25
#define TURNS_RANDOM 3			/* from letters to digits or back */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool hex(char c)
{
	return digit(c) || (c >= 'a' && c <= 'f');
}

static size_t count(const char *s, size_t len, bool (*is)(char c))
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += is(s[i]);
	return n;
}

static bool uuid(const char *s, size_t len)
{
	if (len != UUID_LEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !hex(s[i]))
			return false;
	}
	return true;
}

static bool random_token(const char *s, size_t len)
{
	size_t digits = count(s, len, digit), turns = 0;

	for (size_t i = 1; i < len; i++)
		turns += digit(s[i]) != digit(s[i - 1]);
	if (!digits)
		return len >= LETTERS_RANDOM;
	if (digits == len)
		return false;
	return turns >= TURNS_RANDOM || len >= MIXED_RANDOM || (len >= HEX_RANDOM && count(s, len, hex) == len);
}

static void add(struct part *parts, unsigned *n, const char *s, size_t len, enum part_kind kind)
{
	parts[(*n)++] = (struct part){ s, (unsigned)len, kind };
}

/* What stands between dashes. */
static void split_token(struct part *parts, unsigned *n, const char *s, size_t len)
{
	size_t end;

	if (random_token(s, len)) {
		add(parts, n, s, len, PART_RANDOM);
		return;
	}
	for (; len; s += end, len -= end) {
		for (end = 1; end < len && digit(s[end]) == digit(s[0]); end++)
			continue;
		add(parts, n, s, end, digit(s[0]) ? PART_NUMBER : PART_WORD);
	}
}

unsigned fold_parts(struct part *parts, const char *label, size_t len)
{
	unsigned n = 0;
	size_t end;

	if (uuid(label, len)) {
		add(parts, &n, label, len, PART_RANDOM);
		return n;
	}
	if (len && len <= HEX_SHORT && digit(label[0]) && count(label, len, hex) == len) {
		add(parts, &n, label, len, PART_NUMBER);
		return n;
	}
	for (size_t at = 0; at < len; at = end) {
		end = at;
		if (label[at] == '-' || label[at] == '_' || label[at] == '*') {
			add(parts, &n, label + end++, 1, PART_WORD);
			continue;
		}
		while (end < len && label[end] != '-' && label[end] != '_' && label[end] != '*')
			end++;
		split_token(parts, &n, label + at, end - at);
	}
	return n;
}

static size_t label_shape(const char *label, size_t len, char *out)
{
	struct part parts[PARTS_MAX];
	unsigned n = fold_parts(parts, label, len);
	size_t to = 0;

	for (unsigned i = 0; i < n; i++) {
		if (parts[i].kind != PART_WORD) {
			out[to++] = parts[i].kind == PART_NUMBER ? '#' : '?';
			continue;
		}
		memcpy(out + to, parts[i].text, parts[i].len);
		to += parts[i].len;
	}
	return to;
}

void fold_shape(const char *text, size_t len, char *out)
{
	size_t to = 0;

	for (size_t at = 0; at < len; at++) {
		size_t end = at;

		while (end < len && text[end] != '.')
			end++;
		to += label_shape(text + at, end - at, out + to);
		if (end < len)
			out[to++] = '.';
		at = end;
	}
	out[to] = '\0';
}
