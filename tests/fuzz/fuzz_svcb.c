/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "dns/record.h"
#include "dns/svcb.h"
#include "dns/types.h"
#include "fuzz.h"

/* The first byte says where in the message the rdata begins, and which hints go; the rest is the message. */

enum { DROP_NONE, DROP_ALL, DROP_FOUR, DROP_ODD };

struct drop {
	int which;
	size_t kept4, kept6, gone;
};

static bool drop(void *ctx, const struct addr *hint)
{
	struct drop *d = ctx;
	bool go = d->which == DROP_ALL || (d->which == DROP_FOUR && hint->len == 4) ||
		  (d->which == DROP_ODD && hint->b[hint->len - 1] & 1);

	CHECK(hint->len == 4 || hint->len == 16);
	d->gone += go;
	d->kept4 += !go && hint->len == 4;
	d->kept6 += !go && hint->len == 16;
	return go;
}

/* RFC 9460 2.2, as plainly as possible: whole parameters to the end, keys ascending. */
static void check_params(const struct svcb *s, const uint8_t *p, size_t len)
{
	long last = -1;
	uint16_t port = 0;

	p += 2 + s->target.len;
	CHECK(len >= 2u + s->target.len);
	for (len -= 2u + s->target.len; len; len -= 4u + bytes_u16(p + 2), p += 4 + bytes_u16(p + 2)) {
		CHECK(len >= 4 && len >= 4u + bytes_u16(p + 2) && bytes_u16(p) > last);
		last = bytes_u16(p);
		if (last == 3)
			port = bytes_u16(p + 4);
		if (last == 4)
			CHECK(s->hint4 == p + 4 && s->hint4_len == bytes_u16(p + 2));
		if (last == 6)
			CHECK(s->hint6 == p + 4 && s->hint6_len == bytes_u16(p + 2));
	}
	CHECK(port == s->port);
}

static void check_strip(const struct svcb *s, int which, const uint8_t *msg, size_t off, size_t rdlen)
{
	static uint8_t out[65536];
	struct drop d = { .which = which }, no = { .which = which };
	size_t n = svcb_strip(out, sizeof(out), msg, off, rdlen, drop, &d);
	struct svcb t;

	CHECK(n && n <= rdlen && svcb_strip(out, rdlen, msg, off, rdlen, drop, &no) == n);
	if (!d.gone)
		CHECK(n == rdlen && !memcmp(out, msg + off, rdlen));
	if (svcb_parse(&t, out, 0, n)) {
		/* only because a mandatory hint went as a whole, which callers ask for first */
		CHECK((s->mandatory4 && !d.kept4) || (s->mandatory6 && !d.kept6));
		return;
	}
	CHECK(t.priority == s->priority && name_equal(&t.target, &s->target) && t.port == s->port);
	CHECK(t.hint4_len == 4 * d.kept4 && t.hint6_len == 16 * d.kept6);
	CHECK(t.hint4_len <= s->hint4_len && t.hint6_len <= s->hint6_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t small[16];
	struct drop d = { .which = DROP_NONE };
	size_t off, rdlen;
	struct svcb s;
	char text[300];

	if (size < 2 || size > 60000)
		return 0;
	off = data[0] >> 2 < size - 1 ? data[0] >> 2 : 0;
	rdlen = size - 1 - off;
	if (svcb_parse(&s, data + 1, off, rdlen)) {
		svcb_strip(small, sizeof(small), data + 1, off, rdlen, drop, &d);
		return 0;
	}
	CHECK(s.hint4_len % 4 == 0 && s.hint6_len % 16 == 0 && !s.hint4 == !s.hint4_len && !s.hint6 == !s.hint6_len);
	check_params(&s, data + 1 + off, rdlen);
	for (int which = DROP_NONE; which <= DROP_ODD; which++)
		check_strip(&s, which, data + 1, off, rdlen);
	if (rdlen > sizeof(small))
		CHECK(!svcb_strip(small, sizeof(small), data + 1, off, rdlen, drop, &d));
	CHECK(record_rdata_text(TYPE_HTTPS, data + 1 + off, rdlen, text, sizeof(text)) == text);
	CHECK(strlen(text) < sizeof(text));
	return 0;
}
