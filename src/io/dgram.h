/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_DGRAM_H
#define IO_DGRAM_H

/*
 * One question to an upstream over UDP, from a socket of its own, bound to a
 * random port (RFC 5452 9.2) and connected, so that the kernel drops what
 * comes from elsewhere.
 */

#include "io/loop.h"

struct dgram;

/*
 * Called for each datagram that comes back, msg NULL with a negative errno in len for an
 * error of the socket (ECONNREFUSED). The callback may close the exchange.
 */
typedef void dgram_fn(void *ctx, const uint8_t *msg, ssize_t len);

/* Sends. NULL with *err = -errno when it cannot be sent. */
struct dgram *dgram_send(struct loop *l, const struct endpoint *to, const uint8_t *msg, size_t len, dgram_fn *cb,
			 void *ctx, int *err);
/* NULL is allowed. */
void dgram_close(struct dgram *d);

#endif
