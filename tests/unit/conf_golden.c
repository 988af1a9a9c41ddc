/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * tests/golden: NAME.conf, NAME.ini and NAME.list are read, and NAME.….out is what comes of it: the
 * diagnostics, then the entries of a catalogue, or the configuration printed where there was no error.
 * POSTERN_GOLDEN=write writes the .out files anew, to be looked at before they are kept.
 */

#include "conf_util.h"

#include <dirent.h>

#include "conf/catfile.h"

#define FOLDER "tests/golden"

static void put_entries(const struct catfile *f, FILE *out)
{
	size_t i, k;

	for (i = 0; f && i < f->n_groups; i++) {
		const struct group_decl *g = &f->groups[i];

		fprintf(out, "group '%s' line %u, ports", g->name.text, g->name.line);
		for (k = 0; k < g->ports.n; k++) {
			char buf[16];

			fprintf(out, " %s", conf_port_text(&g->ports.v[k], buf));
		}
		fprintf(out, "%s%s\n", g->private ? ", private" : "", g->churn ? ", churn" : "");
		for (k = 0; k < f->n_entries; k++)
			if (f->entries[k].group == i)
				fprintf(out, "  %u %s %.*s\n", f->entries[k].line,
					f->entries[k].role == ROLE_ALLOW ? "allow" : "chain", f->entries[k].len, f->entries[k].text);
	}
}

static void put_result(const char *path, bool conf, FILE *out)
{
	struct arena *a = arena_new((size_t)16 << 20);
	struct diag_list *d = diag_new();

	if (conf) {
		const struct conf *c = conf_read(a, path, true, d);

		assert_non_null(c);
		diag_print(d, out);
		if (!diag_errors(d))
			conf_print(c, out);
	} else {
		struct catfile *f = catfile_read(a, "golden", path, d);

		diag_print(d, out);
		put_entries(f, out);
		if (f)
			catfile_close(f);
	}
	diag_free(d);
	arena_free(a);
}

static char *result(const char *path, bool conf)
{
	char *text = NULL, *kept;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	put_result(path, conf, f);
	fclose(f);
	kept = strdup(text);
	assert_non_null(kept);
	free(text);
	return kept;
}

static char *wanted(const char *path, const char *got)
{
	const char *write = getenv("POSTERN_GOLDEN");
	FILE *f = fopen(path, write && !strcmp(write, "write") ? "w+" : "r");
	char *text = calloc(1, 1 << 20);

	if (!f)
		fail_msg("%s is missing", path);
	assert_non_null(text);
	if (write && !strcmp(write, "write")) {
		fputs(got, f);
		rewind(f);
	}
	assert_true(fread(text, 1, (1 << 20) - 1, f) < (1 << 20) - 1);
	fclose(f);
	return text;
}

static bool ends(const char *name, const char *with)
{
	size_t n = strlen(name), w = strlen(with);

	return n > w && !strcmp(name + n - w, with);
}

static int chosen(const struct dirent *e)
{
	return ends(e->d_name, ".conf") || ends(e->d_name, ".ini") || ends(e->d_name, ".list");
}

static void test_golden(void **state)
{
	struct dirent **v;
	int n = scandir(FOLDER, &v, chosen, alphasort), i, bad = 0;

	if (n < 10)
		fail_msg("%d files in " FOLDER ": is this the root of the repository?", n);
	for (i = 0; i < n; i++) {
		char path[512], out[520], *got, *want;

		snprintf(path, sizeof(path), FOLDER "/%s", v[i]->d_name);
		snprintf(out, sizeof(out), "%s.out", path);
		got = result(path, ends(path, ".conf"));
		want = wanted(out, got);
		if (strcmp(got, want)) {
			fprintf(stderr, "%s: wanted\n%s%s: got\n%s", path, want, path, got);
			bad++;
		}
		free(got);
		free(want);
		free(v[i]);
	}
	free(v);
	assert_int_equal(bad, 0);
}

/* What ships reads without a word. */
static void test_shipped(void **state)
{
	struct dirent **v;
	int n = scandir("zones", &v, chosen, alphasort), i;

	assert_true(n > 0);
	for (i = 0; i < n; i++) {
		char path[512], *got;

		snprintf(path, sizeof(path), "zones/%s", v[i]->d_name);
		got = result(path, false);
		if (strstr(got, "error: ") || strstr(got, "warning: "))
			fail_msg("%s", got);
		free(got);
		free(v[i]);
	}
	free(v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_shipped),
	};

	return cmocka_run_group_tests_name("conf_golden", tests, NULL, NULL);
}
