/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/clock.h"
#include "base/util.h"
#include "cmd/suggest_part.h"

#define COLUMN 48			/* where comments begin, if the pattern leaves room */
#define LINE_LENGTH 100			/* of several patterns */
#define SAMPLE_LENGTH 48

static const char *day(uint32_t when, char *buf)
{
	clock_text((time_t)when, buf);
	buf[10] = '\0';
	return buf;
}

void suggest_days(FILE *out, uint32_t first, uint32_t last)
{
	char a[CLOCK_TEXT], b[CLOCK_TEXT];

	day(first, a);
	day(last, b);
	if (strcmp(a, b))
		fprintf(out, "%s to %s", a, b);
	else
		fprintf(out, "%s", a);
}

const char *suggest_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_clients(const struct suggestion *v, FILE *out)
{
	char text[ADDR_TEXT];

	if (v->clients == 1)
		fprintf(out, "%s%s", v->names > 1 ? "all from " : "", addr_text(&v->client, text));
	else
		fprintf(out, "%u clients", v->clients);
}

/* What an entry stands for, behind it. */
void suggest_evidence(const struct suggestion *v, FILE *out)
{
	if (v->how != FOLD_AS_SEEN)
		fprintf(out, "%u name%s as %.*s%s, ", v->names, suggest_plural(v->names), SAMPLE_LENGTH, v->sample,
			strlen(v->sample) > SAMPLE_LENGTH ? "..." : "");
	if (v->role == ROLE_ALLOW) {
		fprintf(out, "%llu time%s, ", (unsigned long long)v->times, suggest_plural(v->times));
		print_clients(v, out);
	} else {
		fprintf(out, "from %s", v->from);
		if (v->from_names > 1)
			fprintf(out, " and %u more", v->from_names - 1);
	}
	fprintf(out, ", ");
	suggest_days(out, v->first, v->last);
	if (v->role == ROLE_ALLOW && !strncmp(v->pattern, "*.", 2) && !strcmp(v->pattern + 2, v->domain))
		fprintf(out, "; TAKES ALL OF ITS DOMAIN, look twice");
	else if (v->how == FOLD_BY_RANDOM)
		fprintf(out, "; random labels, look twice");
	if (v->how == FOLD_BY_MANY)
		fprintf(out, "; many labels, look twice");
	if (v->pinned)
		fprintf(out, "; exact, for its zone is everybody's");
}

/* How many from the first on stand together: a name's links, or one. */
static size_t together(const struct suggestion *v, size_t n)
{
	size_t end = 1;

	while (end < n && suggest_single_link(&v[0]) && suggest_single_link(&v[end]) && !strcmp(v[0].from, v[end].from))
		end++;
	return end;
}

static void print_patterns(const struct suggestion *v, size_t n, const char *key, FILE *out)
{
	int column = fprintf(out, "%s", key);

	for (size_t i = 0; i < n; i++) {
		if (i && column + strlen(v[i].pattern) > LINE_LENGTH)
			column = fprintf(out, "\n         ") - 1;
		column += fprintf(out, " %s", v[i].pattern);
	}
	fprintf(out, "%*s ; ", column < COLUMN ? COLUMN - column : 0, "");
}

static void print_entries(const struct suggestion *v, size_t n, enum role role, FILE *out)
{
	const char *key = role == ROLE_ALLOW ? "allow   =" : "chain   =";

	for (size_t i = 0, end; i < n; i = end) {
		end = i + together(v + i, n - i);
		if (v[i].role != role || v[i].fate != FATE_ALLOW)
			continue;
		print_patterns(v + i, end - i, key, out);
		suggest_evidence(&v[i], out);
		fputc('\n', out);
		key = "         ";
	}
}

static bool any(const struct suggestion *v, size_t n, enum role role)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].role == role && v[i].fate == FATE_ALLOW)
			return true;
	}
	return false;
}

