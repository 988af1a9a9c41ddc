/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "export/shape.h"

static struct addr at(const char *text)
{
	struct addr a = { 0 };

	assert_int_equal(addr_parse(&a, text, strlen(text)), 0);
	return a;
}

static const struct {
	enum conf_export_key key;
	enum export_family family;
	size_t len;
	const char *type, *element;
} shapes[] = {
	{ KEY_ADDRESS, EXPORT_V4, 4, "ipv4_addr", "192.0.2.1" },
	{ KEY_ADDRESS, EXPORT_V6, 16, "ipv6_addr", "2001:db8::1" },
	{ KEY_SERVICE, EXPORT_V4, 12, "ipv4_addr . inet_proto . inet_service", "192.0.2.1 . udp . 443" },
	{ KEY_SERVICE, EXPORT_V6, 24, "ipv6_addr . inet_proto . inet_service", "2001:db8::1 . udp . 443" },
	{ KEY_CLIENT, EXPORT_V4, 8, "ipv4_addr . ipv4_addr", "10.0.0.7 . 192.0.2.1" },
	{ KEY_CLIENT, EXPORT_V6, 32, "ipv6_addr . ipv6_addr", "fd00::7 . 2001:db8::1" },
	{ KEY_CLIENT_SERVICE, EXPORT_V4, 16, "ipv4_addr . ipv4_addr . inet_proto . inet_service",
	  "10.0.0.7 . 192.0.2.1 . udp . 443" },
	{ KEY_CLIENT_SERVICE, EXPORT_V6, 40, "ipv6_addr . ipv6_addr . inet_proto . inet_service",
	  "fd00::7 . 2001:db8::1 . udp . 443" },
};

static void test_shapes(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct shape s = shape_of_conf(shapes[i].key, shapes[i].family);
		bool v6 = shapes[i].family == EXPORT_V6;
		struct shape_fields f = { at(v6 ? "fd00::7" : "10.0.0.7"), at(v6 ? "2001:db8::1" : "192.0.2.1"),
					  IPPROTO_UDP, 443 }, back;
		char text[SHAPE_TEXT], element[SHAPE_ELEMENT_TEXT];
		uint8_t key[SHAPE_KEY_MAX + 1];

		memset(key, 0xee, sizeof(key));
		assert_int_equal(shape_len(&s), shapes[i].len);
		assert_string_equal(shape_text(&s, text), shapes[i].type);
		assert_int_equal(shape_key(&s, &f, key), 0);
		assert_int_equal(key[shapes[i].len], 0xee);
		assert_string_equal(shape_element_text(&s, key, element), shapes[i].element);
		shape_fields(&s, key, &back);
		assert_true(addr_equal(&back.addr, &f.addr));
		assert_int_equal(back.client.len, s.client ? f.client.len : 0);
		assert_true(!s.client || addr_equal(&back.client, &f.client));
		assert_int_equal(back.proto, s.proto ? IPPROTO_UDP : 0);
		assert_int_equal(back.port, s.port ? 443 : 0);
	}
}

/* As the kernel holds it: every field from a word's start, the rest of the word zero. */
static void test_padding(void **state)
{
	static const uint8_t want[] = { 192, 0, 2, 1, 6, 0, 0, 0, 1, 187, 0, 0 }, port[] = { 192, 0, 2, 1, 1, 187, 0, 0 };
	struct shape s = shape_of_conf(KEY_SERVICE, EXPORT_V4);
	struct shape_fields f = { .addr = at("192.0.2.1"), .proto = IPPROTO_TCP, .port = 443 };
	uint8_t key[SHAPE_KEY_MAX];

	memset(key, 0xee, sizeof(key));
	assert_int_equal(shape_key(&s, &f, key), 0);
	assert_memory_equal(key, want, sizeof(want));
	s.proto = false;
	memset(key, 0xee, sizeof(key));
	assert_int_equal(shape_key(&s, &f, key), 0);
	assert_int_equal(shape_len(&s), sizeof(port));
	assert_memory_equal(key, port, sizeof(port));
}

static void test_refused(void **state)
{
	struct shape v4 = shape_of_conf(KEY_ADDRESS, EXPORT_V4), client4 = shape_of_conf(KEY_CLIENT, EXPORT_V4);
	struct shape client6 = shape_of_conf(KEY_CLIENT, EXPORT_V6), none = { 0 };
	struct shape_fields f = { .client = at("fd00::7"), .addr = at("192.0.2.1") };
	uint8_t key[SHAPE_KEY_MAX];

	/* The client's family plays no part where the set has no client. */
	assert_int_equal(shape_key(&v4, &f, key), 0);
	assert_int_equal(shape_key(&client4, &f, key), -EAFNOSUPPORT);
	f.addr = at("2001:db8::1");
	assert_int_equal(shape_key(&v4, &f, key), -EAFNOSUPPORT);
	assert_int_equal(shape_key(&client6, &f, key), 0);
	f.client = at("fe80::7");
	assert_int_equal(shape_key(&client6, &f, key), -EAFNOSUPPORT);
	f.client = (struct addr){ 0 };
	assert_int_equal(shape_key(&client6, &f, key), -EAFNOSUPPORT);
	f.addr = (struct addr){ 0 };
	assert_int_equal(shape_key(&none, &f, key), -EAFNOSUPPORT);
}

static void test_equal(void **state)
{
	struct shape a = shape_of_conf(KEY_CLIENT_SERVICE, EXPORT_V6), b = a;

	assert_true(shape_equal(&a, &b));
	b.port = false;
	assert_false(shape_equal(&a, &b));
	b = a;
	b.family = 4;
	assert_false(shape_equal(&a, &b));
	b = a;
	b.client = false;
	assert_false(shape_equal(&a, &b));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests_name("export_shape", tests, NULL, NULL);
}
