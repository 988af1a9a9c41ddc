/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sched.h>
#include <sys/stat.h>

#include "sink_help.h"

#include "export/file_keep.h"

static char folder[64], path[96], json[96];

static int setup(void **state)
{
	kind = &sink_file;
	snprintf(folder, sizeof(folder), "/tmp/postern-file-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/rules.nft", folder);
	snprintf(json, sizeof(json), "%s/rules.nft.json", folder);
	conf = (struct conf_export){ .name.text = "x", .kind = EXPORT_FILE, .path.text = path, .deadline_ms = 500,
				      .size = 65536 };
	conf.set[0] = (struct conf_set){ .family = "inet", .table = "t", .name = "u4" };
	conf.set[1] = (struct conf_set){ .family = "inet", .table = "t", .name = "u6" };
	forget_told();
	return help_setup(state);
}

static int teardown(void **state)
{
	char command[128];

	if (sink)
		kind->close(sink);
	sink = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command))
		return -1;
	return help_teardown(state);
}

static const char *text_of(const char *file)
{
	static char text[1 << 20];
	FILE *in = fopen(file, "r");
	size_t n = in ? fread(text, 1, sizeof(text) - 1, in) : 0;

	text[n] = '\0';
	if (in)
		fclose(in);
	return text;
}

#define assert_has(file, what) \
	do { if (!strstr(text_of(file), what)) fail_msg("no %s in:\n%s", what, text_of(file)); } while (0)
#define assert_lacks(file, what) \
	do { if (strstr(text_of(file), what)) fail_msg("%s in:\n%s", what, text_of(file)); } while (0)

static bool exists(void)
{
	return !access(json, F_OK);
}

static void begin(void)
{
	sink_open();
	assert_int_equal(sink_take(EXPORT_V4), 0);
	assert_int_equal(sink_take(EXPORT_V6), 0);
	assert_string_equal(told, "present 0\ndumped 0 0\npresent 1\ndumped 1 0\n");
	help_until(exists);
	forget_told();
}

static void script_and_json(void **state)
{
	begin();
	assert_has(path, "flush set inet t u4\nflush set inet t u6\n");
	assert_has(json, "\"leases\":[\n]}");
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 359100, "a\\001b"), 0);
	/* Acknowledged: then it is there. */
	assert_has(path, "add element inet t u4 {\n\t192.0.2.1 timeout 360s comment \"a\\001b\"\n}\n");
	assert_has(json, "{\"set\":\"inet t u4\",\"address\":\"192.0.2.1\",\"client\":null,\"ports\":[],"
		   "\"seconds\":360,\"name\":\"a\\\\001b\"}");
	assert_int_equal(operate(SINK_ADD, NULL, "2001:db8::1", NULL, 60000, "c"), 0);
	assert_has(path, "add element inet t u6 {\n\t2001:db8::1 timeout 60s comment \"c\"\n}\n");
	assert_int_equal(operate(SINK_RENEW, NULL, "192.0.2.1", NULL, 500000, "d"), 0);
	assert_has(path, "192.0.2.1 timeout 500s comment \"d\"");
	assert_int_equal(operate(SINK_DELETE, NULL, "192.0.2.1", NULL, 0, ""), 0);
	assert_lacks(path, "192.0.2.1");
	assert_lacks(json, "192.0.2.1");
}

static void json_alone(void **state)
{
	conf.path.text = json;
	memset(conf.set, 0, sizeof(conf.set));
	conf.key = KEY_CLIENT_SERVICE;
	begin();
	assert_int_equal(operate(SINK_ADD, "10.0.0.1", "192.0.2.1", "udp/443", 60000, "a"), 0);
	assert_has(json, "{\"set\":null,\"address\":\"192.0.2.1\",\"client\":\"10.0.0.1\","
		   "\"ports\":[\"udp/443\"],\"seconds\":60,\"name\":\"a\"}");
	assert_int_not_equal(access(path, F_OK), 0);
}

/* What only extends or takes out waits for others of its kind; what opens does not. */
static void throttled(void **state)
{
	uint64_t begun;

	begin();
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 60000, "a"), 0);
	begun = clock_now().mono_us;
	assert_int_equal(operate(SINK_RENEW, NULL, "192.0.2.1", NULL, 90000, "a"), 0);
	assert_in_range(clock_now().mono_us - begun, 50000, 250000);
	begun = clock_now().mono_us;
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.2", NULL, 60000, "a"), 0);
	assert_true(clock_now().mono_us - begun < 45000);
}

