/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* One job for every worker. */
struct round {
	struct daemon *d;
	size_t left;
	void (*each)(struct worker *w, void *ctx);
	void (*done)(void *ctx);
	void *ctx;
	struct part {
		struct round *round;
		struct worker *w;
	} parts[];
};

static void round_part_done(void *arg)
{
	struct round *r = arg;

	if (--r->left)
		return;
	r->done(r->ctx);
	free(r);
}

static void round_run_part(void *arg)
{
	struct part *p = arg;

	p->round->each(p->w, p->round->ctx);
	/* without this the round would never end: memory for a list node is found sooner or later */
	while (loop_post(p->round->d->loop, round_part_done, p->round) < 0)
		usleep(1000);
}

int daemon_each(struct daemon *d, void (*each)(struct worker *w, void *ctx), void (*done)(void *ctx), void *ctx)
{
	struct round *r = malloc(sizeof(*r) + d->n_workers * sizeof(r->parts[0]));

	if (!r)
		return -ENOMEM;
	*r = (struct round){ .d = d, .left = d->n_workers, .each = each, .done = done, .ctx = ctx };
	for (size_t i = 0; i < d->n_workers; i++) {
		r->parts[i] = (struct part){ r, d->workers[i] };
		while (loop_post(d->workers[i]->loop, round_run_part, &r->parts[i]) < 0)
			usleep(1000);
	}
	return 0;
}
