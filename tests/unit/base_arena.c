/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static void zeroed_and_aligned(void **state)
{
	struct arena *a = arena_new(64 << 20);
	void *used[64];
	size_t size, i;

	/* Memory that malloc gives a second time is not zero by itself. */
	for (i = 0; i < 64; i++) {
		used[i] = malloc(4096 << i % 4);
		assert_non_null(used[i]);
		memset(used[i], 0xee, 4096 << i % 4);
	}
	for (i = 0; i < 64; i++)
		free(used[i]);

	for (size = 0; size < 3000; size += 7) {
		uint8_t *p = arena_alloc(a, size);
		char *t = arena_text(a, "odd", size % 4);

		assert_non_null(p);
		assert_non_null(t);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
		assert_int_equal(strlen(t), size % 4);
	}
	arena_free(a);
}

/* Blocks of every kind and size, each filled with its number: none may tread on another. */
static void apart(void **state)
{
	struct arena *a = arena_new(SIZE_MAX);
	static char source[400000];
	struct { uint8_t *p; size_t len; } got[2000];
	uint32_t seed = 1;
	size_t i, k;

	memset(source, 's', sizeof(source));
	for (i = 0; i < 2000; i++) {
		seed = seed * 1664525 + 1013904223;
		got[i].len = i % 97 == 0 ? 10000 + seed % 300000 : seed >> 16 & 0x3ff;
		switch (seed >> 30) {
		case 0:
			got[i].p = (uint8_t *)arena_text(a, source, got[i].len);
			break;
		case 1:
			got[i].p = arena_bytes(a, source, got[i].len);
			break;
		default:
			got[i].p = arena_alloc(a, got[i].len);
			break;
		}
		assert_non_null(got[i].p);
		if (seed >> 30 == 0)
			assert_int_equal(got[i].p[got[i].len], 0);
		if (seed >> 30 < 2)
			assert_memory_equal(got[i].p, source, got[i].len);
		memset(got[i].p, (int)(i & 0xff), got[i].len);
	}
	for (i = 0; i < 2000; i++)
		for (k = 0; k < got[i].len; k++)
			assert_int_equal(got[i].p[k], i & 0xff);
	arena_free(a);
}

static void limit(void **state)
{
	struct arena *a = arena_new(1000);

	assert_null(arena_alloc(a, 1001));
	assert_non_null(arena_alloc(a, 500));
	assert_null(arena_alloc(a, 500));
	assert_non_null(arena_text(a, "x", 1));
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_array(a, SIZE_MAX / 8, 16));
	assert_null(arena_text(a, "", SIZE_MAX));
	assert_null(arena_printf(a, "%1000d", 1));
	assert_string_equal(arena_printf(a, "%s %d", "n", 7), "n 7");
	arena_free(a);
	arena_free(NULL);
}

static void size(void **state)
{
	struct arena *a = arena_new(SIZE_MAX);
	size_t before, i;

	for (i = 0; i < 100; i++)
		assert_non_null(arena_alloc(a, 16));
	assert_in_range(arena_size(a), 1600, 8192);
	/* A big block must not throw away what the chunk being filled has left. */
	before = arena_size(a);
	assert_non_null(arena_alloc(a, 3 << 20));
	assert_in_range(arena_size(a), before + (3 << 20), before + (3 << 20) + 64);
	before = arena_size(a);
	assert_non_null(arena_alloc(a, 16));
	assert_int_equal(arena_size(a), before);
	for (i = 0; i < 1000000; i++)
		assert_non_null(arena_alloc(a, 16));
	assert_in_range(arena_size(a), before + 16000000, before + 19000000);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroed_and_aligned), cmocka_unit_test(apart), cmocka_unit_test(limit),
		cmocka_unit_test(size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
