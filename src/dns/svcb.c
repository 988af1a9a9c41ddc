/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/svcb.h"

#include <errno.h>
#include <string.h>

/* RFC 9460 14.3.2 */
enum { KEY_MANDATORY, KEY_ALPN, KEY_NO_DEFAULT_ALPN, KEY_PORT, KEY_IPV4HINT, KEY_ECH, KEY_IPV6HINT };

/* The next parameter: its key, and its value as a span. */
static uint16_t next_param(struct rd *r, struct rd *value)
{
	uint16_t key = rd_u16(r), len = rd_u16(r);
	const uint8_t *p = rd_take(r, len);

	*value = rd_init(p ? p : r->end, p ? len : 0);
	return key;
}

/* RFC 9460 8: not empty, ascending, not itself, and all it names is there. Both lists ascend: one pass over each. */
static int check_mandatory(struct svcb *s, struct rd value, struct rd params)
{
	uint16_t last = KEY_MANDATORY, have = KEY_MANDATORY;
	struct rd ignored;

	if (!rd_left(&value))
		return -EBADMSG;
	while (rd_left(&value)) {
		uint16_t key = rd_u16(&value);

		if (value.bad || key <= last)
			return -EBADMSG;
		while (have < key && rd_left(&params) && !params.bad)
			have = next_param(&params, &ignored);
		if (have != key || params.bad)
			return -EBADMSG;
		s->mandatory4 |= key == KEY_IPV4HINT;
		s->mandatory6 |= key == KEY_IPV6HINT;
		last = key;
	}
	return 0;
}

/* RFC 9460 7.1.1: protocol ids, none of them empty. */
static int check_alpn(struct rd value)
{
	if (!rd_left(&value))
		return -EBADMSG;
	while (rd_left(&value)) {
		uint8_t len = rd_u8(&value);

		rd_take(&value, len);
		if (!len || value.bad)
			return -EBADMSG;
	}
	return 0;
}

static int check_param(struct svcb *s, uint16_t key, struct rd value, struct rd params)
{
	size_t len = rd_left(&value);

	switch (key) {
	case KEY_MANDATORY:
		return check_mandatory(s, value, params);
	case KEY_ALPN:
		return check_alpn(value);
	case KEY_NO_DEFAULT_ALPN:
		return len ? -EBADMSG : 0;
	case KEY_PORT:
		s->port = rd_u16(&value);
		return len == 2 && s->port ? 0 : -EBADMSG;
	case KEY_IPV4HINT:
		s->hint4 = value.p;
		s->hint4_len = (uint16_t)len;
		return len && len % 4 == 0 ? 0 : -EBADMSG;
	case KEY_IPV6HINT:
		s->hint6 = value.p;
		s->hint6_len = (uint16_t)len;
		return len && len % 16 == 0 ? 0 : -EBADMSG;
	default:
		return 0;
	}
}

int svcb_parse(struct svcb *s, const uint8_t *msg, size_t off, size_t rdlen)
{
	size_t end = off + rdlen, pos = off + 2;
	struct rd params, r;
	int last = -1;

	memset(s, 0, offsetof(struct svcb, target));
	memset(&s->port, 0, sizeof(*s) - offsetof(struct svcb, port));
	if (rdlen < 3 || name_read_case(&s->target, msg, end, &pos, false))
		return -EBADMSG;
	name_fold(&s->target);
	s->priority = bytes_u16(msg + off);
	params = r = rd_init(msg + pos, end - pos);
	while (rd_left(&r)) {
		struct rd value;
		uint16_t key = next_param(&r, &value);

		if (r.bad || key <= last || check_param(s, key, value, params))
			return -EBADMSG;
		last = key;
	}
	return 0;
}

size_t svcb_strip(uint8_t *out, size_t cap, const uint8_t *msg, size_t off, size_t rdlen,
		  bool (*drop)(void *ctx, const struct addr *hint), void *ctx)
{
	size_t end = off + rdlen, pos = off + 2;
	struct wr w = wr_init(out, cap);
	struct rd r;

	if (rdlen < 3 || name_skip(msg, end, &pos))
		return 0;
	wr_bytes(&w, msg + off, pos - off);
	r = rd_init(msg + pos, end - pos);
	while (rd_left(&r)) {
		struct rd value;
		uint16_t key = next_param(&r, &value);
		size_t step = key == KEY_IPV4HINT ? 4 : key == KEY_IPV6HINT ? 16 : 0;
		uint8_t *start = w.p, *len;

		if (r.bad)
			return 0;
		wr_u16(&w, key);
		len = wr_room(&w, 2);
		if (!step)
			wr_bytes(&w, value.p, rd_left(&value));
		while (step && rd_left(&value) >= step) {
			const uint8_t *p = rd_take(&value, step);
			struct addr hint = step == 4 ? addr_v4(p) : addr_v6(p);

			if (!drop(ctx, &hint))
				wr_bytes(&w, p, step);
		}
		if (w.bad)
			return 0;
		if (step && w.p == len + 2)
			w.p = start;
		else
			bytes_put_u16(len, (uint16_t)(w.p - len - 2));
	}
	return wr_len(&w);
}
