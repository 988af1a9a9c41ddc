/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/control.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/jout.h"
#include "base/util.h"
#include "core/control_internal.h"
#include "core/leases.h"
#include "core/reload.h"
#include "core/status.h"

#define DUMPS 4				/* of the audit record at a time: each is megabytes, and made by the thread that serves all */

#define STATUS_MS 1000			/* how long the agent may take to say what its sets are like */

/* A request that the workers have to be asked for. */
struct errand {
	struct daemon *d;
	struct unix_conn *conn;
	bool json;
	pthread_mutex_t lock;			/* of what the workers add to */
	struct status status;
	struct name below;			/* flush; len 0: everything */
	size_t flushed;
};

void control_reply(struct unix_conn *conn, bool ok, const char *body)
{
	const char *head = ok ? "ok\n" : "error\n";
	size_t len = strlen(head) + strlen(body) + 2;
	char *text = malloc(len);

	if (!text) {
		unix_reply(conn, "error\nout of memory\n", strlen("error\nout of memory\n"));
		return;
	}
	snprintf(text, len, "%s%s%s", head, body, body[0] && body[strlen(body) - 1] != '\n' ? "\n" : "");
	unix_reply(conn, text, strlen(text));
	free(text);
}

static void errand_end(struct errand *e, bool ok, const char *body)
{
	control_reply(e->conn, ok, body);
	status_free(&e->status);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static void errand_start(struct daemon *d, struct unix_conn *conn, const struct errand *with,
			 void (*each)(struct worker *w, void *ctx), void (*done)(void *ctx))
{
	struct errand *e = malloc(sizeof(*e));

	if (!e) {
		struct status none = with->status;

		status_free(&none);
		control_reply(conn, false, "out of memory");
		return;
	}
	*e = *with;
	e->d = d;
	e->conn = conn;
	pthread_mutex_init(&e->lock, NULL);
	if (daemon_each(d, each, done, e) < 0)
		errand_end(e, false, "out of memory");
}

static void gather(struct worker *w, void *ctx)
{
	struct errand *e = ctx;

	pthread_mutex_lock(&e->lock);
	status_gather(w, &e->status);
	pthread_mutex_unlock(&e->lock);
}

static void gathered(void *ctx)
{
	struct errand *e = ctx;
	char *text = status_text(e->d, &e->status, e->json);

	errand_end(e, text != NULL, text ? text : "out of memory");
	free(text);
}

/* A status that waits for what the agent says of its sets. */
struct asked {
	struct daemon *d;
	struct unix_conn *conn;
	struct errand with;
};

static int add_set(void *ctx, enum proto_type type, struct rd *body)
{
	struct asked *a = ctx;
	struct proto_set set;

	if (type != PROTO_SET || proto_get_set(body, &set) < 0)
		return -EBADMSG;
	status_add_set(&a->with.status, &set);
	return 0;
}

static void sets_added(void *ctx, int err)
{
	struct asked *a = ctx;

	a->with.status.agent_err = err;
	errand_start(a->d, a->conn, &a->with, gather, gathered);
	free(a);
}

static void cmd_status(struct daemon *d, struct unix_conn *conn, const char *arg)
{
	struct asked *a = malloc(sizeof(*a));
	int err;

	if (!a) {
		control_reply(conn, false, "out of memory");
		return;
	}
	*a = (struct asked){ .d = d, .conn = conn, .with.json = strcmp(arg, "json") == 0 };
	err = d->liaison ? liaison_ask(d->liaison, &(struct liaison_request){ .type = PROTO_STATUS,
			   .wait_ms = STATUS_MS, .record = add_set, .end = sets_added, .ctx = a }) : -ENOTCONN;
	/* it is shown without them, then */
	if (err < 0)
		sets_added(a, err);
}

static void flush(struct worker *w, void *ctx)
{
	struct errand *e = ctx;
	size_t n = rcache_flush(w->cache, e->below.len ? &e->below : NULL);

	pthread_mutex_lock(&e->lock);
	e->flushed += n;
	pthread_mutex_unlock(&e->lock);
}

static void flushed(void *ctx)
{
	struct errand *e = ctx;
	char text[64];

	snprintf(text, sizeof(text), "%zu answer%s forgotten", e->flushed, e->flushed == 1 ? "" : "s");
	errand_end(e, true, text);
}

static void cmd_flush(struct daemon *d, struct unix_conn *conn, const char *arg)
{
	struct errand e = { 0 };

	if (arg[0] && name_from_text(&e.below, arg, strlen(arg)) < 0) {
		control_reply(conn, false, "flush: not a name");
		return;
	}
	errand_start(d, conn, &e, flush, flushed);
}

static void reloaded(void *ctx, const char *report)
{
	control_reply(ctx, !report, report ? report : "reloaded");
}

static void cmd_reload(struct daemon *d, struct unix_conn *conn, const char *arg)
{
	reload_start(d, reloaded, conn);
}

static char *blocked_json(const struct refused_entry *top, size_t n)
{
	struct jout *all = jout_array();
	char name[NAME_TEXT], link[NAME_TEXT], client[ADDR_TEXT], when[CLOCK_TEXT];

	for (size_t i = 0; i < n; i++) {
		struct jout *o = jout_object();

		clock_text(top[i].time, when);
		jout_set_text(o, "name", name_text(&top[i].name, name));
		jout_set_number(o, "count", (int64_t)top[i].count);
		jout_set_text(o, "client", addr_text(&top[i].client, client));
		jout_set_text(o, "time", when);
		jout_set_text(o, "link", top[i].link.len ? name_text(&top[i].link, link) : NULL);
		jout_add(all, o);
	}
	return jout_print(all, false);
}

static char *blocked_text(const struct refused_entry *top, size_t n)
{
	char *text = NULL, name[NAME_TEXT], link[NAME_TEXT], client[ADDR_TEXT], when[CLOCK_TEXT];
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	if (!n)
		fprintf(f, "nothing was refused\n");
	for (size_t i = 0; i < n; i++) {
		clock_text(top[i].time, when);
		fprintf(f, "%10llu  %s  %-15s  %s%s%s\n", (unsigned long long)top[i].count, when,
			addr_text(&top[i].client, client), name_text(&top[i].name, name),
			top[i].link.len ? " -> " : "", top[i].link.len ? name_text(&top[i].link, link) : "");
	}
	return fclose(f) == 0 ? text : NULL;
}

static void cmd_blocked(struct daemon *d, struct unix_conn *conn, const char *arg)
{
	struct refused_entry *top;
	char *text = NULL;
	size_t n;

	daemon_drain(d);
	top = refused_top(d->refused, &n);
	if (top)
		text = strcmp(arg, "json") == 0 ? blocked_json(top, n) : blocked_text(top, n);
	control_reply(conn, text != NULL, text ? text : "out of memory");
	free(text);
	free(top);
}

static void dumped(void *ctx)
{
	struct daemon *d = ctx;

	d->dumps--;
}

/* The record as the state file has it: what is to be made of it is up to `postern suggest`. */
static void cmd_audit(struct daemon *d, struct unix_conn *conn, const char *arg)
{
	size_t len;
	char *text;

	if (d->dumps == DUMPS) {
		control_reply(conn, false, "busy: others are reading the audit record, try again");
		return;
	}
	d->dumps++;
	unix_watch_end(conn, dumped, d);
	daemon_drain(d);
	text = auditor_text(d->auditor, "ok\n", &len);
	if (text)
		unix_reply(conn, text, len);
	else
		control_reply(conn, false, "out of memory");
	free(text);
}

static const struct {
	const char *name;
	void (*run)(struct daemon *d, struct unix_conn *conn, const char *arg);
} commands[] = {
	{ "status", cmd_status },
	{ "blocked", cmd_blocked },
	{ "audit", cmd_audit },
	{ "reload", cmd_reload },
	{ "flush", cmd_flush },
	{ "leases", leases_list },
	{ "close", leases_close },
};

void control_request(void *ctx, struct unix_conn *conn, char *line)
{
	char *arg = strchr(line, ' ');

	if (arg)
		*arg++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(line, commands[i].name) == 0) {
			commands[i].run(ctx, conn, arg ? arg : "");
			return;
		}
	}
	control_reply(conn, false, "unknown request");
}
