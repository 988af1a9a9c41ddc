/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "obs/audit.h"

/*
 * A line a record, words between blanks, times in seconds since 1970:
 *
 *	postern-audit 1
 *	since TIME dropped PAIRS
 *	name NAME [more] TYPE:OUTCOMES…		its types, and what came of them, as bits
 *	link NAME				what its answers led to
 *	by CLIENT COUNT FIRST LAST REASONS	as bits
 *	end NAMES PAIRS SUM
 */
#define MAGIC "postern-audit 1"
#define OUTCOMES_ALL (2u << EVENT_UNANSWERED)
#define REASONS_ALL (2u << REASON_FAILED)

/* FNV-1a: against what disks and editors do, not against enemies. */
static uint64_t sum(const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3ull;
	return h;
}

struct print {
	const struct audit *a;
	FILE *out;
	size_t names, pairs;
};

static void print_name(void *ctx, const struct audit_name *n)
{
	struct print *p = ctx;
	char text[NAME_TEXT];
	struct name name;
	size_t off = 0;

	/* one that came to nothing, without memory */
	if (!n->n_types)
		return;
	p->names++;
	audit_name(n, &name);
	fprintf(p->out, "name %s%s", name_text(&name, text), n->more_links ? " more" : "");
	for (unsigned i = 0; i < n->n_types; i++)
		fprintf(p->out, " %u:%u", n->types[i].type, n->types[i].outcomes);
	fputc('\n', p->out);
	while (off < n->links_len && name_read(&name, n->links, n->links_len, &off) == 0)
		fprintf(p->out, "link %s\n", name_text(&name, text));
	for (uint32_t i = n->pairs; i != AUDIT_NONE; i = audit_pair(p->a, i)->older) {
		const struct audit_pair *pair = audit_pair(p->a, i);
		char addr[ADDR_TEXT];

		fprintf(p->out, "by %s %u %u %u %u\n", addr_text(audit_client(p->a, pair), addr), pair->count,
			pair->first, pair->last, pair->reasons);
		p->pairs++;
	}
}

char *audit_text(const struct audit *a, const char *head, size_t *len)
{
	struct print p = { .a = a };
	size_t skip = strlen(head);
	struct audit_usage u;
	char *text = NULL;

	p.out = open_memstream(&text, len);
	if (!p.out)
		return NULL;
	audit_usage(a, &u);
	fprintf(p.out, "%s" MAGIC "\nsince %u dropped %llu\n", head, u.since, (unsigned long long)u.dropped);
	audit_each(a, print_name, &p);
	if (fflush(p.out) == 0)
		fprintf(p.out, "end %zu %zu %016llx\n", p.names, p.pairs,
			(unsigned long long)sum(text + skip, *len - skip));
	if (fclose(p.out) == 0)
		return text;
	free(text);
	return NULL;
}

/* Reading. */

struct parse {
	struct audit *a;
	const char *text, *p, *end;		/* p: behind the line at hand */
	char *line, *words;			/* of it, a copy; what is left of that */
	size_t cap;
	unsigned n;
	const char *why;
	unsigned odd, odd_line;			/* lines left out; the first, and why */
	const char *odd_why;
	bool ended;
	uint32_t names, pairs;			/* lines of these */
	bool named, skip;			/* there was a `name` line; it is left out, with all that is its own */
	struct name name;			/* of it, and what it said: */
	uint32_t of_name;			/* `by` lines */
	bool more, put;				/* put: it is in the record, with its types and links */
	struct audit_type types[AUDIT_TYPES];
	uint8_t n_types;
	uint8_t links[AUDIT_LINKS * NAME_MAX_WIRE];
	size_t links_len;
	unsigned n_links;
};

static bool bad(struct parse *p, const char *why)
{
	p->why = why;
	return false;
}

/* Leaves out the line at hand, and no other. */
static bool odd(struct parse *p, const char *why)
{
	if (!p->odd++) {
		p->odd_line = p->n;
		p->odd_why = why;
	}
	return true;
}

