/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_CHAN_H
#define IO_CHAN_H

/*
 * One end of a pair of connected SOCK_SEQPACKET sockets between processes of ours: whole
 * messages, in order. Messages that the other end has no room for wait here, up to a bound.
 */

#include "io/loop.h"

#define CHAN_MAX 131072			/* bytes of one message */
#define CHAN_QUEUE ((size_t)16 << 20)	/* bytes that may wait */

struct chan;

/*
 * A message, or msg NULL, once: the other end is gone (or has sent what is no message); the channel is to be
 * closed. An empty message stands for the end.
 */
typedef void chan_fn(void *ctx, const uint8_t *msg, size_t len);

/* fd becomes the channel's. NULL without memory: then fd is closed. */
struct chan *chan_new(struct loop *l, int fd, chan_fn *cb, void *ctx);
/*
 * Sends, or queues behind what waits. -ENOBUFS over the bound (or without memory), -EMSGSIZE, -EPIPE (cb will be told
 * by NULL).
 */
must_check int chan_send(struct chan *c, const uint8_t *msg, size_t len);
/* Bytes that wait to be sent. */
size_t chan_queued(const struct chan *c);
/* Reads what waits now, and not when the loop gets there. Does nothing from within cb. */
void chan_poll(struct chan *c);
/* Stops reading, and goes on: whoever sends more than can be worked off has to wait. The end is not seen meanwhile. */
void chan_read(struct chan *c, bool on);
/* May be called from within cb. NULL is allowed. */
void chan_close(struct chan *c);

/* Both ends, non-blocking, close-on-exec, with buffers for CHAN_MAX. 0 or -errno. */
must_check int chan_pair(int fds[2]);
/* Sends descriptors beside a word of data, and takes them. Blocking; for the processes that start others. n <= 64. */
must_check int chan_send_fds(int fd, uint32_t word, const int *fds, size_t n);
/* Gives their number, -EPIPE at the end, or -errno. */
must_check int chan_take_fds(int fd, uint32_t *word, int *fds, size_t cap);

#endif
