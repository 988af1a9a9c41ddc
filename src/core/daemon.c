/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "core/control.h"
#include "core/keeper.h"
#include "core/ports.h"
#include "core/reload.h"
#include "core/sandbox.h"
#include "core/settings.h"
#include "core/supervisor.h"

#define LEARNED_SLOTS 16384
#define DRAIN_MS 100

void daemon_drain(struct daemon *d)
{
	time_t when = clock_wall();
	struct event e;

	for (size_t i = 0; i < d->n_workers; i++) {
		while (event_get(d->workers[i]->events, &e, d->path_room)) {
			if (e.verdict == EVENT_BLOCKED && e.reason != REASON_TYPE)
				refused_add(d->refused, &e.name, &e.client, &e.link, when, e.weight);
			if (e.verdict == EVENT_AUDITED)
				auditor_note(d->auditor, &e, when);
			qlog_write(d->qlog, d->snapshot, &e, when);
		}
	}
}

static void on_drain(struct timer *t)
{
	daemon_drain(container_of(t, struct daemon, drain));
}

static void start_drain(void *ctx)
{
	struct daemon *d = ctx;

	/* woken again while it waits: a ring fills fast */
	if (d->drain.set)
		daemon_drain(d);
	else
		timer_set(loop_timers(d->loop), &d->drain, loop_now(d->loop).mono_us + DRAIN_MS * CLOCK_MS);
}

static void on_wake(void *ctx)
{
	struct daemon *d = ctx;

	watch_wake_send(d->events_watch);
}

static void on_stop(void *ctx, int signum)
{
	struct daemon *d = ctx;

	log_info("signal %d: ending", signum);
	d->ended = true;
	loop_stop(d->loop);
}

static void on_reload(void *ctx, int signum)
{
	reload_start(ctx, NULL, NULL);
}

static void on_resolv(void *ctx)
{
	reload_resolv(ctx);
}

static void *worker_thread(void *arg)
{
	struct worker *w = arg;

	loop_run(w->loop);
	return NULL;
}

static void stop_worker(void *arg)
{
	struct worker *w = arg;

	worker_close(w);
	loop_stop(w->loop);
}

