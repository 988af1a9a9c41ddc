/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/fold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "policy/fold_internal.h"
#include "policy/fold_label.h"
#include "policy/suffix.h"

#define POSITIONS 16			/* labels looked at, from the left */

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
	const struct fold_entry *a = *(struct fold_entry *const *)pa, *b = *(struct fold_entry *const *)pb;
	int d = strcmp(a->text + a->end, b->text + b->end);

	if (!d)
		d = strcmp(a->shape, b->shape);
	return d ? d : order(a->at - b->at, strcmp(a->text, b->text));
}

static bool neighbours(const struct fold_entry *a, const struct fold_entry *b)
{
	return a->at == b->at && !strcmp(a->shape, b->shape) && !strcmp(a->text + a->end, b->text + b->end) &&
	       !memcmp(a->text, b->text, a->at);
}

static int compare_labels(const struct fold_entry *a, const struct fold_entry *b)
{
	size_t la = (size_t)(a->end - a->at), lb = (size_t)(b->end - b->at);
	int d = memcmp(a->text + a->at, b->text + b->at, MIN(la, lb));

	return order(d, la < lb ? -1 : la > lb);
}

static int by_scheme(const void *pa, const void *pb)
{
	const struct fold_entry *a = *(struct fold_entry *const *)pa, *b = *(struct fold_entry *const *)pb;
	int d = strcmp(a->place, b->place);

	if (!d)
		d = strcmp(a->shape, b->shape);
	return d ? d : compare_labels(a, b);
}

static int by_only(const void *pa, const void *pb)
{
	const struct fold_entry *a = *(struct fold_entry *const *)pa, *b = *(struct fold_entry *const *)pb;

	return order((a->only > b->only) - (a->only < b->only), strcmp(a->text, b->text));
}

/* How many of the run would be there without the one of whom most are. */
static size_t without_one(struct fold_entry **run, size_t n)
{
	size_t most = 0, end;

	qsort(run, n, sizeof(*run), by_only);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && run[end]->only == run[i]->only; end++)
			continue;
		if (run[i]->only != FOLD_SEVERAL)
			most = MAX(most, end - i);
	}
	return n - most;
}

/* All of the run have one registrable domain, which is in `same`, what the pattern leaves as it was. */
static bool pattern_good(const char *text, const char *same, struct fold_entry *const *run, size_t n)
{
	struct pattern p;

	if (strlen(same) < run[0]->domain)
		return false;
	for (size_t i = 1; i < n; i++) {
		if (run[i]->domain != run[0]->domain)
			return false;
	}
	return pattern_parse(&p, text, strlen(text), NULL, 0) == 0 && !pattern_anybody(&p);
}

/* Which parts of the labels of run[n] differ. */
static void mark_differing(struct fold_entry *const *run, size_t n, const struct part *first, unsigned n_parts, bool *differs)
{
	struct part other[PARTS_MAX];

	for (size_t i = 1; i < n; i++) {
		fold_parts(other, run[i]->text + run[i]->at, (size_t)(run[i]->end - run[i]->at));
		for (unsigned k = 0; k < n_parts; k++)
			differs[k] |= first[k].len != other[k].len || memcmp(first[k].text, other[k].text, first[k].len);
	}
}

/* The label that stands for those of the run, stars for what differs (one alone: for all that may); gives how. */
static enum fold_how join_labels(struct fold_entry *const *run, size_t n, char *out, size_t cap)
{
	const struct fold_entry *e = run[0];
	struct part parts[PARTS_MAX];
	unsigned n_parts = fold_parts(parts, e->text + e->at, (size_t)(e->end - e->at));
	bool differs[PARTS_MAX] = { 0 };
	enum fold_how how = FOLD_AS_SEEN;
	size_t to = 0;

