/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/escape.h"

static void escapes(void **state)
{
	char buf[32];

	assert_int_equal(escape_text(buf, sizeof(buf), (const uint8_t *)"aZ09-_.", 7), 7);
	assert_string_equal(buf, "aZ09-_.");
	assert_int_equal(escape_text(buf, sizeof(buf), (const uint8_t *)"a\0b\xff\\ \"", 7), 22);
	assert_string_equal(buf, "a\\000b\\255\\092\\032\\034");
	/* Cut at a whole escape. */
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(escape_text(buf, 5, (const uint8_t *)"a\1", 2), 1);
	assert_string_equal(buf, "a");
	assert_int_equal(buf[5], 'x');
	assert_int_equal(escape_text(buf, 6, (const uint8_t *)"a\1", 2), 5);
	assert_string_equal(buf, "a\\001");
	assert_int_equal(escape_text(buf, 3, (const uint8_t *)"abc", 3), 2);
	assert_string_equal(buf, "ab");
	buf[0] = 'y';
	assert_int_equal(escape_text(buf, 0, (const uint8_t *)"a", 1), 0);
	assert_int_equal(buf[0], 'y');
	assert_int_equal(escape_text(buf, 1, (const uint8_t *)"a", 1), 0);
	assert_string_equal(buf, "");
}

static void sentences(void **state)
{
	static const char text[] = "'no' such\\set: \"x\"\n\x1b\x7f\x80~";
	char buf[64];

	escape_sentence(buf, sizeof(buf), (const uint8_t *)text, sizeof(text) - 1);
	assert_string_equal(buf, "'no' such\\092set: \"x\"\\010\\027\\127\\128~");
	assert_int_equal(escape_sentence(buf, 5, (const uint8_t *)"a\n", 2), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(escapes), cmocka_unit_test(sentences) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
