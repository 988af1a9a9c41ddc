/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "cmd/suggest_part.h"

/*
 * Entries that a review should not have to see one by one, and nobody should take without one. A client of ill
 * will chooses what the record says: it must get neither a way out nor a file that nobody reads.
 *
 * Data that leave in names need many of them, different, in long labels, each of use to one client alone.
 * What several clients ask for carries nothing; numbers of mirrors are short.
 */
#define DATA_LONG 16			/* characters under the stars of a pattern, on the average */
#define DATA_LABEL 24			/* of a label of a name that became no pattern */
#define DATA_NAMES 50			/* so long, or in labels so long, of one client */
#define DATA_ENDLESS 40			/* characters: more than a UUID has. Of whomever: */
#define DATA_ENDLESS_NAMES 16
#define DATA_ALL 8192			/* characters of one client, however short each */
#define SCAN_ENTRIES 256		/* of one domain, each for one name that one client asked for now and then */
#define SCAN_TIMES 4
#define SCAN_TYPED 32			/* of one domain, with types of their own */

/* What a name may carry, and for whom. */
struct load {
	uint32_t entry, only, chars;
};

/* The loads of an entry: all, and those of the client that has most. */
struct weight {
	uint32_t names, own;
	uint64_t chars, own_chars;
	uint32_t client;
};

static int order(int first, int second)
{
	return first ? first : second;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

int suggest_by_domain(const void *pa, const void *pb)
{
	const struct suggestion *a = *(struct suggestion *const *)pa, *b = *(struct suggestion *const *)pb;

	return order(strcmp(a->domain, b->domain), strcmp(a->pattern, b->pattern));
}

static uint32_t longest_label(const char *text)
{
	size_t longest = 0;

	for (const char *p = text; *p; p += p[0] == '.') {
		size_t len = strcspn(p, ".");

		longest = MAX(longest, len);
		p += len;
	}
	return (uint32_t)longest;
}

/* Characters of the name that the pattern leaves open; of one that is no pattern a label that is long. */
static uint32_t load_of(const struct suggestion *v, const char *name)
{
	size_t len = strlen(name), fixed = 0;

	if (v->how == FOLD_AS_SEEN) {
		uint32_t label = longest_label(name);

		return label >= DATA_LABEL ? label : 0;
	}
	for (const char *p = v->pattern; *p; p++)
		fixed += *p != '*';
	return len > fixed ? (uint32_t)(len - fixed) : 0;
}

static int by_load(const void *pa, const void *pb)
{
	const struct load *a = pa, *b = pb;

	return order(compare(a->entry, b->entry), compare(a->only, b->only));
}

static void add_run(struct weight *w, const struct load *v, size_t n)
{
	uint64_t chars = 0;

	for (size_t i = 0; i < n; i++)
		chars += v[i].chars;
	w->names += (uint32_t)n;
	w->chars += chars;
	if (v->only == FOLD_SEVERAL || n <= w->own)
		return;
	w->own = (uint32_t)n;
	w->own_chars = chars;
	w->client = v->only;
}

static struct weight *weigh(struct suggest *s)
{
	struct weight *w = arena_array(s->arena, s->n + 1, sizeof(*w));
	struct load *v = arena_array(s->arena, s->n_asked + 1, sizeof(*v));
	size_t n = 0, end;

	if (!w || !v)
		return NULL;
	memset(w, 0, (s->n + 1) * sizeof(*w));
	for (size_t i = 0; i < s->n_asked; i++) {
		const struct asked *a = &s->asked[i];

		if (a->fate == FATE_ALLOW)
			v[n++] = (struct load){ a->entry, a->only, load_of(&s->v[a->entry], a->text) };
	}
	qsort(v, n, sizeof(*v), by_load);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && !by_load(&v[i], &v[end]); end++)
			continue;
		add_run(&w[v[i].entry], v + i, end - i);
	}
	return w;
}

static bool long_names(const struct weight *w)
{
	return w->own && w->own_chars >= (uint64_t)DATA_LONG * w->own && w->own > w->names / 2;
}

static bool carries(const struct suggestion *v, const struct weight *w)
{
	if (v->types || v->how == FOLD_AS_SEEN)
		return false;
	return (w->names >= DATA_ENDLESS_NAMES && w->chars > (uint64_t)DATA_ENDLESS * w->names) ||
	       (long_names(w) && w->own > DATA_NAMES) || (w->own > w->names / 2 && w->own_chars > DATA_ALL);
}

static uint32_t client_of(const struct suggest *s, const struct weight *w, const struct suggestion *v)
{
	return w[v - s->v].client;
}

struct by_client {
	struct suggestion *v;
	uint32_t client, names;
};

static int by_client(const void *pa, const void *pb)
{
	const struct by_client *a = pa, *b = pb;

	return compare(a->client, b->client);
}

/* What is too little in each pattern may be much in all those of the domain: then none of them is to be had. */
static void judge_carried(const struct suggest *s, const struct weight *w, struct suggestion **v, size_t n,
			  struct by_client *room)
{
	size_t m = 0, end;

