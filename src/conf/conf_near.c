/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/util.h"
#include "conf/conf_value.h"

#define NEAR 2
#define LONGEST 64

unsigned conf_distance(const char *a, size_t alen, const char *b, size_t blen, unsigned max)
{
	unsigned row[LONGEST + 1];
	size_t i, j;

	if (alen >= LONGEST || blen >= LONGEST)
		return max + 1;
	for (j = 0; j <= blen; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= alen; i++) {
		unsigned corner = row[0];

		row[0] = (unsigned)i;
		for (j = 1; j <= blen; j++) {
			unsigned keep = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			row[j] = MIN(keep, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return MIN(row[blen], max + 1);
}

const char *conf_near(const char *text, const char *words, size_t *len)
{
	size_t tlen = strlen(text), n;
	const char *best = NULL, *w;
	unsigned least = NEAR + 1;

	for (w = words; *w; w += n + (w[n] == ' ')) {
		unsigned far;

		n = strcspn(w, " ");
		far = conf_distance(text, tlen, w, n, NEAR);
		/* A word that shares no letter is not what was meant. */
		if (far >= least || far >= MIN(n, tlen))
			continue;
		least = far;
		best = w;
		*len = n;
	}
	return best;
}
