/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/fold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "policy/fold_label.h"
#include "policy/suffix.h"

#define POSITIONS 16			/* labels looked at, from the left */
#define SHAPE_MAX 256

/* A pattern in the making. */
struct entry {
	char text[256];
	uint32_t into;			/* the entry that took it, or itself */
	uint32_t names;
	uint8_t how;
	bool scheme;			/* its label is one of a scheme */
	uint8_t at, end;		/* the label at hand */
	char shape[64], place[SHAPE_MAX];
};

struct work {
	struct entry *all;
	struct entry **live;
	size_t n;
	bool links;
};

static int order(int first, int second)
{
	return first ? first : second;
}

static const char *parent(const char *text)
{
	const char *dot = strchr(text, '.');

	return dot ? dot + 1 : "";
}

static unsigned labels_of(const char *text)
{
	unsigned n = *text != '\0';

	for (; *text; text++)
		n += *text == '.';
	return n;
}

const char *fold_domain(const char *text)
{
	char plain[256];
	unsigned skip, n = labels_of(text);

	/* libpsl knows no stars; what stands in their place has none of its rules */
	for (size_t i = 0; i <= strlen(text); i++)
		plain[i] = text[i] == '*' ? '~' : text[i];
	skip = suffix_labels(plain) + 1;
	for (skip = n > skip ? n - skip : 0; skip; skip--)
		text = parent(text);
	return text;
}

/* Same left of the label, same shape, same right of it: side by side. */
static int by_neighbours(const void *pa, const void *pb)
{
	const struct entry *a = *(struct entry *const *)pa, *b = *(struct entry *const *)pb;

	return order(strcmp(a->text + a->end, b->text + b->end),
		     order(strcmp(a->shape, b->shape), order(a->at - b->at, strcmp(a->text, b->text))));
}

static bool neighbours(const struct entry *a, const struct entry *b)
{
	return a->at == b->at && !strcmp(a->shape, b->shape) && !strcmp(a->text + a->end, b->text + b->end) &&
	       !memcmp(a->text, b->text, a->at);
}

static int compare_labels(const struct entry *a, const struct entry *b)
{
	size_t la = (size_t)(a->end - a->at), lb = (size_t)(b->end - b->at);
	int d = memcmp(a->text + a->at, b->text + b->at, MIN(la, lb));

	return order(d, la < lb ? -1 : la > lb);
}

static int by_scheme(const void *pa, const void *pb)
{
	const struct entry *a = *(struct entry *const *)pa, *b = *(struct entry *const *)pb;

	return order(strcmp(a->place, b->place), order(strcmp(a->shape, b->shape), compare_labels(a, b)));
}

static bool pattern_good(const char *text)
{
	struct pattern p;

	return pattern_parse(&p, text, strlen(text), NULL, 0) == 0 && !pattern_anybody(&p);
}

/* The k-th part of the labels of run[n] differs. */
static bool part_differs(struct entry *const *run, size_t n, unsigned k)
{
	struct part first[PARTS_MAX], other[PARTS_MAX];

	fold_parts(first, run[0]->text + run[0]->at, (size_t)(run[0]->end - run[0]->at));
	for (size_t i = 1; i < n; i++) {
		fold_parts(other, run[i]->text + run[i]->at, (size_t)(run[i]->end - run[i]->at));
		if (first[k].len != other[k].len || memcmp(first[k].text, other[k].text, first[k].len))
			return true;
	}
	return false;
}

/* The label that stands for those of the run, stars for what differs (one alone: for all that may); gives how. */
static enum fold_how join_labels(struct entry *const *run, size_t n, char *out, size_t cap)
{
	const struct entry *e = run[0];
	struct part parts[PARTS_MAX];
	unsigned n_parts = fold_parts(parts, e->text + e->at, (size_t)(e->end - e->at));
	enum fold_how how = FOLD_AS_SEEN;
	size_t to = 0;

	for (unsigned k = 0; k < n_parts && to + parts[k].len < cap; k++) {
		if (parts[k].kind == PART_WORD || (n > 1 && !part_differs(run, n, k))) {
			memcpy(out + to, parts[k].text, parts[k].len);
			to += parts[k].len;
			continue;
		}
		how = MAX(how, parts[k].kind == PART_NUMBER ? FOLD_BY_NUMBER : FOLD_BY_RANDOM);
		if (!to || out[to - 1] != '*')
			out[to++] = '*';
	}
	out[to] = '\0';
	return how;
}

/* The first of the run becomes the pattern, and takes the others. */
static void take(struct entry *const *run, size_t n, const char *text, enum fold_how how)
{
	struct entry *e = run[0];

	if (text != e->text)
		snprintf(e->text, sizeof(e->text), "%s", text);
	e->how = (uint8_t)MAX(e->how, how);
	for (size_t i = 1; i < n; i++) {
		run[i]->into = e->into;
		e->names += run[i]->names;
		e->how = MAX(e->how, run[i]->how);
	}
}

