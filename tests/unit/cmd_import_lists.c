/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cmd/import.h"
#include "cmd/import_read.h"

static int import(const char *format, const char *text, size_t len, char **out, char **err)
{
	FILE *in = tmpfile(), *o, *e;
	size_t outlen, errlen;
	int status;

	assert_true(in && import_find(format));
	assert_int_equal(fwrite(text, 1, len, in), len);
	rewind(in);
	o = open_memstream(out, &outlen);
	e = open_memstream(err, &errlen);
	status = import_stream(import_find(format), "f", in, o, e);
	fclose(in);
	fclose(o);
	fclose(e);
	return status;
}

/* `names`: the catalogue behind its head, blanks as written; `errors` all of them. */
static void expect(const char *format, const char *text, const char *names, const char *errors)
{
	char *out, *err, *body;
	int status = import(format, text, strlen(text), &out, &err);

	body = strstr(out, "source  = f\n");
	assert_non_null(body);
	assert_string_equal(body + strlen("source  = f\n"), names);
	assert_string_equal(err, errors);
	assert_int_equal(status, *errors != '\0');
	free(out);
	free(err);
}

/* One line that is passed over, one that is told: nothing is read of it. */
static void silent(const char *format, const char *line)
{
	expect(format, line, "", "");
}

static void told(const char *format, const char *line, const char *what)
{
	char want[1024];

	snprintf(want, sizeof(want), "f:1: error: %s\n", what);
	expect(format, line, "", want);
}

#define NAMES(what) "\n[names]\npurpose = what was read from " what "\nports   = tcp/80 tcp/443\nallow   = "

static void test_dnsmasq(void **state)
{
	expect("dnsmasq",
	       "# server=/comment.test/1.2.3.4\n"
	       "server=/A.test/1.2.3.4#5353\r\n"
	       "server=/b.test/c.test/#\n"
	       "local=/d.test/\n"
	       "address=/e.test/0.0.0.0\n"
	       "address=/f.test/\n"
	       "ipset=/g.test/h.test/one,two\n"
	       "nftset=/i.test/4#inet#table#set,6#inet#table#set6\n"
	       "  server = /j.test/1.2.3.4   # and /not.test/\n"
	       "server=/\"k.test\"/1.2.3.4\n"
	       "server=/.l.test/1.2.3.4@eth0\n"
	       "server=/*.m.test/*n.test/1.2.3.4\n"
	       "server=/a.test./1.2.3.4\n",
	       NAMES("a configuration of dnsmasq")
	       "*.m.test\n          *n.test\n          .a.test\n          .b.test\n          .c.test\n          .d.test\n"
	       "          .e.test\n          .f.test\n          .g.test\n          .h.test\n          .i.test\n"
	       "          .j.test\n          .k.test\n          .l.test\n", "");
}

