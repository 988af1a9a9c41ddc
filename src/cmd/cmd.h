/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_CMD_H
#define CMD_CMD_H

/* The subcommands: each gets its own words and gives the exit status. */

#include <stdbool.h>

struct cmd_options {
	const char *file;		/* of the configuration */
	bool file_written;
	bool json;			/* and what else a command's table of options sets: */
	bool strict, all, live, diff, takeover, close;
	const char *client, *since;
	int verbose;
	char **args;			/* what is left */
	int n_args;
};

int cmd_run(const struct cmd_options *o);
int cmd_check(const struct cmd_options *o);
int cmd_explain(const struct cmd_options *o);
int cmd_catalog(const struct cmd_options *o);
/* Asks the running server, or reads its file. */
int cmd_suggest(const struct cmd_options *o);
/* Those that ask the running server. */
int cmd_status(const struct cmd_options *o);
int cmd_blocked(const struct cmd_options *o);
int cmd_reload(const struct cmd_options *o);
int cmd_flush(const struct cmd_options *o);
int cmd_leases(const struct cmd_options *o);

/* Sends the line and prints the reply; one without `tail` at its end has broken off. Gives the exit status. */
int cmd_ask(const struct cmd_options *o, const char *line, const char *tail);

/* "postern: WHAT: not in this version" to standard error; 1. */
int cmd_not_yet(const char *what);

#endif