static const char *word(struct parse *p)
{
	char *w = p->words;
	size_t n;

	if (!w)
		return "";
	n = strcspn(w, " ");
	p->words = w[n] ? w + n + 1 : NULL;
	w[n] = '\0';
	return w;
}

/* Digits alone, nothing before or behind. */
static bool number(const char *text, uint64_t max, uint64_t *v)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*v = strtoull(text, &end, 10);
	return !errno && !*end && *v <= max;
}

static bool take_since(struct parse *p)
{
	uint64_t since, dropped;

	if (p->n != 2 || !number(word(p), UINT32_MAX, &since) || strcmp(word(p), "dropped") ||
	    !number(word(p), UINT64_MAX, &dropped) || p->words)
		return bad(p, "'since TIME dropped PAIRS' is expected, and there alone");
	p->a = audit_new((time_t)since);
	if (!p->a)
		return bad(p, "out of memory");
	audit_set_dropped(p->a, dropped);
	return true;
}

static bool take_type(struct parse *p, const char *text)
{
	const char *colon = strchr(text, ':');
	uint64_t type, outcomes;
	char digits[8];

	if (!colon || colon - text >= (int)sizeof(digits) || p->n_types == AUDIT_TYPES)
		return false;
	snprintf(digits, sizeof(digits), "%.*s", (int)(colon - text), text);
	if (!number(digits, UINT16_MAX, &type) || !number(colon + 1, OUTCOMES_ALL - 1, &outcomes) || !outcomes)
		return false;
	p->types[p->n_types++] = (struct audit_type){ (uint16_t)type, (uint8_t)outcomes };
	return true;
}

static bool odd_name(struct parse *p, const char *why)
{
	p->skip = true;
	return odd(p, why);
}

static bool unasked(struct parse *p)
{
	return p->named && !p->skip && !p->of_name;
}

static bool take_name(struct parse *p)
{
	const char *text = word(p);

	if (unasked(p))
		odd(p, "the name before it was asked for by nobody");
	p->named = true;
	p->skip = p->put = false;
	p->names++;
	p->of_name = 0;
	p->links_len = 0;
	p->n_types = 0;
	p->n_links = 0;
	if (name_from_text(&p->name, text, strlen(text)) < 0)
		return odd_name(p, "not a name");
	p->more = p->words && strncmp(p->words, "more ", 5) == 0;
	if (p->more)
		word(p);
	while (p->words) {
		if (!take_type(p, word(p)))
			return odd_name(p, "not a type with what came of it");
	}
	return p->n_types || odd_name(p, "a name without a type");
}

static bool take_link(struct parse *p)
{
	const char *text = word(p);
	struct name link;

	if (p->skip)
		return true;
	if (!p->named || p->of_name || p->n_links == AUDIT_LINKS)
		return odd(p, "a link out of its place");
	if (p->words || name_from_text(&link, text, strlen(text)) < 0)
		return odd(p, "not a name");
	memcpy(p->links + p->links_len, link.wire, link.len);
	p->links_len += link.len;
	p->n_links++;
	return true;
}

/* With the first pair of a name. One that is there already, twice in the text, gets what it lacks. */
static void put_name(struct parse *p, const struct audit_pair *pair, uint32_t i)
{
	pair->name->more_links |= p->more;
	for (unsigned t = 0; t < p->n_types; t++)
		audit_note_type(pair->name, p->types[t].type, p->types[t].outcomes);
	audit_note_links(p->a, pair->name, p->links, p->links_len, i);
	p->put = true;
}

static bool put_pair(struct parse *p, const struct addr *client, const uint64_t *v)
{
	int64_t i = audit_pair_get(p->a, &p->name, client);
	struct audit_pair *pair;

	if (i < 0)
		return bad(p, "out of memory");
	pair = audit_pair_at(p->a, (uint32_t)i);
	if (pair->count)
		return odd(p, "the same client twice");
	pair->count = (uint32_t)v[0];
	pair->first = (uint32_t)v[1];
	pair->last = (uint32_t)v[2];
	pair->reasons = (uint16_t)v[3];
	if (!p->put)
		put_name(p, pair, (uint32_t)i);
	return true;
}

