/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kind = socket: tells a listener on a Unix socket, line by line, and waits for its word. */
#include "export/line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/log.h"
#include "base/util.h"

#define OUT_MAX ((size_t)8 << 20)
#define SAY_EVERY CLOCK_S
/* After so many deadlines without an answer the listener counts as dead. */
#define DEAD 4

static uint64_t now_us(const struct sink *s)
{
	return loop_now(s->loop).mono_us;
}

static void finish(struct sink *s, struct sink_op *op, int err)
{
	op->err = err;
	s->ev->done(s->ctx, op);
}

/* Of what goes wrong in one listener over and over, a line a second is enough. */
static void say_refused(struct sink *s, const char *error)
{
	char text[256];

	if (now_us(s) < s->said_us)
		return;
	s->said_us = now_us(s) + SAY_EVERY;
	escape_sentence(text, sizeof(text), (const uint8_t *)error, strlen(error));
	log_warn("export %s: the listener refused: %s", s->name, text);
}

void line_acked(void *ctx, uint64_t seq, const char *error)
{
	struct sink *s = ctx;
	struct line_wait *e = line_waits_get(&s->waits, seq), w;

	if (!e) {
		/* Twice said is harmless; a number that was never given is of some other talk. */
		if (seq >= s->waits.next)
			s->mad = true;
		return;
	}
	w = *e;
	line_waits_drop(&s->waits, e);
	s->backoff_us = 0;
	if (error)
		say_refused(s, error);
	if (w.op) {
		finish(s, w.op, error ? -EREMOTEIO : 0);
	} else if (!error && !w.deletes && w.set->present && w.end_us > now_us(s)) {
		/* Too late for who asked, but it is open now. */
		struct sink_element el = { .key = w.key, .left_ms = (w.end_us - now_us(s)) / CLOCK_MS, .ours = true,
					   .name = "" };

		s->ev->element(s->ctx, w.set, &el);
	}
}

void line_fail_all(struct sink *s, int err)
{
	struct line_wait *e;

	while ((e = line_waits_oldest(&s->waits))) {
		struct sink_op *op = e->op;

		line_waits_drop(&s->waits, e);
		if (op)
			finish(s, op, err);
	}
}

static void arm_deadline(struct sink *s)
{
	struct line_wait *due = line_waits_due(&s->waits), *oldest = line_waits_oldest(&s->waits);
	uint64_t at = TIMERS_NEVER;

	if (oldest)
		at = oldest->dead_us;
	if (due)
		at = MIN(at, due->due_us);
	if (at == TIMERS_NEVER)
		timer_cancel(loop_timers(s->loop), &s->deadline);
	else if (!s->deadline.set || s->deadline.due != at)
		timer_set(loop_timers(s->loop), &s->deadline, at);
}

static void deadline(struct timer *t)
{
	struct sink *s = container_of(t, struct sink, deadline);
	struct line_wait *e = line_waits_oldest(&s->waits);

	if (e && e->dead_us <= now_us(s)) {
		line_conn_lost(s, -ETIMEDOUT, "no answer");
		return;
	}
	while ((e = line_waits_due(&s->waits)) && e->due_us <= now_us(s)) {
		struct sink_op *op = e->op;

		e->op = NULL;
		line_waits_pass(&s->waits);
		finish(s, op, -ETIMEDOUT);
	}
	arm_deadline(s);
}

static void line_free(struct sink *s)
{
	line_waits_free(&s->waits);
	free(s->out.p);
	free(s->name);
	free(s->path);
	free(s);
}

static struct sink *line_open(struct loop *l, const struct sink_events *ev, void *ctx, const struct conf_export *c,
			      char *why, size_t why_len)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (s) {
		s->loop = l;
		s->ev = ev;
		s->ctx = ctx;
		s->fd = -1;
		s->deadline.fire = deadline;
		/* Copies: a configuration does not live as long as what it began. */
		s->name = strdup(c->name.text);
		s->path = strdup(c->path.text);
		if (!line_waits_init(&s->waits) && s->name && s->path) {
			line_conn_init(s);
			return s;
		}
		line_free(s);
	}
	snprintf(why, why_len, "no memory");
	return NULL;
}

static void line_close(struct sink *s)
{
	line_conn_close(s);
	timer_cancel(loop_timers(s->loop), &s->deadline);
	line_free(s);
}

static int line_add(struct sink *s, struct sink_set *set, char *why, size_t why_len)
{
	size_t i = set->family;

	if (i >= ARRAY_SIZE(s->sets) || s->sets[i]) {
		snprintf(why, why_len, "a socket takes one set of each family");
		return -EINVAL;
	}
	s->sets[i] = set;
	set->shape = shape_of_conf(set->conf->key, set->family);
	set->present = false;
	snprintf(set->what, sizeof(set->what), "%s", s->path);
	if (!s->up)
		return -ENOTCONN;
	line_conn_tell(s, set);
	return 0;
}

static void line_remove(struct sink *s, struct sink_set *set)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->sets); i++)
		if (s->sets[i] == set)
			s->sets[i] = NULL;
	/* Of what the listener still answers nobody wants to hear; `done` was promised. */
	for (uint64_t seq = s->waits.first; seq < s->waits.next; seq++) {
		struct line_wait *e = line_waits_get(&s->waits, seq);
		struct sink_op *op = e ? e->op : NULL;

		if (!e || e->set != set)
			continue;
		line_waits_drop(&s->waits, e);
		if (op)
			finish(s, op, -ECANCELED);
	}
	set->present = false;
}

static int put(struct sink *s, struct sink_op *op)
{
	uint64_t wait_us = op->set->conf->deadline_ms * CLOCK_MS, seq;
	struct line_wait *e;

	if (!s->up || !op->set->present)
		return -ENOTCONN;
	if (s->out.len > OUT_MAX)
		return -ENOBUFS;
	e = line_waits_put(&s->waits, &seq);
	if (!e)
		return -ENOBUFS;
	e->op = op;
	e->set = op->set;
	e->due_us = now_us(s) + wait_us;
	e->dead_us = now_us(s) + MAX(DEAD * wait_us, 2 * CLOCK_S);
	e->end_us = now_us(s) + op->ms * CLOCK_MS;
	e->deletes = op->what == SINK_DELETE;
	memcpy(e->key, op->key, shape_len(&op->set->shape));
	text_printf(&s->out, "{\"seq\":%llu,\"op\":\"%s\",", (unsigned long long)seq, e->deletes ? "delete" : "add");
	text_element(&s->out, &op->set->shape, op->key, op->ports, op->n_ports,
		     e->deletes ? 0 : text_seconds(op->ms), op->name);
	text_add(&s->out, "}\n", 2);
	return 0;
}

static void line_submit(struct sink *s, struct sink_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err = put(s, ops[i]);

		if (err)
			finish(s, ops[i], err);
	}
	line_conn_flush(s);
	arm_deadline(s);
}

static void line_poll(struct sink *s)
{
	if (s->up)
		line_conn_read(s);
}

static int line_probe(struct sink *s, struct sink_set *set)
{
	return set->present ? 0 : -ENOTCONN;
}

const struct sink_kind sink_socket = {
	.name = "socket", .open = line_open, .close = line_close, .add = line_add, .remove = line_remove,
	.submit = line_submit, .poll = line_poll, .probe = line_probe,
};
