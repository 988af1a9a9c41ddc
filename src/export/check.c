/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/check.h"

#include <errno.h>
#include <stdio.h>

#include "export/ipset_msg.h"
#include "export/nft_internal.h"

#define WHY 1024

struct asker {
	const struct conf *c;
	struct diag_list *d;
	struct nft_link nft;
	struct sink *ipset;
	bool told;			/* that it may not ask */
};

static void cannot(struct asker *a, unsigned line, const char *why)
{
	if (!a->told)
		diag_warn(a->d, a->c->path, line, "unchecked", "the kernel's sets were not looked at: %s", why);
	a->told = true;
}

void export_check_key(const struct conf *c, const struct conf_export *e, enum export_family f, const struct shape *s,
		      struct diag_list *d)
{
	const struct conf_set *at = &e->set[f];
	struct shape wanted = shape_of_conf(e->key, f);
	char is[SHAPE_TEXT], says[SHAPE_TEXT];

	/* with the protocol or without it: a service is a service */
	if (!e->key_line || (wanted.client == s->client && wanted.port == s->port))
		return;
	diag_warn(d, c->path, e->key_line, "other-key",
		  "set %s%s%s%s%s has keys of type '%s', not '%s' as 'key' says: it is used as it is", at->family,
		  *at->family ? " " : "", at->table, *at->table ? " " : "", at->name, shape_text(s, is),
		  shape_text(&wanted, says));
}

const char *export_makes_it(const struct conf_export *e)
{
	return e->key_line ? "this makes it" : "this makes one by address, with 'key' it is of another type";
}

static void missing(struct asker *a, const struct conf_export *e, const struct conf_set *at, const char *command)
{
	if (!e->create)
		diag_warn(a->d, a->c->path, at->line, "no-set",
			  "set %s%s%s%s%s is not there: nothing is opened until it is; %s: %s", at->family,
			  *at->family ? " " : "", at->table, *at->table ? " " : "", at->name, export_makes_it(e),
			  command);
}

static void check_nft(struct asker *a, const struct conf_export *e, enum export_family f)
{
	const struct conf_set *at = &e->set[f];
	struct shape shape = shape_of_conf(e->key, f);
	char why[WHY];
	struct nft_about about;
	int err = nft_set_about(&a->nft, at, &about);

	if (err == -ENOENT) {
		nft_set_command(e, f, &shape, false, why, sizeof(why));
		missing(a, e, at, why);
	} else if (err) {
		cannot(a, at->line, strerror(-err));
	} else if (nft_set_shape(&about, e, f, &shape, why, sizeof(why))) {
		diag_error(a->d, a->c->path, at->line, "%s", why);
		return;
	} else if (about.size && about.size < e->size) {
		nft_set_command(e, f, &shape, true, why, sizeof(why));
		diag_warn(a->d, a->c->path, at->line, "small-set",
			  "set %s %s %s takes %u elements, fewer than size = %llu; this makes a larger one, once no "
			  "rule names it: %s", at->family, at->table, at->name, about.size, (unsigned long long)e->size, why);
	}
	if (!err)
		export_check_key(a->c, e, f, &shape, a->d);
}

static void check_ipset(struct asker *a, const struct conf_export *e, enum export_family f)
{
	const struct conf_set *at = &e->set[f];
	struct conf_export only_look = *e;
	struct sink_set set = { .conf = &only_look, .family = f };
	char why[WHY] = "";
	int err;

	only_look.create = false;
	err = sink_ipset.add(a->ipset, &set, why, sizeof(why));
	if (err == -ENOENT) {
		snprintf(why, sizeof(why), "ipset create %s %s family %s timeout 0 comment maxelem %llu", at->name,
			 ipset_type_of(e->key)->name, f == EXPORT_V4 ? "inet" : "inet6", (unsigned long long)e->size);
		missing(a, e, at, why);
	} else if (err == -EINVAL) {
		diag_error(a->d, a->c->path, at->line, "%s", why);
	} else if (err) {
		cannot(a, at->line, strerror(-err));
	} else {
		export_check_key(a->c, e, f, &set.shape, a->d);
	}
	sink_ipset.remove(a->ipset, &set);
}

static void check_kind(struct asker *a, enum conf_export_kind kind,
		       void (*check)(struct asker *a, const struct conf_export *e, enum export_family f))
{
	for (size_t i = 0; i < a->c->n_exports; i++) {
		const struct conf_export *e = &a->c->exports[i];

		for (unsigned f = EXPORT_V4; f <= EXPORT_V6; f++) {
			/* What is written wrong has been told. */
			bool whole = *e->set[f].name && !*e->set[f].family == (kind == EXPORT_IPSET);

			if (e->kind == kind && whole)
				check(a, e, f);
		}
	}
}

static bool has(const struct conf *c, enum conf_export_kind kind)
{
	for (size_t i = 0; i < c->n_exports; i++) {
		if (c->exports[i].kind == kind)
			return true;
	}
	return false;
}

static void no_set(void *ctx, struct sink_set *set)
{
}

static void no_element(void *ctx, struct sink_set *set, const struct sink_element *e)
{
}

static void no_dump(void *ctx, struct sink_set *set, int err)
{
}

static void ask_ipset(struct asker *a)
{
	/* The loop does not run: nothing more than this is told. */
	static const struct sink_events deaf = { .present = no_set, .element = no_element, .dumped = no_dump };
	struct loop *l = loop_new(NULL, NULL);
	char why[WHY] = "no memory";
	int left = 0;

	a->ipset = l ? sink_ipset.open(l, &deaf, NULL, NULL, why, sizeof(why)) : NULL;
	if (a->ipset) {
		check_kind(a, EXPORT_IPSET, check_ipset);
		sink_ipset.close(a->ipset);
	} else {
		cannot(a, 0, why);
	}
	if (l)
		left = loop_free(l);
	(void)left;
}

void export_check(const struct conf *c, struct diag_list *d)
{
	struct asker a = { .c = c, .d = d };

	if (has(c, EXPORT_NFTABLES)) {
		int err = nft_link_open(&a.nft, false);

		if (err) {
			cannot(&a, 0, strerror(-err));
		} else {
			check_kind(&a, EXPORT_NFTABLES, check_nft);
			nft_link_close(&a.nft);
		}
	}
	if (has(c, EXPORT_IPSET))
		ask_ipset(&a);
}
