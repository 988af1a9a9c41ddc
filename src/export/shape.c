/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/shape.h"

#include <errno.h>
#include <stdio.h>

/* nf_tables pads each field of a concatenation to its registers. */
#define WORD 4

struct shape shape_of_conf(enum conf_export_key key, enum export_family family)
{
	bool service = key == KEY_SERVICE || key == KEY_CLIENT_SERVICE;

	return (struct shape){
		.family = family == EXPORT_V4 ? 4 : 16,
		.client = key == KEY_CLIENT || key == KEY_CLIENT_SERVICE,
		.proto = service,
		.port = service,
	};
}

size_t shape_len(const struct shape *s)
{
	return s->family * (s->client ? 2u : 1u) + (s->proto ? WORD : 0) + (s->port ? WORD : 0);
}

static bool link_local(const struct addr *a)
{
	return a->len == 16 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

int shape_key(const struct shape *s, const struct shape_fields *f, uint8_t *key)
{
	if (!s->family || f->addr.len != s->family)
		return -EAFNOSUPPORT;
	if (s->client) {
		if (f->client.len != s->family || link_local(&f->client))
			return -EAFNOSUPPORT;
		memcpy(key, f->client.b, s->family);
		key += s->family;
	}
	memcpy(key, f->addr.b, s->family);
	key += s->family;
	if (s->proto) {
		memset(key, 0, WORD);
		key[0] = f->proto;
		key += WORD;
	}
	if (s->port) {
		memset(key, 0, WORD);
		key[0] = (uint8_t)(f->port >> 8);
		key[1] = (uint8_t)f->port;
	}
	return 0;
}

static struct addr take_addr(uint8_t family, const uint8_t *key)
{
	return family == 4 ? addr_v4(key) : addr_v6(key);
}

void shape_fields(const struct shape *s, const uint8_t *key, struct shape_fields *f)
{
	memset(f, 0, sizeof(*f));
	if (!s->family)
		return;
	if (s->client) {
		f->client = take_addr(s->family, key);
		key += s->family;
	}
	f->addr = take_addr(s->family, key);
	key += s->family;
	if (s->proto) {
		f->proto = key[0];
		key += WORD;
	}
	if (s->port)
		f->port = (uint16_t)(key[0] << 8 | key[1]);
}

const char *shape_text(const struct shape *s, char *buf)
{
	const char *type = s->family == 16 ? "ipv6_addr" : "ipv4_addr";

	snprintf(buf, SHAPE_TEXT, "%s%s%s%s%s", s->client ? type : "", s->client ? " . " : "", type,
		 s->proto ? " . inet_proto" : "", s->port ? " . inet_service" : "");
	return buf;
}

const char *shape_element_text(const struct shape *s, const uint8_t *key, char *buf)
{
	struct shape_fields f;
	char text[ADDR_TEXT];
	size_t n = 0;

	buf[0] = '\0';
	shape_fields(s, key, &f);
	if (s->client)
		n += (size_t)snprintf(buf + n, SHAPE_ELEMENT_TEXT - n, "%s . ", addr_text(&f.client, text));
	n += (size_t)snprintf(buf + n, SHAPE_ELEMENT_TEXT - n, "%s", addr_text(&f.addr, text));
	if (s->proto && f.proto == IPPROTO_TCP)
		n += (size_t)snprintf(buf + n, SHAPE_ELEMENT_TEXT - n, " . tcp");
	else if (s->proto && f.proto == IPPROTO_UDP)
		n += (size_t)snprintf(buf + n, SHAPE_ELEMENT_TEXT - n, " . udp");
	else if (s->proto)
		n += (size_t)snprintf(buf + n, SHAPE_ELEMENT_TEXT - n, " . %u", f.proto);
	if (s->port)
		snprintf(buf + n, SHAPE_ELEMENT_TEXT - n, " . %u", f.port);
	return buf;
}
