/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DNS_ANSWER_RDATA_H
#define DNS_ANSWER_RDATA_H

/*
 * The shape of the rdata of the types whose rdata holds names, which a
 * message may compress (RFC 3597 4), and of the few others whose bytes are
 * relied upon. For the answer_*.c files only.
 */

#include "dns/wire.h"

/*
 * A shape is a string, a letter a field: b, w, l: 1, 2, 4 bytes; n: a name;
 * u: a name that may not be compressed; s: a character-string; S: one or more
 * of them, to the end; *: anything, to the end. NULL: a type that is opaque.
 */
const char *answer_rdata_shape(uint16_t type, uint16_t class);
/* Names in rdata of this type may be compressed: it is of RFC 1035, and every resolver knows it. */
bool answer_rdata_compressible(uint16_t type);
/* The length of the field `c` at off, of which `end` is behind the rdata; -EBADMSG. */
must_check int answer_rdata_field(char c, const uint8_t *msg, size_t off, size_t end);
/* Whether rdata has its type's shape, no byte less or more. -EBADMSG. */
must_check int answer_rdata_check(uint16_t type, uint16_t class, const uint8_t *msg, size_t off, size_t rdlen);

#endif
