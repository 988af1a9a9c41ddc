/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/name.h"

#include <errno.h>
#include <string.h>

#include "base/escape.h"
#include "base/hash.h"

#define LABEL_MAX 63
#define POINTER 0xc0
#define HEADER 12			/* no name begins within the message's header */

const struct name name_root = { .len = 1 };

/*
 * A label of c bytes with its length byte. Where there is room a fixed number of bytes is copied, which costs a move or
 * four; what is too much is overwritten by the next label.
 */
static void copy_label(uint8_t *to, size_t room, const uint8_t *from, size_t left, unsigned c)
{
	size_t most = left < room ? left : room;

	if (c < 16 && most >= 16)
		memcpy(to, from, 16);
	else if (most > LABEL_MAX)
		memcpy(to, from, LABEL_MAX + 1);
	else
		for (unsigned i = 0; i <= c; i++)
			to[i] = from[i];
}

/*
 * A pointer must lead to before the start of the piece of name that it ends:
 * pieces then lie ever further forward, and no loop can be built.
 */
int name_read_case(struct name *n, const uint8_t *msg, size_t len, size_t *off, bool compressed)
{
	size_t pos = *off, start = *off, behind = 0;
	unsigned out = 0, labels = 0;

	for (;;) {
		uint8_t c;

		if (pos >= len)
			return -EBADMSG;
		c = msg[pos];
		if (!c)
			break;
		if (c <= LABEL_MAX) {
			if (len - pos <= c || out + 1 + c >= NAME_MAX_WIRE)
				return -EBADMSG;
			copy_label(n->wire + out, sizeof(n->wire) - out, msg + pos, len - pos, c);
			out += c + 1u;
			pos += c + 1u;
			labels++;
			continue;
		}
		if (c < POINTER || !compressed || len - pos < 2)
			return -EBADMSG;
		if (!behind)
			behind = pos + 2;
		pos = (size_t)(c & 0x3f) << 8 | msg[pos + 1];
		if (pos >= start || pos < HEADER)
			return -EBADMSG;
		start = pos;
	}
	n->wire[out] = 0;
	n->len = (uint8_t)(out + 1);
	n->labels = (uint8_t)labels;
	*off = behind ? behind : pos + 1;
	return 0;
}

/* Length bytes are below 'A': letters can be told from them without walking the labels. */
void name_fold(struct name *n)
{
	unsigned i;

	for (i = 0; i < n->len; i++)
		n->wire[i] = name_lower(n->wire[i]);
}

int name_read(struct name *n, const uint8_t *msg, size_t len, size_t *off)
{
	int err = name_read_case(n, msg, len, off, true);

	if (!err)
		name_fold(n);
	return err;
}

int name_skip(const uint8_t *msg, size_t len, size_t *off)
{
	size_t pos = *off;

	while (pos < len) {
		uint8_t c = msg[pos];

		if (c >= POINTER) {
			size_t target = len - pos < 2 ? 0 : (size_t)(c & 0x3f) << 8 | msg[pos + 1];

			if (target >= *off || target < HEADER)
				return -EBADMSG;
			*off = pos + 2;
			return 0;
		}
		if (c > LABEL_MAX || pos + 1 + c - *off > NAME_MAX_WIRE)
			return -EBADMSG;
		pos += c + 1u;
		if (!c) {
			*off = pos;
			return 0;
		}
	}
	return -EBADMSG;
}

