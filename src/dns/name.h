/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DNS_NAME_H
#define DNS_NAME_H

/*
 * Domain names in wire form (RFC 1035 3.1): uncompressed, with the root label.
 * A `struct name` is canonical: letters are lower case. Names are compared by
 * labels, never as text: a dot or star inside a label is a character.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define NAME_MAX_WIRE 255
#define NAME_MAX_LABELS 127
#define NAME_TEXT 1024			/* room for any name with every byte escaped */

struct name {
	uint8_t len;			/* of wire, root label included; at least 1 */
	uint8_t labels;			/* without the root */
	uint8_t wire[NAME_MAX_WIRE];
};

extern const struct name name_root;

/*
 * Reads a name of msg at *off, following compression pointers (which must
 * point backwards, RFC 1035 4.1.4, and not into the header), into lower case; *off moves behind it.
 * -EBADMSG when it is malformed, too long or runs out of the message.
 */
must_check int name_read(struct name *n, const uint8_t *msg, size_t len, size_t *off);
/* As name_read, but keeps the case, and refuses pointers where !compressed. */
must_check int name_read_case(struct name *n, const uint8_t *msg, size_t len, size_t *off, bool compressed);
/* Moves *off behind the name there without reading it whole. */
must_check int name_skip(const uint8_t *msg, size_t len, size_t *off);
/* Makes a name canonical that name_read_case read. */
void name_fold(struct name *n);
/* Presentation form: \DDD and \X escapes, final dot optional, "." the root. -EINVAL. */
must_check int name_from_text(struct name *n, const char *text, size_t len);
/* Without a final dot ("." for the root), odd bytes as \DDD; gives buf (NAME_TEXT bytes). */
const char *name_text(const struct name *n, char *buf);

bool name_equal(const struct name *a, const struct name *b);
/* n is zone or below it; strictly: name_under(n, z) && n->len != z->len */
bool name_under(const struct name *n, const struct name *zone);
/* Compares without regard to case n with the (maybe compressed) name of msg at off. Malformed is unequal. */
bool name_is(const struct name *n, const uint8_t *msg, size_t len, size_t off);
/* Offsets of the labels of n in order, n->labels of them, the root's behind them. */
void name_offsets(const struct name *n, uint8_t off[NAME_MAX_LABELS + 1]);
/* n without its first `labels` labels. */
void name_parent(struct name *out, const struct name *n, unsigned labels);
/* (labels of n not under suffix) + target, for DNAME (RFC 6672 2.2). -ENAMETOOLONG, -EINVAL: n is not below it. */
must_check int name_replace(struct name *out, const struct name *n, const struct name *suffix,
			    const struct name *target);
uint64_t name_hash(const struct name *n);
/* Where the name at off stands: there, or where it leads if it is nothing but a pointer. len > off. */
static inline uint16_t name_at(const uint8_t *msg, size_t len, size_t off)
{
	return msg[off] >= 0xc0 && len - off >= 2 ? (uint16_t)((msg[off] & 0x3f) << 8 | msg[off + 1]) : (uint16_t)off;
}
/* Copies what is filled, which is most often a tenth of it. */
static inline void name_copy(struct name *to, const struct name *from)
{
	to->len = from->len;
	to->labels = from->labels;
	memcpy(to->wire, from->wire, from->len);
}
static inline uint8_t name_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

#endif
