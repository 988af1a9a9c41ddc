/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_SHAPE_H
#define EXPORT_SHAPE_H

/*
 * What the key of a set is made of, and elements of it: [client] address [protocol] [port], each
 * field padded to four bytes, which is how nf_tables holds concatenations. Every kind of
 * export uses this form inside; what it writes to the outside is its own.
 */

#include "base/addr.h"
#include "policy/exports.h"

struct shape {
	uint8_t family;			/* 4 or 16: bytes of an address (and of the client's); 0: not known yet */
	bool client, proto, port;
};

#define SHAPE_KEY_MAX 40

/* The fields of one element. What the shape lacks is zero. */
struct shape_fields {
	struct addr client, addr;
	uint8_t proto;
	uint16_t port;
};

/* By the `key` of an export. */
struct shape shape_of_conf(enum conf_export_key key, enum export_family family);
size_t shape_len(const struct shape *s);
/* Writes the key, shape_len bytes. -EAFNOSUPPORT: the client's family does not fit the set, or it is link-local. */
must_check int shape_key(const struct shape *s, const struct shape_fields *f, uint8_t *key);
/* And back; `key` has shape_len bytes. */
void shape_fields(const struct shape *s, const uint8_t *key, struct shape_fields *f);
static inline bool shape_equal(const struct shape *a, const struct shape *b)
{
	return a->family == b->family && a->client == b->client && a->proto == b->proto && a->port == b->port;
}
/* As nft(8) writes it, "ipv4_addr . inet_proto . inet_service"; buf of SHAPE_TEXT bytes, which is returned. */
#define SHAPE_TEXT 80
const char *shape_text(const struct shape *s, char *buf);
/* An element as nft(8) writes it, "192.0.2.1 . tcp . 443"; buf of SHAPE_ELEMENT_TEXT bytes, which is returned. */
#define SHAPE_ELEMENT_TEXT 160
const char *shape_element_text(const struct shape *s, const uint8_t *key, char *buf);

#endif
