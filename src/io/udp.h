/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_UDP_H
#define IO_UDP_H

/*
 * The listening side of UDP: recvmmsg and sendmmsg of a batch through uv_poll.
 * A reply leaves from the address that was asked.
 */

#include "io/loop.h"

struct udp;

struct udp_peer {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} from;
	struct addr local;		/* the address asked, on wildcard sockets; else len 0 */
	uint32_t ifindex;		/* and the interface */
};

#define UDP_BATCH 64
#define UDP_REPLY_MAX 1232		/* no reply over UDP is longer */

/*
 * Called for every datagram (none that is empty or from port 0; longer ones than
 * 4096 bytes are dropped). Gives the length of the reply written to out (room: UDP_REPLY_MAX), or
 * 0: none now, or none at all.
 */
typedef size_t udp_query_fn(void *ctx, struct udp *u, const struct udp_peer *peer, const uint8_t *msg, size_t len,
			    uint8_t *out);

/* Serves fd, which becomes the listener's. NULL without memory (fd is then closed). */
struct udp *udp_new(struct loop *l, int fd, udp_query_fn *query, void *ctx);
/* A reply of the slow path: queued, and sent by udp_flush. The bytes are copied. A full queue drops it. */
void udp_send(struct udp *u, const struct udp_peer *peer, const uint8_t *msg, size_t len);
/*
 * Sends what is queued with sendmmsg; a destination that the kernel refuses is
 * skipped, what a full socket buffer leaves is kept and sent when it is writable.
 */
void udp_flush(struct udp *u);
/* Not from within the callback. NULL is allowed. */
void udp_close(struct udp *u);

#endif
