/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "cmd/suggest.h"

#define BIT(outcome) (1u << (outcome))

bool suggest_counts(const struct suggest *s, const struct audit_pair *p)
{
	return p->last >= s->since && (!s->client || prefix_has(s->client, audit_client(s->audit, p)));
}

/* Calls `each` for the profile of everybody whose asking counts, once where neighbours have the same; false ends it. */
static void each_profile(const struct suggest *s, const struct audit_name *n,
			 bool (*each)(void *ctx, const struct profile *p, const struct name *name), void *ctx)
{
	const struct profile *last = NULL;
	struct name name;

	audit_name(n, &name);
	for (uint32_t i = n->pairs; i != AUDIT_NONE; i = audit_pair(s->audit, i)->older) {
		const struct audit_pair *pair = audit_pair(s->audit, i);
		const struct profile *p;

		if (!suggest_counts(s, pair))
			continue;
		p = snapshot_profile(s->snapshot, audit_client(s->audit, pair));
		if (p != last && !each(ctx, p, &name))
			return;
		last = p;
	}
}

struct judging {
	const struct suggest *s;
	const struct audit_name *n;
	const struct name *link;
	bool blocked, missing;
	bool refused[AUDIT_TYPES];	/* for somebody, even with an entry for the name */
};

static bool judge_profile(void *ctx, const struct profile *p, const struct name *name)
{
	struct judging *j = ctx;
	struct verdict v;

	for (unsigned i = 0; i < j->n->n_types; i++) {
		uint16_t type = j->n->types[i].type;

		decide(j->s->snapshot, p, name, type, &v);
		if (v.kind == VERDICT_BLOCK)
			j->blocked = true;
		/* an entry cannot help where the profile wants no IPv6 */
		if ((v.kind == VERDICT_BLOCK || v.kind == VERDICT_NODATA) &&
		    !decide_type_ok(j->s->snapshot, p, &v.attrs, type) && type != TYPE_AAAA)
			j->refused[i] = true;
	}
	return true;
}

static bool judge_link(void *ctx, const struct profile *p, const struct name *name)
{
	struct judging *j = ctx;
	struct verdict v;
	uint32_t entry;

	decide(j->s->snapshot, p, name, TYPE_A, &v);
	j->missing = !p->trust && !decide_target(j->s->snapshot, p, &v, j->link, &entry);
	return !j->missing;
}

bool suggest_missing(const struct suggest *s, const struct audit_name *n, const struct name *link)
{
	struct judging j = { .s = s, .n = n, .link = link };

	each_profile(s, n, judge_link, &j);
	return j.missing;
}

static bool is_reverse(const char *text)
{
	static const char *const zones[] = { ".in-addr.arpa", ".ip6.arpa" };
	size_t len = strlen(text);

	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		size_t zone = strlen(zones[i]);

		if (len > zone && !strcmp(text + len - zone, zones[i]))
			return true;
	}
	return false;
}

/* What systems look for in every search list, to be told how to reach the network: no entry may answer that. */
static bool is_probe(const char *text)
{
	static const char *const labels[] = { "wpad.", "isatap." };

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		if (!strncmp(text, labels[i], strlen(labels[i])))
			return true;
	}
	return false;
}

static bool is_pattern(const char *text)
{
	struct pattern p;

	return pattern_parse(&p, text, strlen(text), NULL, 0) == 0;
}

static bool writable_type(const struct audit_type *t)
{
	char text[16];

	return t->outcomes & (BIT(EVENT_FOUND) | BIT(EVENT_UNKNOWN)) && strncmp(type_text(t->type, text), "TYPE", 4) &&
	       strcmp(text, "NULL");
}

/* Sorts the types into those that any entry permits, and gives what came of them, and those that need naming. */
static unsigned sort_types(struct asked *a, const struct judging *j)
{
	unsigned outcomes = 0;

	for (unsigned i = 0; i < a->n->n_types; i++) {
		const struct audit_type *t = &a->n->types[i];

		if (!j->refused[i])
			outcomes |= t->outcomes;
		else if (writable_type(t))
			a->types[a->n_types++] = t->type;
		else
			a->other_types = true;
	}
	return outcomes;
}

