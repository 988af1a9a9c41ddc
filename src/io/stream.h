/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_STREAM_H
#define IO_STREAM_H

/*
 * A kept, pipelined TCP connection to one upstream server (RFC 7766). It is
 * opened by the first call, closed when idle for STREAM_IDLE, opened anew by the next.
 */

#include "io/loop.h"

struct stream;
struct stream_call;

#define STREAM_IDLE_MS 10000
#define STREAM_CALLS 256		/* open calls on one connection; more fail with -EBUSY */

/*
 * The reply, whose id is the call's, or msg NULL and a negative errno in len: the connection failed or closed. The
 * call is over.
 */
typedef void stream_fn(void *ctx, const uint8_t *msg, ssize_t len);

struct stream *stream_new(struct loop *l, const struct endpoint *to);
/*
 * Sends msg (without the length prefix, which is added) under a random id that no
 * other call of the connection has; it is written to *id. cb is never called from within. NULL with
 * *err. A call that met a kept connection which the other side had closed is sent once more on a new one.
 */
struct stream_call *stream_send(struct stream *s, const uint8_t *msg, size_t len, uint16_t *id, stream_fn *cb,
				void *ctx, int *err);
/* Forgets the call (a time-out): a late reply to its id is dropped. */
void stream_cancel(struct stream_call *call);
/* Closes; open calls get -ECANCELED. NULL is allowed. */
void stream_free(struct stream *s);

#endif
