/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_UNIT_BOOK_UTIL_H
#define TESTS_UNIT_BOOK_UTIL_H

/*
 * A book over a fake kernel: elements that end by the test's clock, acknowledgements that come at once, later or
 * with an error, and events that the test sends. The loop's clock is turned, it is never run.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/util.h"
#include "export/book_internal.h"
#include "io/uv_internal.h"

#define FAKE_SETS 8
#define FAKE_MAX 4096

struct fake_element {
	uint8_t key[SHAPE_KEY_MAX];
	uint64_t end;			/* SINK_EVER */
	bool ours;
	char name[128];
};

struct fake_set {
	struct sink_set *set;
	struct fake_element *v;
	size_t n;
	bool there, full;
};

static struct {
	const struct sink_events *ev;
	void *ctx;
	struct fake_set sets[FAKE_SETS];
	struct sink_op *waiting[FAKE_MAX];
	size_t n_waiting;
	bool hold_acks;			/* the test sends them */
	int err;			/* of the next operations */
	uint64_t lag;			/* how long ago what is done now was submitted */
	bool forgets, late_dump, counts_only, busy;
	bool client;			/* sets are keyed by client */
	unsigned adds, renews, deletes, gets, submits, biggest, probes;
} fake;

static struct loop *loop;
static struct book *book;
static struct export_page page;
static struct conf conf;
static struct conf_export exports_v[4];
static struct exports exports;
static struct arena *arena;
static const struct guard *guard;
static struct diag_list *diags;
static struct { unsigned n; struct proto_held last; struct proto_held all[1024]; } answers;

static inline uint64_t util_now(void)
{
	return loop_now(loop).mono_us;
}

static inline struct fake_set *fake_of(const struct sink_set *set)
{
	for (size_t i = 0; i < FAKE_SETS; i++) {
		if (fake.sets[i].set == set)
			return &fake.sets[i];
	}
	return NULL;
}

static inline struct fake_element *fake_find(struct fake_set *s, const uint8_t *key)
{
	size_t len = shape_len(&s->set->shape);

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].end != SINK_EVER && s->v[i].end <= util_now())
			s->v[i--] = s->v[--s->n];
		else if (!memcmp(s->v[i].key, key, len))
			return &s->v[i];
	}
	return NULL;
}

static inline struct fake_element *fake_put(struct fake_set *s, const uint8_t *key, uint64_t end, bool ours,
					    const char *name)
{
	struct fake_element *e = fake_find(s, key);

	if (!e) {
		s->v = realloc(s->v, (s->n + 1) * sizeof(*s->v));
		assert_non_null(s->v);
		e = &s->v[s->n++];
	}
	memset(e, 0, sizeof(*e));
	memcpy(e->key, key, shape_len(&s->set->shape));
	e->end = end;
	e->ours = ours;
	snprintf(e->name, sizeof(e->name), "%s", name);
	return e;
}

static inline void fake_take(struct fake_set *s, const uint8_t *key)
{
	struct fake_element *e = fake_find(s, key);

	if (e)
		*e = s->v[--s->n];
}

/* What the kernel would do with it. */
static inline int fake_do(struct sink_op *op)
{
	struct fake_set *s = fake_of(op->set);
	struct fake_element *e;
	uint64_t end = util_now() - fake.lag + op->ms * CLOCK_MS;

	fake.adds += op->what == SINK_ADD;
	fake.renews += op->what == SINK_RENEW;
	fake.deletes += op->what == SINK_DELETE;
	if (fake.err)
		return fake.err;
	if (fake.counts_only)
		return 0;
	if (!s->there)
		return -ENOENT;
	e = fake_find(s, op->key);
	if (op->what == SINK_DELETE) {
		if (!e)
			return -ENOENT;
		assert_true(e->ours);			/* B6 */
		fake_take(s, op->key);
		return 0;
	}
	if (op->what == SINK_ADD) {
		if (e)
			return -EEXIST;
		if (s->full)
			return -ENFILE;
		fake_put(s, op->key, end, true, op->name);
		return 0;
	}
	if (!e)
		return -ENOENT;
	/* nothing is ever shortened */
	assert_true(e->end != SINK_EVER && end >= e->end);
	assert_int_equal(op->foreign, !e->ours);
	e->end = end;
	return 0;
}