static bool take_by(struct parse *p)
{
	static const uint64_t max[] = { UINT32_MAX, UINT32_MAX, UINT32_MAX, REASONS_ALL - 1 };
	const char *text = word(p);
	uint64_t v[ARRAY_SIZE(max)];
	struct addr client;

	p->pairs++;
	p->of_name++;
	if (p->skip)
		return true;
	if (!p->named)
		return odd(p, "a client out of its place");
	if (addr_parse(&client, text, strlen(text)) < 0 || client.scope)
		return odd(p, "not an address");
	for (size_t i = 0; i < ARRAY_SIZE(max); i++) {
		if (!number(word(p), max[i], &v[i]))
			return odd(p, "not COUNT FIRST LAST REASONS");
	}
	if (p->words || !v[0] || v[1] > v[2] || !v[3])
		return odd(p, "not COUNT FIRST LAST REASONS");
	return put_pair(p, &client, v);
}

static bool take_end(struct parse *p, const char *start)
{
	char want[32];
	uint64_t names, pairs;

	snprintf(want, sizeof(want), "%016llx", (unsigned long long)sum(p->text, (size_t)(start - p->text)));
	if (!number(word(p), UINT32_MAX, &names) || !number(word(p), UINT32_MAX, &pairs) || names != p->names ||
	    pairs != p->pairs || strcmp(word(p), want) || p->words)
		return bad(p, "its sum does not fit what is before it");
	if (p->p != p->end)
		return bad(p, "something stands behind the end");
	if (unasked(p))
		odd(p, "the last name was asked for by nobody");
	p->ended = true;
	return true;
}

/* The line at p->p into p->line; false: there is none, or no whole one. */
static bool next_line(struct parse *p)
{
	const char *eol = p->p < p->end ? memchr(p->p, '\n', (size_t)(p->end - p->p)) : NULL;
	size_t len = eol ? (size_t)(eol - p->p) : 0;

	if (!eol)
		return bad(p, "it is cut off");
	p->n++;
	if (len >= p->cap || memchr(p->p, '\0', len))
		return bad(p, "not a line of an audit record");
	memcpy(p->line, p->p, len);
	p->line[len] = '\0';
	p->words = p->line;
	p->p = eol + 1;
	return true;
}

static bool take_line(struct parse *p)
{
	static const struct { const char *word; bool (*take)(struct parse *p); } lines[] = {
		{ "since", take_since }, { "name", take_name }, { "link", take_link }, { "by", take_by },
	};
	const char *start = p->p, *what;

	if (!next_line(p))
		return false;
	if (p->n == 1)
		return strcmp(p->line, MAGIC) == 0 || bad(p, "not an audit record of this version");
	what = word(p);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (strcmp(what, lines[i].word) == 0)
			return p->a || !i ? lines[i].take(p) : bad(p, "'since' is expected");
	}
	return p->a && strcmp(what, "end") == 0 ? take_end(p, start) : bad(p, "not a line of an audit record");
}

/* What audit_parse says in `why`. */
static void tell(const struct parse *p, char *why, size_t whylen)
{
	if (!p->ended)
		snprintf(why, whylen, "line %u: %s", p->n, p->why);
	else if (p->odd)
		snprintf(why, whylen, "line %u: %s: left out, as %u in all", p->odd_line, p->odd_why, p->odd);
	else if (whylen)
		why[0] = '\0';
}

struct audit *audit_parse(const char *text, size_t len, char *why, size_t whylen)
{
	struct parse *p = calloc(1, sizeof(*p));
	struct audit *a = NULL;
	char line[2 * NAME_TEXT];

	if (!p) {
		snprintf(why, whylen, "out of memory");
		return NULL;
	}
	*p = (struct parse){ .text = text, .p = text, .end = text + len, .line = line, .cap = sizeof(line) };
	while (!p->ended && take_line(p))
		continue;
	tell(p, why, whylen);
	if (p->ended)
		a = p->a;
	else
		audit_free(p->a);
	free(p);
	return a;
}
