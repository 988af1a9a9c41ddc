/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_SERVE_H
#define CORE_SERVE_H

/*
 * Every question: parsed, given a profile, decided. A block, a local answer and a cached one are written
 * in place, without allocating (I4); the rest becomes a query.
 */

#include "core/waiter.h"
#include "core/worker.h"

/* The handlers of the listening sockets; ctx is the struct worker. */
udp_query_fn serve_udp;
extern const struct tcp_handler serve_tcp_handler;

/* Serves the question of one who waited, as if it came now; the waiter is gone then. */
void serve_again(struct worker *w, struct waiter *wt);

#endif
