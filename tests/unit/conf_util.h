/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_UNIT_CONF_UTIL_H
#define TESTS_UNIT_CONF_UTIL_H

/* A folder of its own for each program, files written into it, configurations read, and diagnostics as text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/util.h"
#include "conf/conf.h"

static char util_dir[256];
static char util_made[64][320];
static size_t util_n;

static inline void util_remember(const char *path)
{
	size_t i;

	for (i = 0; i < util_n; i++)
		if (!strcmp(util_made[i], path))
			return;
	assert_true(util_n < ARRAY_SIZE(util_made));
	snprintf(util_made[util_n++], sizeof(util_made[0]), "%s", path);
}

static inline int util_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(util_dir, sizeof(util_dir), "%s/postern-test-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(util_dir) ? 0 : -1;
}

static inline int util_teardown(void **state)
{
	while (util_n)
		remove(util_made[--util_n]);
	return rmdir(util_dir);
}

/* Gives the path in a buffer that the next 15 calls leave alone. */
static inline const char *util_path(const char *name)
{
	static char buf[16][320];
	static unsigned turn;
	char *p = buf[turn++ % ARRAY_SIZE(buf)];

	snprintf(p, sizeof(buf[0]), "%s/%s", util_dir, name);
	return p;
}

static inline const char *util_file(const char *name, const void *bytes, size_t len)
{
	const char *path = util_path(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	util_remember(path);
	return path;
}

static inline const char *util_text(const char *name, const char *text)
{
	return util_file(name, text, strlen(text));
}

static inline const char *util_folder(const char *name)
{
	const char *path = util_path(name);

	assert_int_equal(mkdir(path, 0755), 0);
	util_remember(path);
	return path;
}

/* What diag_print writes, without the folder of the test; the caller frees. */
static inline char *util_diags(const struct diag_list *d)
{
	char *text = NULL, *p, *kept;
	size_t len, n = strlen(util_dir) + 1;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	diag_print(d, f);
	fclose(f);
	while ((p = strstr(text, util_dir)))
		memmove(p, p + n, strlen(p + n) + 1);
	kept = strdup(text);
	assert_non_null(kept);
	free(text);
	return kept;
}

static inline void util_expect(struct diag_list *d, const char *want)
{
	char *got = util_diags(d);

	assert_string_equal(got, want);
	free(got);
}

/* Of the last util_read. */
static struct arena *util_arena;
static struct diag_list *util_list;

static inline const struct conf *util_read(const char *path, bool written)
{
	const struct conf *c;

	arena_free(util_arena);
	diag_free(util_list);
	util_arena = arena_new((size_t)64 << 20);
	util_list = diag_new();
	c = conf_read(util_arena, path, written, util_list);
	assert_non_null(c);
	return c;
}

static inline const struct conf *util_read_text(const char *text)
{
	return util_read(util_text("postern.conf", text), true);
}

static inline int util_end(void **state)
{
	arena_free(util_arena);
	diag_free(util_list);
	return util_teardown(state);
}

#endif
