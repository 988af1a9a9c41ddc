/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/status.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/jout.h"
#include "base/util.h"
#include "export/sink.h"

static struct status_server *server_row(struct status *s, const char *at, const char *zone)
{
	struct status_server *more;

	for (size_t i = 0; i < s->n_servers; i++) {
		if (strcmp(s->servers[i].at, at) == 0 && strcmp(s->servers[i].zone, zone) == 0)
			return &s->servers[i];
	}
	more = realloc(s->servers, (s->n_servers + 1) * sizeof(*more));
	if (!more)
		return NULL;
	s->servers = more;
	more += s->n_servers++;
	*more = (struct status_server){ 0 };
	strcpy(more->at, at);
	strcpy(more->zone, zone);
	return more;
}

static void gather_server(struct status *s, const struct server *from, const char *zone)
{
	char at[ADDR_TEXT];
	struct status_server *row = server_row(s, endpoint_text(&from->at, at), zone);

	if (!row)
		return;
	row->down += from->down;
	row->sent += from->sent;
	row->answered += from->answered;
	row->failed += from->failed;
	if (from->srtt_us)
		row->srtt_us = from->srtt_us;
}

void status_gather(struct worker *w, struct status *s)
{
	struct rcache_usage u;
	char zone[NAME_TEXT];

	stats_sum(&s->stats, &w->stats);
	rcache_usage(w->cache, &u);
	s->cache.entries += u.entries;
	s->cache.bytes += u.bytes;
	s->cache.limit += u.limit;
	s->queries += queries_count(w->queries);
	for (size_t g = 0; g < w->upstreams->n; g++) {
		const struct server_group *group = &w->upstreams->groups[g];

		zone[0] = '\0';
		if (g)
			name_text(&snapshot_upstream(w->snapshot, (unsigned)g)->zone, zone);
		for (size_t i = 0; i < group->n; i++)
			gather_server(s, group->v[i], zone);
	}
}

void status_add_set(struct status *s, const struct proto_set *set)
{
	struct proto_set *more = realloc(s->sets, (s->n_sets + 1) * sizeof(*more));

	if (!more)
		return;
	s->sets = more;
	more[s->n_sets++] = *set;
}

void status_free(struct status *s)
{
	free(s->servers);
	free(s->sets);
}

static const char *export_name(const struct daemon *d, const struct proto_set *set)
{
	const struct conf *c = d->snapshot->conf;

	return set->export < c->n_exports ? c->exports[set->export].name.text : "?";
}

static const char *breaker_text(uint8_t breaker)
{
	static const char *const text[] = { "closed", "open", "trying" };

	return breaker < ARRAY_SIZE(text) ? text[breaker] : "?";
}

static const char *agent_text(const struct daemon *d, const struct status *s)
{
	if (!liaison_up(d->liaison))
		return "not running: what needs a lease fails";
	return s->agent_err ? "busy, its sets are not known" : "running";
}

/* A socket and a list in JSON have one name for what they take of both families. */
static const char *family_text(const struct status *s, const struct proto_set *set)
{
	for (const struct proto_set *other = s->sets; other < s->sets + s->n_sets; other++) {
		if (other != set && other->export == set->export && !strcmp(other->set, set->set))
			return set->six ? " IPv6" : " IPv4";
	}
	return "";
}

static void print_sets(FILE *f, const struct daemon *d, const struct status *s)
{
	unsigned agents = liaison_agents(d->liaison);

	fprintf(f, "agent: %s, process %d, restarts %u\n", agent_text(d, s), (int)liaison_pid(d->liaison),
		agents ? agents - 1 : 0);
	for (size_t i = 0; i < s->n_sets; i++) {
		const struct proto_set *set = &s->sets[i];

		fprintf(f, "export %s: %s %s%s: %s%s, %llu leases, %llu of others; "
			"%llu added, %llu renewed, %llu deleted, "
			"%llu failed, %llu lost, %llu refilled",
			export_name(d, set), set->kind, set->set, family_text(s, set),
			set->present ? "there" : "not there", set->by_client ? ", by client" : "",
			(unsigned long long)set->leases, (unsigned long long)set->foreign,
			(unsigned long long)set->added, (unsigned long long)set->renewed,
			(unsigned long long)set->deleted, (unsigned long long)set->failed,
			(unsigned long long)set->lost, (unsigned long long)set->refilled);
		if (set->breaker)
			fprintf(f, "; breaker %s", breaker_text(set->breaker));
		if (set->err)
			fprintf(f, "; %u s ago: %s", set->err_age, sink_error(set->err));
		fputc('\n', f);
	}
}

