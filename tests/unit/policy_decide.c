/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include "policy/decide.h"

static struct snapshot *snap;

static const char catalog[] =
	"[catalog]\ntitle = t\n"
	"[web]\nallow = www.example.com *.cdn.example.com\nchain = *.edge.example.net\n"
	"[more]\nports = tcp/8443\ntypes = TXT\nprivate = yes\nallow = *.cdn.example.com .local.test\n"
	"[canary]\nallow = mask.icloud.com\nchain = use-application-dns.net\n"
	"[corp]\nports = udp/123\nallow = ntp.corp.example\n"
	"[special]\nallow = a.localhost\n";

static const char config[] =
	"[records]\nrecord = wsus.example.com. 300 IN A 10.0.0.5\n  wsus2.corp.example. 300 IN A 10.0.0.6\n"
	"record = host.local.test. 300 IN A 10.0.0.7\n"
	"[forward corp.example]\naddress = 10.0.0.1\nports = tcp/9000\n"
	"[forward deep.corp.example]\naddress = 10.0.0.2\n"
	"[forward 168.192.in-addr.arpa]\naddress = 10.0.0.1\n"
	"[profile default]\ncatalog = c\n"
	"[profile closed]\nclients = 10.1.0.0/16\ncatalog =\n"
	"[profile nolocal]\nclients = 10.2.0.0/16\ncatalog = c\nlocal = no\n"
	"[profile four]\nclients = 10.3.0.0/16\ncatalog = c\naaaa = no\n"
	"[profile narrow]\nclients = 10.4.0.0/16 fd00::/8\ncatalog = c/web\ntypes = A MX\n"
	"[profile narrower]\nclients = 10.4.5.0/24\ncatalog = c/canary\n";

static int setup(void **state)
{
	if (util_setup(state))
		return -1;
	util_text("c.ini", catalog);
	snap = snap_build(config, 7);
	return 0;
}

static int teardown(void **state)
{
	snapshot_release(snap);
	return util_teardown(state);
}

static const char *const kinds[] = { "record", "special", "upstream", "nodata", "block" };

/* "kind reason upstream entry [ports]" */
static void describe(const struct verdict *v, char *out, size_t cap)
{
	char entry[256] = "-", ports[512];

	if (v->entry != ENTRY_NONE)
		catalog_entry_text(snap->catalog, v->entry, entry);
	snprintf(out, cap, "%s %s %u %s [%s]", kinds[v->kind], reason_text(v->reason), v->upstream, entry,
		 snap_ports(snap, &v->attrs, ports));
}