static void test_dnsmasq_silent(void **state)
{
	static const char *const lines[] = {
		"", "   ", "# text", "server=1.2.3.4", "server=1.2.3.4#53@eth0", "server=dns.test", "local=", "cache-size=1000",
		"no-resolv", "rev-server=1.2.3.0/24,1.2.3.4", "conf-dir=/etc/dnsmasq.d", "servers-file=/x",
		"domain=/a.test/", "cname=a.test,b.test", "host-record=a.test,1.2.3.4", "bogus-nxdomain=1.2.3.4",
		"rebind-domain-ok=/a.test/", "servers=/a.test/", "serve=/a.test/", "Server=/a.test/", "--server=/a.test/",
		"\"server\"=/a.test/", "dhcp-range=1.2.3.4,server=/a.test/", "=/a.test/", "server=#/a.test/",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		silent("dnsmasq", lines[i]);
}

static void test_dnsmasq_told(void **state)
{
	told("dnsmasq", "address=/#/1.2.3.4", "#: stands for every name");
	told("dnsmasq", "local=/*/", "*: stands for every name");
	told("dnsmasq", "local=//", "//: stands for names without a dot");
	told("dnsmasq", "local=/a*.test/", "a*.test: a star has a meaning for dnsmasq at the beginning only");
	told("dnsmasq", "local=/*a*.test/", "*a*.test: a star has a meaning for dnsmasq at the beginning only");
	told("dnsmasq", "local=/a.test", "local=/a.test: expected a '/' behind the last name");
	told("dnsmasq", "ipset=a.test/set", "ipset=a.test/set: expected /NAME/ behind '='");
	told("dnsmasq", "address=1.2.3.4", "address=1.2.3.4: expected /NAME/ behind '='");
	told("dnsmasq", "nftset", "nftset: expected '=' behind the option");
	told("dnsmasq", "server /a.test/", "server\\032/a.test/: expected '=' behind the option");
	told("dnsmasq", "server=/\"a.test/1.2.3.4", "server=/a.test/1.2.3.4: a quote is not closed");
	told("dnsmasq", "server=/\"a\\\".test\"/1", ".a\\\".test: '\\' may not stand in a name: letters, digits, '-', '_', "
	     "dots and stars may");
	told("dnsmasq", "server=/lan/1.2.3.4", ".lan: a wildcard or leading dot on a single label takes a whole top-level "
	     "domain: write at least two labels behind it: did you mean lan?");
	/* What is wrong with one name is no reason to leave the next one out. */
	expect("dnsmasq", "\nserver=/a..test/b.test/1.2.3.4/c.test/x\n",
	       NAMES("a configuration of dnsmasq") ".b.test\n          .c.test\n",
	       "f:2: error: .a..test: an empty label: two dots in a row: did you mean .a.test?\n"
	       "f:2: error: .1.2.3.4: an address: patterns are names, addresses are opened as names lead to them\n");
}

static void test_adguard(void **state)
{
	expect("adguard",
	       "[Adblock Plus 2.0]\n! Title: a list\n# text\n#\n##\n#####\n## text\n\n"
	       "||A.test^\r\n@@||b.test^\n  ||c.test^  \n||d.test^|\n@@||e.test^|\n||a.test^\n||f.test.^\n[uBlock Origin]\n",
	       NAMES("an AdGuard list")
	       ".a.test\n          .b.test\n          .c.test\n          .d.test\n          .e.test\n          .f.test\n", "");
}

static void test_adguard_told(void **state)
{
	static const struct { const char *line, *why; } cases[] = {
		{ "||a.test^$important", "a modifier ($...) narrows the rule, which a name cannot" },
		{ "@@||a.test^$document", "a modifier ($...) narrows the rule, which a name cannot" },
		{ "[$app=x]||a.test^", "a modifier ($...) narrows the rule, which a name cannot" },
		{ "||a.test/x^", "a path, which DNS does not see" },
		{ "||a.test^x/", "a path, which DNS does not see" },
		{ "/a[0-9].test/", "a regular expression is no name" },
		{ "@@/a.test/$dnstype=A", "a regular expression is no name" },
		{ "##.banner", "a rule on what is in a page, not on a name" },
		{ "#@#.banner", "a rule on what is in a page, not on a name" },
		{ "a.test##.banner", "a rule on what is in a page, not on a name" },
		{ "a.test#@?#.banner", "a rule on what is in a page, not on a name" },
		{ "a.test#%#//scriptlet('x')", "a rule on what is in a page, not on a name" },
		{ "||a*.test^", "a star, which stands for any characters there, dots too" },
		{ "||*.a.test^", "a star, which stands for any characters there, dots too" },
		{ "||a.test", "expected '^' at its end: without it names that go on match too" },
		{ "||a.test^|x", "expected '^' at its end: without it names that go on match too" },
		{ "||", "expected '^' at its end: without it names that go on match too" },
		{ "||^", "expected a name between || and ^" },
		{ "|a.test^", "expected ||NAME^ or @@||NAME^" },
		{ "@@|a.test^|", "expected ||NAME^ or @@||NAME^" },
		{ "@@", "expected ||NAME^ or @@||NAME^" },
		{ "a.test", "expected ||NAME^ or @@||NAME^" },
		{ "[half", "expected ||NAME^ or @@||NAME^" },
	};
	char what[256];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(what, sizeof(what), "%s: %s", cases[i].line, cases[i].why);
		told("adguard", cases[i].line, what);
	}
	told("adguard", "||1.2.3.4^", ".1.2.3.4: an address: patterns are names, addresses are opened as names lead to them");
	told("adguard", "||a.test:80^", ".a.test:80: a port: ports are a group's, as in \"ports = tcp/80\": did you mean "
	     ".a.test?");
	told("adguard", "||b\xc3\xbc.test^", ".b\\195\\188.test: not ASCII: an international name is written in its A-labels "
	     "(xn--...)");
}

