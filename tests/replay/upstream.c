/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "judge.h"
#include "reply.h"
#include "scene.h"

/* The upstreams' side of the script language. */

static struct exchange *current;	/* the last that EXPECT took */

static struct exchange *find(const char *label)
{
	struct exchange *x = fake_exchanges;

	while (x && (label ? strcmp(x->label, label) : x != current))
		x = x->next;
	if (!x)
		fake_fault("%s: no such exchange", label ? label : "REPLY");
	return x;
}

/* ?a is whoever it first turns out to be, and none that another ?b is; ? alone is anybody. */
static bool server_is(struct exchange *x, const char *who)
{
	struct endpoint want;
	char text[ADDR_TEXT];

	if (who[0] != '?') {
		if (endpoint_parse(&want, who, strlen(who), 53) < 0) {
			fake_fault("%s is no address", who);
			return false;
		}
		if (endpoint_equal(&want, &x->to))
			return true;
		fake_fault("sent to %s, not to %s", endpoint_text(&x->to, text), who);
		return false;
	}
	if (!who[1])
		return true;
	snprintf(x->server, sizeof(x->server), "%s", who);
	for (const struct exchange *o = fake_exchanges; o; o = o->next) {
		if (o == x || !o->server[0])
			continue;
		if (endpoint_equal(&o->to, &x->to) == !strcmp(o->server, who))
			continue;
		fake_fault("sent to %s, which is %s, not %s", endpoint_text(&x->to, text), o->server, who);
		return false;
	}
	return true;
}

/* The question that was sent; false where it is none. */
static bool question_of(const struct exchange *x, struct name *name, uint16_t *type)
{
	size_t off = WIRE_HEADER;

	if (name_read(name, x->msg, x->len, &off) < 0 || x->len - off < 4 || bytes_u16(x->msg + off + 2) != CLASS_IN) {
		fake_fault("sent upstream: no question");
		return false;
	}
	*type = bytes_u16(x->msg + off);
	return true;
}

/* Of what the script has not seen yet, the first that asks this. */
static struct exchange *next_unseen(const char *name, const char *type)
{
	char got[NAME_TEXT], text[16];
	struct name n = name_root, want;
	uint16_t t = 0, want_type;
	bool any = false;

	if (name_from_text(&want, name, strlen(name)) < 0 || type_parse(&want_type, type, strlen(type)) < 0) {
		fake_fault("%s %s: no name, or no type", name, type);
		return NULL;
	}
	for (struct exchange *x = fake_exchanges; x; x = x->next) {
		if (x->seen)
			continue;
		any = true;
		if (!question_of(x, &n, &t))
			return NULL;
		if (name_equal(&n, &want) && t == want_type)
			return x;
	}
	if (any)
		fake_fault("sent upstream: %s %s", name_text(&n, got), type_text(t, text));
	else
		fake_fault("nothing was sent upstream");
	return NULL;
}

/* EXPECT SERVER NAME TYPE [tcp] [do] [as LABEL] */
void upstream_expect(char **words, int n, const struct command *c)
{
	const char *label = command_value(words, &n, "as");
	bool tcp = command_flag(words, &n, "tcp"), dnssec_ok = command_flag(words, &n, "do");
	struct exchange *x = n >= 4 && command_done(words, n, 4) ? next_unseen(words[2], words[3]) : NULL;

	if (!x)
		return;
	x->seen = true;
	current = x;
	snprintf(x->label, sizeof(x->label), "%s", label ? label : "");
	if (x->tcp != tcp)
		fake_fault("sent over %s", x->tcp ? "TCP" : "UDP");
	if (server_is(x, words[1]))
		judge_sent(x, dnssec_ok);
}

