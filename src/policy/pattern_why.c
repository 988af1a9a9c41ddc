/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/pattern_why.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/escape.h"
#include "base/util.h"
#include "policy/pattern.h"

#define GUESS_MAX 256
#define SHOWN_MAX 100			/* characters of a bad pattern that a message shows */

static const char *const reasons[] = {
	[PATTERN_FINE] = "nothing",
	[PATTERN_EMPTY] = "an empty pattern",
	[PATTERN_CHARACTER] = "a character that no name has",
	[PATTERN_EMPTY_LABEL] = "an empty label: two dots in a row",
	[PATTERN_LONG_LABEL] = "a label of more than 63 characters",
	[PATTERN_LONG] = "longer than 253 characters",
	[PATTERN_STARS] = "two stars in a row: one takes all that two could",
	[PATTERN_STAR_LAST] = "a star in the last label leaves the right end open, where anybody can get a name: "
			      "write each ending out",
	[PATTERN_SINGLE] = "a wildcard or leading dot on a single label takes a whole top-level domain: "
			   "write at least two labels behind it",
	[PATTERN_DOT_STAR] = "a leading dot and a star together",
	[PATTERN_ADDRESS] = "an address: patterns are names, addresses are opened as names lead to them",
};

/* Adds "did you mean" where the guess is itself a good pattern. */
static void guess(char *why, size_t whylen, const char *text, size_t len)
{
	size_t used = strlen(why);
	struct pattern p;

	if (len && !pattern_parse(&p, text, len, NULL, 0))
		snprintf(why + used, whylen - used, ": did you mean %.*s?", (int)len, text);
}

/* The text with each run of `c` made one. */
static void guess_single(char *why, size_t whylen, const char *text, size_t len, char c)
{
	char buf[GUESS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < len && n < sizeof(buf); i++)
		if (text[i] != c || !i || text[i - 1] != c)
			buf[n++] = text[i];
	if (n < sizeof(buf))
		guess(why, whylen, buf, n);
}

static bool digits(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return len;
}

/* Length of what stands before the first of the characters. */
static size_t before(const char *text, size_t len, const char *any)
{
	size_t i;

	for (i = 0; i < len && !strchr(any, text[i] ? text[i] : ' '); i++)
		;
	return i;
}

static bool is_address(const char *text, size_t len)
{
	struct prefix p;
	struct addr a;
	int err = prefix_parse(&p, text, len);

	if (len > 2 && text[0] == '[')
		return is_address(text + 1, before(text + 1, len - 1, "]"));
	return !err || err == -EDOM || !addr_parse(&a, text, len);
}

/* "10.0.0.*" is how some write a network. */
static bool is_network(const char *text, size_t len)
{
	bool number = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '*' && text[i] != '.' && (text[i] < '0' || text[i] > '9'))
			return false;
		number |= text[i] >= '0' && text[i] <= '9';
	}
	return number;
}

/* Something that holds a name and more. */
static bool why_more(const char *text, size_t len, char *why, size_t whylen)
{
	const char *scheme = memmem(text, len, "://", 3);
	const char *host = scheme ? scheme + 3 : text, *end = text + len;
	size_t n = before(host, (size_t)(end - host), scheme ? "/:?#" : "/:"), colon = before(text, len, ":");

	if (scheme) {
		snprintf(why, whylen, "a URL, and only names are asked for");
		guess(why, whylen, host, n);
	} else if (len > 1 && (!memcmp(text, "||", 2) || !memcmp(text, "@@", 2))) {
		snprintf(why, whylen, "an ad blocker's rule: .example.com takes a name and all below it");
	} else if (colon < len && digits(text + colon + 1, len - colon - 1)) {
		snprintf(why, whylen, "a port: ports are a group's, as in \"ports = tcp/%.*s\"",
			 (int)MIN(len - colon - 1, 5u), text + colon + 1);
		guess(why, whylen, text, colon);
	} else if (n < len && text[n] == '/') {
		snprintf(why, whylen, "a path, and only names are asked for");
		guess(why, whylen, text, n);
	} else {
		return false;
	}
	return true;
}

static bool legal(char c)
{
	c = (char)name_lower((uint8_t)c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-_.*", c));
}

static void why_character(const char *text, size_t len, char *why, size_t whylen)
{
	char shown[8];
	size_t i;

	for (i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x80)
			continue;
		snprintf(why, whylen, "not ASCII: an international name is written in its A-labels (xn--...)");
		return;
	}
	if (is_address(text, len)) {
		snprintf(why, whylen, "%s", reasons[PATTERN_ADDRESS]);
		return;
	}
	if (why_more(text, len, why, whylen))
		return;
	for (i = 0; i < len && legal(text[i]); i++)
		;
	if (i < len && text[i] > ' ' && text[i] < 0x7f)
		snprintf(shown, sizeof(shown), "%c", text[i]);
	else
		escape_text(shown, sizeof(shown), (const uint8_t *)text + i, i < len);
	snprintf(why, whylen, "'%s' may not stand in a name: letters, digits, '-', '_', dots and stars may", shown);
}

void pattern_why(enum pattern_fault fault, const char *text, size_t len, char *why, size_t whylen)
{
	if (fault == PATTERN_CHARACTER) {
		why_character(text, len, why, whylen);
		return;
	}
	if (fault == PATTERN_STAR_LAST && is_network(text, len))
		fault = PATTERN_ADDRESS;
	snprintf(why, whylen, "%s", reasons[fault]);
	if (fault == PATTERN_STARS)
		guess_single(why, whylen, text, len, '*');
	if (fault == PATTERN_EMPTY_LABEL)
		guess_single(why, whylen, text, len, '.');
	if (fault == PATTERN_DOT_STAR)
		guess(why, whylen, text + 1, len - 1);
	if (fault == PATTERN_SINGLE && text[0] == '.')
		guess(why, whylen, text + 1, len - 1);
}

const char *pattern_shown(const char *text, size_t len, char *buf)
{
	char *out = buf;

	for (size_t i = 0; i < len && i < SHOWN_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c > ' ' && c < 0x7f)
			*out++ = (char)c;
		else
			out += sprintf(out, "\\%03u", c);
	}
	strcpy(out, len > SHOWN_MAX ? "..." : "");
	return buf;
}
