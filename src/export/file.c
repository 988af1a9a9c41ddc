/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kind = file: what is open, as an nft script and as JSON, for programs that take their rules from files. */
#include "export/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/util.h"

#define PAUSE (100 * CLOCK_MS)		/* between two writings that only extend or take out */
#define PAUSE_END CLOCK_S		/* and that only leave out what has ended */

struct ops {
	struct sink_op **v;
	size_t n, cap;
	bool adds;
};

struct sink {
	struct loop *loop;
	const struct sink_events *ev;
	void *ctx;
	char *name, *path;
	struct file_set sets[2];
	struct file_writer writer;
	struct ops waiting, riding;	/* for the next writing; on the one under way */
	struct timer timer;
	uint64_t last_us;		/* when the last writing ended */
	bool first;			/* nothing was written yet */
	int err;			/* of the last writing */
};

static void finish_all(struct sink *s, struct ops *ops, int err)
{
	/* Taken away first: what `done` sets off may come back here. */
	struct ops now = *ops;

	*ops = (struct ops){ 0 };
	for (size_t i = 0; i < now.n; i++) {
		now.v[i]->err = err;
		s->ev->done(s->ctx, now.v[i]);
	}
	free(now.v);
}

static void arm(struct sink *s)
{
	uint64_t due = TIMERS_NEVER, now = loop_now(s->loop).mono_us;

	if (s->writer.under_way || s->waiting.adds || s->first)
		due = now;
	else if (s->waiting.n)
		due = s->last_us + PAUSE;
	else if (!s->err && s->writer.next_end != TIMERS_NEVER)
		due = MAX(s->writer.next_end, s->last_us + PAUSE_END);
	if (due == TIMERS_NEVER)
		timer_cancel(loop_timers(s->loop), &s->timer);
	else
		timer_set(loop_timers(s->loop), &s->timer, due);
}

/* What was to be added and is in no file: it would be there at the next writing, and nobody would know. */
static void take_back(struct sink *s)
{
	for (size_t i = 0; i < s->riding.n; i++) {
		const struct sink_op *op = s->riding.v[i];
		struct keep *keep = &s->sets[op->set->family].keep;
		struct keep_entry *e = op->what == SINK_ADD ? keep_find(keep, op->key) : NULL;

		if (e)
			keep_drop(keep, e);
	}
}

static void written(struct sink *s, int err)
{
	s->last_us = loop_now(s->loop).mono_us;
	s->first = false;
	if (err && err != s->err)
		log_error("export %s: %s: %s", s->name, s->path, strerror(-err));
	else if (!err && s->err)
		log_info("export %s: %s: is written again", s->name, s->path);
	s->err = err;
	if (err)
		take_back(s);
	finish_all(s, &s->riding, err);
}

static void write_on(struct timer *t)
{
	struct sink *s = container_of(t, struct sink, timer);
	int err = 0;

	if (!s->writer.under_way) {
		s->riding = s->waiting;
		s->waiting = (struct ops){ 0 };
		err = file_writer_start(&s->writer);
	}
	if (!err)
		err = file_writer_step(&s->writer, loop_now(s->loop).mono_us);
	if (err <= 0)
		written(s, err);
	arm(s);
}

static void file_free(struct sink *s)
{
	file_writer_free(&s->writer);
	for (size_t i = 0; i < ARRAY_SIZE(s->sets); i++)
		keep_free(&s->sets[i].keep);
	free(s->waiting.v);
	free(s->riding.v);
	free(s->name);
	free(s->path);
	free(s);
}

static struct sink *file_open(struct loop *l, const struct sink_events *ev, void *ctx, const struct conf_export *c,
			      char *why, size_t why_len)
{
	struct sink *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (!s) {
		snprintf(why, why_len, "no memory");
		return NULL;
	}
	s->loop = l;
	s->ev = ev;
	s->ctx = ctx;
	s->timer.fire = write_on;
	s->first = true;
	/* Copies: a configuration does not live as long as what it began. */
	s->name = strdup(c->name.text);
	s->path = strdup(c->path.text);
	s->writer.folder = s->writer.script.fd = s->writer.json.fd = -1;
	if (s->name && s->path)
		err = file_writer_init(&s->writer, s->path, s->name, s->sets);
	if (err) {
		snprintf(why, why_len, "%s: %s", c->path.text, strerror(-err));
		file_free(s);
		return NULL;
	}
	arm(s);
	return s;
}

