/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake.h"

#include <errno.h>
#include <stdlib.h>

#include "io/chan.h"

/* In the place of io/chan: the script is the agent. */

struct chan {
	struct loop *loop;
	chan_fn *cb;
	void *ctx;
};

struct grant_sent *fake_grants;
unsigned fake_messages;
static struct chan *channel;		/* the worker's */
static bool stuck;

struct chan *chan_new(struct loop *l, int fd, chan_fn *cb, void *ctx)
{
	struct chan *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct chan){ .loop = l, .cb = cb, .ctx = ctx };
	fake_handle(l, 1);
	channel = c;
	return c;
}

void chan_close(struct chan *c)
{
	if (!c)
		return;
	if (c == channel)
		channel = NULL;
	fake_handle(c->loop, -1);
	free(c);
}

static void store(struct rd *body)
{
	struct grant_sent *g = calloc(1, sizeof(*g)), **end = &fake_grants;

	if (!g)
		abort();
	if (proto_get_hold(body, &g->hold, &g->room) < 0) {
		fake_fault("a grant was sent that cannot be read");
		free(g);
		return;
	}
	memcpy(g->chain, g->hold.chain, g->hold.chain_len);
	g->hold.chain = g->chain;
	while (*end)
		end = &(*end)->next;
	*end = g;
}

int chan_send(struct chan *c, const uint8_t *msg, size_t len)
{
	struct rd in = rd_init(msg, len), body;
	enum proto_type type;
	int n;

	if (stuck)
		return -ENOBUFS;
	if (len > CHAN_MAX)
		return -EMSGSIZE;
	fake_messages++;
	while ((n = proto_next(&in, &type, &body)) > 0) {
		if (type == PROTO_HOLD)
			store(&body);
		else
			fake_fault("a record of type %d was sent to the agent", type);
	}
	if (n < 0)
		fake_fault("what was sent to the agent cannot be read");
	return 0;
}

bool fake_agent_says(const uint8_t *msg, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	if (channel && msg)
		memcpy(copy, msg, len);
	if (!channel) {
		free(copy);
		return false;
	}
	channel->cb(channel->ctx, msg ? copy : NULL, len);
	free(copy);
	return true;
}

void fake_agent_stuck(bool is)
{
	stuck = is;
}

void fake_agent_reset(void)
{
	while (fake_grants) {
		struct grant_sent *g = fake_grants;

		fake_grants = g->next;
		free(g);
	}
	channel = NULL;
	stuck = false;
	fake_messages = 0;
}
