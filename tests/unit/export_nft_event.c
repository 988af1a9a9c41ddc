/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export_nft_help.h"

#define TABLE "add table inet lockdown; "
#define SET4 "add set inet lockdown update4 { type ipv4_addr; flags timeout; size 200000; }; "

static struct sink_set set4;

/* With n elements of ours. */
static void have_set4(unsigned n)
{
	struct sink_op *ops = calloc(n + 1, sizeof(*ops));

	nft(TABLE SET4);
	assert_int_equal(nft_add_set(&set4, 0, &conf[0]), 0);
	for (unsigned i = 0; i < n; i++)
		ops[i] = op(SINK_ADD, &set4, i, 600000);
	if (n)
		assert_int_equal(submit(ops, n), 0);
	free(ops);
	assert_int_equal(n_failed, 0);
	look();
	forget_seen();
}

static void test_removed(void **state)
{
	need_nft();
	have_set4(3);
	nft("delete element inet lockdown update4 { 198.0.0.1 }");
	look();
	assert_string_equal(order(), "removed");
	assert_string_equal(seen[0].key, "198.0.0.1");
	nft("delete element inet lockdown update4 { 198.0.0.0, 198.0.0.2 }");
	forget_seen();
	look();
	/* Now it is empty, whatever it was that did it. */
	assert_string_equal(order(), sink->link.count ? "emptied" : "removed removed");
}

static void test_flush(void **state)
{
	need_nft();
	have_set4(1000);
	nft("flush set inet lockdown update4");
	look();
	if (!sink->link.count) {
		assert_int_equal(count("removed"), 1000);
		return;
	}
	assert_string_equal(order(), "emptied");
	assert_ptr_equal(seen[0].set, &set4);
	assert_memory_equal(seen[0].name, "nft[", 4);
	/* Flushed and filled in one: nothing may be taken for held that is not. */
	assert_int_equal(one(SINK_ADD, &set4, 1, 60000), 0);
	assert_int_equal(one(SINK_ADD, &set4, 2, 60000), 0);
	forget_seen();
	nft("flush set inet lockdown update4; add element inet lockdown update4 { 198.0.0.2 timeout 9m comment \"x\" }");
	look();
	assert_string_equal(order(), "removed removed element");
	assert_non_null(find("removed", "198.0.0.1"));
	assert_string_equal(seen[2].key, "198.0.0.2");
	assert_in_range(seen[2].left_ms, 539000, 540000);
	assert_false(seen[2].ours);
	assert_string_equal(seen[2].name, "x");
}

/* Kernels that do not say how many elements a set has. */
static void test_flush_uncounted(void **state)
{
	need_nft();
	have_set4(1000);
	sink->link.count = false;
	nft("flush set inet lockdown update4");
	look();
	assert_int_equal(count("removed"), 1000);
	assert_int_equal(n_seen, 1000);
}

static void test_changed(void **state)
{
	need_nft();
	have_set4(2);
	nft("add element inet lockdown update4 { 198.0.0.1 timeout 5s, 198.0.0.9 }");
	look();
	assert_string_equal(order(), "element element");
	assert_non_null(find("element", "198.0.0.1"));
	assert_in_range(find("element", "198.0.0.1")->left_ms, 4000, 5000);
	assert_true(find("element", "198.0.0.1")->ours);
	assert_true(find("element", "198.0.0.9")->left_ms == SINK_EVER);
	assert_false(find("element", "198.0.0.9")->ours);
}

static void test_gone(void **state)
{
	need_nft();
	have_set4(2);
	nft("delete set inet lockdown update4");
	look();
	assert_string_equal(order(), "gone");
	assert_memory_equal(seen[0].name, "nft[", 4);
	assert_false(set4.present);
	assert_int_equal(one(SINK_ADD, &set4, 7, 60000), -ENOENT);
	forget_seen();
	nft(SET4);
	look();
	assert_string_equal(order(), "present dumped");
	assert_true(set4.present);
	forget_seen();
	nft("add set inet lockdown update4 { type ipv4_addr; flags timeout; size 200000; }");
	look();
	assert_string_equal(order(), "");
	nft("delete table inet lockdown");
	look();
	assert_string_equal(order(), "gone");
}

/* As a ruleset that is loaded anew does it. */
static void test_ruleset(void **state)
{
	need_nft();
	have_set4(2);
	nft("flush ruleset; " TABLE SET4 "add element inet lockdown update4 { 198.0.0.9 timeout 1m }");
	look();
	assert_string_equal(order(), "gone present element dumped");
	assert_string_equal(find("element", NULL)->key, "198.0.0.9");
	assert_int_equal(one(SINK_ADD, &set4, 1, 60000), 0);
	forget_seen();
	nft("flush ruleset; " TABLE SET4 "delete set inet lockdown update4");
	look();
	assert_string_equal(order(), "gone");
	/* One of another type is none. */
	forget_seen();
	nft("add set inet lockdown update4 { type inet_service; flags timeout; }");
	look();
	assert_string_equal(order(), "");
	assert_int_equal(sink_nft.probe(sink, &set4), -EINVAL);
}

/* Two exports may share a set. */
static void test_shared(void **state)
{
	struct sink_set second;

	need_nft();
	have_set4(2);
	assert_int_equal(nft_add_set(&second, 0, &conf[1]), 0);
	look();
	assert_int_equal(count("element"), 2);
	forget_seen();
	nft("delete element inet lockdown update4 { 198.0.0.1 }");
	look();
	assert_string_equal(order(), "removed removed");
	assert_ptr_not_equal(seen[0].set, seen[1].set);
	forget_seen();
	nft("flush ruleset");
	look();
	assert_string_equal(order(), "gone gone");
	sink_nft.remove(sink, &second);
}

