/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/live.h"

#include <errno.h>

#include "core/view.h"
#include "core/worker.h"

struct live {
	struct worker *w;
	query_done_fn *done;
	void *ctx;
};

static void nobody(void *ctx)
{
}

static void on_done(void *ctx, const struct answer *a, const struct chain *c, const uint8_t *msg, size_t len)
{
	struct live *l = ctx;

	l->done(l->ctx, a, c, msg, len);
	loop_stop(l->w->loop);
}

int live_ask(struct snapshot *s, const struct profile *p, const struct verdict *v, const struct name *qname,
	     uint16_t qtype, query_done_fn *done, void *ctx)
{
	struct shared shared = { .workers = 1, .wake = nobody };
	struct live l = { .done = done, .ctx = ctx };
	struct request r = { .snapshot = s, .profile = p, .verdict = *v, .q.qname = *qname, .q.qtype = qtype };
	struct resolv resolv;
	int err, left;

	/* the families that some client of the profile would see; nothing is opened, so nothing is held */
	r.view = view_of(s, p, v, false, &r.client, NULL) & VIEW_HELD ? snapshot_families(s, p) : EXPORT_BOTH;
	if (resolv_read(&resolv, RESOLV_FILE, s->conf) < 0)
		resolv.n = 0;
	shared.learned = learned_new(1);
	l.w = shared.learned ? worker_new(0, s, &resolv, &shared) : NULL;
	if (!l.w) {
		learned_free(shared.learned);
		return -ENOMEM;
	}
	err = query_ask(l.w, &r, on_done, &l);
	if (!err)
		loop_run(l.w->loop);
	worker_close(l.w);
	left = worker_free(l.w);
	learned_free(shared.learned);
	return err ? err : left ? -EBUSY : 0;
}
