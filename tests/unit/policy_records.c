/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reply_text.h"

static struct arena *arena;
static struct diag_list *diags;
static const struct records *records;

static int setup(void **state)
{
	arena = arena_new(16 << 20);
	diags = diag_new();
	return arena && diags ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(arena);
	diag_free(diags);
	return 0;
}

/* Line i + 1 of the file for text[i]. */
static void build(const char *const *text, size_t n)
{
	struct conf_str *v = arena_array(arena, n + 1, sizeof(*v));
	struct conf c = { .path = "t.conf", .records = v, .n_records = n };

	assert_non_null(v);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct conf_str){ text[i], (unsigned)i + 1 };
	records = records_build(arena, &c, diags);
	assert_non_null(records);
}

static void answer(const char *name, uint16_t type, size_t limit, const char *want)
{
	uint8_t msg[WIRE_QUERY_MAX], out[WIRE_MAX];
	struct name n = snap_name(name);
	const struct record_set *set = records_find(records, &n);
	struct wire_query q;

	assert_non_null(set);
	assert_true(name_equal(&set->name, &n));
	snap_question(&q, msg, name, type, false);
	reply_expect(out, records_answer(set, &q, 60, out, sizeof(out), limit), want);
}

#define SOA(zone) "ns " zone " 60 IN SOA " zone " nobody.invalid. 1 3600 1200 604800 60\n"
#define B "b.example.com. 300 IN A 10.0.0.6\nb.example.com. 300 IN A 10.0.0.5\n"

static void test_answers(void **state)
{
	static const char *const text[] = {
		"b.example.com. 300 IN A 10.0.0.6", "c.example.com. IN TXT \"one\" \"two\"",
		"B.Example.com. 300 IN A 10.0.0.5", "b.example.com. 20 IN AAAA fd00::1",
		"a.example.com. 7 IN CNAME b.example.com.", "a0.example.com. 8 IN CNAME A.example.com.",
		"srv.example.com. 30 IN SRV 1 2 3 elsewhere.org.",
	};
	struct name n = snap_name("example.com");

	build(text, ARRAY_SIZE(text));
	assert_int_equal(diag_errors(diags), 0);
	assert_null(records_find(records, &n));
	answer("b.example.com", TYPE_A, 512, "NOERROR\n" B);
	answer("b.example.com", TYPE_AAAA, 512, "NOERROR\nb.example.com. 20 IN AAAA fd00::1\n");
	answer("b.example.com", TYPE_MX, 512, "NOERROR\n" SOA("b.example.com."));
	answer("c.example.com", TYPE_TXT, 512, "NOERROR\nc.example.com. 3600 IN TXT \"one\" \"two\"\n");
	answer("a.example.com", TYPE_A, 512, "NOERROR\na.example.com. 7 IN CNAME b.example.com.\n" B);
	answer("a0.example.com", TYPE_A, 512,
	       "NOERROR\na0.example.com. 8 IN CNAME A.example.com.\na.example.com. 7 IN CNAME b.example.com.\n" B);
	answer("a0.example.com", TYPE_CNAME, 512, "NOERROR\na0.example.com. 8 IN CNAME A.example.com.\n");
	answer("a.example.com", TYPE_TXT, 512,
	       "NOERROR\na.example.com. 7 IN CNAME b.example.com.\n" SOA("b.example.com."));
	answer("srv.example.com", TYPE_SRV, 512, "NOERROR\nsrv.example.com. 30 IN SRV 1 2 3 elsewhere.org.\n");
	answer("b.example.com", TYPE_A, 62, "NOERROR TC\n");
	answer("b.example.com", TYPE_A, 63, "NOERROR\n" B);
}

static void test_errors(void **state)
{
	static const char *const text[] = {
		"a.example.com. IN CNAME nowhere.example.com.", "b.example.com. IN CNAME a.example.com.",
		"b.example.com. IN A 10.0.0.1", "c.example.com. IN CNAME d.example.com.",
		"d.example.com. IN CNAME e.example.com.", "e.example.com. IN CNAME c.example.com.",
		"f.example.com. IN A 10.0.0.256", "g.example.com. IN CNAME d.example.com.",
		"self.example.com. IN CNAME self.example.com.",
	};
	static const char *const want[] = {
		"t.conf:1: error: record: the CNAME of a.example.com leads to nowhere.example.com, which has no record here",
		"t.conf:2: error: record: b.example.com has a CNAME and other records; a CNAME stands alone",
		"t.conf:4: error: record: the CNAMEs of c.example.com go in a circle",
		"t.conf:5: error: record: the CNAMEs of d.example.com go in a circle",
		"t.conf:6: error: record: the CNAMEs of e.example.com go in a circle",
		"t.conf:7: error: record: ",
		"t.conf:8: error: record: the CNAMEs of g.example.com go in a circle",
		"t.conf:9: error: record: the CNAMEs of self.example.com go in a circle",
	};
	char *got, *line, *save = NULL;
	size_t i = 0;

	build(text, ARRAY_SIZE(text));
	assert_int_equal(diag_errors(diags), ARRAY_SIZE(want));
	got = util_diags(diags);
	for (line = strtok_r(got, "\n", &save); line; line = strtok_r(NULL, "\n", &save), i++) {
		assert_true(i < ARRAY_SIZE(want));
		if (strncmp(line, want[i], strlen(want[i])))
			fail_msg("%s, expected %s", line, want[i]);
	}
	assert_int_equal(i, ARRAY_SIZE(want));
	free(got);
}

/* A chain as long as an upstream's may be, and one longer. */
static void test_long(void **state)
{
	const char *text[19];
	char *t;

	for (unsigned i = 0; i < 17; i++) {
		assert_true(asprintf(&t, "n%u.example.com. IN CNAME n%u.example.com.", i, i + 1) > 0);
		text[i] = arena_text(arena, t, strlen(t));
		free(t);
	}
	text[17] = "n17.example.com. IN A 10.0.0.1";
	build(text + 1, 17);
	assert_int_equal(diag_errors(diags), 0);
	build(text, 18);
	assert_int_equal(diag_errors(diags), 1);
}

static void test_empty(void **state)
{
	struct name n = snap_name("example.com");

	build(NULL, 0);
	assert_null(records_find(records, &n));
	assert_null(records_find(records, &name_root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
	};

	return cmocka_run_group_tests_name("policy_records", tests, util_setup, util_teardown);
}
