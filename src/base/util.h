/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_UTIL_H
#define BASE_UTIL_H

/* The few things that C lacks. */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#endif
