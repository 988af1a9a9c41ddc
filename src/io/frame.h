/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_FRAME_H
#define IO_FRAME_H

/*
 * DNS messages out of a byte stream (RFC 1035 4.2.2). Bytes are read into
 * the loop's buffer and looked at there; a connection keeps only what could not be taken yet,
 * mostly nothing. Zeroed is empty.
 */

#include <sys/types.h>

#include "base/bytes.h"

struct frame {
	uint8_t *held;
	size_t len, cap;
};

/*
 * Reads once, up to `size` (more than 2) bytes, into buf or behind what is held. Positive: p and n are the span to
 * take messages from, after which frame_keep must be told what is left. 0: the end. Else a negative errno.
 */
must_check ssize_t frame_read(struct frame *f, int fd, uint8_t *buf, size_t size, const uint8_t **p, size_t *n);
/* Whether the span begins with a whole message; *len is its length without the prefix. */
must_check bool frame_whole(const uint8_t *p, size_t n, size_t *len);
/* Keeps n bytes, which may be part of what is held. -ENOMEM. */
must_check int frame_keep(struct frame *f, const uint8_t *p, size_t n);
void frame_free(struct frame *f);

#endif
