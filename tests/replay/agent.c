/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/chan.h"
#include "reply.h"
#include "scene.h"

/* The agent's side of the script language: what it is asked to hold, and what it says. */

static struct grant_sent *current;	/* the last that HOLD took */

void agent_attach(void)
{
	link_attach(scene.worker->link, -1);
}

void agent_reads(const struct snapshot *s)
{
	for (unsigned i = 0; i < s->exports->n * 2; i++) {
		enum conf_export_key key = s->exports->v[i / 2].key;

		atomic_fetch_and(&scene.page.by_client[i / 64], ~(1ull << i % 64));
		if (key == KEY_CLIENT || key == KEY_CLIENT_SERVICE)
			atomic_fetch_or(&scene.page.by_client[i / 64], 1ull << i % 64);
	}
	atomic_store(&scene.page.layout, s->exports->hash);
}

/* AGENT up, down, stuck, reads */
void agent_state(char **words, int n, const struct command *c)
{
	const char *what = n == 2 ? words[1] : "";

	if (!strcmp(what, "up"))
		agent_attach();
	else if (!strcmp(what, "down"))
		fake_agent_says(NULL, 0);
	else if (!strcmp(what, "stuck"))
		fake_agent_stuck(true);
	else if (!strcmp(what, "reads"))
		fake_agent_stuck(false);
	else
		fake_fault("AGENT up, down, stuck or reads");
	fake_turn(scene.worker->loop);
}

static void join(char *out, size_t cap, const char *more)
{
	size_t len = strlen(out);

	snprintf(out + len, cap - len, "%s%s", len ? "," : "", more);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "a,b,c" with its parts in order: what is a set is compared as one. */
static void sorted(char *out, size_t cap, const char *list)
{
	char copy[4096], *v[256], *rest = copy, *one;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", list);
	while ((one = strsep(&rest, ",")) && n < 256)
		v[n++] = one;
	qsort(v, n, sizeof(v[0]), by_text);
	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		join(out, cap, v[i]);
}

static bool is(const char *what, const char *got, const char *want)
{
	char a[4096], b[4096];

	sorted(a, sizeof(a), got);
	sorted(b, sizeof(b), want);
	if (!strcmp(a, b))
		return true;
	fake_fault("the grant's %s: %s, not %s", what, a, b);
	return false;
}

static void addrs_text(const struct proto_hold *h, char *out, size_t cap)
{
	char text[ADDR_TEXT];

	out[0] = '\0';
	for (size_t i = 0; i < h->n_addrs; i++)
		join(out, cap, addr_text(&h->addrs[i], text));
}

static void ports_text(const struct proto_hold *h, char *out, size_t cap)
{
	char text[32];

	out[0] = '\0';
	for (size_t i = 0; i < h->n_ports; i++) {
		snprintf(text, sizeof(text), "%s/%u", h->ports[i].proto == IPPROTO_TCP ? "tcp" : "udp",
			 h->ports[i].port);
		join(out, cap, text);
	}
}

static void chain_text(const struct proto_hold *h, char *out, size_t cap)
{
	char text[NAME_TEXT];
	struct name name;
	size_t off = 0;

	snprintf(out, cap, "%s", h->chain_len ? "" : "-");
	while (off < h->chain_len && name_read(&name, h->chain, h->chain_len, &off) == 0)
		join(out, cap, name_text(&name, text));
}

static void exports_text(const struct proto_hold *h, char *out, size_t cap)
{
	const struct conf *c = scene.snapshot->conf;

	out[0] = '\0';
	for (size_t i = 0; i < 64; i++) {
		if (h->exports >> i & 1)
			join(out, cap, i < c->n_exports ? c->exports[i].name.text : "?");
	}
}

static void entry_text(const struct proto_hold *h, char *out, size_t cap)
{
	const char *file = memrchr(h->file, '/', h->file_len);
	size_t skip = file ? (size_t)(file + 1 - h->file) : 0;

	snprintf(out, cap, "%.*s:%u", (int)(h->file_len - skip), h->file + skip, h->line);
}

/* What the words say beside addresses and ports, and no more. */
static bool details_are(const struct proto_hold *h, char **words, int *n)
{
	static const struct {
		const char *word;
		void (*text)(const struct proto_hold *h, char *out, size_t cap);
	} details[] = { { "chain", chain_text }, { "exports", exports_text }, { "entry", entry_text } };
	const char *client = command_value(words, n, "client"), *name = command_value(words, n, "name");
	char text[4096];

	for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
		const char *want = command_value(words, n, details[i].word);

		details[i].text(h, text, sizeof(text));
		if (want && !is(details[i].word, text, want))
			return false;
	}
	return (!client || is("client", addr_text(&h->client, text), client)) &&
	       (!name || is("name", name_text(&h->name, text), name));
}

