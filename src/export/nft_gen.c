/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>

#include "base/clock.h"
#include "export/nft_internal.h"

/*
 * A transaction takes effect at once, and its events come when the kernel has walked through all of it: with a flush of
 * 50,000 elements half a second later. The generation's number goes up with the effect. So it is compared with the
 * transactions that are known: ours, and those of others whose events were read.
 */
#define BUSY_US (2 * CLOCK_S)		/* how long the end of one is waited for at most: its number may be a mistake */
#define EACH_US (1 * CLOCK_MS)		/* asking costs a third of a grant: not with every one under load */
#define WAIT_MS 1			/* for the events of a transaction that is under way: most are that short */

static int number(void *ctx, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[NFTA_GEN_MAX + 1];

	if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN))
		return -EBADMSG;
	nft_attrs(nlh, tb, NFTA_GEN_MAX);
	if (!tb[NFTA_GEN_ID])
		return -EBADMSG;
	*(uint32_t *)ctx = nft_u32(tb[NFTA_GEN_ID]);
	return 0;
}

int nft_gen_ask(struct nft_link *k, uint32_t *gen)
{
	_Alignas(NLMSG_ALIGNTO) uint8_t buf[NFT_MSG_MAX];
	struct nlmsghdr *nlh = nft_start(k, buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, 0, AF_UNSPEC);

	return nft_ask(k, nlh, number, gen);
}

void nft_gen_known(struct sink *s)
{
	/* Where it cannot be asked the events alone are what is known. */
	s->gen_known = !nft_gen_ask(&s->link, &s->gen);
	s->link.commits = 0;
	s->stale = false;
}

void nft_gen_committed(struct sink *s)
{
	uint32_t gen;

	/* One that changed nothing is none. */
	if (s->gen_known && !nft_gen_ask(&s->link, &gen) && gen != s->gen + s->link.commits)
		s->link.commits++;
}

bool nft_gen_told(struct sink *s, uint32_t gen)
{
	int32_t ahead = (int32_t)(gen - s->gen);

	if (!s->gen_known)
		return true;
	if (s->stale && ahead >= 0) {
		s->stale = false;
		/* Of the one that was waited for all was known; of a later one its events were passed over. */
		return ahead == 0;
	}
	if (ahead > 0)
		s->gen++;
	return true;
}

/* Whether all that has taken effect is known. */
static bool up_to_date(const struct sink *s, uint32_t gen)
{
	return gen == s->gen + s->link.commits;
}

bool nft_gen_check(struct sink *s, bool wait)
{
	struct pollfd p = { .fd = mnl_socket_get_fd(s->link.events), .events = POLLIN };
	uint64_t now = loop_now(s->loop).mono_us;
	uint32_t gen;

	if (!s->gen_known || now < s->gen_asked + EACH_US)
		return true;
	if (nft_gen_ask(&s->link, &gen) || up_to_date(s, gen)) {
		s->gen_asked = now;
		return true;
	}
	/* They may be there by now, or in a moment. */
	if (wait && poll(&p, 1, WAIT_MS) > 0)
		return false;
	s->gen = gen;
	s->link.commits = 0;
	s->stale = true;
	s->busy_until = loop_now(s->loop).mono_us + BUSY_US;
	s->ev->overrun(s->ctx, s);
	return true;
}

/* The kernel's lock is waited for by spinning, on a core that others need. */
bool nft_gen_busy(struct sink *s)
{
	return s->stale && loop_now(s->loop).mono_us < s->busy_until;
}
