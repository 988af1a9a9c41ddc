/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sched.h>

#include "sink_help.h"

/* The sink against the kernel's own ipset, in a network namespace; what ipset(8) sees is what counts. */

static bool usable;

static int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command);
}

static const char *listing(const char *set)
{
	static char text[65536];
	char command[128];
	FILE *p;
	size_t n;

	snprintf(command, sizeof(command), "ipset save %s 2>&1", set);
	p = popen(command, "r");
	assert_non_null(p);
	n = fread(text, 1, sizeof(text) - 1, p);
	text[n] = '\0';
	pclose(p);
	return text;
}

#define assert_lists(set, text) \
	do { if (!strstr(listing(set), text)) fail_msg("no \"%s\" in:\n%s", text, listing(set)); } while (0)
#define assert_lacks(set, text) \
	do { if (strstr(listing(set), text)) fail_msg("\"%s\" in:\n%s", text, listing(set)); } while (0)
#define assert_told(text) \
	do { if (!strstr(told, text)) fail_msg("no \"%s\" was told:\n%s", text, told); } while (0)

static int setup(void **state)
{
	kind = &sink_ipset;
	conf = (struct conf_export){ .name.text = "x", .kind = EXPORT_IPSET, .size = 65536, .deadline_ms = 500 };
	conf.set[0].name = "u4";
	conf.set[1].name = "u6";
	forget_told();
	usable = !geteuid() && !unshare(CLONE_NEWNET) && !shell("ipset list -n >/dev/null 2>&1");
	return help_setup(state);
}

#define need() do { if (!usable) { print_message("needs root, namespaces and ipset\n"); skip(); } } while (0)

static int teardown(void **state)
{
	if (sink)
		kind->close(sink);
	sink = NULL;
	return help_teardown(state);
}

static bool was_dumped(void)
{
	return n_dumped > 0;
}

static void begin(const char *create)
{
	assert_int_equal(shell("%s", create), 0);
	sink_open();
	assert_int_equal(sink_take(EXPORT_V4), 0);
	help_until(was_dumped);
	assert_true(sets[0].present);
}

static void add_renew_delete(void **state)
{
	need();
	begin("ipset create u4 hash:ip timeout 0 comment");
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 10500, "www.example.com"), 0);
	assert_lists("u4", "add u4 192.0.2.1 timeout 1");
	assert_lists("u4", "comment \"postern www.example.com\"");
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 99000, "b.example.com"), -EEXIST);
	assert_lists("u4", "timeout 1");
	assert_int_equal(operate(SINK_RENEW, NULL, "192.0.2.1", NULL, 99000, "b.example.com"), 0);
	assert_lists("u4", "timeout 9");
	assert_int_equal(operate(SINK_DELETE, NULL, "192.0.2.1", NULL, 0, ""), 0);
	assert_lacks("u4", "192.0.2.1");
	assert_int_equal(operate(SINK_DELETE, NULL, "192.0.2.1", NULL, 0, ""), 0);
	/* Never less than was asked for. */
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.2", NULL, 1, "a"), 0);
	assert_lists("u4", "192.0.2.2");
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.3", NULL, 3000000000000ull, "a"), -ERANGE);
}

static void services(void **state)
{
	need();
	begin("ipset create u4 hash:ip,port timeout 0 comment");
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", "tcp/443", 60000, "a"), 0);
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", "udp/443", 60000, "a"), 0);
	assert_lists("u4", "add u4 192.0.2.1,tcp:443 ");
	assert_lists("u4", "add u4 192.0.2.1,udp:443 ");
}

static void clients_and_services(void **state)
{
	need();
	begin("ipset create u4 hash:ip,port,ip timeout 0 comment");
	assert_int_equal(operate(SINK_ADD, "10.1.2.3", "192.0.2.1", "tcp/443", 60900, "a"), 0);
	assert_lists("u4", "add u4 10.1.2.3,tcp:443,192.0.2.1 ");
	forget_told();
	assert_int_equal(kind->dump(sink, &sets[0]), 0);
	help_until(was_dumped);
	assert_told("element 10.1.2.3 . 192.0.2.1 . tcp . 443 ours 60 a\n");
}

