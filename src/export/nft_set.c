/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <arpa/inet.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

#include "base/util.h"
#include "export/nft_internal.h"

/* nft's own numbers for types, six bits each in a concatenation (its enum datatypes). */
enum { TYPE_IPV4 = 7, TYPE_IPV6 = 8, TYPE_PROTO = 12, TYPE_SERVICE = 13, TYPE_BITS = 6 };
/* How nft writes the byte order of keys down: so that it reads them back as addresses. */
enum { ORDER_NONE = 0, ORDER_BIG = 2 };

/*
 * Once in an interval, one second by default, the kernel looks through the whole set for what has ended, and lets nothing else
 * run on that core meanwhile: of a million elements 55 ms. What has ended is not found any more, collected or not.
 */
#define LARGE 131072			/* elements */
#define GC_MS 60000

#define SET_ATTRS 32
#define ATTR_COUNT 20			/* NFTA_SET_COUNT of Linux 6.17, which headers of Debian 12 lack */
#define TYPE_TEXT 160

#define MSG(type) ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (type)))

static uint32_t type_of(const struct shape *s)
{
	uint32_t addr = s->family == 16 ? TYPE_IPV6 : TYPE_IPV4;
	uint32_t type = s->client ? addr << TYPE_BITS | addr : addr;

	if (s->proto)
		type = type << TYPE_BITS | TYPE_PROTO;
	if (s->port)
		type = type << TYPE_BITS | TYPE_SERVICE;
	return type;
}

/* The keys that SPEC 5.4 names. */
static bool shape_of_type(uint32_t type, uint32_t len, enum export_family f, struct shape *s)
{
	for (unsigned i = 0; i < 6; i++) {
		*s = (struct shape){ .family = f == EXPORT_V4 ? 4 : 16, .client = i >= 3, .proto = i % 3 == 2,
				     .port = i % 3 != 0 };
		if (type_of(s) == type && shape_len(s) == len)
			return true;
	}
	return false;
}

static const char *type_text(uint32_t type, char *buf)
{
	static const char *const names[1 << TYPE_BITS] = {
		[7] = "ipv4_addr", "ipv6_addr", "ether_addr", "ether_type", [12] = "inet_proto", "inet_service",
		[19] = "mark", "ifindex", [41] = "ifname",
	};
	uint32_t parts[32 / TYPE_BITS + 1] = { 0 };
	size_t n = 0, len = 0;

	for (; type && n < ARRAY_SIZE(parts); type >>= TYPE_BITS)
		parts[n++] = type & ((1 << TYPE_BITS) - 1);
	buf[0] = '\0';
	while (n-- && len < TYPE_TEXT) {
		const char *name = names[parts[n]];

		len += (size_t)snprintf(buf + len, TYPE_TEXT - len, "%s%s", name ? name : "another", n ? " . " : "");
	}
	return buf;
}

bool nft_set_parse(const struct nlmsghdr *nlh, struct nft_about *a)
{
	const struct nlattr *tb[SET_ATTRS + 1], *desc[NFTA_SET_DESC_MAX + 1] = { NULL };

	if (nlh->nlmsg_type != MSG(NFT_MSG_NEWSET))
		return false;
	nft_attrs(nlh, tb, SET_ATTRS);
	if (tb[NFTA_SET_DESC])
		nft_attrs_nested(tb[NFTA_SET_DESC], desc, NFTA_SET_DESC_MAX);
	*a = (struct nft_about){
		.flags = nft_u32(tb[NFTA_SET_FLAGS]),
		.type = nft_u32(tb[NFTA_SET_KEY_TYPE]),
		.len = nft_u32(tb[NFTA_SET_KEY_LEN]),
		.size = nft_u32(desc[NFTA_SET_DESC_SIZE]),
		.count = nft_u32(tb[ATTR_COUNT]),
		.counts = tb[ATTR_COUNT],
		.handle = nft_u64(tb[NFTA_SET_HANDLE]),
	};
	return true;
}

static int about(void *ctx, const struct nlmsghdr *nlh)
{
	return nft_set_parse(nlh, ctx) ? 0 : -EBADMSG;
}

int nft_set_about(struct nft_link *k, const struct conf_set *at, struct nft_about *a)
{
	_Alignas(NLMSG_ALIGNTO) uint8_t buf[NFT_MSG_MAX];
	struct nlmsghdr *nlh = nft_start(k, buf, MSG(NFT_MSG_GETSET), 0, nft_family(at->family));

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, at->table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, at->name);
	return nft_ask(k, nlh, about, a);
}

