/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/jout.h"
#include "cmd/explain.h"

/* The entry that decided, and where it is written; NULL: none did. */
static const struct group *group_of(const struct explanation *x)
{
	const struct catalog *c = x->snapshot->catalog;

	return x->verdict.entry == ENTRY_NONE ? NULL : &c->groups[c->entries[x->verdict.entry].group];
}

/* The role that the name has in the catalogue, for which the reason stands. */
static const char *role_of(const struct explanation *x)
{
	if (x->verdict.entry == ENTRY_NONE)
		return NULL;
	return x->snapshot->catalog->entries[x->verdict.entry].role == ROLE_ALLOW ? "query" : "chain";
}

static bool opens(const struct explanation *x, size_t port)
{
	return x->verdict.attrs.ports[port / 64] >> port % 64 & 1;
}

/* Records, zones that are forwarded and special names may have none. */
static void print_ports(const struct explanation *x)
{
	const struct catalog *c = x->snapshot->catalog;
	const char *before = "ports:     ";
	char port[16];

	for (size_t i = 0; i < c->n_ports; i++) {
		if (!opens(x, i))
			continue;
		printf("%s%s", before, conf_port_text(&c->ports[i], port));
		before = " ";
	}
	if (*before == ' ')
		printf("\n");
}

/* Whether the profile's exports are told of its addresses: of what is answered here without a record none are. */
static bool told(const struct explanation *x)
{
	return x->allowed && x->profile->exports &&
	       (x->verdict.kind == VERDICT_UPSTREAM || x->verdict.kind == VERDICT_RECORD);
}

static bool opens_any(const struct explanation *x)
{
	const uint64_t *bits = x->verdict.attrs.ports;

	return bits[0] | bits[1] | bits[2] | bits[3];
}

static void print_exports(const struct explanation *x)
{
	const struct exports *e = x->snapshot->exports;
	const char *before = "exports:   ";

	if (!told(x))
		return;
	if (!opens_any(x)) {
		printf("exports:   none, as no ports are opened for it\n");
		return;
	}
	for (size_t i = 0; i < e->n; i++) {
		if (!(x->profile->exports >> i & 1))
			continue;
		printf("%s%s", before, e->v[i].name.text);
		before = " ";
	}
	printf("\n");
}

/* What no entry says, the reason does. */
static const char *sentence(const struct explanation *x)
{
	switch (x->reason) {
	case REASON_RECORD:
		return "it has a record in [records]";
	case REASON_FORWARD:
		return "it belongs to a [forward] zone";
	case REASON_SPECIAL:
		return "a special name, answered here and never sent upstream";
	case REASON_UNLISTED:
		return "no entry of the profile's catalogues has it";
	case REASON_CHAIN_ONLY:
		return "it may be led to, but not asked for";
	case REASON_TYPE:
		return "the name may be asked for, but not for this type";
	case REASON_CLIENT:
		return "the client is not among [server] clients";
	case REASON_CHAIN:
		return "its chain leaves the catalogue";
	default:
		return "an entry allows it";
	}
}

static void print_live(const struct explanation *x)
{
	const char *from;
	char text[NAME_TEXT], name[NAME_TEXT], entry[256], addr[ADDR_TEXT];

	from = name_text(&x->name, name);
	for (size_t i = 0; i < x->n_links; i++) {
		const struct chain_target *t = &x->links[i];

		printf("link:      %s -> %s  %s", from, name_text(&t->name, text), t->ok ? "allowed" : "blocked");
		if (t->entry != ENTRY_NONE)
			printf(" by %s", catalog_entry_text(x->snapshot->catalog, t->entry, entry));
		printf("\n");
		from = name_text(&t->name, name);
	}
	for (size_t i = 0; i < x->n_addresses; i++)
		printf("address:   %s\n", addr_text(&x->addresses[i], addr));
	if (x->negative)
		printf("answer:    %s\n", x->negative);
	if (x->filtered)
		printf("filtered:  %s\n", x->filtered);
}

