/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_UV_INTERNAL_H
#define IO_UV_INTERNAL_H

/* The only header that shows uv.h: a loop and its watches from inside. */

#include <pthread.h>
#include <uv.h>

#include "io/loop_internal.h"

struct post {
	struct post *next;
	void (*fn)(void *arg);
	void *arg;
};

struct loop_memory {
	void *p;
	void (*end)(void *p);
};

struct loop {
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_timer_t timer;
	uv_async_t async;
	pthread_mutex_t lock;		/* of the posts */
	struct post *posts, **posts_end;
	struct timers timers;
	uint64_t armed;			/* what the uv_timer stands for, or TIMERS_NEVER */
	struct now now;
	void (*before_sleep)(void *ctx);
	void *ctx;
	struct watch *watches;		/* those that their owners hold */
	struct loop_memory shared[LOOP_SHARED];
	uint8_t read[LOOP_READ];
};

/* The common start of every kind of watch. */
struct watch {
	struct loop *loop;
	struct watch *next, **prev;
	void (*close)(struct watch *w);	/* closes the libuv handles and frees, at once or when they are closed */
};

void watch_link(struct watch *w, struct loop *l, void (*close)(struct watch *w));

#endif
