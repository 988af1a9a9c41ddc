/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SINK_HELP_H
#define SINK_HELP_H

/* A book for sinks under test: writes down what they tell. */

#include "io_help.h"

#include "export/sink.h"

#define TOLD 4096

static const struct sink_kind *kind;
static struct sink *sink;
static struct conf_export conf;
static struct sink_set sets[2];
static char why[512];

/* What was told, a line each: "present 0", "element 192.0.2.1 ours 60 www" (to ten seconds), "done ok" … */
static char told[65536];
static unsigned n_done, n_element, n_removed, n_emptied, n_dumped, n_present, n_overrun;
static int last_err;
static uint64_t told_us;

static inline void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void tell(const char *fmt, ...)
{
	size_t n = strlen(told);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(told + n, sizeof(told) - n, fmt, ap);
	va_end(ap);
	told_us = clock_now().mono_us;
}

static inline void on_done(void *ctx, struct sink_op *op)
{
	n_done++;
	last_err = op->err;
	tell("done %s\n", op->err ? strerror(-op->err) : "ok");
}

static inline void on_present(void *ctx, struct sink_set *set)
{
	n_present++;
	tell("present %u\n", set->family);
}

static inline void on_element(void *ctx, struct sink_set *set, const struct sink_element *e)
{
	char buf[SHAPE_ELEMENT_TEXT], left[32] = "ever";

	n_element++;
	if (e->left_ms != SINK_EVER)
		snprintf(left, sizeof(left), "%llu", (unsigned long long)(e->left_ms + 5000) / 10000 * 10);
	tell("element %s %s %s %s\n", shape_element_text(&set->shape, e->key, buf), e->ours ? "ours" : "theirs", left,
	     e->name);
}

static inline void on_dumped(void *ctx, struct sink_set *set, int err)
{
	n_dumped++;
	tell("dumped %u %d\n", set->family, err);
}

static inline void on_removed(void *ctx, struct sink_set *set, const uint8_t *key)
{
	char buf[SHAPE_ELEMENT_TEXT];

	n_removed++;
	tell("removed %s\n", shape_element_text(&set->shape, key, buf));
}

static inline void on_emptied(void *ctx, struct sink_set *set, bool gone, const char *by)
{
	n_emptied++;
	tell("emptied %u %s\n", set->family, gone ? "gone" : "there");
}

static inline void on_overrun(void *ctx, struct sink *s)
{
	n_overrun++;
	tell("overrun\n");
}

static const struct sink_events events = {
	on_done, on_present, on_element, on_dumped, on_removed, on_emptied, on_overrun,
};

static inline void forget_told(void)
{
	told[0] = '\0';
	n_done = n_element = n_removed = n_emptied = n_dumped = n_present = n_overrun = 0;
	last_err = 0;
}

static inline void sink_open(void)
{
	why[0] = '\0';
	sink = kind->open(loop, &events, NULL, &conf, why, sizeof(why));
	if (!sink)
		fail_msg("%s", why);
}

static inline int sink_take(enum export_family family)
{
	sets[family] = (struct sink_set){ .conf = &conf, .family = family };
	return kind->add(sink, &sets[family], why, sizeof(why));
}

/* Operations that live until they are acknowledged; one at a time is enough for most tests. */
static struct sink_op ops[TOLD];
static uint8_t keys[TOLD][SHAPE_KEY_MAX];
static size_t n_ops;

static inline struct sink_op *op_make(enum sink_what what, enum export_family family, const char *client,
				      const char *addr, const char *port, uint64_t ms, const char *name)
{
	struct sink_op *op = &ops[n_ops % TOLD];
	uint8_t *key = keys[n_ops++ % TOLD];
	struct shape_fields f = { 0 };
	struct conf_port p = { 0 };

	if (client)
		assert_int_equal(addr_parse(&f.client, client, strlen(client)), 0);
	assert_int_equal(addr_parse(&f.addr, addr, strlen(addr)), 0);
	if (port)
		assert_int_equal(conf_port_parse(&p, port, strlen(port)), 0);
	f.proto = p.proto;
	f.port = p.port;
	assert_int_equal(shape_key(&sets[family].shape, &f, key), 0);
	*op = (struct sink_op){ .what = what, .set = &sets[family], .key = key, .ms = ms, .name = name };
	return op;
}

static inline void submit(struct sink_op *op)
{
	kind->submit(sink, &op, 1);
}

static unsigned wanted;
static inline bool all_done(void)
{
	return n_done >= wanted;
}

/* One operation and its outcome. */
static inline int operate(enum sink_what what, const char *client, const char *addr, const char *port, uint64_t ms,
			  const char *name)
{
	wanted = n_done + 1;
	loop_update_now(loop);
	submit(op_make(what, strchr(addr, ':') ? EXPORT_V6 : EXPORT_V4, client, addr, port, ms, name));
	help_until(all_done);
	return last_err;
}

#endif