static void test_rpz(void **state)
{
	expect("rpz",
	       "$TTL 60\n"
	       "$ORIGIN rpz.zone.\n"
	       "@ SOA ns. root. ( 1\n 2 3 4 5 )\n"
	       "@ NS ns.\n"
	       "A.test CNAME rpz-passthru. ; why\n"
	       "*.a.test 60 IN CNAME RPZ-Passthru.\n"
	       "b.test.rpz.zone. IN 60 CNAME rpz-passthru.\n"
	       "_x.c.test CNAME rpz-passthru.;\n"
	       "$ORIGIN test.rpz.zone.\n"
	       "d CNAME rpz-passthru.\n"
	       " CNAME rpz-passthru.\n"
	       /* What blocks, or answers otherwise, and by whatever. */
	       "x CNAME .\nx CNAME *.\nx CNAME rpz-drop.\nx CNAME rpz-tcp-only.\nx CNAME garden.test.\nx A 1.2.3.4\n"
	       "x TXT \"rpz-passthru.\"\n* CNAME .\n$ORIGIN rpz.zone.\n32.4.3.2.1.rpz-ip CNAME .\nns.test.rpz-nsdname CNAME .\n",
	       NAMES("a response policy zone")
	       "*.a.test\n          _x.c.test\n          a.test\n          b.test\n          d.test\n", "");
}

static void test_rpz_told(void **state)
{
#define ZONE "$ORIGIN rpz.zone.\n@ SOA ns. root. 1 2 3 4 5\n"
	static const struct { const char *record, *what; } cases[] = {
		{ "32.4.3.2.1.rpz-ip CNAME rpz-passthru.",
		  "32.4.3.2.1.rpz-ip: lets through by address or name server, which no name says" },
		{ "32.4.3.2.1.rpz-client-ip CNAME rpz-passthru.",
		  "32.4.3.2.1.rpz-client-ip: lets through by address or name server, which no name says" },
		{ "ns.a.test.rpz-nsdname CNAME rpz-passthru.",
		  "ns.a.test.rpz-nsdname: lets through by address or name server, which no name says" },
		{ "32.4.3.2.1.rpz-nsip CNAME rpz-passthru.",
		  "32.4.3.2.1.rpz-nsip: lets through by address or name server, which no name says" },
		{ "@ CNAME rpz-passthru.", ".: the zone itself is no name to let through" },
		{ "* CNAME rpz-passthru.", "\\042: stands for every name" },
		{ "*.test CNAME rpz-passthru.", "*.test: a wildcard or leading dot on a single label takes a whole top-level "
		  "domain: write at least two labels behind it" },
		{ "a.*.test CNAME rpz-passthru.",
		  "a.\\042.test: a star that is not the whole first label is a character in a zone" },
		{ "*a.b.test CNAME rpz-passthru.",
		  "\\042a.b.test: a star that is not the whole first label is a character in a zone" },
		{ "a.test. CNAME rpz-passthru.", "a.test: is not in the zone" },
		{ "a.test CNAME rpz-passthru", "a.test: rpz-passthru without its final dot is a name in the zone" },
		{ "a.test CNAME a.test.", "a.test: leads to itself, the old way to let through: expected CNAME rpz-passthru." },
		{ "#a.test CNAME rpz-passthru.", "\\035a.test: '\\' may not stand in a name: letters, digits, '-', '_', dots and "
		  "stars may" },
		{ "a.test CNAME rpz-passthru. x", "a.test\\032CNAME\\032rpz-passthru.\\032x: Syntax error, superfluous text "
		  "present" },
		{ "$INCLUDE x", "$INCLUDE\\032x: of the directives only $ORIGIN and $TTL are followed" },
	};
	char text[256], want[512];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), ZONE "%s\n", cases[i].record);
		snprintf(want, sizeof(want), "f:3: error: %s\n", cases[i].what);
		expect("rpz", text, "", want);
	}
}

