/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"

struct now clock_now(void)
{
	struct timespec mono = { 0 }, boot = { 0 };

	/* These clocks cannot fail on Linux since 2.6.39; were one refused, time would stand still, not run wild. */
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (struct now){
		.mono_us = (uint64_t)mono.tv_sec * 1000000 + (uint64_t)mono.tv_nsec / 1000,
		.boot_ms = (uint64_t)boot.tv_sec * 1000 + (uint64_t)boot.tv_nsec / 1000000,
	};
}

time_t clock_wall(void)
{
	return time(NULL);
}

const char *clock_text(time_t when, char *buf)
{
	struct tm tm = { 0 };

	gmtime_r(&when, &tm);
	strftime(buf, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}