static void print_purpose(const struct suggestion *v, FILE *out)
{
	fprintf(out, "purpose = ");
	if (v->types)
		fprintf(out, "names that were asked for types which must be named: they can carry data out, look twice\n");
	else if (!strcmp(v->group, GROUP_OTHERS))
		fprintf(out, "names of domains with less than five entries\n");
	else if (!strcmp(v->group, GROUP_LINKS))
		fprintf(out, "what names of several groups, or listed ones, lead to\n");
	else
		fprintf(out, "names of %s\n", v->group);
}

static void print_group(const struct suggest *s, const struct suggestion *v, size_t n, FILE *out)
{
	bool allow = any(v, n, ROLE_ALLOW);
	const char *types = v->types ? suggest_types(s, &s->asked[v->of_asked], "", " ") : NULL;

	if (!allow && !any(v, n, ROLE_CHAIN))
		return;
	fprintf(out, "\n[%s]\n", v->group);
	print_purpose(v, out);
	if (allow)
		fprintf(out, "ports   = tcp/80 tcp/443\n");
	if (types)
		fprintf(out, "types   = %s\n", types);
	if (types && strstr(types, "SRV"))
		fprintf(out, "; an SRV record passes only if the port in it is among these ports\n");
	print_entries(v, n, ROLE_ALLOW, out);
	print_entries(v, n, ROLE_CHAIN, out);
}

static size_t count(const struct suggest *s, enum role role)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->v[i].role == role && s->v[i].fate == FATE_ALLOW;
	return n;
}

size_t suggest_count_fate(const struct suggest *s, enum fate fate)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_asked; i++)
		n += s->asked[i].fate == fate;
	return n;
}

static void print_head(const struct suggest *s, time_t now, FILE *out)
{
	char when[CLOCK_TEXT], prefix[ADDR_TEXT];
	struct audit_usage u;

	audit_usage(s->audit, &u);
	fprintf(out, "; written by postern suggest at %s from what `mode = audit` recorded since %s", clock_text(now, when),
		day(u.since, prefix));
	if (s->client)
		fprintf(out, ",\n; of clients in %s", prefix_text(s->client, prefix));
	if (s->since)
		fprintf(out, ",\n; as far as it was asked for since %s", clock_text(s->since, when));
	fprintf(out, "\n;\n; Names that would have been refused: %zu. Entries for them: %zu, and %zu for what they lead to.\n",
		suggest_count_fate(s, FATE_ALLOW), count(s, ROLE_ALLOW), count(s, ROLE_CHAIN));
	fprintf(out, "; Strike what is not wanted, save it as zones/NAME.ini and add NAME to `catalog =` of the profile. It goes\n"
		"; beside the catalogues that the profile has: what they take is not in it. Days are UTC.\n");
	if (u.dropped)
		fprintf(out, "; The record was full: %llu times a client's name gave way to another, and may be missing here.\n",
			(unsigned long long)u.dropped);
	if (s->more_links)
		fprintf(out, "; Of %zu names more than %d links were seen, and only so many kept.\n", s->more_links, AUDIT_LINKS);
}

static void print_catalog(const struct suggest *s, FILE *out)
{
	fprintf(out, "\n[catalog]\ntitle  = suggested from the audit record\nsource = audit record");
	if (s->n_asked) {
		fprintf(out, " of ");
		suggest_days(out, s->first, s->last);
		fprintf(out, ", %zu client%s", s->clients, suggest_plural(s->clients));
	}
	fputc('\n', out);
}

void suggest_print(const struct suggest *s, time_t now, FILE *out)
{
	size_t end;

	print_head(s, now, out);
	print_catalog(s, out);
	for (size_t i = 0; i < s->n; i = end) {
		for (end = i + 1; end < s->n && !strcmp(s->v[i].group, s->v[end].group); end++)
			continue;
		print_group(s, s->v + i, end - i, out);
	}
	suggest_left(s, out);
}
