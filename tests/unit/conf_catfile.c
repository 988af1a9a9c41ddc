/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf_util.h"

#include <netinet/in.h>
#include <time.h>

#include "conf/catfile.h"
#include "dns/types.h"

static struct arena *arena;
static struct diag_list *diags;
static struct catfile *file;

static struct catfile *read_path(const char *path)
{
	if (file)
		catfile_close(file);
	arena_free(arena);
	diag_free(diags);
	arena = arena_new((size_t)256 << 20);
	diags = diag_new();
	file = catfile_read(arena, "mine", path, diags);
	return file;
}

static struct catfile *read_ini(const char *text)
{
	return read_path(util_text("mine.ini", text));
}

static struct catfile *read_list(const char *text)
{
	return read_path(util_text("mine.list", text));
}

/* "LINE ROLE GROUP PATTERN" of each entry. */
static void entries(const struct catfile *f, const char *want)
{
	static char got[4096];
	size_t n = 0, i;

	got[0] = '\0';
	for (i = 0; i < f->n_entries; i++) {
		const struct entry_decl *e = &f->entries[i];

		n += (size_t)snprintf(got + n, sizeof(got) - n, "%u %s %s %.*s\n", e->line,
				      e->role == ROLE_ALLOW ? "allow" : "chain", f->groups[e->group].name.text, e->len, e->text);
		assert_true(n < sizeof(got));
	}
	assert_string_equal(got, want);
}

static void test_ini(void **state)
{
	const struct catfile *f = read_ini("[catalog]\n"				/* 1 */
					   "title = What  it is\n"
					   " in two lines\n"
					   "source = a guide, 2018-09\n"
					   "include = cdn/akamai cdn/microsoft\n"	/* 5 */
					   "  other\n"
					   "[update]\n"
					   "purpose = updates\n"
					   "source = table 1; row 2\n"
					   "ports = tcp/80 udp/123\n"			/* 10 */
					   "allow = *.windowsupdate.com .b.c\n"
					   "# between\n"
					   "        download.microsoft.com ; said here\n"
					   "chain = *.c.footprint.net\n"
					   "allow = late.example.com\n"			/* 15 */
					   "private = yes\n"
					   "types = TXT SRV\n"
					   "accept = anybody no-ports\n"
					   "churn = on\n"
					   "[plain-group.2]\n"				/* 20 */
					   "chain = a.b\n");
	const struct group_decl *g = f->groups;

	util_expect(diags, "");
	assert_false(f->list);
	assert_string_equal(f->name, "mine");
	assert_string_equal(f->title.text, "What  it is in two lines");
	assert_int_equal(f->title.line, 2);
	assert_string_equal(f->source.text, "a guide, 2018-09");
	assert_int_equal(f->include.n, 3);
	assert_string_equal(f->include.v[2].text, "other");
	assert_int_equal(f->include.v[2].line, 6);
	assert_int_equal(f->n_groups, 2);
	assert_string_equal(g[0].name.text, "update");
	assert_int_equal(g[0].name.line, 7);
	assert_string_equal(g[0].purpose.text, "updates");
	assert_string_equal(g[0].source.text, "table 1; row 2");
	assert_int_equal(g[0].ports.n, 2);
	assert_int_equal(g[0].ports.line, 10);
	assert_int_equal(g[0].ports.v[1].proto, IPPROTO_UDP);
	assert_int_equal(g[0].ports.v[1].port, 123);
	assert_int_equal(g[0].types.n, 2);
	assert_int_equal(g[0].types.v[1], TYPE_SRV);
	assert_int_equal(g[0].accept.n, 2);
	assert_true(g[0].private && g[0].churn);
	assert_false(g[1].private || g[1].churn);
	assert_int_equal(g[1].ports.line, 0);
	assert_int_equal(g[1].ports.n, 2);
	assert_int_equal(g[1].ports.v[1].port, 443);
	assert_string_equal(g[1].source.text, "");
	entries(f, "11 allow update *.windowsupdate.com\n"
		   "11 allow update .b.c\n"
		   "13 allow update download.microsoft.com\n"
		   "14 chain update *.c.footprint.net\n"
		   "15 allow update late.example.com\n"
		   "21 chain plain-group.2 a.b\n");
}

