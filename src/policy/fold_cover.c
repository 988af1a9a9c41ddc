/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "policy/fold_internal.h"

/*
 * Which patterns take what others do. Only within a registrable domain can that be. Who fills the record
 * chooses the names, and no index is good for all patterns: there are so many comparisons and no more.
 */
#define COMPARISONS (1u << 20)		/* of one domain: all of about a thousand entries */
#define WIDE_MIN 16

/* What an entry is compared by, made once: the name that stands for all it takes. */
struct narrow {
	struct fold_entry *e;
	struct name sample;
	size_t len;
};

/* What a pattern asks of all that it takes: how it begins and ends, as far as no star is near. */
struct frame {
	struct pattern p;
	const char *text;
	size_t len, head, tail;
};

static bool frame_init(struct frame *f, const char *text)
{
	const char *star = strrchr(text, '*');

	f->text = text;
	f->len = strlen(text);
	f->head = strcspn(text, "*");
	f->tail = star ? strlen(star + 1) : f->len;
	return pattern_parse(&f->p, text, f->len, NULL, 0) == 0;
}

static bool narrow_init(struct narrow *n, struct fold_entry *e)
{
	struct pattern p;

	n->e = e;
	n->len = strlen(e->text);
	return pattern_parse(&p, e->text, n->len, NULL, 0) == 0 && pattern_sample(&n->sample, p.wire, false);
}

static bool covers(const struct frame *wide, const struct narrow *narrow)
{
	const char *text = narrow->e->text;

	return narrow->len >= wide->tail &&
	       !memcmp(text + narrow->len - wide->tail, wide->text + wide->len - wide->tail, wide->tail) &&
	       !strncmp(text, wide->text, wide->head) && pattern_match(&wide->p, &narrow->sample);
}

static void take_covered(const struct fold_work *w, struct narrow *v, size_t n, struct fold_entry *wide)
{
	struct frame frame;

	if (!frame_init(&frame, wide->text))
		return;
	for (size_t i = 0; i < n; i++) {
		struct fold_entry *e = v[i].e;

		if (e != wide && fold_alive(w, e) && covers(&frame, &v[i]))
			fold_take((struct fold_entry *[]){ wide, e }, 2, wide->text, wide->how);
	}
}

/* Stars before none, those that stand for most names first. */
static int by_width(const void *pa, const void *pb)
{
	const struct fold_entry *a = *(struct fold_entry *const *)pa, *b = *(struct fold_entry *const *)pb;
	bool sa = strchr(a->text, '*'), sb = strchr(b->text, '*');

	if (sa != sb)
		return sa ? -1 : 1;
	if (a->names != b->names)
		return a->names > b->names ? -1 : 1;
	return strcmp(a->text, b->text);
}

static void cover_domain(const struct fold_work *w, struct fold_entry **v, size_t n, struct narrow *room)
{
	size_t limit = MAX(COMPARISONS / n, WIDE_MIN), known = 0;

	qsort(v, n, sizeof(*v), by_width);
	if (!strchr(v[0]->text, '*'))
		return;
	for (size_t i = 0; i < n; i++)
		known += narrow_init(&room[known], v[i]);
	for (size_t i = 0; i < n && i < limit && strchr(v[i]->text, '*'); i++) {
		if (fold_alive(w, v[i]))
			take_covered(w, room, known, v[i]);
	}
}

static int by_domain(const void *pa, const void *pb)
{
	const struct fold_entry *a = *(struct fold_entry *const *)pa, *b = *(struct fold_entry *const *)pb;
	int d = strcmp(fold_domain_of(a), fold_domain_of(b));

	return d ? d : strcmp(a->text, b->text);
}

int fold_cover(struct fold_work *w)
{
	struct narrow *room = calloc(w->n + 1, sizeof(*room));
	size_t end;

	if (!room)
		return -ENOMEM;
	qsort(w->live, w->n, sizeof(*w->live), by_domain);
	for (size_t i = 0; i < w->n; i = end) {
		const char *of = fold_domain_of(w->live[i]);

		for (end = i + 1; end < w->n && !strcmp(of, fold_domain_of(w->live[end])); end++)
			continue;
		if (end - i > 1)
			cover_domain(w, w->live + i, end - i, room);
	}
	fold_compact(w);
	free(room);
	return 0;
}