static void clients(void **state)
{
	need();
	if (shell("ipset create u4 hash:net,net timeout 0 comment 2>/dev/null")) {
		print_message("this kernel has no hash:net,net\n");
		skip();
	}
	begin("true");
	assert_int_equal(operate(SINK_ADD, "10.1.2.3", "192.0.2.1", NULL, 60000, "a"), 0);
	assert_lists("u4", "add u4 10.1.2.3,192.0.2.1 ");
}

static void ipv6(void **state)
{
	need();
	assert_int_equal(shell("ipset create u6 hash:ip,port family inet6 timeout 0 comment"), 0);
	sink_open();
	assert_int_equal(sink_take(EXPORT_V6), 0);
	assert_int_equal(operate(SINK_ADD, NULL, "2001:db8::1", "tcp/80", 60900, "a"), 0);
	assert_lists("u6", "add u6 2001:db8::1,tcp:80 ");
	help_until(was_dumped);
	forget_told();
	assert_int_equal(kind->dump(sink, &sets[1]), 0);
	help_until(was_dumped);
	assert_told("element 2001:db8::1 . tcp . 80 ours 60 a\n");
}

/* What was there before: ours by its mark, others' with and without an end. */
static void adopts(void **state)
{
	need();
	begin("ipset create u4 hash:ip timeout 0 comment;"
	      "ipset add u4 192.0.2.1 timeout 500 comment 'postern old.example.com';"
	      "ipset add u4 192.0.2.2 timeout 700 comment mine; ipset add u4 192.0.2.3");
	assert_told("element 192.0.2.1 ours 500 old.example.com\n");
	assert_told("element 192.0.2.2 theirs 700 mine\n");
	assert_told("element 192.0.2.3 theirs ever \n");
}

static void others_elements(void **state)
{
	struct sink_element e;
	struct sink_op *op;

	need();
	begin("ipset create u4 hash:ip timeout 0 comment counters");
	assert_int_equal(shell("ipset add u4 192.0.2.2 timeout 100 comment mine packets 7 bytes 9"), 0);
	assert_int_equal(shell("ipset add u4 192.0.2.3"), 0);
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.2", NULL, 600000, "a"), -EEXIST);
	assert_int_equal(kind->get(sink, &sets[0], ops[n_ops - 1].key, &e), 0);
	assert_false(e.ours);
	assert_in_range(e.left_ms, 98000, 100000);
	op = op_make(SINK_RENEW, EXPORT_V4, NULL, "192.0.2.2", NULL, 600000, "a");
	op->foreign = true;
	submit(op);
	assert_int_equal(op->err, 0);
	assert_lists("u4", "packets 7 bytes 9 comment \"mine\"");
	assert_lacks("u4", "192.0.2.2 timeout 100");
	assert_lacks("u4", "192.0.2.2 timeout 9");
	/* Shorter, and one without an end: both stay as they are. */
	op = op_make(SINK_RENEW, EXPORT_V4, NULL, "192.0.2.2", NULL, 5000, "a");
	op->foreign = true;
	submit(op);
	assert_lacks("u4", "192.0.2.2 timeout 5 ");
	op = op_make(SINK_RENEW, EXPORT_V4, NULL, "192.0.2.3", NULL, 5000, "a");
	op->foreign = true;
	submit(op);
	assert_int_equal(op->err, 0);
	assert_lists("u4", "192.0.2.3 timeout 0");
}

static void full(void **state)
{
	need();
	begin("ipset create u4 hash:ip timeout 0 maxelem 1");
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 60000, "a"), 0);
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.2", NULL, 60000, "a"), -ENFILE);
	assert_int_equal(operate(SINK_RENEW, NULL, "192.0.2.1", NULL, 90000, "a"), 0);
}