static void test_ini_errors(void **state)
{
	char line[400] = "allow = ";

	read_ini("[catalog]\n"				/* 1 */
		 "titel = x\n"
		 "allow = a.b\n"
		 "include = ../x a/b/c\n"
		 "[catalog]\n"				/* 5 */
		 "[a]\n"
		 "allow = x.y\n"
		 "ports = 80\n"
		 "ports = tcp/80\n"
		 "types = ANY\n"			/* 10 */
		 "accept = anybodi\n"
		 "accept = x\n"
		 "private = perhaps\n"
		 "block = drop\n"
		 "[b]\n"				/* 15 */
		 "purpose = none\n"
		 "[a]\n"
		 "allow = not.kept\n"
		 "[profile x]\n"
		 "allow = not.kept\n"			/* 20 */
		 "[.c]\n"
		 "[d]\n"
		 "allow =\n"
		 "[e]\n"
		 "allow =\n"				/* 25 */
		 "  z.y\n"
		 "title = misplaced\n");
	util_expect(diags,
		    "mine.ini:2: error: unknown key 'titel' in [catalog]: did you mean 'title'?\n"
		    "mine.ini:3: error: unknown key 'allow' in [catalog]: it belongs in [GROUP]\n"
		    "mine.ini:4: error: include = '../x': expected CATALOG or CATALOG/GROUP, names of letters, digits, '-', "
		    "'_' and '.'\n"
		    "mine.ini:4: error: include = 'a/b/c': expected CATALOG or CATALOG/GROUP, names of letters, digits, "
		    "'-', '_' and '.'\n"
		    "mine.ini:5: error: [catalog] again: first on line 1\n"
		    "mine.ini:8: error: ports = '80': expected tcp/PORT or udp/PORT\n"
		    "mine.ini:9: error: 'ports' again in [a]: first on line 8\n"
		    "mine.ini:10: error: types = 'ANY': expected types that a name can be asked for, like AAAA\n"
		    "mine.ini:11: error: accept = 'anybodi': did you mean 'anybody'?\n"
		    "mine.ini:12: error: 'accept' again in [a]: first on line 11\n"
		    "mine.ini:13: error: private = 'perhaps': expected yes or no\n"
		    "mine.ini:14: error: unknown key 'block' in [a]: it takes purpose source ports allow chain private types "
		    "accept churn\n"
		    "mine.ini:15: error: [b] has no 'allow' and no 'chain'\n"
		    "mine.ini:17: error: [a] again: first on line 6\n"
		    "mine.ini:19: error: [profile x]: a group's name is one word of letters, digits, '-', '_' and '.', "
		    "at most 63 of them, and not '.' first\n"
		    "mine.ini:21: error: [.c]: a group's name is one word of letters, digits, '-', '_' and '.', "
		    "at most 63 of them, and not '.' first\n"
		    "mine.ini:23: error: 'allow' is empty: expected a value\n"
		    "mine.ini:27: error: unknown key 'title' in [e]: it belongs in [catalog]\n");
	entries(file, "7 allow a x.y\n26 allow e z.y\n");
	memset(line + 8, 'x', 301);
	read_path(util_text("mine.ini", strcat(strcpy((char[512]){ 0 }, "[a]\n"), line)));
	util_expect(diags, "mine.ini:2: error: a pattern of 301 characters: longer than any name\n");
}

static void test_accept_word(void **state)
{
	read_ini("[a]\nallow = b.c\naccept = anybody duplicate useless no-ports no-source unreachable\n  others\n");
	util_expect(diags, "mine.ini:4: error: accept = 'others': expected anybody, duplicate, useless, no-ports, no-source "
			   "or unreachable\n");
	assert_int_equal(file->groups[0].accept.n, 6);
}

