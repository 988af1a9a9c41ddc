/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "dns/types.h"

static void types(void **state)
{
	static const char *const bad[] = { "", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "AAAAA", "AA", "TYPE000001", "type 1" };
	uint16_t type, back;
	char buf[16];
	unsigned i;

	/* Each number has one text, and the text leads back: the table is in order and without doubles. */
	for (i = 0; i <= UINT16_MAX; i++) {
		assert_ptr_equal(type_text((uint16_t)i, buf), buf);
		assert_int_equal(type_parse(&back, buf, strlen(buf)), 0);
		assert_int_equal(back, i);
	}
	assert_string_equal(type_text(TYPE_HTTPS, buf), "HTTPS");
	assert_string_equal(type_text(TYPE_A, buf), "A");
	assert_string_equal(type_text(54, buf), "TYPE54");
	assert_string_equal(type_text(32769, buf), "DLV");
	assert_int_equal(type_parse(&type, "aAaA", 4), 0);
	assert_int_equal(type, TYPE_AAAA);
	assert_int_equal(type_parse(&type, "type65", 6), 0);
	assert_int_equal(type, TYPE_HTTPS);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(type_parse(&type, bad[i], strlen(bad[i])), -EINVAL);
}

static void rcodes(void **state)
{
	assert_string_equal(rcode_text(0), "NOERROR");
	assert_string_equal(rcode_text(RCODE_REFUSED), "REFUSED");
	assert_string_equal(rcode_text(12), "RCODE");
	assert_string_equal(rcode_text(RCODE_BADVERS), "BADVERS");
	assert_string_equal(rcode_text(23), "BADCOOKIE");
	assert_string_equal(rcode_text(24), "RCODE");
	assert_string_equal(rcode_text(4095), "RCODE");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(types), cmocka_unit_test(rcodes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
