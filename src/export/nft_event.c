/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

#include "base/escape.h"
#include "base/log.h"
#include "export/nft_internal.h"

/*
 * What others do. The events of one transaction come together when it is over, and NEWGEN, the last, says who it
 * was. `flush set` tells every element by itself. Deletions, and what happened to sets as a whole, are
 * kept until that end (or until nothing more is there to be read) and told then.
 */
#define READS 4096
#define ROUNDS 64			/* in which events come while it is waited for the last of a transaction */
#define WHY 1024

static bool same(const struct nft_set *a, const struct nft_set *b)
{
	return a->family == b->family && !strcmp(nft_at(a)->table, nft_at(b)->table) && !strcmp(nft_at(a)->name, nft_at(b)->name);
}

/* The next set, from n on, that the message is about; set "": any of its table. */
static struct nft_set *match(struct nft_set *n, const struct nft_where *w)
{
	while (n && (n->family != w->family || strcmp(nft_at(n)->table, w->table) || (*w->set && strcmp(nft_at(n)->name, w->set))))
		n = n->next;
	return n;
}

static bool is_empty(struct sink *s, const struct nft_set *n)
{
	struct nft_about a;

	return s->link.count && !nft_set_about(&s->link, nft_at(n), &a) && a.counts && !a.count;
}

static void removals_tell(struct sink *s, const char *by, bool end)
{
	struct nft_removals *g = &s->gone;

	if (!g->flush && g->n)
		g->flush = is_empty(s, g->of);
	for (struct nft_set *n = g->of ? s->sets : NULL; n; n = n->next) {
		if (!n->set->present || !same(n, g->of))
			continue;
		if (g->flush && end)
			s->ev->emptied(s->ctx, n->set, false, by);
		for (size_t i = 0; !g->flush && i < g->n; i++)
			s->ev->removed(s->ctx, n->set, g->keys[i]);
	}
	g->n = 0;
	if (end) {
		g->of = NULL;
		g->flush = false;
	}
}

static void removals_forget(struct sink *s, const struct nft_set *n)
{
	if (s->gone.of == n) {
		s->gone.of = NULL;
		s->gone.n = 0;
		s->gone.flush = false;
	}
}

static void tx_end(struct sink *s, const char *by)
{
	char why[WHY];

	removals_tell(s, by, true);
	for (struct nft_set *n = s->sets, *next; n; n = next) {
		bool gone = n->tx_gone, new = n->tx_new;
		int err = 0;

		next = n->next;
		n->tx_gone = n->tx_new = false;
		if (gone)
			nft_lost(s, n, by);
		if (new)
			err = nft_look(s, n, why, sizeof(why));
		if (err == -EINVAL)
			log_error("export %s: %s", n->set->conf->name.text, why);
	}
}

static void set_gone(struct sink *s, const struct nft_where *w)
{
	for (struct nft_set *n = match(s->sets, w); n; n = match(n->next, w)) {
		removals_forget(s, n);
		n->tx_gone = true;
		n->tx_new = false;
	}
}

static void set_new(struct sink *s, const struct nft_where *w, const struct nlmsghdr *nlh)
{
	struct nft_about a;

	if (!nft_set_parse(nlh, &a))
		return;
	/* One that is there already says so too when it is added again. */
	for (struct nft_set *n = match(s->sets, w); n; n = match(n->next, w))
		n->tx_new |= n->tx_gone || !n->set->present || n->handle != a.handle;
}

struct elements {
	struct sink *s;
	struct nft_set *n;
};

static void elem_gone(void *ctx, const struct sink_element *e)
{
	struct elements *el = ctx;
	struct nft_removals *g = &el->s->gone;

	if (g->of != el->n)
		removals_tell(el->s, "", true);
	g->of = el->n;
	memcpy(g->keys[g->n++], e->key, shape_len(&el->n->set->shape));
	if (g->n == NFT_RUN)
		removals_tell(el->s, "", false);
}

static void elem_passed(void *ctx, const struct sink_element *e)
{
	struct elements *el = ctx;

	el->n->passed_over++;
}

static void elem_new(void *ctx, const struct sink_element *e)
{
	struct elements *el = ctx;

	el->s->ev->element(el->s->ctx, el->n->set, e);
}

