/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/outq.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/util.h"

int outq_add(struct outq *q, const void *p, size_t n)
{
	if (!n)
		return 0;
	if (q->off + q->len + n > q->cap) {
		size_t cap = MAX(2 * q->len, q->len + n);
		uint8_t *bigger = malloc(cap);

		if (!bigger)
			return -ENOMEM;
		if (q->len)
			memcpy(bigger, q->p + q->off, q->len);
		free(q->p);
		q->p = bigger;
		q->off = 0;
		q->cap = cap;
	}
	memcpy(q->p + q->off + q->len, p, n);
	q->len += n;
	return 0;
}

int outq_send(struct outq *q, int fd)
{
	while (q->len) {
		ssize_t r = send(fd, q->p + q->off, q->len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		q->off += (size_t)r;
		q->len -= (size_t)r;
	}
	outq_free(q);
	return 0;
}

void outq_free(struct outq *q)
{
	free(q->p);
	*q = (struct outq){ 0 };
}
