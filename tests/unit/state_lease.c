/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state/lease.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"

static struct openers openers;
static struct leases table;

static int setup(void **state)
{
	hash_init();
	openers_init(&openers);
	leases_init(&table, 4, &openers);
	return 0;
}

static int teardown(void **state)
{
	leases_free(&table);
	/* Every count was given back: none of them is left. */
	int left = (int)openers.all.count + (int)openers.blobs.count;

	openers_free(&openers);
	return left;
}

static uint32_t opener(const char *name, uint32_t line)
{
	static const struct conf_port ports[] = { { 6, 80 }, { 6, 443 } };
	struct opener_of of = { .profile = 1, .text = name, .chain = (const uint8_t *)"\1a\1b", .chain_len = 5,
		.file = "/etc/zones/a.ini", .file_len = 16, .line = line, .ports = ports, .n_ports = 2 };

	return opener_take(&openers, &of);
}

static void key_of(uint32_t i, uint8_t *key)
{
	memcpy(key, &i, 4);
}

static void test_find(void **state)
{
	uint8_t key[4];

	for (uint32_t i = 0; i < 20000; i++) {
		key_of(i, key);
		assert_null(lease_find(&table, key));
		assert_non_null(lease_add(&table, key));
	}
	for (uint32_t i = 0; i < 20000; i += 2) {
		key_of(i, key);
		lease_remove(&table, lease_find(&table, key));
	}
	for (uint32_t i = 0; i < 20000; i++) {
		struct lease *l;

		key_of(i, key);
		l = lease_find(&table, key);
		assert_int_equal(!!l, i & 1);
		assert_true(!l || !memcmp(l->key, key, 4));
	}
	assert_int_equal(leases_count(&table), 10000);
	for (uint32_t id = 1; id <= leases_top(&table); id++) {
		if (lease_at(&table, id))
			lease_remove(&table, lease_at(&table, id));
	}
	leases_trim(&table);
	assert_int_equal(leases_size(&table), 0);
}

static void test_openers_are_shared(void **state)
{
	uint32_t a = opener("a.example", 1), b = opener("a.example", 1), c = opener("a.example", 2);
	size_t n;

	assert_int_equal(a, b);
	assert_int_not_equal(a, c);
	assert_int_equal(openers.all.count, 2);
	assert_int_equal(openers.blobs.count, 2);
	assert_string_equal(opener_text(opener_at(&openers, a)), "a.example");
	assert_int_equal(opener_ports(&openers, opener_at(&openers, a), &n)[1].port, 443);
	assert_int_equal(n, 2);
	opener_drop(&openers, a);
	assert_non_null(opener_at(&openers, b));
	opener_drop(&openers, b);
	assert_null(opener_at(&openers, b));
	opener_drop(&openers, c);
	assert_int_equal(openers.blobs.count, 0);
}

static void test_chain_is_cut_at_a_name(void **state)
{
	uint8_t chain[40 * 64];
	struct opener_of of = { .text = "a", .chain = chain, .chain_len = sizeof(chain), .file = "" };
	struct opener *o;
	uint32_t id;

	/* names of 64 bytes each: one label of 62, and the root */
	for (int i = 0; i < 40; i++) {
		chain[i * 64] = 62;
		memset(chain + i * 64 + 1, 'x', 62);
		chain[i * 64 + 63] = 0;
	}
	id = opener_take(&openers, &of);
	o = opener_at(&openers, id);
	assert_int_equal(o->chain_len, OPENER_CHAIN);
	opener_drop(&openers, id);
	of.chain_len = 100;		/* the second name is not whole */
	id = opener_take(&openers, &of);
	assert_int_equal(opener_at(&openers, id)->chain_len, 64);
	opener_drop(&openers, id);
}

static unsigned links(const struct lease *l)
{
	unsigned n = 0;

	for (const struct lease_link *k = lease_next(&table, l, NULL); k; k = lease_next(&table, l, k))
		n++;
	return n;
}

static void test_links(void **state)
{
	uint8_t key[4] = { 1 };
	struct lease *l = lease_add(&table, key);
	uint32_t ids[12];

	for (uint32_t i = 0; i < 12; i++) {
		ids[i] = opener("x.example", i);
		lease_open(&table, l, ids[i], (100 + i) * CLOCK_S, CLOCK_S);
		opener_drop(&openers, ids[i]);
		assert_int_equal(l->link.opener, ids[i]);
	}
	assert_int_equal(links(l), LEASE_OPENERS);
	assert_int_equal(openers.all.count, LEASE_OPENERS);
	assert_true(l->own == 111 * CLOCK_S);
	/* one that is there already becomes the newest, and ends no earlier than it did */
	lease_open(&table, l, ids[8], 50 * CLOCK_S, CLOCK_S);
	assert_int_equal(links(l), LEASE_OPENERS);
	assert_int_equal(l->link.opener, ids[8]);
	assert_int_equal(l->link.end_s, 108);
	assert_true(l->own == 111 * CLOCK_S);
	/* those that ended go */
	lease_open(&table, l, ids[8], 300 * CLOCK_S, 109 * CLOCK_S);
	lease_open(&table, l, ids[11], 300 * CLOCK_S, 200 * CLOCK_S);
	assert_int_equal(links(l), 2);
	lease_forget(&table, l);
	assert_int_equal(l->own, 0);
	assert_int_equal(openers.all.count, 0);
}

static size_t resident(void)
{
	unsigned long pages = 0, dummy;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%lu %lu", &dummy, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * 4096;
}

/* Of this thread alone: others run on the machine. */
static uint64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * CLOCK_S + (uint64_t)t.tv_nsec / 1000;
}

/* A million with three to an opener: what it takes, and that none of them takes long. */
static void test_million(void **state)
{
	static const uint8_t chain[] = "\4prod\7download\11akamaized\3net\0\1a\7download\6akamai\3net";
	size_t before = resident();
	uint64_t worst = 0, all = cpu_us();
	uint32_t id = 0;

	leases_free(&table);
	leases_init(&table, 12, &openers);
	for (uint32_t i = 0; i < 1000000; i++) {
		uint8_t key[12] = { 0 };
		uint64_t t = cpu_us();
		struct lease *l;

		memcpy(key, &i, 4);
		if (i % 3 == 0) {
			char name[64];
			struct opener_of of = { .profile = 7, .text = name, .chain = chain, .chain_len = sizeof(chain),
				.file = "/etc/zones/a.ini", .file_len = 16, .line = i % 1000 };

			opener_drop(&openers, id);
			snprintf(name, sizeof(name), "host-%u.download.windowsupdate.com", i);
			id = opener_take(&openers, &of);
		}
		l = lease_add(&table, key);
		assert_non_null(l);
		lease_open(&table, l, id, CLOCK_S * 1000, CLOCK_S);
		t = cpu_us() - t;
		worst = t > worst ? t : worst;
	}
	opener_drop(&openers, id);
	all = cpu_us() - all;
	print_message("1,000,000 leases: %zu MB, %.2f us each, the longest %.1f ms\n", (resident() - before) >> 20,
		      (double)all / 1e6, (double)worst / 1e3);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(resident() - before < (size_t)150 << 20);
	assert_true(worst < 10 * CLOCK_MS);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_openers_are_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chain_is_cut_at_a_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_million, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
