/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "core/reload.h"
#include "core/review.h"

#define START_US (10 * CLOCK_S)

/* A worker's channel on its way there. */
struct handover {
	struct worker *w;
	unsigned agent;
	int fd;
};

/* A worker's channel that has ended. By the time this is read the worker may have the next agent's. */
struct loss {
	struct daemon *d;
	unsigned agent;
};

/* In the main thread. */
static void without(void *arg)
{
	struct loss *lost = arg;

	if (!lost->d->stopping)
		liaison_give_up(lost->d->liaison, lost->agent);
	free(lost);
}

/*
 * In the worker's thread. An agent that lives and does not talk to one of the workers would be of no use to it for
 * ever: channels come with a new agent only. Where it is the agent that has ended, the main thread knows as well.
 */
static void on_ended(void *ctx)
{
	struct worker *w = ctx;
	struct daemon *d = w->shared->wake_ctx;
	struct loss *lost = malloc(sizeof(*lost));

	if (lost) {
		*lost = (struct loss){ d, w->agent };
		if (loop_post(d->loop, without, lost) == 0)
			return;
		free(lost);
	}
	log_error("export agent: a worker has lost it, and there is no memory to say so");
}

static void hand_over(void *arg)
{
	struct handover *h = arg;

	h->w->agent = h->agent;
	link_watch(h->w->link, on_ended, h->w);
	link_attach(h->w->link, h->fd);
	free(h);
}

static void on_channel(void *ctx, size_t worker, int fd)
{
	struct daemon *d = ctx;
	struct handover *h = d->stopping || worker >= d->n_workers ? NULL : malloc(sizeof(*h));

	if (h) {
		*h = (struct handover){ d->workers[worker], liaison_agents(d->liaison), fd };
		if (loop_post(h->w->loop, hand_over, h) == 0)
			return;
		free(h);
	}
	/* without it the worker gives out nothing that needs a lease */
	close(fd);
}

static void on_hello(void *ctx, int err, uint64_t layout, const char *text)
{
	struct daemon *d = ctx;
	int before = d->hello_err;

	d->agent_layout = layout;
	d->hello_err = err;
	if (d->greeted) {
		/* each of those that fail the same way has the same to say */
		if (err != before || !err)
			log_lines(err ? log_error : log_warn, "agent: ", text);
		if (!err)
			log_info("agent: started anew, process %d", (int)liaison_pid(d->liaison));
		reload_settle(d);
		return;
	}
	/* like what else is wrong with the configuration at the start */
	fputs(text, stderr);
	if (text[0] && text[strlen(text) - 1] != '\n')
		fputc('\n', stderr);
	d->greeted = true;
	loop_stop(d->loop);
}

static void on_review(void *ctx, const struct proto_review *r, struct proto_verdict *v)
{
	struct daemon *d = ctx;

	/* A new agent is not along yet: its bits are of other exports. What it is told next is judged by a commit. */
	if (d->agent_layout != d->snapshot->exports->hash) {
		v->ok = true;
		v->exports = UINT64_MAX;
		v->n_ports = 0;
		return;
	}
	review_judge(d->snapshot, d->shared.learned, loop_now(d->loop).boot_ms, r, v);
}

static void on_reviewed(void *ctx, uint64_t closed)
{
	struct daemon *d = ctx;

	if (closed)
		log_info("%s: %llu lease%s closed that nothing allows any more", d->review_owed ? "reload" : "start",
			 (unsigned long long)closed, closed == 1 ? "" : "s");
	d->review_owed = false;
}

static void on_gone(void *ctx)
{
	struct daemon *d = ctx;

	if (d->greeted && !d->hello_err && !d->stopping)
		log_warn("agent: gone; until there is a new one, what needs a lease fails");
}

static void on_orphaned(void *ctx)
{
	struct daemon *d = ctx;

	log_error("the process that started this one is gone: ending");
	loop_stop(d->loop);
}

static const struct liaison_events events = {
	.channel = on_channel, .hello = on_hello, .review = on_review, .reviewed = on_reviewed, .gone = on_gone,
	.orphaned = on_orphaned,
};

int keeper_open(struct daemon *d, const struct supervised *s)
{
	if (s->fd < 0)
		return 0;
	d->liaison = liaison_new(d->loop, s->fd, s->n_workers, &events, d);
	return d->liaison ? 0 : -ENOMEM;
}

struct patience {
	struct timer timer;
	struct daemon *d;
	bool over;
};

static void on_late(struct timer *t)
{
	struct patience *p = container_of(t, struct patience, timer);

	p->over = true;
	loop_stop(p->d->loop);
}

