/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chain_util.h"

#include "policy/grant.h"

static struct grant grant;

static const char exports[] =
	"[export both]\nset4 = inet t a4\nset6 = inet t a6\n"
	"[export four]\nset4 = inet t b4\n"
	"[export inside]\nset4 = inet t c4\nprivate = yes\n"
	"[forward fwd.test]\naddress = 10.0.0.1\nports = tcp/9\n"
	"[profile default]\ncatalog = c\nexport = both\n"
	"[profile none]\nclients = 10.0.0.1\ncatalog = c\n"
	"[profile four]\nclients = 10.0.0.2\ncatalog = c\nexport = four\n"
	"[profile inside]\nclients = 10.0.0.3\ncatalog = c\nexport = four inside\n";

static int open_exports(void **state)
{
	if (util_setup(state))
		return -1;
	util_text("c.ini", catalog);
	snap = snap_build(exports, 1);
	return 0;
}

static void expect(const char *want)
{
	char got[4096] = "", buf[ADDR_TEXT], *p = got;

	for (size_t i = 0; i < grant.n && i < 60; i++)
		p += sprintf(p, "%s%s", i ? " " : "", addr_text(&grant.addrs[i], buf));
	assert_string_equal(got, want);
}

/* What an answer, of which nothing is judged, grants. */
static void of_packet(const char *qname, uint16_t type, const char *text)
{
	struct packet p;
	uint8_t *wire;
	size_t len;

	read_packet(&p, qname, type, text);
	wire = write_packet(&p, &len);
	assert_int_equal(answer_parse(&answer, wire, len), 0);
	grant_clear(&grant);
	grant_answer(&grant, &answer);
	free(wire);
	free_packet(&p);
}

static void test_answer(void **state)
{
	of_packet("a.ex.com", TYPE_A, "a.ex.com. 1 IN CNAME b.ex.com.\nb.ex.com. 1 IN A 192.0.2.1\nb.ex.com. 1 IN A 192.0.2.2\n"
		  "b.ex.com. 1 IN A 192.0.2.1\nb.ex.com. 1 IN TXT x\nb.ex.com. 1 IN RRSIG A 8 2 60 20300101000000 20200101000000 "
		  "1 ex.com. AAAA\nns ex.com. 1 IN A 192.0.2.7\nar ex.com. 1 IN A 192.0.2.8\n");
	expect("192.0.2.1 192.0.2.2");
	assert_false(grant.full);
	of_packet("a.ex.com", TYPE_AAAA, "a.ex.com. 1 IN AAAA 2001:db8::1\na.ex.com. 1 IN AAAA ::ffff:10.0.0.1\n");
	expect("2001:db8::1 ::ffff:10.0.0.1");
	of_packet("a.ex.com", TYPE_HTTPS, "a.ex.com. 1 IN HTTPS 1 . ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1,2001:db8::2\n"
		  "a.ex.com. 1 IN HTTPS 2 . alpn=h2\na.ex.com. 1 IN HTTPS 3 b.ex.com. ipv4hint=192.0.2.2,192.0.2.9\n");
	expect("192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2 192.0.2.9");
	of_packet("a.ex.com", TYPE_SVCB, "a.ex.com. 1 IN SVCB 1 . ipv6hint=2001:db8::1\n");
	expect("2001:db8::1");
	of_packet("a.ex.com", TYPE_A, "");
	expect("");
	assert_false(grant.full);
}

/* What will leave is the substitute. */
static void test_subst(void **state)
{
	static const uint8_t other[] = { 192, 0, 2, 77 };

	of_packet("a.ex.com", TYPE_A, "a.ex.com. 1 IN A 192.0.2.1\n");
	answer.rr[0].subst = other;
	answer.rr[0].subst_len = 4;
	grant_clear(&grant);
	grant_answer(&grant, &answer);
	expect("192.0.2.77");
	/* what cannot be read is not let through unseen */
	answer.rr[0].subst_len = 3;
	grant_clear(&grant);
	grant_answer(&grant, &answer);
	assert_true(grant.full);
	answer.rr[0].type = TYPE_HTTPS;
	grant_clear(&grant);
	grant_answer(&grant, &answer);
	assert_true(grant.full);
	grant_clear(&grant);
	assert_false(grant.full);
}