static void test_dump(void **state)
{
	need_nft();
	have_set4(3000);
	nft("add element inet lockdown update4 { 198.9.9.9 comment \"by hand\", 198.9.9.8 timeout 1d }");
	look();
	forget_seen();
	assert_int_equal(sink_nft.dump(sink, &set4), 0);
	/* In the loop's turns. */
	assert_string_equal(order(), "");
	while (!count("dumped"))
		help_turn(1);
	assert_int_equal(count("element"), 3002);
	assert_string_equal(find("element", "198.9.9.9")->name, "by hand");
	assert_true(find("element", "198.9.9.9")->left_ms == SINK_EVER);
	assert_false(find("element", "198.9.9.9")->ours);
	assert_in_range(find("element", "198.9.9.8")->left_ms, 86000000, 86400000);
	assert_true(find("element", "198.0.0.5")->ours);
	assert_string_equal(find("element", "198.0.0.5")->name, "dl.example.com");
	assert_in_range(find("element", "198.0.0.5")->left_ms, 590000, 601000);
	nft("flush ruleset");
	assert_int_equal(sink_nft.dump(sink, &set4), -ENOENT);
}

static void test_dump_cut(void **state)
{
	need_nft();
	have_set4(3000);
	assert_int_equal(sink_nft.dump(sink, &set4), 0);
	sink_nft.remove(sink, &set4);
	help_turn(20);
	assert_string_equal(order(), "");
	/* Another dump after it is not taken for its rest. */
	assert_int_equal(nft_add_set(&set4, 0, &conf[0]), 0);
	look();
	assert_int_equal(count("element"), 3000);
	/* A transaction in between: begun anew, and in the end taken as it is. */
	forget_seen();
	assert_int_equal(sink_nft.dump(sink, &set4), 0);
	for (unsigned i = 0; !count("dumped"); i++) {
		assert_true(i < 1000);
		assert_int_equal(one(SINK_ADD, &set4, 5000 + i, 60000), 0);
		help_turn(1);
	}
	assert_true(count("element") >= 2900);
}

static void test_overrun(void **state)
{
	int small = 4096;

	need_nft();
	have_set4(2000);
	assert_int_equal(setsockopt(mnl_socket_get_fd(sink->link.events), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	nft("flush set inet lockdown update4");
	look();
	assert_true(count("overrun") >= 1);
	/* The loop too gets over it. */
	forget_seen();
	nft("add set inet lockdown other { type ipv4_addr; }");
	for (unsigned i = 0; i < 20; i++)
		nft("add element inet lockdown other { 192.0.2.%u }; delete set inet lockdown other; "
		    "add set inet lockdown other { type ipv4_addr; }", i);
	help_turn(20);
	assert_true(count("overrun") >= 1);
	forget_seen();
	nft("delete table inet lockdown");
	help_turn(20);
	assert_int_equal(count("gone"), 1);
}

/* A large transaction is told long after it took effect: it is noticed all the same. */
static void test_late(void **state)
{
	struct nft_link other;
	uint32_t before, gen;

	need_nft();
	have_set4(100000);
	assert_int_equal(nft_link_open(&other, false), 0);
	assert_int_equal(nft_gen_ask(&other, &before), 0);
	assert_int_equal(system("nft flush set inet lockdown update4 &"), 0);
	do
		assert_int_equal(nft_gen_ask(&other, &gen), 0);
	while (gen == before);
	loop_update_now(loop);
	sink_nft.poll(sink);
	assert_true(count("overrun") || count("emptied"));
	assert_int_equal(left(&set4, 1), 0);
	assert_true(!sink->stale || sink_nft.busy(sink));
	/* Waits for the end of it. What is told then is known, and hurts nothing that was put in since. */
	assert_int_equal(one(SINK_ADD, &set4, 1, 60000), 0);
	forget_seen();
	look();
	assert_int_equal(n_seen, 0);
	nft("delete element inet lockdown update4 { 198.0.0.1 }");
	look();
	assert_int_equal(count("removed") + count("emptied"), 1);
	nft_link_close(&other);
}

/* Transactions of ours, also such as change nothing, and those of others: none is taken for one that is not told. */
static void test_generations(void **state)
{
	need_nft();
	have_set4(3);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(one(SINK_DELETE, &set4, 77, 0), 0);
		nft("add element inet lockdown update4 { 192.0.2.%u }", i);
		assert_int_equal(one(SINK_RENEW, &set4, 1, 700000 + i * 1000), 0);
		assert_int_equal(one(SINK_ADD, &set4, 2, 60000), -EEXIST);
		look();
		assert_int_equal(one(SINK_DELETE, &set4, 1, 0), 0);
		assert_int_equal(one(SINK_ADD, &set4, 1, 60000), 0);
		look();
	}
	assert_int_equal(count("element"), 20);
	assert_int_equal(n_seen, 20);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_removed, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_flush, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_flush_uncounted, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_changed, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_gone, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_ruleset, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_shared, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_dump, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_dump_cut, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_overrun, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_late, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_generations, nft_setup, nft_teardown),
	};

	nft_enter();
	return cmocka_run_group_tests_name("export_nft_event", tests, NULL, NULL);
}
