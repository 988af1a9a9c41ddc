/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf_util.h"

#include <arpa/inet.h>
#include <limits.h>

#include "conf/conf.h"
#include "conf/conf_value.h"

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
	const struct conf *c = util_read_text("");
	const struct conf_profile *p = &c->profiles[0];
	char buf[ADDR_TEXT];

	util_expect(util_list, "");
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

	util_read(util_path("none.conf"), true);
	util_expect(util_list, none);
	/* Only the default FILE may be missing, and only where nobody named it. */
	util_read(util_path("none.conf"), false);
	util_expect(util_list, none);
	if (!access(CONF_DEFAULT_FILE, F_OK))
		return;
	assert_int_equal(util_read(CONF_DEFAULT_FILE, false)->server.workers, 1);
	util_expect(util_list, "");
	util_read(CONF_DEFAULT_FILE, true);
	util_expect(util_list, "/etc/postern/postern.conf: error: cannot be read: No such file or directory\n");
}

static void test_no_text(void **state)
{
	static const char nul[] = "[server]\nworkers = \0\n[bad]\n";

	util_read(util_folder("folder.conf"), true);
	util_expect(util_list, "folder.conf: error: cannot be read: Is a directory\n");
	util_read(util_file("nul.conf", nul, sizeof(nul) - 1), true);
	util_expect(util_list, "nul.conf: error: holds NUL bytes: this is not text\n");
	/* CRLF and a BOM are fine. */
	assert_int_equal(util_read_text("\xef\xbb\xbf[server]\r\nworkers = 3\r\nlisten = 10.0.0.1\r\n 10.0.0.2\r\n")->server.workers,
			 3);
	util_expect(util_list, "");
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
	"export = tell\n"
	"[profile default]\n"
	"catalog =\n"
	"chain = trust\n"
	"local = no\n"
	"block = drop\n"
	"sinkhole = 2001:db8::1 192.0.2.1\n"
	"types = AAAA\n"
	"aaaa = off\n"
	"mode = audit\n"
	"export = lock tell\n"
	"[catalog mine]\n"
	"file = lists/mine.ini\n"
	"[export lock]\n"
	"kind = nftables\n"
	"set4 = ip  filter	up-date.4\n"
	"set6 = inet lockdown update6\n"
	"create = yes\n"
	"key = client-service\n"
	"size = 2K\n"
	"min-time = 61s\n"
	"grace = 0\n"
	"deadline = 1s\n"
	"on-failure = answer\n"
	"refresh = replace\n"
	"private = yes\n"
	"follow = conntrack\n"
	"follow-max = 90m\n"
	"[export tell]\n"
	"kind = socket\n"
	"path = run/tell.sock\n"
	"key = service\n"
	"size = 7\n"
	"[log]\n"
	"queries = all\n"
	"rate = 7\n"
	"format = json\n"
	"file = log/postern.log\n";

static void test_everything(void **state)
{
	const struct conf *c = util_read_text(everything);
	char want[PATH_MAX];
	char buf[NAME_TEXT];

	assert_int_equal(diag_errors(util_list), 0);
	assert_int_equal(diag_warnings(util_list), 6);
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

static void test_exports(void **state)
{
	const struct conf *c = util_read_text(everything);
	const struct conf_export *e = &c->exports[0];
	char want[PATH_MAX];

	assert_int_equal(c->n_exports, 2);
	assert_string_equal(e->name.text, "lock");
	assert_int_equal(e->kind, EXPORT_NFTABLES);
	assert_string_equal(e->set[0].family, "ip");
	assert_string_equal(e->set[0].table, "filter");
	assert_string_equal(e->set[0].name, "up-date.4");
	assert_int_equal(e->set[0].line + 1, e->set[1].line);
	assert_string_equal(e->set[1].name, "update6");
	assert_true(e->create && e->or_answer && e->private && e->follow);
	assert_int_equal(e->key, KEY_CLIENT_SERVICE);
	assert_int_equal(e->size, 2048);
	assert_int_equal(e->min_time, 61);
	assert_int_equal(e->grace, 0);
	assert_int_equal(e->deadline_ms, 1000);
	assert_int_equal(e->refresh, REFRESH_REPLACE);
	assert_int_equal(e->follow_max, 5400);
	assert_int_equal(c->profiles[0].export.n, 2);
	assert_int_equal(c->profiles[1].export.n, 1);
	e = &c->exports[1];
	assert_int_equal(e->kind, EXPORT_SOCKET);
	snprintf(want, sizeof(want), "%s/run/tell.sock", util_dir);
	assert_string_equal(e->path.text, want);
	assert_string_equal(e->set[0].name, "");
	assert_string_equal(e->set[0].family, "");
	assert_string_equal(e->set[1].table, "");
	assert_int_equal(e->set[0].line, 0);
	/* what is not written */
	assert_false(e->create || e->or_answer || e->private || e->follow);
	assert_int_equal(e->min_time, 60);
	assert_int_equal(e->grace, 300);
	assert_int_equal(e->deadline_ms, 500);
	assert_int_equal(e->refresh, REFRESH_AUTO);
	assert_int_equal(e->follow_max, 3600);
	e = &util_read_text("[export a]\nset6 = inet t s\n")->exports[0];
	util_expect(util_list, "");
	assert_int_equal(e->kind, EXPORT_NFTABLES);
	assert_int_equal(e->key, KEY_ADDRESS);
	assert_int_equal(e->size, 65536);
	assert_string_equal(e->path.text, "");
}

static const struct conf *read_stream(const void *text, size_t len)
{
	FILE *f = tmpfile();
	const struct conf *c;

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	rewind(f);
	arena_free(util_arena);
	diag_free(util_list);
	util_arena = arena_new((size_t)64 << 20);
	util_list = diag_new();
	c = conf_read_stream(util_arena, f, util_path("kept.conf"), util_list);
	assert_non_null(c);
	/* the stream is still ours */
	assert_int_equal(fclose(f), 0);
	return c;
}

/* A text that was kept reads as the file would, from the folder of the path it stands for. */
static void test_stream(void **state)
{
	static const char nul[] = "[server]\nworkers = 2\n\0[cache]\n";
	char *file = print(util_read(util_text("kept.conf", everything), true)), *stream;

	stream = print(read_stream(everything, strlen(everything)));
	assert_int_equal(diag_errors(util_list), 0);
	assert_string_equal(file, stream);
	free(file);
	free(stream);
	assert_int_equal(read_stream("", 0)->n_profiles, 1);
	util_expect(util_list, "");
	read_stream("[server]\nworkers = no\n", 22);
	util_expect(util_list, "kept.conf:2: error: workers = 'no': expected a number from 1 to 256, or auto\n");
	read_stream(nul, sizeof(nul) - 1);
	util_expect(util_list, "kept.conf: error: holds NUL bytes: this is not text\n");
}

static void fixed_point(const char *path)
{
	char *first = print(util_read(path, true)), *second;

	assert_int_equal(diag_errors(util_list), 0);
	second = print(util_read(util_text("postern.conf", first), true));
	assert_int_equal(diag_errors(util_list), 0);
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
	text = print(util_read_text(everything));
	assert_non_null(strstr(text, "/log/postern.log\n"));
	free(text);
}

/* A list is wrapped, and never so that a word would be read as a comment, a section or a key. */
static void test_wrap(void **state)
{
	static const char *const words[] = { "/plain/folder", "#hash/folder", "x=equal", "[section" };
	char cwd[PATH_MAX], text[4096], *first, *p;
	size_t i, k;

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(util_dir), 0);
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = (size_t)snprintf(text, sizeof(text), "[server]\nzones = /first");

		for (k = 0; k < 50; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", words[i]);
		util_text("postern.conf", text);
		/* A relative path, so that the words are printed as they stand above. */
		first = print(util_read("postern.conf", true));
		util_text("postern.conf", first);
		assert_int_equal(util_read("postern.conf", true)->server.zones.n, 51);
		util_expect(util_list, "");
		p = strstr(first, "\nzones ");
		assert_non_null(p);
		assert_true(i || strchr(p + 1, '\n') - p < 200);
		free(first);
	}
	assert_int_equal(chdir(cwd), 0);
}

/* A relative file's own paths are written as they stood, whatever folder it is read in. */
static void test_relative(void **state)
{
	char cwd[PATH_MAX], *first, *second;

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	util_folder("etc");
	util_text("etc/postern.conf", everything);
	assert_int_equal(chdir(util_dir), 0);
	first = print(util_read("etc/postern.conf", true));
	assert_string_equal(util_read("etc/postern.conf", true)->log.file.text, "etc/log/postern.log");
	assert_non_null(strstr(first, "= log/postern.log\n"));
	util_text("etc/postern.conf", first);
	second = print(util_read("etc/postern.conf", true));
	assert_string_equal(first, second);
	assert_int_equal(chdir(cwd), 0);
	free(first);
	free(second);
}

/* Every key differs from its default in the file above, so that the fixed point says something of each. */
static void test_everything_differs(void **state)
{
	char *set = print(util_read_text(everything)), *def = print(util_read_text(""));
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
			assert_int_equal(c->n_exports, 2);
			assert_string_equal(c->exports[0].set[1].name, "update6");
			assert_int_equal(c->server.zones.n, 7);
		}
		arena_free(a);
	}
	assert_int_not_equal(worked, 0);
	diag_free(d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_missing), cmocka_unit_test(test_no_text),
		cmocka_unit_test(test_everything), cmocka_unit_test(test_fixed_point), cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_relative), cmocka_unit_test(test_everything_differs), cmocka_unit_test(test_starved),
		cmocka_unit_test(test_exports), cmocka_unit_test(test_stream),
	};

	return cmocka_run_group_tests_name("conf_conf", tests, util_setup, util_end);
}
