/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/*
 * The key has no way in from outside, so the module is taken in under other
 * names, with a source of "random" bytes that gives the key of the vectors.
 */
#define hash_init own_init
#define hash_bytes own_bytes
#define hash_more own_more
#define hash128_bytes own128_bytes
#define rand_bytes own_rand
#include "base/hash.c"

void own_rand(void *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		((uint8_t *)p)[i] = (uint8_t)i;
}

/* The first vectors of the reference implementation of SipHash-2-4-128, key and input 00 01 02 …. */
static void siphash(void **state)
{
	static const char *const want[] = {
		"a3817f04ba25a8e66df67214c7550293", "da87c1d86b99af44347659119b22fc45",
	};
	char got[33];
	size_t i, k;

	own_init();
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		struct hash128 h = own128_bytes("", i);

		for (k = 0; k < 16; k++)
			snprintf(got + 2 * k, 3, "%02x", (unsigned)((k < 8 ? h.a : h.b) >> 8 * (k % 8) & 0xff));
		assert_string_equal(got, want[i]);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static size_t duplicates(uint64_t *h, size_t n)
{
	size_t i, same = 0;

	qsort(h, n, sizeof(*h), compare);
	for (i = 1; i < n; i++)
		same += h[i] == h[i - 1];
	return same;
}

/* Every input of one byte in every length and place: where the tail is read carelessly, some fall together. */
static void distinct(void **state)
{
	static uint64_t h[100 * 100 * 3];
	size_t len, pos, n = 0;
	uint8_t buf[100];

	for (len = 1; len < 100; len++) {
		memset(buf, 0, sizeof(buf));
		h[n++] = own_bytes(buf, len);
		for (pos = 0; pos < len; pos++) {
			buf[pos] = 1;
			h[n++] = own_bytes(buf, len);
			buf[pos] = 0x80;
			h[n++] = own_bytes(buf, len);
			buf[pos] = 0;
		}
	}
	assert_int_equal(duplicates(h, n), 0);
}

static void chains(void **state)
{
	uint64_t a = own_more(own_bytes("ab", 2), "c", 1);

	assert_true(a == own_more(own_bytes("ab", 2), "c", 1));
	assert_true(a != own_more(own_bytes("a", 1), "bc", 2));
	assert_true(a != own_more(own_bytes("ab", 2), "d", 1));
	assert_true(own_more(1, "", 0) != own_more(2, "", 0));
}

/* Low bits choose the bucket: numbered names must spread like balls thrown blindly. */
static void spread(void **state)
{
	static unsigned bucket[4096];
	unsigned i, worst = 0, empty = 0;
	char name[32];

	for (i = 0; i < 40960; i++) {
		int len = snprintf(name, sizeof(name), "host%u.example.com", i);

		bucket[own_bytes(name, (size_t)len) & 4095]++;
	}
	for (i = 0; i < 4096; i++) {
		worst = bucket[i] > worst ? bucket[i] : worst;
		empty += !bucket[i];
	}
	assert_in_range(worst, 15, 35);
	assert_in_range(empty, 0, 5);
}

static void keyed(void **state)
{
	uint64_t before = own_bytes("name", 4);
	struct hash128 wide = own128_bytes("name", 4), other;

	key[2] ^= 1;
	sip_key[1] ^= 1;
	other = own128_bytes("name", 4);
	assert_true(before != own_bytes("name", 4));
	assert_true(wide.a != other.a && wide.b != other.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash), cmocka_unit_test(distinct), cmocka_unit_test(chains),
		cmocka_unit_test(spread), cmocka_unit_test(keyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
