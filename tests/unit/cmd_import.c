/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "import_util.h"

#include <unistd.h>

#include "base/hash.h"
#include "conf/catfile.h"
#include "policy/catalog.h"

static void test_list(void **state)
{
	expect("list", "/srv/lists/mine.txt",
	       "\xef\xbb\xbf# a list\r\n"
	       "*.WindowsUpdate.com\r\n"
	       "\r\n"
	       "  b.example.com.   # why\n"
	       "b.example.com\n"
	       ".example.org\n"
	       "a*b.example.com",
	       "[catalog]\ntitle   = Names of mine.txt\nsource  = mine.txt\n\n[names]\n"
	       "purpose = what was read from a list of patterns\nports   = tcp/80 tcp/443\n"
	       "allow   = *.windowsupdate.com\n          .example.org\n          a*b.example.com\n          b.example.com\n", "");
}

static void test_list_bad(void **state)
{
	struct result r;

	expect("list", "x",
	       "good.example.com\n*.com\nhttps://a.example.com/\na.example.com b.example.com\na.example.com#x\n\033[31m.com\n",
	       "[catalog]\ntitle   = Names of x\nsource  = x\n\n[names]\n"
	       "purpose = what was read from a list of patterns\nports   = tcp/80 tcp/443\nallow   = good.example.com\n",
	       "x:2: error: *.com: a wildcard or leading dot on a single label takes a whole top-level domain: "
	       "write at least two labels behind it\n"
	       "x:3: error: https://a.example.com/: a URL, and only names are asked for: did you mean a.example.com?\n"
	       "x:4: error: a.example.com\\032b.example.com: '\\032' may not stand in a name: letters, digits, '-', '_', dots "
	       "and stars may\n"
	       "x:5: error: a.example.com#x: '#' may not stand in a name: letters, digits, '-', '_', dots and stars may\n"
	       "x:6: error: \\027[31m.com: '\\027' may not stand in a name: letters, digits, '-', '_', dots and stars may\n");
	import(&r, "list", "x", "a\0.com\nb.com\n", 13);
	assert_string_equal(r.err, "x:1: error: a\\000.com: NUL bytes: this is not text\n");
	assert_non_null(strstr(r.out, "allow   = b.com\n"));
	assert_int_equal(r.status, 1);
	import_done(&r);
}

static void test_hosts(void **state)
{
	char text[2048], host[256] = "";

	assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
	snprintf(text, sizeof(text),
		 "127.0.0.1\tlocalhost localhost.localdomain\n127.0.1.1 %s\n255.255.255.255 broadcasthost\n::1 ip6-localhost ip6-loopback\n"
		 "fe80::1%%lo0 localhost\nff02::1 ip6-allnodes\n0.0.0.0 0.0.0.0\n0.0.0.0 local\n192.0.2.3 ip6-yes.example.com\n# 192.0.2.9 no.example.com\n"
		 "192.0.2.1 www.example.com www # the site\n2001:db8::1 WWW.example.com\n192.0.2.2\ta.example.com#b.example.com\r\n\n",
		 host);
	expect("hosts", "-", text,
	       "[catalog]\ntitle   = Names of standard input\nsource  = standard input\n\n[names]\n"
	       "purpose = what was read from a hosts file\nports   = tcp/80 tcp/443\n"
	       "allow   = a.example.com\n          ip6-yes.example.com\n          www\n          www.example.com\n", "");
	expect("hosts", "/etc/hosts",
	       "192.0.2 a.example.com\nb.example.com 192.0.2.1\n192.0.2.3\n192.0.2.4 *.example.com ok.example.com .x.example.com\n"
	       "192.0.2.5 192.0.2.6\n",
	       "[catalog]\ntitle   = Names of hosts\nsource  = hosts\n\n[names]\n"
	       "purpose = what was read from a hosts file\nports   = tcp/80 tcp/443\nallow   = ok.example.com\n",
	       "/etc/hosts:1: error: 192.0.2: expected an address, then names\n"
	       "/etc/hosts:2: error: b.example.com: expected an address, then names\n"
	       "/etc/hosts:3: error: 192.0.2.3: an address without a name\n"
	       "/etc/hosts:4: error: *.example.com: a hosts file holds names, not patterns\n"
	       "/etc/hosts:4: error: .x.example.com: a hosts file holds names, not patterns\n"
	       "/etc/hosts:5: error: 192.0.2.6: an address: patterns are names, addresses are opened as names lead to them\n");
}

static void test_empty(void **state)
{
	expect("list", "a ;b\n.txt", "# nothing\n\n", "[catalog]\ntitle   = Names of a _b_.txt\nsource  = a _b_.txt\n", "");
}

