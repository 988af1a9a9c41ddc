/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"

static void fills(void **state)
{
	uint8_t a[1000], b[1000], zero[1000] = { 0 };
	size_t len;

	for (len = 16; len <= 1000; len += 41) {
		memset(a, 0, sizeof(a));
		memset(b, 0, sizeof(b));
		rand_bytes(a, len);
		rand_bytes(b, len);
		assert_memory_not_equal(a, b, len);
		assert_memory_not_equal(a + len - 8, zero, 8);
		assert_memory_equal(a + len, zero, sizeof(a) - len);
	}
}

/* Every value comes, none beyond, about equally often; the bounds are 8 standard deviations. */
static void below(void **state)
{
	unsigned seen[7] = { 0 }, i;

	for (i = 0; i < 70000; i++) {
		uint32_t v = rand_below(7);

		assert_in_range(v, 0, 6);
		seen[v]++;
	}
	for (i = 0; i < 7; i++)
		assert_in_range(seen[i], 10000 - 800, 10000 + 800);
	for (i = 0; i < 1000; i++) {
		assert_int_equal(rand_below(1), 0);
		assert_in_range(rand_below(0x80000001), 0, 0x80000000);
	}
}

static void bits(void **state)
{
	unsigned ones[32] = { 0 }, ones16[16] = { 0 }, i, k;

	for (i = 0; i < 10000; i++) {
		uint32_t v = rand_u32();
		uint16_t w = rand_u16();

		for (k = 0; k < 32; k++)
			ones[k] += v >> k & 1;
		for (k = 0; k < 16; k++)
			ones16[k] += w >> k & 1;
	}
	for (k = 0; k < 32; k++)
		assert_in_range(ones[k], 4600, 5400);
	for (k = 0; k < 16; k++)
		assert_in_range(ones16[k], 4600, 5400);
}

static void fork_differs(void **state)
{
	uint8_t ours[16], theirs[16];
	int fds[2], status;
	pid_t pid;

	rand_u16();
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		rand_bytes(theirs, sizeof(theirs));
		_exit(write(fds[1], theirs, sizeof(theirs)) != sizeof(theirs));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(fds[0], theirs, sizeof(theirs)), sizeof(theirs));
	rand_bytes(ours, sizeof(ours));
	assert_memory_not_equal(ours, theirs, sizeof(ours));
	close(fds[0]);
	close(fds[1]);
}

static void *in_thread(void *out)
{
	rand_bytes(out, 16);
	return NULL;
}

static void thread_differs(void **state)
{
	uint8_t ours[16], theirs[16];
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, in_thread, theirs), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	rand_bytes(ours, sizeof(ours));
	assert_memory_not_equal(ours, theirs, sizeof(ours));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills), cmocka_unit_test(below), cmocka_unit_test(bits),
		cmocka_unit_test(fork_differs), cmocka_unit_test(thread_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
