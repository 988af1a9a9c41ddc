/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf_util.h"

#include <arpa/inet.h>
#include <limits.h>

#include "conf/conf.h"
#include "conf/conf_value.h"

static struct arena *arena;
static struct diag_list *diags;

static const struct conf *read_path(const char *path, bool written)
{
	const struct conf *c;

	arena_free(arena);
	diag_free(diags);
	arena = arena_new((size_t)64 << 20);
	diags = diag_new();
	c = conf_read(arena, path, written, diags);
	assert_non_null(c);
	return c;
}

static const struct conf *read_text(const char *text)
{
	return read_path(util_text("postern.conf", text), true);
}

static char *print(const struct conf *c)
{
	char *text = NULL, *kept;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	conf_print(c, f);
	fclose(f);
	kept = strdup(text);
	free(text);
	return kept;
}

static void test_defaults(void **state)
{
	const struct conf *c = read_text("");
	const struct conf_profile *p = &c->profiles[0];
	char buf[ADDR_TEXT];

	util_expect(diags, "");
	assert_int_equal(c->server.listen.n, 2);
	assert_string_equal(endpoint_text(&c->server.listen.v[1].at, buf), "::1@5300");
	assert_int_equal(c->server.listen.line, 0);
	assert_int_equal(c->server.workers, 1);
	assert_int_equal(c->server.clients.n, 7);
	assert_int_equal(c->server.private.n, 0);
	assert_string_equal(c->server.zones.v[1].text, "/usr/share/postern/zones");
	assert_string_equal(c->server.state.text, "/var/lib/postern");
	assert_string_equal(c->server.user.text, "");
	assert_true(c->server.sandbox);
	assert_string_equal(c->control.socket.text, "/run/postern/control.sock");
	assert_true(name_equal(&c->upstream.zone, &name_root));
	assert_int_equal(c->upstream.line, 0);
	assert_int_equal(c->upstream.address.n, 0);
	assert_int_equal(c->upstream.timeout_ms, 1500);
	assert_true(c->upstream.case_random);
	assert_false(c->upstream.private);
	assert_int_equal(c->n_forwards + c->n_records + c->n_catalogs, 0);
	assert_int_equal(c->cache.size, 32 << 20);
	assert_int_equal(c->cache.max_ttl, 86400);
	assert_int_equal(c->cache.block_ttl, 60);
	assert_int_equal(c->limits.udp_rate, 0);
	assert_int_equal(c->limits.tcp_rate, 0);
	assert_int_equal(c->limits.tcp_clients, 1000);
	assert_int_equal(c->limits.tcp_idle_ms, 10000);
	assert_int_equal(c->n_profiles, 1);
	assert_string_equal(p->name.text, "default");
	assert_int_equal(p->name.line, 0);
	assert_string_equal(p->catalog.v[0].text, "windows-update");
	assert_false(p->trust);
	assert_true(p->local && p->aaaa && !p->audit);
	assert_int_equal(p->block, BLOCK_NXDOMAIN);
	assert_int_equal(p->sinkhole4.len, 4);
	assert_int_equal(p->sinkhole6.len, 16);
	assert_int_equal(p->types.n, 5);
	assert_int_equal(c->log.queries, QUERIES_BLOCKED);
	assert_int_equal(c->log.rate, 100);
	assert_false(c->log.json);
}

static void test_missing(void **state)
{
	static const char none[] = "none.conf: error: cannot be read: No such file or directory\n";

	read_path(util_path("none.conf"), true);
	util_expect(diags, none);
	/* Only the default FILE may be missing, and only where nobody named it. */
	read_path(util_path("none.conf"), false);
	util_expect(diags, none);
	if (!access(CONF_DEFAULT_FILE, F_OK))
		return;
	assert_int_equal(read_path(CONF_DEFAULT_FILE, false)->server.workers, 1);
	util_expect(diags, "");
	read_path(CONF_DEFAULT_FILE, true);
	util_expect(diags, "/etc/postern/postern.conf: error: cannot be read: No such file or directory\n");
}

static void test_no_text(void **state)
{
	static const char nul[] = "[server]\nworkers = \0\n[bad]\n";

	read_path(util_folder("folder.conf"), true);
	util_expect(diags, "folder.conf: error: cannot be read: Is a directory\n");
	read_path(util_file("nul.conf", nul, sizeof(nul) - 1), true);
	util_expect(diags, "nul.conf: error: holds NUL bytes: this is not text\n");
	/* CRLF and a BOM are fine. */
	assert_int_equal(read_text("\xef\xbb\xbf[server]\r\nworkers = 3\r\nlisten = 10.0.0.1\r\n 10.0.0.2\r\n")->server.workers, 3);
	util_expect(diags, "");
}

