/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>

#include "base/util.h"
#include "export/nft_internal.h"

/*
 * A transaction holds the lock that every packet path of `nft` waits for: short ones. What fails in one
 * takes all of it back, so those that failed are told and the others sent again without them.
 */
#define BATCH 1000
#define ROUNDS 4
/* The kernel rounds down to its ticks, up to 10 ms, twice; and whole seconds read better in `nft list`. */
#define TICKS_MS 20
#define EVER_MS (10ull * 365 * 86400 * 1000)

struct round {
	struct sink_op *op[BATCH];
	uint32_t first[BATCH];		/* number of the op's first message */
	size_t n;
	struct nlmsghdr *tail;		/* the last message before the batch's end */
	uint32_t begin, last;		/* numbers of the batch's first message, and of tail */
	bool failed, over;
	bool adds;			/* it changes something for sure */
	int all;			/* an error that concerns the batch as a whole */
};

static uint64_t kernel_ms(uint64_t ms)
{
	return (MIN(ms, EVER_MS) + TICKS_MS + 999) / 1000 * 1000;
}

static uint8_t *put_renew(struct sink *s, uint8_t *p, const struct sink_op *op, struct nft_elem *e)
{
	struct nft_link *k = &s->link;

	if (op->set->refresh_replace) {
		struct nft_elem old = { .at = e->at, .key = e->key, .key_len = e->key_len };

		/* It may have expired just now: what deletes is preceded by what makes sure that it is there. */
		if (!k->destroy)
			p = nft_elem_put(k, p, NFT_MSG_NEWSETELEM, NLM_F_CREATE, e);
		p = nft_elem_put(k, p, k->destroy ? NFT_DESTROYSETELEM : NFT_MSG_DELSETELEM, 0, &old);
	}
	return nft_elem_put(k, p, NFT_MSG_NEWSETELEM, NLM_F_CREATE, e);
}

/* One of another's: what it bears is told again, in case that it went in this moment. */
static uint8_t *put_foreign(struct sink *s, uint8_t *p, struct sink_op *op, struct nft_elem *e)
{
	const struct nlattr *data = NULL;
	struct sink_element found;
	char name[NFT_COMMENT];

	if (op->set->refresh_replace) {
		op->err = -EOPNOTSUPP;
		return NULL;
	}
	op->err = nft_elem_ask(&s->link, e->at, e->key, e->key_len, &found, name, &data);
	/* Never shorter. */
	if (op->err || found.left_ms >= e->ms)
		return NULL;
	e->comment = NULL;
	if (data) {
		e->data = mnl_attr_get_payload(data);
		e->data_len = mnl_attr_get_payload_len(data);
	}
	return nft_elem_put(&s->link, p, NFT_MSG_NEWSETELEM, NLM_F_CREATE, e);
}

/* The op's messages; NULL: it needs none, its err is what became of it. */
static uint8_t *put_op(struct sink *s, uint8_t *p, struct sink_op *op)
{
	const struct nft_set *n = op->set->priv;
	struct nft_elem e = { .at = nft_at(n), .key = op->key, .key_len = shape_len(&op->set->shape),
			      .ms = kernel_ms(op->ms), .comment = op->name ? op->name : "" };
	struct sink_element found;
	char name[NFT_COMMENT];

	op->err = op->set->present ? 0 : -ENOENT;
	if (op->err)
		return NULL;
	switch (op->what) {
	case SINK_ADD:
		return nft_elem_put(&s->link, p, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, &e);
	case SINK_RENEW:
		return op->foreign ? put_foreign(s, p, op, &e) : put_renew(s, p, op, &e);
	case SINK_DELETE:
		e.ms = 0;
		e.comment = NULL;
		if (s->link.destroy)
			return nft_elem_put(&s->link, p, NFT_DESTROYSETELEM, 0, &e);
		/* One that has expired would take the whole batch back, which costs milliseconds. */
		if (nft_elem_ask(&s->link, e.at, e.key, e.key_len, &found, name, NULL) == -ENOENT)
			return NULL;
		return nft_elem_put(&s->link, p, NFT_MSG_DELSETELEM, 0, &e);
	}
	op->err = -EINVAL;
	return NULL;
}

