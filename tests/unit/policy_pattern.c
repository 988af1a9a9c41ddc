/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/util.h"
#include "policy/pattern.h"
#include "policy_naive.h"

#define SEED 20261120u

struct row {
	const char *pattern, *name;	/* the name as in zone files: \. and \DDD are bytes of a label */
	bool takes;
};

#define L42 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnop"
#define L63 "abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnopqrstuvwxy"

static const struct row rows[] = {
	/* a name */
	{ "download.microsoft.com", "download.microsoft.com", true },
	{ "download.microsoft.com", "DOWNLOAD.Microsoft.COM", true },
	{ "DOWNLOAD.microsoft.COM", "download.microsoft.com", true },
	{ "download.microsoft.com.", "download.microsoft.com.", true },
	{ "download.microsoft.com", "x.download.microsoft.com", false },
	{ "download.microsoft.com", "xdownload.microsoft.com", false },
	{ "download.microsoft.com", "downloadmicrosoft.com", false },
	{ "download.microsoft.com", "microsoft.com", false },
	{ "download.microsoft.com", "com", false },
	{ "download.microsoft.com", ".", false },
	{ "download.microsoft.com", "download.microsoft.com.example.org", false },
	{ "download.microsoft.com", "download.microsoft.co", false },
	{ "download.microsoft.com", "download.microsoft.comm", false },
	{ "download.microsoft.com", "download.microsoft\\.com", false },
	{ "download.microsoft.com", "download\\.microsoft.com", false },
	{ "download.microsoft.com", "download\\.microsoft\\.com", false },
	{ "download.microsoft.com", "download.microsof\\116.com", true },
	{ "download.microsoft.com", "*.microsoft.com", false },
	{ "download.microsoft.com", "download.*.com", false },
	{ "download.microsoft.com", "download.microsoft.com\\000", false },
	{ "download.microsoft.com", "download.microsoft.net", false },
	{ "com", "com", true },
	{ "com", "COM", true },
	{ "com", "a.com", false },
	{ "com", "co", false },
	{ "com", "co\\m", true },
	{ "com", ".", false },
	{ "_ldap._tcp.example.com", "_LDAP._TCP.example.com", true },
	{ "_ldap._tcp.example.com", "_ldap._udp.example.com", false },
	{ "a-b_c9.example.com", "A-B_C9.EXAMPLE.com", true },
	{ "xn--bcher-kva.example", "XN--bcher-kva.example", true },
	{ "xn--bcher-kva.example", "xn--bcher-kvb.example", false },
	{ "1.example.com", "1.example.com", true },
	{ L63 ".com", L63 ".com", true },
	{ L63 ".com", L63 ".org", false },
	{ L42 ".example.com", L42 ".example.com", true },
	{ L42 ".example.com", "x" L42 ".example.com", false },

	/* *.S: one label below or more */
	{ "*.windowsupdate.com", "a.windowsupdate.com", true },
	{ "*.windowsupdate.com", "a.b.windowsupdate.com", true },
	{ "*.windowsupdate.com", "a.b.c.d.e.windowsupdate.com", true },
	{ "*.windowsupdate.com", "A.WindowsUpdate.Com", true },
	{ "*.WINDOWSUPDATE.com", "a.windowsupdate.com", true },
	{ "*.windowsupdate.com.", "a.windowsupdate.com", true },
	{ "*.windowsupdate.com", "windowsupdate.com", false },
	{ "*.windowsupdate.com", "notwindowsupdate.com", false },
	{ "*.windowsupdate.com", "a.notwindowsupdate.com", false },
	{ "*.windowsupdate.com", "windowsupdate.com.example.org", false },
	{ "*.windowsupdate.com", "a.windowsupdate.com.example.org", false },
	{ "*.windowsupdate.com", "a\\.windowsupdate.com", false },
	{ "*.windowsupdate.com", "x.a\\.windowsupdate.com", false },
	{ "*.windowsupdate.com", "a.windowsupdate\\.com", false },
	{ "*.windowsupdate.com", "*.windowsupdate.com", true },
	{ "*.windowsupdate.com", "\\..windowsupdate.com", true },
	{ "*.windowsupdate.com", "\\000.windowsupdate.com", true },
	{ "*.windowsupdate.com", "*.*", false },
	{ "*.windowsupdate.com", "a.*.com", false },
	{ "*.windowsupdate.com", "com", false },
	{ "*.windowsupdate.com", ".", false },
	{ "*.windowsupdate.com", "a.windowsupdate.net", false },
	{ "*.windowsupdate.com", "a.windowsupdat.com", false },
	{ "*.co.uk", "a.co.uk", true },
	{ "*.co.uk", "co.uk", false },
	{ "*." L42 ".com", "x." L42 ".com", true },
	{ "*." L42 ".com", L42 ".com", false },
	{ "*." L42 ".com", "x.y" L42 ".com", false },

	/* .S: the name and all below */
	{ ".example.com", "example.com", true },
	{ ".example.com", "EXAMPLE.com", true },
	{ ".Example.Com", "example.com", true },
	{ ".example.com.", "example.com", true },
	{ ".example.com", "a.example.com", true },
	{ ".example.com", "a.b.c.example.com", true },
	{ ".example.com", "A.b.C.eXample.com", true },
	{ ".example.com", "notexample.com", false },
	{ ".example.com", "a.notexample.com", false },
	{ ".example.com", "not\\.example.com", false },
	{ ".example.com", "\\.example.com", false },
	{ ".example.com", "example\\.com", false },
	{ ".example.com", "a.example\\.com", false },
	{ ".example.com", "example.com.example.org", false },
	{ ".example.com", "com", false },
	{ ".example.com", ".", false },
	{ ".example.com", "*.example.com", true },
	{ ".example.com", "*.com", false },
	{ ".a.b.example.com", "b.example.com", false },
	{ ".a.b.example.com", "a.b.example.com", true },
	{ ".a.b.example.com", "x.a.b.example.com", true },
	{ "." L42 ".com", L42 ".com", true },
	{ "." L42 ".com", "x." L42 ".com", true },

	/* *text.S: anything that ends so */
	{ "*text.example.com", "text.example.com", true },
	{ "*text.example.com", "xtext.example.com", true },
	{ "*text.example.com", "a.b.xtext.example.com", true },
	{ "*text.example.com", "a.text.example.com", true },
	{ "*text.example.com", "TEXT.example.com", true },
	{ "*TEXT.example.com", "aText.example.com", true },
	{ "*text.example.com", "texttext.example.com", true },
	{ "*text.example.com", "x\\.text.example.com", true },
	{ "*text.example.com", "*text.example.com", true },
	{ "*text.example.com", "textx.example.com", false },
	{ "*text.example.com", "text.x.example.com", false },
	{ "*text.example.com", "ext.example.com", false },
	{ "*text.example.com", "*.example.com", false },
	{ "*text.example.com", "example.com", false },
	{ "*text.example.com", "text.example.com.example.org", false },
	{ "*text.example.com", "text\\.example.com", false },
	{ "*text.example.com", "a.text\\.example.com", false },
	{ "*text.example.com", "text.notexample.com", false },
	{ "*dl.delivery.mp.microsoft.com", "dl.delivery.mp.microsoft.com", true },
	{ "*dl.delivery.mp.microsoft.com", "emdl.delivery.mp.microsoft.com", true },
	{ "*dl.delivery.mp.microsoft.com", "3.tlu.dl.delivery.mp.microsoft.com", true },
	{ "*dl.delivery.mp.microsoft.com", "1d.tlu.DL.delivery.MP.microsoft.com", true },
	{ "*dl.delivery.mp.microsoft.com", "delivery.mp.microsoft.com", false },
	{ "*dl.delivery.mp.microsoft.com", "dl.mp.microsoft.com", false },
	{ "*dl.delivery.mp.microsoft.com", "dlx.delivery.mp.microsoft.com", false },
	{ "*dl.delivery.mp.microsoft.com", "dl.x.delivery.mp.microsoft.com", false },
	{ "*microsoft.com", "microsoft.com", true },
	{ "*microsoft.com", "evilmicrosoft.com", true },
	{ "*microsoft.com", "www.microsoft.com", true },
	{ "*microsoft.com", "microsoft.com.evil.org", false },
	{ "*microsoft.com", "microsoft.co", false },
	{ "*microsoft.com", "\\.microsoft.com", true },
	{ "*a*b.example.com", "ab.example.com", true },
	{ "*a*b.example.com", "xaxb.example.com", true },
	{ "*a*b.example.com", "y.xaxb.example.com", true },
	{ "*a*b.example.com", "a.b.example.com", false },
	{ "*a*b.example.com", "ba.example.com", false },
	{ "*a*.example.com", "a.example.com", true },
	{ "*a*.example.com", "xay.example.com", true },
	{ "*a*.example.com", "q.xay.example.com", true },
	{ "*a*.example.com", "a.x.example.com", false },
	{ "*a*.example.com", "x.example.com", false },
	{ "*-" L42 ".com", "x-" L42 ".com", true },

	/* *.*.S and the like */
	{ "*.*.example.com", "a.b.example.com", true },
	{ "*.*.example.com", "a.b.c.example.com", true },
	{ "*.*.example.com", "A.B.Example.com", true },
	{ "*.*.example.com", "a.example.com", false },
	{ "*.*.example.com", "example.com", false },
	{ "*.*.example.com", "a\\.b.example.com", false },
	{ "*.*.example.com", "a.b\\.c.example.com", true },
	{ "*.*.example.com", "a.b.notexample.com", false },
	{ "*.*.*.example.com", "a.b.c.example.com", true },
	{ "*.*.*.example.com", "a.b.example.com", false },
	{ "*.x.*.example.com", "a.x.b.example.com", true },
	{ "*.x.*.example.com", "q.a.x.b.example.com", true },
	{ "*.x.*.example.com", "x.b.example.com", false },
	{ "*.x.*.example.com", "a.x.b.c.example.com", false },
	{ "*.x.*.example.com", "a.y.b.example.com", false },

	/* a.*.S: one whole label */
	{ "a.*.example.com", "a.b.example.com", true },
	{ "a.*.example.com", "A.B.example.com", true },
	{ "a.*.example.com", "a.*.example.com", true },
	{ "a.*.example.com", "a.\\..example.com", true },
	{ "a.*.example.com", "a.b\\.c.example.com", true },
	{ "a.*.example.com", "a.example.com", false },
	{ "a.*.example.com", "a.b.c.example.com", false },
	{ "a.*.example.com", "x.a.b.example.com", false },
	{ "a.*.example.com", "b.b.example.com", false },
	{ "a.*.example.com", "a\\.b.example.com", false },
	{ "a.*.example.com", "aa.b.example.com", false },
	{ "a.*.*.example.com", "a.b.c.example.com", true },
	{ "a.*.*.example.com", "a.b.example.com", false },
	{ "a.*.*.example.com", "a.b.c.d.example.com", false },
	{ "a.*.com", "a.b.com", true },
	{ "a.*.com", "a.com", false },
	{ "a.*.com", "a.b.c.com", false },
	{ "a.b.*.example.com", "a.b.c.example.com", true },
	{ "a.b.*.example.com", "b.b.c.example.com", false },
	{ "a.b.*.example.com", "b.c.example.com", false },

	/* stars inside a label */
	{ "pre-*.example.com", "pre-.example.com", true },
	{ "pre-*.example.com", "pre-x.example.com", true },
	{ "pre-*.example.com", "PRE-xyz.example.com", true },
	{ "Pre-*.example.com", "pre-xyz.example.com", true },
	{ "pre-*.example.com", "pre-x\\.y.example.com", true },
	{ "pre-*.example.com", "pre-*.example.com", true },
	{ "pre-*.example.com", "pre-x.y.example.com", false },
	{ "pre-*.example.com", "x.pre-x.example.com", false },
	{ "pre-*.example.com", "xpre-x.example.com", false },
	{ "pre-*.example.com", "pre.example.com", false },
	{ "pre-*.example.com", "pr.example.com", false },
	{ "pre-*.example.com", "example.com", false },
	{ "pre-*.example.com", "pre-x.notexample.com", false },
	{ "a*b.example.com", "ab.example.com", true },
	{ "a*b.example.com", "axb.example.com", true },
	{ "a*b.example.com", "aXYZB.example.com", true },
	{ "a*b.example.com", "abab.example.com", true },
	{ "a*b.example.com", "a\\.b.example.com", true },
	{ "a*b.example.com", "a*b.example.com", true },
	{ "a*b.example.com", "a.b.example.com", false },
	{ "a*b.example.com", "a.example.com", false },
	{ "a*b.example.com", "b.example.com", false },
	{ "a*b.example.com", "abx.example.com", false },
	{ "a*b.example.com", "xab.example.com", false },
	{ "a*b.example.com", "x.ab.example.com", false },
	{ "a*a.example.com", "a.example.com", false },
	{ "a*a.example.com", "aa.example.com", true },
	{ "a*b*c.example.com", "abc.example.com", true },
	{ "a*b*c.example.com", "axbyc.example.com", true },
	{ "a*b*c.example.com", "abcbc.example.com", true },
	{ "a*b*c.example.com", "acb.example.com", false },
	{ "a*b*c.example.com", "ac.example.com", false },
	{ "www.a*b.example.com", "www.ab.example.com", true },
	{ "www.a*b.example.com", "www.axxb.example.com", true },
	{ "www.a*b.example.com", "ww.ab.example.com", false },
	{ "www.a*b.example.com", "x.www.ab.example.com", false },
	{ "www.*b.example.com", "www.b.example.com", true },
	{ "www.*b.example.com", "www.xb.example.com", true },
	{ "www.*b.example.com", "www.x.b.example.com", false },
	{ "store-images.*microsoft.com", "store-images.microsoft.com", true },
	{ "store-images.*microsoft.com", "store-images.s-microsoft.com", true },
	{ "store-images.*microsoft.com", "STORE-images.S-Microsoft.com", true },
	{ "store-images.*microsoft.com", "store-images.s.microsoft.com", false },
	{ "store-images.*microsoft.com", "x.store-images.microsoft.com", false },
	{ "store-images.*microsoft.com", "store-images.microsoftx.com", false },
	{ "*.a*b.example.com", "x.ab.example.com", true },
	{ "*.a*b.example.com", "y.x.a1b.example.com", true },
	{ "*.a*b.example.com", "ab.example.com", false },
	{ "*.a*b.example.com", "a.b.example.com", false },
	{ "cy2.*.md.mp.microsoft.com", "cy2.vortex.md.mp.microsoft.com", true },
	{ "cy2.*.md.mp.microsoft.com", "cy2.md.mp.microsoft.com", false },
	{ "cy2.*.md.mp.microsoft.com", "cy2.vortex.md.mp.microsoft.com.example.org", false },
	{ "*." L42 "*.example.com", "a." L42 ".example.com", true },
	{ "*." L42 "*.example.com", "a." L42 "xyz.example.com", true },
	{ "*." L42 "*.example.com", L42 ".example.com", false },
};

