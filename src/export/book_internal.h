/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_BOOK_INTERNAL_H
#define EXPORT_BOOK_INTERNAL_H

/*
 * What the parts of the book share. Invariants, which every part keeps:
 *
 * B1  A hold is answered well only by leases whose `held` the set confirmed (an ack, a dump's element, a get) in the
 *     epoch that the answer bears. When the epoch went on while a hold waited, all of it is planned again.
 * B2  `held` is never more than what the set has: it counts from before the operation was submitted; book_held
 *     is the only way to ask for it, and knows which of them count no more since a flush or an overrun.
 * B3  When something that leases rely on is lost, the epoch goes up before anything else is done.
 * B4  `own` becomes later only by an ack or by what is held already: what failed was never granted. Nothing here makes
 *     it earlier but a close.
 * B5  One operation at a time is under way on a lease; whoever needs it meanwhile waits for its end.
 * B6  Elements of others get no SINK_DELETE, and a SINK_RENEW only to a later time.
 */

#include "base/clock.h"
#include "export/book.h"
#include "state/lease.h"

#define BOOK_LEASES 4000000u		/* of all sets */
#define BOOK_ELEMENTS 65536u		/* of one hold */
#define BOOK_HOLDS_BYTES ((size_t)64 << 20)	/* of the holds that wait */
#define BOOK_PLAN 8192			/* elements planned in one turn, but for the last hold's */
#define BOOK_CHUNK 1000			/* operations of one refill transaction */
#define BOOK_SCAN 16384			/* leases looked at in one refill turn */
#define BOOK_WINDOW 4000		/* operations under way in a set beyond which refilling waits */
#define BOOK_MEND 1024			/* single leases to be put right before a whole walk is the simpler way */
#define BOOK_FAR (UINT64_MAX / 4)	/* an answer's `until` without an end */

/* The kernel counts in ticks of up to 10 ms: an element gets so much more than is promised. */
#define BOOK_TICK_MS 20
/* So that a TTL in whole seconds is still whole when the ack took its time. With BOOK_TICK_MS half a second. */
#define BOOK_ACK_US (480 * CLOCK_MS)
/* An element that is told by a dump may be told late. */
#define BOOK_LATE_US (50 * CLOCK_MS)

/*
 * A kernel tells of a large transaction late: so that what it takes out of large sets is noticed in time, they are looked
 * after this often. Small ones it tells of at once.
 */
#define BOOK_LARGE 2000
#define BOOK_LOOK_US (3 * CLOCK_MS)

#define BOOK_BACKOFF_MIN (5 * CLOCK_MS)
#define BOOK_BACKOFF_MAX CLOCK_S
#define BOOK_COMMENT 127		/* bytes of a name that the shortest comment of an element has room for */
#define BOOK_BEFORE_US (60 * CLOCK_S)	/* how long the configuration before is served */
#define BOOK_DYING_US (10 * CLOCK_S)	/* how long a set that is given up may take to be emptied */

struct book_sink {
	struct book_sink *next;
	const struct sink_kind *kind;
	struct sink *sink;
	struct conf_export *conf;	/* a copy that lives as long */
	unsigned sets;
	struct sink_op **batch;
	size_t n, cap;
};

/* What `held` of a lease is worth whose gen is not the set's. */
enum book_know { KNOW_ALL, KNOW_ASK, KNOW_LOST };
enum book_breaker { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_TRYING };

struct book_set {
	struct sink_set set;		/* first: the sink's events name it */
	struct book *book;
	struct book_set *next;
	struct book_sink *sink;
	struct conf_export *conf;	/* a copy that lives as long */
	unsigned refs;			/* slots of layouts */
	bool added;			/* the sink knows it */
	bool dying;			/* no layout has it: it is emptied of ours */
	uint64_t dying_until;
	struct leases leases;
	struct shape shape;		/* of the keys in `leases` */

	enum book_know know;
	uint16_t gen;
	bool dumping, redo;		/* a dump runs; it has to be run again */
	bool deaf;			/* what it tells is of before a flush */
	bool reshape;			/* its keys are of another shape now: begins anew when nothing is under way */
	uint32_t ops;			/* under way */

	bool walking;			/* all its leases are looked at, a part a turn */
	uint32_t cursor, sweep;
	struct lease **mend;		/* single ones that are to be put right */
	size_t n_mend, cap_mend;
	uint64_t lost_at, put_back;	/* the refill under way; 0: none */

	enum book_breaker breaker;
	int err;			/* why it is not closed */
	bool token;			/* trying: one operation may go through */
	uint64_t backoff;
	struct timer probe;
	int last_err;
	uint64_t last_err_at;
	int said;			/* why it is not closed, as the log has it; 0: it is */
	uint64_t said_at;
	unsigned says;			/* changes told since the log was silent for a while */
	uint64_t mended;		/* what others took that is back, and not told yet */
	uint32_t odd;			/* answers of the sink in a row that contradict each other */
	struct { uint64_t added, renewed, deleted, failed, lost, refilled; } n;
};

