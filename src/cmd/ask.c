/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "conf/conf.h"
#include "io/unix.h"

/* The commands that ask the running server over its control socket. */

/* Whether nothing of it is missing. */
static bool whole(const char *body, size_t len, const char *tail)
{
	size_t n = strlen(tail);

	return len >= n && memcmp(body + len - n, tail, n) == 0;
}

static int talk(const char *path, const char *line, const char *tail)
{
	size_t len;
	int err, status = 1;
	char *reply = unix_ask(path, line, &len, &err), *body;

	if (!reply) {
		fprintf(stderr, "postern: control socket %s: %s (is postern running?)\n", path, strerror(-err));
		return 1;
	}
	body = strchr(reply, '\n');
	if (!body) {
		fprintf(stderr, "postern: control socket %s: an answer that makes no sense\n", path);
	} else {
		*body++ = '\0';
		status = strcmp(reply, "ok") != 0;
		fputs(body, status ? stderr : stdout);
		if (!status && fflush(stdout) != 0)
			status = 1;
		if (!status && !whole(body, len - (size_t)(body - reply), tail)) {
			fprintf(stderr, "postern: the list broke off, try again\n");
			status = 1;
		}
	}
	free(reply);
	return status;
}

int cmd_ask(const struct cmd_options *o, const char *line, const char *tail)
{
	struct arena *a = arena_new((size_t)64 << 20);
	struct diag_list *d = diag_new();
	const struct conf *c = a && d ? conf_read(a, o->file, o->file_written, d) : NULL;
	int status = 1;

	if (!c)
		fprintf(stderr, "postern: out of memory\n");
	else if (diag_errors(d))
		diag_print(d, stderr);
	else
		status = talk(c->control.socket.text, line, tail);
	diag_free(d);
	arena_free(a);
	return status;
}

static int ask(const struct cmd_options *o, const char *line)
{
	return cmd_ask(o, line, "");
}

int cmd_status(const struct cmd_options *o)
{
	return ask(o, o->json ? "status json" : "status");
}

int cmd_blocked(const struct cmd_options *o)
{
	return ask(o, o->json ? "blocked json" : "blocked");
}

int cmd_reload(const struct cmd_options *o)
{
	return ask(o, "reload");
}

int cmd_flush(const struct cmd_options *o)
{
	char line[UNIX_LINE_MAX];
	int n = snprintf(line, sizeof(line), "flush%s%s", o->n_args ? " " : "", o->n_args ? o->args[0] : "");

	/* an empty word comes from a script's empty variable, and is not meant to flush everything */
	if (n >= (int)sizeof(line) || strchr(line, '\n') || (o->n_args && !o->args[0][0])) {
		fprintf(stderr, "postern: flush: not a name\n");
		return 1;
	}
	return ask(o, line);
}