static const char everything[] =
	"[server]\n"
	"listen = 0.0.0.0@53 10.1.2.3 fe80::1%1@54\n"
	"workers = auto\n"
	"user = postern\n"
	"clients = 10.0.0.0/8 2001:db8::/32 192.0.2.1\n"
	"private = 203.0.113.0/24 2001:db8::/32\n"
	"zones = zones /srv/zones\n  more/zones /a/long/path/that/makes/the/line/wrap/because/it/is/so/very/long/indeed\n"
	"  y[ y#y zz\n"
	"state =\n"
	"sandbox = off\n"
	"[control]\n"
	"socket = run/my socket\n"
	"[upstream]\n"
	"address = 9.9.9.9 149.112.112.112@5353 2620:fe::fe\n"
	"timeout = 9s\n"
	"case = keep\n"
	"private = true\n"
	"[forward Corp.Example.COM.]\n"
	"address = 10.0.0.1\n"
	"private = yes\n"
	"ports = tcp/443 udp/443 tcp/443\n"
	"[forward a\\.b.example]\n"
	"address = 10.0.0.2\n"
	"[records]\n"
	"record = wsus.corp.example.com.  300 IN A 10.0.0.5\n"
	"record = a.example. IN TXT \"a;b = c\"  \"d\" ; comment\n"
	"         b.example. IN A 10.0.0.6\n"
	"[cache]\n"
	"size = 1G\n"
	"min-ttl = 90s\n"
	"max-ttl = 2h\n"
	"block-ttl = 0\n"
	"stale = 1d\n"
	"[limits]\n"
	"udp-rate = 1000\n"
	"tcp-clients = 1\n"
	"tcp-per-client = 2\n"
	"tcp-rate = 3\n"
	"tcp-idle = 1500ms\n"
	"inflight = 4\n"
	"client-inflight = 5\n"
	"max-labels = 6\n"
	"max-label-length = 7\n"
	"new-names = 8\n"
	"[profile wsus]\n"
	"clients = 10.30.0.5 10.31.0.0/24 ::/0\n"
	"catalog = windows-update office-365/core\n"
	"chain = trust\n"
	"local = no\n"
	"block = sinkhole\n"
	"sinkhole = 10.9.9.9\n"
	"types = A TXT TYPE1234 txt\n"
	"aaaa = no\n"
	"mode = audit\n"
	"[profile default]\n"
	"catalog =\n"
	"chain = trust\n"
	"local = no\n"
	"block = drop\n"
	"sinkhole = 2001:db8::1 192.0.2.1\n"
	"types = AAAA\n"
	"aaaa = off\n"
	"mode = audit\n"
	"[catalog mine]\n"
	"file = lists/mine.ini\n"
	"[log]\n"
	"queries = all\n"
	"rate = 7\n"
	"format = json\n"
	"file = log/postern.log\n";

