/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Every key of the table: a wrong type, a wrong range, a misspelt name, twice, empty. The rows
 * drive it, so that a new one is tested by being there.
 */

#include "conf_util.h"

#include "conf/conf.h"
#include "conf/conf_table.h"
#include "conf/conf_value.h"

#define KEY_LINE 4			/* where the key under test stands */

static const char *const headers[CONF_SECTIONS] = {
	[CONF_SERVER] = "server", [CONF_CONTROL] = "control", [CONF_UPSTREAM] = "upstream",
	[CONF_FORWARD] = "forward corp.example.com", [CONF_RECORDS] = "records", [CONF_CACHE] = "cache",
	[CONF_LIMITS] = "limits", [CONF_DEFAULT] = "profile default", [CONF_PROFILE] = "profile wsus",
	[CONF_CATALOG] = "catalog mine", [CONF_EXPORT] = "export lockdown", [CONF_LOG] = "log",
};

static const char *good_required(const struct conf_option *o)
{
	return o->type == CONF_ENDPOINTS ? "10.0.0.1" : o->type == CONF_PREFIXES ? "10.0.0.1" : "/x";
}

/* A set, or for a path a kind that takes one: what keeps an [export] from being an error of its own. */
static const char *good_export(const struct conf_option *o, const char *line)
{
	if (!strcmp(o->key, "path") && strchr(line, '/'))
		return "kind = socket";
	return strcmp(o->key, "set4") ? "set4 = inet lockdown update4" : "set6 = inet lockdown update6";
}

/* A file with the section, what it must have besides `o`, and `line` at KEY_LINE. */
static const char *with(unsigned section, const struct conf_option *o, const char *line)
{
	static char text[20000];
	const char *needed = !strcmp(o->key, "min-ttl") ? "max-ttl = 7d" : "";
	static char buf[64];
	size_t i;

	if (section == CONF_EXPORT)
		needed = good_export(o, line);
	for (i = 0; i < conf_schema.n; i++) {
		const struct conf_option *other = &conf_schema.options[i];

		if (other == o || !(other->flags & CONF_REQUIRED) || !(other->sections & 1u << section))
			continue;
		snprintf(buf, sizeof(buf), "%s = %s", other->key, good_required(other));
		needed = buf;
	}
	snprintf(text, sizeof(text), "# a comment\n[%s]\n%s\n%s\n", headers[section], needed, line);
	return util_text("postern.conf", text);
}

/* Reads it: so many errors, and one at KEY_LINE that holds both texts. */
static void wrong(unsigned section, const struct conf_option *o, const char *line, size_t errors, const char *a,
		  const char *b)
{
	struct arena *arena = arena_new(1 << 20);
	struct diag_list *d = diag_new();
	const char *path = with(section, o, line);
	char *got, *at;

	assert_non_null(conf_read(arena, path, true, d));
	got = util_diags(d);
	at = strstr(got, "postern.conf:4: error: ");
	if (diag_errors(d) != errors || !at || !strstr(at, a) || !strstr(at, b))
		fail_msg("[%s] %.80s: %zu errors, not '%s' and '%s':\n%s", headers[section], line, diag_errors(d), a, b, got);
	free(got);
	diag_free(d);
	arena_free(arena);
}

static void right(unsigned section, const struct conf_option *o, const char *line)
{
	struct arena *arena = arena_new(1 << 20);
	struct diag_list *d = diag_new();

	assert_non_null(conf_read(arena, with(section, o, line), true, d));
	if (diag_errors(d)) {
		char *got = util_diags(d);

		fail_msg("[%s] %.80s:\n%s", headers[section], line, got);
	}
	diag_free(d);
	arena_free(arena);
}

static void each(void (*test)(unsigned section, const struct conf_option *o))
{
	size_t i, s;

	for (i = 0; i < conf_schema.n; i++)
		for (s = 0; s < conf_schema.n_sections; s++)
			if (conf_schema.options[i].sections & 1u << s)
				test((unsigned)s, &conf_schema.options[i]);
}

