/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/line_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST 4096

static char *room(struct text *t, size_t len)
{
	size_t cap = t->cap ? t->cap : FIRST;
	char *p;

	if (t->bad)
		return NULL;
	while (cap - t->len < len)
		cap *= 2;
	if (cap != t->cap) {
		p = realloc(t->p, cap);
		if (!p) {
			t->bad = true;
			return NULL;
		}
		t->p = p;
		t->cap = cap;
	}
	return t->p + t->len;
}

void text_add(struct text *t, const char *s, size_t len)
{
	char *p = room(t, len);

	if (!p)
		return;
	memcpy(p, s, len);
	t->len += len;
}

void text_printf(struct text *t, const char *fmt, ...)
{
	char buf[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	/* Longer texts go through text_add and text_json: this one is for numbers and addresses. */
	if (n < 0 || (size_t)n >= sizeof(buf))
		t->bad = true;
	else
		text_add(t, buf, (size_t)n);
}

void text_json(struct text *t, const char *s)
{
	text_add(t, "\"", 1);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			text_add(t, "\\", 1);
		if (c < ' ')
			text_printf(t, "\\u%04x", c);
		else
			text_add(t, c < 0x7f ? s : "?", 1);
	}
	text_add(t, "\"", 1);
}

void text_element(struct text *t, const struct shape *shape, const uint8_t *key, const struct conf_port *ports,
		  size_t n_ports, uint64_t seconds, const char *name)
{
	char buf[ADDR_TEXT];
	struct conf_port own;
	struct shape_fields f;

	shape_fields(shape, key, &f);
	if (shape->port) {
		own = (struct conf_port){ .proto = f.proto, .port = f.port };
		ports = &own;
		n_ports = 1;
	}
	text_printf(t, "\"address\":\"%s\",\"client\":", addr_text(&f.addr, buf));
	if (shape->client)
		text_printf(t, "\"%s\"", addr_text(&f.client, buf));
	else
		text_add(t, "null", 4);
	text_add(t, ",\"ports\":[", 10);
	for (size_t i = 0; i < n_ports; i++)
		text_printf(t, "%s\"%s\"", i ? "," : "", conf_port_text(&ports[i], buf));
	text_printf(t, "],\"seconds\":%llu,\"name\":", (unsigned long long)seconds);
	text_json(t, name ? name : "");
}
