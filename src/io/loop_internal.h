/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_LOOP_INTERNAL_H
#define IO_LOOP_INTERNAL_H

/* What the modules of io, and nobody else, know of a loop. */

#include "io/loop.h"

/* Memory that all users of one module share in a loop. */
enum loop_shared { LOOP_UDP, LOOP_TCP, LOOP_DGRAM, LOOP_SHARED };

/*
 * Made zeroed by the first call and freed by loop_free, after `end` (which may be NULL) has closed
 * what it holds. NULL without memory.
 */
void *loop_shared(struct loop *l, enum loop_shared which, size_t size, void (*end)(void *p));

/* A buffer to read into, so that no connection needs its own. What is in it is good until the callback returns. */
#define LOOP_READ 65536
uint8_t *loop_read_buffer(struct loop *l);

#endif