static bool read_reply(struct upstream_reply *u, char **words, int *n)
{
	const char *rcode = command_value(words, n, "rcode"), *claims = command_value(words, n, "claims");

	*u = (struct upstream_reply){
		.wrong_id = command_flag(words, n, "wrong-id"), .wrong_case = command_flag(words, n, "wrong-case"),
		.no_qr = command_flag(words, n, "no-qr"), .no_question = command_flag(words, n, "no-question"),
		.compress = !command_flag(words, n, "plain"), .opt = !command_flag(words, n, "no-opt"),
		.question = command_value(words, n, "question"), .qtype = command_value(words, n, "type"),
		.raw = command_value(words, n, "raw"), .claims = claims ? (unsigned)atoi(claims) : 1,
	};
	u->flags |= command_flag(words, n, "tc") ? WIRE_TC : 0;
	u->flags |= command_flag(words, n, "aa") ? WIRE_AA : 0;
	u->flags |= command_flag(words, n, "ad") ? WIRE_AD : 0;
	for (unsigned i = 0; rcode && i < 16; i++) {
		if (!strcmp(rcode_text(i), rcode)) {
			u->rcode = i;
			rcode = NULL;
		}
	}
	if (rcode && !strcmp(rcode, "BADVERS"))
		u->upper_rcode = 1;
	else if (rcode)
		fake_fault("%s: no such code", rcode);
	return !rcode || u->upper_rcode;
}

/* REPLY [to LABEL] [rcode R] [tc] ... [late] [truncate every], the records below. */
void upstream_reply(char **words, int n, const struct command *c)
{
	const char *label = command_value(words, &n, "to"), *cut = command_value(words, &n, "truncate");
	bool shuffle = command_flag(words, &n, "shuffle"), late = command_flag(words, &n, "late");
	struct exchange *x = find(label);
	struct records records;
	struct upstream_reply u;
	uint8_t *msg = malloc(WIRE_MAX);
	size_t len = 0;

	if (!msg)
		abort();
	records.n = 0;
	if (x && read_reply(&u, words, &n) && command_done(words, n, 1) &&
	    records_read(&records, c->block, c->n_block)) {
		if (shuffle)
			records_shuffle(&records);
		len = reply_build(msg, WIRE_MAX, x, &u, &records);
	}
	if (len && cut)
		len = strcmp(cut, "every") ? (size_t)atoi(cut) : choices_take((unsigned)len);
	if (x && fake_deliver(x, msg, len) == late)
		fake_fault(late ? "the exchange still listens" : "the exchange is closed");
	records_free(&records);
	free(msg);
	fake_turn(scene.worker->loop);
}

void upstream_break(char **words, int n, const struct command *c)
{
	struct exchange *x = find(command_value(words, &n, "to"));

	if (x && !fake_break(x, x->tcp ? ECONNRESET : ECONNREFUSED))
		fake_fault("the exchange is closed");
	fake_turn(scene.worker->loop);
}

void upstream_quiet(char **words, int n, const struct command *c)
{
	for (const struct exchange *x = fake_exchanges; x; x = x->next) {
		char text[ADDR_TEXT];

		if (!x->seen)
			fake_fault("sent upstream, to %s", endpoint_text(&x->to, text));
	}
}

static bool unseen(void)
{
	const struct exchange *x = fake_exchanges;

	while (x && x->seen)
		x = x->next;
	return x;
}

/* AWAIT TIME: until something is sent upstream. */
void upstream_await(char **words, int n, const struct command *c)
{
	uint64_t end = loop_now(scene.worker->loop).mono_us, now = end;

	end += (n == 2 ? command_ms(words[1]) : 0) * CLOCK_MS;
	while (!unseen() && fake_next_timer(scene.worker->loop, (end - now) / CLOCK_MS))
		now = loop_now(scene.worker->loop).mono_us;
	if (!unseen())
		fake_fault("nothing was sent upstream in that time");
}

void upstream_unreachable(char **words, int n, const struct command *c)
{
	for (int i = 1; i < n; i++) {
		struct addr a;

		if (addr_parse(&a, words[i], strlen(words[i])) < 0)
			fake_fault("%s is no address", words[i]);
		else
			fake_unreachable(&a);
	}
}
