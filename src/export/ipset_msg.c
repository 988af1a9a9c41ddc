/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/ipset_msg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/ipset/ip_set_hash.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/util.h"

/* The oldest that all kernels speak; what came with 7 is not needed here. */
#define PROTOCOL 6
/* Not in every version of the header: `bitmask` of hash:ip. */
#define ATTR_BITMASK 12

/* Where a client stands in it, it stands first: match with src,dst or src,dst,dst. */
static const struct ipset_type types[] = {
	[KEY_ADDRESS] = { .name = "hash:ip" },
	[KEY_SERVICE] = { .name = "hash:ip,port", .shape = { .proto = true, .port = true } },
	[KEY_CLIENT] = { .name = "hash:net,net", .shape = { .client = true }, .net = true },
	[KEY_CLIENT_SERVICE] = { .name = "hash:ip,port,ip", .shape = { .client = true, .proto = true, .port = true } },
};

const struct ipset_type *ipset_type_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

const struct ipset_type *ipset_type_of(enum conf_export_key key)
{
	return &types[key];
}

struct nlmsghdr *ipset_msg(void *buf, unsigned cmd, uint16_t flags, uint32_t seq, const char *set)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_IPSET << 8 | cmd);
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_INET;
	g->version = NFNETLINK_V0;
	mnl_attr_put_u8(h, IPSET_ATTR_PROTOCOL, PROTOCOL);
	if (set)
		mnl_attr_put_strz(h, IPSET_ATTR_SETNAME, set);
	return h;
}

static void put_addr(struct nlmsghdr *h, uint16_t type, const struct addr *a)
{
	struct nlattr *nest = mnl_attr_nest_start(h, type);

	uint16_t kind = a->len == 4 ? IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6;

	mnl_attr_put(h, kind | NLA_F_NET_BYTEORDER, a->len, a->b);
	mnl_attr_nest_end(h, nest);
}

static void put_u32(struct nlmsghdr *h, uint16_t type, uint32_t v)
{
	mnl_attr_put_u32(h, type | NLA_F_NET_BYTEORDER, htonl(v));
}

void ipset_msg_element(struct nlmsghdr *h, const struct ipset_type *t, const struct shape *s, const uint8_t *key,
		       uint64_t ms, const char *comment, const struct ipset_element *extra)
{
	struct nlattr *data = mnl_attr_nest_start(h, IPSET_ATTR_DATA);
	uint8_t bits = (uint8_t)(s->family * 8);
	struct shape_fields f;

	shape_fields(s, key, &f);
	put_addr(h, IPSET_ATTR_IP, s->client ? &f.client : &f.addr);
	if (s->client)
		put_addr(h, IPSET_ATTR_IP2, &f.addr);
	if (t->net) {
		mnl_attr_put_u8(h, IPSET_ATTR_CIDR, bits);
		mnl_attr_put_u8(h, IPSET_ATTR_CIDR2, bits);
	}
	if (s->port) {
		mnl_attr_put_u8(h, IPSET_ATTR_PROTO, f.proto);
		mnl_attr_put_u16(h, IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER, htons(f.port));
	}
	/* Rounded up: the kernel's time is never less than ours. */
	if (ms)
		put_u32(h, IPSET_ATTR_TIMEOUT, (uint32_t)MIN(ms / 1000 + (ms % 1000 != 0), IPSET_SECONDS_MAX));
	if (comment) {
		char text[IPSET_MAX_COMMENT_SIZE + 1] = IPSET_MARK;

		strncat(text, comment, sizeof(text) - sizeof(IPSET_MARK));
		mnl_attr_put_strz(h, IPSET_ATTR_COMMENT, text);
	}
	if (extra) {
		memcpy(mnl_nlmsg_get_payload_tail(h), extra->extra, extra->extra_len);
		h->nlmsg_len += (uint32_t)extra->extra_len;
	}
	mnl_attr_nest_end(h, data);
}

void ipset_msg_create(struct nlmsghdr *h, const struct ipset_type *t, enum export_family family, uint8_t revision,
		      uint32_t maxelem)
{
	struct nlattr *data;

	mnl_attr_put_strz(h, IPSET_ATTR_TYPENAME, t->name);
	mnl_attr_put_u8(h, IPSET_ATTR_REVISION, revision);
	mnl_attr_put_u8(h, IPSET_ATTR_FAMILY, family == EXPORT_V4 ? AF_INET : AF_INET6);
	data = mnl_attr_nest_start(h, IPSET_ATTR_DATA);
	/* 0: what others add has no end unless they say so, and ours all do. */
	put_u32(h, IPSET_ATTR_TIMEOUT, 0);
	put_u32(h, IPSET_ATTR_MAXELEM, maxelem);
	put_u32(h, IPSET_ATTR_CADT_FLAGS, IPSET_FLAG_WITH_COMMENT);
	mnl_attr_nest_end(h, data);
}

void ipset_msg_flags(struct nlmsghdr *h, uint32_t flags)
{
	put_u32(h, IPSET_ATTR_FLAGS, flags);
}

static uint32_t u32(const struct nlattr *a)
{
	uint32_t v;

	if (mnl_attr_get_payload_len(a) != sizeof(v))
		return 0;
	memcpy(&v, mnl_attr_get_payload(a), sizeof(v));
	return ntohl(v);
}

