/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_UNIT_IMPORT_UTIL_H
#define TESTS_UNIT_IMPORT_UTIL_H

/* Runs an import on a text, and holds what comes out against what should. */

#include "conf_util.h"

#include "cmd/import.h"
#include "cmd/import_read.h"

struct result {
	char *out, *err;
	int status;
};

static inline void import(struct result *r, const char *name, const char *file, const char *text, size_t len)
{
	size_t outlen, errlen;
	FILE *in = fmemopen((void *)(uintptr_t)(len ? text : "\n"), len ? len : 1, "r");
	FILE *out = open_memstream(&r->out, &outlen), *err = open_memstream(&r->err, &errlen);

	assert_true(in && out && err && import_find(name));
	r->status = import_stream(import_find(name), file, in, out, err);
	fclose(in);
	fclose(out);
	fclose(err);
}

static inline void import_done(struct result *r)
{
	free(r->out);
	free(r->err);
}

static inline void expect(const char *name, const char *file, const char *text, const char *out, const char *err)
{
	struct result r;

	import(&r, name, file, text, strlen(text));
	assert_string_equal(r.out, out);
	assert_string_equal(r.err, err);
	assert_int_equal(r.status, *err != '\0');
	import_done(&r);
}

/*
 * The groups in short: "AREA: PORTS" with its entries below, " PATTERN ; row N"; of a rejected row only
 * "# row N TEXT". Blanks that align are one.
 */
static inline void import_short(char *to, size_t cap, char *out)
{
	char *save = NULL;
	size_t n = 0;

	*to = '\0';
	for (char *l = strtok_r(out, "\n", &save); l && n < cap; l = strtok_r(NULL, "\n", &save)) {
		char *entry = !strncmp(l, "allow   = ", 10) || !strncmp(l, "          ", 10) ? l + 10 : NULL;
		char *head = strncmp(l, "# ", 2) ? l : l + 2, *colon = strstr(l, " not read: ");
		int width = entry ? (int)strcspn(entry, " ") : 0;

		if (entry)
			n += (size_t)snprintf(to + n, cap - n, " %.*s %s\n", width, entry, strchr(entry, ';'));
		else if (!strncmp(head, "purpose = ", 10))
			n += (size_t)snprintf(to + n, cap - n, "%s:", head + 10);
		else if (!strncmp(head, "ports   = ", 10))
			n += (size_t)snprintf(to + n, cap - n, " %s\n", head + 10);
		else if (colon)
			n += (size_t)snprintf(to + n, cap - n, "%.*s %.*s\n", (int)(colon - l), l,
					      (int)strcspn(colon + 11, " ") - 1, colon + 11);
	}
	assert_true(n < cap);
}

/* `bad`: how many lines are complained of. */
static inline void expect_short(const char *name, const char *text, const char *shown, unsigned bad)
{
	static char got[65536];
	struct result r;
	unsigned n = 0;

	import(&r, name, "page.md", text, strlen(text));
	for (const char *p = r.err; *p; p++)
		n += *p == '\n';
	import_short(got, sizeof(got), r.out);
	if (strcmp(got, shown) || n != bad)
		fail_msg("%s\ngave, with %s\n%s\nexpected\n%s", text, r.err, got, shown);
	assert_int_equal(r.status, bad > 0);
	import_done(&r);
}

#endif
