/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* Decimal digits only, no sign, no leading zero: "053" is more often an octal than a port. */
static int parse_decimal(unsigned *v, const char *text, size_t len, unsigned max)
{
	unsigned n = 0;
	size_t i;

	if (!len || len > 9 || (len > 1 && text[0] == '0'))
		return -EINVAL;
	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		n = n * 10 + (unsigned)(text[i] - '0');
	}
	if (n > max)
		return -EINVAL;
	*v = n;
	return 0;
}

static int parse_scope(uint32_t *scope, const char *text, size_t len)
{
	char name[IF_NAMESIZE];
	unsigned n;

	if (!parse_decimal(&n, text, len, INT32_MAX)) {
		*scope = n;
		return n ? 0 : -EINVAL;
	}
	if (!len || len >= sizeof(name))
		return -EINVAL;
	memcpy(name, text, len);
	name[len] = '\0';
	*scope = if_nametoindex(name);
	return *scope ? 0 : -EINVAL;
}

int addr_parse(struct addr *a, const char *text, size_t len)
{
	const char *percent = len ? memchr(text, '%', len) : NULL;
	size_t n = percent ? (size_t)(percent - text) : len;
	char buf[INET6_ADDRSTRLEN];
	struct addr r = { 0 };

	if (!n || n >= sizeof(buf) || memchr(text, '\0', n))
		return -EINVAL;
	memcpy(buf, text, n);
	buf[n] = '\0';
	if (inet_pton(AF_INET, buf, r.b) == 1)
		r.len = 4;
	else if (inet_pton(AF_INET6, buf, r.b) == 1)
		r.len = 16;
	else
		return -EINVAL;
	if (percent) {
		if (r.len != 16 || r.b[0] != 0xfe || (r.b[1] & 0xc0) != 0x80)
			return -EINVAL;
		if (parse_scope(&r.scope, percent + 1, len - n - 1))
			return -EINVAL;
	}
	*a = r;
	return 0;
}

int endpoint_parse(struct endpoint *e, const char *text, size_t len, uint16_t default_port)
{
	const char *at = len ? memchr(text, '@', len) : NULL;
	size_t n = at ? (size_t)(at - text) : len;
	struct endpoint r = { .port = default_port };
	unsigned port;

	if (at) {
		if (parse_decimal(&port, at + 1, len - n - 1, UINT16_MAX) || !port)
			return -EINVAL;
		r.port = (uint16_t)port;
	}
	if (addr_parse(&r.addr, text, n))
		return -EINVAL;
	*e = r;
	return 0;
}

/* A copy of `a` with all but the first `bits` bits cleared. */
static struct addr mask(const struct addr *a, unsigned bits)
{
	struct addr r = *a;
	unsigned i;

	for (i = 0; i < r.len; i++) {
		if (bits >= 8 * (i + 1))
			continue;
		r.b[i] &= bits <= 8 * i ? 0 : (uint8_t)(0xff << (8 * (i + 1) - bits));
	}
	return r;
}

int prefix_parse(struct prefix *p, const char *text, size_t len)
{
	const char *slash = len ? memchr(text, '/', len) : NULL;
	size_t n = slash ? (size_t)(slash - text) : len;
	struct addr net, masked;
	unsigned bits;

	if (addr_parse(&net, text, n) || net.scope)
		return -EINVAL;
	bits = net.len * 8;
	if (slash && parse_decimal(&bits, slash + 1, len - n - 1, bits))
		return -EINVAL;
	masked = mask(&net, bits);
	if (!addr_equal(&net, &masked))
		return -EDOM;
	p->addr = net;
	p->bits = (uint8_t)bits;
	return 0;
}

/*
 * The scope is shown as a number: its name would cost system calls, and text
 * is made where the sandbox allows none of them.
 */
const char *addr_text(const struct addr *a, char *buf)
{
	static const uint8_t zero[12];
	size_t n;

	if (a->len == 4) {
		snprintf(buf, ADDR_TEXT, "%u.%u.%u.%u", a->b[0], a->b[1], a->b[2], a->b[3]);
		return buf;
	}
	if (a->len != 16) {
		snprintf(buf, ADDR_TEXT, "none");
		return buf;
	}
	/* inet_ntop takes ::1:2 for an IPv4-compatible address and writes ::0.1.0.2. */
	if (!memcmp(a->b, zero, 12) && bytes_u16(a->b + 12))
		snprintf(buf, ADDR_TEXT, "::%x:%x", bytes_u16(a->b + 12), bytes_u16(a->b + 14));
	else if (!inet_ntop(AF_INET6, a->b, buf, ADDR_TEXT))
		buf[0] = '\0';
	if (a->scope) {
		n = strlen(buf);
		snprintf(buf + n, ADDR_TEXT - n, "%%%u", (unsigned)a->scope);
	}
	return buf;
}

const char *endpoint_text(const struct endpoint *e, char *buf)
{
	size_t n = strlen(addr_text(&e->addr, buf));

	snprintf(buf + n, ADDR_TEXT - n, "@%u", e->port);
	return buf;
}

const char *prefix_text(const struct prefix *p, char *buf)
{
	size_t n = strlen(addr_text(&p->addr, buf));

	if (p->bits < p->addr.len * 8)
		snprintf(buf + n, ADDR_TEXT - n, "/%u", p->bits);
	return buf;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->len == b->len && a->scope == b->scope && !memcmp(a->b, b->b, a->len);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

bool prefix_has(const struct prefix *p, const struct addr *a)
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (!a->len || a->len != p->addr.len || memcmp(a->b, p->addr.b, whole))
		return false;
	return !rest || !((a->b[whole] ^ p->addr.b[whole]) >> (8 - rest));
}

socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (e->addr.len == 16) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(e->port);
		in6->sin6_scope_id = e->addr.scope;
		memcpy(&in6->sin6_addr, e->addr.b, 16);
		return sizeof(*in6);
	} else {
		struct sockaddr_in *in = (struct sockaddr_in *)ss;

		in->sin_family = AF_INET;
		in->sin_port = htons(e->port);
		memcpy(&in->sin_addr, e->addr.b, 4);
		return sizeof(*in);
	}
}

int endpoint_from_sockaddr(struct endpoint *e, const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

		e->addr = addr_v6(in6->sin6_addr.s6_addr);
		e->addr.scope = IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr) ? in6->sin6_scope_id : 0;
		e->port = ntohs(in6->sin6_port);
		return 0;
	}
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

		e->addr = addr_v4((const uint8_t *)&in->sin_addr);
		e->port = ntohs(in->sin_port);
		return 0;
	}
	return -EAFNOSUPPORT;
}
