/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_RELOAD_H
#define CORE_RELOAD_H

/* Build aside, check, swap; on any error the old configuration stays. */

#include "core/daemon.h"

/*
 * Starts a reload; done(ctx, report) is called once, in the main thread: report NULL
 * means that every worker has the new configuration, else it says why not, a line each.
 */
typedef void reload_done_fn(void *ctx, const char *report);
void reload_start(struct daemon *d, reload_done_fn *done, void *ctx);
/* /etc/resolv.conf may have changed. */
void reload_resolv(struct daemon *d);

/* An agent that was started anew works by an older configuration, maybe: takes it to the one in force. */
void reload_settle(struct daemon *d);

/* Waits for the thread that reads a new configuration, if there is one; what it found is still to be taken. */
void reload_wait(struct daemon *d);

#endif