static void elements(struct sink *s, const struct nft_where *w, const struct nlmsghdr *nlh, bool gone)
{
	struct elements el = { .s = s };

	for (struct nft_set *n = match(s->sets, w); n; n = match(n->next, w)) {
		/* A new set is read as a whole. */
		if (!n->set->present || n->tx_gone || n->tx_new)
			continue;
		el.n = n;
		if (s->stale) {
			if (gone)
				nft_elems(nlh, shape_len(&n->set->shape), elem_passed, &el);
			continue;
		}
		/* The rest of a flush, which may be a hundred thousand of these. */
		if (gone && s->gone.flush && s->gone.of == n)
			return;
		if (gone) {
			nft_elems(nlh, shape_len(&n->set->shape), elem_gone, &el);
			/* removals_tell finds the others that are the same. */
			return;
		}
		if (s->gone.of)
			removals_tell(s, "", true);
		nft_elems(nlh, shape_len(&n->set->shape), elem_new, &el);
	}
}

/* Who it was is known only when what he took out is back already. */
static void say_passed(struct sink *s, const char *by)
{
	for (struct nft_set *n = s->sets; n; n = n->next) {
		if (n->passed_over && *by)
			log_warn("set %s: %zu elements were taken out by %s", n->set->what, n->passed_over, by);
		n->passed_over = 0;
	}
}

static void compare(struct sink *s);

static void generation(struct sink *s, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[NFTA_GEN_MAX + 1];
	char name[64], by[96] = "";
	const char *comm;

	nft_attrs(nlh, tb, NFTA_GEN_MAX);
	comm = nft_text(tb[NFTA_GEN_PROC_NAME]);
	escape_text(name, sizeof(name), (const uint8_t *)comm, strlen(comm));
	if (*name)
		snprintf(by, sizeof(by), "%s[%u]", name, nft_u32(tb[NFTA_GEN_PROC_PID]));
	tx_end(s, by);
	say_passed(s, by);
	if (tb[NFTA_GEN_ID] && !nft_gen_told(s, nft_u32(tb[NFTA_GEN_ID])))
		compare(s);
}

static void event(struct sink *s, const struct nlmsghdr *nlh)
{
	struct nft_where w;

	if (nlh->nlmsg_pid != s->tx)
		tx_end(s, "");
	s->tx = nlh->nlmsg_pid;
	if (nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)) {
		generation(s, nlh);
		return;
	}
	if (!nft_where(nlh, &w) || !*w.table)
		return;
	switch (nlh->nlmsg_type & 0xff) {
	case NFT_MSG_DELTABLE:
		w.set = "";
		set_gone(s, &w);
		break;
	case NFT_MSG_DELSET:
		if (*w.set)
			set_gone(s, &w);
		break;
	case NFT_MSG_NEWSET:
		if (*w.set)
			set_new(s, &w, nlh);
		break;
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_DELSETELEM:
		if (*w.set)
			elements(s, &w, nlh, (nlh->nlmsg_type & 0xff) == NFT_MSG_DELSETELEM);
		break;
	}
}

/* Events are missing: sets that came into being may be among them; what the others hold the book compares. */
static void compare(struct sink *s)
{
	char why[WHY];

	tx_end(s, "");
	nft_gen_known(s);
	s->ev->overrun(s->ctx, s);
	for (struct nft_set *n = s->sets, *next; n; n = next) {
		int err = 0;

		next = n->next;
		n->passed_over = 0;
		if (!n->set->present)
			err = nft_look(s, n, why, sizeof(why));
		if (err == -EINVAL)
			log_error("export %s: %s", n->set->conf->name.text, why);
	}
}

/* Whether all that were there are read. */
static bool read_events(struct sink *s)
{
	for (unsigned i = 0; i < READS; i++) {
		ssize_t got = nft_read(s->link.events, s->link.event, MSG_DONTWAIT);
		const struct nlmsghdr *nlh = (const void *)s->link.event;
		int len = (int)got;

		if (!got)
			return true;
		if (got < 0) {
			log_info("events of the firewall were lost: its sets are compared");
			compare(s);
			if (got != -ENOBUFS)
				return false;
			continue;
		}
		for (; nft_msg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			event(s, nlh);
	}
	return false;
}

void nft_poll(struct sink *s)
{
	for (unsigned i = 0; read_events(s) && !nft_gen_check(s, i < ROUNDS); i++)
		;
	tx_end(s, "");
	nft_dump_next(s);
}
