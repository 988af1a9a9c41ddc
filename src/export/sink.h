/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_SINK_H
#define EXPORT_SINK_H

/*
 * The contract between the book of leases and what takes them: the kernel's nf_tables, its ipsets, a
 * file, somebody's socket. One sink is one such thing (one netlink socket, one file), and holds sets.
 *
 * Operations are given in batches and acknowledged one by one, in any order, never from within
 * `submit` of another batch, at the latest when the sink says so by -ETIMEDOUT. What the sink sees
 * of others it tells by its events. A sink never blocks longer than the kernel does.
 */

#include "export/shape.h"
#include "io/loop.h"

struct sink;

#define SINK_EVER UINT64_MAX		/* no timeout */

/* One set as its sink knows it. The memory is the book's; the sink fills what is marked so. */
struct sink_set {
	const struct conf_export *conf;
	enum export_family family;
	uint16_t index;			/* the book's */
	struct shape shape;		/* sink: read from the kernel; before that by conf */
	bool present;			/* sink: it is there and fit */
	bool refresh_replace;		/* sink: how an element's time is moved */
	char what[128];			/* sink: its name for messages, "inet lockdown update4" */
	void *priv;			/* sink */
};

enum sink_what {
	SINK_ADD,			/* the set must not have it: else -EEXIST, and nothing is changed */
	SINK_RENEW,			/* it has it: the time becomes `ms`, the rest stays */
	SINK_DELETE,			/* it may have it */
};

struct sink_op {
	enum sink_what what;
	struct sink_set *set;
	const uint8_t *key;		/* shape_len bytes, valid until acknowledged */
	uint64_t ms;			/* time to live from now */
	const char *name;		/* who opened it, escaped text: the element's comment */
	bool foreign;			/* SINK_RENEW of another's element: what it bears beside its time stays as it is */
	/* For sinks that tell somebody else. */
	const struct conf_port *ports;	/* of the lease, or NULL */
	size_t n_ports;
	int err;			/* the sink's, when acknowledged: 0 or -errno */
	void *ctx;			/* the book's */
};

/* What a set holds, by a dump or by `get`. */
struct sink_element {
	const uint8_t *key;
	uint64_t left_ms;		/* SINK_EVER: no timeout */
	bool ours;			/* bears our mark */
	const char *name;		/* its comment, "" without */
};

/* What a sink tells. ctx is the book's. Any of these may come from within any call but submit. */
struct sink_events {
	/* The op is over; op->err is set. */
	void (*done)(void *ctx, struct sink_op *op);
	/* The set came into being, or its shape was read anew: what it holds follows by `element`, then `dumped`. */
	void (*present)(void *ctx, struct sink_set *set);
	void (*element)(void *ctx, struct sink_set *set, const struct sink_element *e);
	/* A dump is over: what was not told by `element` since `present` or `dump` is not in the set. */
	void (*dumped)(void *ctx, struct sink_set *set, int err);
	/* Somebody else took the element out, or changed it (then `element` follows). */
	void (*removed)(void *ctx, struct sink_set *set, const uint8_t *key);
	/* All elements went at once; gone: the set itself too. by: process that did it, "" where it is not known. */
	void (*emptied)(void *ctx, struct sink_set *set, bool gone, const char *by);
	/* Events were lost (ENOBUFS): every set of this sink has to be compared with a dump. */
	void (*overrun)(void *ctx, struct sink *sink);
};


struct sink_kind {
	const char *name;		/* "nftables" */
	/*
	 * Opens it, in the process and network namespace it will work in. `why` gets the reason on failure. A set
	 * that is not there is no failure, one of a wrong type is: see add.
	 */
	struct sink *(*open)(struct loop *l, const struct sink_events *ev, void *ctx, const struct conf_export *c,
			     char *why, size_t why_len);
	void (*close)(struct sink *s);
	/*
	 * Takes a set in. 0; -ENOENT (-ENOTCONN where somebody has to listen): it is not there (it is looked for again
	 * by events and by `probe`); -EINVAL: it is of a type that cannot be used, `why` gets the message and the nft
	 * command that makes a right one; -errno. If it is there, `present`, `element`… and `dumped` follow, from
	 * within or later.
	 */
	int (*add)(struct sink *s, struct sink_set *set, char *why, size_t why_len);
	void (*remove)(struct sink *s, struct sink_set *set);
	/* set->conf is another now, of the same set. NULL: whatever it says is read when it is needed. */
	void (*conf)(struct sink *s, struct sink_set *set);
	/* Operations of one turn, for any of its sets, in order. Acknowledged by `done`; may be done before it returns. */
	void (*submit)(struct sink *s, struct sink_op **ops, size_t n);
	/* Somebody else's change is under way, and a submit would wait for its end; told by an event. NULL: never. */
	bool (*busy)(struct sink *s);
	/* Reads all events that wait, without blocking. Called before a batch is planned. */
	void (*poll)(struct sink *s);
	/* Is the set there now? 0, or -errno as add; makes it where create = yes. Cheap. `present` follows when it came. */
	int (*probe)(struct sink *s, struct sink_set *set);
	/* One element: 0, -ENOENT, -errno. e->key and e->name are valid until the next call. */
	int (*get)(struct sink *s, struct sink_set *set, const uint8_t *key, struct sink_element *e);
	/* Compares: `element`… and `dumped` follow, from within or later, a part a turn. */
	int (*dump)(struct sink *s, struct sink_set *set);
	bool reads;			/* has get and dump: holds elements by itself. Others forget with the process */
};

extern const struct sink_kind sink_nft, sink_ipset, sink_file, sink_socket;
/* What is wrong with a set, by -errno as sinks give it: for people. */
const char *sink_error(int err);
/* By the kind of an export. Exports of kind nftables share one sink, and ipset one; a file or socket is one each. */
const struct sink_kind *sink_kind_of(enum conf_export_kind kind);

#endif
