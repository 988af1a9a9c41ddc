/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/suffix.h"

#include <libpsl.h>
#include <pthread.h>
#include <string.h>

#include "base/util.h"

static const psl_ctx_t *psl;

/* Kept for the process's life: the list is read once. */
static void psl_open(void)
{
	psl = psl_latest(NULL);
	if (!psl)
		psl = psl_builtin();
}

static unsigned count_labels(const char *text)
{
	unsigned n = *text != '\0';

	for (; *text; text++)
		n += *text == '.';
	return n;
}

/* The label that ends at `end` of text begins there. */
static const char *label(const char *text, const char *end)
{
	while (end > text && end[-1] != '.')
		end--;
	return end;
}

/*
 * Labels of the suffix that the row gives the name, 0 for none. A star of the row stands for a label; where it is
 * the first and the name ends before it, what is left of the row is the suffix.
 */
static unsigned row_labels(const char *row, const char *text, size_t len)
{
	const char *r = row + strlen(row), *t = text + len, *rl, *tl;

	for (unsigned n = 1;; n++) {
		rl = label(row, r);
		tl = label(text, t);
		if (*rl != '*' && (r - rl != t - tl || memcmp(rl, tl, (size_t)(r - rl)) != 0))
			return 0;
		if (rl == row)
			return n;
		if (tl == text)
			return rl == row + 2 && *row == '*' ? n : 0;
		r = rl - 1;
		t = tl - 1;
	}
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

unsigned suffix_labels(const char *text)
{
	const char *listed = NULL;
	size_t len = strlen(text);
	unsigned labels;

	pthread_once(&once, psl_open);
	if (psl)
		listed = psl_unregistrable_domain(psl, text);
	/* Without a list each top-level domain is taken for a suffix, as the list itself does with what it does not name. */
	labels = listed ? count_labels(listed) : 1;
	for (size_t i = 0; i < suffix_table_len; i++)
		labels = MAX(labels, row_labels(suffix_table[i].name, text, len));
	return labels;
}

bool suffix_top_level(const char *label)
{
	pthread_once(&once, psl_open);
	return !psl || psl_is_public_suffix2(psl, label, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE);
}