/* What no value of the type looks like; NULL where every text is one. */
static const char *wrong_type(const struct conf_option *o)
{
	static const char *const bad[] = {
		[CONF_BOOL] = "perhaps", [CONF_EITHER] = "neither", [CONF_CHOICE] = "none-of-these", [CONF_COUNT] = "many",
		[CONF_AUTO] = "many", [CONF_SECONDS] = "5", [CONF_MILLIS] = "1500", [CONF_SIZE] = "32MB",
		[CONF_LARGE] = "many", [CONF_WORD] = "two words", [CONF_SET] = "two words", [CONF_CATALOGS] = "../etc", [CONF_ENDPOINTS] = "example.com",
		[CONF_PREFIXES] = "lan", [CONF_PORTS] = "443", [CONF_TYPES] = "AAAAA", [CONF_SINKHOLE] = "hole",
		[CONF_LINES] = NULL,
	};

	return bad[o->type];
}

static void type_of(unsigned section, const struct conf_option *o)
{
	char line[256];

	if (o->flags & CONF_ABSENT) {
		snprintf(line, sizeof(line), "%s = anything at all", o->key);
		wrong(section, o, line, 1, o->key, "is not in this version");
		return;
	}
	if (!wrong_type(o))
		return;
	snprintf(line, sizeof(line), "%s = %s", o->key, wrong_type(o));
	wrong(section, o, line, 1, o->key, wrong_type(o));
	wrong(section, o, line, 1, "expected", "");
}

static void test_wrong_type(void **state)
{
	each(type_of);
}

static void number_range(unsigned section, const struct conf_option *o)
{
	const char *unit = o->type == CONF_SECONDS || o->type == CONF_MILLIS ? "ms" : "";
	char line[128];

	if (o->min) {
		snprintf(line, sizeof(line), "%s = %llu%s", o->key, (unsigned long long)o->min - 1, unit);
		wrong(section, o, line, 1, o->key, "expected");
	}
	snprintf(line, sizeof(line), "%s = %llu%s", o->key, (unsigned long long)o->max + 1, unit);
	wrong(section, o, line, 1, o->key, "expected");
	snprintf(line, sizeof(line), "%s = 18446744073709551617%s", o->key, unit);
	wrong(section, o, line, 1, o->key, "expected");
	snprintf(line, sizeof(line), "%s = -1%s", o->key, unit);
	wrong(section, o, line, 1, o->key, "expected");
	snprintf(line, sizeof(line), "%s = %llu%s", o->key, (unsigned long long)o->min, unit);
	right(section, o, line);
	snprintf(line, sizeof(line), "%s = %llu%s", o->key, (unsigned long long)o->max, unit);
	right(section, o, line);
}

static void range_of(unsigned section, const struct conf_option *o)
{
	static const char *const bad[] = {
		[CONF_ENDPOINTS] = "10.0.0.1@65536", [CONF_PREFIXES] = "10.0.0.0/33", [CONF_PORTS] = "tcp/65536",
		[CONF_TYPES] = "ANY", [CONF_SET] = "inet a;b c", [CONF_SINKHOLE] = "10.0.0.256", [CONF_CATALOGS] = "a/b/c",
		[CONF_LINES] = NULL,
	};
	static char line[8192];
	size_t n;

	if (o->flags & CONF_ABSENT)
		return;
	if (o->type >= CONF_COUNT && o->type <= CONF_LARGE) {
		number_range(section, o);
	} else if (o->type == CONF_WORD || o->type == CONF_PATH || o->type == CONF_PATHS) {
		n = (size_t)snprintf(line, sizeof(line), "%s = /", o->key);
		memset(line + n, 'x', o->max);
		line[n + o->max] = '\0';
		wrong(section, o, line, 1, o->key, "expected");
		if (section == CONF_EXPORT)
			return;		/* a socket's is shorter: conf_errors */
		line[n + o->max - 1] = '\0';
		right(section, o, line);
	} else if (bad[o->type]) {
		snprintf(line, sizeof(line), "%s = %s", o->key, bad[o->type]);
		wrong(section, o, line, 1, o->key, "expected");
	}
}

static void test_wrong_range(void **state)
{
	each(range_of);
}

static void misspelt(unsigned section, const struct conf_option *o)
{
	size_t also = o->flags & CONF_REQUIRED ? 1 : 0;
	char line[128], meant[64];

	snprintf(meant, sizeof(meant), "did you mean '%s'?", o->key);
	snprintf(line, sizeof(line), "%sx = 1", o->key);
	wrong(section, o, line, 1 + also, "unknown key", meant);
	snprintf(line, sizeof(line), "%s = 1", o->key + 1);
	wrong(section, o, line, 1 + also, "unknown key", meant);
	snprintf(line, sizeof(line), "far-from-any-key = 1");
	wrong(section, o, line, 1 + also, "unknown key 'far-from-any-key'", "it takes");
}