static void test_table(void **state)
{
	unsigned bad = 0;

	assert_true(ARRAY_SIZE(rows) >= 200);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		char why[256] = "", text[256];
		struct pattern p;
		struct name n;

		if (pattern_parse(&p, r->pattern, strlen(r->pattern), why, sizeof(why))) {
			print_error("%s is refused: %s\n", r->pattern, why);
			bad++;
			continue;
		}
		assert_int_equal(name_from_text(&n, r->name, strlen(r->name)), 0);
		if (pattern_match(&p, &n) != r->takes || pattern_match_wire(p.wire, p.dot, &n) != r->takes) {
			print_error("%s %s %s\n", r->pattern, r->takes ? "does not take" : "takes", r->name);
			bad++;
		}
		if (naive_match(pattern_text(p.wire, p.dot, text), &n) != r->takes) {
			print_error("the naive matcher on %s, %s\n", r->pattern, r->name);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

/* What each is refused for, by a part of the reason. */
static const struct { const char *pattern, *why; } refused[] = {
	{ "", "empty pattern" },
	{ ".", "empty pattern" },
	{ "..", "empty label" },
	{ "a..example.com", "did you mean a.example.com?" },
	{ "..example.com", "did you mean .example.com?" },
	{ "example.com..", "empty label" },
	{ "*", "right end open" },
	{ "**", "two stars" },
	{ "**.example.com", "did you mean *.example.com?" },
	{ "a.**.example.com", "did you mean a.*.example.com?" },
	{ "a**b.example.com", "did you mean a*b.example.com?" },
	{ "img-*", "right end open" },
	{ "www.example.*", "right end open" },
	{ "www.example.c*m", "right end open" },
	{ "*.*", "right end open" },
	{ ".example.*", "right end open" },
	{ "cy2.*.md.mp.microsoft.com.*", "right end open" },
	{ "*.com", "top-level domain" },
	{ "*.COM.", "top-level domain" },
	{ "*com", "top-level domain" },
	{ ".com", "did you mean com?" },
	{ ".com.", "top-level domain" },
	{ "*.*.com", "top-level domain" },
	{ ".*.example.com", "did you mean *.example.com?" },
	{ ".a*b.example.com", "did you mean a*b.example.com?" },
	{ "192.0.2.1", "an address" },
	{ "192.0.2.0/24", "an address" },
	{ "192.0.2.1/24", "an address" },
	{ "10.0.0.*", "an address" },
	{ "10.*", "an address" },
	{ "2001:db8::1", "an address" },
	{ "2001:db8::/32", "an address" },
	{ "[2001:db8::1]", "an address" },
	{ "::1", "an address" },
	{ "http://www.example.com/x", "did you mean www.example.com?" },
	{ "https://*.example.com:8443", "did you mean *.example.com?" },
	{ "http://", "a URL" },
	{ "www.example.com:443", "did you mean www.example.com?" },
	{ "*.example.com:8530", "tcp/8530" },
	{ "www.example.com/path", "did you mean www.example.com?" },
	{ "*.example.com/*", "did you mean *.example.com?" },
	{ "/etc/passwd", "a path" },
	{ "b\xc3\xbc" "cher.example", "A-labels" },
	{ "\xff.example.com", "A-labels" },
	{ "||ads.example.com^", "ad blocker" },
	{ "@@||ads.example.com^", "ad blocker" },
	{ "a b.example.com", "'\\032' may not" },
	{ "a,b.example.com", "',' may not" },
	{ "a?.example.com", "'?' may not" },
	{ "a\\.example.com", "'\\' may not" },
	{ "(a|b).example.com", "'(' may not" },
	{ "user@example.com", "'@' may not" },
	{ "$a.example.com", "'$' may not" },
	{ "a\t.example.com", "'\\009' may not" },
	{ L63 "x.com", "63 characters" },
	{ "*" L63 ".com", "63 characters" },
};

static void test_refused(void **state)
{
	unsigned bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const char *text = refused[i].pattern;
		struct pattern p;
		char why[512] = "";

		if (pattern_parse(&p, text, strlen(text), why, sizeof(why)) == -EINVAL && strstr(why, refused[i].why))
			continue;
		print_error("%s: %s, expected %s\n", text, *why ? why : "accepted", refused[i].why);
		bad++;
	}
	assert_int_equal(bad, 0);
}

static void test_lengths(void **state)
{
	char text[600], why[512];
	struct pattern p;
	struct name n;

	/* 63 + 63 + 63 + 61 and three dots: 253 */
	snprintf(text, sizeof(text), "%s.%s.%s.%.61s", L63, L63, L63, L63);
	assert_int_equal(strlen(text), 253);
	assert_int_equal(pattern_parse(&p, text, 253, why, sizeof(why)), 0);
	assert_int_equal(p.len, 255);
	assert_int_equal(name_from_text(&n, text, 253), 0);
	assert_true(pattern_match(&p, &n));
	/* Neither the final dot nor the leading one is of the 253. */
	text[253] = '.';
	assert_int_equal(pattern_parse(&p, text, 254, why, sizeof(why)), 0);
	memmove(text + 1, text, 253);
	text[0] = '.';
	assert_int_equal(pattern_parse(&p, text, 254, why, sizeof(why)), 0);
	assert_true(p.dot && pattern_match(&p, &n));
	text[0] = 'x';
	assert_int_equal(pattern_parse(&p, text, 254, why, sizeof(why)), -EINVAL);
	snprintf(text, sizeof(text), "%s.%s.%s.%.62s", L63, L63, L63, L63);
	assert_int_equal(pattern_parse(&p, text, 254, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "253"));
	/* NUL bytes and a length of its own: what lies behind is not looked at. */
	assert_int_equal(pattern_parse(&p, "a\0b.com", 7, why, sizeof(why)), -EINVAL);
	assert_int_equal(pattern_parse(&p, "a.com:443", 5, why, sizeof(why)), 0);
	/* Whatever the room for the reason, it ends in time. */
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		for (size_t room = 1; room < 120; room += 7) {
			why[room] = '#';
			assert_int_equal(pattern_parse(&p, refused[i].pattern, strlen(refused[i].pattern), why, room), -EINVAL);
			assert_true(strlen(why) < room);
			assert_int_equal(why[room], '#');
		}
	}
}

