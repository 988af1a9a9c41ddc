/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf_util.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "conf/ini.h"

struct log {
	char text[300000];
	size_t n;
};

static struct log seen;

static void note(struct log *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	l->n += (size_t)vsnprintf(l->text + l->n, sizeof(l->text) - l->n, fmt, ap);
	va_end(ap);
	assert_true(l->n < sizeof(l->text));
}

static void on_section(void *ctx, const char *kind, const char *name, unsigned line)
{
	note(ctx, "%u[%s|%s]\n", line, kind, name);
}

static void on_key(void *ctx, const char *key, const char *value, unsigned line)
{
	note(ctx, "%u %s=%s\n", line, key, value);
}

static void on_more(void *ctx, const char *key, const char *value, unsigned line)
{
	note(ctx, "%u %s+%s\n", line, key, value);
}

static const struct ini_handler handler = { on_section, on_key, on_more };

static int read_path(const char *path, const char *want, const char *diags)
{
	struct diag_list *d = diag_new();
	int rc;

	seen.n = 0;
	seen.text[0] = '\0';
	rc = ini_read(path, &handler, &seen, d);
	if (want)
		assert_string_equal(seen.text, want);
	util_expect(d, diags);
	diag_free(d);
	return rc;
}

static void reads(const char *text, const char *want, const char *diags)
{
	assert_int_equal(read_path(util_text("x.ini", text), want, diags), 0);
}

static void test_plain(void **state)
{
	reads("[server]\nlisten = ::1@5300\n  127.0.0.1@53\n\n# c\n\t; c\n\tlast\n[empty]\n[ forward   a.b ]\nx=1",
	      "1[server|]\n2 listen=::1@5300\n3 listen+127.0.0.1@53\n7 listen+last\n8[empty|]\n9[forward|a.b]\n10 x=1\n",
	      "");
	reads("", "", "");
	reads("\n\n", "", "");
}

static void test_values(void **state)
{
	/* Only the first '=' ends a key; blanks within a value stay, around it go. */
	reads("[a]\nk = x=y  z : w\t\nk=\nk = \n k2 [x\n", "1[a|]\n2 k=x=y  z : w\n3 k=\n4 k=\n5 k+k2 [x\n", "");
	/* A comment follows a blank and ';', or is a line of its own. */
	reads("[a] ; c\nk = v ; c\nk = v;w\nk = ;c\nk =;c\nk = a # b\n ;c\n", "1[a|]\n2 k=v\n3 k=v;w\n4 k=\n5 k=\n6 k=a # b\n",
	      "");
	/* base64 that ends in '=' is no key. */
	reads("[a]\npin = x\n  6MZ1H2kTjZ1Q2v8o8Z0cQ0o9w7m3uW8zv0vJ5m7fQ1E=\n",
	      "1[a|]\n2 pin=x\n3 pin+6MZ1H2kTjZ1Q2v8o8Z0cQ0o9w7m3uW8zv0vJ5m7fQ1E=\n", "");
}

static void test_ends_of_line(void **state)
{
	reads("\xef\xbb\xbf[a]\r\nk = v\r\n w\r\n\r\nl = x \r\n", "1[a|]\n2 k=v\n3 k+w\n5 l=x\n", "");
	reads("\xef\xbb\xbf", "", "");
	reads("[a]\rk = v\r", "", "x.ini:1: error: control characters: this is not text\n");
}

/* Every kind of bad line in one file, all of them shown, and the good ones read. */
static void test_bad_lines(void **state)
{
	reads("early = 1\n"		/* 1 */
	      "[a]\n"			/* 2 */
	      " k = v\n"		/* 3 */
	      "k = v\n"			/* 4 */
	      "  other = w\n"		/* 5 */
	      "  [b]\n"			/* 6 */
	      "just words\n"		/* 7 */
	      "  hanging\n"		/* 8 */
	      "= v\n"			/* 9 */
	      "a:b = v\n"		/* 10 */
	      "[c\n"			/* 11 */
	      "k = passed over\n"	/* 12 */
	      " and this\n"		/* 13 */
	      "[]\n"			/* 14 */
	      "[d] x\n"			/* 15 */
	      "[e]\n"			/* 16 */
	      "k = \x1b[2J\n"		/* 17 */
	      " lost\n"			/* 18 */
	      "k = w\n",
	      "2[a|]\n4 k=v\n16[e|]\n19 k=w\n",
	      "x.ini:1: error: a key before any [section]\n"
	      "x.ini:3: error: an indented line goes on with the key above: a section or another key begins its line\n"
	      "x.ini:5: error: an indented line goes on with the key above: a section or another key begins its line\n"
	      "x.ini:6: error: an indented line goes on with the key above: a section or another key begins its line\n"
	      "x.ini:7: error: expected 'key = value', a [section], or an indented line that goes on with a key\n"
	      "x.ini:9: error: expected 'key = value', a [section], or an indented line that goes on with a key\n"
	      "x.ini:10: error: a key is a word of letters, digits and '-'\n"
	      "x.ini:11: error: a section without its ']'\n"
	      "x.ini:14: error: a section without a name\n"
	      "x.ini:15: error: text behind the ']' of a section\n"
	      "x.ini:17: error: control characters: this is not text\n");
}

