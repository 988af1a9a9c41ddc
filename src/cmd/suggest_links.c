/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "cmd/suggest_part.h"

/* An allow entry with stars. All that it takes is of its registrable domain. */
struct wide {
	const char *domain;
	struct pattern p;
};

/* A link, and a name that it was reached from. */
struct lead {
	const char *text;
	uint32_t asked, entry, position;
};

struct leads {
	struct suggest *s;
	struct lead *v;
	size_t n, cap;
	struct wide *wide;			/* by domain */
	size_t n_wide;
	const char **exact;			/* and those without, in order */
	size_t n_exact;
};

static int order(int first, int second)
{
	return first ? first : second;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_string(const void *pa, const void *pb)
{
	return strcmp(*(const char *const *)pa, *(const char *const *)pb);
}

static int by_wide(const void *pa, const void *pb)
{
	const struct wide *a = pa, *b = pb;

	return strcmp(a->domain, b->domain);
}

static int list_allowed(struct leads *l)
{
	const struct suggest *s = l->s;

	l->wide = arena_array(s->arena, s->n + 1, sizeof(*l->wide));
	l->exact = arena_array(s->arena, s->n + 1, sizeof(*l->exact));
	if (!l->wide || !l->exact)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		const char *text = s->v[i].pattern;

		if (s->v[i].fate != FATE_ALLOW)
			continue;
		if (!strchr(text, '*'))
			l->exact[l->n_exact++] = text;
		else if (pattern_parse(&l->wide[l->n_wide].p, text, strlen(text), NULL, 0) == 0)
			l->wide[l->n_wide++].domain = s->v[i].domain;
	}
	/* they move when more are added */
	for (size_t i = 0; i < l->n_exact; i++) {
		l->exact[i] = arena_text(s->arena, l->exact[i], strlen(l->exact[i]));
		if (!l->exact[i])
			return -ENOMEM;
	}
	qsort(l->exact, l->n_exact, sizeof(*l->exact), by_string);
	qsort(l->wide, l->n_wide, sizeof(*l->wide), by_wide);
	return 0;
}

/* Of a domain there are SUGGEST_OF_DOMAIN patterns at most. */
static bool allowed(const struct leads *l, const struct name *link, const char *text)
{
	size_t low = 0, high = l->n_wide;
	const char *domain;

	if (bsearch(&text, l->exact, l->n_exact, sizeof(*l->exact), by_string))
		return true;
	domain = high ? fold_domain(text) : "";
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(l->wide[mid].domain, domain) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < l->n_wide && !strcmp(l->wide[low].domain, domain); low++) {
		if (pattern_match(&l->wide[low].p, link))
			return true;
	}
	return false;
}

/*
 * The link as a pattern; false: there is none. A star in the wire is a character, which only a star takes: well if it
 * is not one that takes what is anybody's.
 */
static bool as_pattern(const struct name *n, char *text)
{
	struct pattern p;
	size_t to = 0;

	for (const uint8_t *w = n->wire; *w; w += *w + 1) {
		if (memchr(w + 1, '.', *w))
			return false;
		if (to)
			text[to++] = '.';
		memcpy(text + to, w + 1, *w);
		to += *w;
	}
	text[to] = '\0';
	return pattern_parse(&p, text, to, NULL, 0) == 0 && !pattern_anybody(&p);
}

static struct lead *grow(struct leads *l)
{
	size_t more = l->cap ? l->cap * 2 : 256;
	struct lead *v;

	if (l->n == l->cap) {
		v = arena_array(l->s->arena, more, sizeof(*v));
		if (!v)
			return NULL;
		if (l->n)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
		l->cap = more;
	}
	return &l->v[l->n++];
}

static int note_odd(struct suggest *s, const struct name *link)
{
	char text[NAME_TEXT];
	const char **v;

	name_text(link, text);
	for (size_t i = 0; i < s->n_odd_links; i++) {
		if (!strcmp(s->odd_links[i], text))
			return 0;
	}
	/* enough to see what they are like */
	if (s->n_odd_links == SUGGEST_SHOWN)
		return 0;
	v = s->odd_links ? s->odd_links : arena_array(s->arena, SUGGEST_SHOWN, sizeof(*v));
	if (!v || !(v[s->n_odd_links] = arena_text(s->arena, text, strlen(text))))
		return -ENOMEM;
	s->odd_links = v;
	s->n_odd_links++;
	return 0;
}

