/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/util.h"

/* The room that the message at the head of a span needs, prefix included. */
static size_t frame_need(const uint8_t *p, size_t n)
{
	return n < 2 ? 2 : 2u + bytes_u16(p);
}

static ssize_t read_some(int fd, uint8_t *p, size_t n)
{
	ssize_t r;

	do
		r = recv(fd, p, n, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return r;
}

ssize_t frame_read(struct frame *f, int fd, uint8_t *buf, size_t size, const uint8_t **p, size_t *n)
{
	ssize_t r;

	if (f->len >= 2) {
		/* Not beyond the message, so that nothing more has to be held. */
		r = read_some(fd, f->held + f->len, frame_need(f->held, f->len) - f->len);
		if (r <= 0)
			return r;
		f->len += (size_t)r;
		*p = f->held;
		*n = f->len;
		return r;
	}
	if (f->len)
		buf[0] = f->held[0];
	r = read_some(fd, buf + f->len, size - f->len);
	if (r <= 0)
		return r;
	*p = buf;
	*n = f->len + (size_t)r;
	return r;
}

bool frame_whole(const uint8_t *p, size_t n, size_t *len)
{
	if (n < 2 || n < frame_need(p, n))
		return false;
	*len = bytes_u16(p);
	return true;
}

int frame_keep(struct frame *f, const uint8_t *p, size_t n)
{
	size_t cap = MAX(n, frame_need(p, n));

	if (!n) {
		frame_free(f);
		return 0;
	}
	if (p == f->held && cap <= f->cap) {
		f->len = n;
		return 0;
	}
	if (cap <= f->cap) {
		memmove(f->held, p, n);
	} else {
		uint8_t *bigger = malloc(cap);

		if (!bigger)
			return -ENOMEM;
		memcpy(bigger, p, n);
		free(f->held);
		f->held = bigger;
		f->cap = cap;
	}
	f->len = n;
	return 0;
}

void frame_free(struct frame *f)
{
	free(f->held);
	*f = (struct frame){ 0 };
}
