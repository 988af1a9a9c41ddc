/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf_util.h"

/* Its own layer's objects hold another main: the file itself, and what it needs is linked. */
#include "cmd/import.c"

#include "base/hash.h"
#include "conf/catfile.h"
#include "policy/catalog.h"

struct result {
	char *out, *err;
	int status;
};

static const struct format *format(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	fail_msg("%s", name);
	return NULL;
}

static void import(struct result *r, const char *name, const char *file, const char *text, size_t len)
{
	size_t outlen, errlen;
	FILE *in = fmemopen((void *)(uintptr_t)(len ? text : "\n"), len ? len : 1, "r");
	FILE *out = open_memstream(&r->out, &outlen), *err = open_memstream(&r->err, &errlen);

	assert_true(in && out && err);
	r->status = import_stream(format(name), file, in, out, err);
	fclose(in);
	fclose(out);
	fclose(err);
}

static void expect(const char *name, const char *file, const char *text, const char *out, const char *err)
{
	struct result r;

	import(&r, name, file, text, strlen(text));
	assert_string_equal(r.out, out);
	assert_string_equal(r.err, err);
	assert_int_equal(r.status, *err != '\0');
	free(r.out);
	free(r.err);
}

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
	free(r.out);
	free(r.err);
}

static void test_hosts(void **state)
{
	char text[2048], host[256] = "";

	assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
	snprintf(text, sizeof(text),
		 "127.0.0.1\tlocalhost localhost.localdomain\n127.0.1.1 %s\n255.255.255.255 broadcasthost\n::1 ip6-localhost ip6-loopback\n"
		 "fe80::1%%lo0 localhost\nff02::1 ip6-allnodes\n0.0.0.0 0.0.0.0\n0.0.0.0 local\n# 192.0.2.9 no.example.com\n"
		 "192.0.2.1 www.example.com www # the site\n2001:db8::1 WWW.example.com\n192.0.2.2\ta.example.com#b.example.com\r\n\n",
		 host);
	expect("hosts", "-", text,
	       "[catalog]\ntitle   = Names of standard input\nsource  = standard input\n\n[names]\n"
	       "purpose = what was read from a hosts file\nports   = tcp/80 tcp/443\n"
	       "allow   = a.example.com\n          www\n          www.example.com\n", "");
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
	free(r.out);
	free(r.err);
	arena_free(a);
	diag_free(d);
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
	assert_int_equal(import_main("dnsmasq", "x"), 1);
	assert_int_equal(import_main("m365", "x"), 1);
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
		cmocka_unit_test(test_main),
	};

	hash_init();
	return cmocka_run_group_tests(tests, util_setup, util_teardown);
}
