/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/util.h"
#include "state/timer.h"

#define MANY 500

struct probe {
	struct timer t;
	unsigned fired;
	uint64_t again;			/* set anew by its own firing, 0: not */
	struct probe *kill, *start;	/* cancelled, set by its firing */
	uint64_t start_due;
};

static struct timers ts;
static struct timer *order[MANY * 2];
static size_t n_order;

static void fire(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, t);

	assert_false(t->set);
	p->fired++;
	order[n_order++ % ARRAY_SIZE(order)] = t;
	if (p->again)
		timer_set(&ts, t, p->again);
	if (p->kill)
		timer_cancel(&ts, &p->kill->t);
	if (p->start)
		timer_set(&ts, &p->start->t, p->start_due);
}

static void run_at(uint64_t us)
{
	timers_run(&ts, (struct now){ .mono_us = us });
}

static int setup(void **state)
{
	ts = (struct timers){ 0 };
	n_order = 0;
	return 0;
}

static void test_empty(void **state)
{
	struct probe p = { .t.fire = fire };

	assert_true(timers_next(&ts) == TIMERS_NEVER);
	run_at(UINT64_MAX - 1);
	timer_cancel(&ts, &p.t);
	assert_int_equal(n_order, 0);
}

static void test_order_and_move(void **state)
{
	struct probe p[4] = { 0 };

	for (size_t i = 0; i < 4; i++) {
		p[i].t.fire = fire;
		timer_set(&ts, &p[i].t, 100 - i * 10);
	}
	assert_int_equal(timers_next(&ts), 70);
	timer_set(&ts, &p[3].t, 200);
	timer_set(&ts, &p[0].t, 5);
	assert_int_equal(timers_next(&ts), 5);
	run_at(4);
	assert_int_equal(n_order, 0);
	run_at(90);
	assert_int_equal(n_order, 3);
	assert_ptr_equal(order[0], &p[0].t);
	assert_ptr_equal(order[1], &p[2].t);
	assert_ptr_equal(order[2], &p[1].t);
	assert_int_equal(timers_next(&ts), 200);
	timer_cancel(&ts, &p[3].t);
	timer_cancel(&ts, &p[3].t);
	assert_true(timers_next(&ts) == TIMERS_NEVER);
}

static void test_set_while_running(void **state)
{
	struct probe a = { .t.fire = fire, .again = 10 }, b = { .t.fire = fire }, c = { .t.fire = fire };

	a.start = &b;
	a.start_due = 50;
	timer_set(&ts, &a.t, 10);
	run_at(100);
	assert_int_equal(a.fired, 1);
	assert_int_equal(b.fired, 0);
	assert_int_equal(timers_next(&ts), 10);
	a.again = 0;
	a.start = NULL;
	a.kill = &c;
	timer_set(&ts, &c.t, 60);
	run_at(100);
	assert_int_equal(a.fired, 2);
	assert_int_equal(b.fired, 1);
	assert_int_equal(c.fired, 0);
	assert_true(timers_next(&ts) == TIMERS_NEVER);
}

/* Cancelling what waits for the next run must not bring its neighbours into this one. */
static struct probe later[6];

static void fire_many(struct timer *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		timer_set(&ts, &later[i].t, 1 + i);
	assert_int_equal(timers_next(&ts), 1);
	timer_cancel(&ts, &later[2].t);
	timer_cancel(&ts, &later[0].t);
	timer_set(&ts, &later[4].t, 500);
}

static void test_cancel_while_running(void **state)
{
	struct timer first = { .fire = fire_many };

	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		later[i] = (struct probe){ .t.fire = fire };
	timer_set(&ts, &first, 50);
	run_at(100);
	assert_int_equal(n_order, 0);
	run_at(100);
	assert_int_equal(n_order, 3);
	assert_ptr_equal(order[0], &later[1].t);
	assert_ptr_equal(order[1], &later[3].t);
	assert_ptr_equal(order[2], &later[5].t);
	assert_int_equal(timers_next(&ts), 500);
}

/* Against a plain array: random sets, moves and cancels, in every order of firing. */
static void test_random(void **state)
{
	static struct probe p[MANY];
	unsigned seed = 20;
	uint64_t now = 0;

	for (size_t i = 0; i < MANY; i++)
		p[i] = (struct probe){ .t.fire = fire };
	for (unsigned round = 0; round < 20000; round++) {
		struct probe *q = &p[(unsigned)rand_r(&seed) % MANY];
		uint64_t next = TIMERS_NEVER;
		unsigned what = (unsigned)rand_r(&seed) % 8;

		if (what < 5)
			timer_set(&ts, &q->t, now + (unsigned)rand_r(&seed) % 1000);
		else if (what < 7)
			timer_cancel(&ts, &q->t);
		else
			now += (unsigned)rand_r(&seed) % 20;
		for (size_t i = 0; i < MANY; i++)
			if (p[i].t.set && p[i].t.due < next)
				next = p[i].t.due;
		assert_true(timers_next(&ts) == next);
		if (what == 7) {
			size_t due = 0;

			for (size_t i = 0; i < MANY; i++)
				due += p[i].t.set && p[i].t.due <= now;
			n_order = 0;
			run_at(now);
			assert_int_equal(n_order, due);
			for (size_t i = 1; i < n_order; i++)
				assert_true(order[i - 1]->due <= order[i]->due);
			for (size_t i = 0; i < MANY; i++)
				assert_false(p[i].t.set && p[i].t.due <= now);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_order_and_move, setup),
		cmocka_unit_test_setup(test_set_while_running, setup),
		cmocka_unit_test_setup(test_cancel_while_running, setup),
		cmocka_unit_test_setup(test_random, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
