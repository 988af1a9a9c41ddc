/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/suffix.h"

#include <libpsl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The public suffix list as a text, beside libpsl's compiled one: libpsl says what a name is, and not what lies
 * below a name, which a wildcard would take. Read when first asked for, which serving never does.
 */

#define FILE_NAME "public_suffix_list.dat"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char **rules;			/* by their last letters, so that those of one end stand together */
static size_t n_rules;

/* Compares from the end. */
static int by_end(const char *a, size_t alen, const char *b, size_t blen)
{
	while (alen && blen) {
		int d = (unsigned char)a[--alen] - (unsigned char)b[--blen];

		if (d)
			return d;
	}
	return (alen > 0) - (blen > 0);
}

static int by_rule(const void *va, const void *vb)
{
	const char *a = *(char *const *)va, *b = *(char *const *)vb;

	return by_end(a, strlen(a), b, strlen(b));
}

/* A rule of the line, or NULL: comments, exceptions, and what is not written as A-labels (no pattern takes it). */
static char *rule(char *line)
{
	line[strcspn(line, " \t\r\n")] = '\0';
	if (!*line || *line == '!' || !strncmp(line, "//", 2))
		return NULL;
	for (const char *p = line; *p; p++)
		if ((unsigned char)*p > 0x7e)
			return NULL;
	return strdup(line);
}

static FILE *open_list(void)
{
	const char *compiled = psl_dist_filename(), *slash = compiled ? strrchr(compiled, '/') : NULL;
	char path[4096];

	if (!slash)
		return NULL;
	snprintf(path, sizeof(path), "%.*s/" FILE_NAME, (int)(slash - compiled), compiled);
	return fopen(path, "re");
}

/* Kept for the process's life. Where memory is short the list is shorter: the table of our own is there all the same. */
static void read_list(void)
{
	FILE *in = open_list();
	char *line = NULL, *text, **more;
	size_t cap = 0, room = 0;

	while (in && getline(&line, &cap, in) >= 0) {
		text = rule(line);
		if (!text)
			continue;
		if (n_rules == room) {
			more = reallocarray(rules, room ? room * 2 : 16384, sizeof(*rules));
			if (!more) {
				free(text);
				break;
			}
			rules = more;
			room = room ? room * 2 : 16384;
		}
		rules[n_rules++] = text;
	}
	free(line);
	if (in)
		fclose(in);
	if (n_rules)
		qsort(rules, n_rules, sizeof(*rules), by_rule);
}

static bool ends_in(const char *text, const char *end, size_t len)
{
	size_t tlen = strlen(text);

	return tlen >= len && !memcmp(text + tlen - len, end, len);
}

bool suffix_any(const char *end, bool (*is)(void *ctx, const char *suffix), void *ctx)
{
	size_t len = strlen(end), low = 0, high;

	for (size_t i = 0; i < suffix_table_len; i++)
		if (ends_in(suffix_table[i].name, end, len) && is(ctx, suffix_table[i].name))
			return true;
	pthread_once(&once, read_list);
	for (high = n_rules; low < high;) {
		size_t mid = low + (high - low) / 2;

		if (by_end(rules[mid], strlen(rules[mid]), end, len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < n_rules && ends_in(rules[low], end, len); low++)
		if (is(ctx, rules[low]))
			return true;
	return false;
}
