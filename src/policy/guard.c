/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/guard.h"

#include "base/lpm.h"
#include "base/util.h"

enum { FORM_LAST32 = 1, FORM_6TO4, FORM_TEREDO, FORM_PRIVATE };

/* Which addresses are private, and which carry an IPv4 address and where. The longest prefix rules. */
static const struct {
	const char *prefix;
	uint32_t form;
} table[] = {
	{ "0.0.0.0/8", FORM_PRIVATE },
	{ "10.0.0.0/8", FORM_PRIVATE },
	{ "100.64.0.0/10", FORM_PRIVATE },
	{ "127.0.0.0/8", FORM_PRIVATE },
	{ "169.254.0.0/16", FORM_PRIVATE },
	{ "172.16.0.0/12", FORM_PRIVATE },
	{ "192.0.0.0/24", FORM_PRIVATE },
	{ "192.168.0.0/16", FORM_PRIVATE },
	{ "198.18.0.0/15", FORM_PRIVATE },
	{ "224.0.0.0/4", FORM_PRIVATE },
	{ "240.0.0.0/4", FORM_PRIVATE },
	{ "::/128", FORM_PRIVATE },
	{ "::1/128", FORM_PRIVATE },
	{ "fc00::/7", FORM_PRIVATE },
	{ "fe80::/10", FORM_PRIVATE },
	{ "fec0::/10", FORM_PRIVATE },
	{ "ff00::/8", FORM_PRIVATE },
	{ "::ffff:0:0/96", FORM_LAST32 },
	{ "::/96", FORM_LAST32 },
	{ "64:ff9b::/96", FORM_LAST32 },
	{ "64:ff9b:1::/48", FORM_LAST32 },
	{ "2002::/16", FORM_6TO4 },
	{ "2001::/32", FORM_TEREDO },
};

struct guard {
	struct lpm *builtin, *more;
};

const struct guard *guard_build(struct arena *a, const struct conf_prefixes *more)
{
	struct guard *g = arena_alloc(a, sizeof(*g));
	struct lpm_rule rules[ARRAY_SIZE(table)];
	struct lpm_rule *extra = arena_array(a, more->n + 1, sizeof(*extra));

	if (!g || !extra)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (prefix_parse(&rules[i].prefix, table[i].prefix, strlen(table[i].prefix)) < 0)
			return NULL;
		rules[i].value = table[i].form;
	}
	for (size_t i = 0; i < more->n; i++)
		extra[i] = (struct lpm_rule){ more->v[i].prefix, FORM_PRIVATE };
	g->builtin = lpm_build(a, rules, ARRAY_SIZE(table));
	g->more = lpm_build(a, extra, more->n);
	return g->builtin && g->more ? g : NULL;
}

static bool listed(const struct guard *g, const struct addr *addr)
{
	return lpm_find(g->builtin, addr) == FORM_PRIVATE || lpm_find(g->more, addr) == FORM_PRIVATE;
}

bool guard_private(const struct guard *g, const struct addr *addr)
{
	struct addr inner;
	uint8_t inverted[4];

	if (listed(g, addr))
		return true;
	switch (lpm_find(g->builtin, addr)) {
	case FORM_LAST32:
		inner = addr_v4(addr->b + 12);
		return listed(g, &inner);
	case FORM_6TO4:
		inner = addr_v4(addr->b + 2);
		return listed(g, &inner);
	case FORM_TEREDO:
		inner = addr_v4(addr->b + 4);
		if (listed(g, &inner))
			return true;
		for (int i = 0; i < 4; i++)
			inverted[i] = (uint8_t)~addr->b[12 + i];
		inner = addr_v4(inverted);
		return listed(g, &inner);
	default:
		return false;
	}
}
