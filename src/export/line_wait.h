/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_LINE_WAIT_H
#define EXPORT_LINE_WAIT_H

/* Lines that were sent to a listener and wait for its answer, by their number. */

#include "export/sink.h"

#define LINE_WAIT_MAX 65536

struct line_wait {
	struct sink_op *op;		/* NULL: its time was up, and the book was told so */
	struct sink_set *set;
	uint64_t due_us, dead_us;	/* mono_us: an answer is late, the listener counts as dead */
	uint64_t end_us;		/* of the lease */
	uint8_t key[SHAPE_KEY_MAX];
	bool open, deletes;
};

struct line_waits {
	struct line_wait *ring;		/* LINE_WAIT_MAX */
	uint64_t first, next;		/* numbers: the oldest that may be open, and the one given next */
	uint64_t timed;			/* the first whose time is not up */
};

/* -ENOMEM */
must_check int line_waits_init(struct line_waits *w);
void line_waits_free(struct line_waits *w);
/* A place with its number; NULL: too many are open. */
struct line_wait *line_waits_put(struct line_waits *w, uint64_t *seq);
/* The open one of this number, or NULL. */
struct line_wait *line_waits_get(struct line_waits *w, uint64_t seq);
void line_waits_drop(struct line_waits *w, struct line_wait *e);
/* The oldest that is open, or NULL. */
struct line_wait *line_waits_oldest(struct line_waits *w);
/* The oldest whose time is not up yet, or NULL; line_waits_pass goes on behind it. */
struct line_wait *line_waits_due(struct line_waits *w);
static inline void line_waits_pass(struct line_waits *w)
{
	w->timed++;
}

/*
 * What a listener wrote, whole lines, one behind the other: each is told by `ack`, `error` being what it said went
 * wrong, or NULL where it said ok. 0, -ENOMEM, or -EBADMSG: a line is no answer.
 */
must_check int line_acks(const char *lines, size_t len, void (*ack)(void *ctx, uint64_t seq, const char *error),
			 void *ctx);

#endif
