/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/special.h"

#include <stdio.h>

#include "base/util.h"
#include "dns/wire.h"

/*
 * Zones of the IANA registries "Special-Use Domain Names" and "Locally-Served
 * DNS Zones". The documentation ranges of RFC 6303 are in it, as are both
 * halves of fc00::/7.
 */
static const struct {
	const char *text;
	enum special_kind kind;
	bool exact;
} table[] = {
	{ "localhost", SPECIAL_LOCALHOST, false },
	{ "invalid", SPECIAL_NXDOMAIN, false },
	{ "test", SPECIAL_NXDOMAIN, false },
	{ "onion", SPECIAL_NXDOMAIN, false },
	{ "local", SPECIAL_NXDOMAIN, false },
	{ "home.arpa", SPECIAL_NXDOMAIN, false },
	{ "resolver.arpa", SPECIAL_NODATA, false },
	{ "ipv4only.arpa", SPECIAL_IPV4ONLY, true },
	{ "170.0.0.192.in-addr.arpa", SPECIAL_PTR_IPV4ONLY, true },
	{ "171.0.0.192.in-addr.arpa", SPECIAL_PTR_IPV4ONLY, true },
	{ "1.0.0.127.in-addr.arpa", SPECIAL_PTR_LOCALHOST, true },
	{ "0.in-addr.arpa", SPECIAL_NXDOMAIN, false },
	{ "10.in-addr.arpa", SPECIAL_NXDOMAIN, false },
	{ "127.in-addr.arpa", SPECIAL_NXDOMAIN, false },
	{ "254.169.in-addr.arpa", SPECIAL_NXDOMAIN, false },
	{ "0.0.192.in-addr.arpa", SPECIAL_NXDOMAIN, false },
	{ "2.0.192.in-addr.arpa", SPECIAL_NXDOMAIN, false },
	{ "168.192.in-addr.arpa", SPECIAL_NXDOMAIN, false },
	{ "18.198.in-addr.arpa", SPECIAL_NXDOMAIN, false },
	{ "19.198.in-addr.arpa", SPECIAL_NXDOMAIN, false },
	{ "100.51.198.in-addr.arpa", SPECIAL_NXDOMAIN, false },
	{ "113.0.203.in-addr.arpa", SPECIAL_NXDOMAIN, false },
	{ "255.255.255.255.in-addr.arpa", SPECIAL_NXDOMAIN, false },
	{ "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", SPECIAL_NXDOMAIN, false },
	{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", SPECIAL_PTR_LOCALHOST, true },
	{ "c.f.ip6.arpa", SPECIAL_NXDOMAIN, false },
	{ "d.f.ip6.arpa", SPECIAL_NXDOMAIN, false },
	{ "8.e.f.ip6.arpa", SPECIAL_NXDOMAIN, false },
	{ "9.e.f.ip6.arpa", SPECIAL_NXDOMAIN, false },
	{ "a.e.f.ip6.arpa", SPECIAL_NXDOMAIN, false },
	{ "b.e.f.ip6.arpa", SPECIAL_NXDOMAIN, false },
	{ "8.b.d.0.1.0.0.2.ip6.arpa", SPECIAL_NXDOMAIN, false },
	{ "use-application-dns.net", SPECIAL_CANARY, true },
	{ "mask.icloud.com", SPECIAL_CANARY, true },
	{ "mask-h2.icloud.com", SPECIAL_CANARY, true },
};

/* Ranges of octets under one reverse zone. */
static const struct {
	unsigned first, last;
	const char *below;
} ranges[] = {
	{ 16, 31, "172.in-addr.arpa" },
	{ 64, 127, "100.in-addr.arpa" },
};

struct specials {
	struct nametab *zones, *canaries;
	struct special *v;
	size_t n;
};

static bool add(struct specials *s, const char *text, enum special_kind kind, bool exact)
{
	struct special *sp = &s->v[s->n];

	*sp = (struct special){ .kind = kind, .exact = exact };
	if (name_from_text(&sp->zone, text, strlen(text)) < 0)
		return false;
	nametab_put(kind == SPECIAL_CANARY ? s->canaries : s->zones, &sp->zone, (uint32_t)s->n++);
	return true;
}

const struct specials *special_build(struct arena *a)
{
	struct specials *s = arena_alloc(a, sizeof(*s));
	size_t n = ARRAY_SIZE(table);
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		n += ranges[i].last - ranges[i].first + 1;
	if (!s || !(s->v = arena_array(a, n, sizeof(*s->v))) || !(s->zones = nametab_new(a, n)) ||
	    !(s->canaries = nametab_new(a, n)))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!add(s, table[i].text, table[i].kind, table[i].exact))
			return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		for (unsigned octet = ranges[i].first; octet <= ranges[i].last; octet++) {
			snprintf(text, sizeof(text), "%u.%s", octet, ranges[i].below);
			if (!add(s, text, SPECIAL_NXDOMAIN, false))
				return NULL;
		}
	}
	return s;
}

