/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "core/keeper.h"
#include "core/settings.h"

/* One swap on its way through the workers. */
struct swap {
	struct daemon *d;
	struct snapshot *snapshot;
	struct resolv resolv;
	struct qlog *qlog;			/* of the new configuration, or NULL */
	atomic_int err;				/* of the worker that could not */
	reload_done_fn *done;			/* NULL: of resolv.conf only */
	void *ctx;
};

static void swap_worker(struct worker *w, void *ctx)
{
	struct swap *s = ctx;
	int err = worker_swap(w, s->snapshot, &s->resolv);

	if (err < 0)
		atomic_store(&s->err, err);
}

static void finish(struct daemon *d, reload_done_fn *done, void *ctx, const char *report)
{
	bool again = d->reload_again && !d->stopping, resolv = d->resolv_again && !d->stopping;

	d->reloading = d->reload_again = d->resolv_again = false;
	if (done)
		done(ctx, report);
	/* whether the agent is behind is still to be looked at when these are over: they may be refused */
	if (again) {
		reload_start(d, NULL, NULL);
	} else if (resolv) {
		reload_resolv(d);
	} else if (d->settle_again && !d->stopping) {
		d->settle_again = false;
		reload_settle(d);
	}
}

static void take_over(struct daemon *d, struct swap *s)
{
	/* what was noted until now is written with the names of its own configuration */
	daemon_drain(d);
	qlog_close(d->qlog);
	d->qlog = s->qlog;
	snapshot_release(d->snapshot);
	d->snapshot = snapshot_hold(s->snapshot);
	log_info("reload: done, generation %u", d->generation);
	settings_apply(&d->shared, s->snapshot->conf);
	learned_revise(d->shared.learned, d->snapshot, loop_now(d->loop).boot_ms);
}

static void swap_end(struct swap *s, const char *report)
{
	finish(s->d, s->done, s->ctx, report);
	snapshot_release(s->snapshot);
	free(s);
}

/* The workers have it. Until the agent has it too, what needs a lease fails: never is it held by the wrong rules. */
static void committed(void *ctx, int err, const char *text)
{
	struct swap *s = ctx;

	if (err < 0 && !s->d->stopping)
		log_warn("reload: the agent is not along yet: %s", strerror(-err));
	s->d->settle_again |= err < 0;
	swap_end(s, NULL);
}

static void swapped(void *ctx)
{
	struct swap *s = ctx;
	struct daemon *d = s->d;
	int err = atomic_load(&s->err);
	bool all = s->snapshot != d->snapshot;

	d->resolv = s->resolv;
	if (all)
		take_over(d, s);
	if (err < 0) {
		log_error("reload: a worker is short of memory and keeps the old configuration");
		d->settle_again |= all;
		swap_end(s, "a worker is short of memory and keeps the old configuration");
	} else if (all) {
		keeper_commit(d, committed, s);
	} else {
		swap_end(s, NULL);
	}
}

/* Hands the snapshot, whose reference and log it takes, to the workers. */
static int swap_start(struct daemon *d, struct snapshot *snapshot, struct qlog *qlog, const struct resolv *resolv,
		      reload_done_fn *done, void *ctx)
{
	struct swap *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s) {
		*s = (struct swap){ .d = d, .snapshot = snapshot, .qlog = qlog, .resolv = *resolv, .done = done,
				    .ctx = ctx };
		err = daemon_each(d, swap_worker, swapped, s);
	}
	if (err < 0) {
		free(s);
		qlog_close(qlog);
		snapshot_release(snapshot);
	}
	return err;
}

static char *report_of(const struct diag_list *diag)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	diag_print(diag, f);
	fclose(f);
	return text;
}

static void log_line(void *ctx, const char *line)
{
	log_warn("reload: %s", line);
}

static void refused(struct daemon *d, const struct diag_list *diag, reload_done_fn *done, void *ctx)
{
	char *report = diag ? report_of(diag) : NULL;

	if (diag)
		diag_each(diag, log_line, NULL);
	log_warn("reload: refused, the old configuration serves on");
	finish(d, done, ctx, report ? report : "out of memory\n");
	free(report);
}

/*
 * A configuration that is being read, in a thread of its own: a million names
 * take a while, and the log and the control socket go on.
 */
struct build {
	struct daemon *d;
	pthread_t thread;
	struct diag_list *diag;
	struct snapshot *snapshot;		/* NULL: the reasons are in diag */
	struct qlog *qlog;
	reload_done_fn *done;
	void *ctx;
};

static void take_build(void *arg);

/* The new configuration, whole and with its log open. What it is held against does not change meanwhile. */
static struct snapshot *prepare(const struct daemon *d, struct qlog **qlog, struct diag_list *diag)
{
	struct snapshot *s = snapshot_build(&(struct snapshot_options){
		.path = d->path, .path_written = d->path_written, .generation = d->generation + 1 }, diag);
	int err;

