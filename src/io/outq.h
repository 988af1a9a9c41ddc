/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_OUTQ_H
#define IO_OUTQ_H

/* Bytes that a stream socket did not take yet. Zeroed is empty; an empty one holds no memory. */

#include "base/bytes.h"

struct outq {
	uint8_t *p;
	size_t off, len, cap;		/* p[off] to p[off + len] are unsent */
};

/* -ENOMEM: nothing was added. */
must_check int outq_add(struct outq *q, const void *p, size_t n);
/* What the socket takes now: 0 when nothing is left, -EAGAIN, or the error that ends the connection. */
must_check int outq_send(struct outq *q, int fd);
void outq_free(struct outq *q);

#endif