static enum fate fate_of(const struct asked *a, const struct judging *j, unsigned outcomes)
{
	if (a->n->labels < 2)
		return FATE_LABEL;
	if (is_reverse(a->text))
		return FATE_REVERSE;
	if (is_probe(a->text))
		return FATE_PROBE;
	if (!is_pattern(a->text))
		return FATE_ODD;
	if (a->n_types)
		return FATE_ALLOW;
	if (!j->blocked)
		return FATE_LISTED;
	if (!outcomes)
		return FATE_TYPE;
	if (outcomes & BIT(EVENT_FOUND))
		return FATE_ALLOW;
	if (outcomes & BIT(EVENT_FILTERED))
		return FATE_PRIVATE;
	/* what has a CNAME, or nothing of the type asked, exists all the same */
	if (a->n->n_links || outcomes & BIT(EVENT_NODATA))
		return FATE_ALLOW;
	if (outcomes & BIT(EVENT_NXDOMAIN))
		return FATE_ABSENT;
	return outcomes == BIT(EVENT_UNANSWERED) ? FATE_FAILED : FATE_ALLOW;
}

static bool sum_up(const struct suggest *s, struct asked *a)
{
	a->first = UINT32_MAX;
	for (uint32_t i = a->n->pairs; i != AUDIT_NONE; i = audit_pair(s->audit, i)->older) {
		const struct audit_pair *p = audit_pair(s->audit, i);

		if (!suggest_counts(s, p))
			continue;
		a->times += p->count;
		a->only = a->clients++ ? FOLD_SEVERAL : p->client;
		a->first = MIN(a->first, p->first);
		a->last = MAX(a->last, p->last);
	}
	return a->clients;
}

struct walk {
	struct suggest *s;
	bool starved;
};

static void take_name(void *ctx, const struct audit_name *n)
{
	struct walk *w = ctx;
	struct suggest *s = w->s;
	struct asked *a = &s->asked[s->n_asked];
	struct judging j = { .s = s, .n = n };
	struct name name;
	char text[NAME_TEXT];
	unsigned outcomes;

	*a = (struct asked){ .n = n };
	if (!sum_up(s, a))
		return;
	audit_name(n, &name);
	name_text(&name, text);
	a->text = arena_text(s->arena, text, strlen(text));
	if (!a->text) {
		w->starved = true;
		return;
	}
	each_profile(s, n, judge_profile, &j);
	outcomes = sort_types(a, &j);
	a->fate = fate_of(a, &j, outcomes);
	s->more_links += n->more_links && a->fate <= FATE_LISTED;
	s->first = s->n_asked ? MIN(s->first, a->first) : a->first;
	s->last = MAX(s->last, a->last);
	s->n_asked++;
}

static int by_text(const void *pa, const void *pb)
{
	const struct asked *a = pa, *b = pb;

	return strcmp(a->text, b->text);
}

/* The clients whose asking counts, each once. */
static size_t count_clients(const struct suggest *s, uint8_t *seen)
{
	size_t n = 0;

	for (size_t k = 0; k < s->n_asked; k++) {
		for (uint32_t i = s->asked[k].n->pairs; i != AUDIT_NONE; i = audit_pair(s->audit, i)->older) {
			const struct audit_pair *p = audit_pair(s->audit, i);

			n += suggest_counts(s, p) && !seen[p->client];
			seen[p->client] |= suggest_counts(s, p);
		}
	}
	return n;
}

int suggest_judge(struct suggest *s)
{
	struct walk w = { .s = s };
	struct audit_usage u;
	uint8_t *seen = arena_alloc(s->arena, AUDIT_PAIRS);

	audit_usage(s->audit, &u);
	s->asked = arena_array(s->arena, u.names + 1, sizeof(*s->asked));
	if (!s->asked || !seen)
		return -ENOMEM;
	audit_each(s->audit, take_name, &w);
	if (w.starved)
		return -ENOMEM;
	if (s->n_asked)
		qsort(s->asked, s->n_asked, sizeof(*s->asked), by_text);
	s->clients = count_clients(s, seen);
	return 0;
}
