/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_WAITER_H
#define CORE_WAITER_H

/* A client that waits for a query: what its reply needs, kept until it can be given. */

#include "core/query.h"

struct waiter {
	struct waiter *next;
	struct addr client;
	struct udp *udp;
	struct udp_peer peer;
	struct tcp_conn *conn;		/* NULL: over UDP */
	size_t limit;
	uint64_t since_us;
	struct wire_query q;		/* its msg is the one below */
	uint8_t msg[WIRE_HEADER + NAME_MAX_WIRE + 4];
};

/* NULL without memory. */
struct waiter *waiter_new(const struct request *r, uint64_t now_us);
/* Sends `len` bytes, 0: says nothing (close: and closes a TCP connection), and frees. */
void waiter_reply(struct waiter *wt, const uint8_t *msg, size_t len, bool close);

#endif
