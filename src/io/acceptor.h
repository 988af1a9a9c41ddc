/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_ACCEPTOR_H
#define IO_ACCEPTOR_H

/*
 * Takes connections from a listening socket, a few a turn, and pauses when
 * the machine is short of descriptors or memory, for the socket would stay readable all the while.
 */

#include "io/loop.h"

#define ACCEPTOR_BATCH 16
#define ACCEPTOR_PAUSE_MS 100

struct acceptor {
	struct loop *loop;
	int fd;
	struct watch *watch;
	struct timer pause;
	/* The connection (non-blocking, close-on-exec) becomes the callback's. It must not stop the acceptor. */
	void (*cb)(void *ctx, int fd, const struct sockaddr *from);
	void *ctx;
};

/* fd stays the caller's when it fails (-ENOMEM). */
must_check int acceptor_start(struct acceptor *a, struct loop *l, int fd,
			      void (*cb)(void *ctx, int fd, const struct sockaddr *from), void *ctx);
/* Closes fd. */
void acceptor_stop(struct acceptor *a);

#endif
