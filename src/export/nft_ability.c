/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "export/nft_internal.h"

#define SHORT_MS 60000
#define LONG_MS 3600000

static const uint8_t there[4] = { 192, 0, 2, 1 }, absent[4] = { 192, 0, 2, 2 };

/*
 * A table with one element whose time is moved, all in one transaction. One that an agent left behind which was killed
 * at that moment bears the same name, and goes first.
 */
static int try(struct nft_link *k, const struct conf_set *at, bool destroy)
{
	struct nft_elem e = { .at = at, .key = there, .key_len = 4, .ms = SHORT_MS };
	struct shape shape = { .family = 4 };
	uint8_t *p = nft_batch_start(k, k->out);

	p = nft_table_put(k, p, at, true);
	p = nft_table_put(k, p, at, false);
	p = nft_table_put(k, p, at, true);
	p = nft_set_put(k, p, at, &shape, 16);
	p = nft_elem_put(k, p, NFT_MSG_NEWSETELEM, NLM_F_CREATE, &e);
	e.ms = LONG_MS;
	p = nft_elem_put(k, p, NFT_MSG_NEWSETELEM, NLM_F_CREATE, &e);
	if (destroy) {
		e = (struct nft_elem){ .at = at, .key = absent, .key_len = 4 };
		p = nft_elem_put(k, p, NFT_DESTROYSETELEM, 0, &e);
	}
	return nft_run(k, p);
}

static void end(struct nft_link *k, const struct conf_set *at)
{
	int err = nft_run(k, nft_table_put(k, nft_batch_start(k, k->out), at, false));

	/* It stays behind, empty of rules, and does nothing. */
	(void)err;
}

void nft_ability(struct nft_link *k)
{
	static const struct conf_set at = { .family = "ip", .table = "postern_probe", .name = "probe" };
	struct sink_element e;
	struct nft_about a;
	char name[NFT_COMMENT];
	int err;

	err = try(k, &at, true);
	k->destroy = !err;
	if (err)
		err = try(k, &at, false);
	if (err)
		return;
	/* Somebody who does the same here may have taken it away: then it is tried again when it is needed. */
	k->known = !nft_elem_ask(k, &at, there, sizeof(there), &e, name, NULL);
	k->update = k->known && e.left_ms > SHORT_MS && e.left_ms != SINK_EVER;
	k->count = !nft_set_about(k, &at, &a) && a.counts;
	end(k, &at);
}
