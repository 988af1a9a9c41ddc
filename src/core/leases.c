/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/leases.h"

#include <errno.h>
#include <stdlib.h>

#include "base/jout.h"
#include "dns/name.h"

static const char *export_name(const struct conf *c, uint16_t export)
{
	/* another configuration may be on its way in */
	return export < c->n_exports ? c->exports[export].name.text : "?";
}

static const char *proto_text(uint8_t proto)
{
	if (proto == IPPROTO_TCP)
		return "tcp";
	return proto == IPPROTO_UDP ? "udp" : NULL;
}

/* The next name of the chain. */
static bool chain_next(const struct proto_lease *l, size_t *off, struct name *n)
{
	return *off < l->chain_len && name_read(n, l->chain, l->chain_len, off) == 0;
}

static int print_json(FILE *out, const struct conf *c, const struct proto_lease *l)
{
	struct jout *o = jout_object(), *chain = jout_array();
	char text[NAME_TEXT], *line;
	struct name n;

	jout_set_text(o, "export", export_name(c, l->export));
	jout_set_text(o, "set", l->set);
	jout_set_text(o, "address", addr_text(&l->addr, text));
	jout_set_text(o, "client", l->client.len ? addr_text(&l->client, text) : NULL);
	jout_set_text(o, "proto", proto_text(l->proto));
	if (l->port)
		jout_set_number(o, "port", l->port);
	else
		jout_set_text(o, "port", NULL);
	jout_set_text(o, "name", l->name.len ? name_text(&l->name, text) : NULL);
	for (size_t off = 0; chain_next(l, &off, &n); )
		jout_add_text(chain, name_text(&n, text));
	jout_set(o, "chain", chain);
	jout_set_text(o, "file", l->file[0] ? l->file : NULL);
	if (l->line)
		jout_set_number(o, "line", l->line);
	else
		jout_set_text(o, "line", NULL);
	jout_set_number(o, "seconds", l->seconds);
	line = jout_print(o, true);
	if (!line)
		return -ENOMEM;
	fputs(line, out);
	free(line);
	return 0;
}

/* "tcp/443", "tcp", "443", "*" */
static const char *service_text(const struct proto_lease *l, char *buf, size_t len)
{
	const char *proto = proto_text(l->proto);

	if (proto && l->port)
		snprintf(buf, len, "%s/%u", proto, l->port);
	else if (l->port)
		snprintf(buf, len, "%u", l->port);
	else
		snprintf(buf, len, "%s", proto ? proto : "*");
	return buf;
}

/*
 * As wide as any address of the lease's family: lines are written as they come, and one set's, which holds one family,
 * stand below each other.
 */
static int column(const struct proto_lease *l)
{
	return l->addr.len == 16 ? 39 : 15;
}

static void print_text(FILE *out, const struct conf *c, const struct proto_lease *l)
{
	char text[NAME_TEXT], service[16];
	struct name n;

	fprintf(out, "%8u s  %-*s ", l->seconds, column(l), addr_text(&l->addr, text));
	fprintf(out, " %-*s ", l->client.len ? column(l) : 1, l->client.len ? addr_text(&l->client, text) : "*");
	fprintf(out, " %-8s  %s: %s  ", service_text(l, service, sizeof(service)), export_name(c, l->export), l->set);
	fputs(l->name.len ? name_text(&l->name, text) : "(not known any more)", out);
	for (size_t off = 0; chain_next(l, &off, &n); )
		fprintf(out, " -> %s", name_text(&n, text));
	if (l->file[0])
		fprintf(out, "  %s:%u", l->file, l->line);
	fputc('\n', out);
}

int leases_print(FILE *out, const struct conf *c, const struct proto_lease *l, bool json)
{
	if (json)
		return print_json(out, c, l);
	print_text(out, c, l);
	return 0;
}
