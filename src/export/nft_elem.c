/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/util.h"
#include "export/nft_internal.h"

/*
 * What of an element's user data says that it is ours. nft passes over types that it does not know, and
 * puts 0 and 1 there.
 */
#define MARK_TYPE 0x70
static const char mark[] = "postern";
#define MARK_LEN (sizeof(mark) - 1)

#define MSG(type) ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (type)))

static size_t put_tlv(uint8_t *at, uint8_t type, const void *value, size_t len)
{
	at[0] = type;
	at[1] = (uint8_t)len;
	memcpy(at + 2, value, len);
	return len + 2;
}

static void put_comment(struct nlmsghdr *nlh, const char *comment)
{
	uint8_t data[2 + NFT_COMMENT + 2 + MARK_LEN];
	char text[NFT_COMMENT];
	size_t n = strnlen(comment, NFT_COMMENT - 1), at = 0;

	if (n) {
		memcpy(text, comment, n);
		text[n] = '\0';
		at = put_tlv(data, NFTNL_UDATA_SET_ELEM_COMMENT, text, n + 1);
	}
	at += put_tlv(data + at, MARK_TYPE, mark, MARK_LEN);
	mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, at, data);
}

uint8_t *nft_elem_put(struct nft_link *k, uint8_t *at, uint16_t type, uint16_t flags, const struct nft_elem *e)
{
	struct nlmsghdr *nlh = nft_start(k, at, MSG(type), flags, nft_family(e->at->family));
	struct nlattr *list, *elem, *key;

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, e->at->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, e->at->name);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	key = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, e->key_len, e->key);
	mnl_attr_nest_end(nlh, key);
	if (e->ms) {
		mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(e->ms));
		/* Linux 6.12 and later leave the end of one that is there alone where only the same timeout is given. */
		mnl_attr_put_u64(nlh, NFTA_SET_ELEM_EXPIRATION, htobe64(e->ms));
	}
	if (e->data_len)
		mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, MIN(e->data_len, (size_t)256), e->data);
	else if (e->comment)
		put_comment(nlh, e->comment);
	mnl_attr_nest_end(nlh, elem);
	mnl_attr_nest_end(nlh, list);
	return mnl_nlmsg_get_payload_tail(nlh);
}

/* A comment may be anybody's: what is no plain text does not get into ours. */
static void get_comment(const uint8_t *value, size_t len, char *name)
{
	size_t n = strnlen((const char *)value, MIN(len, (size_t)NFT_COMMENT - 1));

	for (size_t i = 0; i < n; i++)
		name[i] = value[i] >= ' ' && value[i] < 0x7f ? (char)value[i] : '?';
	name[n] = '\0';
}

static void get_data(const struct nlattr *a, struct sink_element *e, char *name)
{
	const uint8_t *p = mnl_attr_get_payload(a);
	size_t left = mnl_attr_get_payload_len(a), len;

	for (; left >= 2 && (len = p[1]) <= left - 2; p += len + 2, left -= len + 2) {
		if (p[0] == NFTNL_UDATA_SET_ELEM_COMMENT)
			get_comment(p + 2, len, name);
		else if (p[0] == MARK_TYPE && len == MARK_LEN && !memcmp(p + 2, mark, MARK_LEN))
			e->ours = true;
	}
}

bool nft_elem_get(const struct nlattr *elem, size_t key_len, struct sink_element *e, char *name,
		  const struct nlattr **data)
{
	const struct nlattr *tb[NFTA_SET_ELEM_MAX + 1], *key[NFTA_DATA_MAX + 1] = { NULL };

	nft_attrs_nested(elem, tb, NFTA_SET_ELEM_MAX);
	if (tb[NFTA_SET_ELEM_KEY])
		nft_attrs_nested(tb[NFTA_SET_ELEM_KEY], key, NFTA_DATA_MAX);
	if (!key[NFTA_DATA_VALUE] || mnl_attr_get_payload_len(key[NFTA_DATA_VALUE]) != key_len)
		return false;
	name[0] = '\0';
	*e = (struct sink_element){ .key = mnl_attr_get_payload(key[NFTA_DATA_VALUE]), .left_ms = SINK_EVER, .name = name };
	if (tb[NFTA_SET_ELEM_EXPIRATION])
		e->left_ms = nft_u64(tb[NFTA_SET_ELEM_EXPIRATION]);
	if (tb[NFTA_SET_ELEM_USERDATA])
		get_data(tb[NFTA_SET_ELEM_USERDATA], e, name);
	if (data)
		*data = tb[NFTA_SET_ELEM_USERDATA];
	return true;
}

void nft_elems(const struct nlmsghdr *nlh, size_t key_len, void (*each)(void *ctx, const struct sink_element *e),
	       void *ctx)
{
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *a;
	struct sink_element e;
	char name[NFT_COMMENT];

	nft_attrs(nlh, tb, NFTA_SET_ELEM_LIST_MAX);
	if (!tb[NFTA_SET_ELEM_LIST_ELEMENTS])
		return;
	mnl_attr_for_each_nested(a, tb[NFTA_SET_ELEM_LIST_ELEMENTS]) {
		if (nft_elem_get(a, key_len, &e, name, NULL))
			each(ctx, &e);
	}
}

struct asked {
	size_t key_len;
	struct sink_element *e;
	char *name;
	const struct nlattr **data;
};

static int asked(void *ctx, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *a;
	struct asked *ask = ctx;

	nft_attrs(nlh, tb, NFTA_SET_ELEM_LIST_MAX);
	if (nlh->nlmsg_type != MSG(NFT_MSG_NEWSETELEM) || !tb[NFTA_SET_ELEM_LIST_ELEMENTS])
		return -EBADMSG;
	mnl_attr_for_each_nested(a, tb[NFTA_SET_ELEM_LIST_ELEMENTS]) {
		if (nft_elem_get(a, ask->key_len, ask->e, ask->name, ask->data))
			return 0;
	}
	return -EBADMSG;
}

int nft_elem_ask(struct nft_link *k, const struct conf_set *at, const uint8_t *key, size_t key_len,
		 struct sink_element *e, char *name, const struct nlattr **data)
{
	struct nft_elem want = { .at = at, .key = key, .key_len = key_len };
	_Alignas(NLMSG_ALIGNTO) uint8_t buf[NFT_MSG_MAX];
	struct asked ask = { .key_len = key_len, .e = e, .name = name, .data = data };

	nft_elem_put(k, buf, NFT_MSG_GETSETELEM, 0, &want);
	return nft_ask(k, (struct nlmsghdr *)(void *)buf, asked, &ask);
}

bool nft_where(const struct nlmsghdr *nlh, struct nft_where *w)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[NFTA_SET_ELEM_LIST_SET + 1];

	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*nfg)) || nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return false;
	/* The table and the set's name have the same numbers in messages on sets and on elements, and tables have theirs. */
	nft_attrs(nlh, tb, NFTA_SET_ELEM_LIST_SET);
	*w = (struct nft_where){ .family = nfg->nfgen_family, .table = nft_text(tb[NFTA_SET_ELEM_LIST_TABLE]),
				 .set = nft_text(tb[NFTA_SET_ELEM_LIST_SET]) };
	return *w->table;
}