static void parse(struct pattern *p, const char *text)
{
	char why[256];

	assert_int_equal(pattern_parse(p, text, strlen(text), why, sizeof(why)), 0);
}

static void test_text(void **state)
{
	static const char *const same[] = { "a.com", "*.a.com", ".a.com", "*text.a.com", "a*b.c.*.d.com", "com", L63 ".com" };
	struct pattern p;
	char buf[256];

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		parse(&p, same[i]);
		assert_string_equal(pattern_text(p.wire, p.dot, buf), same[i]);
	}
	parse(&p, ".WWW.Example.COM.");
	assert_string_equal(pattern_text(p.wire, p.dot, buf), ".www.example.com");
}

/* Each before all that stand further down, unless it says so. */
static void test_compare(void **state)
{
	static const char *const order[] = {
		"a.b.example.com", "example.com", ".b.example.com", ".example.com", "x*y.b.example.com",
		"*.b.example.com", "*y.example.com", "*.example.com", "a.*.com",
	};
	struct pattern p, q;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(order); k++) {
			int d;

			parse(&p, order[i]);
			parse(&q, order[k]);
			d = pattern_compare(p.wire, p.dot, q.wire, q.dot);
			if (i < k ? d >= 0 : i > k ? d <= 0 : d)
				fail_msg("%s, %s: %d", order[i], order[k], d);
		}
	}
	parse(&p, "a.*.example.com");
	parse(&q, "*.*.example.com");
	assert_int_equal(pattern_compare(p.wire, p.dot, q.wire, q.dot), 0);
}