static char *as_text(const struct daemon *d, const struct status *s)
{
	struct audit_usage audit;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	fprintf(f, "postern %s, up %llu s, configuration %s, generation %u, %zu workers\n", POSTERN_VERSION,
		(unsigned long long)((loop_now(d->loop).mono_us - d->started_us) / CLOCK_S), d->path, d->generation,
		d->n_workers);
	fprintf(f, "catalogue: %zu entries, %zu bytes with the configuration\n", d->snapshot->catalog->n_entries,
		arena_size(d->snapshot->arena));
	fprintf(f, "cache: %zu answers, %zu of %zu bytes; learned names: %zu; in flight: %zu; TCP clients: %u\n",
		s->cache.entries, s->cache.bytes, s->cache.limit,
		learned_count(d->shared.learned, loop_now(d->loop).boot_ms), s->queries,
		atomic_load(&d->shared.tcp.open));
	auditor_usage(d->auditor, &audit);
	if (audit.pairs || audit.dropped)
		fprintf(f, "audit record: %zu names of %zu clients, %zu of %zu bytes, %llu gave way\n", audit.names,
			audit.clients, audit.bytes, audit.limit, (unsigned long long)audit.dropped);
	if (d->liaison)
		print_sets(f, d, s);
	for (size_t i = 0; i < s->n_servers; i++) {
		const struct status_server *row = &s->servers[i];

		fprintf(f, "upstream %s%s%s: %s, %u.%03u ms, %llu sent, %llu answered, %llu failed\n", row->at,
			row->zone[0] ? " for " : "", row->zone, row->down ? "down" : "up", row->srtt_us / 1000,
			row->srtt_us % 1000, (unsigned long long)row->sent, (unsigned long long)row->answered,
			(unsigned long long)row->failed);
	}
	for (int i = 0; i < STAT_COUNT; i++)
		fprintf(f, "%-18s %12llu  %s\n", stat_info[i].name, (unsigned long long)s->stats.n[i],
			stat_info[i].help);
	return fclose(f) == 0 ? text : NULL;
}

static struct jout *servers_json(const struct status *s)
{
	struct jout *all = jout_array();

	for (size_t i = 0; i < s->n_servers; i++) {
		const struct status_server *row = &s->servers[i];
		struct jout *o = jout_object();

		jout_set_text(o, "address", row->at);
		jout_set_text(o, "zone", row->zone[0] ? row->zone : NULL);
		jout_set_bool(o, "up", !row->down);
		jout_set_real(o, "ms", row->srtt_us / 1000.0);
		jout_set_number(o, "sent", (int64_t)row->sent);
		jout_set_number(o, "answered", (int64_t)row->answered);
		jout_set_number(o, "failed", (int64_t)row->failed);
		jout_add(all, o);
	}
	return all;
}

static struct jout *agent_json(const struct daemon *d)
{
	struct jout *o = jout_object();
	unsigned agents = liaison_agents(d->liaison);
	pid_t pid = liaison_pid(d->liaison);

	if (pid > 0)
		jout_set_number(o, "pid", pid);
	else
		jout_set_text(o, "pid", NULL);
	jout_set_bool(o, "up", liaison_up(d->liaison));
	jout_set_number(o, "restarts", agents ? agents - 1 : 0);
	return o;
}

static struct jout *set_json(const struct daemon *d, const struct proto_set *set)
{
	struct jout *o = jout_object();

