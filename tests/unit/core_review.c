/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include "core/review.h"

static const char catalog[] =
	"[web]\nports = tcp/443\nallow = www.ex.com *.shared.com\nchain = *.edge.net\n"
	"[time]\nports = udp/123\ntypes = TXT\nallow = time.ex.com www.ex.com\n";
static const char other[] = "[alone]\nports = tcp/8080\nallow = *.shared.com alone.ex.com\n";

static const char third[] = "[odd]\nports = tcp/9\nallow = time.ex.com\n";

static const char config[] =
	"[export one]\nset4 = inet t one\n"
	"[export two]\nset4 = inet t two\n"
	"[forward corp.test]\naddress = 10.0.0.1\nports = tcp/25\n"
	"[records]\nrecord = www.ex.com A 192.0.2.1\nrecord = plain.ex.com A 192.0.2.1\n"
	"[profile default]\ncatalog = c\nexport = one\n"
	"[profile second]\nclients = 10.0.0.0/8\ncatalog = d\nexport = one two\n"
	"[profile none]\nclients = 10.1.0.0/16\ncatalog = c e\n";

static struct snapshot *snap;
static struct learned *learned;

static int group_setup(void **state)
{
	if (util_setup(state))
		return -1;
	util_text("c.ini", catalog);
	util_text("d.ini", other);
	util_text("e.ini", third);
	snap = snap_build(config, 1);
	learned = learned_new(64);
	return 0;
}

static int group_teardown(void **state)
{
	learned_free(learned);
	snapshot_release(snap);
	return util_teardown(state);
}

/* ports "" : it may not go on. */
static void expect(const char *profile, const char *name, uint64_t exports, const char *ports)
{
	struct proto_review r = { .id = 7, .profile = profile ? snap_profile(snap, profile)->id : 0,
				  .name = snap_name(name) };
	struct proto_verdict v;
	char got[512], one[16], *out = got;

	memset(&v, 0xff, sizeof(v));
	v.id = r.id;
	review_judge(snap, learned, 1000, &r, &v);
	got[0] = '\0';
	for (size_t i = 0; v.ok && i < v.n_ports; i++)
		out += sprintf(out, "%s%s", i ? " " : "", conf_port_text(&v.ports[i], one));
	assert_int_equal(v.id, 7);
	assert_string_equal(got, ports);
	assert_int_equal(v.ok, ports[0] != '\0');
	if (v.ok)
		assert_int_equal(v.exports, exports);
}

static void test_catalogue(void **state)
{
	expect("default", "a.shared.com", 1, "tcp/443");
	expect("second", "a.shared.com", 3, "tcp/8080");
	/* the ports of all entries that take it, and also where the question was for another type */
	expect("default", "www.ex.com", 1, "tcp/443 udp/123");
	expect("default", "time.ex.com", 1, "udp/123");
	expect("default", "alone.ex.com", 0, "");
	expect("default", "x.edge.net", 0, "");
	expect("default", "nothing.org", 0, "");
	expect("second", "www.ex.com", 0, "");
}

static void test_forward(void **state)
{
	expect("default", "host.corp.test", 1, "tcp/25");
	/* its entry's are to open */
	expect("default", "plain.ex.com", 0, "");
}

/* Without exports a profile opens nothing, whatever it allows. */
static void test_no_export(void **state)
{
	expect("none", "www.ex.com", 0, "");
}

/* Of leases that an earlier process made nobody knows the profile: any may have opened them. */
static void test_any_profile(void **state)
{
	expect(NULL, "a.shared.com", 3, "tcp/443 tcp/8080");
	expect(NULL, "www.ex.com", 1, "tcp/443 udp/123");
	expect(NULL, "alone.ex.com", 3, "tcp/8080");
	expect(NULL, "time.ex.com", 1, "udp/123");
	expect(NULL, "nothing.org", 0, "");
	/* it may have been learned, from whatever name */
	expect(NULL, "x.edge.net", 1, "tcp/25 tcp/443 udp/123 tcp/8080 tcp/9");
}

static void test_profile_gone(void **state)
{
	struct proto_review r = { .profile = 12345, .name = snap_name("www.ex.com") };
	struct proto_verdict v = { .ok = true };

	review_judge(snap, learned, 1000, &r, &v);
	assert_false(v.ok);
}

static void test_learned(void **state)
{
	const struct profile *p = snap_profile(snap, "default");
	struct name www = snap_name("www.ex.com"), x = snap_name("x.edge.net");
	struct verdict v;

	decide(snap, p, &www, TYPE_A, &v);
	learned_add(learned, p, &x, &www, false, &v.attrs, 0, 5000);
	expect("default", "x.edge.net", 1, "tcp/443 udp/123");
	expect("second", "x.edge.net", 0, "");
	learned_forget(learned, NULL);
	expect("default", "x.edge.net", 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_catalogue), cmocka_unit_test(test_forward), cmocka_unit_test(test_no_export),
		cmocka_unit_test(test_any_profile), cmocka_unit_test(test_profile_gone), cmocka_unit_test(test_learned),
	};

	return cmocka_run_group_tests_name("core_review", tests, group_setup, group_teardown);
}
