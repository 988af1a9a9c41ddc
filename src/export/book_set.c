/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/util.h"

/* A copy in one piece: the sinks' life is longer than a configuration's. */
static struct conf_export *copy_conf(const struct conf_export *c)
{
	const char *from[] = { c->name.text, c->path.text, c->set[0].family, c->set[0].table, c->set[0].name,
		c->set[1].family, c->set[1].table, c->set[1].name };
	const char *to[ARRAY_SIZE(from)];
	size_t size = sizeof(*c);
	struct conf_export *own;
	char *at;

	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		size += (from[i] ? strlen(from[i]) : 0) + 1;
	own = malloc(size);
	if (!own)
		return NULL;
	*own = *c;
	at = (char *)(own + 1);
	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		size_t len = (from[i] ? strlen(from[i]) : 0) + 1;

		memcpy(at, from[i] ? from[i] : "", len);
		to[i] = at;
		at += len;
	}
	own->name.text = to[0];
	own->path.text = to[1];
	for (int f = 0; f < 2; f++) {
		own->set[f].family = to[2 + 3 * f];
		own->set[f].table = to[3 + 3 * f];
		own->set[f].name = to[4 + 3 * f];
	}
	return own;
}

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

/* Whether a sink for the one is a sink for the other: files and sockets are one each. */
static bool same_sink(const struct conf_export *a, const struct conf_export *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == EXPORT_NFTABLES || a->kind == EXPORT_IPSET)
		return true;
	return same_text(a->path.text, b->path.text);
}

/* A set of the kernel bears its own shape; a file's or a socket's is in the configuration. */
static bool same_set(const struct conf_export *a, const struct conf_export *b, enum export_family f)
{
	return same_sink(a, b) && same_text(a->set[f].family, b->set[f].family) &&
	       same_text(a->set[f].table, b->set[f].table) && same_text(a->set[f].name, b->set[f].name) &&
	       (a->kind == EXPORT_NFTABLES || a->kind == EXPORT_IPSET || a->key == b->key);
}

struct book_set *book_set_find(struct book *b, const struct conf_export *c, enum export_family family)
{
	for (struct book_set *s = b->sets; s; s = s->next) {
		if (s->set.family == family && same_set(s->conf, c, family))
			return s;
	}
	return NULL;
}

static void sink_close(struct book *b, struct book_sink *k)
{
	struct book_sink **at = &b->sinks;

	while (*at && *at != k)
		at = &(*at)->next;
	if (*at)
		*at = k->next;
	if (k->sink)
		k->kind->close(k->sink);
	free(k->batch);
	free(k->conf);
	free(k);
}

static int sink_for(struct book *b, const struct conf_export *c, struct book_sink **out, char *why, size_t why_len)
{
	struct book_sink *k;

	for (k = b->sinks; k; k = k->next) {
		if (same_sink(k->conf, c)) {
			*out = k;
			return 0;
		}
	}
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->kind = b->kind_of(c->kind);
	k->conf = copy_conf(c);
	if (!k->conf) {
		free(k);
		return -ENOMEM;
	}
	k->next = b->sinks;
	b->sinks = k;
	k->sink = k->kind->open(b->loop, &b->events, b, k->conf, why, why_len);
	if (!k->sink) {
		if (!*why)
			snprintf(why, why_len, "%s", strerror(ENOMEM));
		sink_close(b, k);
		return -EINVAL;
	}
	*out = k;
	return 0;
}

/* Until the sink says better. */
static void name_it(struct book_set *s)
{
	const struct conf_set *c = &s->conf->set[s->set.family];

	if (s->set.what[0])
		return;
	if (s->conf->kind == EXPORT_NFTABLES)
		snprintf(s->set.what, sizeof(s->set.what), "%.16s %.50s %.50s", c->family, c->table, c->name);
	else if (s->conf->kind == EXPORT_IPSET)
		snprintf(s->set.what, sizeof(s->set.what), "%.100s", c->name);
	else
		snprintf(s->set.what, sizeof(s->set.what), "%.100s", s->conf->path.text);
}

