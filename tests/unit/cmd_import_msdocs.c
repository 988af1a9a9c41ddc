/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "import_util.h"

#include "base/hash.h"
#include "cmd/import_markdown.h"
#include "cmd/import_msdocs.h"
#include "cmd/import_table.h"

static void doc(const char *text, const char *shown, unsigned bad)
{
	expect_short("msdocs", text, shown, bad);
}

static void test_plain(void **state)
{
	static const char *const cases[][2] = {
		{ "`a.example.com`", "a.example.com" }, { "cy2.\\*.mp\\_x.com.\\*", "cy2.*.mp_x.com.*" },
		{ "a<br>b<br/>c</br>d<BR />e", "a\nb\nc\nd\ne" }, { "<ul><li>a</li><li>b</li></ul>", "\n\na\n\nb\n\n" },
		{ "cs12.<span class=\"anchor\" id=\"_x\"></span>wpc", "cs12.wpc" },
		{ "<tenant>.example.com", "<tenant>.example.com" }, { "&lt;tenant&gt;.example.com", "<tenant>.example.com" },
		{ "\\<tenant\\>.example.com", "<tenant>.example.com" }, { "<spans>", "<spans>" }, { "a < b > c", "a < b > c" },
		{ "[www.example.com](http://www.example.com/)", "www.example.com" },
		{ "[`a.example.com`](x)", "a.example.com" }, { "[a.example.com][ref]", "a.example.com" },
		{ "[see (here)](x(y)z) too", "\001 too" }, { "a.test [list](http://x/(1))", "a.test \001" },
		{ "<https://a.example.com/>", "https://a.example.com/" }, { "![a.example.com](x.png)b", "b" },
		{ "[!NOTE]", "[!NOTE]" }, { "[x] y", "[x] y" }, { "[open", "[open" }, { "[a](b", "[a](b" },
		{ "a<!-- b -->c", "ac" }, { "a<!-- b", "a" }, { "&#42;.a &amp; b&nbsp;c", "*.a & b c" },
		{ "**Destination**", "Destination" }, { "**de**.example.com", "de.example.com" },
		{ "**.example.com", "**.example.com" }, { "*.*.akamai.net", "*.*.akamai.net" }, { "a ** b ** c", "a ** b ** c" },
		{ "\001", " " }, { "", "" }, { "\\", "\\" }, { "<", "<" }, { "</", "</" }, { "[", "[" }, { "![", "![" }, { "&", "&" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct import im = { .a = arena_new(1 << 20) };

		assert_string_equal(import_markdown_plain(&im, cases[i][0], IMPORT_LINKS_NAMES), cases[i][1]);
		arena_free(im.a);
	}
}

static void test_name_like(void **state)
{
	static const char *const yes[] = {
		"a.example.com", "*.example.com", "*dl.example.com", ".g.akamaiedge.net", "a.*.example.com", "www.bing.com*",
		"cy2.*.md.mp.microsoft.com.*.", "*.microsoft.com/pkiops/*", "https://a.example.com/x?y=z", "http(s)://*.a.com",
		"EnterpriseEnrollment.manage.microsoft.com", "a.example.com:443", "<tenant>.onmicrosoft.com", "a.example.com.",
	};
	static const char *const no[] = {
		"", "word", "WindowsUpdate.log", "gpedit.msc", "setup.exe", "ASP.NET", "Microsoft.Windows.Photos", "e.g.", "i.e.",
		"10.0.19041", "192.0.2.1", "2004.", "readme.md", "data.zip", "user@example.com", "C:\\a.com", "a.com b.com", "...",
		"Administrative", "img-*", "img-prod-cms-rt-microsoft-com", "http://wsus-server:8530", "localhost", "*.com", "a..com",
		"<domain>contoso.com", "http://a.example.com/x</Action>", "*", "-", "\"a.com\"", "a.com)", "<x>", "System32.dll",
	};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (!import_table_name_like(yes[i], strlen(yes[i])))
			fail_msg("%s is no name", yes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (import_table_name_like(no[i], strlen(no[i])))
			fail_msg("%s is a name", no[i]);
}

static void test_columns(void **state)
{
	static const struct {
		const char *heading;
		enum msdocs_column kind;
	} cases[] = {
		{ "Destination", MSDOCS_ENDPOINT }, { " **Destination** ", MSDOCS_ENDPOINT }, { "Endpoint(s)", MSDOCS_ENDPOINT },
		{ "URLs required on allow list", MSDOCS_ENDPOINT }, { "URL", MSDOCS_ENDPOINT }, { "Domain(s)", MSDOCS_ENDPOINT },
		{ "Host names", MSDOCS_ENDPOINT }, { "Domain Name  ", MSDOCS_ENDPOINT }, { "Host name(s)", MSDOCS_ENDPOINT },
		{ "FQDN", MSDOCS_ENDPOINT }, { "FQDNs", MSDOCS_ENDPOINT }, { "Service endpoint", MSDOCS_ENDPOINT },
		{ "DNS name", MSDOCS_ENDPOINT }, { "Protocol", MSDOCS_PROTOCOL }, { "Protocol/Port(s)", MSDOCS_PROTOCOL },
		{ "Port(s)", MSDOCS_PORT }, { "Destination port", MSDOCS_PORT }, { "Ports", MSDOCS_PORT },
		{ "Microsoft service  ", MSDOCS_SERVICE }, { "**Area**", MSDOCS_SERVICE }, { "Service", MSDOCS_SERVICE },
		{ "Name", MSDOCS_MAYBE }, { "Addresses", MSDOCS_MAYBE }, { "Description", MSDOCS_OTHER }, { "Purpose", MSDOCS_OTHER },
		{ "Source process", MSDOCS_OTHER }, { "Applies from Windows 10 version", MSDOCS_OTHER },
		{ "Documentation source", MSDOCS_OTHER }, { "IP address", MSDOCS_OTHER }, { "Endpoint description", MSDOCS_OTHER },
		{ "Service description", MSDOCS_OTHER }, { "", MSDOCS_OTHER }, { "---", MSDOCS_OTHER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct import im = { .a = arena_new(1 << 20) };
		unsigned rank;

		if (msdocs_column(&im, cases[i].heading, &rank) != cases[i].kind)
			fail_msg("%s", cases[i].heading);
		arena_free(im.a);
	}
}

/* Bars at both ends, at one, at none; rows of more and fewer cells. */
static void test_table_forms(void **state)
{
	doc("## Apps\n\n| Source | Protocol | Destination | From |\n|---|:--|--:|---|\n"
	    "| explorer | HTTP | a.example.com | 1709 |\n||TLS v1.2|b.\\*.example.com| 1709 |\n|  |  | c.example.com|\n"
	    "| x | HTTPS | d.example.com | 1709 | more |\n",
	    "Apps: tcp/80\n a.example.com ; row 1\nApps: tcp/443\n b.*.example.com ; row 2\n d.example.com ; row 4\n"
	    "Apps: tcp/80 tcp/443\n c.example.com ; row 3\n", 0);
	doc("Windows 10 Home\nDestination | Protocol | Description |\n---|---|---|\n*.a.example.com | HTTP | Text |\n"
	    "b.example.com | HTTPS | Text |\nWindows 10 Pro\nDestination | Protocol | Description |\n---|---|---|\n"
	    "b.example.com | HTTP | Text",
	    "Windows 10 Home: tcp/80\n *.a.example.com ; row 1\nWindows 10 Home: tcp/443\n b.example.com ; row 2\n"
	    "Windows 10 Pro: tcp/80\n b.example.com ; row 1\n", 0);
	doc("# X\nService | URLs required | Source\n--- | --- | ---\nA | a.example.com<br>\\*.b.example.com | [list](x)\n"
	    "B | c.example.com  [list](y)\n",
	    "A: tcp/80 tcp/443\n a.example.com ; row 1\n *.b.example.com ; row 2\nB: tcp/80 tcp/443\n c.example.com ; row 1\n", 0);
	doc("# Saved\nDestination\tProtocol\tDescription\na.example.com\tHTTP\tText of it\nb.example.com\tHTTPS\tText\n",
	    "Saved: tcp/80\n a.example.com ; row 1\nSaved: tcp/443\n b.example.com ; row 2\n", 0);
	doc("# P\n| Text | URL |\n|--|--|\n| one \\| two | a.example.com |\n", "P: tcp/80 tcp/443\n a.example.com ; row 1\n", 0);
	doc("# Q\n> | URL | Port |\n> | - | - |\n> | a.example.com | 8443 |\n", "Q: tcp/8443\n a.example.com ; row 1\n", 0);
	doc("# Two\n|Protocol|Port|Host|\n|-|-|-|\n|HTTPS|443|a.example.com|\n|UDP|123|b.example.com|\n|TCP|-|c.example.com|\n",
	    "Two: tcp/443\n a.example.com ; row 1\nTwo: udp/123\n b.example.com ; row 2\n"
	    "Two: tcp/80 tcp/443\n# row 3 c.example.com\n", 1);
}

static void test_table_broken(void **state)
{
	doc("# B\n| **Destination** | **Protocol** | **Description** |\n| --- | --- | --- |\n"
	    "| a.example.com | TLSv1.2/\nHTTPS | Text. |\n| b.example.com | HTTP/\nTLSv1.2 | Text. |\n| c.example.com | HTTP | goes\non |\n"
	    "| d.example.com | HTTP | Text |\n",
	    "B: tcp/443\n a.example.com ; row 1\nB: tcp/80 tcp/443\n b.example.com ; row 2\n"
	    "B: tcp/80\n c.example.com ; row 3\n d.example.com ; row 4\n", 0);
	doc("# B\n| URL | Protocol | Description |\n|--|--|--|\n| a.example.com | HTTP | goes\nOn and\non |\n| b.example.com | HTTP | x |\n",
	    "B: tcp/80\n a.example.com ; row 1\n b.example.com ; row 2\n", 0);
	/* Without bars at the ends a short row is followed by the next. */
	doc("# C\nURL | Protocol | Text\n--|--|--\na.example.com | HTTP\nb.example.com | HTTPS\n",
	    "C: tcp/80\n a.example.com ; row 1\nC: tcp/443\n b.example.com ; row 2\n", 0);
	doc("# D\nURL | Protocol | Text\n--|--|--\na.example.com | TLSv1.2/\nHTTPS | Text\n", "D: tcp/443\n a.example.com ; row 1\n", 0);
	/* What stands in the middle of a table does not end it. */
	doc("# E\n| URL | Protocol |\n|--|--|\n| a.example.com | HTTP |\n\n| b.example.com | HTTP |\nSome words.\n| c.example.com | HTTP |\n",
	    "E: tcp/80\n a.example.com ; row 1\n b.example.com ; row 2\n c.example.com ; row 3\n", 0);
	/* A heading does. */
	doc("# E\n| URL | Protocol |\n|--|--|\n| a.example.com | HTTP |\n# F\n| b.example.com | HTTP |\n",
	    "E: tcp/80\n a.example.com ; row 1\n", 0);
	doc("# F\nURL | Protocol | Text\n--|--|--\na.example.com | HTTP | x\n\nGet-Process | Sort CPU | Format-Table\n",
	    "F: tcp/80\n a.example.com ; row 1\n", 0);
}

static void test_table_cells(void **state)
{
	doc("# C\n| Domain | Protocol |\n|--|--|\n"
	    "| *.a.com, *.b.com,*.c.com | HTTP / 80 </br> HTTPs / 443 |\n"
	    "| [www.d.com](http://www.d.com/) | HTTP |\n"
	    "| [Learn how to turn off traffic.](x.md#y) | |\n"
	    "| See [the list](x) | |\n"
	    "| e.com (port 8443) | |\n| f.com (for most) | HTTP |\n"
	    "| First: g.com<br>Second: **h**.i.com | HTTP |\n"
	    "| - | HTTP |\n| N/A | |\n| `j.com` and `k.com` | HTTP |\n| <ul><li>l.com</li><li>m.com</li></ul> | HTTP |\n",
	    "C: tcp/80 tcp/443\n *.a.com ; row 1\n *.b.com ; row 2\n *.c.com ; row 3\n"
	    "C: tcp/80\n www.d.com ; row 4\n f.com ; row 6, for most\n g.com ; row 7\n h.i.com ; row 8\n j.com ; row 9\n"
	    " k.com ; row 10\n l.com ; row 11\n m.com ; row 12\n"
	    "C: tcp/8443\n e.com ; row 5\n", 0);
	doc("# D\n| URL | Protocol |\n|--|--|\n| name-alone | HTTP |\n| <tenant>.a.com<br>groups-<br>b.com | HTTP |\n"
	    "| www.c.com* | HTTP |\n| the server of d.com | HTTP |\n| those of g.com in [a list](x) | HTTP |\n| e.com | sometimes |\n| 192.0.2.0/24 | HTTP |\n",
	    "D: tcp/80\n b.com ; row 4\n# row 1 name-alone\n# row 2 <tenant>.a.com\n# row 3 groups-\n# row 5 www.c.com*\n"
	    "# row 6 the\\032server\\032of\\032d.com\n# row 7 those\\032of\\032g.com\\032in\n# row 9 192.0.2.0/24\n"
	    "D: tcp/80 tcp/443\n# row 8 e.com\n", 8);
}

/* Tables of other things, and headings that more than one kind of table has. */
static void test_other_tables(void **state)
{
	doc("# P\n| Protocol | Port | Purpose |\n|---|---|---|\n| HTTPS | 443 | Metadata |\n| HTTP | 80 | a.example.com |\n", "", 0);
	doc("# N\n| Name | Value |\n|--|--|\n| AllowTelemetry | 1 |\n| gpedit.msc | a.example.com |\n", "", 0);
	doc("# N\n| Name | Port |\n|--|--|\n| a.example.com | 443 |\n| b.example.com | 80 |\n| see below | |\n",
	    "N: tcp/443\n a.example.com ; row 1\nN: tcp/80\n b.example.com ; row 2\nN: tcp/80 tcp/443\n# row 3 see\\032below\n", 1);
	doc("# R\n| Agent resource | Ports |\n|--|--|\n| *.a.example.com | 443 |\n", "R: tcp/443\n *.a.example.com ; row 1\n", 0);
	doc("# S\n| Setting | Text |\n|--|--|\n| On | x |\n", "", 0);
}

static void test_areas(void **state)
{
	/* A column of services is the area, a blank cell the one above it. */
	doc("# One\n|Area|Protocol|Destination|\n|--|--|--|\n|Apps||[Learn more.](x)|\n||HTTP|a.example.com|\n|Maps|HTTP|b.example.com|\n||HTTP|c.example.com|\n",
	    "Apps: tcp/80\n a.example.com ; row 1\nMaps: tcp/80\n b.example.com ; row 1\n c.example.com ; row 2\n", 0);
	/* With a table for each edition the edition is said too. */
	doc("## Home\n|Area|Protocol|Destination|\n|--|--|--|\n|Apps|HTTP|a.example.com|\n|Maps|HTTP|b.example.com|\n"
	    "## Pro\n|Area|Protocol|Destination|\n|--|--|--|\n|Apps|HTTP|a.example.com|\n",
	    "Home / Apps: tcp/80\n a.example.com ; row 1\nHome / Maps: tcp/80\n b.example.com ; row 1\nPro / Apps: tcp/80\n a.example.com ; row 1\n", 0);
	/* Rows are counted on where an area is gone back to. */
	doc("## A\n- a.example.com\n## B\n- b.example.com\n## A\n- c.example.com\n",
	    "A: tcp/80 tcp/443\n a.example.com ; row 1\n c.example.com ; row 2\nB: tcp/80 tcp/443\n b.example.com ; row 1\n", 0);
	/* The same heading below others. */
	doc("# T\n## Edge\n### HTTP\n- a.example.com\n## Store\n### HTTP\n- b.example.com\n### Rest\n- c.example.com\n",
	    "Edge / HTTP: tcp/80 tcp/443\n a.example.com ; row 1\nStore / HTTP: tcp/80 tcp/443\n b.example.com ; row 1\n"
	    "Rest: tcp/80 tcp/443\n c.example.com ; row 1\n", 0);
	doc("- a.example.com\n", "no heading: tcp/80 tcp/443\n a.example.com ; row 1\n", 0);
	doc("Heading\n=======\na.example.com\n\nOther\n-----\nb.example.com\n",
	    "Heading: tcp/80 tcp/443\n a.example.com ; row 1\nOther: tcp/80 tcp/443\n b.example.com ; row 1\n", 0);
	doc("## **Bold** [link](x) {#anchor}\n- a.example.com\n**Of the cloud service**:\n- b.example.com\n",
	    "Bold link: tcp/80 tcp/443\n a.example.com ; row 1\nOf the cloud service: tcp/80 tcp/443\n b.example.com ; row 1\n", 0);
}

/* In a page saved as text a heading is a line as others are. */
static void test_titles(void **state)
{
	doc("Core Domains\nThese are the domains. Use them.\nPrimary Services\n*.a.example.com\na.example.com\n"
	    "If you use it, with more (such as that):\nb.example.com\nMore of these\n# Copied part\nc.example.com\n",
	    "Primary Services: tcp/80 tcp/443\n *.a.example.com ; row 1\n a.example.com ; row 2\n b.example.com ; row 3\n"
	    "Copied part: tcp/80 tcp/443\n c.example.com ; row 1\n", 0);
	doc("Service URLs required on allowlist\nWindows Autopatch\n  \xe2\x80\xa2 a.example.com\n  \xe2\x80\xa2 b.example.com\n",
	    "Windows Autopatch: tcp/80 tcp/443\n a.example.com ; row 1\n b.example.com ; row 2\n", 0);
	/* In Markdown it is not. */
	doc("---\ntitle: x\nurl: a.example.com\n---\n# Real\nShort words\n- a.example.com\n",
	    "Real: tcp/80 tcp/443\n a.example.com ; row 1\n", 0);
	doc("## Real\nShort words\n- a.example.com\n", "Real: tcp/80 tcp/443\n a.example.com ; row 1\n", 0);
}

static void test_lists(void **state)
{
	doc("# L\n- a.example.com\n* *.b.example.com\n+ `c.example.com`\n1. d.example.com\n2) https://e.example.com/x\n"
	    "  - f.example.com,\n- **g.example.com**\n- [h.example.com](http://h.example.com)\n\xe2\x80\xa2 *.i.example.com/x/*\n"
	    "- j.example.com (port 80 and 443)\n- `https://k.example.com` (for most tenants)\n- l.example.com (since version\n1607)\n"
	    "- `m.example.com` is new.\n- Service: `*.n.example.com` (HTTP Port 80, HTTPS Port 443)\n- http(s)://o.example.com\n"
	    "p.example.com<br>\nUse this: `q.example.com`\n> - r.example.com\n",
	    "L: tcp/80 tcp/443\n a.example.com ; row 1\n *.b.example.com ; row 2\n c.example.com ; row 3\n d.example.com ; row 4\n"
	    " f.example.com ; row 6\n g.example.com ; row 7\n h.example.com ; row 8\n"
	    " *.i.example.com ; row 9, path /x/* is not seen by DNS\n j.example.com ; row 10\n l.example.com ; row 12, since version 1607\n"
	    " m.example.com ; row 13\n *.n.example.com ; row 14\n o.example.com ; row 15\n p.example.com ; row 16\n q.example.com ; row 17\n r.example.com ; row 18\n"
	    "L: tcp/443\n e.example.com ; row 5\n k.example.com ; row 11, for most tenants\n", 0);
	doc("# L\n- <tenant>.a.example.com\n- www.b.com*\n", "L: tcp/80 tcp/443\n# row 1 <tenant>.a.example.com\n# row 2 www.b.com*\n", 2);
}

static void test_prose(void **state)
{
	doc("# Prose\nAllow a.example.com and what is below.\n- Run `gpupdate /force` on a client.\n- Open a.example.com in a browser\n"
	    "- Version 7, and what came after\n-\tConnecting to the URL\n-\tConnecting on\n"
	    "gpedit.msc\nWindowsUpdate.log\n(`gpedit.msc` or through others).\nping a.example.com\nTest-NetConnection -ComputerName a.example.com -Port 443\n"
	    "tool set proxy=\"http://proxy.example.com:8080\" but=\"*.local;10.*\"\n"
	    "http://wsus-server:8530 - statistics:\n192.0.2.1\n2001:db8::1\n10.0.19041\nmail me@example.com\n"
	    "Client --> Firewall (a.example.com) --> Internet\nFor example, *.akadns.net might be used.\n> Use *.a.example.com instead.\n"
	    "See [a.example.com is here](x).\n![a.example.com](x.png)\n| one | two |\na.example.com | is | no row\n",
	    "", 0);
	doc("<!-- a.example.com\nb.example.com -->\nc.example.com <!-- why -->\n", "no heading: tcp/80 tcp/443\n c.example.com ; row 1\n", 0);
	doc("", "", 0);
	doc("\n\n|\n||\n---\n|-|\n#\n##\n- \n*\n`\n", "", 0);
}

/* What hides a page to its end is said. */
static void test_unended(void **state)
{
	expect("msdocs", "p.md", "---\ntitle: x\na.example.com\n", "[catalog]\ntitle   = Names of p.md\nsource  = p.md\n",
	       "p.md:1: error: ---: never ends: what follows was not read\n");
	expect("msdocs", "p.md", "\n<!--\na.example.com\n", "[catalog]\ntitle   = Names of p.md\nsource  = p.md\n",
	       "p.md:2: error: <!--: never ends: what follows was not read\n");
}

/* A complaint is of the line where the row begins. */
static void test_lines(void **state)
{
	struct result r;
	static const char text[] = "# A\n\n| URL | Protocol | Text |\n|--|--|--|\n| a-b | TLS/\nHTTPS | x |\n| c-d<br>e-f | HTTP | x |\n\n- <t>.a.com\n";

	import(&r, "msdocs", "p", text, sizeof(text) - 1);
	assert_string_equal(r.err,
			    "p:5: error: a-b: a name without its top-level domain\n"
			    "p:7: error: c-d: a name without its top-level domain\n"
			    "p:7: error: e-f: a name without its top-level domain\n"
			    "p:9: error: <t>.a.com: a placeholder: it must be written out\n");
	import_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_name_like),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_table_forms),
		cmocka_unit_test(test_table_broken),
		cmocka_unit_test(test_table_cells),
		cmocka_unit_test(test_other_tables),
		cmocka_unit_test(test_areas),
		cmocka_unit_test(test_titles),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_prose),
		cmocka_unit_test(test_unended),
		cmocka_unit_test(test_lines),
	};

	hash_init();
	return cmocka_run_group_tests(tests, util_setup, util_teardown);
}