static inline void fake_submit(struct sink *k, struct sink_op **ops, size_t n)
{
	fake.submits++;
	fake.biggest = MAX(fake.biggest, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		if (fake.hold_acks) {
			assert_true(fake.n_waiting < FAKE_MAX);
			fake.waiting[fake.n_waiting++] = ops[i];
			continue;
		}
		ops[i]->err = fake_do(ops[i]);
		fake.ev->done(fake.ctx, ops[i]);
	}
}

/* The i-th that waits is acknowledged. */
static inline void fake_ack(size_t i)
{
	struct sink_op *op = fake.waiting[i];

	fake.waiting[i] = fake.waiting[--fake.n_waiting];
	op->err = fake_do(op);
	fake.ev->done(fake.ctx, op);
}

static inline void fake_tell(struct fake_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct fake_element *f = &s->v[i];
		struct sink_element e = { .key = f->key, .ours = f->ours, .name = f->name };

		if (f->end != SINK_EVER && f->end <= util_now())
			continue;
		e.left_ms = f->end == SINK_EVER ? SINK_EVER : (f->end - util_now()) / CLOCK_MS;
		fake.ev->element(fake.ctx, s->set, &e);
	}
}

static inline int fake_dump(struct sink *k, struct sink_set *set)
{
	if (fake.late_dump)
		return 0;
	fake_tell(fake_of(set));
	fake.ev->dumped(fake.ctx, set, 0);
	return 0;
}

static inline void fake_come(struct fake_set *s)
{
	s->there = true;
	s->set->present = true;
	fake.ev->present(fake.ctx, s->set);
	(void)fake_dump(NULL, s->set);
}

static inline struct sink *fake_open(struct loop *l, const struct sink_events *ev, void *ctx,
				     const struct conf_export *c, char *why, size_t why_len)
{
	fake.ev = ev;
	fake.ctx = ctx;
	return (struct sink *)&fake;
}

static inline int fake_add(struct sink *k, struct sink_set *set, char *why, size_t why_len)
{
	struct fake_set *s = &fake.sets[set->index % FAKE_SETS];

	s->set = set;
	set->shape.client |= fake.client;
	snprintf(set->what, sizeof(set->what), "inet fake %s", set->conf->set[set->family].name);
	if (!strcmp(set->conf->set[set->family].name, "wrong")) {
		snprintf(why, why_len, "of a wrong type");
		return -EINVAL;
	}
	if (!s->there)
		return -ENOENT;
	fake_come(s);
	return 0;
}

static inline void fake_remove(struct sink *k, struct sink_set *set)
{
	fake_of(set)->set = NULL;
}

static inline void fake_close(struct sink *k)
{
}

static inline bool fake_busy(struct sink *k)
{
	return fake.busy;
}

static inline void fake_poll(struct sink *k)
{
}

static inline int fake_probe(struct sink *k, struct sink_set *set)
{
	fake.probes++;
	return fake_of(set)->there ? 0 : -ENOENT;
}

static inline int fake_get(struct sink *k, struct sink_set *set, const uint8_t *key, struct sink_element *e)
{
	struct fake_element *f = fake_find(fake_of(set), key);

	fake.gets++;
	if (!f)
		return -ENOENT;
	*e = (struct sink_element){ .key = f->key, .ours = f->ours, .name = f->name };
	e->left_ms = f->end == SINK_EVER ? SINK_EVER : (f->end - util_now()) / CLOCK_MS;
	return 0;
}

static struct sink_kind fake_kind = { .name = "fake", .open = fake_open, .close = fake_close, .add = fake_add,
	.remove = fake_remove, .submit = fake_submit, .busy = fake_busy, .poll = fake_poll, .probe = fake_probe, .get = fake_get,
	.dump = fake_dump, .reads = true };

static inline const struct sink_kind *util_kind(enum conf_export_kind kind)
{
	return &fake_kind;
}