	mark_differing(run, n, parts, n_parts, differs);
	for (unsigned k = 0; k < n_parts && to + parts[k].len < cap; k++) {
		if (parts[k].kind == PART_WORD || (n > 1 && !differs[k])) {
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
void fold_take(struct fold_entry *const *run, size_t n, const char *text, enum fold_how how)
{
	struct fold_entry *e = run[0];

	if (text != e->text)
		snprintf(e->text, sizeof(e->text), "%s", text);
	e->how = (uint8_t)MAX(e->how, how);
	for (size_t i = 1; i < n; i++) {
		run[i]->into = e->into;
		e->names += run[i]->names;
		e->how = MAX(e->how, run[i]->how);
		if (e->only != run[i]->only)
			e->only = FOLD_SEVERAL;
	}
}

static bool enough(size_t n, enum fold_how how)
{
	return how != FOLD_AS_SEEN && n >= (how == FOLD_BY_RANDOM ? FOLD_RANDOM : FOLD_NUMBERS);
}

/* All of a registrable domain: that is not opened on the word of one client. */
static bool takes_domain(const char *text, const struct fold_entry *e)
{
	return text[0] == '*' && strlen(text) == e->domain + 2u;
}

/* Entries that are equal but for their label, all of one shape. */
static void join_run(struct fold_entry **run, size_t n)
{
	const struct fold_entry *e = run[0];
	char label[SHAPE_MAX], text[3 * SHAPE_MAX];
	enum fold_how how = join_labels(run, n, label, sizeof(label));

	if (how == FOLD_AS_SEEN || (!e->scheme && !enough(n, how)))
		return;
	snprintf(text, sizeof(text), "%.*s%s%s", (int)e->at, e->text, label, e->text + e->end);
	if (strlen(text) >= sizeof(e->text) || !pattern_good(text, e->text + e->end + 1, run, n))
		return;
	if (takes_domain(text, e) && !enough(without_one(run, n), how))
		return;
	fold_take(run, n, text, how);
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
static void find_place(const struct fold_work *w, struct fold_entry *e)
{
	const char *right = e->text + e->end, *next = strchr(right + 1, '.'), *own = fold_domain_of(e);
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
static bool look_at(const struct fold_work *w, struct fold_entry *e, unsigned position)
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
static void mark_schemes(struct fold_entry **v, size_t n)
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

static void join_position(struct fold_work *w, unsigned position, struct fold_entry **v)
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

void fold_compact(struct fold_work *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++) {
		if (fold_alive(w, w->live[i]))
			w->live[n++] = w->live[i];
	}
	w->n = n;
}

static int by_parent(const void *pa, const void *pb)
{
	const struct fold_entry *a = *(struct fold_entry *const *)pa, *b = *(struct fold_entry *const *)pb;

	return order(strcmp(parent(a->text), parent(b->text)), strcmp(a->text, b->text));
}

/* Names of any look, of which there are too many below one to be there by chance. */
static void join_many(struct fold_work *w)
{
	char text[SHAPE_MAX + 4];
	size_t end;

	qsort(w->live, w->n, sizeof(struct fold_entry *), by_parent);
	for (size_t i = 0; i < w->n; i = end) {
		const char *above = parent(w->live[i]->text);

		for (end = i + 1; end < w->n && !strcmp(above, parent(w->live[end]->text)); end++)
			continue;
		if (end - i < FOLD_MANY || strchr(above, '*') || strlen(above) <= w->live[i]->domain)
			continue;
		snprintf(text, sizeof(text), "*.%s", above);
		if (pattern_good(text, above, w->live + i, end - i) && without_one(w->live + i, end - i) >= FOLD_MANY)
			fold_take(w->live + i, end - i, text, FOLD_BY_MANY);
	}
	fold_compact(w);
}

static int by_text(const void *pa, const void *pb)
{
	const struct fold_entry *a = *(struct fold_entry *const *)pa, *b = *(struct fold_entry *const *)pb;

	return strcmp(a->text, b->text);
}

/* What came of it all. `into` of the living becomes the number of their pattern. */
static int harvest(struct fold *f, const struct fold_work *w, size_t n)
{
	f->v = calloc(w->n + 1, sizeof(*f->v));
	f->of = calloc(n + 1, sizeof(*f->of));
	if (!f->v || !f->of)
		return -ENOMEM;
	qsort(w->live, w->n, sizeof(struct fold_entry *), by_text);
	for (size_t i = 0; i < n; i++) {
		uint32_t e = (uint32_t)i;

		while (w->all[e].into != e)
			e = w->all[e].into;
		f->of[i] = e;
	}
	for (size_t i = 0; i < w->n; i++) {
		const struct fold_entry *e = w->live[i];

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

int fold_names(struct fold *f, const char *const *names, size_t n, const uint32_t *only, bool links)
{
	struct fold_work w = { .n = n, .links = links };
	struct fold_entry **room = calloc(n + 1, sizeof(struct fold_entry *));
	int err = -ENOMEM;

	*f = (struct fold){ 0 };
	w.all = calloc(n + 1, sizeof(*w.all));
	w.live = calloc(n + 1, sizeof(struct fold_entry *));
	if (!w.all || !w.live || !room)
		goto out;
	for (size_t i = 0; i < n; i++) {
		struct fold_entry *e = w.live[i] = &w.all[i];

		snprintf(e->text, sizeof(e->text), "%s", names[i]);
		e->into = (uint32_t)i;
		e->names = 1;
		e->only = only ? only[i] : FOLD_SEVERAL;
		e->domain = (uint8_t)strlen(fold_domain(e->text));
	}
	for (unsigned position = 0; position < POSITIONS; position++) {
		join_position(&w, position, room);
		fold_compact(&w);
	}
	join_many(&w);
	err = fold_cover(&w);
	if (!err)
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