static void test_list(void **state)
{
	static const char bom[] = "\xef\xbb\xbf" "a.b\r\n\r\n  *.c.d\t# said\r\n#all\r\n \t\r\n x#y.z\r\ntwo words\r\ne.f";

	read_list(bom);
	entries(file, "1 allow  a.b\n3 allow  *.c.d\n6 allow  x#y.z\n8 allow  e.f\n");
	util_expect(diags, "mine.list:7: error: 'two words': expected one pattern a line\n");
	assert_true(file->list);
	assert_int_equal(file->n_groups, 1);
	assert_string_equal(file->groups[0].name.text, "");
	assert_int_equal(file->groups[0].ports.n, 2);
	assert_int_equal(file->groups[0].ports.line, 0);
	assert_string_equal(file->title.text, "");
	read_list("");
	util_expect(diags, "");
	assert_int_equal(file->n_entries, 0);
	assert_int_equal(file->n_groups, 1);
	read_list("\n");
	assert_int_equal(file->n_entries, 0);
	read_list("a.b #");
	entries(file, "1 allow  a.b\n");
}

static void test_list_errors(void **state)
{
	static const char nul[] = "a.b\nc.d\0\n";
	char *text = malloc((10 << 20) + 1);
	char *p;

	read_path(util_file("mine.list", nul, sizeof(nul) - 1));
	util_expect(diags, "mine.list: error: holds NUL bytes: this is not text\n");
	assert_int_equal(file->n_entries, 0);
	memset(text, 'x', 10 << 20);
	text[10 << 20] = '\0';
	memcpy(text, "a.b\n", 4);
	p = text + (10 << 20) - 4;
	memcpy(p, "\nc.d", 4);
	read_list(text);
	util_expect(diags, "mine.list:2: error: a pattern of 10485752 characters: longer than any name\n");
	entries(file, "1 allow  a.b\n3 allow  c.d\n");
	free(text);
	memset(text = malloc(302), 'x', 301);
	text[301] = '\0';
	read_list(text);
	assert_int_equal(diag_errors(diags), 1);
	text[300] = '\0';
	read_list(text);
	assert_int_equal(diag_errors(diags), 0);
	free(text);
}

static void test_unreadable(void **state)
{
	char fifo[320];

	assert_null(read_path(util_path("none.ini")));
	util_expect(diags, "none.ini: error: cannot be read: No such file or directory\n");
	assert_null(read_path(util_path("none.list")));
	util_expect(diags, "none.list: error: cannot be read: No such file or directory\n");
	util_folder("folder.ini");
	util_folder("folder.list");
	assert_null(read_path(util_path("folder.ini")));
	util_expect(diags, "folder.ini: error: cannot be read: Is a directory\n");
	assert_null(read_path(util_path("folder.list")));
	util_expect(diags, "folder.list: error: cannot be read: Is a directory\n");
	snprintf(fifo, sizeof(fifo), "%s", util_path("fifo.list"));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	util_remember(fifo);
	assert_null(read_path(fifo));
	assert_int_equal(diag_errors(diags), 1);
	assert_non_null(read_path(util_text("empty.ini", "")));
	util_expect(diags, "");
}

static void test_million(void **state)
{
	size_t len = 0, i;
	char *text = malloc((size_t)32 << 20);
	const char *path;
	clock_t start;

	for (i = 0; i < 1000000; i++)
		len += (size_t)sprintf(text + len, "name-%zu.example.com\n", i);
	path = util_file("mine.list", text, len);
	start = clock();
	read_path(path);
	/* 0.02 s here; what this catches is a cost that grows faster than the file. */
	assert_true(clock() - start < CLOCKS_PER_SEC);
	assert_int_equal(file->n_entries, 1000000);
	assert_int_equal(file->entries[999999].line, 1000000);
	assert_memory_equal(file->entries[999999].text, "name-999999.example.com", file->entries[999999].len);
	memcpy(text, "[a]\nallow =", 11);
	for (len = 11, i = 0; i < 100000; i++)
		len += (size_t)sprintf(text + len, "\n  name-%zu.example.com", i);
	path = util_file("mine.ini", text, len);
	start = clock();
	read_path(path);
	assert_true(clock() - start < CLOCKS_PER_SEC);
	util_expect(diags, "");
	assert_int_equal(file->n_entries, 100000);
	assert_int_equal(file->entries[99999].line, 100002);
	free(text);
}

