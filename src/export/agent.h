/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_AGENT_H
#define EXPORT_AGENT_H

/* The agent: the process that may write to the firewall, and does nothing else. */

#include "export/page.h"

struct agent_start {
	const char *path;		/* of the configuration */
	bool path_written;
	/*
	 * A memfd with the text of the configuration that was last committed, empty at first: an agent that is
	 * started anew works by it, whatever the file has become meanwhile.
	 */
	int kept;
	struct export_page *page;	/* writable */
	int main_fd;			/* to the server's main thread */
	const int *worker_fds;		/* to its workers */
	size_t n_workers;
	/* Gives up what the agent does not need, called once all is open. 0 or -errno, said. */
	int (*confine)(const struct conf *c);
};

/* Serves until the main channel ends or SIGTERM. Gives the exit status. Closes the descriptors. */
int agent_run(const struct agent_start *s);

#endif
