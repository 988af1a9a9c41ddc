/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export_nft_help.h"

#define TABLE "add table inet lockdown; "
#define SET4 "add set inet lockdown update4 { type ipv4_addr; flags timeout; size 65536; }; "
#define SET6 "add set inet lockdown update6 { type ipv6_addr; flags timeout; size 65536; }; "

static struct sink_set set4;

static void have_set4(void)
{
	nft(TABLE SET4);
	assert_int_equal(nft_add_set(&set4, 0, &conf[0]), 0);
	look();
	forget_seen();
}

static void test_add(void **state)
{
	struct sink_element e;

	need_nft();
	have_set4();
	assert_true(set4.present);
	assert_string_equal(set4.what, "inet lockdown update4");
	assert_int_equal(one(SINK_ADD, &set4, 1, 60000), 0);
	assert_listed("198.0.0.1 timeout 1m1s");
	assert_listed("comment \"dl.example.com\"");
	assert_int_equal(sink_nft.get(sink, &set4, key_of(&set4, 1, NULL, 0), &e), 0);
	assert_true(e.ours);
	assert_string_equal(e.name, "dl.example.com");
	assert_in_range(e.left_ms, 60000, 61000);
	assert_int_equal(one(SINK_ADD, &set4, 1, 90000), -EEXIST);
	assert_in_range(left(&set4, 1), 59000, 61000);
	assert_int_equal(sink_nft.get(sink, &set4, key_of(&set4, 2, NULL, 0), &e), -ENOENT);
	assert_int_equal(one(SINK_DELETE, &set4, 1, 0), 0);
	assert_int_equal(one(SINK_DELETE, &set4, 1, 0), 0);
	assert_int_equal(left(&set4, 1), 0);
	/* Of what we do ourselves nothing is told. */
	look();
	assert_string_equal(order(), "");
}

static void test_long_comment(void **state)
{
	char name[400], shown[200];
	struct sink_op o;

	need_nft();
	have_set4();
	o = op(SINK_ADD, &set4, 1, 60000);
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	o.name = name;
	assert_int_equal(submit(&o, 1), 0);
	snprintf(shown, sizeof(shown), "comment \"%.127s\"", name);
	assert_listed(shown);
	o = op(SINK_ADD, &set4, 2, 60000);
	o.name = "\\200.example.com";
	assert_int_equal(submit(&o, 1), 0);
	assert_listed("comment \"\\200.example.com\"");
	/* What nft lists it reads. */
	output("nft list ruleset > /tmp/postern-nft-$$ && nft flush ruleset && nft -f /tmp/postern-nft-$$; s=$?; rm /tmp/postern-nft-$$; exit $s");
	assert_listed(shown);
}

static void test_renew(void **state)
{
	struct sink_op o;

	need_nft();
	have_set4();
	for (int replace = 0; replace < 2; replace++) {
		set4.refresh_replace = replace;
		assert_int_equal(one(SINK_ADD, &set4, 1, 5000), 0);
		assert_int_equal(one(SINK_RENEW, &set4, 1, 60000), 0);
		assert_in_range(left(&set4, 1), 60000, 61000);
		/* With the time that it has: to its full length again. */
		usleep(30000);
		assert_int_equal(one(SINK_RENEW, &set4, 1, 60000), 0);
		assert_in_range(left(&set4, 1), 60990, 61000);
		assert_int_equal(one(SINK_RENEW, &set4, 2, 60000), 0);
		assert_listed("198.0.0.2 timeout 1m1s");
		assert_int_equal(one(SINK_DELETE, &set4, 1, 0), 0);
		assert_int_equal(one(SINK_DELETE, &set4, 2, 0), 0);
	}
	nft("add element inet lockdown update4 { 198.0.0.3 timeout 50s comment \"theirs\", 198.0.0.4 timeout 2h }");
	o = op(SINK_RENEW, &set4, 3, 60000);
	o.foreign = true;
	assert_int_equal(submit(&o, 1), -EOPNOTSUPP);
	set4.refresh_replace = false;
	assert_int_equal(submit(&o, 1), 0);
	assert_listed("198.0.0.3 timeout 1m1s expires 1m");
	assert_listed("comment \"theirs\"");
	o = op(SINK_RENEW, &set4, 4, 60000);
	o.foreign = true;
	assert_int_equal(submit(&o, 1), 0);
	assert_in_range(left(&set4, 4), 7190000, 7200000);
	o = op(SINK_RENEW, &set4, 5, 60000);
	o.foreign = true;
	assert_int_equal(submit(&o, 1), -ENOENT);
}

