/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

/* Addresses, ports and prefixes as values. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/bytes.h"

#define ADDR_TEXT 64		/* room for any address, prefix or endpoint as text, with its NUL */

struct addr {
	uint8_t len;		/* 4, 16, or 0: none */
	uint8_t b[16];
	uint32_t scope;		/* interface of a link-local IPv6 address, else 0 */
};

struct endpoint {
	struct addr addr;
	uint16_t port;
};

struct prefix {
	struct addr addr;	/* host bits are 0 */
	uint8_t bits;
};

/* All parsers take text of `len` bytes, need all of it, and give 0 or -EINVAL. */
must_check int addr_parse(struct addr *a, const char *text, size_t len);
/* "ADDR@PORT" or "ADDR" with default_port. Port 0 is refused. */
must_check int endpoint_parse(struct endpoint *e, const char *text, size_t len, uint16_t default_port);
/* "ADDR/BITS" or "ADDR". Host bits set is -EDOM. */
must_check int prefix_parse(struct prefix *p, const char *text, size_t len);

/* Text into buf (ADDR_TEXT bytes), which is also returned. */
const char *addr_text(const struct addr *a, char *buf);
const char *endpoint_text(const struct endpoint *e, char *buf);	/* ADDR@PORT */
const char *prefix_text(const struct prefix *p, char *buf);

bool addr_equal(const struct addr *a, const struct addr *b);	/* scope included */
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
bool prefix_has(const struct prefix *p, const struct addr *a);

/* To and from the kernel's form; the length of the sockaddr is returned. */
socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss);
/* -EAFNOSUPPORT for other families. */
must_check int endpoint_from_sockaddr(struct endpoint *e, const struct sockaddr *sa);

static inline struct addr addr_v4(const uint8_t *b)
{
	struct addr a = { .len = 4 };

	memcpy(a.b, b, 4);
	return a;
}

static inline struct addr addr_v6(const uint8_t *b)
{
	struct addr a = { .len = 16 };

	memcpy(a.b, b, 16);
	return a;
}

#endif
