/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/lpm.h"

static uint64_t seed = 42;

static uint32_t draw(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

/* Few distinct bytes: prefixes nest, touch and repeat. */
static struct addr random_addr(uint8_t len)
{
	static const uint8_t bytes[] = { 0, 0, 1, 0x7f, 0x80, 0xfe, 0xff, 0xff };
	struct addr a = { .len = len };
	unsigned i;

	for (i = 0; i < len; i++)
		a.b[i] = draw() % 8 ? bytes[draw() % 8] : (uint8_t)draw();
	return a;
}

static struct prefix random_prefix(void)
{
	struct prefix p = { .addr = random_addr(draw() % 2 ? 4 : 16) };
	unsigned i, max = p.addr.len * 8u;

	p.bits = (uint8_t)(draw() % 4 ? draw() % (max + 1) : draw() % 2 ? max : draw() % 9);
	for (i = p.bits; i < max; i++)
		p.addr.b[i / 8] &= (uint8_t)~(0x80 >> i % 8);
	return p;
}

static uint32_t naive(const struct lpm_rule *rules, size_t n, const struct addr *a)
{
	uint32_t found = LPM_NONE;
	int bits = -1;
	size_t i;

	for (i = 0; i < n; i++) {
		if (prefix_has(&rules[i].prefix, a) && rules[i].prefix.bits >= bits) {
			bits = rules[i].prefix.bits;
			found = rules[i].value;
		}
	}
	return found;
}

/* The address `by` before or behind a. */
static struct addr neighbour(struct addr a, int by)
{
	int i, carry = by;

	for (i = a.len - 1; i >= 0 && carry; i--) {
		int v = a.b[i] + carry;

		a.b[i] = (uint8_t)v;
		carry = v < 0 ? -1 : v > 255 ? 1 : 0;
	}
	return a;
}

static struct addr last_of(const struct prefix *p)
{
	struct addr a = p->addr;
	unsigned i;

	for (i = p->bits; i < a.len * 8u; i++)
		a.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return a;
}

static void check(const struct lpm *m, const struct lpm_rule *rules, size_t n, struct addr a)
{
	assert_int_equal(lpm_find(m, &a), naive(rules, n, &a));
}

static void against_scan(void **state)
{
	struct lpm_rule rules[60];
	int round;

	for (round = 0; round < 3000; round++) {
		struct arena *a = arena_new(1 << 20);
		size_t n = draw() % 60, i;
		struct lpm *m;

		for (i = 0; i < n; i++) {
			rules[i].prefix = i && draw() % 5 == 0 ? rules[draw() % i].prefix : random_prefix();
			rules[i].value = draw() % 10;
		}
		m = lpm_build(a, rules, n);
		assert_non_null(m);
		for (i = 0; i < n; i++) {
			struct addr first = rules[i].prefix.addr, last = last_of(&rules[i].prefix);

			check(m, rules, n, first);
			check(m, rules, n, last);
			check(m, rules, n, neighbour(first, -1));
			check(m, rules, n, neighbour(last, 1));
		}
		for (i = 0; i < 50; i++)
			check(m, rules, n, random_addr(i % 2 ? 4 : 16));
		arena_free(a);
	}
}

static void edges(void **state)
{
	struct arena *a = arena_new(1 << 20), *small = arena_new(40);
	struct lpm *m = lpm_build(a, NULL, 0);
	struct addr none = { 0 }, any = random_addr(4);
	struct lpm_rule all = { .prefix = { .addr = { .len = 16 } }, .value = 3 };

	assert_int_equal(lpm_find(m, &any), LPM_NONE);
	m = lpm_build(a, &all, 1);
	assert_int_equal(lpm_find(m, &none), LPM_NONE);
	assert_int_equal(lpm_find(m, &any), LPM_NONE);
	any = random_addr(16);
	assert_int_equal(lpm_find(m, &any), 3);
	any.scope = 9;
	assert_int_equal(lpm_find(m, &any), 3);
	assert_null(lpm_build(small, &all, 1));
	arena_free(a);
	arena_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(against_scan), cmocka_unit_test(edges) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