	jout_set_text(o, "export", export_name(d, set));
	jout_set_text(o, "set", set->set);
	jout_set_text(o, "kind", set->kind);
	jout_set_number(o, "family", set->six ? 6 : 4);
	jout_set_bool(o, "present", set->present);
	jout_set_bool(o, "by-client", set->by_client);
	jout_set_number(o, "leases", (int64_t)set->leases);
	jout_set_number(o, "foreign", (int64_t)set->foreign);
	jout_set_number(o, "added", (int64_t)set->added);
	jout_set_number(o, "renewed", (int64_t)set->renewed);
	jout_set_number(o, "deleted", (int64_t)set->deleted);
	jout_set_number(o, "failed", (int64_t)set->failed);
	jout_set_number(o, "lost", (int64_t)set->lost);
	jout_set_number(o, "refilled", (int64_t)set->refilled);
	jout_set_text(o, "breaker", breaker_text(set->breaker));
	jout_set_text(o, "error", set->err ? sink_error(set->err) : NULL);
	if (set->err)
		jout_set_number(o, "error-age", set->err_age);
	else
		jout_set_text(o, "error-age", NULL);
	return o;
}

/* null where they are not known. */
static void set_sets(struct jout *o, const struct daemon *d, const struct status *s)
{
	struct jout *all;

	jout_set(o, "agent", agent_json(d));
	if (s->agent_err) {
		jout_set_text(o, "sets", NULL);
		return;
	}
	all = jout_array();
	for (size_t i = 0; i < s->n_sets; i++)
		jout_add(all, set_json(d, &s->sets[i]));
	jout_set(o, "sets", all);
}

static struct jout *audit_json(const struct daemon *d)
{
	struct jout *o = jout_object();
	struct audit_usage u;

	auditor_usage(d->auditor, &u);
	jout_set_number(o, "names", (int64_t)u.names);
	jout_set_number(o, "pairs", (int64_t)u.pairs);
	jout_set_number(o, "clients", (int64_t)u.clients);
	jout_set_number(o, "bytes", (int64_t)u.bytes);
	jout_set_number(o, "limit", (int64_t)u.limit);
	jout_set_number(o, "dropped", (int64_t)u.dropped);
	return o;
}

static char *as_json(const struct daemon *d, const struct status *s)
{
	struct jout *o = jout_object(), *cache = jout_object(), *counters = jout_object();

	jout_set_text(o, "version", POSTERN_VERSION);
	jout_set_number(o, "uptime", (int64_t)((loop_now(d->loop).mono_us - d->started_us) / CLOCK_S));
	jout_set_text(o, "configuration", d->path);
	jout_set_number(o, "generation", d->generation);
	jout_set_number(o, "entries", (int64_t)d->snapshot->catalog->n_entries);
	jout_set_number(o, "bytes", (int64_t)arena_size(d->snapshot->arena));
	jout_set_number(o, "workers", (int64_t)d->n_workers);
	jout_set_number(cache, "answers", (int64_t)s->cache.entries);
	jout_set_number(cache, "bytes", (int64_t)s->cache.bytes);
	jout_set_number(cache, "limit", (int64_t)s->cache.limit);
	jout_set(o, "cache", cache);
	jout_set_number(o, "learned", (int64_t)learned_count(d->shared.learned, loop_now(d->loop).boot_ms));
	jout_set_number(o, "inflight", (int64_t)s->queries);
	jout_set_number(o, "tcp-clients", atomic_load(&d->shared.tcp.open));
	jout_set(o, "audit", audit_json(d));
	if (d->liaison)
		set_sets(o, d, s);
	jout_set(o, "upstreams", servers_json(s));
	for (int i = 0; i < STAT_COUNT; i++)
		jout_set_number(counters, stat_info[i].name, (int64_t)s->stats.n[i]);
	jout_set(o, "counters", counters);
	return jout_print(o, false);
}

char *status_text(const struct daemon *d, const struct status *s, bool json)
{
	return json ? as_json(d, s) : as_text(d, s);
}
