/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "cmd/suggest_part.h"

#define GROUP_MIN 5			/* entries of one domain that make a group of their own */

static int order(int first, int second)
{
	return first ? first : second;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* One more entry; NULL without memory. Those before it may move. */
static struct suggestion *add(struct suggest *s, size_t *cap, const char *pattern, enum role role)
{
	const char *domain = fold_domain(pattern);
	struct suggestion *v;
	size_t more = *cap ? *cap * 2 : 64;

	if (s->n == *cap) {
		v = arena_array(s->arena, more, sizeof(*v));
		if (!v)
			return NULL;
		if (s->n)
			memcpy(v, s->v, s->n * sizeof(*v));
		s->v = v;
		*cap = more;
	}
	v = &s->v[s->n++];
	*v = (struct suggestion){ .role = role, .first = UINT32_MAX };
	snprintf(v->pattern, sizeof(v->pattern), "%s", pattern);
	v->domain = arena_text(s->arena, domain, strlen(domain));
	return v->domain ? v : NULL;
}

/* A number that stands right on what is everybody's: it may be another tomorrow, and no star may say so. */
static bool pinned(const struct suggestion *v)
{
	char shape[256];

	if (v->how != FOLD_AS_SEEN || strcmp(v->domain, v->pattern))
		return false;
	fold_shape(v->pattern, strcspn(v->pattern, "."), shape);
	return strpbrk(shape, "#?");
}

/* One entry for each pattern that the names become; names[i] is the text of which[i]. */
int suggest_fold(struct suggest *s, size_t *cap, const char *const *names, const uint32_t *only, size_t n, enum role role,
		 uint32_t *of)
{
	size_t first = s->n;
	struct fold f;
	int err = fold_names(&f, names, n, only, role == ROLE_CHAIN);

	for (size_t i = 0; !err && i < f.n; i++) {
		struct suggestion *v = add(s, cap, f.v[i].text, role);

		if (!v) {
			err = -ENOMEM;
			break;
		}
		v->names = f.v[i].names;
		v->how = f.v[i].how;
		v->pinned = pinned(v);
	}
	for (size_t i = 0; !err && i < n; i++) {
		of[i] = (uint32_t)first + f.of[i];
		if (!s->v[of[i]].sample)
			s->v[of[i]].sample = names[i];
	}
	fold_free(&f);
	return err;
}

static int fold_asked(struct suggest *s, size_t *cap)
{
	const char **names = arena_array(s->arena, s->n_asked + 1, sizeof(*names));
	uint32_t *which = arena_array(s->arena, s->n_asked + 1, sizeof(*which));
	uint32_t *of = arena_array(s->arena, s->n_asked + 1, sizeof(*of));
	uint32_t *only = arena_array(s->arena, s->n_asked + 1, sizeof(*only));
	size_t n = 0;
	int err;

	if (!names || !which || !of || !only)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_asked; i++) {
		if (s->asked[i].fate != FATE_ALLOW || s->asked[i].n_types)
			continue;
		names[n] = s->asked[i].text;
		only[n] = s->asked[i].only;
		which[n++] = (uint32_t)i;
	}
	err = suggest_fold(s, cap, names, only, n, ROLE_ALLOW, of);
	for (size_t i = 0; !err && i < n; i++)
		s->asked[which[i]].entry = of[i];
	for (size_t i = 0; !err && i < s->n_asked; i++) {
		struct asked *a = &s->asked[i];
		struct suggestion *v;

		if (a->fate != FATE_ALLOW || !a->n_types)
			continue;
		v = add(s, cap, a->text, ROLE_ALLOW);
		if (!v)
			return -ENOMEM;
		v->sample = a->text;
		v->names = 1;
		v->types = true;
		v->of_asked = (uint32_t)i;
		a->entry = (uint32_t)(v - s->v);
	}
	return err;
}

/* Who asked for what an entry takes. */
struct use {
	uint32_t entry, client;
};

static int by_use(const void *pa, const void *pb)
{
	const struct use *a = pa, *b = pb;

	return order(compare(a->entry, b->entry), compare(a->client, b->client));
}

