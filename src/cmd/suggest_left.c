/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/util.h"
#include "cmd/suggest_part.h"

static const struct {
	enum fate fate;
	const char *what;
	bool show;
} left_out[] = {
	{ FATE_ABSENT, "names that do not exist: the answer is the same without an entry", true },
	{ FATE_LABEL, "names of one label: search lists, and probes of browsers", true },
	{ FATE_PROBE, "names that systems look for in their own domain: better not to be found", true },
	{ FATE_REVERSE, "names of reverse zones", true },
	{ FATE_PRIVATE, "names with private addresses alone, which were taken out; `private = yes` lets them pass", true },
	{ FATE_TYPE, "names that were only asked for types which no entry is written for", true },
	{ FATE_ODD, "names for which no pattern can be written", true },
	{ FATE_FAILED, "names that upstream had no answer for", true },
	{ FATE_TUNNEL, "names that look like data carried in them: a tunnel looks like that", false },
	{ FATE_SCAN, "names of domains of which one client asked for hundreds, seldom: a scan or a tunnel looks like that",
	  false },
	{ FATE_MORE, "names of domains with more entries than one can look at, those above being asked for more", false },
	{ FATE_LISTED, "names that the catalogue has, refused for what they lead to or by now allowed", false },
};

static int by_times(const void *pa, const void *pb)
{
	const struct asked *a = *(struct asked *const *)pa, *b = *(struct asked *const *)pb;

	if (a->times != b->times)
		return a->times < b->times ? 1 : -1;
	return strcmp(a->text, b->text);
}

/* The most asked for of those with this fate. */
static void print_fate(const struct suggest *s, enum fate fate, FILE *out)
{
	const struct asked **v = arena_array(s->arena, s->n_asked + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < s->n_asked; i++) {
		if (s->asked[i].fate == fate)
			v[n++] = &s->asked[i];
	}
	if (n)
		qsort(v, n, sizeof(*v), by_times);
	for (size_t i = 0; i < n && i < SUGGEST_SHOWN; i++)
		fprintf(out, ";     %s  %llu time%s, %u client%s\n", v[i]->text, (unsigned long long)v[i]->times,
			suggest_plural(v[i]->times), v[i]->clients, suggest_plural(v[i]->clients));
	if (n > SUGGEST_SHOWN)
		fprintf(out, ";     and %zu more\n", n - SUGGEST_SHOWN);
}

/* What is not written of a domain. */
struct rest {
	const struct suggestion *most;		/* the pattern that stands for most names */
	size_t entries, names;
	uint64_t times;
	uint32_t first, last;
	bool one;				/* all from one client */
};

static int by_names(const void *pa, const void *pb)
{
	const struct rest *a = pa, *b = pb;

	if (a->names != b->names)
		return a->names < b->names ? 1 : -1;
	return strcmp(a->most->domain, b->most->domain);
}

static void add_rest(struct rest *r, const struct suggestion *v)
{
	if (!r->most)
		*r = (struct rest){ .most = v, .first = v->first, .one = true };
	r->one &= v->only != FOLD_SEVERAL && v->only == r->most->only;
	r->most = v->names > r->most->names ? v : r->most;
	r->entries++;
	r->names += v->names;
	r->times += v->times;
	r->first = MIN(r->first, v->first);
	r->last = MAX(r->last, v->last);
}

/* Those of that role and fate, a rest for each domain, the largest first; NULL: there is none. */
static struct rest *sum_up(const struct suggest *s, enum fate fate, enum role role, size_t *n_rest)
{
	const struct suggestion **v = arena_array(s->arena, s->n + 1, sizeof(*v));
	struct rest *r = arena_array(s->arena, s->n + 1, sizeof(*r));
	size_t n = 0, to = 0;

	for (size_t i = 0; v && i < s->n; i++) {
		if (s->v[i].fate == fate && s->v[i].role == role && s->v[i].names)
			v[n++] = &s->v[i];
	}
	if (!v || !r || !n)
		return NULL;
	memset(r, 0, (n + 1) * sizeof(*r));
	qsort(v, n, sizeof(*v), suggest_by_domain);
	for (size_t i = 0; i < n; i++) {
		to += i && strcmp(v[i]->domain, v[i - 1]->domain);
		add_rest(&r[to], v[i]);
	}
	*n_rest = to + 1;
	qsort(r, *n_rest, sizeof(*r), by_names);
	return r;
}

static void print_rest(const struct rest *r, FILE *out)
{
	char text[ADDR_TEXT];

	fprintf(out, ";     ");
	if (r->entries == 1) {
		fprintf(out, "%s  ", r->most->pattern);
		suggest_evidence(r->most, out);
		fputc('\n', out);
		return;
	}
	fprintf(out, "%s: %zu names, %zu patterns as %s", r->most->domain, r->names, r->entries, r->most->pattern);
	if (r->most->role == ROLE_ALLOW) {
		fprintf(out, ", %llu time%s, ", (unsigned long long)r->times, suggest_plural(r->times));
		if (r->one)
			fprintf(out, "all from %s", addr_text(&r->most->client, text));
		else
			fprintf(out, "several clients");
	}
	fprintf(out, ", ");
	suggest_days(out, r->first, r->last);
	fputc('\n', out);
}

/* For somebody who wants them all the same: a line a domain. */
static void print_domains(const struct suggest *s, enum fate fate, enum role role, const char *head, FILE *out)
{
	size_t n = 0;
	const struct rest *r = sum_up(s, fate, role, &n);

	if (r)
		fprintf(out, "%s", head);
	for (size_t i = 0; i < n && i < SUGGEST_SHOWN; i++)
		print_rest(&r[i], out);
	if (n > SUGGEST_SHOWN)
		fprintf(out, ";     and of %zu domains more\n", n - SUGGEST_SHOWN);
}

static void print_other_types(const struct suggest *s, FILE *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_asked; i++)
		n += s->asked[i].other_types && s->asked[i].fate == FATE_ALLOW;
	if (n)
		fprintf(out, ";   %zu of the names above were also asked for types that no entry is written for: types without\n"
			";   an answer, or without a name\n", n);
}

void suggest_left(const struct suggest *s, FILE *out)
{
	bool head = false;

	for (size_t i = 0; i < ARRAY_SIZE(left_out); i++) {
		size_t n = suggest_count_fate(s, left_out[i].fate);

		if (!n)
			continue;
		fprintf(out, "%s;   %s (%zu)\n", head ? "" : "\n; Left out:\n", left_out[i].what, n);
		head = true;
		if (left_out[i].show)
			print_fate(s, left_out[i].fate, out);
		else if (left_out[i].fate != FATE_LISTED)
			print_domains(s, left_out[i].fate, ROLE_ALLOW, "", out);
	}
	print_domains(s, FATE_MORE, ROLE_CHAIN, "\n; Led to, and left out, so that what leads there stays refused: names of domains with more of them\n"
		      "; than one can look at\n", out);
	if (s->n_odd_links)
		fprintf(out, "\n; Names were led to for which no pattern can be written, or none that is not everybody's; what leads\n"
			"; there stays refused:\n");
	for (size_t i = 0; i < s->n_odd_links; i++)
		fprintf(out, ";     %s\n", s->odd_links[i]);
	print_other_types(s, out);
}