static void test_everything(void **state)
{
	const struct conf *c = read_text(everything);
	char want[PATH_MAX];
	char buf[NAME_TEXT];

	assert_int_equal(diag_errors(diags), 0);
	assert_int_equal(diag_warnings(diags), 5);
	assert_string_equal(endpoint_text(&c->server.listen.v[1].at, buf), "10.1.2.3@53");
	assert_int_equal(c->server.listen.line, 2);
	assert_int_equal(c->server.workers, 0);
	snprintf(want, sizeof(want), "%s/more/zones", util_dir);
	assert_string_equal(c->server.zones.v[2].text, want);
	assert_int_equal(c->server.zones.v[2].line, 8);
	assert_string_equal(c->server.state.text, "");
	assert_int_not_equal(c->server.state.line, 0);
	snprintf(want, sizeof(want), "%s/run/my socket", util_dir);
	assert_string_equal(c->control.socket.text, want);
	assert_int_equal(c->n_forwards, 2);
	assert_string_equal(name_text(&c->forwards[0].zone, buf), "corp.example.com");
	assert_int_equal(c->forwards[0].ports.n, 2);
	assert_int_equal(c->n_records, 3);
	assert_string_equal(c->records[0].text, "wsus.corp.example.com.  300 IN A 10.0.0.5");
	assert_string_equal(c->records[1].text, "a.example. IN TXT \"a;b = c\"  \"d\"");
	assert_int_equal(c->records[2].line, c->records[1].line + 1);
	assert_int_equal(c->cache.size, 1 << 30);
	assert_int_equal(c->cache.min_ttl, 90);
	assert_int_equal(c->limits.new_names, 8);
	assert_int_equal(c->n_profiles, 2);
	assert_string_equal(c->profiles[0].name.text, "default");
	assert_true(c->profiles[0].name.line > c->profiles[1].name.line);
	assert_int_equal(c->profiles[0].catalog.n, 0);
	assert_int_equal(c->profiles[0].block, BLOCK_DROP);
	assert_int_equal(c->profiles[0].sinkhole4.len, 4);
	assert_int_equal(c->profiles[1].sinkhole4.b[3], 9);
	assert_int_equal(c->profiles[1].sinkhole6.len, 0);
	assert_int_equal(c->profiles[1].types.n, 3);
	assert_true(c->profiles[1].trust && c->profiles[1].audit && !c->profiles[1].aaaa && !c->profiles[1].local);
	snprintf(want, sizeof(want), "%s/lists/mine.ini", util_dir);
	assert_string_equal(c->catalogs[0].file.text, want);
	assert_true(c->log.json);
	assert_int_equal(c->log.queries, QUERIES_ALL);
}

static void fixed_point(const char *path)
{
	char *first = print(read_path(path, true)), *second;

	assert_int_equal(diag_errors(diags), 0);
	second = print(read_path(util_text("postern.conf", first), true));
	assert_int_equal(diag_errors(diags), 0);
	assert_string_equal(first, second);
	free(first);
	free(second);
}

static void test_fixed_point(void **state)
{
	char *text;

	fixed_point(util_text("postern.conf", ""));
	fixed_point(util_text("postern.conf", everything));
	/* Paths of a file that is named from the root stay as they are, wherever the print is put. */
	text = print(read_text(everything));
	assert_non_null(strstr(text, "/log/postern.log\n"));
	free(text);
}

