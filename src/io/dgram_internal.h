/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_DGRAM_INTERNAL_H
#define IO_DGRAM_INTERNAL_H

/* Shared by dgram.c (exchanges, and which port takes them) and dgram_port.c (its socket). */

#include "io/dgram.h"

#define DGRAM_BUCKETS 32		/* of ids in flight on one port */
#define DGRAM_QUEUE 64
#define DGRAM_MSG 512			/* the longest question */
#define DGRAM_EVENTS 32

struct dgram_port;

struct dgram {
	struct dgram *next;		/* in its bucket */
	struct dgram_port *port;
	dgram_fn *cb;
	void *ctx;
	uint16_t id;
	bool answered;
};

/* One socket. */
struct dgram_port {
	struct dgram_port *next;	/* in the set's list of fresh or dead ones */
	struct dgram_set *set;
	struct endpoint to;
	int fd;				/* -1: closed */
	unsigned uses, open;		/* exchanges begun, and waiting */
	unsigned late;			/* exchanges that ended unanswered: so many stray replies mean nothing */
	unsigned guesses;
	bool fresh;			/* of this turn: takes more exchanges. Else it ends with the last of them */
	struct dgram *by_id[DGRAM_BUCKETS];
};

struct dgram_queued {
	struct dgram_port *port;	/* NULL: closed meanwhile */
	uint16_t id, len;
	uint8_t msg[DGRAM_MSG];
};

/* All of a loop, in an epoll set of their own that the loop watches: sockets come and go without libuv's handles. */
struct dgram_set {
	struct loop *loop;
	int epfd;
	struct watch *watch;
	struct dgram_port *fresh;
	unsigned busy;			/* callbacks are under way: ports that are closed stay in memory, in `dead` */
	struct dgram_port *dead;
	unsigned n_queued;
	struct dgram_queued queue[DGRAM_QUEUE];
};

/* A socket on a random port. NULL with *err. */
struct dgram_port *dgram_port_open(struct dgram_set *set, const struct endpoint *to, int *err);
/* Nobody waits on it. */
void dgram_port_close(struct dgram_port *p);
/* Takes no more exchanges; closed when the last one ends. */
void dgram_retire(struct dgram_port *p);
/* Every exchange on the port is told; it is retired, and p may be gone unless the set is busy. */
void dgram_port_fail(struct dgram_port *p, int err);
/* Around what calls callbacks: until the last leave no port's memory goes. */
void dgram_enter(struct dgram_set *set);
void dgram_leave(struct dgram_set *set);
/* The loop's watch of the set: reads what came. */
void dgram_ready(void *ctx, int events);
struct dgram *dgram_find(const struct dgram_port *p, uint16_t id);

#endif