/* Of a crowd of grants, which need not be looked at one by one. */
static void hold_every(unsigned count)
{
	unsigned n = 0;

	for (struct grant_sent *g = fake_grants; g; g = g->next) {
		n += !g->seen;
		g->every |= !g->seen;
		g->seen = true;
	}
	if (n != count)
		fake_fault("the agent was asked for %u grants", n);
}

/*
 * HOLD ADDR,... PORT,... ttl N [client ADDR] [name NAME] [chain NAMES] [exports NAMES] [entry FILE:LINE]
 * [layout new|old] [as LABEL]; HOLD every N: all that came, which are so many
 */
void agent_hold(char **words, int n, const struct command *c)
{
	const char *label = command_value(words, &n, "as"), *ttl = command_value(words, &n, "ttl");
	const char *layout = command_value(words, &n, "layout"), *every = command_value(words, &n, "every");
	struct grant_sent *g = fake_grants;
	char text[4096];

	if (every) {
		hold_every((unsigned)atoi(every));
		return;
	}
	while (g && g->seen)
		g = g->next;
	if (!g) {
		fake_fault("the agent was asked for nothing");
		return;
	}
	g->seen = true;
	current = g;
	snprintf(g->label, sizeof(g->label), "%s", label ? label : "");
	if (!details_are(&g->hold, words, &n) || !command_done(words, n, 3))
		return;
	addrs_text(&g->hold, text, sizeof(text));
	if (!is("addresses", text, words[1]))
		return;
	ports_text(&g->hold, text, sizeof(text));
	if (!is("ports", text, words[2]))
		return;
	if (!ttl || g->hold.ttl != (uint32_t)atoi(ttl))
		fake_fault("the grant's TTL is %u", g->hold.ttl);
	if (layout && (g->hold.layout == scene.snapshot->exports->hash) != !strcmp(layout, "new"))
		fake_fault("the grant's layout is not the %s one", layout);
}

static int32_t error_of(const char *text)
{
	static const struct { const char *name; int err; } errors[] = {
		{ "ENOENT", -ENOENT }, { "ETIMEDOUT", -ETIMEDOUT }, { "ESTALE", -ESTALE }, { "ENFILE", -ENFILE },
		{ "EAFNOSUPPORT", -EAFNOSUPPORT }, { "EINVAL", -EINVAL }, { "ENOTCONN", -ENOTCONN },
		{ "EHOSTDOWN", -EHOSTDOWN },
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (!strcmp(errors[i].name, text))
			return errors[i].err;
	}
	fake_fault("%s: no such error", text);
	return -EINVAL;
}

static void confirm(const struct proto_hold *h, const struct proto_held *a)
{
	for (size_t i = 0; !a->err && i < h->n_addrs; i++) {
		struct confirmed *c = calloc(1, sizeof(*c));

		if (!c)
			abort();
		*c = (struct confirmed){ .next = scene.confirmed, .addr = h->addrs[i], .until_us = a->until_us,
					 .epoch = a->epoch };
		if (a->by_client)
			c->client = h->client;
		scene.confirmed = c;
	}
}

static void held_every(const struct proto_held *a)
{
	size_t len = 0, cap = CHAN_MAX;
	uint8_t *msg = malloc(cap);

	if (!msg)
		abort();
	for (struct grant_sent *g = fake_grants; g; g = g->next) {
		struct wr w = wr_init(msg + len, cap - len);
		struct proto_held one = *a;

		if (!g->every)
			continue;
		g->every = false;
		one.seq = g->hold.seq;
		confirm(&g->hold, &one);
		proto_put_held(&w, &one);
		len += wr_len(&w);
	}
	fake_agent_says(msg, len);
	free(msg);
	fake_turn(scene.worker->loop);
}