/* What is wrong with it beside the type of its keys. */
static const char *unfit(uint32_t flags)
{
	if (flags & (NFT_SET_MAP | NFT_SET_OBJECT))
		return "is a map";
	if (flags & NFT_SET_INTERVAL)
		return "holds intervals";
	if (flags & NFT_SET_CONSTANT)
		return "is constant";
	return flags & NFT_SET_TIMEOUT ? NULL : "lacks 'flags timeout'";
}

int nft_set_shape(const struct nft_about *a, const struct conf_export *c, enum export_family f, struct shape *s,
		  char *why, size_t why_len)
{
	const struct conf_set *at = &c->set[f];
	const char *bad = unfit(a->flags);
	char type[TYPE_TEXT], command[1024];
	bool typed = shape_of_type(a->type, a->len, f, s);

	if (typed && !bad)
		return 0;
	if (!typed)
		*s = shape_of_conf(c->key, f);
	nft_set_command(c, f, s, true, command, sizeof(command));
	if (bad)
		snprintf(why, why_len, "set %s %s %s %s; this makes one that can be used, once no rule names it: %s",
			 at->family, at->table, at->name, bad, command);
	else
		snprintf(why, why_len, "set %s %s %s has keys of type '%s', which set%c cannot use; this makes one of '%s', "
			 "once no rule names it: %s", at->family, at->table, at->name, type_text(a->type, type), "46"[f],
			 type_text(type_of(s), (char[TYPE_TEXT]){ 0 }), command);
	return -EINVAL;
}

void nft_set_command(const struct conf_export *c, enum export_family f, const struct shape *s, bool instead,
		     char *buf, size_t len)
{
	const struct conf_set *at = &c->set[f];
	char type[SHAPE_TEXT];

	snprintf(buf, len, "nft '%s %s %s%s%s; add set %s %s %s { type %s; flags timeout; size %llu; }'",
		 instead ? "delete set" : "add table", at->family, at->table, instead ? " " : "", instead ? at->name : "",
		 at->family, at->table, at->name, shape_text(s, type), (unsigned long long)c->size);
}

uint8_t *nft_table_put(struct nft_link *k, uint8_t *at, const struct conf_set *s, bool make)
{
	struct nlmsghdr *nlh = nft_start(k, at, MSG(make ? NFT_MSG_NEWTABLE : NFT_MSG_DELTABLE), make ? NLM_F_CREATE : 0,
					 nft_family(s->family));

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, s->table);
	return mnl_nlmsg_get_payload_tail(nlh);
}

/* As nft writes it down, so that `nft list` shows addresses and ports, and reads its own output back. */
static void put_byte_order(struct nlmsghdr *nlh, uint32_t order)
{
	uint8_t tlv[2 + sizeof(order)] = { NFTNL_UDATA_SET_KEYBYTEORDER, sizeof(order) };

	memcpy(tlv + 2, &order, sizeof(order));
	mnl_attr_put(nlh, NFTA_SET_USERDATA, sizeof(tlv), tlv);
}

uint8_t *nft_set_put(struct nft_link *k, uint8_t *at, const struct conf_set *s, const struct shape *shape, uint64_t size)
{
	struct nlmsghdr *nlh = nft_start(k, at, MSG(NFT_MSG_NEWSET), NLM_F_CREATE, nft_family(s->family));
	bool concat = shape->client || shape->proto || shape->port;
	struct nlattr *desc;

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, s->table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, s->name);
	mnl_attr_put_u32(nlh, NFTA_SET_FLAGS, htonl(NFT_SET_TIMEOUT));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_TYPE, htonl(type_of(shape)));
	mnl_attr_put_u32(nlh, NFTA_SET_KEY_LEN, htonl((uint32_t)shape_len(shape)));
	mnl_attr_put_u32(nlh, NFTA_SET_ID, htonl(1));
	if (size > LARGE)
		mnl_attr_put_u32(nlh, NFTA_SET_GC_INTERVAL, htonl(GC_MS));
	desc = mnl_attr_nest_start(nlh, NFTA_SET_DESC);
	mnl_attr_put_u32(nlh, NFTA_SET_DESC_SIZE, htonl((uint32_t)MIN(size, UINT32_MAX)));
	mnl_attr_nest_end(nlh, desc);
	put_byte_order(nlh, concat ? ORDER_NONE : ORDER_BIG);
	return mnl_nlmsg_get_payload_tail(nlh);
}

int nft_set_make(struct nft_link *k, const struct conf_export *c, enum export_family f)
{
	struct shape shape = shape_of_conf(c->key, f);
	uint8_t *p = nft_table_put(k, nft_batch_start(k, k->out), &c->set[f], true);

	return nft_run(k, nft_set_put(k, p, &c->set[f], &shape, c->size));
}