static bool was_lost(void)
{
	return n_emptied + n_removed > 0;
}

/* Gives how long it took to be noticed, in ms. */
static double loses(const char *command)
{
	uint64_t begun;

	forget_told();
	assert_int_equal(shell("%s", command), 0);
	begun = clock_now().mono_us;
	help_until(was_lost);
	return (double)(told_us - begun) / 1000;
}

static void losses(void **state)
{
	double ms;

	need();
	begin("ipset create u4 hash:ip timeout 0 comment");
	for (int i = 1; i < 40; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "192.0.2.%d", i);
		assert_int_equal(operate(SINK_ADD, NULL, addr, NULL, 60000, "a"), 0);
	}
	ms = loses("ipset del u4 192.0.2.17");
	assert_told("removed 192.0.2.17\n");
	assert_int_equal(n_removed + n_emptied + n_overrun, 1);
	print_message("deletion noticed %.1f ms after ipset(8) had ended\n", ms);
	ms = loses("ipset flush u4");
	assert_string_equal(told, "emptied 0 there\n");
	print_message("flush noticed %.1f ms after\n", ms);
	assert_true(ms < 50);
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 60000, "a"), 0);
	loses("ipset destroy u4");
	assert_string_equal(told, "emptied 0 gone\n");
	assert_false(sets[0].present);
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 60000, "a"), -ENOENT);
	assert_int_equal(kind->probe(sink, &sets[0]), -ENOENT);
	assert_int_equal(shell("ipset create u4 hash:ip timeout 0 comment"), 0);
	forget_told();
	assert_int_equal(kind->probe(sink, &sets[0]), 0);
	help_until(was_dumped);
	assert_int_equal(n_present, 1);
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 60000, "a"), 0);
}

static bool was_overrun(void)
{
	return n_overrun > 0;
}

static void swapped(void **state)
{
	need();
	begin("ipset create u4 hash:ip timeout 0 comment;"
	      "ipset create v4 hash:ip timeout 0; ipset add v4 198.51.100.1");
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 60000, "a"), 0);
	forget_told();
	assert_int_equal(shell("ipset swap u4 v4"), 0);
	help_until(was_overrun);
	assert_told("removed 192.0.2.1\n");
}

/* Made anew as a type that would open more than was asked for, while nothing was in it to be missed. */
static void made_anew(void **state)
{
	need();
	begin("ipset create u4 hash:ip,port timeout 0 comment");
	assert_int_equal(shell("ipset destroy u4; ipset create u4 hash:ip timeout 0 comment"), 0);
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", "tcp/443", 60000, "a"), -EINVAL);
	assert_lacks("u4", "192.0.2.1");
	help_until(was_lost);
	assert_told("emptied 0 gone\n");
}

static void unfit(void **state)
{
	static const char *const bad[] = {
		"hash:ip", "hash:mac timeout 0", "hash:net timeout 0", "hash:ip netmask 24 timeout 0",
		"hash:ip timeout 0 forceadd", "hash:ip family inet6 timeout 0",
	};

	need();
	sink_open();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (shell("ipset destroy u4 2>/dev/null; ipset create u4 %s 2>/dev/null", bad[i])) {
			print_message("this kernel has no %s\n", bad[i]);
			continue;
		}
		assert_int_equal(sink_take(EXPORT_V4), -EINVAL);
		assert_non_null(strstr(why, "ipset create u4 hash:ip family inet timeout 0 comment maxelem 65536"));
		assert_int_equal(kind->probe(sink, &sets[0]), -EINVAL);
		if (i + 1 == ARRAY_SIZE(bad)) {
			assert_int_equal(shell("ipset destroy u4; ipset create u4 hash:ip timeout 0"), 0);
			assert_int_equal(kind->probe(sink, &sets[0]), 0);
			help_until(was_dumped);
		}
		kind->remove(sink, &sets[0]);
	}
}