static const struct { const char *profile, *name; uint16_t type; const char *want; } verdicts[] = {
	{ "default", "www.example.com", TYPE_A, "upstream listed 0 www.example.com [tcp/80 tcp/443]" },
	{ "default", "www.example.com", TYPE_AAAA, "upstream listed 0 www.example.com [tcp/80 tcp/443]" },
	{ "default", "www.example.com", TYPE_TXT, "nodata type 0 www.example.com [tcp/80 tcp/443]" },
	{ "default", "www.example.com", 65400, "nodata type 0 www.example.com [tcp/80 tcp/443]" },
	{ "default", "x.www.example.com", TYPE_A, "block unlisted 0 - []" },
	{ "default", "a.cdn.example.com", TYPE_TXT,
	  "upstream listed 0 *.cdn.example.com [tcp/80 tcp/443 tcp/8443]" },
	{ "default", "cdn.example.com", TYPE_A, "block unlisted 0 - []" },
	{ "default", "b.edge.example.net", TYPE_A, "block chain-only 0 *.edge.example.net []" },
	{ "default", ".", TYPE_A, "block unlisted 0 - []" },
	/* records before forward zones before special names before the catalogue */
	{ "default", "wsus.example.com", TYPE_A, "record record 0 - []" },
	{ "default", "wsus.example.com", TYPE_TXT, "record record 0 - []" },
	{ "default", "x.wsus.example.com", TYPE_A, "block unlisted 0 - []" },
	{ "default", "wsus2.corp.example", TYPE_A, "record record 0 - []" },
	{ "default", "host.local.test", TYPE_A, "record record 0 .local.test [tcp/8443]" },
	{ "default", "other.local.test", TYPE_A, "special special 0 - []" },
	{ "default", "corp.example", TYPE_NS, "upstream forward 1 - [tcp/9000]" },
	{ "default", "a.corp.example", TYPE_A, "upstream forward 1 - [tcp/9000]" },
	{ "default", "ntp.corp.example", TYPE_A, "upstream forward 1 ntp.corp.example [udp/123]" },
	{ "default", "a.deep.corp.example", TYPE_A, "upstream forward 2 - []" },
	{ "default", "notcorp.example", TYPE_A, "block unlisted 0 - []" },
	{ "default", "1.0.168.192.in-addr.arpa", TYPE_PTR, "upstream forward 3 - []" },
	{ "default", "1.0.0.10.in-addr.arpa", TYPE_PTR, "special special 0 - []" },
	{ "default", "a.localhost", TYPE_A, "special special 0 - []" },
	{ "default", "mask.icloud.com", TYPE_A, "upstream listed 0 mask.icloud.com [tcp/80 tcp/443]" },
	{ "default", "mask-h2.icloud.com", TYPE_A, "special special 0 - []" },
	{ "default", "use-application-dns.net", TYPE_A, "block chain-only 0 use-application-dns.net []" },
	{ "closed", "mask.icloud.com", TYPE_A, "special special 0 - []" },
	{ "closed", "use-application-dns.net", TYPE_A, "special special 0 - []" },
	{ "closed", "www.example.com", TYPE_A, "block unlisted 0 - []" },
	{ "closed", "wsus.example.com", TYPE_A, "record record 0 - []" },
	{ "closed", "ntp.corp.example", TYPE_A, "upstream forward 1 - [tcp/9000]" },
	{ "nolocal", "wsus.example.com", TYPE_A, "block unlisted 0 - []" },
	{ "nolocal", "host.local.test", TYPE_A, "record record 0 .local.test [tcp/8443]" },
	{ "nolocal", "a.corp.example", TYPE_A, "block unlisted 0 - []" },
	{ "nolocal", "ntp.corp.example", TYPE_A, "upstream forward 1 ntp.corp.example [udp/123]" },
	{ "nolocal", "1.0.168.192.in-addr.arpa", TYPE_PTR, "special special 0 - []" },
	{ "four", "www.example.com", TYPE_A, "upstream listed 0 www.example.com [tcp/80 tcp/443]" },
	{ "four", "www.example.com", TYPE_AAAA, "nodata type 0 www.example.com [tcp/80 tcp/443]" },
	{ "four", "a.corp.example", TYPE_AAAA, "nodata type 1 - [tcp/9000]" },
	{ "four", "wsus.example.com", TYPE_AAAA, "nodata type 0 - []" },
	{ "narrow", "www.example.com", TYPE_MX, "upstream listed 0 www.example.com [tcp/80 tcp/443]" },
	{ "narrow", "www.example.com", TYPE_AAAA, "nodata type 0 www.example.com [tcp/80 tcp/443]" },
	/* one group's allow, the whole catalogue's chain */
	{ "narrow", "a.cdn.example.com", TYPE_A, "upstream listed 0 *.cdn.example.com [tcp/80 tcp/443]" },
	{ "narrow", "a.cdn.example.com", TYPE_TXT, "nodata type 0 *.cdn.example.com [tcp/80 tcp/443]" },
	{ "narrower", "b.edge.example.net", TYPE_A, "block chain-only 0 *.edge.example.net []" },
	{ "narrower", "www.example.com", TYPE_A, "block unlisted 0 - []" },
};

static void test_verdicts(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		struct name n = snap_name(verdicts[i].name);
		char got[1024];
		struct verdict v;

		decide(snap, snap_profile(snap, verdicts[i].profile), &n, verdicts[i].type, &v);
		describe(&v, got, sizeof(got));
		if (strcmp(got, verdicts[i].want))
			fail_msg("%s %s %u: %s, expected %s", verdicts[i].profile, verdicts[i].name, verdicts[i].type, got,
				 verdicts[i].want);
		assert_int_equal(verdict_allows(&v), v.kind != VERDICT_BLOCK && v.kind != VERDICT_NODATA);
		assert_int_equal(v.kind == VERDICT_RECORD, v.kind == VERDICT_RECORD && v.record != NULL);
	}
}

