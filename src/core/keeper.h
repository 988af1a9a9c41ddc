/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_KEEPER_H
#define CORE_KEEPER_H

/*
 * The main thread's part in what the firewall has open: waits for the agent at the start, hands its
 * channels to the workers, takes it along at a reload, and judges its leases by the configuration in force.
 */

#include "core/daemon.h"
#include "core/supervisor.h"

/* Makes d->liaison; nothing where there is no agent. -ENOMEM. */
must_check int keeper_open(struct daemon *d, const struct supervised *s);
/* Until the first agent is ready: 0, -EINVAL: it cannot work, and that was said, -EINTR: a signal ended it. */
must_check int keeper_wait(struct daemon *d);

/*
 * Has the agent prepare the configuration file, which must be what s was built from. done(ctx, err, text) is called
 * once, maybe at once: 0 with the warnings, or -errno with the reasons, a line each.
 */
typedef void keeper_done_fn(void *ctx, int err, const char *text);
void keeper_prepare(struct daemon *d, const struct snapshot *s, keeper_done_fn *done, void *ctx);
/*
 * d->snapshot, which was prepared, is in force in all workers: commits it and has every lease judged. An agent that was
 * started meanwhile is taken there by keeper_behind.
 */
void keeper_commit(struct daemon *d, keeper_done_fn *done, void *ctx);
/* What was prepared is not to be. */
void keeper_abort(struct daemon *d);
/* Whether the agent works by another configuration than d->snapshot, or has not yet judged its leases by it. */
bool keeper_behind(const struct daemon *d);

#endif
