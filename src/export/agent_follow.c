/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "export/agent_internal.h"

static bool wanted(const struct agent *a)
{
	for (size_t i = 0; i < a->current->conf->n_exports; i++)
		if (a->current->conf->exports[i].follow)
			return true;
	return false;
}

static void rest(struct agent *a)
{
	timer_set(loop_timers(a->loop), &a->follow, loop_now(a->loop).mono_us + book_follow_window_us(a->book));
}

static void flow(void *ctx, const struct addr *client, const struct addr *addr, uint8_t proto, uint16_t port)
{
	struct agent *a = ctx;

	book_flow(a->book, client, addr, proto, port);
}

static void say(struct agent *a, int err)
{
	if (err != a->follow_err && err)
		log_warn("agent: flows cannot be read, leases end at their time: %s", strerror(-err));
	if (err != a->follow_err && !err)
		log_info("agent: flows are read again");
	a->follow_err = err;
}

static void read_over(void *ctx, int err)
{
	struct agent *a = ctx;

	say(a, err);
	rest(a);
}

static void look(struct timer *t)
{
	struct agent *a = container_of(t, struct agent, follow);
	int err;

	if (!a->flow || !book_follows(a->book)) {
		rest(a);
		return;
	}
	err = flow_read(a->flow, flow, read_over, a);
	if (err) {
		say(a, err);
		rest(a);
	}
}

void agent_follow_start(struct agent *a)
{
	char why[256] = "";

	if (a->flow) {
		/* how often may have changed; not while a reading goes on, which sets it at its end */
		if (a->follow.set)
			rest(a);
		return;
	}
	if (!wanted(a))
		return;
	a->flow = flow_open(a->loop, why, sizeof(why));
	if (!a->flow) {
		log_warn("agent: flows cannot be read, leases end at their time: %s", why);
		return;
	}
	a->follow.fire = look;
	rest(a);
}

void agent_follow_stop(struct agent *a)
{
	flow_close(a->flow);
	a->flow = NULL;
	timer_cancel(loop_timers(a->loop), &a->follow);
}