const struct special *special_find(const struct specials *s, const struct name *n)
{
	uint32_t i = nametab_find_above(s->zones, n);
	struct name parent;

	if (i == NAMETAB_NONE)
		return NULL;
	if (!s->v[i].exact || s->v[i].zone.len == n->len)
		return &s->v[i];
	/* below an exact one: its zone, if any, is further up */
	name_parent(&parent, &s->v[i].zone, 1);
	return special_find(s, &parent);
}

const struct special *special_canary(const struct specials *s, const struct name *n)
{
	uint32_t i = nametab_find(s->canaries, n);

	return i == NAMETAB_NONE ? NULL : &s->v[i];
}

static const uint8_t localhost4[4] = { 127, 0, 0, 1 };
static const uint8_t localhost6[16] = { [15] = 1 };
static const uint8_t ipv4only[2][4] = { { 192, 0, 0, 170 }, { 192, 0, 0, 171 } };
static const uint8_t name_localhost[] = "\x09localhost";
static const uint8_t name_ipv4only[] = "\x08ipv4only\x04" "arpa";

/* The records of a special name, if it has any of this type. */
static bool records(const struct special *s, const struct wire_query *q, struct wr *w, uint32_t ttl)
{
	switch (s->kind) {
	case SPECIAL_LOCALHOST:
		if (q->qtype == TYPE_A)
			wire_record(w, TYPE_A, localhost4, sizeof(localhost4), ttl);
		else if (q->qtype == TYPE_AAAA)
			wire_record(w, TYPE_AAAA, localhost6, sizeof(localhost6), ttl);
		else
			return false;
		return true;
	case SPECIAL_IPV4ONLY:
		if (q->qtype != TYPE_A)
			return false;
		for (size_t i = 0; i < ARRAY_SIZE(ipv4only); i++)
			wire_record(w, TYPE_A, ipv4only[i], sizeof(ipv4only[i]), ttl);
		return true;
	case SPECIAL_PTR_LOCALHOST:
	case SPECIAL_PTR_IPV4ONLY:
		if (q->qtype != TYPE_PTR)
			return false;
		if (s->kind == SPECIAL_PTR_LOCALHOST)
			wire_record(w, TYPE_PTR, name_localhost, sizeof(name_localhost), ttl);
		else
			wire_record(w, TYPE_PTR, name_ipv4only, sizeof(name_ipv4only), ttl);
		return true;
	default:
		return false;
	}
}

size_t special_answer(const struct special *s, const struct wire_query *q, uint32_t ttl, uint8_t *out, size_t cap,
		      size_t limit)
{
	/* the apex of an empty zone exists, with nothing but its SOA */
	bool exists = (s->kind != SPECIAL_NXDOMAIN && s->kind != SPECIAL_CANARY) ||
		      (s->kind == SPECIAL_NXDOMAIN && s->zone.len == q->qname.len);
	unsigned rcode = exists ? RCODE_NOERROR : RCODE_NXDOMAIN;
	struct wr w = wr_init(out, cap);

	wire_begin(&w, q, rcode);
	if (!records(s, q, &w, ttl))
		wire_soa(&w, &s->zone, ttl);
	return wire_end(&w, q, rcode, NULL, limit);
}
