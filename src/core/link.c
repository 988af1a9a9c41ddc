/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/link.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "io/chan.h"

#define BUCKETS 1024

struct link {
	struct loop *loop;
	const struct export_page *page;
	struct chan *chan;			/* NULL: no agent */
	void (*ended)(void *ctx);		/* NULL: nobody wants to know */
	void *ctx;
	struct link_call *waiting[BUCKETS];	/* by seq */
	uint32_t seq;
	uint32_t first;				/* of those in the message that is being written */
	struct wr out;
	uint8_t room[CHAN_MAX];
};

struct link *link_new(struct loop *l, const struct export_page *page)
{
	struct link *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->loop = l;
	k->page = page;
	k->first = 1;
	k->out = wr_init(k->room, sizeof(k->room));
	return k;
}

static void forget(struct link_call *c)
{
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->prev = NULL;
}

void link_cancel(struct link_call *c)
{
	if (c->prev)
		forget(c);
}

static void wait_for(struct link *k, struct link_call *c)
{
	struct link_call **bucket = &k->waiting[c->seq % BUCKETS];

	c->next = *bucket;
	c->prev = bucket;
	if (c->next)
		c->next->prev = &c->next;
	*bucket = c;
}

static struct link_call *find(const struct link *k, uint32_t seq)
{
	struct link_call *c = k->waiting[seq % BUCKETS];

	while (c && c->seq != seq)
		c = c->next;
	return c;
}

static void fail(struct link_call *c, int err)
{
	struct proto_held h = { .seq = c->seq, .err = err };

	forget(c);
	c->held(c, &h);
}

void link_detach(struct link *k)
{
	struct chan *c = k->chan;

	k->chan = NULL;
	k->out = wr_init(k->room, sizeof(k->room));
	k->first = k->seq + 1;
	chan_close(c);
	/* a callback may end other calls, but starts none: there is no channel */
	for (size_t i = 0; i < BUCKETS; i++) {
		while (k->waiting[i])
			fail(k->waiting[i], LINK_DOWN);
	}
}

void link_free(struct link *k)
{
	if (!k)
		return;
	link_detach(k);
	free(k);
}

static void on_held(struct link *k, const struct proto_held *h)
{
	struct link_call *c = find(k, h->seq);

	/* too late: nobody waits any more */
	if (!c)
		return;
	forget(c);
	c->held(c, h);
}

static void on_message(void *ctx, const uint8_t *msg, size_t len)
{
	struct link *k = ctx;
	struct chan *from = k->chan;
	struct rd in = rd_init(msg, msg ? len : 0), body;
	enum proto_type type;
	struct proto_held held;
	int n = 0;

	/* what a callback does may end the channel */
	while (msg && k->chan == from && (n = proto_next(&in, &type, &body)) > 0) {
		if (type != PROTO_HELD || proto_get_held(&body, &held) < 0) {
			n = -EBADMSG;
			break;
		}
		if (held.err == LINK_DOWN)
			held.err = -EIO;
		on_held(k, &held);
	}
	if (k->chan != from || (msg && n >= 0))
		return;
	if (msg)
		log_warn("export agent: sent what cannot be read");
	link_detach(k);
	if (k->ended)
		k->ended(k->ctx);
}

void link_watch(struct link *k, void (*ended)(void *ctx), void *ctx)
{
	k->ended = ended;
	k->ctx = ctx;
}

void link_attach(struct link *k, int fd)
{
	link_detach(k);
	k->chan = chan_new(k->loop, fd, on_message, k);
	if (!k->chan)
		log_error("export agent: no memory for its channel");
}

const struct export_page *link_page(const struct link *k)
{
	return k->page;
}

static int send_out(struct link *k)
{
	int err = chan_send(k->chan, k->room, wr_len(&k->out));

	if (err < 0)
		return err;
	k->out = wr_init(k->room, sizeof(k->room));
	k->first = k->seq + 1;
	return 0;
}

int link_hold(struct link *k, struct proto_hold *h, struct link_call *c)
{
	if (!k->chan)
		return LINK_DOWN;
	h->seq = ++k->seq;
	proto_put_hold(&k->out, h);
	if (k->out.bad) {
		/* the message is full: it goes now, and this one begins the next */
		k->out.bad = false;
		if (!wr_len(&k->out) || send_out(k) < 0)
			return -ENOBUFS;
		h->seq = ++k->seq;
		proto_put_hold(&k->out, h);
		if (k->out.bad) {
			k->out.bad = false;
			return -ENOBUFS;
		}
	}
	c->seq = h->seq;
	wait_for(k, c);
	return 0;
}

void link_flush(struct link *k)
{
	uint32_t end;
	int err;

	if (!k->chan || !wr_len(&k->out))
		return;
	err = send_out(k);
	if (err == 0)
		return;
	/* the agent does not keep up: those of this message fail, and nothing is kept of them */
	end = k->seq;
	k->out = wr_init(k->room, sizeof(k->room));
	for (uint32_t seq = k->first; seq != end + 1; seq++) {
		struct link_call *c = find(k, seq);

		if (c)
			fail(c, err);
	}
	k->first = end + 1;
}