static int sum_up(struct suggest *s)
{
	struct audit_usage u;
	struct use *uses;
	size_t n = 0;

	audit_usage(s->audit, &u);
	uses = arena_array(s->arena, u.pairs + 1, sizeof(*uses));
	if (!uses)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_asked; i++) {
		const struct asked *a = &s->asked[i];
		struct suggestion *v;

		if (a->fate != FATE_ALLOW)
			continue;
		v = &s->v[a->entry];
		v->times += a->times;
		v->first = MIN(v->first, a->first);
		v->last = MAX(v->last, a->last);
		for (uint32_t k = a->n->pairs; k != AUDIT_NONE; k = audit_pair(s->audit, k)->older) {
			const struct audit_pair *p = audit_pair(s->audit, k);

			if (!suggest_counts(s, p))
				continue;
			uses[n++] = (struct use){ a->entry, p->client };
			v->client = *audit_client(s->audit, p);
		}
	}
	qsort(uses, n, sizeof(*uses), by_use);
	for (size_t i = 0; i < n; i++) {
		struct suggestion *v = &s->v[uses[i].entry];

		if (!i || by_use(&uses[i - 1], &uses[i]))
			v->only = v->clients++ ? FOLD_SEVERAL : uses[i].client;
	}
	return 0;
}

static bool own_group(struct suggestion **v, size_t n)
{
	size_t entries = 0;

	for (size_t i = 0; i < n; i++)
		entries += v[i]->fate == FATE_ALLOW && !v[i]->types;
	return entries >= GROUP_MIN && catfile_name_ok(v[0]->domain) && strcmp(v[0]->domain, "catalog");
}

/* The types that a's group names, as part of its name and for `types =`; NULL without memory. */
const char *suggest_types(const struct suggest *s, const struct asked *a, const char *before, const char *between)
{
	const char *text = before;
	char one[16];

	for (unsigned i = 0; text && i < a->n_types; i++)
		text = arena_printf(s->arena, "%s%s%s", text, i ? between : "", type_text(a->types[i], one));
	return text;
}

static const char *group_of_types(struct suggest *s, const struct suggestion *v)
{
	const char *name = suggest_types(s, &s->asked[v->of_asked], "types-", "-");

	return !name || catfile_name_ok(name) ? name : arena_printf(s->arena, "types-%u", v->of_asked);
}

static int group_asked(struct suggest *s)
{
	struct suggestion **v = arena_array(s->arena, s->n + 1, sizeof(struct suggestion *));
	size_t end;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		v[i] = &s->v[i];
	qsort(v, s->n, sizeof(*v), suggest_by_domain);
	for (size_t i = 0; i < s->n; i = end) {
		bool own;

		for (end = i + 1; end < s->n && !strcmp(v[i]->domain, v[end]->domain); end++)
			continue;
		own = own_group(v + i, end - i);
		for (size_t k = i; k < end; k++) {
			v[k]->group = v[k]->types ? group_of_types(s, v[k]) : own ? v[k]->domain : GROUP_OTHERS;
			if (!v[k]->group)
				return -ENOMEM;
		}
	}
	return 0;
}

static unsigned rank(const struct suggestion *v)
{
	if (!strcmp(v->group, GROUP_OTHERS))
		return 1;
	if (!strcmp(v->group, GROUP_LINKS))
		return 2;
	return v->types ? 3 : 0;
}

bool suggest_single_link(const struct suggestion *v)
{
	return v->role == ROLE_CHAIN && v->from_names == 1 && v->how == FOLD_AS_SEEN;
}

static int by_place(const void *pa, const void *pb)
{
	const struct suggestion *a = pa, *b = pb;
	int place = order(compare(rank(a), rank(b)), order(strcmp(a->group, b->group), compare(a->role, b->role)));

	place = order(place, compare(suggest_single_link(b), suggest_single_link(a)));
	if (!place && suggest_single_link(a))
		return order(strcmp(a->from, b->from), compare(a->position, b->position));
	return order(place, order(strcmp(a->domain, b->domain), strcmp(a->pattern, b->pattern)));
}

int suggest_entries(struct suggest *s)
{
	size_t cap = 0, links;
	int err = fold_asked(s, &cap);

	if (!err)
		err = sum_up(s);
	if (!err)
		err = suggest_weigh(s);
	if (!err)
		err = suggest_bound(s, 0);
	if (!err)
		err = group_asked(s);
	for (size_t i = 0; !err && i < s->n_asked; i++) {
		if (s->asked[i].fate == FATE_ALLOW)
			s->asked[i].fate = s->v[s->asked[i].entry].fate;
	}
	links = s->n;
	if (!err)
		err = suggest_links(s, &cap);
	if (!err)
		err = suggest_bound(s, links);
	if (!err && s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_place);
	return err;
}