/* What inih would cut: names of 50 and more, lines of 200 and more. */
static void test_long(void **state)
{
	static char name[300], value[INI_LINE_MAX], text[3 * INI_LINE_MAX], want[3 * INI_LINE_MAX];

	memset(name, 'n', sizeof(name) - 1);
	memset(value, 'v', 60000);
	memcpy(value + 20000, "  x = y ", 8);
	snprintf(text, sizeof(text), "[forward %s]\nk = %s\n  %s\nl = 2\n", name, value, value);
	snprintf(want, sizeof(want), "1[forward|%s]\n2 k=%s\n3 k+%s\n4 l=2\n", name, value, value);
	reads(text, want, "");
	snprintf(text, sizeof(text), "[a]\n%.49s = 1\n", name);
	reads(text, "1[a|]\n", "x.ini:2: error: a key is a word of letters, digits and '-'\n");
	snprintf(text, sizeof(text), "[a]\n%.48s = 1\n", name);
	snprintf(want, sizeof(want), "1[a|]\n2 %.48s=1\n", name);
	reads(text, want, "");
}

static void test_line_max(void **state)
{
	char *text = malloc(3 * INI_LINE_MAX), *p = text;

	p = stpcpy(p, "[a]\nk = ");
	memset(p, 'v', INI_LINE_MAX - 4);
	p = stpcpy(p + INI_LINE_MAX - 4, "\n");		/* exactly as long as may be */
	assert_int_equal(p - text, 4 + INI_LINE_MAX + 1);
	p = stpcpy(p, "l = ");
	memset(p, 'v', INI_LINE_MAX - 3);
	p = stpcpy(p + INI_LINE_MAX - 3, "\n hangs on it\nm = 1\n");
	assert_int_equal(read_path(util_text("x.ini", text), NULL, "x.ini:3: error: a line longer than 65536 bytes\n"), 0);
	assert_memory_equal(seen.text, "1[a|]\n2 k=vvv", 13);
	assert_string_equal(seen.text + seen.n - 6, "5 m=1\n");
	assert_int_equal(seen.n, 6 + 4 + INI_LINE_MAX - 4 + 1 + 6);
	free(text);
}

/* A sanitizer's shadow fits into no limit. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool sanitized = true;
#else
static const bool sanitized;
#endif

static void test_huge_line(void **state)
{
	size_t len = 10 << 20;
	char *text = malloc(len);
	struct rlimit old, low;
	const char *path;

	memset(text, 'x', len);
	memcpy(text, "[a]\nk = ", 8);
	memcpy(text + len - 7, "\nl = 1\n", 7);
	path = util_file("x.ini", text, len);
	free(text);
	/* Never in memory whole. */
	assert_int_equal(getrlimit(RLIMIT_DATA, &old), 0);
	low = old;
	low.rlim_cur = sanitized ? old.rlim_cur : 8 << 20;
	assert_int_equal(setrlimit(RLIMIT_DATA, &low), 0);
	assert_int_equal(read_path(path, "1[a|]\n3 l=1\n", "x.ini:2: error: a line longer than 65536 bytes\n"), 0);
	assert_int_equal(setrlimit(RLIMIT_DATA, &old), 0);
}

static void test_not_text(void **state)
{
	static const char bytes[] = "[a]\nk = v\nk = a\0b\n[b]\n";
	char *late = calloc(1, 100000);

	assert_int_equal(read_path(util_file("x.ini", bytes, sizeof(bytes) - 1), "",
				   "x.ini: error: holds NUL bytes: this is not text\n"), 0);
	memset(late, '\n', 100000);
	memcpy(late, "[a]\n", 4);
	late[99999] = '\0';
	assert_int_equal(read_path(util_file("x.ini", late, 100000), "",
				   "x.ini: error: holds NUL bytes: this is not text\n"), 0);
	free(late);
}

static void test_unreadable(void **state)
{
	const char *fifo = util_path("fifo");

	assert_int_equal(read_path(util_path("missing.ini"), "", ""), -ENOENT);
	assert_int_equal(read_path(util_folder("folder.ini"), "", ""), -EISDIR);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	util_remember(fifo);
	assert_int_equal(read_path(fifo, "", ""), -ESPIPE);
	assert_int_equal(read_path("/dev/null", "", ""), 0);
	if (getuid()) {
		const char *path = util_text("secret.ini", "[a]\n");

		assert_int_equal(chmod(path, 0), 0);
		assert_int_equal(read_path(path, "", ""), -EACCES);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_ends_of_line),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_line_max),
		cmocka_unit_test(test_huge_line),
		cmocka_unit_test(test_not_text),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests_name("conf_ini", tests, util_setup, util_teardown);
}