static void file_close(struct sink *s)
{
	timer_cancel(loop_timers(s->loop), &s->timer);
	finish_all(s, &s->riding, -ECANCELED);
	finish_all(s, &s->waiting, -ECANCELED);
	file_free(s);
}

static int file_add(struct sink *s, struct sink_set *set, char *why, size_t why_len)
{
	struct file_set *fs = &s->sets[set->family];
	const struct conf_set *name = &set->conf->set[set->family];

	if (fs->set) {
		snprintf(why, why_len, "a file takes one set of each family");
		return -EINVAL;
	}
	fs->set = set;
	set->shape = shape_of_conf(set->conf->key, set->family);
	keep_init(&fs->keep, shape_len(&set->shape));
	if (name->name && name->name[0] && name->table && name->table[0])
		snprintf(fs->name, sizeof(fs->name), "%s %s %s", name->family, name->table, name->name);
	else if (name->name)
		snprintf(fs->name, sizeof(fs->name), "%s", name->name);
	snprintf(set->what, sizeof(set->what), "%s", fs->name[0] ? fs->name : s->path);
	set->present = true;
	s->ev->present(s->ctx, set);
	s->ev->dumped(s->ctx, set, 0);
	return 0;
}

static void cancel(struct sink *s, struct ops *ops, const struct sink_set *set)
{
	struct ops all = *ops;
	size_t n = 0;

	ops->n = 0;
	for (size_t i = 0; i < all.n; i++) {
		if (all.v[i]->set != set) {
			all.v[n++] = all.v[i];
			continue;
		}
		all.v[i]->err = -ECANCELED;
		s->ev->done(s->ctx, all.v[i]);
	}
	ops->n = n;
}

static void file_remove(struct sink *s, struct sink_set *set)
{
	struct file_set *fs = &s->sets[set->family];

	if (fs->set != set)
		return;
	cancel(s, &s->riding, set);
	cancel(s, &s->waiting, set);
	keep_free(&fs->keep);
	fs->set = NULL;
	fs->name[0] = '\0';
	set->present = false;
	s->first = true;
	arm(s);
}

static int put(struct sink *s, const struct sink_op *op)
{
	struct keep *keep = &s->sets[op->set->family].keep;
	const char *name = op->name ? op->name : "";
	struct keep_entry *e;
	struct file_more *m;

	if (s->sets[op->set->family].set != op->set)
		return -ENOENT;
	if (op->what == SINK_DELETE) {
		e = keep_find(keep, op->key);
		if (e)
			keep_drop(keep, e);
		return 0;
	}
	if (keep->used >= op->set->conf->size && !keep_find(keep, op->key))
		return -ENFILE;
	m = malloc(sizeof(*m) + op->n_ports * sizeof(m->ports[0]) + strlen(name) + 1);
	e = m ? keep_put(keep, op->key) : NULL;
	if (!e) {
		free(m);
		return -ENOMEM;
	}
	m->n_ports = op->n_ports;
	if (op->n_ports)
		memcpy(m->ports, op->ports, op->n_ports * sizeof(m->ports[0]));
	m->name = (char *)&m->ports[op->n_ports];
	strcpy(m->name, name);
	free(e->more);
	e->more = m;
	e->end_us = loop_now(s->loop).mono_us + op->ms * CLOCK_MS;
	return 0;
}

static int queue(struct ops *ops, struct sink_op *op)
{
	if (ops->n == ops->cap) {
		size_t cap = ops->cap ? ops->cap * 2 : 64;
		struct sink_op **v = reallocarray(ops->v, cap, sizeof(struct sink_op *));

		if (!v)
			return -ENOMEM;
		ops->v = v;
		ops->cap = cap;
	}
	ops->v[ops->n++] = op;
	ops->adds |= op->what == SINK_ADD;
	return 0;
}

static void file_submit(struct sink *s, struct sink_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err = put(s, ops[i]);

		if (!err)
			err = queue(&s->waiting, ops[i]);
		if (err) {
			ops[i]->err = err;
			s->ev->done(s->ctx, ops[i]);
		}
	}
	arm(s);
}

static void file_poll(struct sink *s)
{
}

/* The last writing tells; after a failure the next one is tried now. */
static int file_probe(struct sink *s, struct sink_set *set)
{
	if (s->err) {
		s->first = true;
		arm(s);
	}
	return s->err;
}

const struct sink_kind sink_file = {
	.name = "file", .open = file_open, .close = file_close, .add = file_add, .remove = file_remove,
	.submit = file_submit, .poll = file_poll, .probe = file_probe,
};
