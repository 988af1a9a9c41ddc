/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include "obs/event.h"
#include "policy_naive.h"

#define MANY 200000

static uint8_t path_of[EVENT_PATH + 64];

/* The n-th event: every field follows from its number. */
static void make_event(struct event *e, uint32_t n)
{
	struct naive_random r = { n };
	unsigned long_name = naive_below(&r, 4) == 0;

	memset(e, 0, sizeof(*e));
	e->client = n % 2 ? snap_addr("10.0.0.1") : snap_addr("fd00::1");
	e->generation = n;
	e->entry = n % 3 ? n : ENTRY_NONE;
	e->profile = (uint16_t)n;
	e->type = (uint16_t)(n >> 3);
	e->verdict = n % 4;
	e->reason = n % 11;
	e->us = n * 7;
	e->weight = (uint16_t)(n * 3);
	naive_name(&r, &e->name);
	if (long_name) {
		/* 4 labels of 62, and what is left: 255 bytes in all */
		for (unsigned i = 0; i < 4; i++)
			memset(e->name.wire + 63 * i, i ? 'a' + n % 26 : 'z', 63);
		for (unsigned i = 0; i < 4; i++)
			e->name.wire[63 * i] = 62;
		memcpy(e->name.wire + 252, "\1x", 3);
		e->name.len = 255;
		e->name.labels = 5;
	}
	if (n % 5 == 0)
		naive_name(&r, &e->link);
	e->outcome = (uint8_t)(n % 5);
	e->path_len = (uint16_t)(n % 7 ? 0 : n % 999 ? n % 300 : EVENT_PATH);
	e->path = path_of + n % 64;
}

static bool same_name(const struct name *a, const struct name *b)
{
	return a->labels == b->labels && name_equal(a, b);
}

static bool is_event(const struct event *e, uint32_t n)
{
	struct event want;

	make_event(&want, n);
	return addr_equal(&e->client, &want.client) && e->generation == n && e->entry == want.entry &&
	       e->profile == want.profile && e->type == want.type && e->verdict == want.verdict &&
	       e->reason == want.reason && e->us == want.us && e->weight == want.weight && same_name(&e->name, &want.name) &&
	       same_name(&e->link, &want.link) && e->outcome == want.outcome && e->path_len == want.path_len &&
	       (!e->path || !memcmp(e->path, want.path, e->path_len));
}

static void test_wake(void **state)
{
	struct event_ring *r = event_ring_new();
	struct event e, got;

	assert_non_null(r);
	assert_false(event_get(r, &got, NULL));
	for (unsigned round = 0; round < 3; round++) {
		make_event(&e, 5);
		assert_int_equal(event_put(r, &e), 1);
		make_event(&e, 6);
		assert_int_equal(event_put(r, &e), 0);
		assert_true(event_get(r, &got, NULL));
		assert_true(is_event(&got, 5));
		make_event(&e, 7);
		assert_int_equal(event_put(r, &e), 0);
		assert_true(event_get(r, &got, NULL));
		assert_true(is_event(&got, 6));
		assert_true(event_get(r, &got, NULL));
		assert_true(is_event(&got, 7));
		assert_false(event_get(r, &got, NULL));
	}
	event_ring_free(r);
	event_ring_free(NULL);
}

/* Puts until it is full; gives how many went in, and how many of them asked for the reader to be woken. */
static unsigned fill(struct event_ring *r, uint32_t *put, unsigned *wakes)
{
	unsigned n = 0;
	struct event e;
	int err;

	*wakes = 0;
	for (make_event(&e, *put); (err = event_put(r, &e)) >= 0; make_event(&e, *put)) {
		assert_true(err <= 1);
		*wakes += (unsigned)err;
		(*put)++;
		n++;
	}
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(event_put(r, &e), -ENOSPC);
	return n;
}

/* Filled to the brim many times, each time from another place in the ring. */
static void test_full(void **state)
{
	struct event_ring *r = event_ring_new();
	uint32_t put = 0, taken = 0;
	static uint8_t room[EVENT_PATH];
	struct event got;

	for (unsigned round = 0; round < 50; round++) {
		unsigned wakes, held, out;
		bool empty = put == taken;

		fill(r, &put, &wakes);
		/* when it was empty, and when it became half full: once each */
		if (empty)
			assert_int_equal(wakes, 2);
		else
			assert_int_equal(wakes, round % 7 == 2 ? 1 : 0);
		held = put - taken;
		/* it holds hundreds of the longest, and what it refused left no trace */
		assert_true(held > EVENT_RING_BYTES / 700 && held < EVENT_RING_BYTES / 32);
		/* the next time it is empty, a quarter full, three quarters full */
		out = round % 7 == 0 ? held : round % 7 == 1 ? held * 3 / 4 : held / 4;
		for (; out; out--) {
			/* now and then nobody wants to know the path */
			assert_true(event_get(r, &got, taken % 3 ? room : NULL));
			assert_true(is_event(&got, taken++));
		}
	}
	while (event_get(r, &got, room))
		assert_true(is_event(&got, taken++));
	assert_int_equal(put, taken);
	assert_true(put > 10 * EVENT_RING_BYTES / 300);
	event_ring_free(r);
}

/* A reader that sleeps until it is woken, and is woken by nothing but a put that gave 1. */
struct sleeper {
	struct event_ring *ring;
	sem_t wake;
	uint32_t taken;
	atomic_bool ended;
	const char *failed;
};

static bool sleep_long(struct sleeper *s)
{
	struct timespec deadline;
	struct event e;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 10;
	while (sem_timedwait(&s->wake, &deadline)) {
		if (errno == EINTR)
			continue;
		s->failed = event_get(s->ring, &e, NULL) ? "an event waits, and nobody was woken" : "nothing was written";
		return false;
	}
	return true;
}

static void *read_all(void *arg)
{
	static uint8_t room[EVENT_PATH];
	struct sleeper *s = arg;
	struct event e;

	while (s->taken < MANY) {
		if (!event_get(s->ring, &e, room)) {
			if (!sleep_long(s))
				break;
		} else if (!is_event(&e, s->taken++)) {
			s->failed = "an event came out other than it went in";
			break;
		}
	}
	atomic_store(&s->ended, true);
	return NULL;
}

static void test_threads(void **state)
{
	struct sleeper s = { .ring = event_ring_new() };
	struct naive_random random_state = { 9 };
	pthread_t reader;
	unsigned wakes = 0;

	assert_int_equal(sem_init(&s.wake, 0, 0), 0);
	assert_int_equal(pthread_create(&reader, NULL, read_all, &s), 0);
	for (uint32_t n = 0; n < MANY && !atomic_load(&s.ended);) {
		struct event e;
		int r;

		make_event(&e, n);
		r = event_put(s.ring, &e);
		if (r == 1) {
			wakes++;
			sem_post(&s.wake);
		}
		if (r >= 0)
			n++;
		/* full; or, now and then, time for the reader to fall asleep */
		if (r < 0 || !naive_below(&random_state, 50))
			sched_yield();
	}
	pthread_join(reader, NULL);
	if (s.failed)
		fail_msg("%s, at event %u", s.failed, s.taken);
	assert_int_equal(s.taken, MANY);
	assert_true(wakes > 0);
	sem_destroy(&s.wake);
	event_ring_free(s.ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wake), cmocka_unit_test(test_full), cmocka_unit_test(test_threads),
	};

	for (size_t i = 0; i < sizeof(path_of); i++)
		path_of[i] = (uint8_t)(i * 31 + 7);
	return cmocka_run_group_tests_name("obs_event", tests, NULL, NULL);
}