struct layout {
	struct layout *next;		/* of those that are gone */
	const struct conf *conf;
	const struct exports *exports;
	const struct guard *guard;
	uint32_t max_ttl;
	struct book_set *sets[EXPORTS_MAX * 2];
};

/* What a hold wants of one export. */
struct book_part {
	uint64_t grace, min_time;	/* seconds */
	bool or_answer, private;
	struct book_set *set[2];
	bool failed, late;
	uint32_t pending;
	uint64_t until;			/* the least of what is held */
	uint64_t deadline;
};

struct book_hold {
	struct book_hold *next, *prev;	/* all of them */
	struct book_hold *plan_next;	/* of those that are to be planned, in the order they came */
	struct book *book;
	void *who;
	struct timer timer;
	struct layout *layout;
	uint32_t opener;
	struct proto_hold ask;		/* points behind the struct */
	size_t bytes;
	uint64_t came;
	bool planned, answered, forgotten;
	int err;
	bool by_client;
	uint32_t epoch;
	uint64_t asked_at;		/* when it was planned */
	uint32_t pending;		/* waiters that point here */
	size_t n_parts;
	struct book_part *parts;	/* behind the struct too */
};

/* Somebody who needs a lease that an operation is under way on. */
struct book_waiter {
	struct slot slot;
	uint32_t next;
	uint32_t part;
	struct book_hold *hold;
	uint32_t tries;
	uint64_t need, make;		/* until */
};

struct book_op {
	struct slot slot;
	uint32_t id, waiters, opener, next_over;
	struct sink_op op;
	struct book_set *set;
	struct lease *lease;
	uint64_t until;
	struct conf_port *ports;	/* all of its openers', where the sink tells of them */
	uint16_t gen;			/* the set's when it was planned */
	bool doubt;			/* the element was taken out since: before or after it was put in? */
	bool refill, over;
};

struct book {
	struct loop *loop;
	struct export_page *page;
	book_held_fn *held;
	void *ctx;
	const struct sink_kind *(*kind_of)(enum conf_export_kind kind);
	struct sink_events events;
	struct book_sink *sinks;
	struct book_set *sets;
	uint16_t next_index;
	struct layout *force, *prepared, *before, *gone;
	bool forgives;			/* the next to be prepared */
	struct timer before_timer;
	struct openers openers;
	uint64_t leases;		/* of all sets */
	uint64_t max_leases;
	struct slots ops, waiters;
	uint32_t over, over_last;	/* operations that ended, to be looked at in their order */
	struct book_hold *holds, *plan, **plan_end;
	size_t holds_bytes;
	struct timer again;		/* there is more to do at once */
	struct timer tick, look;
	uint32_t review, review_at;
	bool review_again, review_adopted;	/* once more; of those alone that were adopted */
	bool adopted;			/* something was, that is not judged */
	struct proto_lease *row;
};

static inline struct now book_now(const struct book *b)
{
	return loop_now(b->loop);
}
static inline uint32_t book_epoch(const struct book *b)
{
	return atomic_load_explicit(&b->page->epoch, memory_order_relaxed);
}
/* B3 */
static inline void book_lost(struct book *b)
{
	atomic_fetch_add_explicit(&b->page->epoch, 1, memory_order_seq_cst);
}
/* B2: until when the set surely has it; *known is false where it has to be asked. */
static inline uint64_t book_held(const struct book_set *s, const struct lease *l, bool *known)
{
	*known = l->gen == s->gen || s->know != KNOW_ASK;
	return l->gen == s->gen || s->know == KNOW_ALL ? l->held : 0;
}
/*
 * Nobody wants it any more. Who only listens may have been told of it before he was away: then he is told of the end too,
 * when he is back.
 */
static inline void book_unwant(struct book_set *s, struct lease *l, uint64_t now)
{
	bool known, held = book_held(s, l, &known) > now, told = !s->sink->kind->reads && lease_wanted(l) > now;

	lease_forget(&s->leases, l);
	l->closing = !l->foreign && (l->op || held || !known || told);
}
/* It is known not to have it. */
static inline void book_has_not(const struct book_set *s, struct lease *l)
{
	l->held = 0;
	l->gen = s->gen;
	l->foreign = 0;
}
/* It is relied on: granted, and held. */
static inline bool book_relied(const struct book_set *s, const struct lease *l, uint64_t now)
{
	return lease_wanted(l) > now && (l->gen == s->gen || s->know != KNOW_LOST) && l->held > now;
}

