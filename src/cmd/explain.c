/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/explain.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "cmd/cmd.h"
#include "core/live.h"
#include "core/view.h"

static int cannot(const char *what, const char *why)
{
	char text[NAME_TEXT];

	escape_text(text, sizeof(text), (const uint8_t *)what, strlen(what));
	fprintf(stderr, "postern: explain: %s: %s\n", text, why);
	return 2;
}

/* Whether the question is answered with something, for the first line and the exit status. */
static bool allowed(const struct explanation *x)
{
	const struct special *sp = x->verdict.special;

	if (x->reason == REASON_CLIENT || x->reason == REASON_CHAIN)
		return false;
	if (sp)
		return sp->kind != SPECIAL_NXDOMAIN && sp->kind != SPECIAL_CANARY;
	return verdict_allows(&x->verdict);
}

static void judge(struct explanation *x, const struct addr *client)
{
	const struct snapshot *s = x->snapshot;

	x->profile = client ? snapshot_profile(s, client) : &s->profiles[0];
	decide(s, x->profile, &x->name, x->type, &x->verdict);
	x->reason = x->verdict.reason;
	if (client && !snapshot_client_ok(s, client))
		x->reason = REASON_CLIENT;
	x->allowed = allowed(x);
}

/* Copies what the walk found: its memory goes with the machinery. */
static void on_live(void *ctx, const struct answer *a, const struct chain *c, const uint8_t *msg, size_t len)
{
	static struct answer given;
	struct explanation *x = ctx;

	x->answered = a != NULL;
	if (!a)
		return;
	x->n_links = c->n_targets;
	x->filtered = c->filtered ? c->why : NULL;
	for (size_t i = 0; i < c->n_targets; i++)
		x->links[i] = c->targets[i];
	if (c->outcome == CHAIN_PASS && c->rcode == RCODE_NXDOMAIN)
		x->negative = "NXDOMAIN";
	else if (c->outcome == CHAIN_PASS && c->negative && !c->filtered)
		x->negative = "no such type";
	if (c->outcome == CHAIN_BLOCKED) {
		x->reason = REASON_CHAIN;
		x->allowed = false;
	}
	if (answer_parse(&given, msg, len) < 0)
		return;
	for (size_t i = 0; i < given.n && x->n_addresses < EXPLAIN_ADDRESSES; i++) {
		const struct answer_rr *rr = &given.rr[i];

		if (rr->section == ANSWER_AN && rr->type == TYPE_A)
			x->addresses[x->n_addresses++] = addr_v4(given.msg + rr->rdata);
		else if (rr->section == ANSWER_AN && rr->type == TYPE_AAAA)
			x->addresses[x->n_addresses++] = addr_v6(given.msg + rr->rdata);
	}
}

static int ask_live(struct explanation *x, struct snapshot *s)
{
	if (x->reason == REASON_CLIENT || x->verdict.kind != VERDICT_UPSTREAM)
		return 0;
	if (live_ask(s, x->profile, &x->verdict, &x->name, x->type, on_live, x) < 0)
		return cannot("--live", "the question could not be asked");
	if (!x->answered)
		return cannot("--live", "no upstream gave a usable answer");
	return 0;
}

/* What this client is not given, because sets that have clients in their elements cannot open it for him. */
static void take_out(struct explanation *x, const struct addr *client)
{
	unsigned view = view_of(x->snapshot, x->profile, &x->verdict, false, client, NULL);
	size_t n = 0;

	for (size_t i = 0; i < x->n_addresses; i++) {
		if (view >> export_family(&x->addresses[i]) & 1)
			x->addresses[n++] = x->addresses[i];
	}
	if (n < x->n_addresses)
		x->filtered = "address of another family than the client's, for a set that has the client in its elements, "
			      "taken out";
	x->n_addresses = n;
}

static int explain(struct explanation *x, struct snapshot *s, const struct addr *client, const struct cmd_options *o)
{
	int err, status;

	x->snapshot = s;
	x->live = o->live;
	judge(x, client);
	err = o->live ? ask_live(x, s) : 0;
	if (client)
		take_out(x, client);
	status = err ? err : !x->allowed;
	/* what the catalogue says needs no answer */
	if (o->json)
		explain_print_json(x);
	else
		explain_print_text(x);
	if (fflush(stdout) != 0)
		return 2;
	return status;
}

static int parse_words(struct explanation *x, struct addr *client, const struct cmd_options *o)
{
	x->type = TYPE_A;
	if (name_from_text(&x->name, o->args[0], strlen(o->args[0])) < 0)
		return cannot(o->args[0], "not a domain name");
	if (o->n_args > 1 && type_parse(&x->type, o->args[1], strlen(o->args[1])) < 0)
		return cannot(o->args[1], "not a record type");
	if (o->client && addr_parse(client, o->client, strlen(o->client)) < 0)
		return cannot(o->client, "not an address");
	return 0;
}

int cmd_explain(const struct cmd_options *o)
{
	struct explanation *x = calloc(1, sizeof(*x));
	struct diag_list *d = diag_new();
	struct addr client;
	struct snapshot *s;
	int status;

	if (!x || !d)
		return cannot(o->args[0], "out of memory");
	status = parse_words(x, &client, o);
	if (!status) {
		s = snapshot_build(&(struct snapshot_options){ .path = o->file, .path_written = o->file_written }, d);
		diag_print(d, stderr);
		status = s ? explain(x, s, o->client ? &client : NULL, o) : 2;
		snapshot_release(s);
	}
	diag_free(d);
	free(x);
	return status;
}
