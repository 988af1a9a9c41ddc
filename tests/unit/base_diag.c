/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"

static void printed(const struct diag_list *d, const char *want)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	diag_print(d, f);
	fclose(f);
	assert_string_equal(text, want);
	free(text);
}

static void order(void **state)
{
	struct diag_list *d = diag_new();

	printed(d, "");
	diag_error(d, "b.ini", 7, "unknown key '%s'", "x");
	diag_warn(d, "a.ini", 3, "anybody", "too wide");
	diag_error(d, "b.ini", 2, "first");
	diag_error(d, "b.ini", 7, "second of the line");
	diag_warn(d, "b.ini", 0, NULL, "the whole file");
	diag_error(d, "a.ini", 1, "head");
	diag_error(d, "b.ini", 9, "tail");
	diag_error(d, "b.ini", 2, "first, too");
	printed(d, "b.ini: warning: the whole file\n"
		   "b.ini:2: error: first\n"
		   "b.ini:2: error: first, too\n"
		   "b.ini:7: error: unknown key 'x'\n"
		   "b.ini:7: error: second of the line\n"
		   "b.ini:9: error: tail\n"
		   "a.ini:1: error: head\n"
		   "a.ini:3: warning: too wide [anybody]\n");
	assert_int_equal(diag_errors(d), 6);
	assert_int_equal(diag_warnings(d), 2);
	diag_free(d);
	diag_free(NULL);
}

struct seen {
	size_t lines, useless, duplicate, wording;
	char more[3][80];
	size_t n_more;
	char before[80];		/* the line before the last number */
	char last[80];
};

static void look(void *ctx, const char *line)
{
	struct seen *s = ctx;

	s->lines++;
	s->useless += !!strstr(line, "pattern");
	s->duplicate += !!strstr(line, "twice");
	s->wording += !!strstr(line, "bad line");
	if (strstr(line, " more of these")) {
		assert_true(s->n_more < 3);
		snprintf(s->more[s->n_more++], 80, "%s", line);
		snprintf(s->before, 80, "%s", s->last);
	}
	snprintf(s->last, 80, "%s", line);
}

static void many(void **state)
{
	struct diag_list *d = diag_new();
	struct seen s = { 0 };
	unsigned i;

	for (i = 1; i <= 4811; i++)
		diag_warn(d, "list", i, "useless", i % 2 ? "pattern %u" : "another pattern %u", i);
	for (i = 1; i <= 101; i++)
		diag_warn(d, "list", 102 - i, "duplicate", "twice %u", i);
	for (i = 1; i <= 102; i++)
		diag_error(d, "list", i, "bad line %u", i);
	diag_error(d, "list", 200, "other wording");
	diag_warn(d, "list2", 1, "useless", "pattern");
	diag_each(d, look, &s);
	assert_int_equal(s.useless, 101);
	assert_int_equal(s.duplicate, 100);
	assert_int_equal(s.wording, 100);
	assert_int_equal(s.n_more, 3);
	assert_string_equal(s.more[0], "list: warning: 4711 more of these [useless]");
	assert_string_equal(s.more[1], "list: error: 2 more of these");
	/* They came from the end: the last in the file is the first that came. */
	assert_string_equal(s.more[2], "list: warning: 1 more of these [duplicate]");
	assert_string_equal(s.before, "list:101: warning: twice 1 [duplicate]");
	assert_int_equal(s.lines, 305);
	assert_int_equal(diag_errors(d), 103);
	assert_int_equal(diag_warnings(d), 4913);
	diag_free(d);
}

/* Files are quoted in messages: an escape sequence in one must not reach the terminal, nor a newline forge a line. */
static void controls(void **state)
{
	struct diag_list *d = diag_new();

	diag_error(d, "f", 1, "bad '%s'", "\033[2J\nf:2: error: none\177\xc3\xa9");
	printed(d, "f:1: error: bad '?[2J?f:2: error: none?\xc3\xa9'\n");
	diag_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order), cmocka_unit_test(many), cmocka_unit_test(controls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