/* A list is wrapped, and never so that a word would be read as a comment, a section or a key. */
static void test_wrap(void **state)
{
	static const char *const words[] = { "/plain/folder", "#hash/folder", "x=equal", "[section" };
	char text[4096], *printed, *p;
	size_t n = (size_t)snprintf(text, sizeof(text), "[server]\nzones ="), i;

	for (i = 0; i < 200; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", words[i % ARRAY_SIZE(words)]);
	fixed_point(util_text("postern.conf", text));
	assert_int_equal(read_text(text)->server.zones.n, 200);
	printed = print(read_text(text));
	p = strstr(printed, "\nzones ");
	assert_non_null(p);
	assert_true(strchr(p + 1, '\n') - p < 200);
	free(printed);
}

/* A relative file's own paths are written as they stood, whatever folder it is read in. */
static void test_relative(void **state)
{
	char cwd[PATH_MAX], *first, *second;

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	util_folder("etc");
	util_text("etc/postern.conf", everything);
	assert_int_equal(chdir(util_dir), 0);
	first = print(read_path("etc/postern.conf", true));
	assert_string_equal(read_path("etc/postern.conf", true)->log.file.text, "etc/log/postern.log");
	assert_non_null(strstr(first, "= log/postern.log\n"));
	util_text("etc/postern.conf", first);
	second = print(read_path("etc/postern.conf", true));
	assert_string_equal(first, second);
	assert_int_equal(chdir(cwd), 0);
	free(first);
	free(second);
}

/* Every key differs from its default in the file above, so that the fixed point says something of each. */
static void test_everything_differs(void **state)
{
	char *set = print(read_text(everything)), *def = print(read_text(""));
	const struct conf_schema *s = &conf_schema;
	char line[64], *end;
	size_t i, n;

	for (i = 0; i < s->n; i++) {
		const struct conf_option *o = &s->options[i];
		char *p, *q;

		if (o->flags & CONF_ABSENT || o->sections & 1u << CONF_DEFAULT || o->type == CONF_LINES)
			continue;
		snprintf(line, sizeof(line), "\n%-16s =", o->key);
		p = strstr(set, line);
		assert_non_null(p);
		q = strstr(def, line);
		end = q ? strchr(q + 1, '\n') : NULL;
		n = end ? (size_t)(end + 1 - q) : 0;
		if (q && !strncmp(p, q, n))
			fail_msg("%s has its default", o->key);
	}
	free(set);
	free(def);
}

static void expect(const char *text, const char *want)
{
	read_text(text);
	util_expect(diags, want);
}

static void test_sections(void **state)
{
	expect("[servr]\nworkers = x\n[server a]\nworkers = x\n[forward]\naddress = x\n[server]\nworkres = 2\n"
	       "[wholly-unknown]\n",
	       "postern.conf:1: error: unknown section [servr]: did you mean [server]?\n"
	       "postern.conf:3: error: [server a]: [server] takes no name\n"
	       "postern.conf:4: error: workers = 'x': expected a number from 1 to 256, or auto\n"
	       "postern.conf:5: error: [forward] needs a name: [forward ZONE]\n"
	       "postern.conf:6: error: address = 'x': expected ADDR@PORT or ADDR\n"
	       "postern.conf:7: error: [server] again: first on line 3\n"
	       "postern.conf:8: error: unknown key 'workres' in [server]: did you mean 'workers'?\n"
	       "postern.conf:9: error: unknown section [wholly-unknown]: there are server control upstream forward "
	       "records cache limits profile catalog export log\n");
	expect("[cache]\nlisten = 1.2.3.4\n",
	       "postern.conf:2: error: unknown key 'listen' in [cache]: it belongs in [server]\n");
	expect("[profile a]\nclients = 10.0.0.1\n[profile a]\nclients = 10.0.0.2\n[profile default]\n[profile default]\n"
	       "[profile .x]\nclients = 10.0.0.3\n[profile a/b]\n[catalog c]\nfile = x\n[catalog c]\n",
	       "postern.conf:3: error: [profile a] again: first on line 1\n"
	       "postern.conf:6: error: [profile default] again: first on line 5\n"
	       "postern.conf:7: error: [profile .x]: a name has letters, digits, '-', '_' and '.', and not '.' first\n"
	       "postern.conf:9: error: [profile a/b]: a name has letters, digits, '-', '_' and '.', and not '.' first\n"
	       "postern.conf:9: error: [profile a/b] needs 'clients', whom the profile is for\n"
	       "postern.conf:12: error: [catalog c] again: first on line 10\n"
	       "postern.conf:12: error: [catalog c] needs 'file', where the catalogue is\n");
	expect("[export lockdown]\nkind = nftables\nset4 = what ever\nnonsense = 1\n[upstream]\ntls-name = dns.quad9.net\n"
	       "tls-ca = x\ntls-pin = x\n[profile default]\nexport = lockdown\n",
	       "postern.conf:1: error: [export] sections are not in this version\n"
	       "postern.conf:6: error: 'tls-name' is not in this version\n"
	       "postern.conf:7: error: 'tls-ca' is not in this version\n"
	       "postern.conf:8: error: 'tls-pin' is not in this version\n"
	       "postern.conf:10: error: 'export' is not in this version\n");
}

static void test_forwards(void **state)
{
	expect("[forward corp.example]\n[forward .]\naddress = 10.0.0.1\n[forward a..b]\naddress = 10.0.0.1\n"
	       "[forward a.b]\naddress = 10.0.0.1\n[forward A.B.]\naddress = 10.0.0.1\n",
	       "postern.conf:1: error: [forward corp.example] needs 'address', servers of this zone\n"
	       "postern.conf:2: error: [forward .]: for all other names there is [upstream]\n"
	       "postern.conf:4: error: [forward a..b]: not the name of a zone\n"
	       "postern.conf:8: error: [forward A.B.] again: first on line 6\n");
}

static void test_profiles(void **state)
{
	expect("[profile a]\n[profile b]\nclients = 10.0.0.0/8 10.1.0.0/16\n 10.2.3.4\n[profile c]\n"
	       "clients = 10.2.3.4/32 10.1.0.0/17\n 10.0.0.0/8 10.0.0.0/8\n[profile default]\nclients = 10.9.0.0/16\n",
	       "postern.conf:1: error: [profile a] needs 'clients', whom the profile is for\n"
	       "postern.conf:6: error: clients = '10.2.3.4' again: first on line 4, in [profile b]\n"
	       "postern.conf:7: error: clients = '10.0.0.0/8' again: first on line 3, in [profile b]\n"
	       "postern.conf:7: error: clients = '10.0.0.0/8' again: first on line 3, in [profile b]\n"
	       "postern.conf:9: error: 'clients' in [profile default]: it is for every client that no other profile names\n");
	expect("[profile a]\nclients = 10.1.2.3/8 2001:db8::1/33 10.0.0.1/32\n",
	       "postern.conf:2: error: clients = '10.1.2.3/8': bits are set behind the prefix, 10.0.0.0/8 would be right\n"
	       "postern.conf:2: error: clients = '2001:db8::1/33': bits are set behind the prefix, "
	       "2001:db8::/33 would be right\n");
	expect("[profile default]\nsinkhole = 10.0.0.1 10.0.0.2 ::1 ::2\ntypes = ANY A AXFR\n IXFR OPT TKEY\n",
	       "postern.conf:2: error: sinkhole = '10.0.0.2': a second IPv4 address, one of each is the most\n"
	       "postern.conf:2: error: sinkhole = '::2': a second IPv6 address, one of each is the most\n"
	       "postern.conf:3: error: types = 'ANY': expected types that a name can be asked for, like AAAA\n"
	       "postern.conf:3: error: types = 'AXFR': expected types that a name can be asked for, like AAAA\n"
	       "postern.conf:4: error: types = 'IXFR': expected types that a name can be asked for, like AAAA\n"
	       "postern.conf:4: error: types = 'OPT': expected types that a name can be asked for, like AAAA\n"
	       "postern.conf:4: error: types = 'TKEY': expected types that a name can be asked for, like AAAA\n");
}

static void test_own_address(void **state)
{
	expect("[server]\nlisten = 0.0.0.0@53 ::@54 10.0.0.1@55 ::1@56\n"
	       "[upstream]\n"
	       "address = 127.0.0.1 127.9.9.9@53 127.0.0.1@54 10.0.0.1\n"
	       " 10.0.0.1@55 ::1@53 ::1@54 ::1@56\n"
	       " ::ffff:127.0.0.1@53 0.0.0.0@99 224.0.0.1 ::@99\n"
	       "[forward x]\n"
	       "address = 10.0.0.1@55\n",
	       "postern.conf:4: error: address = '127.0.0.1@53': we listen there ourselves (listen = 0.0.0.0@53)\n"
	       "postern.conf:4: error: address = '127.9.9.9@53': we listen there ourselves (listen = 0.0.0.0@53)\n"
	       "postern.conf:5: error: address = '10.0.0.1@55': we listen there ourselves (listen = 10.0.0.1@55)\n"
	       "postern.conf:5: error: address = '::1@54': we listen there ourselves (listen = ::@54)\n"
	       "postern.conf:5: error: address = '::1@56': we listen there ourselves (listen = ::1@56)\n"
	       "postern.conf:6: error: address = '::ffff:127.0.0.1@53': we listen there ourselves (listen = 0.0.0.0@53)\n"
	       "postern.conf:6: error: address = '0.0.0.0@99': not the address of a server\n"
	       "postern.conf:6: error: address = '224.0.0.1@53': not the address of a server\n"
	       "postern.conf:6: error: address = '::@99': not the address of a server\n"
	       "postern.conf:8: error: address = '10.0.0.1@55': we listen there ourselves (listen = 10.0.0.1@55)\n");
	/* The default of listen counts too. */
	expect("[upstream]\naddress = 127.0.0.1@5300\n",
	       "postern.conf:2: error: address = '127.0.0.1@5300': we listen there ourselves (listen = 127.0.0.1@5300)\n");
	expect("[server]\nlisten = 10.0.0.1 10.0.0.2\n 10.0.0.1@53 239.0.0.1\n",
	       "postern.conf:3: error: listen = '10.0.0.1@53' again: first on line 2\n"
	       "postern.conf:3: error: listen = '239.0.0.1@53': not an address of a machine\n");
}

static void test_values(void **state)
{
	expect("[cache]\nblock-ttl = 1500ms\nmin-ttl = 5m\nmax-ttl = 1m\nstale = 99999999999999999999d\nsize = 32m\n",
	       "postern.conf:1: error: [cache] min-ttl is larger than max-ttl\n"
	       "postern.conf:2: error: block-ttl = '1500ms': expected a time from 0s to 1d with its unit, in whole seconds: "
	       "s, m, h or d\n"
	       "postern.conf:5: error: stale = '99999999999999999999d': expected a time from 0s to 7d with its unit, "
	       "in whole seconds: s, m, h or d\n"
	       "postern.conf:6: error: size = '32m': expected a size from 64K to 1024G, in K, M, G or bytes\n");
	expect("[upstream]\ntimeout = 1.5s\ncase = Random\nprivate = ja\n[profile default]\nblock = nxdomian\n",
	       "postern.conf:2: error: timeout = '1.5s': expected a time from 10ms to 1m with its unit, ms, s, m, h or d\n"
	       "postern.conf:3: error: case = 'Random': expected keep or random\n"
	       "postern.conf:4: error: private = 'ja': expected yes or no\n"
	       "postern.conf:6: error: block = 'nxdomian': expected nxdomain, nodata, refused, sinkhole or drop\n");
	assert_int_equal(read_text("[cache]\nblock-ttl = 2000ms\n")->cache.block_ttl, 2);
	assert_int_equal(read_text("[cache]\nsize = 65536\n")->cache.size, 65536);
	assert_int_equal(read_text("[cache]\nstale = 0\n")->cache.stale, 0);
	/* The first line of a value may be empty. */
	assert_int_equal(read_text("[server]\nlisten =\n  10.0.0.1\n  10.0.0.2\n")->server.listen.n, 2);
	util_expect(diags, "");
}

/* `user` of n characters, and an error behind it. */
static char *long_value(size_t n)
{
	char *text = NULL;
	size_t len, i;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	fprintf(f, "[server]\nuser = ");
	for (i = 0; i < n; i++)
		fputc('u', f);
	fprintf(f, "\nworkers = 0\n");
	fclose(f);
	return text;
}

static void test_long_value(void **state)
{
	char *text = long_value(300), *got;

	read_text(text);
	got = util_diags(diags);
	/* Shown cut, and said so. */
	assert_non_null(strstr(got, "uuu…': expected one word\n"));
	assert_true(strlen(got) < 300);
	free(got);
	free(text);
	text = long_value(10 << 20);
	expect(text, "postern.conf:2: error: a line longer than 65536 bytes\n"
		     "postern.conf:3: error: workers = '0': expected a number from 1 to 256, or auto\n");
	free(text);
}

static void test_starved(void **state)
{
	const char *path = util_text("postern.conf", everything);
	struct diag_list *d = diag_new();
	size_t limit, worked = 0;

	/* Without memory there is no configuration, never part of one. */
	for (limit = 0; limit < 20000; limit += 16) {
		struct arena *a = arena_new(limit);
		const struct conf *c = conf_read(a, path, true, d);

		if (c) {
			worked++;
			assert_int_equal(c->n_profiles, 2);
			assert_int_equal(c->n_records, 3);
			assert_int_equal(c->profiles[1].clients.n, 3);
			assert_int_equal(c->server.zones.n, 7);
		}
		arena_free(a);
	}
	assert_int_not_equal(worked, 0);
	diag_free(d);
}

static void test_near(void **state)
{
	size_t len;

	assert_int_equal(conf_distance("listen", 6, "listen", 6, 2), 0);
	assert_int_equal(conf_distance("lisen", 5, "listen", 6, 2), 1);
	assert_int_equal(conf_distance("lsiten", 6, "listen", 6, 2), 2);
	assert_int_equal(conf_distance("", 0, "abc", 3, 2), 3);
	assert_int_equal(conf_distance("kitten", 6, "sitting", 7, 9), 3);
	assert_null(conf_near("ab", "xy zz", &len));
	assert_string_equal(conf_near("workesr", "listen workers", &len), "workers");
	assert_int_equal(len, 7);
}

static int end(void **state)
{
	arena_free(arena);
	diag_free(diags);
	return util_teardown(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_missing), cmocka_unit_test(test_no_text),
		cmocka_unit_test(test_everything), cmocka_unit_test(test_fixed_point),
		cmocka_unit_test(test_wrap), cmocka_unit_test(test_relative),
		cmocka_unit_test(test_everything_differs), cmocka_unit_test(test_sections),
		cmocka_unit_test(test_forwards), cmocka_unit_test(test_profiles), cmocka_unit_test(test_own_address),
		cmocka_unit_test(test_values), cmocka_unit_test(test_long_value), cmocka_unit_test(test_starved),
		cmocka_unit_test(test_near),
	};

	return cmocka_run_group_tests_name("conf_conf", tests, util_setup, end);
}
