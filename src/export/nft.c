/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "export/check.h"
#include "export/nft_internal.h"

#define WHY 1024

static void events_ready(void *ctx, int events)
{
	nft_poll(ctx);
}

static void dump_ready(void *ctx, int events)
{
	nft_dump_read(ctx);
}

static void nft_close(struct sink *s)
{
	struct nft_set *n = s->sets;

	watch_close(s->events);
	watch_close(s->dumps);
	nft_link_close(&s->link);
	while (n) {
		struct nft_set *next = n->next;

		n->set->priv = NULL;
		free(n);
		n = next;
	}
	free(s);
}

static struct sink *nft_open(struct loop *l, const struct sink_events *ev, void *ctx, const struct conf_export *c,
			     char *why, size_t why_len)
{
	struct sink *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s) {
		s->loop = l;
		s->ev = ev;
		s->ctx = ctx;
		err = nft_link_open(&s->link, true);
	}
	if (!err) {
		s->events = watch_fd(l, mnl_socket_get_fd(s->link.events), WATCH_READ, events_ready, s);
		s->dumps = watch_fd(l, mnl_socket_get_fd(s->link.dump), WATCH_READ, dump_ready, s);
		err = s->events && s->dumps ? 0 : -ENOMEM;
	}
	if (!err) {
		nft_ability(&s->link);
		nft_gen_known(s);
		return s;
	}
	snprintf(why, why_len, "nftables: %s%s", err == -EPERM ? "needs CAP_NET_ADMIN: " : "", strerror(-err));
	if (s)
		nft_close(s);
	return NULL;
}

void nft_lost(struct sink *s, struct nft_set *n, const char *by)
{
	nft_dump_forget(s, n);
	if (!n->set->present)
		return;
	n->set->present = false;
	s->ev->emptied(s->ctx, n->set, true, by);
}

static bool moves_by_replacing(struct nft_link *k, enum conf_refresh refresh)
{
	if (!k->known)
		nft_ability(k);
	return refresh == REFRESH_REPLACE || (refresh == REFRESH_AUTO && !k->update);
}

int nft_look(struct sink *s, struct nft_set *n, char *why, size_t why_len)
{
	struct sink_set *set = n->set;
	struct shape shape;
	struct nft_about a;
	int err = nft_set_about(&s->link, nft_at(n), &a);

	if (!err)
		err = nft_set_shape(&a, set->conf, set->family, &shape, why, why_len);
	if (err == -ENOENT || err == -EINVAL)
		nft_lost(s, n, "");
	if (err)
		return err;
	if (set->present && a.handle == n->handle && shape_equal(&shape, &set->shape))
		return 0;
	nft_lost(s, n, "");
	set->shape = shape;
	set->present = true;
	set->refresh_replace = moves_by_replacing(&s->link, set->conf->refresh);
	n->handle = a.handle;
	s->ev->present(s->ctx, set);
	nft_dump_want(s, n);
	return 0;
}

/* The same, and makes it where the export says so. */
static int look_or_make(struct sink *s, struct nft_set *n, char *why, size_t why_len)
{
	int err = nft_look(s, n, why, why_len);

	if (err == -ENOENT && n->set->conf->create) {
		err = nft_set_make(&s->link, n->set->conf, n->set->family);
		if (err)
			snprintf(why, why_len, "set %s cannot be made: %s", n->set->what, strerror(-err));
		else
			err = nft_look(s, n, why, why_len);
	} else if (err == -ENOENT) {
		struct shape shape = shape_of_conf(n->set->conf->key, n->set->family);
		char command[WHY];

		nft_set_command(n->set->conf, n->set->family, &shape, false, command, sizeof(command));
		snprintf(why, why_len, "set %s is not there; %s: %s", n->set->what, export_makes_it(n->set->conf),
			 command);
	} else if (err && err != -EINVAL) {
		snprintf(why, why_len, "set %s cannot be read: %s", n->set->what, strerror(-err));
	}
	return err;
}

static int nft_add(struct sink *s, struct sink_set *set, char *why, size_t why_len)
{
	struct nft_set *n = calloc(1, sizeof(*n)), **end = &s->sets;

	snprintf(why, why_len, "%s", strerror(ENOMEM));
	if (!n)
		return -ENOMEM;
	n->set = set;
	n->family = nft_family(nft_at(n)->family);
	set->priv = n;
	set->present = false;
	set->shape = shape_of_conf(set->conf->key, set->family);
	snprintf(set->what, sizeof(set->what), "%s %s %s", nft_at(n)->family, nft_at(n)->table, nft_at(n)->name);
	while (*end)
		end = &(*end)->next;
	*end = n;
	return look_or_make(s, n, why, why_len);
}

static void nft_remove(struct sink *s, struct sink_set *set)
{
	struct nft_set *n = set->priv, **at = &s->sets;

	if (!n)
		return;
	nft_dump_forget(s, n);
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	set->priv = NULL;
	free(n);
}

static void nft_conf(struct sink *s, struct sink_set *set)
{
	set->refresh_replace = moves_by_replacing(&s->link, set->conf->refresh);
}

static int nft_probe(struct sink *s, struct sink_set *set)
{
	char why[WHY];

	return set->priv ? look_or_make(s, set->priv, why, sizeof(why)) : -ENOENT;
}

static int nft_get(struct sink *s, struct sink_set *set, const uint8_t *key, struct sink_element *e)
{
	const struct nft_set *n = set->priv;

	return n && set->present ? nft_elem_ask(&s->link, nft_at(n), key, shape_len(&set->shape), e, s->name, NULL) : -ENOENT;
}

static int nft_dump(struct sink *s, struct sink_set *set)
{
	char why[WHY];
	int err = set->priv ? nft_look(s, set->priv, why, sizeof(why)) : -ENOENT;

	if (!err)
		nft_dump_want(s, set->priv);
	return err;
}

const struct sink_kind sink_nft = {
	.name = "nftables", .open = nft_open, .close = nft_close, .add = nft_add, .remove = nft_remove,
	.conf = nft_conf, .submit = nft_submit, .busy = nft_gen_busy, .poll = nft_poll, .probe = nft_probe, .get = nft_get,
	.dump = nft_dump, .reads = true,
};