static const struct { const char *pattern; bool anybody; } anybody[] = {
	{ "*.cloudfront.net", true }, { "*.*.akamaized.net", true }, { "store-images.*microsoft.com", true },
	{ "*microsoft.com", true }, { "*.s3.amazonaws.com", true }, { "*.github.io", true }, { "a.*.com", true },
	{ ".github.io", true }, { "*.co.uk", true }, { ".co.uk", true }, { "a*.co.uk", true }, { "x.a*.co.uk", true },
	{ "*.blob.core.windows.net", true }, { "a*.blob.core.windows.net", true }, { "*.core.windows.net", true },
	{ "*.windows.net", true }, { ".windows.net", true }, { "*.azure.com", true }, { "*.cloudapp.azure.com", true },
	{ "*.westeurope.cloudapp.azure.com", true }, { "*.trafficmanager.net", true }, { "*.azureedge.net", true },
	{ "*.azurefd.net", true }, { "*.onmicrosoft.com", true }, { "*.sharepoint.com", true }, { "*.amazonaws.com", true },
	{ "*.fastly.net", true }, { "*.prod.fastly.net", true }, { "*.akamaiedge.net", true }, { "*.nsatc.net", true },
	{ "*.c.footprint.net", true }, { "*.compute.amazonaws.com", true }, { "*-update.trafficmanager.net", true },
	{ "update-*.trafficmanager.net", true }, { "*.kobe.jp", true },
	{ "*.microsoft.com", false }, { ".microsoft.com", false }, { "*dl.delivery.mp.microsoft.com", false },
	{ "*.windowsupdate.com", false }, { "a*b.microsoft.com", false }, { "x.*.microsoft.com", false },
	{ "*.bbc.co.uk", false }, { ".bbc.co.uk", false }, { "*.alice.github.io", false }, { ".alice.github.io", false },
	{ "alice.github.io", false }, { "github.io", false }, { "com", false }, { "www.microsoft.com", false },
	{ "*.fe2.update.microsoft.com", false }, { "*.account.blob.core.windows.net", false },
	{ "*.myhost.westeurope.cloudapp.azure.com", false }, { "*.corp.internal", false }, { "x-*.corp.lan", false },
	{ "*.d111111abcdef8.cloudfront.net", false }, { "*.azurewebsites.example.com", false },
	{ "*.www.ck", false }, { "*.city.kobe.jp", false },
};

