/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_TCP_H
#define IO_TCP_H

/*
 * The listening side of TCP (RFC 7766): framing, pipelined questions, answers in
 * any order, idle time-out, caps, and back-pressure: a connection with
 * TCP_PIPELINE questions open, or that does not read its answers, is not read from.
 */

#include <stdatomic.h>

#include "io/loop.h"

struct tcp;			/* one listening socket */
struct tcp_conn;

#define TCP_PIPELINE 100

/*
 * Shared by all listeners (clients) and of one worker (per client); 0: no limit. Read at each connection: reload
 * writes them.
 */
struct tcp_limits {
	atomic_uint clients, per_client, idle_ms;
	atomic_uint open;			/* connections there are now, of all workers */
};

enum tcp_verdict {
	TCP_REPLIED,				/* *outlen bytes are in out */
	TCP_LATER,				/* tcp_reply or tcp_drop will come */
	TCP_IGNORED,				/* no answer to this one */
	TCP_CLOSE,				/* close the connection */
};

struct tcp_handler {
	/* Whether this client may connect at all. */
	bool (*accept)(void *ctx, const struct endpoint *client);
	/* One question; out has room for 65535 bytes. */
	enum tcp_verdict (*query)(void *ctx, struct tcp_conn *conn, const struct endpoint *client, const uint8_t *msg,
				  size_t len, uint8_t *out, size_t *outlen);
	void *ctx;
};

/* Serves fd, which becomes the listener's. Per-client counts are kept per loop. NULL without memory. */
struct tcp *tcp_new(struct loop *l, int fd, const struct tcp_handler *h, struct tcp_limits *limits);
/* The answer to a TCP_LATER. Harmless to a connection gone meanwhile: conn is valid until its last one is given. */
void tcp_reply(struct tcp_conn *conn, const uint8_t *msg, size_t len);
/* There will be no answer to a TCP_LATER; `close`: nor a connection. */
void tcp_drop(struct tcp_conn *conn, bool close);
/* Stops listening and closes every connection; not from within a handler. NULL is allowed. */
void tcp_close(struct tcp *t);

#endif