int book_set_new(struct book *b, const struct conf_export *c, enum export_family family, struct book_set **out,
		 char *why, size_t why_len)
{
	struct book_set *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	*why = 0;
	if (!s)
		return -ENOMEM;
	s->conf = copy_conf(c);
	err = s->conf ? sink_for(b, c, &s->sink, why, why_len) : -ENOMEM;
	if (err) {
		free(s->conf);
		free(s);
		return err;
	}
	s->book = b;
	s->gen = 1;
	s->probe.fire = breaker_probe;
	s->set.conf = s->conf;
	s->set.family = family;
	s->set.index = b->next_index++;
	s->set.shape = s->shape = shape_of_conf(c->key, family);
	leases_init(&s->leases, shape_len(&s->shape), &b->openers);
	s->next = b->sets;
	b->sets = s;
	s->sink->sets++;
	s->added = true;
	*out = s;
	err = s->sink->kind->add(s->sink->sink, &s->set, why, why_len);
	name_it(s);
	/* Whoever prepares it says so himself. */
	s->said = err;
	if (err && err != -EINVAL && err != -ENOMEM && !(err == -ENOENT && s->set.present))
		breaker_open(s, err);
	else
		s->said = 0;
	return err;
}

int book_set_conf(struct book_set *s, const struct conf_export *c)
{
	struct conf_export *own = copy_conf(c), *old = s->conf;

	if (!own)
		return -ENOMEM;
	s->conf = own;
	s->set.conf = own;
	if (s->sink->kind->conf)
		s->sink->kind->conf(s->sink->sink, &s->set);
	/* Of a set that is not there the configuration says what it will be. */
	if (!s->set.present && s->sink->kind->reads && own->key != old->key) {
		s->set.shape = shape_of_conf(own->key, s->set.family);
		if (!shape_equal(&s->shape, &s->set.shape))
			book_set_shape(s);
	}
	free(old);
	return 0;
}

/* Keys of another shape say nothing: whoever needs his lease asks anew, in another epoch. */
void book_set_shape(struct book_set *s)
{
	struct book *b = s->book;
	bool had = leases_count(&s->leases);

	if (had)
		book_lost(b);
	s->reshape = true;
	if (s->ops)
		return;
	for (size_t i = 0; i < s->n_mend; i++)
		s->mend[i]->queued = 0;
	s->n_mend = 0;
	b->leases -= leases_count(&s->leases);
	leases_free(&s->leases);
	s->shape = s->set.shape;
	leases_init(&s->leases, shape_len(&s->shape), &b->openers);
	s->cursor = s->sweep = 0;
	s->reshape = false;
	if (had) {
		log_warn("set %s: its type is another now: its leases are forgotten", s->set.what);
		/* What was told meanwhile was not heard. */
		if (s->sink->kind->reads && s->set.present && s->dumping)
			s->redo = true;
		else if (s->set.present)
			book_compare(s);
	}
	book_page(b);
}

uint64_t book_set_close(struct book_set *s)
{
	uint64_t now = book_now(s->book).mono_us, n = 0;

	for (uint32_t id = 1; id <= leases_top(&s->leases); id++) {
		struct lease *l = lease_at(&s->leases, id);

		if (!l)
			continue;
		n += !l->foreign && lease_wanted(l) > now;
		book_unwant(s, l, now);
	}
	if (n)
		book_lost(s->book);
	book_walk(s);
	return n;
}

void book_set_dying(struct book_set *s)
{
	s->dying = true;
	s->dying_until = book_now(s->book).mono_us + BOOK_DYING_US;
	book_set_close(s);
}

void book_set_free(struct book_set *s)
{
	struct book *b = s->book;
	struct book_set **at = &b->sets;

	if (s->added)
		s->sink->kind->remove(s->sink->sink, &s->set);
	s->set.present = false;
	/* Nobody waits in vain. */
	while (s->ops)
		book_ops_end(s);
	timer_cancel(loop_timers(b->loop), &s->probe);
	while (*at && *at != s)
		at = &(*at)->next;
	if (*at)
		*at = s->next;
	b->leases -= leases_count(&s->leases);
	leases_free(&s->leases);
	if (!--s->sink->sets)
		sink_close(b, s->sink);
	free(s->mend);
	free(s->conf);
	free(s);
}
