/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "export/nft_internal.h"
#include "fuzz.h"

/* A datagram of nf_tables' events or replies. What the kernel sends is no attack, but anybody chooses what elements bear. */

static size_t key_len;
static uint8_t sum;

static void element(void *ctx, const struct sink_element *e)
{
	CHECK(strlen(e->name) < NFT_COMMENT);
	for (const char *p = e->name; *p; p++)
		CHECK(*p >= ' ' && *p < 0x7f);
	for (size_t i = 0; i < key_len; i++)
		sum ^= e->key[i];
}

static void message(const struct nlmsghdr *nlh)
{
	static const size_t lens[] = { 4, 8, 12, 16, 24, 32, 40 };
	struct conf_export c = { .size = 1, .set = { { "inet", "t", "s4", 1 }, { "inet", "t", "s6", 1 } } };
	struct nft_where w;
	struct nft_about a;
	struct shape s;
	char why[1024];

	if (nlh->nlmsg_type == NLMSG_ERROR)
		CHECK(nft_error(nlh) <= 0);
	if (nft_where(nlh, &w))
		CHECK(strlen(w.table) + strlen(w.set) < nlh->nlmsg_len);
	if (nft_set_parse(nlh, &a)) {
		for (unsigned f = EXPORT_V4; f <= EXPORT_V6; f++) {
			if (!nft_set_shape(&a, &c, f, &s, why, sizeof(why)))
				CHECK(shape_len(&s) == a.len && a.len <= SHAPE_KEY_MAX);
			else
				CHECK(strstr(why, "nft '"));
		}
	}
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		key_len = lens[i];
		nft_elems(nlh, key_len, element, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *copy = malloc(size ? size : 1), *nlh = copy;
	int len = (int)size;

	CHECK(copy);
	memcpy(copy, data, size);
	for (; nft_msg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
		message(nlh);
	free(copy);
	return 0;
}
