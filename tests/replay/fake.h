/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REPLAY_FAKE_H
#define REPLAY_FAKE_H

/*
 * In the place of src/io: a loop whose clocks the script turns, sockets that lead
 * to the script, and a count of what was left open. One worker, one thread.
 */

#include "dns/wire.h"
#include "export/proto.h"
#include "io/dgram.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/tcp.h"
#include "io/udp.h"

/* The clocks go on by so much; every timer fires at its own time on the way. Suspended, only the TTLs' clock goes. */
void fake_time_passes(struct loop *l, uint64_t ms);
void fake_suspend(uint64_t ms);
void fake_time_reset(void);
/* What a turn of the loop does: timers that are due, then the hook before sleep. */
void fake_turn(struct loop *l);
/* To the next timer, if one is due within `ms`. */
bool fake_next_timer(struct loop *l, uint64_t ms);
/* A handle was opened (1) or closed (-1). */
void fake_handle(struct loop *l, int by);

/* What the core did that no script allows: reported at the command that is being run. */
void fake_fault(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Questions to the listening side. */
void fake_udp_ask(struct udp *u, const struct udp_peer *peer, const uint8_t *msg, size_t len);
/* NULL: refused. A connection is freed by fake_tcp_hangup and not before. */
struct tcp_conn *fake_tcp_connect(struct tcp *t, const struct endpoint *client);
void fake_tcp_ask(struct tcp_conn *c, const uint8_t *msg, size_t len);
bool fake_tcp_closed(const struct tcp_conn *c);
void fake_tcp_hangup(struct tcp_conn *c);
/* And what comes back, to the script. */
void fake_got_udp(const struct udp_peer *peer, const uint8_t *msg, size_t len);
void fake_got_tcp(struct tcp_conn *c, const uint8_t *msg, size_t len);

/* What went upstream, in order, kept until fake_upstream_reset. */
struct exchange {
	struct exchange *next;
	struct endpoint to;
	uint8_t msg[WIRE_QUERY_MAX];
	size_t len;
	uint16_t id;
	struct dgram *dgram;		/* NULL: TCP, or closed */
	struct stream_call *call;	/* NULL: UDP, or over */
	bool tcp, seen;
	char label[32], server[32];	/* as the script calls them */
};

extern struct exchange *fake_exchanges;

static inline bool fake_open(const struct exchange *x)
{
	return x->dgram || x->call;
}

/* False: nobody listens any more. */
bool fake_deliver(struct exchange *x, const uint8_t *msg, size_t len);
/* An error of the socket; on TCP the connection ends, with every call on it. */
bool fake_break(struct exchange *x, int err);
/* From now on nothing can be sent there. */
void fake_unreachable(const struct addr *a);
void fake_upstream_reset(void);

/* Grants that went to the agent, in order, kept until fake_agent_reset. */
struct grant_sent {
	struct grant_sent *next;
	struct proto_hold hold;
	struct proto_room room;
	uint8_t chain[PROTO_CHAIN];
	bool seen, every;		/* every: of a crowd, and not answered */
	char label[32];
};

extern struct grant_sent *fake_grants;
extern unsigned fake_messages;		/* to the agent */

/* A message of the agent's, NULL: it is gone. False: there is no channel. */
bool fake_agent_says(const uint8_t *msg, size_t len);
/* It reads nothing, and there is no room for more. */
void fake_agent_stuck(bool is);
void fake_agent_reset(void);

/* Calls of malloc, calloc and realloc so far. */
unsigned long heap_calls(void);
void heap_watch(void);

#endif