static bool enough(const struct entry *e, size_t n, enum fold_how how)
{
	if (how == FOLD_AS_SEEN)
		return false;
	return e->scheme || n >= (how == FOLD_BY_RANDOM ? FOLD_RANDOM : FOLD_NUMBERS);
}

/* Entries that are equal but for their label, all of one shape. */
static void join_run(struct entry *const *run, size_t n)
{
	const struct entry *e = run[0];
	char label[SHAPE_MAX], text[3 * SHAPE_MAX];
	enum fold_how how = join_labels(run, n, label, sizeof(label));

	if (!enough(e, n, how))
		return;
	snprintf(text, sizeof(text), "%.*s%s%s", (int)e->at, e->text, label, e->text + e->end);
	if (strlen(text) < sizeof(e->text) && pattern_good(text))
		take(run, n, text, how);
}

static bool has_word(const char *shape)
{
	for (; *shape; shape++) {
		if (*shape >= 'a' && *shape <= 'z')
			return true;
	}
	return false;
}

/*
 * Where the label stands: the shape of what is right of it, but the registrable domain as it is. Of links,
 * whose maps have names of any kind, what is right of that name.
 */
static void find_place(const struct work *w, struct entry *e)
{
	const char *right = e->text + e->end, *next = strchr(right + 1, '.'), *own = fold_domain(e->text);
	size_t len;

	if (w->links && has_word(e->shape) && next && strchr(next + 1, '.')) {
		snprintf(e->place, sizeof(e->place), "%s", next);
		return;
	}
	len = own > right ? (size_t)(own - right) : 0;
	fold_shape(right, len, e->place);
	len = strlen(e->place);
	snprintf(e->place + len, sizeof(e->place) - len, "%s", own > right ? own : right);
}

/* The label at that position from the left; false: there is none with something right of it. */
static bool look_at(const struct work *w, struct entry *e, unsigned position)
{
	const char *p = e->text, *dot;

	for (; position && (p = strchr(p, '.')); position--)
		p++;
	if (!p || !(dot = strchr(p, '.')))
		return false;
	e->at = (uint8_t)(p - e->text);
	e->end = (uint8_t)(dot - e->text);
	e->scheme = false;
	fold_shape(p, (size_t)(dot - p), e->shape);
	find_place(w, e);
	return true;
}

/* Marks the labels of which enough have the same shape in places of the same shape. */
static void mark_schemes(struct entry **v, size_t n)
{
	size_t end, different;

	qsort(v, n, sizeof(*v), by_scheme);
	for (size_t i = 0; i < n; i = end) {
		different = 1;
		for (end = i + 1; end < n && !strcmp(v[i]->place, v[end]->place) && !strcmp(v[i]->shape, v[end]->shape);
		     end++)
			different += compare_labels(v[end - 1], v[end]) != 0;
		for (size_t k = i; k < end && different >= FOLD_SCHEME && strpbrk(v[i]->shape, "#?"); k++)
			v[k]->scheme = true;
	}
}

static void join_position(struct work *w, unsigned position, struct entry **v)
{
	size_t n = 0, end;

	for (size_t i = 0; i < w->n; i++) {
		if (look_at(w, w->live[i], position))
			v[n++] = w->live[i];
	}
	mark_schemes(v, n);
	qsort(v, n, sizeof(*v), by_neighbours);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && neighbours(v[i], v[end]); end++)
			continue;
		join_run(v + i, end - i);
	}
}

/* Drops from the living what another took. */
static void compact(struct work *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++) {
		if (w->live[i]->into == (uint32_t)(w->live[i] - w->all))
			w->live[n++] = w->live[i];
	}
	w->n = n;
}

static int by_parent(const void *pa, const void *pb)
{
	const struct entry *a = *(struct entry *const *)pa, *b = *(struct entry *const *)pb;

	return order(strcmp(parent(a->text), parent(b->text)), strcmp(a->text, b->text));
}

/* Names of any look, of which there are too many below one to be there by chance. */
static void join_many(struct work *w)
{
	char text[SHAPE_MAX + 4];
	size_t end;

	qsort(w->live, w->n, sizeof(struct entry *), by_parent);
	for (size_t i = 0; i < w->n; i = end) {
		const char *above = parent(w->live[i]->text);

		for (end = i + 1; end < w->n && !strcmp(above, parent(w->live[end]->text)); end++)
			continue;
		if (end - i < FOLD_MANY || strchr(above, '*') || labels_of(above) <= suffix_labels(above) + 1)
			continue;
		snprintf(text, sizeof(text), "*.%s", above);
		if (pattern_good(text))
			take(w->live + i, end - i, text, FOLD_BY_MANY);
	}
	compact(w);
}