static void test_full(void **state)
{
	uint8_t rdata[4] = { 1 };
	struct answer_rr rr = { .type = TYPE_A, .class = CLASS_IN, .subst = rdata, .subst_len = 4 };
	struct attrs attrs = { .ports = { 1 } };

	grant_clear(&grant);
	for (unsigned i = 0; i < GRANT_ADDRS; i++) {
		bytes_put_u16(rdata + 2, (uint16_t)i);
		grant_rr(&grant, &answer, &rr);
	}
	assert_int_equal(grant.n, GRANT_ADDRS);
	assert_false(grant.full);
	/* one that is there takes no room */
	grant_rr(&grant, &answer, &rr);
	assert_false(grant.full);
	rdata[1] = 1;
	grant_rr(&grant, &answer, &rr);
	assert_true(grant.full);
	assert_int_equal(grant.n, GRANT_ADDRS);
	grant.n = 0;
	assert_true(grant_wanted(snap, snap_profile(snap, "default"), &attrs, &grant));
	assert_false(grant_wanted(snap, snap_profile(snap, "none"), &attrs, &grant));
}

static const char *ports_of(const char *name, size_t cap)
{
	static char text[256];
	struct conf_port ports[CATALOG_PORTS];
	struct name n = snap_name(name);
	struct verdict v;
	char buf[16], *p = text;

	decide(snap, snap_profile(snap, "default"), &n, TYPE_A, &v);
	*text = '\0';
	for (size_t i = 0, k = grant_ports(snap->catalog, &v.attrs, ports, cap); i < k; i++)
		p += sprintf(p, "%s%s", i ? " " : "", conf_port_text(&ports[i], buf));
	return text;
}

static void test_ports(void **state)
{
	assert_string_equal(ports_of("svc.ex.com", CATALOG_PORTS), "tcp/443 tcp/8443");
	assert_string_equal(ports_of("svc.ex.com", 1), "tcp/443");
	assert_string_equal(ports_of("x.fwd.test", CATALOG_PORTS), "tcp/9");
	assert_string_equal(ports_of("r.ex.com", CATALOG_PORTS), "");
}

static bool wanted(const char *profile, bool ports, const char *address)
{
	struct attrs attrs = { .ports = { 0, ports ? 4 : 0 } };

	grant_clear(&grant);
	if (address)
		grant.addrs[grant.n++] = snap_addr(address);
	return grant_wanted(snap, snap_profile(snap, profile), &attrs, &grant);
}

static void test_wanted(void **state)
{
	assert_true(wanted("default", true, "192.0.2.1"));
	assert_true(wanted("default", true, "2001:db8::1"));
	assert_false(wanted("default", false, "192.0.2.1"));
	assert_false(wanted("default", true, NULL));
	assert_false(wanted("default", true, "10.0.0.1"));
	assert_false(wanted("default", true, "64:ff9b::10.0.0.1"));
	assert_false(wanted("none", true, "192.0.2.1"));
	assert_true(wanted("four", true, "192.0.2.1"));
	assert_false(wanted("four", true, "2001:db8::1"));
	assert_false(wanted("four", true, "10.0.0.1"));
	assert_true(wanted("inside", true, "10.0.0.1"));
	assert_false(wanted("inside", true, "fd00::1"));
}

static void test_trim(void **state)
{
	static const char *const all[] = { "10.0.0.1", "192.0.2.1", "2001:db8::1", "fd00::1", "192.0.2.2" };
	static const char *const want[][2] = {
		{ "default", "192.0.2.1 2001:db8::1 192.0.2.2" }, { "none", "" }, { "four", "192.0.2.1 192.0.2.2" },
		{ "inside", "10.0.0.1 192.0.2.1 192.0.2.2" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		grant_clear(&grant);
		for (size_t k = 0; k < ARRAY_SIZE(all); k++)
			grant.addrs[grant.n++] = snap_addr(all[k]);
		grant_trim(snap, snap_profile(snap, want[i][0]), &grant);
		expect(want[i][1]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer), cmocka_unit_test(test_subst), cmocka_unit_test(test_full),
		cmocka_unit_test(test_ports), cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_trim),
	};

	/* the helpers for whole walks are not all of use here */
	(void)setup;
	(void)check_all;
	(void)config;
	return cmocka_run_group_tests_name("policy_grant", tests, open_exports, teardown);
}
