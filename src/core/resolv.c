/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/resolv.h"

#include <errno.h>
#include <stdio.h>

#define DNS_PORT 53
#define LOOPBACK4 127

static bool wildcard(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->b, zero, a->len) == 0;
}

static bool loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->len == 4 ? a->b[0] == LOOPBACK4 : memcmp(a->b, one, sizeof(one)) == 0;
}

static bool our_own(const struct conf *c, const struct endpoint *e)
{
	for (size_t i = 0; i < c->server.listen.n; i++) {
		const struct endpoint *at = &c->server.listen.v[i].at;

		if (endpoint_equal(at, e))
			return true;
		if (at->port == e->port && at->addr.len == e->addr.len && wildcard(&at->addr) && loopback(&e->addr))
			return true;
	}
	return false;
}

int resolv_read(struct resolv *r, const char *path, const struct conf *c)
{
	char line[512], word[ADDR_TEXT];
	FILE *f = fopen(path, "re");

	*r = (struct resolv){ 0 };
	if (!f)
		return -errno;
	while (r->n < RESOLV_MAX && fgets(line, sizeof(line), f)) {
		struct endpoint *e = &r->servers[r->n];

		if (sscanf(line, "nameserver %63s", word) == 1 &&
		    endpoint_parse(e, word, strlen(word), DNS_PORT) == 0 && !our_own(c, e))
			r->n++;
	}
	fclose(f);
	return 0;
}

bool resolv_equal(const struct resolv *a, const struct resolv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (!endpoint_equal(&a->servers[i], &b->servers[i]))
			return false;
	}
	return true;
}