static void done(struct sink *s, struct sink_op *op, int err)
{
	/* What went by itself need not be deleted. */
	op->err = err == -ENOENT && op->what == SINK_DELETE ? 0 : err;
	s->ev->done(s->ctx, op);
}

/* Those of ops that fit into one batch, and their messages; gives how many were looked at. */
static size_t fill(struct sink *s, struct round *r, struct sink_op **ops, size_t n, uint8_t **end)
{
	struct nft_link *k = &s->link;
	uint8_t *p = nft_batch_start(k, k->out);
	size_t i;

	r->begin = k->seq;
	r->n = 0;
	r->failed = r->over = r->adds = false;
	r->all = 0;
	for (i = 0; i < n && r->n < BATCH; i++) {
		uint8_t *next;

		if ((size_t)(p - k->out) + 4 * NFT_MSG_MAX > k->out_max)
			break;
		r->first[r->n] = k->seq + 1;
		next = put_op(s, p, ops[i]);
		if (!next) {
			done(s, ops[i], ops[i]->err);
			continue;
		}
		r->op[r->n++] = ops[i];
		r->adds |= ops[i]->what == SINK_ADD;
		r->tail = k->tail;
		p = next;
	}
	*end = p;
	return i;
}

static struct sink_op *op_of(struct round *r, uint32_t seq)
{
	size_t low = 0, high = r->n;

	if (seq - r->begin > r->last - r->begin)
		return NULL;
	while (high - low > 1) {
		size_t mid = (low + high) / 2;

		if (r->first[mid] - r->begin <= seq - r->begin)
			low = mid;
		else
			high = mid;
	}
	return r->op[low];
}

static void take_reply(struct round *r, const struct nlmsghdr *nlh)
{
	struct sink_op *op = op_of(r, nlh->nlmsg_seq);
	int err = nlh->nlmsg_type == NLMSG_ERROR ? nft_error(nlh) : 0;

	if (!op || nlh->nlmsg_type != NLMSG_ERROR)
		return;
	if (nlh->nlmsg_seq == r->begin && err) {
		r->all = err;
		r->over = true;
	} else if (err) {
		r->failed = true;
		if (!op->err)
			op->err = err;
	}
	if (nlh->nlmsg_seq == r->last)
		r->over = true;
}

/* They can be read when the send returns; that of the last message, or one on the whole batch, is the last. */
static void replies(struct sink *s, struct round *r)
{
	struct nft_link *k = &s->link;

	while (!r->over) {
		ssize_t got = nft_read(k->req, k->in, 0);
		const struct nlmsghdr *nlh = (const void *)k->in;
		int len = (int)got;

		if (got <= 0) {
			r->all = got ? (int)got : -ETIMEDOUT;
			return;
		}
		for (; nft_msg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			take_reply(r, nlh);
	}
}

static void transact(struct sink *s, struct round *r, uint8_t *end)
{
	struct nft_link *k = &s->link;

	r->last = r->tail->nlmsg_seq;
	r->tail->nlmsg_flags |= NLM_F_ACK;
	end = nft_batch_end(k, end);
	if (mnl_socket_sendto(k->req, k->out, (size_t)(end - k->out)) < 0)
		r->all = -errno;
	else
		replies(s, r);
	if (r->all || r->failed)
		return;
	if (r->adds)
		k->commits++;
	else
		nft_gen_committed(s);
}

/* Those that failed are over, and all where none did; the others stay for the next round. */
static void settle(struct sink *s, struct round *r)
{
	size_t left = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct sink_op *op = r->op[i];

		if (r->all || !r->failed || op->err)
			done(s, op, r->all ? r->all : op->err);
		else
			r->op[left++] = op;
	}
	r->n = left;
}

static void send_all(struct sink *s, struct sink_op **ops, size_t n, unsigned round)
{
	struct round r;
	uint8_t *end;

	while (n) {
		size_t took = fill(s, &r, ops, n, &end);

		ops += took;
		n -= took;
		if (!r.n)
			continue;
		transact(s, &r, end);
		settle(s, &r);
		if (r.n && round < ROUNDS) {
			send_all(s, r.op, r.n, round + 1);
		} else if (r.n) {
			r.all = -EAGAIN;
			settle(s, &r);
		}
	}
}

void nft_submit(struct sink *s, struct sink_op **ops, size_t n)
{
	send_all(s, ops, n, 1);
}
