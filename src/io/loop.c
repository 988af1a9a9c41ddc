/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/loop.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "io/uv_internal.h"

/* So that a time in the far future does not overflow what libuv adds to it. */
#define LOOP_TIMER_MAX_MS 86400000ull

static void timer_fired(uv_timer_t *t)
{
	struct loop *l = t->data;

	l->armed = TIMERS_NEVER;
	loop_update_now(l);
	timers_run(&l->timers, l->now);
}

/* libuv counts in milliseconds: rounded up, or the loop would spin through the last one. */
static void arm(struct loop *l)
{
	uint64_t due = timers_next(&l->timers), now, ms = 0;

	if (due == l->armed)
		return;
	l->armed = due;
	if (due == TIMERS_NEVER) {
		uv_timer_stop(&l->timer);
		return;
	}
	now = clock_now().mono_us;
	if (due > now)
		ms = (due - now + CLOCK_MS - 1) / CLOCK_MS;
	if (ms > LOOP_TIMER_MAX_MS) {
		ms = LOOP_TIMER_MAX_MS;
		l->armed = TIMERS_NEVER;
	}
	uv_update_time(&l->uv);
	uv_timer_start(&l->timer, timer_fired, ms, 0);
}

static void prepare(uv_prepare_t *p)
{
	struct loop *l = p->data;

	if (l->before_sleep) {
		loop_update_now(l);
		l->before_sleep(l->ctx);
	}
	arm(l);
}

static struct post *take_posts(struct loop *l)
{
	struct post *list;

	pthread_mutex_lock(&l->lock);
	list = l->posts;
	l->posts = NULL;
	l->posts_end = &l->posts;
	pthread_mutex_unlock(&l->lock);
	return list;
}

static void run_posts(struct loop *l)
{
	struct post *list = take_posts(l);

	if (list)
		loop_update_now(l);
	while (list) {
		struct post *p = list;

		list = p->next;
		p->fn(p->arg);
		free(p);
	}
}

static void posted(uv_async_t *a)
{
	run_posts(a->data);
}

static int init_handles(struct loop *l)
{
	int err = uv_async_init(&l->uv, &l->async, posted);

	if (err)
		return err;
	uv_prepare_init(&l->uv, &l->prepare);
	uv_timer_init(&l->uv, &l->timer);
	uv_prepare_start(&l->prepare, prepare);
	l->async.data = l->prepare.data = l->timer.data = l;
	return 0;
}

struct loop *loop_new(void (*before_sleep)(void *ctx), void *ctx)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	if (uv_loop_init(&l->uv)) {
		free(l);
		return NULL;
	}
	l->before_sleep = before_sleep;
	l->ctx = ctx;
	l->posts_end = &l->posts;
	l->armed = TIMERS_NEVER;
	if (pthread_mutex_init(&l->lock, NULL) || init_handles(l)) {
		uv_loop_close(&l->uv);
		free(l);
		return NULL;
	}
	loop_update_now(l);
	return l;
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
	/* What the last turn left behind would be lost: posts that came with the one that stopped, queued replies. */
	run_posts(l);
	if (l->before_sleep) {
		loop_update_now(l);
		l->before_sleep(l->ctx);
	}
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

static void free_shared(struct loop *l)
{
	for (size_t i = 0; i < LOOP_SHARED; i++) {
		struct loop_memory *m = &l->shared[i];

		if (m->p && m->end)
			m->end(m->p);
		free(m->p);
	}
}

int loop_free(struct loop *l)
{
	struct post *posts = take_posts(l);
	int left = 0, err;

	while (posts) {
		struct post *p = posts;

		posts = p->next;
		free(p);
	}
	free_shared(l);
	while (l->watches) {
		watch_close(l->watches);
		left++;
	}
	uv_close((uv_handle_t *)&l->async, NULL);
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_close((uv_handle_t *)&l->timer, NULL);
	/* A loop_stop that came too late ends a run early. */
	while (uv_run(&l->uv, UV_RUN_DEFAULT))
		;
	err = uv_loop_close(&l->uv);
	if (err) {
		/* Memory that libuv still points into is leaked rather than freed under it. */
		log_error("loop: %s", uv_strerror(err));
		return left + 1;
	}
	pthread_mutex_destroy(&l->lock);
	free(l);
	return left;
}

struct now loop_now(const struct loop *l)
{
	return l->now;
}

void loop_update_now(struct loop *l)
{
	l->now = clock_now();
}

struct timers *loop_timers(struct loop *l)
{
	return &l->timers;
}

int loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct post *p = malloc(sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	*p = (struct post){ .fn = fn, .arg = arg };
	pthread_mutex_lock(&l->lock);
	*l->posts_end = p;
	l->posts_end = &p->next;
	/* Under the lock: whoever empties the list may free the loop next. */
	err = uv_async_send(&l->async);
	pthread_mutex_unlock(&l->lock);
	if (err)
		log_error("loop: cannot wake: %s", uv_strerror(err));
	return 0;
}

void *loop_shared(struct loop *l, enum loop_shared which, size_t size, void (*end)(void *p))
{
	struct loop_memory *m = &l->shared[which];

	if (!m->p) {
		m->p = calloc(1, size);
		m->end = end;
	}
	return m->p;
}

uint8_t *loop_read_buffer(struct loop *l)
{
	return l->read;
}