static void test_anybody(void **state)
{
	struct pattern p;

	for (size_t i = 0; i < ARRAY_SIZE(anybody); i++) {
		parse(&p, anybody[i].pattern);
		if (pattern_anybody(&p) != anybody[i].anybody)
			fail_msg("%s", anybody[i].pattern);
	}
}

static const struct { const char *wide, *narrow; bool covers; } covers[] = {
	{ "*.example.com", "a.example.com", true }, { "*.example.com", "*.a.example.com", true },
	{ "*.example.com", ".a.example.com", true }, { "*.example.com", "a*.example.com", true },
	{ "*.example.com", "*a.example.com", true }, { "*.example.com", "a.*.example.com", true },
	{ "*.example.com", ".example.com", false }, { "*.example.com", "example.com", false },
	{ "*.example.com", "*.*.example.com", true }, { "*.*.example.com", "*.example.com", false },
	{ "*.*.example.com", "a.*.example.com", true }, { "a.*.example.com", "*.*.example.com", false },
	{ ".example.com", "*.example.com", true }, { ".example.com", ".a.example.com", true },
	{ ".example.com", "*x.example.com", true }, { ".example.com", "*example.com", false },
	{ "*example.com", ".example.com", true }, { "*example.com", "*.example.com", true },
	{ "*a.example.com", "*ba.example.com", true }, { "*ba.example.com", "*a.example.com", false },
	{ "*a.example.com", "*.a.example.com", true }, { "*a.example.com", ".a.example.com", true },
	{ "*.a.example.com", "*a.example.com", false }, { "a*.example.com", "ab*.example.com", true },
	{ "a*.example.com", "a*b.example.com", true }, { "a*b.example.com", "a*.example.com", false },
	{ "a*.example.com", "*.example.com", false }, { "*a*.example.com", "*ba*.example.com", true },
	{ "*a*.example.com", "xay.example.com", true }, { "x.a*.example.com", "x.ab.example.com", true },
	{ "x.*.example.com", "x.a*b.example.com", true }, { "*b.example.com", "a*b.example.com", true },
	{ "a.example.com", "a.example.com", true }, { "a.example.com", ".a.example.com", false },
	{ ".a.example.com", "a.example.com", true }, { "a.example.com", "b.example.com", false },
};

