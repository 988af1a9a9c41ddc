/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STATE_TIMER_H
#define STATE_TIMER_H

/*
 * Timers as an intrusive pairing heap: setting one cannot fail, and time is an
 * argument, so that tests turn the clock. A timer lives in its owner's struct.
 */

#include <stdbool.h>

#include "base/clock.h"

struct timer {
	uint64_t due;				/* mono_us */
	void (*fire)(struct timer *t);		/* t is not set any more when it is called, and may set itself again */
	struct timer *child, *next, *prev;	/* the heap's; prev NULL: a root, or not set */
	bool set;
};

struct timers {
	struct timer *root;
	struct timer *later;			/* set by what timers_run fires, and due at once */
	bool running;
	uint64_t run_us;			/* the time of that run */
};

#define TIMERS_NEVER UINT64_MAX

/* Sets t, or moves it when it is set. t->fire must be filled in. */
void timer_set(struct timers *ts, struct timer *t, uint64_t due);
/* Harmless when not set. */
void timer_cancel(struct timers *ts, struct timer *t);
/* Fires all that are due, the first due first; one set while it runs, due at once, fires in the next run. */
void timers_run(struct timers *ts, struct now now);
/* When the next is due (mono_us), or TIMERS_NEVER. */
uint64_t timers_next(const struct timers *ts);

#endif