static uint8_t u8(const struct nlattr *a)
{
	return mnl_attr_get_payload_len(a) == 1 ? mnl_attr_get_u8(a) : 0;
}

static void text(const struct nlattr *a, char *out, size_t cap)
{
	size_t n = MIN(mnl_attr_get_payload_len(a), cap - 1);

	memcpy(out, mnl_attr_get_payload(a), n);
	out[n] = '\0';
}

static const struct nlattr *find(const struct nlmsghdr *h, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

void ipset_read_header(const struct nlmsghdr *h, struct ipset_header *out)
{
	const struct nlattr *a, *data = find(h, IPSET_ATTR_DATA);

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg)) {
		switch (mnl_attr_get_type(a)) {
		case IPSET_ATTR_TYPENAME: text(a, out->type, sizeof(out->type)); break;
		case IPSET_ATTR_FAMILY: out->family = u8(a); break;
		case IPSET_ATTR_REVISION: out->revision = u8(a); break;
		default: break;
		}
	}
	if (!data)
		return;
	mnl_attr_for_each_nested(a, data) {
		switch (mnl_attr_get_type(a)) {
		case IPSET_ATTR_TIMEOUT: out->timeout = true; break;
		case ATTR_BITMASK:
		case IPSET_ATTR_NETMASK: out->netmask = true; break;
		case IPSET_ATTR_ELEMENTS: out->elements = u32(a); break;
		case IPSET_ATTR_CADT_FLAGS:
			out->comment = u32(a) & IPSET_FLAG_WITH_COMMENT;
			out->forceadd = u32(a) & IPSET_FLAG_WITH_FORCEADD;
			break;
		default: break;
		}
	}
}

static bool read_addr(const struct nlattr *nest, struct addr *out)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, nest) {
		if (mnl_attr_get_payload_len(a) == 4)
			*out = addr_v4(mnl_attr_get_payload(a));
		else if (mnl_attr_get_payload_len(a) == 16)
			*out = addr_v6(mnl_attr_get_payload(a));
	}
	return out->len;
}

/* Copies what has no meaning here, for when the element is written again. */
static void read_extra(const struct nlattr *a, struct ipset_element *e)
{
	size_t len = MNL_ALIGN(a->nla_len);

	if (e->extra_len + len > sizeof(e->extra))
		return;
	memcpy(e->extra + e->extra_len, a, a->nla_len);
	e->extra_len += len;
}

static bool read_element(const struct nlattr *data, const struct ipset_type *t, const struct shape *s,
			 struct ipset_element *e)
{
	struct addr ip = { 0 }, ip2 = { 0 };
	struct shape_fields f = { 0 };
	const struct nlattr *a;
	bool wide = false;

	memset(e, 0, sizeof(*e));
	e->left_ms = SINK_EVER;
	mnl_attr_for_each_nested(a, data) {
		switch (mnl_attr_get_type(a)) {
		case IPSET_ATTR_IP: read_addr(a, &ip); break;
		case IPSET_ATTR_IP2: read_addr(a, &ip2); break;
		case IPSET_ATTR_CIDR:
		case IPSET_ATTR_CIDR2: wide |= u8(a) != s->family * 8; break;
		case IPSET_ATTR_PROTO: f.proto = u8(a); break;
		case IPSET_ATTR_PORT:
			if (mnl_attr_get_payload_len(a) == 2)
				f.port = bytes_u16(mnl_attr_get_payload(a));
			break;
		/* 0 is what the kernel says of an element without an end. */
		case IPSET_ATTR_TIMEOUT: e->left_ms = u32(a) ? u32(a) * 1000ull : SINK_EVER; break;
		case IPSET_ATTR_COMMENT: text(a, e->comment, sizeof(e->comment)); read_extra(a, e); break;
		case IPSET_ATTR_BYTES:
		case IPSET_ATTR_PACKETS:
		case IPSET_ATTR_SKBMARK:
		case IPSET_ATTR_SKBPRIO:
		case IPSET_ATTR_SKBQUEUE: read_extra(a, e); break;
		default: break;
		}
	}
	f.addr = s->client ? ip2 : ip;
	f.client = ip;
	return !wide && !shape_key(s, &f, e->key);
}

void ipset_read_elements(const struct nlmsghdr *h, const struct ipset_type *t, const struct shape *s,
			 void (*each)(void *ctx, const struct ipset_element *e), void *ctx)
{
	const struct nlattr *a, *adt = find(h, IPSET_ATTR_ADT);
	struct ipset_element e;

	if (!adt)
		return;
	mnl_attr_for_each_nested(a, adt)
		if (mnl_attr_get_type(a) == IPSET_ATTR_DATA && read_element(a, t, s, &e))
			each(ctx, &e);
}

int ipset_errno(int err)
{
	switch (-err) {
	case IPSET_ERR_EXIST: return -EEXIST;
	case IPSET_ERR_HASH_FULL: return -ENFILE;
	case IPSET_ERR_FIND_TYPE: return -EPROTONOSUPPORT;
	case IPSET_ERR_BUSY: return -EBUSY;
	default: return -err >= IPSET_ERR_PRIVATE ? -EINVAL : err;
	}
}
