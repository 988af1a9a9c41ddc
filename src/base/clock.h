/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/*
 * The current time as a type of its own, always passed in: nothing below io
 * reads a clock. Neither moves with the wall clock. TTLs run on in suspend
 * (boot), the kernel's timeouts and our timers do not (mono).
 */

#include <stdint.h>
#include <time.h>

struct now {
	uint64_t mono_us;	/* CLOCK_MONOTONIC */
	uint64_t boot_ms;	/* CLOCK_BOOTTIME */
};

#define CLOCK_MS 1000ull	/* microseconds */
#define CLOCK_S 1000000ull

/* Reads both clocks. For io/loop and main only. */
struct now clock_now(void);
/* Wall clock, for what a person reads. */
time_t clock_wall(void);
#define CLOCK_TEXT 32
/* RFC 3339, UTC, into buf (CLOCK_TEXT bytes), which is returned. */
const char *clock_text(time_t when, char *buf);

#endif
