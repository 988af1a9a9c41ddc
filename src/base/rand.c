/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/rand.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/util.h"

/* 256 bytes is what getrandom gives uninterrupted. */
static _Thread_local uint8_t pool[256];
static _Thread_local size_t left;	/* unused bytes, at the pool's end */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A forked child would draw the numbers of its parent again. */
static void forget(void)
{
	memset(pool, 0, sizeof(pool));
	left = 0;
}

static void watch_fork(void)
{
	if (pthread_atfork(NULL, NULL, forget)) {
		log_error("random numbers: out of memory");
		abort();
	}
}

/* Without random numbers ids and ports can be guessed: nothing may go on. */
static void draw(uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			log_error("getrandom: %s", strerror(errno));
			abort();
		}
		p += n;
		len -= (size_t)n;
	}
}

void rand_bytes(void *out, size_t len)
{
	uint8_t *p = out;

	if (len > sizeof(pool)) {
		draw(p, len);
		return;
	}
	while (len) {
		size_t n = MIN(len, left);
		uint8_t *from = pool + sizeof(pool) - left;

		if (!left) {
			pthread_once(&once, watch_fork);
			draw(pool, sizeof(pool));
			left = sizeof(pool);
			continue;
		}
		memcpy(p, from, n);
		memset(from, 0, n);
		left -= n;
		p += n;
		len -= n;
	}
}

uint16_t rand_u16(void)
{
	uint16_t v;

	rand_bytes(&v, sizeof(v));
	return v;
}

uint32_t rand_u32(void)
{
	uint32_t v;

	rand_bytes(&v, sizeof(v));
	return v;
}

uint32_t rand_below(uint32_t n)
{
	/* Numbers under 2^32 mod n are thrown away: what is left divides evenly. */
	uint32_t v, min = -n % n;

	do {
		v = rand_u32();
	} while (v < min);
	return v % n;
}