/* Files that leave the zone's name to the server's configuration. */
static void test_rpz_unnamed(void **state)
{
	expect("rpz", "@ SOA ns. root. 1 2 3 4 5\na.test CNAME rpz-passthru.\nb.test. CNAME rpz-passthru.\n"
	       "c.test CNAME rpz-passthru\n",
	       NAMES("a response policy zone") "a.test\n",
	       "f:3: error: b.test: is written whole, but the file does not say the zone's name: expected $ORIGIN before it\n"
	       "f:4: error: c.test: rpz-passthru without its final dot is a name in the zone\n");
	expect("rpz", "rpz.zone. SOA ns. root. 1 2 3 4 5\na.test CNAME rpz-passthru.\nb.test.rpz.zone. CNAME rpz-passthru.\n",
	       NAMES("a response policy zone") "a.test\n          b.test\n", "");
	expect("rpz", "$ORIGIN .\n@ SOA ns. root. 1 2 3 4 5\na.test. CNAME rpz-passthru.\nb.test CNAME rpz-passthru.\n",
	       NAMES("a response policy zone") "a.test\n          b.test\n", "");
	/* A list of records is no zone. */
	expect("rpz", "a.test. CNAME rpz-passthru.\nb.test CNAME rpz-passthru.\n",
	       NAMES("a response policy zone") "a.test\n          b.test\n", "");
}

static void test_m365(void **state)
{
	expect("m365",
	       "[{\"id\":1,\"serviceArea\":\"Exchange\",\"serviceAreaDisplayName\":\"Exchange Online\",\"category\":\"Optimize\","
	       "\"required\":true,\"tcpPorts\":\"80, 443\",\"udpPorts\":\"443\",\"expressRoute\":true,"
	       "\"urls\":[\"Outlook.a.test\",\"*.a.test\"],\"ips\":[\"1.2.3.0/24\"],\"notes\":\"their words\"},\n"
	       "{\"id\":2,\"serviceArea\":\"Skype\",\"ips\":[\"1.2.3.0/24\"],\"udpPorts\":\"bad\"},\n"
	       "{\"id\":3,\"serviceArea\":\"Exchange\",\"category\":\"Optimize\",\"required\":true,\"tcpPorts\":\"443,80\","
	       "\"udpPorts\":\"443\",\"urls\":[\"*.a.test\",\"a*.b.c.test\",\"x.*.c.test\",\"*cdn.c.test\"]},\n"
	       "{\"id\":4,\"serviceArea\":\"Exchange\",\"category\":\"Allow\",\"required\":false,\"tcpPorts\":\"25\","
	       "\"udpPorts\":\"3478-3479\",\"urls\":[\"m.test\"]},\n"
	       "{\"id\":5,\"serviceArea\":\"Exchange\",\"category\":\"Allow\",\"required\":false,\"tcpPorts\":\"443\","
	       "\"urls\":[\"n.test\"]}]",
	       "\n[exchange-optimize-required]\npurpose = Exchange, Optimize, required\n"
	       "source  = f, Exchange, Optimize, required\nports   = tcp/80 tcp/443 udp/443\n"
	       "allow   = outlook.a.test ; id 1\n          *.a.test       ; id 1, id 3\n          a*.b.c.test    ; id 3\n"
	       "          x.*.c.test     ; id 3\n          *cdn.c.test    ; id 3\n"
	       "\n[exchange-allow-optional-tcp-25-udp-3478-udp-3479]\npurpose = Exchange, Allow, optional\n"
	       "source  = f, Exchange, Allow, optional\nports   = tcp/25 udp/3478 udp/3479\n"
	       "allow   = m.test ; id 4\n"
	       "\n[exchange-allow-optional-https]\npurpose = Exchange, Allow, optional\n"
	       "source  = f, Exchange, Allow, optional\nports   = tcp/443\nallow   = n.test ; id 5\n", "");
}