void explain_print_text(const struct explanation *x)
{
	const struct catalog *c = x->snapshot->catalog;
	const struct group *g = group_of(x);
	char text[NAME_TEXT], type[16], entry[256];

	printf("%s %s\n", x->allowed ? "allowed" : "blocked", name_text(&x->name, text));
	printf("type:      %s\n", type_text(x->type, type));
	printf("reason:    %s: %s\n", reason_text(x->reason), sentence(x));
	printf("profile:   %s%s\n", x->profile->name,
	       x->profile->audit ? " (mode = audit: what is blocked is let through and logged)" : "");
	if (g) {
		const struct entry *e = &c->entries[x->verdict.entry];

		printf("entry:     %s (%s)\n", catalog_entry_text(c, x->verdict.entry, entry),
		       e->role == ROLE_ALLOW ? "allow" : "chain");
		printf("at:        %s:%u\n", g->file, e->line);
		printf("catalogue: %s%s%s\n", g->catalog, g->name[0] ? ", group " : "", g->name);
		if (g->purpose && g->purpose[0])
			printf("purpose:   %s\n", g->purpose);
		if (g->source && g->source[0])
			printf("source:    %s\n", g->source);
	}
	if (x->allowed)
		print_ports(x);
	print_exports(x);
	if (x->live)
		print_live(x);
}

static struct jout *ports_json(const struct explanation *x)
{
	const struct catalog *c = x->snapshot->catalog;
	struct jout *all = jout_array();
	char port[16];

	for (size_t i = 0; i < c->n_ports; i++) {
		if (opens(x, i))
			jout_add_text(all, conf_port_text(&c->ports[i], port));
	}
	return all;
}

static struct jout *exports_json(const struct explanation *x)
{
	const struct exports *e = x->snapshot->exports;
	struct jout *all = jout_array();

	for (size_t i = 0; i < e->n; i++) {
		if (opens_any(x) && x->profile->exports >> i & 1)
			jout_add_text(all, e->v[i].name.text);
	}
	return all;
}

static void live_json(const struct explanation *x, struct jout *o)
{
	struct jout *chain = jout_array(), *addresses = jout_array();
	char from[NAME_TEXT], to[NAME_TEXT], entry[256], addr[ADDR_TEXT];

	name_text(&x->name, from);
	for (size_t i = 0; i < x->n_links; i++) {
		const struct chain_target *t = &x->links[i];
		struct jout *link = jout_object();

		jout_set_text(link, "name", from);
		jout_set_text(link, "target", name_text(&t->name, to));
		jout_set_text(link, "verdict", t->ok ? "allowed" : "blocked");
		jout_set_text(link, "entry", t->entry == ENTRY_NONE ? NULL
						  : catalog_entry_text(x->snapshot->catalog, t->entry, entry));
		jout_add(chain, link);
		memcpy(from, to, sizeof(from));
	}
	for (size_t i = 0; i < x->n_addresses; i++)
		jout_add_text(addresses, addr_text(&x->addresses[i], addr));
	jout_set(o, "chain", chain);
	jout_set(o, "addresses", addresses);
}

void explain_print_json(const struct explanation *x)
{
	const struct catalog *c = x->snapshot->catalog;
	const struct group *g = group_of(x);
	struct jout *o = jout_object();
	char text[NAME_TEXT], type[16], entry[256], *out;

	jout_set_text(o, "verdict", x->allowed ? "allowed" : "blocked");
	jout_set_text(o, "reason", reason_text(x->reason));
	jout_set_text(o, "name", name_text(&x->name, text));
	jout_set_text(o, "type", type_text(x->type, type));
	jout_set_text(o, "profile", x->profile->name);
	jout_set_text(o, "role", role_of(x));
	jout_set_text(o, "entry", g ? catalog_entry_text(c, x->verdict.entry, entry) : NULL);
	jout_set_text(o, "catalog", g ? g->catalog : NULL);
	jout_set_text(o, "group", g && g->name[0] ? g->name : NULL);
	jout_set_text(o, "file", g ? g->file : NULL);
	if (g)
		jout_set_number(o, "line", c->entries[x->verdict.entry].line);
	else
		jout_set_text(o, "line", NULL);
	jout_set(o, "ports", x->allowed ? ports_json(x) : jout_array());
	jout_set_text(o, "source", g && g->source && g->source[0] ? g->source : NULL);
	if (told(x))
		jout_set(o, "exports", exports_json(x));
	if (x->live)
		live_json(x, o);
	out = jout_print(o, false);
	if (out)
		puts(out);
	free(out);
}
