/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "base/jout.h"

static void expect(struct jout *j, bool compact, const char *want)
{
	char *got = jout_print(j, compact);

	if (!want)
		assert_null(got);
	else
		assert_string_equal(got, want);
	free(got);
}

static void test_values(void **state)
{
	struct jout *o = jout_object(), *a = jout_array(), *inner = jout_object();

	jout_set_text(o, "text", "a\"b\\c\n\x01\xc3\xa9");
	jout_set_text(o, "none", NULL);
	jout_set_number(o, "most", INT64_MAX);
	jout_set_number(o, "least", INT64_MIN);
	jout_set_real(o, "real", 0.125);
	jout_set_bool(o, "yes", true);
	jout_set_bool(o, "no", false);
	jout_add_text(a, "x");
	jout_set_number(inner, "n", 1);
	jout_add(a, inner);
	jout_add(a, jout_array());
	jout_set(o, "list", a);
	jout_set_number(o, "no", 3);
	expect(o, true, "{\"text\":\"a\\\"b\\\\c\\n\\u0001\xc3\xa9\",\"none\":null,\"most\":9223372036854775807,"
			"\"least\":-9223372036854775808,\"real\":0.125,\"yes\":true,\"no\":3,"
			"\"list\":[\"x\",{\"n\":1},[]]}");
}

static void test_forms(void **state)
{
	struct jout *o = jout_object(), *a = jout_array();

	jout_set_number(o, "n", 1);
	jout_add(a, o);
	expect(a, false, "[\n  {\n    \"n\": 1\n  }\n]");
	expect(jout_object(), true, "{}");
	expect(jout_array(), false, "[]");
	jout_delete(jout_array());
	jout_delete(NULL);
	expect(NULL, true, NULL);
}

/* What could not be added takes the whole with it, whatever is added after it and however deep it was. */
static void test_spoilt(void **state)
{
	struct jout *o = jout_object(), *a = jout_array(), *outer = jout_object();

	jout_set_text(o, "before", "x");
	jout_set_real(o, "bad", (double)NAN);
	jout_set_text(o, "after", "x");
	jout_add(a, o);
	jout_add_text(a, "x");
	jout_set(outer, "list", a);
	jout_set_text(outer, "after", "x");
	expect(outer, true, NULL);
	o = jout_object();
	jout_set(o, "child", NULL);
	jout_set(o, "child", jout_array());
	expect(o, false, NULL);
	a = jout_array();
	jout_add(a, NULL);
	expect(a, false, NULL);
}

/* What is no UTF-8 is shown as far as it is ASCII. */
static void test_bytes(void **state)
{
	static const char *const bad[][2] = {
		{ "caf\xe9", "caf?" }, { "\xc0\x80", "??" }, { "\xed\xa0\x80x", "???x" }, { "\xc3\xa9\xff", "???" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct jout *a = jout_array(), *o = jout_object();
		char want[64];

		jout_add_text(a, bad[i][0]);
		jout_set_text(o, "k", bad[i][0]);
		jout_add(a, o);
		snprintf(want, sizeof(want), "[\"%s\",{\"k\":\"%s\"}]", bad[i][1], bad[i][1]);
		expect(a, true, want);
	}
}

/* Of an object that could not be made nothing comes, and nothing falls over. */
static void test_missing(void **state)
{
	struct jout *a = jout_array();

	jout_set_text(NULL, "k", "v");
	jout_set_number(NULL, "k", 1);
	jout_set_real(NULL, "k", 1);
	jout_set_bool(NULL, "k", true);
	jout_set(NULL, "k", jout_object());
	jout_add(NULL, jout_object());
	jout_add_text(NULL, "v");
	jout_add(a, NULL);
	expect(a, true, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_forms), cmocka_unit_test(test_spoilt), cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests_name("base_jout", tests, NULL, NULL);
}