/* What comes out is a catalogue that goes in again, with all its names and no warning but that of the source's own. */
static void test_again(void **state)
{
	static const char text[] = "*.example.com\n.example.org\na*b.c.example.net\nwww.example.edu\npre-*.*.example.gov\n";
	struct conf_str name = { "back", 1 };
	struct conf_strs names = { &name, 1, 1 };
	struct conf conf = { .path = "postern.conf" };
	struct conf_catalog section = { .name = name };
	struct diag_list *d = diag_new();
	struct arena *a = arena_new((size_t)1 << 24);
	const struct catalog *c;
	struct catalog_build *b;
	struct choice choice;
	struct result r;
	char buf[256];

	import(&r, "list", "a #;[x]= \xff" "file", text, sizeof(text) - 1);
	assert_int_equal(r.status, 0);
	section.file = (struct conf_str){ util_text("back.ini", r.out), 1 };
	conf.catalogs = &section;
	conf.n_catalogs = 1;
	b = catalog_build_new(a, &conf, d);
	assert_non_null(b);
	assert_true(catalog_choose(b, &names, "postern.conf"));
	c = catalog_finish(b, &choice, true);
	assert_non_null(c);
	util_expect(d, "");
	assert_int_equal(c->n_entries, 5);
	assert_string_equal(catalog_entry_text(c, 0, buf), "*.example.com");
	assert_string_equal(catalog_entry_text(c, 4, buf), "www.example.edu");
	assert_string_equal(c->groups[0].name, "names");
	assert_string_equal(c->groups[0].source, "a #_[x]= _file");
	import_done(&r);
	arena_free(a);
	diag_free(d);
}

/* A group for each area and ports, its rows in their order; what could not be read below. */
static void test_table(void **state)
{
	expect("tsv", "/srv/tables/vendor.tsv",
	       "# a table\r\narea\tEndpoint\tprotocol/port\n"
	       "Updates\thttps://B.example.com/x\tHTTP\tanything\n"
	       "Updates\ta.example.com\tHTTPS\n"
	       "Updates\t*.example.com/x/*\tHTTP\n"
	       "Time; and\033 more\ttime.example.com\tUDP 123\n"
	       "Updates\tb.example.com\tHTTP\n"
	       "Updates\texample*\tHTTP\n"
	       "\n"
	       "Others\t<id>.example.com\tTCP 1688, 443\n",
	       "[catalog]\ntitle   = Names of vendor.tsv\nsource  = vendor.tsv\n\n"
	       "[updates-http]\npurpose = Updates\nsource  = vendor, Updates\nports   = tcp/80\n"
	       "allow   = b.example.com ; rows 1 4\n"
	       "          *.example.com ; row 3, path /x/* is not seen by DNS\n"
	       "# row 5 not read: example*: a name without its top-level domain\n\n"
	       "[updates-https]\npurpose = Updates\nsource  = vendor, Updates\nports   = tcp/443\n"
	       "allow   = a.example.com ; row 2\n\n"
	       "[time-and-more]\npurpose = Time_ and_ more\nsource  = vendor, Time_ and_ more\nports   = udp/123\n"
	       "allow   = time.example.com ; row 1\n\n"
	       "# [others]\n# purpose = Others\n# source  = vendor, Others\n# ports   = tcp/443 tcp/1688\n"
	       "# row 1 not read: <id>.example.com: a placeholder: it must be written out\n",
	       "/srv/tables/vendor.tsv:8: error: example*: a name without its top-level domain\n"
	       "/srv/tables/vendor.tsv:10: error: <id>.example.com: a placeholder: it must be written out\n");
}

static void test_table_bad(void **state)
{
	expect("tsv", "t", "alone\nA\t\tHTTP\nA\t \n\ta.example.com\n",
	       "[catalog]\ntitle   = Names of t\nsource  = t\n\n[no-area]\npurpose = no area\nsource  = t, no area\n"
	       "ports   = tcp/80 tcp/443\nallow   = a.example.com ; row 1\n",
	       "t:1: error: alone: one column: expected area, endpoint and protocol, with tabs between\n"
	       "t:2: error: A: a row without an endpoint\n"
	       "t:3: error: A: a row without an endpoint\n");
}