	for (size_t i = 0; i < n; i++) {
		const struct weight *one = &w[v[i] - s->v];

		if (carries(v[i], one))
			v[i]->fate = FATE_TUNNEL;
		else if (!v[i]->types && long_names(one))
			room[m++] = (struct by_client){ v[i], client_of(s, w, v[i]), one->own };
	}
	qsort(room, m, sizeof(*room), by_client);
	for (size_t i = 0; i < m; i = end) {
		size_t names = 0;

		for (end = i; end < m && room[end].client == room[i].client; end++)
			names += room[end].names;
		for (size_t k = i; k < end && names > DATA_NAMES; k++)
			room[k].v->fate = FATE_TUNNEL;
	}
}

static bool single(const struct suggestion *v)
{
	return v->fate == FATE_ALLOW && v->names == 1 && v->clients == 1 && v->times <= SCAN_TIMES;
}

static void judge_scan(struct suggestion **v, size_t n)
{
	size_t once = 0, typed = 0;

	for (size_t i = 0; i < n; i++) {
		once += single(v[i]);
		typed += v[i]->types;
	}
	for (size_t i = 0; i < n; i++) {
		if ((once > SCAN_ENTRIES && single(v[i])) || (typed > SCAN_TYPED && v[i]->types))
			v[i]->fate = FATE_SCAN;
	}
}

/* Those from `first` on, by domain, or NULL. */
static struct suggestion **sorted(struct suggest *s, size_t first)
{
	struct suggestion **v = arena_array(s->arena, s->n - first + 1, sizeof(struct suggestion *));

	for (size_t i = first; v && i < s->n; i++)
		v[i - first] = &s->v[i];
	if (v)
		qsort(v, s->n - first, sizeof(*v), suggest_by_domain);
	return v;
}

static size_t same_domain(struct suggestion *const *v, size_t i, size_t n)
{
	size_t end = i + 1;

	while (end < n && !strcmp(v[i]->domain, v[end]->domain))
		end++;
	return end;
}

int suggest_weigh(struct suggest *s)
{
	struct suggestion **v = sorted(s, 0);
	struct weight *w = weigh(s);
	struct by_client *room = arena_array(s->arena, s->n + 1, sizeof(*room));

	if (!v || !w || !room)
		return -ENOMEM;
	for (size_t i = 0, end; i < s->n; i = end) {
		end = same_domain(v, i, s->n);
		judge_carried(s, w, v + i, end - i, room);
		judge_scan(v + i, end - i);
	}
	return 0;
}

/* What most clients want comes first: one alone cannot push it out. */
static int by_rank(const void *pa, const void *pb)
{
	const struct suggestion *a = *(struct suggestion *const *)pa, *b = *(struct suggestion *const *)pb;
	int d = order(compare(a->fate, b->fate), order(compare(b->clients, a->clients), compare(b->times, a->times)));

	return order(d, order(compare(b->names, a->names), strcmp(a->pattern, b->pattern)));
}

static bool takes(const struct suggestion *wide, const struct suggestion *narrow)
{
	struct pattern a, b;

	return !narrow->types && strchr(wide->pattern, '*') &&
	       pattern_parse(&a, wide->pattern, strlen(wide->pattern), NULL, 0) == 0 &&
	       pattern_parse(&b, narrow->pattern, strlen(narrow->pattern), NULL, 0) == 0 && pattern_covers(&a, &b);
}

/* Of so many entries not all were compared with each other (fold_names): those that stay are. */
static void join_kept(struct suggest *s, struct suggestion **v, size_t n, uint32_t *into)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n && v[i]->fate == FATE_ALLOW && !v[i]->types; k++) {
			if (k == i || v[k]->fate != FATE_ALLOW || !takes(v[i], v[k]))
				continue;
			v[i]->names += v[k]->names;
			v[i]->from_names += v[k]->from_names;
			v[i]->times += v[k]->times;
			v[i]->clients = MAX(v[i]->clients, v[k]->clients);
			v[i]->first = MIN(v[i]->first, v[k]->first);
			v[i]->last = MAX(v[i]->last, v[k]->last);
			v[k]->names = 0;
			v[k]->fate = FATE_MORE;
			into[v[k] - s->v] = (uint32_t)(v[i] - s->v);
		}
	}
}

static void bound(struct suggest *s, struct suggestion **v, size_t n, uint32_t *into)
{
	size_t live = 0;

	for (size_t i = 0; i < n; i++)
		live += v[i]->fate == FATE_ALLOW;
	if (live <= SUGGEST_OF_DOMAIN)
		return;
	qsort(v, n, sizeof(*v), by_rank);
	for (size_t i = SUGGEST_OF_DOMAIN; i < live; i++)
		v[i]->fate = FATE_MORE;
	join_kept(s, v, SUGGEST_OF_DOMAIN, into);
}

int suggest_bound(struct suggest *s, size_t first)
{
	struct suggestion **v = sorted(s, first);
	uint32_t *into = arena_array(s->arena, s->n + 1, sizeof(*into));

	if (!v || !into)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		into[i] = (uint32_t)i;
	for (size_t i = 0, end; i < s->n - first; i = end) {
		end = same_domain(v, i, s->n - first);
		bound(s, v + i, end - i, into);
	}
	for (size_t i = 0; i < s->n_asked; i++) {
		struct asked *a = &s->asked[i];

		if (a->fate == FATE_ALLOW)
			a->entry = into[a->entry];
	}
	return 0;
}