int keeper_wait(struct daemon *d)
{
	struct patience p = { .timer.fire = on_late, .d = d };

	if (!d->liaison)
		return 0;
	loop_update_now(d->loop);
	timer_set(loop_timers(d->loop), &p.timer, loop_now(d->loop).mono_us + START_US);
	loop_run(d->loop);
	timer_cancel(loop_timers(d->loop), &p.timer);
	if (d->greeted && !d->ended)
		return d->hello_err ? -EINVAL : 0;
	if (!p.over)
		return -EINTR;
	log_error("agent: not ready within %llu s", START_US / CLOCK_S);
	return -ETIMEDOUT;
}

bool keeper_behind(const struct daemon *d)
{
	return d->liaison && liaison_up(d->liaison) &&
	       (d->review_owed || d->agent_layout != d->snapshot->exports->hash);
}

/* A PREPARE or COMMIT under way. */
struct step {
	struct daemon *d;
	keeper_done_fn *done;
	void *ctx;
	unsigned agent;
	uint64_t layout;			/* that it must have */
	uint64_t got;
	int err;				/* as the agent says */
	char text[PROTO_TEXT + 1];
};

static struct step *step_new(struct daemon *d, keeper_done_fn *done, void *ctx)
{
	struct step *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->d = d;
	s->done = done;
	s->ctx = ctx;
	s->agent = liaison_agents(d->liaison);
	return s;
}

static void step_end(struct step *s, int err, const char *text)
{
	s->done(s->ctx, err, text);
	free(s);
}

static const char *why(int err)
{
	switch (err) {
	case -ENOTCONN:
		return "the agent is not running, try again\n";
	case -ETIMEDOUT:
		return "the agent does not answer\n";
	case -ECANCELED:
		return "shutting down\n";
	}
	return "out of memory\n";
}

static int on_prepared(void *ctx, enum proto_type type, struct rd *body)
{
	struct step *s = ctx;
	int32_t err;

	if (type != PROTO_PREPARED || proto_get_prepared(body, &err, &s->got, s->text, sizeof(s->text)) < 0)
		return -EBADMSG;
	s->err = err;
	return 0;
}

void keeper_abort(struct daemon *d)
{
	struct liaison_request r = { .type = PROTO_ABORT };

	/* an agent that is gone has forgotten it */
	if (d->liaison && liaison_ask(d->liaison, &r) < 0)
		log_debug("agent: gone before it was told to stay as it is");
}

static void prepared(void *ctx, int err)
{
	struct step *s = ctx;

	if (!err && !s->err && s->got == s->layout) {
		s->d->prepared_by = s->agent;
		step_end(s, 0, s->text);
		return;
	}
	if (err == -ETIMEDOUT || (!err && !s->err))
		keeper_abort(s->d);
	if (err)
		step_end(s, err, why(err));
	else if (s->err)
		step_end(s, s->err < 0 ? s->err : -EINVAL, s->text);
	else
		step_end(s, -ESTALE, "the configuration was changed while it was read, try again\n");
}

void keeper_prepare(struct daemon *d, const struct snapshot *snapshot, keeper_done_fn *done, void *ctx)
{
	struct step *s;
	int err;

	if (!d->liaison) {
		done(ctx, 0, "");
		return;
	}
	s = step_new(d, done, ctx);
	if (!s) {
		done(ctx, -ENOMEM, why(-ENOMEM));
		return;
	}
	s->layout = snapshot->exports->hash;
	s->err = -EPROTO;
	err = liaison_ask(d->liaison, &(struct liaison_request){ .type = PROTO_PREPARE, .wait_ms = LIAISON_WAIT_MS,
			  .record = on_prepared, .end = prepared, .ctx = s });
	if (err < 0)
		step_end(s, err, why(err));
}

static void committed(void *ctx, int err)
{
	struct step *s = ctx;

	if (!err)
		s->d->agent_layout = s->layout;
	step_end(s, err, err ? why(err) : "");
}

void keeper_commit(struct daemon *d, keeper_done_fn *done, void *ctx)
{
	struct step *s = NULL;
	int err = -ENOTCONN;

	if (!d->liaison) {
		done(ctx, 0, "");
		return;
	}
	d->review_owed = true;
	if (d->prepared_by == liaison_agents(d->liaison)) {
		s = step_new(d, done, ctx);
		err = -ENOMEM;
	}
	if (s) {
		s->layout = d->snapshot->exports->hash;
		err = liaison_ask(d->liaison, &(struct liaison_request){ .type = PROTO_COMMIT, .wait_ms = LIAISON_WAIT_MS,
				  .end = committed, .ctx = s });
	}
	if (err < 0) {
		free(s);
		done(ctx, err, why(err));
	}
}
