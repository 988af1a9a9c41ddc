/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_PROTO_H
#define EXPORT_PROTO_H

/*
 * What server and agent say to each other: records of a type byte, a length of 32 bits and a body, numbers in
 * network byte order, several to a message of a channel. Either end takes the other for hostile: a
 * record that cannot be read ends the channel.
 *
 * On a worker's channel: HOLD, answered by HELD, in any order. On the main thread's: one request at a
 * time, answered by any number of records and END. An agent that has started says PREPARED and END unasked. REVIEW comes
 * by itself after a COMMIT, and of what a new agent found in its sets.
 */

#include "base/addr.h"
#include "conf/conf.h"
#include "dns/name.h"
#include "dns/wire.h"
#include "policy/exports.h"

enum proto_type {
	PROTO_HOLD = 1, PROTO_HELD,
	/* requests of the main thread */
	PROTO_PREPARE,			/* read the configuration anew and get its sets ready: PREPARED, END */
	PROTO_COMMIT,			/* the prepared one is in force: END; then REVIEW… and REVIEWED at its end */
	PROTO_ABORT,			/* forget the prepared one: END */
	PROTO_LIST,			/* leases, of one address or all: LEASE…, END */
	PROTO_CLOSE,			/* the same, and close them: CLOSED, END */
	PROTO_STATUS,			/* SET…, END */
	PROTO_VERDICT,			/* on a REVIEW: whether it may go on */
	/* answers */
	PROTO_PREPARED, PROTO_LEASE, PROTO_CLOSED, PROTO_SET, PROTO_REVIEW, PROTO_REVIEWED, PROTO_END,
};

#define PROTO_HEAD 5			/* type and length */
#define PROTO_ADDRS 4096		/* of one HOLD: more do not fit into an answer */
#define PROTO_PORTS 256			/* CATALOG_PORTS */
#define PROTO_CHAIN (17 * NAME_MAX_WIRE)
#define PROTO_FILE 4096
#define PROTO_TEXT 65536		/* of PREPARED */

/* Addresses that an answer is about to give out, and for how long. */
struct proto_hold {
	uint32_t seq;
	uint64_t layout;		/* struct exports.hash of the snapshot it was judged by */
	uint64_t exports;		/* bits: the profile's */
	uint64_t profile;		/* struct profile.id */
	uint32_t ttl;			/* seconds that the client will be told */
	struct addr client;
	struct name name;		/* asked for */
	const uint8_t *chain;		/* names that the answer led to, in wire form one behind the other */
	uint16_t chain_len;
	const char *file;		/* of the entry that allowed it, with its line; "": none */
	uint16_t file_len;
	uint32_t line;
	const struct conf_port *ports;	/* what to open; at least one */
	size_t n_ports;
	const struct addr *addrs;	/* at least one */
	size_t n_addrs;
};

struct proto_held {
	uint32_t seq;
	int32_t err;			/* 0: all of them are held; else -errno of the first that is not */
	uint64_t until_us;		/* mono_us: a TTL that ends by then is covered; 0 after an error */
	uint32_t epoch;			/* of the page, in which this was confirmed */
	bool by_client;			/* holds for this client alone */
};

struct proto_lease {
	uint16_t export;		/* index in the configuration in force */
	char set[128];
	struct addr addr, client;	/* client len 0: for all */
	uint8_t proto;			/* 0: any */
	uint16_t port;			/* 0: any */
	uint32_t seconds;		/* left */
	struct name name;		/* len 0: adopted, and not known any more */
	uint8_t chain[PROTO_CHAIN];
	uint16_t chain_len;
	char file[PROTO_FILE];
	uint32_t line;
};

/* One set in `status`. */
struct proto_set {
	uint16_t export;
	char set[128], kind[16];
	bool six;			/* of IPv6 addresses */
	bool present, by_client;
	uint8_t breaker;		/* 0 closed: all is well, 1 open, 2 being tried */
	uint64_t leases, foreign;	/* held by us; elements of others that we rely on */
	uint64_t added, renewed, deleted, failed, lost, refilled;
	int32_t err;			/* the last failure, -errno or 0 */
	uint32_t err_age;		/* seconds since */
};

/* A name that opened leases, to be judged by the configuration that is now in force. */
struct proto_review {
	uint32_t id;
	uint64_t profile;		/* 0: not known (adopted) */
	struct name name;
};

struct proto_verdict {
	uint32_t id;
	bool ok;
	uint64_t exports;		/* bits, of the profile */
	struct conf_port ports[PROTO_PORTS];
	size_t n_ports;
};

/*
 * Writers append one record; w.bad after lack of room, and then nothing of it was written. Readers take the next
 * record's body as rd_… gave it: 0 or -EBADMSG; what points into the message lives as long as it does.
 */
void proto_put_hold(struct wr *w, const struct proto_hold *h);
void proto_put_held(struct wr *w, const struct proto_held *h);
void proto_put_lease(struct wr *w, const struct proto_lease *l);
void proto_put_set(struct wr *w, const struct proto_set *s);
void proto_put_review(struct wr *w, const struct proto_review *r);
void proto_put_verdict(struct wr *w, const struct proto_verdict *v);
/* PREPARED: err 0 with the layout's hash and warnings, else the reasons, a line each. What is too long is cut. */
void proto_put_prepared(struct wr *w, int32_t err, uint64_t layout, const char *text);
/* CLOSED, REVIEWED: how many leases. */
void proto_put_count(struct wr *w, enum proto_type type, uint64_t n);
/* LIST, CLOSE: of one address, NULL: all. */
void proto_put_address(struct wr *w, enum proto_type type, const struct addr *a);
/* PREPARE, COMMIT, ABORT, STATUS, END. */
void proto_put_bare(struct wr *w, enum proto_type type);

/* The next record of a message: 1 with its type and body; 0 at the end, -EBADMSG. */
must_check int proto_next(struct rd *msg, enum proto_type *type, struct rd *body);
/* Room for what a HOLD's pointers point to beside the message. */
struct proto_room {
	struct conf_port ports[PROTO_PORTS];
	struct addr addrs[PROTO_ADDRS];
	char file[PROTO_FILE];
};
must_check int proto_get_hold(struct rd *body, struct proto_hold *h, struct proto_room *room);
must_check int proto_get_held(struct rd *body, struct proto_held *h);
must_check int proto_get_lease(struct rd *body, struct proto_lease *l);
must_check int proto_get_set(struct rd *body, struct proto_set *s);
must_check int proto_get_review(struct rd *body, struct proto_review *r);
must_check int proto_get_verdict(struct rd *body, struct proto_verdict *v);
/* text gets a copy, cap bytes with its NUL. */
must_check int proto_get_prepared(struct rd *body, int32_t *err, uint64_t *layout, char *text, size_t cap);
must_check int proto_get_count(struct rd *body, uint64_t *n);
/* len 0: all. */
must_check int proto_get_address(struct rd *body, struct addr *a);

#endif
