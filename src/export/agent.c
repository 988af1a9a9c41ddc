/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "export/agent_internal.h"

/* An agent that cannot work is started anew, and should not say why more often than this. */
#define FAILED_MS 1000

static void line_close(struct line *n, const char *why)
{
	if (!n->chan)
		return;
	if (why)
		log_error("agent: channel of worker %u: %s, closed", n->number, why);
	book_forget(n->agent->book, n);
	chan_close(n->chan);
	n->chan = NULL;
	n->failed = false;
}

static void line_send(struct line *n)
{
	size_t len = wr_len(&n->out);

	n->out = wr_init(n->room, sizeof(n->room));
	if (len && chan_send(n->chan, n->room, len))
		n->failed = true;
}

/* By the book, from anywhere but book_hold: what fails is closed when the book is not at work. */
static void on_held(void *ctx, void *who, const struct proto_held *held)
{
	struct line *n = who;

	proto_put_held(&n->out, held);
	if (n->out.bad) {
		line_send(n);
		proto_put_held(&n->out, held);
	}
	if (n->holds)
		n->holds--;
}

static int hold(struct line *n, struct rd *body)
{
	struct agent *a = n->agent;
	struct proto_hold h;

	if (proto_get_hold(body, &h, &a->in))
		return -EBADMSG;
	n->holds++;
	book_hold(a->book, &h, n);
	return 0;
}

static void on_line(void *ctx, const uint8_t *msg, size_t len)
{
	struct line *n = ctx;
	struct rd r = rd_init(msg, len), body;
	enum proto_type type;
	int more;

	if (!msg) {
		line_close(n, NULL);
		return;
	}
	while ((more = proto_next(&r, &type, &body)) > 0) {
		if (type != PROTO_HOLD || hold(n, &body)) {
			more = -EBADMSG;
			break;
		}
	}
	if (more < 0)
		line_close(n, "it sends what is no grant");
	n->bytes += len;
	if (n->chan && (n->holds >= LINE_HOLDS || n->bytes >= LINE_BYTES))
		chan_read(n->chan, false);
}

static void line_turn(struct line *n)
{
	if (!n->chan)
		return;
	line_send(n);
	if (n->failed) {
		line_close(n, "it does not take its answers");
		return;
	}
	if (!n->holds)
		n->bytes = 0;
	if (n->holds < LINE_HOLDS / 2 && n->bytes < LINE_BYTES)
		chan_read(n->chan, true);
}

/* The order in which a turn ends: events and grants, then what they came to, one message a channel. */
static void before_sleep(void *ctx)
{
	struct agent *a = ctx;

	/* the loop turns once more when all is closed, or not yet open */
	if (!a->current || a->ending)
		return;
	book_run(a->book);
	for (size_t i = 0; i < a->start->n_workers; i++)
		line_turn(&a->lines[i]);
	agent_answer(a);
}

static void on_term(void *ctx, int signum)
{
	agent_end(ctx, 0);
}

static void on_again(struct timer *t)
{
	/* all of it is done before the loop sleeps, which it does not while a timer is due */
}

static int open_channels(struct agent *a, int *fds)
{
	a->out = wr_init(a->room, sizeof(a->room));
	a->again.fire = on_again;
	a->main = chan_new(a->loop, fds[0], agent_asked, a);
	fds[0] = -1;
	if (!a->main)
		return -ENOMEM;
	for (size_t i = 0; i < a->start->n_workers; i++) {
		struct line *n = &a->lines[i];

		n->agent = a;
		n->number = (unsigned)i;
		n->out = wr_init(n->room, sizeof(n->room));
		n->chan = chan_new(a->loop, fds[i + 1], on_line, n);
		fds[i + 1] = -1;
		if (!n->chan)
			return -ENOMEM;
	}
	return 0;
}

/* What the supervisor ends by, and nothing that is meant for it alone. */
static int take_signals(struct agent *a)
{
	sigset_t term;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	a->sigterm = watch_signal(a->loop, SIGTERM, on_term, a);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	return a->sigterm && !pthread_sigmask(SIG_UNBLOCK, &term, NULL) ? 0 : -ENOMEM;
}

/* The sets are opened as who may, then all else is given up; the server hears how it went. */
static int first_conf(struct agent *a)
{
	int err = agent_prepare(a, true);

	if (!err) {
		agent_commit(a);
		agent_follow_start(a);
		err = a->start->confine ? a->start->confine(a->current->conf) : 0;
		if (err)
			snprintf(a->text, sizeof(a->text), "agent: what it does not need could not be given up: %s\n",
				 strerror(-err));
	}
	agent_hello(a, err, a->current);
	return err;
}

static int start(struct agent *a, int *fds)
{
	int err;

	a->loop = loop_new(before_sleep, a);
	if (a->loop)
		a->book = book_new(a->loop, a->start->page, on_held, a);
	a->lines = calloc(a->start->n_workers + 1, sizeof(*a->lines));
	if (!a->book || !a->lines)
		return -ENOMEM;
	err = open_channels(a, fds);
	if (!err)
		err = take_signals(a);
	return err ? err : first_conf(a);
}

/* The server has heard the reasons. It ends the channel at its start; later there is no hurry to fail again. */
static void wait_failed(struct agent *a, int main_fd)
{
	struct pollfd p = { .fd = main_fd, .events = 0 };

	if (a->main && a->text[0])
		poll(&p, 1, FAILED_MS);
}

/* Gives the number of things that were left open. */
static int stop(struct agent *a)
{
	int left = 0;

	a->ending = true;
	for (size_t i = 0; a->lines && i < a->start->n_workers; i++)
		line_close(&a->lines[i], NULL);
	chan_close(a->main);
	watch_close(a->sigterm);
	if (a->loop) {
		agent_follow_stop(a);
		timer_cancel(loop_timers(a->loop), &a->again);
	}
	book_free(a->book);
	agent_confs_free(a);
	free(a->lines);
	if (a->loop)
		left = loop_free(a->loop);
	return left;
}

int agent_run(const struct agent_start *s)
{
	struct agent *a = calloc(1, sizeof(*a));
	int *fds = malloc((s->n_workers + 1) * sizeof(*fds));
	int err = -ENOMEM, left = 0, status = 1;

	if (a && fds) {
		a->start = s;
		fds[0] = s->main_fd;
		for (size_t i = 0; i < s->n_workers; i++)
			fds[i + 1] = s->worker_fds[i];
		err = start(a, fds);
		if (!err)
			loop_run(a->loop);
		else if (err == -ENOMEM)
			log_error("agent: out of memory");
		if (err)
			wait_failed(a, s->main_fd);
		left = stop(a);
		status = err || left ? 1 : a->status;
		for (size_t i = 0; i <= s->n_workers; i++)
			if (fds[i] >= 0)
				close(fds[i]);
	}
	if (left)
		log_error("agent: %d handles were left open: a bug", left);
	if (s->kept >= 0)
		close(s->kept);
	free(fds);
	free(a);
	return status;
}