static void test_attrs(void **state)
{
	struct name both = snap_name("a.cdn.example.com"), one = snap_name("www.example.com");
	const struct profile *p = snap_profile(snap, "default");
	struct verdict v;

	decide(snap, p, &both, TYPE_A, &v);
	assert_true(v.attrs.private);
	assert_true(decide_type_ok(snap, p, &v.attrs, TYPE_TXT));
	decide(snap, p, &one, TYPE_A, &v);
	assert_false(v.attrs.private);
	assert_false(decide_type_ok(snap, p, &v.attrs, TYPE_TXT));
	assert_true(decide_type_ok(snap, p, &v.attrs, TYPE_HTTPS));
	assert_false(decide_type_ok(snap, p, &v.attrs, TYPE_MX));
	assert_false(decide_type_ok(snap, p, &v.attrs, 65400));
}

static void test_targets(void **state)
{
	static const struct { const char *from, *target; bool ok; const char *entry; } table[] = {
		{ "www.example.com", "b.edge.example.net", true, "*.edge.example.net" },
		{ "www.example.com", "x.cdn.example.com", true, "*.cdn.example.com" },
		{ "www.example.com", "edge.example.net", false, "-" },
		{ "www.example.com", "a.corp.example", false, "-" },
		{ "www.example.com", "ntp.corp.example", true, "ntp.corp.example" },
		{ "www.example.com", "wsus.example.com", false, "-" },
		{ "a.corp.example", "b.deep.corp.example", true, "-" },
		{ "a.corp.example", "www.example.com", true, "www.example.com" },
		{ "a.corp.example", "www.example.org", false, "-" },
	};
	const struct profile *p = snap_profile(snap, "default");

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct name from = snap_name(table[i].from), to = snap_name(table[i].target);
		char entry[256] = "-";
		struct verdict v;
		uint32_t e;

		decide(snap, p, &from, TYPE_A, &v);
		assert_int_equal(v.kind, VERDICT_UPSTREAM);
		if (decide_target(snap, p, &v, &to, &e) != table[i].ok)
			fail_msg("%s to %s: expected %d", table[i].from, table[i].target, table[i].ok);
		if (e != ENTRY_NONE)
			catalog_entry_text(snap->catalog, e, entry);
		assert_string_equal(entry, table[i].entry);
	}
}

static void test_clients(void **state)
{
	static const struct { const char *client, *profile; bool ok; } table[] = {
		{ "127.0.0.1", "default", true }, { "10.1.2.3", "closed", true }, { "10.4.1.1", "narrow", true },
		{ "10.4.5.6", "narrower", true }, { "fd12::1", "narrow", true }, { "fc00::1", "default", true },
		{ "8.8.8.8", "default", false }, { "2001:db8::1", "default", false }, { "::1", "default", true },
		{ "192.168.1.1", "default", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct addr a = snap_addr(table[i].client);

		assert_string_equal(snapshot_profile(snap, &a)->name, table[i].profile);
		assert_int_equal(snapshot_client_ok(snap, &a), table[i].ok);
	}
}

static void test_snapshot(void **state)
{
	assert_int_equal(snap->generation, 7);
	assert_int_equal(snap->n_profiles, 6);
	assert_string_equal(snap->profiles[0].name, "default");
	assert_ptr_equal(snapshot_upstream(snap, 0), &snap->conf->upstream);
	assert_true(snapshot_upstream(snap, 1)->private == false);
	assert_ptr_equal(snapshot_hold(snap), snap);
	snapshot_release(snap);
	snapshot_release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts), cmocka_unit_test(test_attrs), cmocka_unit_test(test_targets),
		cmocka_unit_test(test_clients), cmocka_unit_test(test_snapshot),
	};

	return cmocka_run_group_tests_name("policy_decide", tests, setup, teardown);
}
