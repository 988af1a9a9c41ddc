/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_SUPERVISOR_H
#define CORE_SUPERVISOR_H

/*
 * `postern run` with exports: the process that starts the server and the agent before anything is
 * open, starts the agent again whenever it ends, and ends with the server.
 */

#include <stdbool.h>
#include <stddef.h>

#include "export/page.h"

/* What the server has of it. */
struct supervised {
	int fd;				/* where each agent's channels come: see supervisor_take; -1: there is no agent */
	size_t n_workers;		/* whose channels an agent has beside the main thread's */
	const struct export_page *page;	/* read-only; NULL without */
};

/* Serves in this process, and gives the exit status. */
typedef int supervisor_serve_fn(const char *path, bool path_written, const struct supervised *s);

/*
 * Runs `serve`: in this process where the configuration has no export (or has errors, which serve will say),
 * else in a child, with an agent beside it. Gives the exit status in whichever process it returns.
 */
int supervisor_run(const char *path, bool path_written, supervisor_serve_fn *serve);

/*
 * Both ends of the line from supervisor to server: the channels of an agent in order, the main thread's
 * first, in messages of up to SUPERVISOR_FDS descriptors each, with the agent's process id as their word.
 */
#define SUPERVISOR_FDS 64

#endif