/* One that fails takes nobody with it. */
static void test_batch(void **state)
{
	struct sink_op *ops = calloc(2500, sizeof(*ops));
	struct conf_export small = conf[0];
	struct sink_set full;

	need_nft();
	have_set4();
	nft("add set inet lockdown small { type ipv4_addr; flags timeout; size 100; }");
	small.set[0].name = "small";
	assert_int_equal(nft_add_set(&full, 0, &small), 0);
	nft("add element inet lockdown update4 { 198.0.0.7, 198.0.4.0 timeout 1m, 198.0.8.0 }");
	for (unsigned i = 0; i < 2500; i++)
		ops[i] = op(SINK_ADD, i % 10 == 9 ? &full : &set4, i, 60000);
	submit(ops, 2500);
	for (unsigned i = 0; i < 2500; i++) {
		int want = i == 7 || i == 1024 || i == 2048 ? -EEXIST : i % 10 == 9 && i >= 1000 ? -ENFILE : 0;

		if (ops[i].err != want)
			fail_msg("%u: %d, expected %d", i, ops[i].err, want);
	}
	assert_in_range(left(&set4, 2498), 59000, 61000);
	nft("delete set inet lockdown small");
	for (unsigned i = 0; i < 100; i++)
		ops[i] = op(SINK_ADD, i % 2 ? &full : &set4, 3000 + i, 60000);
	submit(ops, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(ops[i].err, i % 2 ? -ENOENT : 0);
	free(ops);
}

static void test_without_destroy(void **state)
{
	need_nft();
	have_set4();
	sink->link.destroy = false;
	set4.refresh_replace = true;
	assert_int_equal(one(SINK_ADD, &set4, 1, 60000), 0);
	assert_int_equal(one(SINK_RENEW, &set4, 1, 90000), 0);
	assert_in_range(left(&set4, 1), 90000, 91000);
	assert_int_equal(one(SINK_RENEW, &set4, 2, 90000), 0);
	assert_in_range(left(&set4, 2), 90000, 91000);
	assert_int_equal(one(SINK_DELETE, &set4, 1, 0), 0);
	assert_int_equal(left(&set4, 1), 0);
	assert_int_equal(one(SINK_DELETE, &set4, 1, 0), 0);
}

static const struct {
	enum conf_export_key key;
	unsigned family;
	const char *element;
} shapes[] = {
	{ KEY_ADDRESS, 0, "198.0.0.1 timeout" },
	{ KEY_ADDRESS, 1, "2001:db8::1 timeout" },
	{ KEY_SERVICE, 0, "198.0.0.1 . tcp . 443 timeout" },
	{ KEY_SERVICE, 1, "2001:db8::1 . tcp . 443 timeout" },
	{ KEY_CLIENT, 0, "198.51.100.7 . 198.0.0.1 timeout" },
	{ KEY_CLIENT_SERVICE, 0, "198.51.100.7 . 198.0.0.1 . tcp . 443 timeout" },
	{ KEY_CLIENT, 1, "2001:db8::7 . 2001:db8::1 timeout" },
	{ KEY_CLIENT_SERVICE, 1, "2001:db8::7 . 2001:db8::1 . tcp . 443 timeout" },
};

/* Sets that we make show what they hold, and are read again by nft. */
static void test_create(void **state)
{
	need_nft();
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct sink_op o;
		struct sink_set s;

		conf[0].create = true;
		conf[0].key = shapes[i].key;
		assert_int_equal(nft_add_set(&s, shapes[i].family, &conf[0]), 0);
		look();
		assert_true(s.present);
		o = (struct sink_op){ .what = SINK_ADD, .set = &s, .ms = 60000, .name = "a.example",
				      .key = key_of(&s, 1, shapes[i].family ? "2001:db8::7" : "198.51.100.7", 443) };
		assert_int_equal(submit(&o, 1), 0);
		assert_listed(shapes[i].element);
		assert_listed("size 65536");
		output("nft list ruleset > /tmp/postern-nft-$$ && nft flush ruleset && nft -f /tmp/postern-nft-$$; s=$?; rm /tmp/postern-nft-$$; exit $s");
		assert_listed(shapes[i].element);
		forget_seen();
		look();
		assert_int_equal(count("gone"), 1);
		assert_int_equal(count("present"), 1);
		assert_non_null(find("element", NULL));
		sink_nft.remove(sink, &s);
		nft("flush ruleset");
		look();
		forget_seen();
	}
}