static void creates(void **state)
{
	static const struct { enum conf_export_key key; const char *type; } made[] = {
		{ KEY_ADDRESS, "create u4 hash:ip family inet " },
		{ KEY_SERVICE, "create u4 hash:ip,port family inet " },
		{ KEY_CLIENT_SERVICE, "create u4 hash:ip,port,ip family inet " },
	};

	need();
	sink_open();
	assert_int_equal(sink_take(EXPORT_V4), -ENOENT);
	assert_non_null(strstr(why, "u4"));
	kind->remove(sink, &sets[0]);
	conf.create = true;
	conf.size = 1000;
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		conf.key = made[i].key;
		assert_int_equal(sink_take(EXPORT_V4), 0);
		assert_lists("u4", made[i].type);
		assert_lists("u4", "maxelem 1000 timeout 0 comment");
		kind->remove(sink, &sets[0]);
		assert_int_equal(shell("ipset destroy u4"), 0);
	}
}

/* A large set: what a turn costs, and that a dump amid operations hides and invents nothing. */
static void large(void **state)
{
	enum { N = 20000 };
	uint64_t begun, cpu, idle = (uint64_t)clock();

	need();
	help_turn(1000);
	idle = (uint64_t)clock() - idle;
	assert_int_equal(shell("(echo create u4 hash:ip timeout 0 comment; for i in $(seq 1 %d); do"
			       " echo add u4 10.9.$((i / 250)).$((i %% 250)) timeout 600; done) |"
			       " ipset restore", N), 0);
	sink_open();
	assert_int_equal(sink_take(EXPORT_V4), 0);
	/* While it goes on: */
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 60000, "a"), 0);
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.2", NULL, 60000, "a"), 0);
	assert_int_equal(operate(SINK_DELETE, NULL, "192.0.2.2", NULL, 0, "a"), 0);
	begun = clock_now().mono_us;
	help_until(was_dumped);
	assert_int_equal(n_element, N + 1);
	print_message("dump of %d: %.1f ms\n", N, (double)(clock_now().mono_us - begun) / 1000);
	forget_told();
	cpu = (uint64_t)clock();
	help_turn(1000);
	assert_string_equal(told, "");
	cpu = (uint64_t)clock() - cpu;
	print_message("a second of looking: %.1f ms of CPU; of nothing, in the same loop: %.1f ms\n",
		      (double)cpu * 1000 / CLOCKS_PER_SEC, (double)idle * 1000 / CLOCKS_PER_SEC);
	/* Ours are found missing among thousands of others' before long. */
	print_message("one of 20,000 noticed %.1f ms after\n", loses("ipset del u4 192.0.2.1"));
	assert_told("removed 192.0.2.1\n");
}

/* What an element costs, by hundreds. */
static void speed(void **state)
{
	enum { N = 4000 };
	struct sink_op *all[N];
	char addr[32];
	uint64_t begun;

	need();
	begin("ipset create u4 hash:ip,port timeout 0 comment");
	for (int i = 0; i < N; i++) {
		snprintf(addr, sizeof(addr), "198.51.%d.%d", i / 250, i % 250);
		all[i] = op_make(SINK_ADD, EXPORT_V4, NULL, addr, "tcp/443", 60000, "www.example.com");
	}
	begun = clock_now().mono_us;
	kind->submit(sink, all, N);
	print_message("%.2f us an element\n", (double)(clock_now().mono_us - begun) / N);
	assert_int_equal(n_done, N);
	assert_int_equal(last_err, 0);
	loses("ipset flush u4");
	assert_string_equal(told, "emptied 0 there\n");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(add_renew_delete), T(services), T(clients_and_services), T(clients), T(ipv6), T(adopts),
		T(others_elements), T(full), T(losses), T(swapped), T(made_anew), T(unfit), T(creates), T(large),
		T(speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