static struct grant_sent *labelled(const char *label)
{
	struct grant_sent *g = fake_grants;

	while (g && (label ? strcmp(g->label, label) : g != current))
		g = g->next;
	if (!g)
		fake_fault("%s: no such grant", label ? label : "HELD");
	return g;
}

/*
 * HELD [to LABEL] until SPAN|ever, or err E; [by-client] [epoch N] [seq N] [more]: in one message with the next;
 * [every]: to those of HOLD every
 */
void agent_held(char **words, int n, const struct command *c)
{
	static uint8_t msg[4096];
	static size_t len;
	const char *label = command_value(words, &n, "to"), *until = command_value(words, &n, "until");
	const char *err = command_value(words, &n, "err"), *epoch = command_value(words, &n, "epoch");
	const char *seq = command_value(words, &n, "seq");
	bool more = command_flag(words, &n, "more"), every = command_flag(words, &n, "every");
	struct grant_sent *g = every ? NULL : labelled(label);
	struct wr w = wr_init(msg + len, sizeof(msg) - len);
	struct proto_held a = { .by_client = command_flag(words, &n, "by-client") };

	if ((!g && !every) || !command_done(words, n, 1))
		return;
	a.err = err ? error_of(err) : 0;
	a.epoch = epoch ? (uint32_t)atoi(epoch) : atomic_load(&scene.page.epoch);
	if (until)
		a.until_us = !strcmp(until, "ever") ? UINT64_MAX
						    : loop_now(scene.worker->loop).mono_us + command_ms(until) * CLOCK_MS;
	if (every) {
		held_every(&a);
		return;
	}
	a.seq = seq ? (uint32_t)strtoul(seq, NULL, 0) : g->hold.seq;
	if (!seq)
		confirm(&g->hold, &a);
	proto_put_held(&w, &a);
	len += wr_len(&w);
	if (more)
		return;
	if (!fake_agent_says(msg, len))
		fake_fault("there is no channel");
	len = 0;
	fake_turn(scene.worker->loop);
}

/* SAYS HEX: any bytes */
void agent_says(char **words, int n, const struct command *c)
{
	uint8_t msg[512];
	int len = n == 2 ? hex_read(msg, sizeof(msg), words[1]) : -1;

	if (len < 0 || !fake_agent_says(msg, (size_t)len))
		fake_fault("SAYS HEX, where there is a channel");
	fake_turn(scene.worker->loop);
}

void agent_nohold(char **words, int n, const struct command *c)
{
	char text[4096];

	for (const struct grant_sent *g = fake_grants; g; g = g->next) {
		if (g->seen)
			continue;
		addrs_text(&g->hold, text, sizeof(text));
		fake_fault("the agent was asked for %s", text);
	}
}

/* EPOCH: something was taken out of a set. */
void agent_epoch(char **words, int n, const struct command *c)
{
	atomic_fetch_add(&scene.page.epoch, 1);
}

/* BYCLIENT EXPORT 4|6: its set is keyed by client, whatever `key` says. */
void agent_by_client(char **words, int n, const struct command *c)
{
	const struct conf *conf = scene.snapshot->conf;

	for (unsigned i = 0; n == 3 && i < conf->n_exports; i++) {
		unsigned bit = i * 2 + (words[2][0] == '6');

		if (strcmp(conf->exports[i].name.text, words[1]))
			continue;
		atomic_fetch_or(&scene.page.by_client[bit / 64], 1ull << bit % 64);
		return;
	}
	fake_fault("BYCLIENT EXPORT 4 or 6");
}

/* UNKNOWN: the page speaks of another configuration. */
void agent_unknown(char **words, int n, const struct command *c)
{
	atomic_store(&scene.page.layout, 1);
}

/* MESSAGES N: so many were sent to the agent so far. */
void agent_messages(char **words, int n, const struct command *c)
{
	if (n != 2 || fake_messages != strtoul(words[1], NULL, 10))
		fake_fault("%u messages were sent to the agent", fake_messages);
}