/* book.c */
/* The next turn comes at once. */
void book_again(struct book *b);
/* Lets go of a lease that nothing is left of. */
void book_settle(struct book_set *s, struct lease *l);

/* book_layout.c */
struct layout *layout_by_hash(struct book *b, uint64_t hash);
void book_page(struct book *b);
/* The first export of the layout that has the set; all of them as bits. */
uint64_t layout_bits(const struct layout *y, const struct book_set *s, uint16_t *first);
/* Whether the set may hold the address by the configuration in force: a private one only where it says so. */
bool book_may_hold(const struct book_set *s, const struct lease *l);

/* book_set.c */
struct book_set *book_set_find(struct book *b, const struct conf_export *c, enum export_family family);
int book_set_new(struct book *b, const struct conf_export *c, enum export_family family, struct book_set **out,
		 char *why, size_t why_len);
/* The settings of a configuration that came later. -ENOMEM: the old ones stay. */
int book_set_conf(struct book_set *s, const struct conf_export *c);
/* All of ours is to be taken out. Gives how many. */
uint64_t book_set_close(struct book_set *s);
/* No layout has it any more. */
void book_set_dying(struct book_set *s);
/* Takes it out of its sink and of the book, whatever it still holds. */
void book_set_free(struct book_set *s);
void book_set_shape(struct book_set *s);
struct lease *book_lease(struct book_set *s, const uint8_t *key);

/* book_plan.c: which elements holds need */
/* Plans those of the turn. */
void book_plan(struct book *b);

/* book_hold.c: holds as a whole */
/* One of its elements is decided: answers it when all are. It may be gone afterwards. */
void hold_look(struct book_hold *h);
/* What is still not held when its time is over has failed. An ack that comes later is booked all the same. */
void hold_late(struct book_hold *h);
void hold_failed(struct book_hold *h, struct book_part *p, int err);
/* The layout goes: what waits in it is refused. */
void book_holds_stale(struct book *b, const struct layout *y);
void book_holds_free(struct book *b);

/* book_want.c: a hold and one lease */
/* 0: held; 1: an operation has to end first; -errno. */
must_check int book_want(struct book_set *s, struct lease *l, const struct book_waiter *w);
/* The operation that these waited for has ended. */
void book_waiters_over(struct book_set *s, struct lease *l, uint32_t id, int err);

/* book_op.c */
/* Its operations wait. */
static inline bool book_busy(const struct book_sink *k)
{
	return k->kind->busy && k->kind->busy(k->sink);
}
/* The set's keys have no port, but its sink tells somebody of ports: all those of its openers. */
static inline bool book_tells_ports(const struct book_set *s)
{
	return !s->sink->kind->reads && !s->shape.port;
}
/* Whether all ports of an opener were told already. */
bool book_ports_told(const struct book_set *s, const struct lease *l, uint32_t opener);
/* Puts an operation into its sink's batch. -ENOMEM. */
must_check int book_op(struct book_set *s, struct lease *l, enum sink_what what, uint64_t until, uint32_t opener,
		       bool refill);
void book_submit(struct book *b);
/* Looks at all operations that ended; true: there was one. */
bool book_overs(struct book *b);
void book_done(void *ctx, struct sink_op *op);
/* Ends all operations of a set that its sink has forgotten. */
void book_ops_end(struct book_set *s);

/* book_learn.c */
void book_events(struct sink_events *ev);
void book_compare(struct book_set *s);
void book_compare_retry(struct book_set *s);
/* Asks the set for one element. 0: `held` is what it has now (0: nothing); -errno. */
must_check int book_ask(struct book_set *s, struct lease *l);

/* book_refill.c */
/* Whether the set should hold what it does not, or the other way round. */
bool book_wrong(const struct book_set *s, const struct lease *l);
void book_refill(struct book *b);
void book_mends(struct book *b);
/* Puts it right in this turn's transaction. */
void book_mend(struct book_set *s, struct lease *l);
/* Looks at all leases, a part a turn, and puts right what is not. */
void book_walk(struct book_set *s);
/* The slow walk: expiry, and whatever else is not as it should be. */
void book_sweep(struct book *b);

/* book_breaker.c */
bool breaker_allows(struct book_set *s, enum sink_what what);
void breaker_failed(struct book_set *s, int err);
void breaker_worked(struct book_set *s, enum sink_what what);
void breaker_close(struct book_set *s);
/* Whatever fails fails for that reason, also one that says nothing of a set elsewhere. */
void breaker_open(struct book_set *s, int err);
/* Tells the log, if it does not have it yet and has not heard too much. */
void breaker_say(struct book_set *s);
/* What it allowed was not done after all, or says nothing of the set: the next one may try. */
void breaker_unused(struct book_set *s);
void breaker_probe(struct timer *t);

#endif
