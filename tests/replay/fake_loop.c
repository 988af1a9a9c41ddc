/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake.h"

#include <stdlib.h>

#define TURNS_MAX 1000

struct loop {
	void (*before_sleep)(void *ctx);
	void *ctx;
	struct timers timers;
	int handles;
};

/* Apart from the start on, so that one taken for the other shows. */
static uint64_t mono_us, boot_us;

static struct now now_of(void)
{
	return (struct now){ .mono_us = mono_us, .boot_ms = boot_us / 1000 };
}

void fake_time_reset(void)
{
	mono_us = 1000 * CLOCK_S;
	boot_us = 777000 * CLOCK_S;
}

struct loop *loop_new(void (*before_sleep)(void *ctx), void *ctx)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l)
		*l = (struct loop){ .before_sleep = before_sleep, .ctx = ctx };
	return l;
}

int loop_free(struct loop *l)
{
	int left = l->handles + (timers_next(&l->timers) != TIMERS_NEVER);

	free(l);
	return left;
}

struct now loop_now(const struct loop *l)
{
	return now_of();
}

void loop_update_now(struct loop *l)
{
}

struct timers *loop_timers(struct loop *l)
{
	return &l->timers;
}

void fake_handle(struct loop *l, int by)
{
	l->handles += by;
}

void fake_turn(struct loop *l)
{
	unsigned turns = 0;

	do {
		timers_run(&l->timers, now_of());
		l->before_sleep(l->ctx);
	} while (timers_next(&l->timers) <= mono_us && ++turns < TURNS_MAX);
	if (turns == TURNS_MAX)
		fake_fault("timers that are always due");
}

static void go_on(uint64_t us)
{
	mono_us += us;
	boot_us += us;
}

bool fake_next_timer(struct loop *l, uint64_t ms)
{
	uint64_t due = timers_next(&l->timers);

	if (due > mono_us + ms * CLOCK_MS)
		return false;
	if (due > mono_us)
		go_on(due - mono_us);
	fake_turn(l);
	return true;
}

void fake_time_passes(struct loop *l, uint64_t ms)
{
	uint64_t end = mono_us + ms * CLOCK_MS;

	while (timers_next(&l->timers) <= end && fake_next_timer(l, ms))
		continue;
	go_on(end - mono_us);
	fake_turn(l);
}

void fake_suspend(uint64_t ms)
{
	boot_us += ms * CLOCK_MS;
}
