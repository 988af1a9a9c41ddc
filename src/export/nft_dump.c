/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "export/nft_internal.h"

/*
 * Of one turn: each holds 32 KB, some 300 elements. The kernel walks from the set's start to each of them, so that those of a
 * set of a million take milliseconds.
 */
#define PARTS 16
#define TURN_US 4000
/*
 * Any transaction, ours too, changes the set under the dump. After these it is taken as it is: what it missed is
 * found to be there when it is added again.
 */
#define RESTARTS 2

static int begin(struct sink *s, const struct nft_set *n)
{
	_Alignas(NLMSG_ALIGNTO) uint8_t buf[NFT_MSG_MAX];
	struct nlmsghdr *nlh = nft_start(&s->link, buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM, NLM_F_DUMP, n->family);

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, nft_at(n)->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, nft_at(n)->name);
	s->dump_seq = nlh->nlmsg_seq;
	return mnl_socket_sendto(s->link.dump, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

void nft_dump_next(struct sink *s)
{
	struct nft_set *n = s->sets;

	/* A walk through a set from which another takes out thousands begins again and again, in the kernel: seconds. */
	if (nft_gen_busy(s))
		return;

	while (!s->dump_busy && n) {
		int err;

		if (!n->want_dump) {
			n = n->next;
			continue;
		}
		n->want_dump = false;
		err = begin(s, n);
		if (!err) {
			s->dump_busy = true;
			s->dump_broken = false;
			s->dumping = n;
			return;
		}
		s->ev->dumped(s->ctx, n->set, err);
		n = s->sets;
	}
}

void nft_dump_want(struct sink *s, struct nft_set *n)
{
	n->want_dump = true;
	n->restarts = 0;
	nft_dump_next(s);
}

void nft_dump_forget(struct sink *s, struct nft_set *n)
{
	n->want_dump = false;
	if (s->dumping == n)
		s->dumping = NULL;
}

static void over(struct sink *s, int err)
{
	struct nft_set *n = s->dumping;

	s->dump_busy = false;
	s->dumping = NULL;
	if (n && !err && s->dump_broken && n->restarts++ < RESTARTS)
		n->want_dump = true;
	/* One that was asked for again meanwhile tells when it is over. */
	if (n && !n->want_dump)
		s->ev->dumped(s->ctx, n->set, err);
	nft_dump_next(s);
}

static void element(void *ctx, const struct sink_element *e)
{
	struct sink *s = ctx;

	/* Told of the first may have been that the set is taken away. */
	if (s->dumping)
		s->ev->element(s->ctx, s->dumping->set, e);
}

static void part(struct sink *s, const struct nlmsghdr *nlh)
{
	if (!s->dump_busy || nlh->nlmsg_seq != s->dump_seq)
		return;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		s->dump_broken = true;
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
		over(s, nlh->nlmsg_len > NLMSG_HDRLEN ? nft_error(nlh) : 0);
	else if (s->dumping && nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
		nft_elems(nlh, shape_len(&s->dumping->set->shape), element, s);
}

void nft_dump_read(struct sink *s)
{
	uint64_t start = loop_now(s->loop).mono_us;

	for (unsigned i = 0; i < PARTS && loop_now(s->loop).mono_us - start < TURN_US; i++) {
		ssize_t got = nft_read(s->link.dump, s->link.part, MSG_DONTWAIT);
		const struct nlmsghdr *nlh = (const void *)s->link.part;
		int len = (int)got;

		if (!got)
			return;
		if (got < 0) {
			if (s->dump_busy)
				over(s, (int)got);
			return;
		}
		for (; nft_msg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			part(s, nlh);
		loop_update_now(s->loop);
	}
}