static void test_covers(void **state)
{
	struct pattern p, q;

	for (size_t i = 0; i < ARRAY_SIZE(covers); i++) {
		parse(&p, covers[i].wide);
		parse(&q, covers[i].narrow);
		if (pattern_covers(&p, &q) != covers[i].covers)
			fail_msg("%s, %s", covers[i].wide, covers[i].narrow);
	}
}

static void random_pattern(struct naive_random *r, struct pattern *p, char *text)
{
	do
		naive_pattern(r, text);
	while (pattern_parse(p, text, strlen(text), NULL, 0));
	pattern_text(p->wire, p->dot, text);
}

static void test_naive(void **state)
{
	struct naive_random r = { SEED };
	unsigned taken = 0;

	print_message("seed %u\n", SEED);
	for (unsigned i = 0; i < 20000; i++) {
		struct pattern p;
		char text[32];

		random_pattern(&r, &p, text);
		for (unsigned k = 0; k < 25; k++) {
			char shown[NAME_TEXT];
			struct name n;
			bool want;

			naive_name(&r, &n);
			want = naive_match(text, &n);
			taken += want;
			if (pattern_match(&p, &n) != want)
				fail_msg("%s %s", text, name_text(&n, shown));
		}
	}
	/* Else the names would be too foreign to tell anything. */
	assert_in_range(taken, 10000, 400000);
}

/* Held against many names: covers may not say yes where one is left out, nor no where it is plain that none is. */
static void test_covers_naive(void **state)
{
	struct naive_random r = { SEED + 1 };
	unsigned yes = 0, no = 0, unsure = 0;

	for (unsigned i = 0; i < 20000; i++) {
		struct pattern p, q;
		char wide[32], narrow[32], shown[NAME_TEXT];
		bool said, left_out = false;
		unsigned in = 0;

		random_pattern(&r, &p, wide);
		random_pattern(&r, &q, narrow);
		said = pattern_covers(&p, &q);
		for (unsigned k = 0; k < 60; k++) {
			struct name n;

			naive_name(&r, &n);
			if (!naive_match(narrow, &n))
				continue;
			in++;
			if (naive_match(wide, &n))
				continue;
			left_out = true;
			if (said)
				fail_msg("%s does not cover %s: %s", wide, narrow, name_text(&n, shown));
		}
		yes += said;
		no += left_out;
		unsure += in > 8 && !said && !left_out;
	}
	assert_in_range(yes, 500, 20000);
	assert_in_range(no, 500, 20000);
	assert_true(unsure < 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_anybody),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_naive),
		cmocka_unit_test(test_covers_naive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