/* One character of presentation form at text[*i]. */
static int text_char(uint8_t *c, const char *text, size_t len, size_t *i)
{
	unsigned v = 0, k;

	if (text[*i] != '\\') {
		*c = (uint8_t)text[(*i)++];
		return 0;
	}
	if (++*i >= len)
		return -EINVAL;
	if (text[*i] < '0' || text[*i] > '9') {
		*c = (uint8_t)text[(*i)++];
		return 0;
	}
	for (k = 0; k < 3; k++, (*i)++) {
		if (*i >= len || text[*i] < '0' || text[*i] > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(text[*i] - '0');
	}
	*c = (uint8_t)v;
	return v > 255 ? -EINVAL : 0;
}

int name_from_text(struct name *n, const char *text, size_t len)
{
	unsigned out = 1, label = 0, labels = 0;	/* label: where its length byte stands */
	size_t i = 0;
	uint8_t c;

	if (len == 1 && text[0] == '.') {
		*n = name_root;
		return 0;
	}
	while (i < len) {
		if (text[i] == '.') {
			if (out == label + 1)
				return -EINVAL;
			i++;
			n->wire[label] = (uint8_t)(out - label - 1);
			labels++;
			label = out++;
		} else {
			/* The last byte is the root label's. */
			if (text_char(&c, text, len, &i) || out - label > LABEL_MAX || out >= NAME_MAX_WIRE - 1)
				return -EINVAL;
			n->wire[out++] = name_lower(c);
		}
	}
	if (out > label + 1) {
		n->wire[label] = (uint8_t)(out - label - 1);
		labels++;
		label = out++;
	}
	if (!labels)
		return -EINVAL;
	n->wire[label] = 0;
	n->len = (uint8_t)out;
	n->labels = (uint8_t)labels;
	return 0;
}

const char *name_text(const struct name *n, char *buf)
{
	size_t out = 0;
	unsigned pos, i;

	if (!n->labels) {
		memcpy(buf, ".", 2);
		return buf;
	}
	for (pos = 0; n->wire[pos]; pos += n->wire[pos] + 1u) {
		if (pos)
			buf[out++] = '.';
		for (i = 1; i <= n->wire[pos]; i++) {
			/* A dot inside a label must not read as a separator. */
			if (n->wire[pos + i] == '.') {
				memcpy(buf + out, "\\046", 4);
				out += 4;
			} else {
				out += escape_text(buf + out, NAME_TEXT - out, n->wire + pos + i, 1);
			}
		}
	}
	buf[out] = '\0';
	return buf;
}

bool name_equal(const struct name *a, const struct name *b)
{
	return a->len == b->len && !memcmp(a->wire, b->wire, a->len);
}

/* Where the labels begin that are left when the first `labels` are taken off. */
static unsigned offset_of(const struct name *n, unsigned labels)
{
	unsigned pos = 0;

	while (labels-- && n->wire[pos])
		pos += n->wire[pos] + 1u;
	return pos;
}

bool name_under(const struct name *n, const struct name *zone)
{
	unsigned pos;

	if (n->labels < zone->labels)
		return false;
	pos = offset_of(n, (unsigned)(n->labels - zone->labels));
	return n->len - pos == zone->len && !memcmp(n->wire + pos, zone->wire, zone->len);
}

bool name_is(const struct name *n, const uint8_t *msg, size_t len, size_t off)
{
	size_t pos = off, start = off;
	unsigned at = 0, i;

	for (;;) {
		uint8_t c;

		if (pos >= len)
			return false;
		c = msg[pos];
		if (c >= POINTER) {
			if (len - pos < 2)
				return false;
			pos = (size_t)(c & 0x3f) << 8 | msg[pos + 1];
			if (pos >= start || pos < HEADER)
				return false;
			start = pos;
			continue;
		}
		if (c != n->wire[at] || len - pos <= c)
			return false;
		if (!c)
			return true;
		for (i = 1; i <= c; i++)
			if (name_lower(msg[pos + i]) != name_lower(n->wire[at + i]))
				return false;
		at += c + 1u;
		pos += c + 1u;
	}
}

void name_offsets(const struct name *n, uint8_t off[NAME_MAX_LABELS + 1])
{
	unsigned i, pos = 0;

	for (i = 0; i <= n->labels; i++) {
		off[i] = (uint8_t)pos;
		pos += n->wire[pos] + 1u;
	}
}

void name_parent(struct name *out, const struct name *n, unsigned labels)
{
	unsigned gone = labels < n->labels ? labels : n->labels;
	unsigned pos = offset_of(n, gone);
	uint8_t left = (uint8_t)(n->labels - gone);
	uint8_t len = (uint8_t)(n->len - pos);

	memmove(out->wire, n->wire + pos, len);
	out->len = len;
	out->labels = left;
}

int name_replace(struct name *out, const struct name *n, const struct name *suffix, const struct name *target)
{
	struct name r;
	unsigned pos;

	if (!name_under(n, suffix))
		return -EINVAL;
	pos = offset_of(n, (unsigned)(n->labels - suffix->labels));
	if (pos + target->len > NAME_MAX_WIRE)
		return -ENAMETOOLONG;
	memcpy(r.wire, n->wire, pos);
	memcpy(r.wire + pos, target->wire, target->len);
	r.len = (uint8_t)(pos + target->len);
	r.labels = (uint8_t)(n->labels - suffix->labels + target->labels);
	memcpy(out, &r, offsetof(struct name, wire) + r.len);
	return 0;
}

uint64_t name_hash(const struct name *n)
{
	return hash_bytes(n->wire, n->len);
}
