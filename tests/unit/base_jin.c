/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/jin.h"
#include "base/util.h"

static struct jin_list *read_all(const char *text, size_t len, size_t limit, int want)
{
	FILE *in = tmpfile();
	struct jin_list *l = NULL;

	assert_non_null(in);
	assert_int_equal(fwrite(text, 1, len, in), len);
	rewind(in);
	assert_int_equal(jin_open(&l, in, limit), want);
	fclose(in);
	return l;
}

static struct jin_list *list(const char *text)
{
	return read_all(text, strlen(text), 1 << 20, 0);
}

static void test_values(void **state)
{
	struct jin_list *l = list("\xef\xbb\xbf [{\"t\":\"x\\u00e4\",\"n\":-5,\"yes\":true,\"no\":false,\"null\":null,"
				  "\"real\":1.5,\"list\":[\"a\",[]]}]\n");
	const struct jin *v, *a;
	int64_t n;
	bool b;

	assert_int_equal(jin_next(l, &v), 1);
	assert_true(jin_is_object(v) && !jin_is_list(v));
	assert_string_equal(jin_text(jin_get(v, "t")), "x\xc3\xa4");
	assert_true(jin_number(jin_get(v, "n"), &n) && n == -5);
	assert_true(jin_bool(jin_get(v, "yes"), &b) && b);
	assert_true(jin_bool(jin_get(v, "no"), &b) && !b);
	a = jin_get(v, "list");
	assert_true(jin_is_list(a) && jin_count(a) == 2);
	assert_string_equal(jin_text(jin_at(a, 0)), "a");
	assert_true(jin_is_list(jin_at(a, 1)) && !jin_count(jin_at(a, 1)));
	/* What is not there, null, or of another type. */
	assert_null(jin_get(v, "null"));
	assert_null(jin_get(v, "none"));
	assert_null(jin_get(a, "t"));
	assert_null(jin_get(NULL, "t"));
	assert_null(jin_at(a, 2));
	assert_null(jin_at(v, 0));
	assert_null(jin_text(jin_get(v, "n")));
	assert_null(jin_text(NULL));
	assert_false(jin_number(jin_get(v, "real"), &n));
	assert_false(jin_number(jin_get(v, "t"), &n));
	assert_false(jin_number(NULL, &n));
	assert_false(jin_bool(jin_get(v, "n"), &b));
	assert_false(jin_bool(NULL, &b));
	assert_false(jin_is_object(NULL) || jin_is_list(NULL) || jin_count(NULL));
	assert_int_equal(jin_next(l, &v), 0);
	assert_int_equal(jin_next(l, &v), 0);
	jin_close(l);
	jin_close(NULL);
}

static void test_lines(void **state)
{
	struct jin_list *l = list("\n[\n 1 , 2,\n {\n\"u\": [\n \"a.b\", \"x.a.b\",\n\n\"c\\u002ed\"]}\n,\n\n[]\n]\n\n");
	static const unsigned lines[] = { 3, 3, 4, 11 };
	const struct jin *v;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(jin_next(l, &v), 1);
		assert_int_equal(jin_line(l), lines[i]);
		if (i != 2)
			continue;
		assert_int_equal(jin_line_of(l, "a.b"), 6);
		assert_int_equal(jin_line_of(l, "u"), 5);
		/* Written with an escape, part of a longer text, not there, in another element. */
		assert_int_equal(jin_line_of(l, "c.d"), 4);
		assert_int_equal(jin_line_of(l, "b"), 4);
		assert_int_equal(jin_line_of(l, ""), 4);
	}
	assert_int_equal(jin_next(l, &v), 0);
	jin_close(l);
}

/* `good` elements, then the reason on its line, and that again whenever asked. */
static void bad(const char *text, size_t len, unsigned good, unsigned line, const char *why)
{
	struct jin_list *l = read_all(text, len, 1 << 20, 0);
	const struct jin *v;

	while (good--)
		assert_int_equal(jin_next(l, &v), 1);
	for (unsigned again = 0; again < 2; again++) {
		assert_int_equal(jin_next(l, &v), -EBADMSG);
		if (strcmp(jin_why(l), why))
			fail_msg("%s: %s, not %s", text, jin_why(l), why);
		assert_int_equal(jin_line(l), line);
	}
	jin_close(l);
}

static void test_bad(void **state)
{
	static const struct { const char *text; unsigned good, line; const char *why; } cases[] = {
		{ "", 0, 1, "expected a list, which begins with '['" },
		{ "\n\n{}", 0, 3, "expected a list, which begins with '['" },
		{ "\x1f\x8b\x08", 0, 1, "expected a list, which begins with '['" },
		{ "[", 0, 1, "the list has no end" },
		{ "[1", 1, 1, "the list has no end" },
		{ "[1,\n", 1, 2, "the list has no end" },
		{ "[1\n2]", 1, 2, "expected ',' or ']' behind an element" },
		{ "[1]\n]", 1, 2, "more text behind the list's ']'" },
		{ "[,]", 0, 1, "unexpected token" },
		{ "[1,\n]", 1, 2, "unexpected token" },
		{ "[1,\n{\"a\":\n\"b]", 1, 3, "premature end of input" },
		{ "[1,\n{\"a\":1,\n\"a\":2}]", 1, 3, "duplicate object key" },
		{ "[\"\xff\"]", 0, 1, "unable to decode byte 0xff" },
		{ "[\"\\u0000\"]", 0, 1, "\\u0000 is not allowed without JSON_ALLOW_NUL" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		bad(cases[i].text, strlen(cases[i].text), cases[i].good, cases[i].line, cases[i].why);
	bad("[1\0]", 4, 1, 1, "expected ',' or ']' behind an element");
	bad("[\0]", 3, 0, 1, "invalid token");
}

static void test_deep(void **state)
{
	static char text[100000];

	memset(text, '[', sizeof(text));
	bad(text, sizeof(text), 0, 1, "maximum parsing depth reached");
}

/* Pieces of the file are no part of a reason: they are hostile text. */
static void test_why_is_plain(void **state)
{
	struct jin_list *l = list("[\"\x1b[31m\"]");
	const struct jin *v;

	assert_int_equal(jin_next(l, &v), -EBADMSG);
	for (const char *c = jin_why(l); *c; c++)
		assert_true(*c >= ' ' && *c <= '~');
	jin_close(l);
}

static void test_large(void **state)
{
	size_t size = 300000, n = 0;
	char *text = malloc(size);
	struct jin_list *l;
	const struct jin *v;

	memset(text, ' ', size);
	text[0] = '[';
	for (size_t i = 1; i + 100 < size; i += 100)
		memcpy(text + i, "\n\"x\",", 5);
	memcpy(text + size - 3, "\n1]", 3);
	l = read_all(text, size, size, 0);
	while (jin_next(l, &v) == 1)
		assert_int_equal(jin_line(l), ++n + 1);
	assert_int_equal(n, 3000);
	jin_close(l);
	assert_null(read_all(text, size, size - 1, -EFBIG));
	free(text);
}

static void test_unreadable(void **state)
{
	FILE *in = fopen("/", "r");
	struct jin_list *l = NULL;

	assert_non_null(in);
	assert_int_equal(jin_open(&l, in, 1000), -EISDIR);
	assert_null(l);
	fclose(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_lines), cmocka_unit_test(test_bad),
		cmocka_unit_test(test_deep), cmocka_unit_test(test_why_is_plain), cmocka_unit_test(test_large),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