static const struct {
	const char *type;
	bool fits;
	const char *command;
} types[] = {
	{ "type ipv4_addr; flags timeout;", true, NULL },
	{ "type ipv4_addr; flags timeout, dynamic;", true, NULL },
	{ "type ipv4_addr . inet_service; flags timeout;", true, NULL },
	{ "type ipv4_addr . inet_proto . inet_service; flags timeout;", true, NULL },
	{ "type ipv4_addr . ipv4_addr; flags timeout;", true, NULL },
	{ "type ipv4_addr . ipv4_addr . inet_service; flags timeout;", true, NULL },
	{ "type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags timeout;", true, NULL },
	{ "typeof ip daddr . tcp dport; flags timeout;", true, NULL },
	{ "typeof ip saddr . ip daddr . meta l4proto . th dport; flags timeout;", true, NULL },
	{ "type ipv4_addr; flags timeout; counter;", true, NULL },
	{ "type ipv6_addr; flags timeout;", false, "type ipv4_addr;" },
	{ "type ipv4_addr;", false, "type ipv4_addr;" },
	{ "type ipv4_addr . inet_service; flags timeout, interval;", false, "type ipv4_addr . inet_service;" },
	{ "type ipv4_addr; flags constant; elements = { 192.0.2.1 };", false, "type ipv4_addr;" },
	{ "type inet_service; flags timeout;", false, "type ipv4_addr;" },
	{ "type ipv4_addr . inet_proto; flags timeout;", false, "type ipv4_addr;" },
	{ "type inet_service . ipv4_addr; flags timeout;", false, "type ipv4_addr;" },
	{ "type ipv4_addr . ipv6_addr; flags timeout;", false, "type ipv4_addr;" },
};

static void test_types(void **state)
{
	need_nft();
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct sink_set s;
		char *command;
		int err;

		nft(TABLE "add set inet lockdown update4 { %s }", types[i].type);
		err = nft_add_set(&s, 0, &conf[0]);
		if (err != (types[i].fits ? 0 : -EINVAL))
			fail_msg("%s: %d %s", types[i].type, err, why);
		assert_int_equal(s.present, types[i].fits);
		if (types[i].fits) {
			assert_int_equal(one(SINK_ADD, &s, 1, 60000), 0);
			assert_listed("198.0.0.1");
		} else {
			/* The command is right as it stands. */
			command = strstr(why, "nft '");
			assert_non_null(command);
			assert_non_null(strstr(command, types[i].command));
			output(command);
			assert_int_equal(sink_nft.probe(sink, &s), 0);
			assert_true(s.present);
			assert_int_equal(one(SINK_ADD, &s, 1, 60000), 0);
		}
		sink_nft.remove(sink, &s);
		nft("flush ruleset");
		forget_seen();
		look();
	}
	nft(TABLE "add map inet lockdown update4 { type ipv4_addr : mark; flags timeout; }");
	assert_int_equal(nft_add_set(&set4, 0, &conf[0]), -EINVAL);
	assert_non_null(strstr(why, "is a map"));
}

static void test_missing(void **state)
{
	char *command;

	need_nft();
	assert_int_equal(nft_add_set(&set4, 0, &conf[0]), -ENOENT);
	assert_int_equal(one(SINK_ADD, &set4, 1, 60000), -ENOENT);
	assert_int_equal(sink_nft.probe(sink, &set4), -ENOENT);
	command = strstr(why, "nft '");
	assert_non_null(command);
	output(command);
	look();
	assert_string_equal(order(), "present dumped");
	assert_int_equal(one(SINK_ADD, &set4, 1, 60000), 0);
}

static void test_unprivileged(void **state)
{
	pid_t child;
	int status;

	need_nft();
	child = fork();
	if (!child) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		_exit(sink_nft.open(loop, &events, NULL, &conf[0], why, sizeof(why)) || !strstr(why, "CAP_NET_ADMIN"));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* The capability is asked for at every send. */
	child = fork();
	if (!child) {
		struct sink_op o;

		have_set4();
		o = op(SINK_ADD, &set4, 1, 60000);
		if (setgid(65534) || setuid(65534))
			_exit(1);
		_exit(submit(&o, 1) != -EPERM || sink_nft.probe(sink, &set4) != -EPERM);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_add, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_long_comment, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_renew, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_batch, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_without_destroy, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_create, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_types, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_missing, nft_setup, nft_teardown),
		cmocka_unit_test_setup_teardown(test_unprivileged, nft_setup, nft_teardown),
	};

	nft_enter();
	return cmocka_run_group_tests_name("export_nft", tests, NULL, NULL);
}
