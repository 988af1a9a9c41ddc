/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/control_internal.h"
#include "core/leases.h"

#define LISTS 2				/* at a time, with those of the audit record: each may be hundreds of megabytes */
#define PART 65536			/* bytes that go out at once */
#define NAMES 1024			/* that led to an address; with more everything is forgotten */

/* "[json] [ADDRESS]"; false: replied that it is neither. */
static bool read_arg(struct daemon *d, struct unix_conn *conn, const char *arg, bool *json, struct addr *a)
{
	*json = strcmp(arg, "json") == 0 || strncmp(arg, "json ", 5) == 0;
	if (*json)
		arg += arg[4] ? 5 : 4;
	*a = (struct addr){ 0 };
	if (arg[0] && addr_parse(a, arg, strlen(arg)) < 0)
		control_reply(conn, false, "leases: not an address");
	else if (!d->liaison)
		control_reply(conn, false, "no export is configured");
	else
		return true;
	return false;
}

static const char *failure(int err)
{
	if (err == -ENOTCONN)
		return "the agent is not running, try again";
	return err == -ETIMEDOUT ? "the agent does not answer" : "out of memory";
}

/* A list on its way to who asked for it. */
struct list {
	struct daemon *d;
	struct unix_conn *conn;
	bool json, begun, over;			/* over: nobody reads it any more */
	uint64_t n;
	FILE *out;
	char *text;				/* of out */
	size_t len;
	struct proto_lease lease;
};

static void list_free(struct list *l)
{
	if (l->out)
		fclose(l->out);
	free(l->text);
	free(l);
}

/* Gives what was printed to the connection. */
static int list_send(struct list *l)
{
	int err;

	if (fflush(l->out) || ferror(l->out))
		return -ENOMEM;
	l->begun = true;
	err = unix_part(l->conn, l->text, l->len);
	rewind(l->out);
	return err;
}

static int list_lease(void *ctx, enum proto_type type, struct rd *body)
{
	struct list *l = ctx;

	if (type != PROTO_LEASE || proto_get_lease(body, &l->lease) < 0)
		return -EBADMSG;
	if (l->over)
		return 0;
	if (l->json)
		fputs(l->n ? ",\n  " : "ok\n[\n  ", l->out);
	else if (!l->n)
		fputs("ok\n", l->out);
	l->n++;
	if (leases_print(l->out, l->d->snapshot->conf, &l->lease, l->json) < 0 ||
	    (ftell(l->out) >= PART && list_send(l) < 0))
		l->over = true;
	return 0;
}

static void list_end(void *ctx, int err)
{
	struct list *l = ctx;

	if (!l->n)
		fputs(l->json ? "ok\n[" : "ok\n", l->out);
	else if (l->json)
		fputc('\n', l->out);
	if (l->json)
		fputs(LEASES_END_JSON, l->out);
	else
		fprintf(l->out, "%llu" LEASES_END_TEXT, (unsigned long long)l->n);
	/* a list that has begun and breaks off lacks its end: that says it */
	if (!l->over && (err || fflush(l->out) || ferror(l->out))) {
		l->over = true;
		if (!l->begun) {
			control_reply(l->conn, false, failure(err ? err : -ENOMEM));
			list_free(l);
			return;
		}
	}
	unix_reply(l->conn, l->text, l->over ? 0 : l->len);
	list_free(l);
}

static void list_over(void *ctx)
{
	struct daemon *d = ctx;

	d->dumps--;
}

void leases_list(struct daemon *d, struct unix_conn *conn, const char *arg)
{
	struct liaison_request r = { .type = PROTO_LIST, .wait_ms = LIAISON_WAIT_MS, .record = list_lease,
				     .end = list_end };
	struct list *l;
	bool json;
	int err;

	if (!read_arg(d, conn, arg, &json, &r.addr))
		return;
	if (d->dumps >= LISTS) {
		control_reply(conn, false, "busy: others are reading lists, try again");
		return;
	}
	l = calloc(1, sizeof(*l));
	if (l)
		l->out = open_memstream(&l->text, &l->len);
	if (!l || !l->out) {
		free(l);
		control_reply(conn, false, failure(-ENOMEM));
		return;
	}
	l->d = d;
	l->conn = conn;
	l->json = json;
	r.ctx = l;
	d->dumps++;
	unix_watch_end(conn, list_over, d);
	err = liaison_ask(d->liaison, &r);
	if (err < 0) {
		control_reply(conn, false, failure(err));
		list_free(l);
	}
}

