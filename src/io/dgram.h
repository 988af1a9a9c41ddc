/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_DGRAM_H
#define IO_DGRAM_H

/*
 * Questions to upstreams over UDP. Those that one turn of the loop has for a server leave together by a socket of
 * their own, bound to a random port (RFC 5452 9.2) and connected, so that the kernel drops what comes from elsewhere; it is
 * closed with the last of them. Whoever would forge a reply has to guess the port among 64,512, the id among 65,536 and
 * the letters' case, as if each question had its own socket, which would cost as much as the rest of a question.
 */

#include "io/loop.h"

struct dgram;

#define DGRAM_USES 64			/* questions by one port */
#define DGRAM_GUESSES 8			/* replies that nobody asked for, and a port is given up */

/*
 * Called for each datagram with the id of the question, msg NULL with a negative errno in len for an error: ECONNREFUSED
 * and the like; EPROTO: somebody sends replies to this port that nobody asked for, ask by another way. The callback may
 * close the exchange.
 */
typedef void dgram_fn(void *ctx, const uint8_t *msg, ssize_t len);

/*
 * Queues msg, whose first two bytes are its id, for dgram_flush. Its cb is never called from within. NULL with
 * *err = -errno when it cannot be sent.
 */
struct dgram *dgram_send(struct loop *l, const struct endpoint *to, const uint8_t *msg, size_t len, dgram_fn *cb,
			 void *ctx, int *err);
/* Before the loop sleeps: what was queued goes out. */
void dgram_flush(struct loop *l);
/* NULL is allowed. */
void dgram_close(struct dgram *d);

#endif