static void test_starved(void **state)
{
	const char *paths[] = { util_text("mine.ini", "[a]\nallow = b.c d.e f.g\n[b]\nchain = x.y\naccept = anybody\n"),
				util_text("mine.list", "a.b\nc.d\n") };
	struct diag_list *d = diag_new();
	size_t limit, i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		size_t worked = 0;

		for (limit = 0; limit < 12000; limit += 16) {
			struct arena *a = arena_new(limit);
			struct catfile *f = catfile_read(a, "mine", paths[i], d);

			if (f) {
				worked++;
				assert_int_equal(f->n_entries, i ? 2 : 4);
				catfile_close(f);
			}
			arena_free(a);
		}
		assert_int_not_equal(worked, 0);
	}
	diag_free(d);
}

static void test_names(void **state)
{
	static const char *const good[] = { "a", "windows-update", "A_1.x", "-", "a..b" };
	static const char *const bad[] = { "", ".", "..", ".a", "a/b", "a b", "ä", "a*" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(catfile_name_ok(good[i]));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(catfile_name_ok(bad[i]));
}

static void note(void *ctx, const char *name, const char *path)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%s=%s\n", name, path + strlen(util_dir) + 1);
}

static void test_find(void **state)
{
	char found[1024] = "", one[320], two[320];
	const struct conf *c;

	util_folder("one");
	util_folder("two");
	snprintf(one, sizeof(one), "%s/one", util_dir);
	snprintf(two, sizeof(two), "%s/two", util_dir);
	util_text("one/b.list", "");
	util_text("one/c.list", "");
	util_text("one/c.ini", "");
	util_text("one/.hidden.ini", "");
	util_text("one/readme.txt", "");
	util_text("one/no good.ini", "");
	util_text("two/b.ini", "");
	util_text("two/d.list", "");
	util_text("two/mine.ini", "");
	catfile_close(file);
	file = NULL;
	arena_free(arena);
	diag_free(diags);
	arena = arena_new(1 << 20);
	diags = diag_new();
	c = conf_read(arena, util_text("postern.conf", "[server]\nzones = one none two\n[catalog mine]\nfile = x.list\n"
						       "[catalog a]\nfile = x.ini\n"), true, diags);
	util_expect(diags, "");
	assert_string_equal(strstr(catfile_find(arena, c, "b"), "/one/b"), "/one/b.list");
	assert_string_equal(strstr(catfile_find(arena, c, "c"), "/one/c"), "/one/c.ini");
	assert_string_equal(strstr(catfile_find(arena, c, "d"), "/two/"), "/two/d.list");
	/* A section wins over the folders, there or not: to read it says that it is missing. */
	assert_string_equal(strrchr(catfile_find(arena, c, "mine"), '/'), "/x.list");
	assert_null(catfile_find(arena, c, "e"));
	assert_null(catfile_find(arena, c, "../one/b"));
	assert_null(catfile_find(arena, c, ".hidden"));
	assert_int_equal(catfile_each(arena, c, note, found), 0);
	assert_string_equal(found, "a=x.ini\nb=one/b.list\nc=one/c.ini\nd=two/d.list\nmine=x.list\n");
}

static int end(void **state)
{
	if (file)
		catfile_close(file);
	arena_free(arena);
	diag_free(diags);
	return util_teardown(state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ini), cmocka_unit_test(test_ini_errors), cmocka_unit_test(test_accept_word),
		cmocka_unit_test(test_list), cmocka_unit_test(test_list_errors), cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_million), cmocka_unit_test(test_starved), cmocka_unit_test(test_names),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests_name("conf_catfile", tests, util_setup, end);
}