/* Leases that are to be closed: first what would open them again without upstream's word is forgotten. */
struct closing {
	struct daemon *d;
	struct unix_conn *conn;
	bool json, all;				/* all: every answer and learned name */
	struct addr addr;
	struct name names[NAMES];
	size_t n_names;
	uint64_t closed;
	struct proto_lease lease;
};

static void closing_end(struct closing *c, int err)
{
	char text[64], addr[ADDR_TEXT];

	if (!err)
		log_info("leases --close: %s: %llu closed", c->addr.len ? addr_text(&c->addr, addr) : "all",
			 (unsigned long long)c->closed);
	if (!err)
		snprintf(text, sizeof(text), c->json ? "{\"closed\":%llu}" : "%llu lease%s closed",
			 (unsigned long long)c->closed, c->closed == 1 ? "" : "s");
	control_reply(c->conn, !err, err ? failure(err) : text);
	free(c);
}

static int close_count(void *ctx, enum proto_type type, struct rd *body)
{
	struct closing *c = ctx;

	return type == PROTO_CLOSED ? proto_get_count(body, &c->closed) : -EBADMSG;
}

static void close_end(void *ctx, int err)
{
	closing_end(ctx, err);
}

static void forget(struct worker *w, void *ctx)
{
	struct closing *c = ctx;

	if (c->all)
		rcache_flush(w->cache, NULL);
	else
		rcache_flush_addr(w->cache, &c->addr);
}

static void forgotten(void *ctx)
{
	struct closing *c = ctx;
	int err;

	if (c->all)
		learned_forget(c->d->shared.learned, NULL);
	for (size_t i = 0; !c->all && i < c->n_names; i++)
		learned_forget(c->d->shared.learned, &c->names[i]);
	err = liaison_ask(c->d->liaison, &(struct liaison_request){ .type = PROTO_CLOSE, .addr = c->addr,
			  .wait_ms = LIAISON_WAIT_MS, .record = close_count, .end = close_end, .ctx = c });
	if (err < 0)
		closing_end(c, err);
}

static void close_forget(struct closing *c)
{
	int err = daemon_each(c->d, forget, forgotten, c);

	if (err < 0)
		closing_end(c, err);
}

static int name_lease(void *ctx, enum proto_type type, struct rd *body)
{
	struct closing *c = ctx;

	if (type != PROTO_LEASE || proto_get_lease(body, &c->lease) < 0)
		return -EBADMSG;
	if (!c->lease.name.len || c->all)
		return 0;
	for (size_t i = 0; i < c->n_names; i++) {
		if (name_equal(&c->names[i], &c->lease.name))
			return 0;
	}
	if (c->n_names == NAMES)
		c->all = true;
	else
		c->names[c->n_names++] = c->lease.name;
	return 0;
}

static void names_end(void *ctx, int err)
{
	struct closing *c = ctx;

	if (err)
		closing_end(c, err);
	else
		close_forget(c);
}

void leases_close(struct daemon *d, struct unix_conn *conn, const char *arg)
{
	struct closing *c = calloc(1, sizeof(*c));
	int err;

	if (!c) {
		control_reply(conn, false, failure(-ENOMEM));
		return;
	}
	c->d = d;
	c->conn = conn;
	if (!read_arg(d, conn, arg, &c->json, &c->addr)) {
		free(c);
		return;
	}
	c->all = !c->addr.len;
	if (c->all) {
		close_forget(c);
		return;
	}
	err = liaison_ask(d->liaison, &(struct liaison_request){ .type = PROTO_LIST, .addr = c->addr,
			  .wait_ms = LIAISON_WAIT_MS, .record = name_lease, .end = names_end, .ctx = c });
	if (err < 0)
		closing_end(c, err);
}