static void test_m365_told(void **state)
{
	static const struct { const char *text, *errors; } cases[] = {
		{ "[{\"id\":7,\"urls\":[\n\"<tenant>.a.test\",\n\"b.test/x\"]}]",
		  "f:2: error: <tenant>.a.test: '<' may not stand in a name: letters, digits, '-', '_', dots and stars may\n"
		  "f:3: error: b.test/x: a path, and only names are asked for: did you mean b.test?\n" },
		{ "[\n{\"id\":7,\n\"urls\":[5,null]}]",
		  "f:2: error: id=7: one of its urls is no text\nf:2: error: id=7: one of its urls is no text\n" },
		{ "[{\"id\":7,\"urls\":\"a.test\"}]", "f:1: error: id=7: its urls are no list\n" },
		{ "[7,\n[]]", "f:1: error: set: expected an endpoint set, which begins with '{'\n"
		  "f:2: error: set: expected an endpoint set, which begins with '{'\n" },
		{ "[{\"id\":7,\"urls\":[\"a.test\"],\"tcpPorts\":443}]",
		  "f:1: error: id=7: its ports cannot be read, its names are left out\n" },
		{ "{\"value\":[]}", "f:1: error: JSON: expected a list, which begins with '['\n" },
		{ "\x1f\x8b\x08", "f:1: error: JSON: expected a list, which begins with '['\n" },
		{ "[{\"id\":7,\"urls\":[\"a.test\"],\n\"urls\":[]}]", "f:2: error: JSON: duplicate object key\n" },
	};
	static const char *const ports[] = { "", ",", "80,", ",80", "0", "65536", "100000", "80-", "-80", "90-80", "80 90", "http",
		"80;443", "+80", "80-81-82" };
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect("m365", cases[i].text, "", cases[i].errors);
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		snprintf(text, sizeof(text), "[{\"id\":7,\"urls\":[\"a.test\"],\"udpPorts\":\"%s\"}]", ports[i]);
		expect("m365", text, "", "f:1: error: id=7: its ports cannot be read, its names are left out\n");
	}
	expect("m365", "[{\"id\":7,\"urls\":[\"a.test\"],\"udpPorts\":\"1000-1016\"}]", "",
	       "f:1: error: id=7: more ports than a group can have, its names are left out\n");
	/* What stands before a break is kept. */
	expect("m365", "[{\"id\":7,\"serviceArea\":\"X\",\"urls\":[\"a.test\"],\"tcpPorts\":\"80\"},\n{\"id\":8,",
	       "\n[x]\npurpose = X\nsource  = f, X\nports   = tcp/80\nallow   = a.test ; id 7\n",
	       "f:2: error: JSON: string or '}' expected\n");
}

/* Whatever the bytes, every format comes to an end and says something. */
static void test_any_bytes(void **state)
{
	static const char *const formats[] = { "dnsmasq", "adguard", "rpz", "m365" };
	static const char *const starts[] = { "server=/", "||", "a CNAME ", "[{\"urls\":[\"" };
	size_t size = 1 << 20;
	char *text = malloc(size), *out, *err;
	uint64_t seed = 7;

	for (size_t f = 0; f < ARRAY_SIZE(formats); f++) {
		for (size_t i = 0; i < size; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			text[i] = (char)(seed >> 33);
		}
		import(formats[f], text, size, &out, &err);
		free(out);
		free(err);
		/* One line of a megabyte. */
		memset(text, 'x', size);
		memcpy(text, starts[f], strlen(starts[f]));
		assert_int_equal(import(formats[f], text, size, &out, &err), 1);
		assert_non_null(strstr(err, "f:1: error: "));
		assert_true(strlen(err) < 2000);
		free(out);
		free(err);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dnsmasq), cmocka_unit_test(test_dnsmasq_silent), cmocka_unit_test(test_dnsmasq_told),
		cmocka_unit_test(test_adguard), cmocka_unit_test(test_adguard_told), cmocka_unit_test(test_rpz),
		cmocka_unit_test(test_rpz_told), cmocka_unit_test(test_rpz_unnamed), cmocka_unit_test(test_m365),
		cmocka_unit_test(test_m365_told), cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