static int take_links(struct leads *l, uint32_t asked)
{
	const struct audit_name *n = l->s->asked[asked].n;
	char text[NAME_MAX_WIRE];
	struct name link;
	struct lead *lead;
	size_t off = 0;

	while (off < n->links_len && name_read(&link, n->links, n->links_len, &off) == 0) {
		if (!link.labels || !suggest_missing(l->s, n, &link))
			continue;
		if (!as_pattern(&link, text)) {
			if (note_odd(l->s, &link) < 0)
				return -ENOMEM;
			continue;
		}
		if (allowed(l, &link, text))
			continue;
		lead = grow(l);
		if (!lead)
			return -ENOMEM;
		*lead = (struct lead){ arena_text(l->s->arena, text, strlen(text)), asked, 0, (uint32_t)off };
		if (!lead->text)
			return -ENOMEM;
	}
	return 0;
}

static int by_link(const void *pa, const void *pb)
{
	const struct lead *a = pa, *b = pb;

	return order(strcmp(a->text, b->text), compare(a->asked, b->asked));
}

static int by_entry(const void *pa, const void *pb)
{
	const struct lead *a = pa, *b = pb;

	return order(compare(a->entry, b->entry), compare(a->asked, b->asked));
}

/* Each link once, as entries; the leads are told theirs. */
static int fold_links(struct leads *l, size_t *cap)
{
	const char **names = arena_array(l->s->arena, l->n + 1, sizeof(*names));
	uint32_t *of = arena_array(l->s->arena, l->n + 1, sizeof(*of));
	uint32_t *only = arena_array(l->s->arena, l->n + 1, sizeof(*only));
	size_t n = 0;
	int err;

	if (!names || !of || !only)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++) {
		uint32_t who = l->s->asked[l->v[i].asked].only;

		if (!i || strcmp(l->v[i].text, l->v[i - 1].text)) {
			only[n] = who;
			names[n++] = l->v[i].text;
		}
		if (only[n - 1] != who)
			only[n - 1] = FOLD_SEVERAL;
		l->v[i].entry = (uint32_t)n - 1;
	}
	err = suggest_fold(l->s, cap, names, only, n, ROLE_CHAIN, of);
	for (size_t i = 0; !err && i < l->n; i++)
		l->v[i].entry = of[l->v[i].entry];
	return err;
}

/* Beside the names that lead there, where these stand together. */
static const char *group_of(const struct suggest *s, const struct suggestion *v, const struct asked *a)
{
	const struct suggestion *from = &s->v[a->entry];
	const char *group = a->fate == FATE_ALLOW && !from->types ? from->group : GROUP_LINKS;

	return !v->group || !strcmp(v->group, group) ? group : GROUP_LINKS;
}

static void sum_up(const struct leads *l)
{
	const struct suggest *s = l->s;

	for (size_t i = 0; i < l->n; i++) {
		struct suggestion *v = &s->v[l->v[i].entry];
		const struct asked *a = &s->asked[l->v[i].asked];

		if (i && !by_entry(&l->v[i - 1], &l->v[i]))
			continue;
		v->group = group_of(s, v, a);
		if (!v->from || a->times > v->times) {
			v->from = a->text;
			v->position = l->v[i].position;
			v->times = a->times;
		}
		v->from_names++;
		v->clients = MAX(v->clients, a->clients);
		v->first = MIN(v->first, a->first);
		v->last = MAX(v->last, a->last);
	}
}

int suggest_links(struct suggest *s, size_t *cap)
{
	struct leads l = { .s = s };
	int err = list_allowed(&l);

	for (size_t i = 0; !err && i < s->n_asked; i++) {
		if (s->asked[i].fate <= FATE_LISTED)
			err = take_links(&l, (uint32_t)i);
	}
	if (err || !l.n)
		return err;
	qsort(l.v, l.n, sizeof(*l.v), by_link);
	err = fold_links(&l, cap);
	if (err)
		return err;
	qsort(l.v, l.n, sizeof(*l.v), by_entry);
	sum_up(&l);
	return 0;
}
