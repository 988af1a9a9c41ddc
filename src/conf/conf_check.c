/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* ::ffff:1.2.3.4 reaches what 1.2.3.4 reaches. */
static struct addr plain(const struct addr *a)
{
	return a->len == 16 && !memcmp(a->b, mapped, 12) ? addr_v4(a->b + 12) : *a;
}

static bool unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return !memcmp(a->b, zero, a->len);
}

static bool loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->len == 4 ? a->b[0] == 127 : !memcmp(a->b, one, 16);
}

static bool multicast(const struct addr *a)
{
	return a->len == 4 ? a->b[0] >= 224 && (a->b[0] < 240 || a->b[0] == 255) : a->b[0] == 0xff;
}

/* As far as can be known without asking the machine which addresses are its own. */
static bool reaches(const struct endpoint *listen, const struct endpoint *to)
{
	struct addr l = plain(&listen->addr), t = plain(&to->addr);

	if (listen->port != to->port || l.len != t.len)
		return false;
	return addr_equal(&l, &t) || (unspecified(&l) && loopback(&t));
}

static void check_listen(struct conf_in *in, const struct conf_endpoints *listen)
{
	char buf[ADDR_TEXT];
	size_t i, k;

	for (i = 0; i < listen->n; i++) {
		const struct conf_endpoint *e = &listen->v[i];

		if (multicast(&e->at.addr))
			diag_error(in->d, in->file, e->line, "listen = '%s': not an address of a machine",
				   endpoint_text(&e->at, buf));
		for (k = 0; k < i; k++) {
			if (!endpoint_equal(&e->at, &listen->v[k].at))
				continue;
			diag_error(in->d, in->file, e->line, "listen = '%s' again: first on line %u",
				   endpoint_text(&e->at, buf), listen->v[k].line);
			break;
		}
	}
}

static void check_address(struct conf_in *in, const struct conf *c, const struct conf_endpoint *e)
{
	struct addr a = plain(&e->at.addr);
	char buf[ADDR_TEXT], own[ADDR_TEXT];
	size_t i;

	if (unspecified(&a) || multicast(&a)) {
		diag_error(in->d, in->file, e->line, "address = '%s': not the address of a server",
			   endpoint_text(&e->at, buf));
		return;
	}
	for (i = 0; i < c->server.listen.n; i++) {
		const struct endpoint *l = &c->server.listen.v[i].at;

		if (!reaches(l, &e->at))
			continue;
		diag_error(in->d, in->file, e->line, "address = '%s': we listen there ourselves (listen = %s)",
			   endpoint_text(&e->at, buf), endpoint_text(l, own));
		return;
	}
}

static void check_upstream(struct conf_in *in, const struct conf *c, const struct conf_upstream *u)
{
	size_t i;

	for (i = 0; i < u->address.n; i++)
		check_address(in, c, &u->address.v[i]);
}

struct owned_prefix {
	const struct conf_prefix *p;
	const struct conf_profile *owner;
};

static int by_prefix(const void *va, const void *vb)
{
	const struct owned_prefix *a = va, *b = vb;
	const struct prefix *p = &a->p->prefix, *q = &b->p->prefix;
	int rc = (p->addr.len > q->addr.len) - (p->addr.len < q->addr.len);

	if (!rc)
		rc = memcmp(p->addr.b, q->addr.b, p->addr.len);
	if (!rc)
		rc = (p->bits > q->bits) - (p->bits < q->bits);
	return rc;
}

static int by_prefix_then_line(const void *va, const void *vb)
{
	const struct owned_prefix *a = va, *b = vb;
	int rc = by_prefix(va, vb);

	return rc ? rc : (a->p->line > b->p->line) - (a->p->line < b->p->line);
}

static void check_prefixes(struct conf_in *in, const struct conf *c)
{
	size_t n = 0, i, k;
	struct owned_prefix *all;
	char buf[ADDR_TEXT];

	for (i = 0; i < c->n_profiles; i++)
		n += c->profiles[i].clients.n;
	all = calloc(n + 1, sizeof(*all));
	if (!all) {
		in->starved = true;
		return;
	}
	n = 0;
	for (i = 0; i < c->n_profiles; i++)
		for (k = 0; k < c->profiles[i].clients.n; k++)
			all[n++] = (struct owned_prefix){ &c->profiles[i].clients.v[k], &c->profiles[i] };
	qsort(all, n, sizeof(*all), by_prefix_then_line);
	for (i = 1, k = 0; i < n; i++) {
		if (by_prefix(&all[i], &all[k])) {
			k = i;
			continue;
		}
		diag_error(in->d, in->file, all[i].p->line, "clients = '%s' again: first on line %u, in [profile %s]",
			   prefix_text(&all[i].p->prefix, buf), all[k].p->line, all[k].owner->name.text);
	}
	free(all);
}

void conf_check(struct conf_in *in, const struct conf *c, unsigned cache_line)
{
	const struct conf_profile *def = &c->profiles[0];
	size_t i;

	check_listen(in, &c->server.listen);
	check_upstream(in, c, &c->upstream);
	for (i = 0; i < c->n_forwards; i++)
		check_upstream(in, c, &c->forwards[i]);
	if (def->clients.n)
		diag_error(in->d, in->file, def->clients.line,
			   "'clients' in [profile default]: it is for every client that no other profile names");
	check_prefixes(in, c);
	conf_exports_check(in, c);
	if (c->cache.min_ttl > c->cache.max_ttl)
		diag_error(in->d, in->file, cache_line, "[cache] min-ttl is larger than max-ttl");
}