static bool left(void)
{
	return !strstr(text_of(json), "192.0.2.1");
}

static void ended_leave(void **state)
{
	begin();
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 300, "a"), 0);
	assert_has(json, "192.0.2.1");
	help_until(left);
	assert_lacks(path, "192.0.2.1");
}

/* The file stays whole, and nothing is acknowledged that is not in it. */
static void cannot_write(void **state)
{
	char moved[128];

	begin();
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 60000, "a"), 0);
	/* A folder in the way of the temporary file stops root, too. */
	snprintf(moved, sizeof(moved), "%s/.rules.nft.new", folder);
	assert_int_equal(mkdir(moved, 0700), 0);
	assert_int_not_equal(operate(SINK_ADD, NULL, "192.0.2.2", NULL, 60000, "b"), 0);
	assert_has(path, "192.0.2.1");
	assert_int_not_equal(kind->probe(sink, &sets[0]), 0);
	assert_int_equal(rmdir(moved), 0);
	help_turn(20);
	assert_int_equal(kind->probe(sink, &sets[0]), 0);
	assert_lacks(json, "192.0.2.2");
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.2", NULL, 60000, "b"), 0);
	assert_has(json, "192.0.2.2");
}

static void full(void **state)
{
	conf.size = 1;
	begin();
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.1", NULL, 60000, "a"), 0);
	assert_int_equal(operate(SINK_ADD, NULL, "192.0.2.2", NULL, 60000, "a"), -ENFILE);
	assert_int_equal(operate(SINK_RENEW, NULL, "192.0.2.1", NULL, 90000, "a"), 0);
}

static void no_folder(void **state)
{
	conf.path.text = "/nowhere/at/all/x.json";
	assert_null(kind->open(loop, &events, NULL, &conf, why, sizeof(why)));
	assert_string_equal(why, "/nowhere/at/all/x.json: No such file or directory");
}

/* Thousands, over several turns: whole, and as nft reads them. */
static void many(void **state)
{
	enum { N = 3500 };
	uint64_t begun;
	char command[512];

	conf.key = KEY_SERVICE;
	begin();
	for (int i = 0; i < N; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "198.51.%d.%d", i / 250, i % 250);
		submit(op_make(SINK_ADD, EXPORT_V4, NULL, addr, "tcp/443", 60000, "www.example.com"));
	}
	wanted = N;
	begun = clock_now().mono_us;
	help_until(all_done);
	print_message("%d elements written in %.1f ms\n", N, (double)(clock_now().mono_us - begun) / 1000);
	if (geteuid() || unshare(CLONE_NEWNET)) {
		print_message("not root: nft is not asked\n");
		return;
	}
	snprintf(command, sizeof(command),
		 "nft 'add table inet t;"
		 "add set inet t u4 { type ipv4_addr . inet_proto . inet_service; flags timeout; };"
		 "add set inet t u6 { type ipv6_addr . inet_proto . inet_service; flags timeout; }' &&"
		 "nft -f %s && nft -f %s &&"
		 "[ $(nft list set inet t u4 | grep -o 'tcp . 443 timeout' | wc -l) = %d ]", path, path, N);
	assert_int_equal(system(command), 0);
}

static void kept(void **state)
{
	enum { N = 5000 };
	static bool in[N];
	struct keep k;
	size_t used = 0;
	uint8_t key[8] = { 0 };

	keep_init(&k, 8);
	srand(7);
	for (int i = 0; i < 200000; i++) {
		int n = rand() % N;
		struct keep_entry *e;

		bytes_put_u32(key, (uint32_t)n);
		e = keep_find(&k, key);
		assert_int_equal(e != NULL, in[n]);
		if (e && rand() % 2) {
			assert_int_equal(e->end_us, n);
			keep_drop(&k, e);
			used--;
		} else if (!e) {
			e = keep_put(&k, key);
			assert_non_null(e);
			e->end_us = (uint64_t)n;
			used++;
		}
		in[n] = keep_find(&k, key) != NULL;
		assert_int_equal(k.used, used);
	}
	assert_true(k.n <= N);
	keep_free(&k);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(script_and_json), T(json_alone), T(throttled), T(ended_leave), T(cannot_write), T(full),
		T(no_folder), T(many), T(kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
