/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_FLOW_H
#define EXPORT_FLOW_H

/*
 * The flows that live, from the kernel's table of connections (conntrack): what `follow = conntrack` goes by. The
 * table is read when asked, in parts; it is not watched.
 */

#include "base/addr.h"
#include "io/loop.h"

struct flow;

/* A flow in its original direction, before any translation: `client` began it, `addr` and `port` are where to. */
typedef void flow_fn(void *ctx, const struct addr *client, const struct addr *addr, uint8_t proto, uint16_t port);
/* The reading is over: err 0, or -errno and not all were told. */
typedef void flow_done_fn(void *ctx, int err);

/* In the network namespace of the caller. NULL with the reason in `why`. */
struct flow *flow_open(struct loop *l, char *why, size_t why_len);
/*
 * Reads the table, a part a turn, and calls each for every flow that lives: TCP that is established or half closed,
 * UDP that was answered. Then done, once, never from within this call. -EBUSY while one goes on, -errno: then done is
 * not called.
 */
must_check int flow_read(struct flow *f, flow_fn *each, flow_done_fn *done, void *ctx);
/* May be called from within each and done; done is not called any more. NULL is allowed. */
void flow_close(struct flow *f);

#endif