static void test_misspelt(void **state)
{
	each(misspelt);
}

static void empty(unsigned section, const struct conf_option *o)
{
	char line[128], said[64];

	snprintf(line, sizeof(line), "%s =", o->key);
	snprintf(said, sizeof(said), "'%s' is empty", o->key);
	if (o->flags & CONF_EMPTY)
		right(section, o, line);
	else
		wrong(section, o, line, 1, said, "expected");
}

static void test_empty(void **state)
{
	each(empty);
}

static void twice(unsigned section, const struct conf_option *o)
{
	const char *value = o->flags & CONF_REQUIRED ? good_required(o) : o->def ? o->def : "";
	static char text[2048];
	struct arena *arena;
	struct diag_list *d;
	char *got, said[96];

	if (o->type == CONF_LINES)
		return;
	arena = arena_new(1 << 20);
	d = diag_new();
	snprintf(text, sizeof(text), "%s = %s\n\n%s = %s", o->key, value, o->key, value);
	assert_non_null(conf_read(arena, with(section, o, text), true, d));
	got = util_diags(d);
	snprintf(said, sizeof(said), "postern.conf:6: error: '%s' again in [%s]: first on line 4\n", o->key,
		 headers[section]);
	assert_string_equal(got, said);
	free(got);
	diag_free(d);
	arena_free(arena);
}

static void test_twice(void **state)
{
	each(twice);
}

/* A scalar takes no further lines, a list does, and its errors bear their own line. */
static void lines(unsigned section, const struct conf_option *o)
{
	const char *bad = wrong_type(o);
	static char text[2048];
	struct arena *arena;
	struct diag_list *d;
	char *got;

	if (o->type == CONF_LINES || o->flags & CONF_ABSENT || (conf_type_list(o->type) && !bad))
		return;
	arena = arena_new(1 << 20);
	d = diag_new();
	snprintf(text, sizeof(text), "%s = %s\n  %s", o->key, o->def ? o->def : "10.0.0.1", bad ? bad : "x");
	if (o->type == CONF_PORTS || section == CONF_DEFAULT)
		snprintf(text, sizeof(text), "%s = %s\n  %s", o->key, o->def ? o->def : "", bad ? bad : "x");
	assert_non_null(conf_read(arena, with(section, o, text), true, d));
	got = util_diags(d);
	if (diag_errors(d) != 1 || !strstr(got, "postern.conf:5: error: ") || !strstr(got, o->key))
		fail_msg("%s\n%s", text, got);
	assert_int_equal(!strstr(got, "takes one value"), conf_type_list(o->type));
	free(got);
	diag_free(d);
	arena_free(arena);
}

static void test_lines(void **state)
{
	each(lines);
}

/* Not in force: a warning where it is not 0, at its line, and the value is kept. */
static void idle(unsigned section, const struct conf_option *o)
{
	struct arena *arena = arena_new(1 << 20);
	struct diag_list *d = diag_new();
	char line[64], said[128];

	if (!(o->flags & CONF_IDLE))
		goto out;
	snprintf(line, sizeof(line), "%s = 0", o->key);
	assert_non_null(conf_read(arena, with(section, o, line), true, d));
	assert_int_equal(diag_warnings(d), 0);
	snprintf(line, sizeof(line), "%s = 7", o->key);
	assert_non_null(conf_read(arena, with(section, o, line), true, d));
	assert_int_equal(diag_errors(d), 0);
	snprintf(said, sizeof(said), "postern.conf:4: warning: '%s' is not in force in this version\n", o->key);
	util_expect(d, said);
out:
	diag_free(d);
	arena_free(arena);
}

static void test_idle(void **state)
{
	size_t i, n = 0;

	each(idle);
	for (i = 0; i < conf_schema.n; i++)
		n += !!(conf_schema.options[i].flags & CONF_IDLE);
	assert_int_equal(n, 5);
}