static int by_domain(const void *pa, const void *pb)
{
	const struct entry *a = *(struct entry *const *)pa, *b = *(struct entry *const *)pb;

	return order(strcmp(a->text + a->at, b->text + b->at), strcmp(a->text, b->text));
}

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

static bool covers(const struct frame *wide, const struct entry *narrow)
{
	size_t len = strlen(narrow->text);
	struct pattern p;

	if (len < wide->tail || memcmp(narrow->text + len - wide->tail, wide->text + wide->len - wide->tail, wide->tail) ||
	    strncmp(narrow->text, wide->text, wide->head))
		return false;
	return pattern_parse(&p, narrow->text, len, NULL, 0) == 0 && pattern_covers(&wide->p, &p);
}

static void take_covered(struct entry **v, size_t n, struct entry *wide, const struct work *w)
{
	struct frame frame;

	if (!frame_init(&frame, wide->text))
		return;
	for (size_t i = 0; i < n; i++) {
		bool alive = v[i]->into == (uint32_t)(v[i] - w->all);

		if (alive && v[i] != wide && covers(&frame, v[i]))
			take((struct entry *[]){ wide, v[i] }, 2, wide->text, wide->how);
	}
}

/* Only within its registrable domain can one pattern take all that another does. */
static void join_covered(struct work *w)
{
	size_t end;

	for (size_t i = 0; i < w->n; i++)
		w->live[i]->at = (uint8_t)(fold_domain(w->live[i]->text) - w->live[i]->text);
	qsort(w->live, w->n, sizeof(struct entry *), by_domain);
	for (size_t i = 0; i < w->n; i = end) {
		const char *of = w->live[i]->text + w->live[i]->at;

		for (end = i + 1; end < w->n && !strcmp(of, w->live[end]->text + w->live[end]->at); end++)
			continue;
		for (size_t k = i; k < end; k++) {
			if (strchr(w->live[k]->text, '*') && w->live[k]->into == (uint32_t)(w->live[k] - w->all))
				take_covered(w->live + i, end - i, w->live[k], w);
		}
	}
	compact(w);
}

static int by_text(const void *pa, const void *pb)
{
	const struct entry *a = *(struct entry *const *)pa, *b = *(struct entry *const *)pb;

	return strcmp(a->text, b->text);
}

/* What came of it all. `into` of the living becomes the number of their pattern. */
static int harvest(struct fold *f, const struct work *w, size_t n)
{
	f->v = calloc(w->n + 1, sizeof(*f->v));
	f->of = calloc(n + 1, sizeof(*f->of));
	if (!f->v || !f->of)
		return -ENOMEM;
	qsort(w->live, w->n, sizeof(struct entry *), by_text);
	for (size_t i = 0; i < n; i++) {
		uint32_t e = (uint32_t)i;

		while (w->all[e].into != e)
			e = w->all[e].into;
		f->of[i] = e;
	}
	for (size_t i = 0; i < w->n; i++) {
		const struct entry *e = w->live[i];

		snprintf(f->v[i].text, sizeof(f->v[i].text), "%s", e->text);
		f->v[i].names = e->names;
		f->v[i].how = e->how;
		w->all[e - w->all].names = (uint32_t)i;
	}
	for (size_t i = 0; i < n; i++)
		f->of[i] = w->all[f->of[i]].names;
	f->n = w->n;
	return 0;
}

int fold_names(struct fold *f, const char *const *names, size_t n, bool links)
{
	struct work w = { .n = n, .links = links };
	struct entry **room = calloc(n + 1, sizeof(struct entry *));
	int err = -ENOMEM;

	*f = (struct fold){ 0 };
	w.all = calloc(n + 1, sizeof(*w.all));
	w.live = calloc(n + 1, sizeof(struct entry *));
	if (!w.all || !w.live || !room)
		goto out;
	for (size_t i = 0; i < n; i++) {
		struct entry *e = w.live[i] = &w.all[i];

		snprintf(e->text, sizeof(e->text), "%s", names[i]);
		e->into = (uint32_t)i;
		e->names = 1;
	}
	for (unsigned position = 0; position < POSITIONS; position++) {
		join_position(&w, position, room);
		compact(&w);
	}
	join_many(&w);
	join_covered(&w);
	err = harvest(f, &w, n);
	if (err)
		fold_free(f);
out:
	free(w.all);
	free(w.live);
	free(room);
	return err;
}

void fold_free(struct fold *f)
{
	free(f->v);
	free(f->of);
	*f = (struct fold){ 0 };
}