	if (!s)
		return NULL;
	if (settings_unchanged(d->snapshot->conf, s->conf, diag)) {
		*qlog = qlog_open(&s->conf->log, &err);
		if (*qlog)
			return s;
		diag_error(diag, d->path, s->conf->log.file.line, "log file %s: %s", s->conf->log.file.text,
			   strerror(-err));
	}
	snapshot_release(s);
	return NULL;
}

static void *build_thread(void *arg)
{
	struct build *b = arg;

	b->snapshot = prepare(b->d, &b->qlog, b->diag);
	while (loop_post(b->d->loop, take_build, b) < 0)
		usleep(1000);
	return NULL;
}

static void build_free(struct build *b)
{
	diag_free(b->diag);
	free(b);
}

static void build_drop(struct build *b)
{
	snapshot_release(b->snapshot);
	qlog_close(b->qlog);
}

/* What the agent says of it. */
static void agent_prepared(void *ctx, int err, const char *text)
{
	struct build *b = ctx;
	struct daemon *d = b->d;
	struct resolv resolv = d->resolv;

	if (err < 0 || d->stopping) {
		log_lines(log_warn, "reload: ", text);
		log_warn("reload: refused, the old configuration serves on");
		build_drop(b);
		finish(d, b->done, b->ctx, text);
		build_free(b);
		return;
	}
	diag_each(b->diag, log_line, NULL);
	log_lines(log_warn, "reload: ", text);
	d->generation++;
	if (!b->snapshot->conf->upstream.address.n && resolv_read(&resolv, RESOLV_FILE, b->snapshot->conf) < 0)
		resolv = d->resolv;
	learned_revise(d->shared.learned, b->snapshot, loop_now(d->loop).boot_ms);
	if (swap_start(d, b->snapshot, b->qlog, &resolv, b->done, b->ctx) < 0) {
		keeper_abort(d);
		refused(d, NULL, b->done, b->ctx);
	}
	build_free(b);
}

/* Back in the main thread. */
static void take_build(void *arg)
{
	struct build *b = arg;
	struct daemon *d = b->d;

	reload_wait(d);
	if (b->snapshot && d->stopping) {
		build_drop(b);
		finish(d, b->done, b->ctx, "shutting down\n");
	} else if (!b->snapshot) {
		refused(d, b->diag, b->done, b->ctx);
	} else {
		keeper_prepare(d, b->snapshot, agent_prepared, b);
		return;
	}
	build_free(b);
}

void reload_wait(struct daemon *d)
{
	if (d->build)
		pthread_join(d->build->thread, NULL);
	d->build = NULL;
}

void reload_start(struct daemon *d, reload_done_fn *done, void *ctx)
{
	struct build *b;

	if (d->reloading) {
		/* what was written since the first one read it must not be missed */
		d->reload_again = true;
		if (done)
			done(ctx, "another reload is under way; this one follows it\n");
		return;
	}
	d->reloading = true;
	b = calloc(1, sizeof(*b));
	if (b) {
		*b = (struct build){ .d = d, .diag = diag_new(), .done = done, .ctx = ctx };
		if (b->diag && pthread_create(&b->thread, NULL, build_thread, b) == 0) {
			d->build = b;
			return;
		}
		build_free(b);
	}
	refused(d, NULL, done, ctx);
}

static void settled(void *ctx, int err, const char *text)
{
	struct daemon *d = ctx;

	if (err < 0 && !d->stopping) {
		log_lines(log_warn, "reload: ", text);
		log_error("agent: does not work by the configuration that is in force: reload");
	}
	finish(d, NULL, NULL, NULL);
}

static void settle_prepared(void *ctx, int err, const char *text)
{
	struct daemon *d = ctx;

	if (err < 0)
		settled(ctx, err, text);
	else
		keeper_commit(d, settled, d);
}

void reload_settle(struct daemon *d)
{
	if (d->reloading) {
		d->settle_again = true;
		return;
	}
	if (!keeper_behind(d))
		return;
	d->reloading = true;
	keeper_prepare(d, d->snapshot, settle_prepared, d);
}

void reload_resolv(struct daemon *d)
{
	struct resolv now;

	if (d->reloading) {
		d->resolv_again = true;
		return;
	}
	if (d->snapshot->conf->upstream.address.n || resolv_read(&now, RESOLV_FILE, d->snapshot->conf) < 0 ||
	    !now.n || resolv_equal(&now, &d->resolv))
		return;
	d->reloading = true;
	log_info("%s: changed, %zu servers", RESOLV_FILE, now.n);
	if (swap_start(d, snapshot_hold(d->snapshot), NULL, &now, NULL, NULL) < 0)
		d->reloading = false;
}