/* An endpoint as printed, and the pattern it is, or "!". */
static void test_endpoints(void **state)
{
	static const char *const printed[][2] = {
		{ " A.Example.com ", "a.example.com" }, { "`*.example.com`", "*.example.com" },
		{ "http://a.example.com", "a.example.com" }, { "HTTPS://a.example.com:443/x?y=z", "a.example.com" },
		{ "http(s)://*.example.com", "*.example.com" }, { "a.example.com:8080", "a.example.com" },
		{ "a.example.com.", "a.example.com" }, { "a.example.com/x/{id}", "a.example.com" },
		{ "a.example.com?x", "a.example.com" }, { ".g.akamaiedge.net", ".g.akamaiedge.net" },
		{ "*g.akamaiedge.net", "*g.akamaiedge.net" }, { "*.*.akamai.net", "*.*.akamai.net" },
		{ "watson.*.microsoft.com", "watson.*.microsoft.com" }, { "\\*.example.com", "*.example.com" },
		{ "[www.example.com](http://www.example.com/)", "www.example.com" },
		{ "cs12.<span class=\"a\"></span>example.com", "cs12.example.com" },
		{ "wsus.corp.local", "wsus.corp.local" }, { "a.xn--p1ai", "a.xn--p1ai" },
		{ "img-prod-microsoft-com", "!" }, { "evoke-windowsservices-tas.msedge", "!" }, { "www.bing.com*", "!" },
		{ "cy2.*.md.mp.microsoft.com.*.", "!" }, { "<tenant>.example.com", "!" }, { "a.google.[country]", "!" },
		{ "(see below)", "!" }, { "a.example.com (old)", "!" }, { "a.example.com b.example.com", "!" },
		{ "192.0.2.1", "!" }, { "2001:db8::1", "!" }, { "**.example.com", "!" }, { "*.com", "!" }, { "a..com", "!" },
		{ "ftp://a.example.com", "!" }, { "https://", "!" }, { "/", "!" }, { "_vlmcs._tcp", "!" },
		{ "[manual](x.html)", "!" }, { "a.example.com:99999", "!" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(printed); i++) {
		char text[256], want[512] = "";
		bool bad = *printed[i][1] == '!';
		struct result r;

		snprintf(text, sizeof(text), "A\t%s\tTCP 10\n", printed[i][0]);
		snprintf(want, sizeof(want), "allow   = %s ; row 1", printed[i][1]);
		import(&r, "tsv", "x", text, strlen(text));
		if (r.status != bad || !strstr(r.out, bad ? "# row 1 not read: " : want))
			fail_msg("%s: %s%s", printed[i][0], r.out, r.err);
		import_done(&r);
	}
}

/* Ports where the table says none; and rows that say how they are asked. */
static void test_own_ports(void **state)
{
	expect_short("tsv",
		     "A\thttps://a.example.com\t-\nA\thttp://b.example.com\t\nA\tc.example.com:8443\nA\td.example.com\n"
		     "A\thttps://e.example.com\tHTTP\nA\thttp(s)://f.example.com\nA\thttps://g.example.com\tas in URL\n"
		     "A\t_http._tcp.example.com\tDNS SRV\nA\th.example.com\tsome day\n",
		     "A: tcp/443\n a.example.com ; row 1\n g.example.com ; row 7\n"
		     "A: tcp/80\n b.example.com ; row 2\n e.example.com ; row 5\n"
		     "A: tcp/8443\n c.example.com ; row 3\n"
		     "A: tcp/80 tcp/443\n d.example.com ; row 4\n f.example.com ; row 6\n"
		     " _http._tcp.example.com ; row 8, asked for as SRV\n# row 9 h.example.com\n", 1);
}

/* Whatever the headings are, the names of groups are names, and each another. */
static void test_group_names(void **state)
{
	static const char want[] =
		"[catalog]\n[catalog-2]\n[names]\n[group]\n[group-2]\n[a-b]\n[a-b-2]\n[a-b-3]\n[c-http]\n[c-https]\n[c-http-https]\n"
		"[c-tcp-1688]\n[c-tcp-443-udp-443]\n[a-heading-that-goes-on-and-on-until]\n[a-heading-that-goes-on-and-on-until-2]\n";
	static const char text[] =
		"Catalog\ta.test\nnames\ta.test\n\xe2\x80\xa2\ta.test\n***\ta.test\nA, B!\ta.test\na  b\ta.test\n-a-b\ta.test\n"
		"C\ta.test\tHTTP\nC\ta.test\tHTTPS\nC\ta.test\nC\ta.test\tTCP 1688\nC\ta.test\tTCP/UDP 443\n"
		"A heading that goes on and on until nobody can read\ta.test\n"
		"A heading that goes on and on until nobody cares\ta.test\n";
	char got[1024] = "";
	struct result r;

	import(&r, "tsv", "x", text, sizeof(text) - 1);
	for (const char *p = strchr(r.out, '['); p; p = strstr(p + 1, "\n["))
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s\n", (int)strcspn(p + (*p == '\n'), "\n"),
			 p + (*p == '\n'));
	assert_string_equal(got, want);
	import_done(&r);
}

static void test_main(void **state)
{
	int keep_err = dup(2);
	FILE *null = fopen("/dev/null", "w");

	assert_true(keep_err >= 0 && null);
	fflush(stderr);
	dup2(fileno(null), 2);
	assert_int_equal(import_main("csv", "x"), 2);
	assert_int_equal(import_main("", "x"), 2);
	assert_int_equal(import_main("list", "/nonexistent/file"), 1);
	assert_int_equal(import_main("list", "/"), 1);
	dup2(keep_err, 2);
	close(keep_err);
	fclose(null);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_list_bad),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_bad),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_own_ports),
		cmocka_unit_test(test_group_names),
		cmocka_unit_test(test_main),
	};

	hash_init();
	return cmocka_run_group_tests(tests, util_setup, util_teardown);
}
