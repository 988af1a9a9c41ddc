/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_DAEMON_H
#define CORE_DAEMON_H

/*
 * `postern run`: the main thread, which owns the workers and does what none
 * of them may wait for: signals, reload, the control socket, the log.
 */

#include <pthread.h>

#include "core/auditor.h"
#include "core/liaison.h"
#include "core/resolv.h"
#include "core/worker.h"
#include "io/unix.h"
#include "obs/qlog.h"
#include "obs/refused.h"

struct daemon {
	const char *path;			/* of the configuration */
	bool path_written;
	struct snapshot *snapshot;
	struct resolv resolv;
	struct shared shared;
	struct worker **workers;
	pthread_t *threads;
	size_t n_workers, n_running;
	struct loop *loop;
	struct watch *sigterm, *sigint, *sighup, *resolv_watch, *events_watch;
	struct unix_server *control;
	struct qlog *qlog;
	struct refused *refused;
	struct auditor *auditor;
	struct liaison *liaison;		/* to the agent; NULL: nothing is exported */
	bool greeted;				/* the first agent has said hello, with */
	int hello_err;
	uint64_t agent_layout;			/* struct exports.hash that the agent works by */
	unsigned prepared_by;			/* number of the agent that has a configuration ready */
	bool review_owed;			/* leases are not all judged by the configuration in force */
	unsigned dumps;				/* of the audit record, that are being read */
	int state;				/* the folder of [server] state, until the auditor has it; -1: none */
	uint8_t path_room[EVENT_PATH];		/* of an event that is read */
	struct timer drain;			/* reads the workers' events */
	uint64_t started_us;
	uint32_t generation;
	struct build *build;			/* a configuration that is being read */
	bool reloading, reload_again, resolv_again, settle_again;
	bool ended, stopping;			/* a signal asked for the end; it is under way */
};

/* Serves until SIGTERM or SIGINT. 0, or 1 on a start-up failure, which has been said. */
int daemon_run(const char *path, bool path_written);

/*
 * Runs each(worker, ctx) in every worker's thread, and then done(ctx) in the main one.
 * -ENOMEM: nothing was run.
 */
must_check int daemon_each(struct daemon *d, void (*each)(struct worker *w, void *ctx), void (*done)(void *ctx),
			   void *ctx);
/* Reads what the workers noted until now. */
void daemon_drain(struct daemon *d);

#endif
