/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_LINE_TEXT_H
#define EXPORT_LINE_TEXT_H

/*
 * Text that grows, and elements as JSON in it. Written by hand, not through base/jout: a refill is hundreds
 * of thousands of them, and all that is variable is numbers and printable text.
 */

#include "export/shape.h"

struct text {
	char *p;			/* with free(3) */
	size_t len, cap;
	bool bad;			/* there was no memory: what is in it must not be used */
};

void text_add(struct text *t, const char *s, size_t len);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes. What is not ASCII becomes '?'. */
void text_json(struct text *t, const char *s);

/*
 * The members "address", "client", "ports", "seconds" and "name" of an element, without braces. Ports are those of the
 * key where the shape has them, else `ports`.
 */
void text_element(struct text *t, const struct shape *shape, const uint8_t *key, const struct conf_port *ports,
		  size_t n_ports, uint64_t seconds, const char *name);
/* Seconds that are never less than what is meant. */
static inline uint64_t text_seconds(uint64_t ms)
{
	return ms / 1000 + (ms % 1000 != 0);
}

#endif