/* A key written with its default gives what the key not written gives. */
static void same_as_default(unsigned section, const struct conf_option *o)
{
	struct arena *arena = arena_new(1 << 20);
	struct diag_list *d = diag_new();
	char *texts[2], line[256];
	size_t i, len;

	if (o->type == CONF_LINES || o->flags & CONF_REQUIRED)
		goto out;
	snprintf(line, sizeof(line), "%s = %s", o->key, o->def ? o->def : "");
	for (i = 0; i < 2; i++) {
		const struct conf *c = conf_read(arena, with(section, o, i ? line : ""), true, d);
		FILE *f = open_memstream(&texts[i], &len);

		assert_non_null(c);
		conf_print(c, f);
		fclose(f);
	}
	assert_int_equal(diag_errors(d), 0);
	assert_string_equal(texts[0], texts[1]);
	free(texts[0]);
	free(texts[1]);
out:
	diag_free(d);
	arena_free(arena);
}

static void test_defaults(void **state)
{
	each(same_as_default);
}

/* The whole of a text file of the repository. */
static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 100000);
	size_t n;

	if (!f)
		fail_msg("%s is missing", path);
	assert_non_null(text);
	n = fread(text, 1, 99999, f);
	assert_true(n < 99999);
	fclose(f);
	return text;
}

/* The example shows every key under its section, with its default where it has one. */
static void test_example(void **state)
{
	struct arena *arena = arena_new(1 << 20);
	struct diag_list *d = diag_new();
	char *text = slurp("conf/postern.conf"), *p, *at, *end, line[256];
	size_t i, s, n;

	assert_non_null(conf_read(arena, "conf/postern.conf", true, d));
	util_expect(d, "");
	for (i = 0; i < conf_schema.n; i++) {
		const struct conf_option *o = &conf_schema.options[i];

		for (s = 0; s < CONF_SECTIONS && !(o->sections & 1u << s); s++)
			;
		snprintf(line, sizeof(line), "[%s", s == CONF_DEFAULT ? "profile default" : headers[s]);
		if (s == CONF_FORWARD || s == CONF_PROFILE || s == CONF_CATALOG)
			*strchr(line, ' ') = '\0';
		at = strstr(text, line);
		if (s == CONF_PROFILE)
			at = at ? strstr(at + 1, line) : NULL;
		end = at ? strstr(at + 1, "\n[") : NULL;
		p = at ? strstr(at + 1, "\n#[") : NULL;
		if (p && (!end || p < end))
			end = p;
		n = (size_t)snprintf(line, sizeof(line), "\n#%-9s = ", o->key);
		if (o->def && !(o->flags & CONF_REQUIRED))
			snprintf(line + n, sizeof(line) - n, "%s", o->def);
		else
			line[n - 1] = '\0';
		p = at ? strstr(at, line) : NULL;
		if (!p || (end && p > end))
			fail_msg("conf/postern.conf has not '%s' in [%s]", line + 1, headers[s]);
	}
	/* With every comment sign before a key or section taken away it is still good. */
	for (p = text; (p = strstr(p, "\n#")); p++)
		if (p[2] == '[' || (p[2] >= 'a' && p[2] <= 'z'))
			memmove(p + 1, p + 2, strlen(p + 2) + 1);
	assert_non_null(conf_read(arena, util_text("postern.conf", text), true, d));
	util_expect(d, "");
	free(text);
	diag_free(d);
	arena_free(arena);
}

/* The manual has a paragraph for every key. */
static void test_manual(void **state)
{
	char *text = slurp("contrib/man/postern.conf.5"), line[128];
	size_t i;

	for (i = 0; i < conf_schema.n; i++) {
		snprintf(line, sizeof(line), "\n.It Ic %s", conf_schema.options[i].key);
		if (!strstr(text, line))
			fail_msg("postern.conf.5 has not '%s'", line + 1);
	}
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_type), cmocka_unit_test(test_wrong_range), cmocka_unit_test(test_misspelt),
		cmocka_unit_test(test_empty), cmocka_unit_test(test_twice), cmocka_unit_test(test_lines),
		cmocka_unit_test(test_idle), cmocka_unit_test(test_defaults), cmocka_unit_test(test_example),
		cmocka_unit_test(test_manual),
	};

	return cmocka_run_group_tests_name("conf_table", tests, util_setup, util_teardown);
}
