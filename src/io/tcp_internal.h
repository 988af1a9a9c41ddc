/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_TCP_INTERNAL_H
#define IO_TCP_INTERNAL_H

/* tcp.c listens and counts clients; tcp_conn.c has what one connection does. */

#include "io/acceptor.h"
#include "io/frame.h"
#include "io/loop_internal.h"
#include "io/outq.h"
#include "io/tcp.h"
#include "state/tally.h"

#define TCP_GATHER (128 * 1024)		/* answers of one read leave together; more than a prefix and 65535 bytes */

struct tcp_shared {
	struct tally *clients;		/* connections of each in this loop */
	size_t gathered;
	uint8_t gather[TCP_GATHER];
};

struct tcp {
	struct loop *loop;
	struct tcp_shared *shared;
	struct tcp_handler handler;
	struct tcp_limits *limits;
	struct acceptor acceptor;
	struct tcp_conn *conns;
};

struct tcp_conn {
	struct tcp *tcp;		/* NULL once the connection is closed */
	struct tcp_conn *next, **prev;
	struct endpoint client;
	int fd;
	struct watch *watch;
	struct timer idle, resume;
	uint64_t last;			/* when a question was whole or an answer went out */
	uint64_t part_since, out_since;	/* since when a question is incomplete, answers make no way */
	struct frame in;
	struct outq out;
	unsigned open;			/* TCP_LATERs */
	bool busy;			/* questions are being taken: what ends the connection waits until that is over */
	bool eof;			/* the client has said all */
	bool choked;			/* the client does not read: no more questions until all is sent */
	bool closing;
};

/* fd is closed and the client leaves when it fails. */
void tcp_conn_new(struct tcp *t, int fd, const struct endpoint *client);
/* Closes; the struct lives until its last TCP_LATER is answered. */
void tcp_conn_close(struct tcp_conn *c);
/* The client has a connection less. */
void tcp_leave(struct tcp *t, const struct addr *client);

#endif