static inline void util_held(void *ctx, void *who, const struct proto_held *held)
{
	answers.last = *held;
	if (answers.n < ARRAY_SIZE(answers.all))
		answers.all[answers.n] = *held;
	answers.n++;
}

static inline struct conf_export util_export(const char *name, const char *set4, const char *set6, enum conf_export_key key)
{
	return (struct conf_export){ .name = { name, 1 }, .set = { { "inet", "fake", set4, 2 }, { "inet", "fake", set6, 3 } },
		.key = key, .size = 65536, .path = { "", 0 }, .min_time = 60, .grace = 300, .deadline_ms = 500,
		.follow_max = 3600 };
}

static inline int util_setup(void **state)
{
	static struct conf_prefixes none;

	hash_init();
	log_set_level(LOG_LEVEL_ERROR);
	memset(&fake, 0, sizeof(fake));
	memset(&answers, 0, sizeof(answers));
	memset(&page, 0, sizeof(page));
	fake_kind.reads = true;
	for (size_t i = 0; i < FAKE_SETS; i++)
		fake.sets[i].there = true;
	loop = loop_new(NULL, NULL);
	arena = arena_new(1 << 20);
	diags = diag_new();
	guard = guard_build(arena, &none);
	conf = (struct conf){ .path = "postern.conf", .cache = { .max_ttl = 86400 } };
	exports_v[0] = util_export("one", "four", "six", KEY_ADDRESS);
	exports = (struct exports){ exports_v, 1, 77 };
	loop->now.mono_us = 1000 * CLOCK_S;
	book = book_new(loop, &page, util_held, NULL);
	book->kind_of = util_kind;
	return book && guard ? 0 : -1;
}

/* Nothing may be left when the book is gone. */
static inline int util_teardown(void **state)
{
	book_free(book);
	for (size_t i = 0; i < FAKE_SETS; i++)
		free(fake.sets[i].v);
	diag_free(diags);
	arena_free(arena);
	return loop_free(loop);
}

static inline void util_begin(void)
{
	assert_int_equal(book_prepare(book, &conf, &exports, guard, diags), 0);
	book_commit(book);
	book_run(book);
}

/* Time goes by, in steps of a tick. */
static inline void util_pass(uint64_t us)
{
	uint64_t end = loop->now.mono_us + us;

	do {
		uint64_t next = timers_next(&loop->timers);

		loop->now.mono_us = MIN(end, MAX(next, loop->now.mono_us));
		timers_run(&loop->timers, loop->now);
		book_run(book);
	} while (loop->now.mono_us < end);
}

static inline struct addr util_addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text, strlen(text)), 0);
	return a;
}

static uint32_t util_seq;
static uint64_t util_layout;		/* 0: that of `exports` */

/* Asks for up to three addresses, separated by blanks. */
static inline void util_ask(const char *name, const char *addrs, uint32_t ttl)
{
	static const struct conf_port ports[] = { { IPPROTO_TCP, 80 }, { IPPROTO_TCP, 443 } };
	struct addr v[8];
	struct proto_hold h = { .seq = ++util_seq, .layout = util_layout ? util_layout : exports.hash, .exports = 1, .profile = 5, .ttl = ttl,
		.client = util_addr("10.0.0.9"), .chain = (const uint8_t *)"", .file = "/zones/a.ini", .file_len = 12,
		.line = 7, .ports = ports, .n_ports = 2, .addrs = v };
	char buf[256], *at = buf, *tok;

	snprintf(buf, sizeof(buf), "%s", addrs);
	while ((tok = strsep(&at, " ")))
		v[h.n_addrs++] = util_addr(tok);
	assert_int_equal(name_from_text(&h.name, name, strlen(name)), 0);
	book_hold(book, &h, &answers);
}

static inline struct fake_element *util_element(unsigned set, const char *addr)
{
	struct addr a = util_addr(addr);

	return fake_find(&fake.sets[set], a.b);
}

static inline unsigned util_epoch(void)
{
	return atomic_load(&page.epoch);
}

#endif