static void stderr_line(void *ctx, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

/* The processes are there by what the configuration was a moment ago. */
static int as_split(const struct daemon *d, const struct supervised *with)
{
	const struct conf *c = d->snapshot->conf;

	if (with->fd < 0 ? !c->n_exports : c->n_exports && settings_workers(c) == with->n_workers)
		return 0;
	log_error("%s: was changed while it was read: start again", d->path);
	return -EINVAL;
}

static int load(struct daemon *d, const struct supervised *with)
{
	struct diag_list *diag = diag_new();
	int err;

	if (!diag)
		return -ENOMEM;
	d->generation = 1;
	d->snapshot = snapshot_build(&(struct snapshot_options){
		.path = d->path, .path_written = d->path_written, .generation = d->generation }, diag);
	if (d->snapshot)
		settings_check(d->snapshot->conf, diag);
	diag_each(diag, stderr_line, NULL);
	err = d->snapshot && !diag_errors(diag) ? as_split(d, with) : -EINVAL;
	diag_free(diag);
	return err;
}

/* A folder or socket that is only a default is no reason not to serve. */
static int written_or_warn(const struct conf_str *s, const char *what, int err)
{
	if (s->line) {
		log_error("%s %s: %s", what, s->text, strerror(-err));
		return err;
	}
	log_warn("%s %s: %s, doing without", what, s->text, strerror(-err));
	return 0;
}

static int open_control(struct daemon *d)
{
	const struct conf_str *path = &d->snapshot->conf->control.socket;
	int err;

	d->control = unix_serve(d->loop, path->text, control_request, d, &err);
	if (d->control)
		return sandbox_give(&d->snapshot->conf->server, path->text);
	if (err == -EADDRINUSE) {
		log_error("control socket %s: another postern serves there; end it first", path->text);
		return err;
	}
	return written_or_warn(path, "control socket", err);
}

/*
 * What lies there may be an older start's, as root. Not more than that is given away: a
 * folder that somebody wrote and made may hold other things.
 */
static int give_state(const struct conf_server *c)
{
	char file[PATH_MAX];
	int n = snprintf(file, sizeof(file), "%s/" AUDIT_FILE, c->state.text), err = sandbox_give(c, c->state.text);

	if (err < 0 || n >= (int)sizeof(file) || faccessat(AT_FDCWD, file, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err;
	return sandbox_give(c, file);
}

/* Before privileges go: the folder, which only root may be able to make and to reach. */
static int open_state(struct daemon *d)
{
	const struct conf_server *c = &d->snapshot->conf->server;
	struct stat st;
	bool made;

	if (!c->state.text[0])
		return 0;
	made = mkdir(c->state.text, 0750) == 0;
	if (!made && errno != EEXIST)
		return written_or_warn(&c->state, "state", -errno);
	d->state = open(c->state.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->state < 0 || fstat(d->state, &st) < 0)
		return written_or_warn(&c->state, "state", -errno);
	return made || (!c->state.line && !st.st_uid) ? give_state(c) : 0;
}

/* After that: whether it can be written to, and what it holds. */
static int open_record(struct daemon *d)
{
	const struct conf_str *path = &d->snapshot->conf->server.state;
	int err;

	if (d->state >= 0 && faccessat(d->state, ".", W_OK | X_OK, AT_EACCESS) < 0) {
		err = written_or_warn(path, "state", -errno);
		if (err < 0)
			return err;
		close(d->state);
		d->state = -1;
	}
	d->auditor = auditor_new(d->loop, d->state, path->text);
	return d->auditor ? 0 : -ENOMEM;
}

static int make_workers(struct daemon *d, struct ports *ports)
{
	d->workers = calloc(d->shared.workers, sizeof(struct worker *));
	d->threads = calloc(d->shared.workers, sizeof(*d->threads));
	if (!d->workers || !d->threads)
		return -ENOMEM;
	while (d->n_workers < d->shared.workers) {
		struct worker *w = worker_new((unsigned)d->n_workers, d->snapshot, &d->resolv, &d->shared);

		if (!w)
			return -ENOMEM;
		d->workers[d->n_workers] = w;
		for (size_t l = 0; l < ports->n_listen; l++) {
			size_t i = l * ports->n_workers + d->n_workers;
			int udp = ports->udp[i], tcp = ports->tcp[i];

			ports->udp[i] = ports->tcp[i] = -1;
			if (udp >= 0 && worker_listen(w, udp, tcp) < 0)
				return -ENOMEM;
		}
		d->n_workers++;
	}
	return 0;
}

static int start_threads(struct daemon *d)
{
	sigset_t all, old;
	int err = 0;

	/* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	for (; !err && d->n_running < d->n_workers; d->n_running += !err)
		err = pthread_create(&d->threads[d->n_running], NULL, worker_thread, d->workers[d->n_running]);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

/*
 * Those that we take, let through only while they are watched: at the start
 * they wait until they are, and after the end they must not kill what has ended well.
 */
static void mask_signals(int how)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGHUP);
	pthread_sigmask(how, &ours, NULL);
}

static int watch_all(struct daemon *d)
{
	d->sigterm = watch_signal(d->loop, SIGTERM, on_stop, d);
	d->sigint = watch_signal(d->loop, SIGINT, on_stop, d);
	d->sighup = watch_signal(d->loop, SIGHUP, on_reload, d);
	d->resolv_watch = watch_file(d->loop, RESOLV_FILE, on_resolv, d);
	d->events_watch = watch_wake(d->loop, start_drain, d);
	return d->events_watch && d->sigterm && d->sigint && d->sighup && d->resolv_watch ? 0 : -ENOMEM;
}

static void read_resolv(struct daemon *d)
{
	if (d->snapshot->conf->upstream.address.n)
		return;
	if (resolv_read(&d->resolv, RESOLV_FILE, d->snapshot->conf) < 0 || !d->resolv.n)
		log_warn("%s: names no server to ask, and [upstream] neither: nothing will resolve", RESOLV_FILE);
}

/* What of it needs no other thread, and no right to anything. */
static int prepare(struct daemon *d, const struct supervised *with)
{
	const struct conf *c = d->snapshot->conf;

	d->shared.workers = settings_workers(c);
	d->shared.wake = on_wake;
	d->shared.wake_ctx = d;
	d->shared.learned = learned_new(LEARNED_SLOTS);
	d->shared.page = with->page;
	d->refused = refused_new();
	d->loop = loop_new(NULL, NULL);
	d->drain.fire = on_drain;
	settings_apply(&d->shared, c);
	settings_raise_files(c);
	if (!d->shared.learned || !d->refused || !d->loop)
		return -ENOMEM;
	d->started_us = loop_now(d->loop).mono_us;
	return 0;
}

/* Every worker is there, none runs: the agent gets ready while signals are heard. */
static int wait_for_agent(struct daemon *d, const struct supervised *with)
{
	int err = keeper_open(d, with);

	if (err < 0)
		return err;
	mask_signals(SIG_UNBLOCK);
	err = keeper_wait(d);
	mask_signals(SIG_BLOCK);
	return err;
}

static int start(struct daemon *d, struct ports *ports, const struct supervised *with)
{
	const struct conf *c = d->snapshot->conf;
	int err;

	if ((err = prepare(d, with)) < 0 || (err = open_control(d)) < 0 || (err = open_state(d)) < 0 ||
	    (err = ports_bind(ports, c, d->shared.workers)) < 0 || (err = sandbox_enter(&c->server)) < 0 ||
	    (err = open_record(d)) < 0)
		return err;
	/* as the account that will open it anew at a reload */
	d->qlog = qlog_open(&c->log, &err);
	if (!d->qlog) {
		log_error("log %s: %s", c->log.file.text, strerror(-err));
		return err;
	}
	read_resolv(d);
	if ((err = make_workers(d, ports)) < 0 || (err = watch_all(d)) < 0 || (err = wait_for_agent(d, with)) < 0)
		return err;
	return start_threads(d);
}

static void say_ready(const struct daemon *d)
{
	const struct conf_endpoints *listen = &d->snapshot->conf->server.listen;
	char text[ADDR_TEXT];

	for (size_t i = 0; i < listen->n; i++)
		log_info("serving on %s", endpoint_text(&listen->v[i].at, text));
	log_info("postern %s: entries %zu, groups %zu, profiles %zu, workers %zu", POSTERN_VERSION,
		 d->snapshot->catalog->n_entries, d->snapshot->catalog->n_groups, d->snapshot->n_profiles,
		 d->n_workers);
}

/* Orderly, in the reverse of start; gives the number of things that were left open. */
static int stop(struct daemon *d)
{
	int left = 0;

	d->stopping = true;
	for (size_t i = 0; i < d->n_running; i++) {
		while (loop_post(d->workers[i]->loop, stop_worker, d->workers[i]) < 0)
			usleep(1000);
	}
	for (size_t i = 0; i < d->n_running; i++)
		pthread_join(d->threads[i], NULL);
	for (size_t i = d->n_running; i < d->n_workers; i++) {
		/* what was posted to it has something to free */
		loop_stop(d->workers[i]->loop);
		loop_run(d->workers[i]->loop);
		worker_close(d->workers[i]);
	}
	reload_wait(d);
	if (d->loop) {
		/* ends the rounds that the workers have done their part of */
		loop_stop(d->loop);
		loop_run(d->loop);
	}
	if (d->qlog)
		daemon_drain(d);
	auditor_close(d->auditor);
	for (size_t i = 0; i < d->n_workers; i++)
		left += worker_free(d->workers[i]);
	liaison_free(d->liaison);
	unix_close(d->control);
	watch_close(d->sigterm);
	watch_close(d->sigint);
	watch_close(d->sighup);
	watch_close(d->resolv_watch);
	watch_close(d->events_watch);
	if (d->loop) {
		timer_cancel(loop_timers(d->loop), &d->drain);
		left += loop_free(d->loop);
	}
	qlog_close(d->qlog);
	refused_free(d->refused);
	learned_free(d->shared.learned);
	snapshot_release(d->snapshot);
	free(d->workers);
	free(d->threads);
	return left;
}

static int serve(const char *path, bool path_written, const struct supervised *with)
{
	struct daemon d = { .path = path, .path_written = path_written, .state = -1 };
	struct ports ports = { 0 };
	int err, left;

	signal(SIGPIPE, SIG_IGN);
	mask_signals(SIG_BLOCK);
	err = load(&d, with);
	if (!err) {
		err = start(&d, &ports, with);
		ports_close(&ports);
	}
	if (err == -ENOMEM)
		log_error("out of memory");
	if (!err) {
		say_ready(&d);
		mask_signals(SIG_UNBLOCK);
		loop_run(d.loop);
		mask_signals(SIG_BLOCK);
	}
	left = stop(&d);
	if (left)
		log_error("%d handles, queries or connections were left open: a bug", left);
	return (err && !(err == -EINTR && d.ended)) || left ? 1 : 0;
}

int daemon_run(const char *path, bool path_written)
{
	return supervisor_run(path, path_written, serve);
}
