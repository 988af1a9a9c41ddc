/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/jout.h"
#include "cmd/cmd.h"
#include "core/settings.h"
#include "export/check.h"
#include "policy/snapshot.h"

#define CONF_LIMIT ((size_t)64 << 20)

static void add_json(void *ctx, const struct diag_view *v)
{
	struct jout *o = jout_object();

	jout_set_text(o, "file", v->file);
	if (v->line)
		jout_set_number(o, "line", v->line);
	else
		jout_set_text(o, "line", NULL);
	jout_set_text(o, "severity", v->error ? "error" : "warning");
	jout_set_text(o, "name", v->name);
	jout_set_text(o, "text", v->text);
	jout_add(ctx, o);
}

static void print_json(const struct diag_list *d)
{
	struct jout *all = jout_array();
	char *text;

	diag_visit(d, add_json, all);
	text = jout_print(all, false);
	if (text)
		puts(text);
	free(text);
}

/* What the machine says of it, errors of the file or not; these were reported. */
static void check_machine(const struct cmd_options *o, struct diag_list *d)
{
	struct arena *a = arena_new(CONF_LIMIT);
	struct diag_list *known = diag_new();
	const struct conf *c = a && known ? conf_read(a, o->file, o->file_written, known) : NULL;

	if (c) {
		settings_check(c, d);
		export_check(c, d);
	}
	diag_free(known);
	arena_free(a);
}

/* That it is not there is no mistake, but what follows is to be read otherwise. */
static void say_defaults(const struct cmd_options *o)
{
	if (!o->file_written && !strcmp(o->file, CONF_DEFAULT_FILE) && access(o->file, F_OK) < 0 && errno == ENOENT)
		fprintf(stderr, "postern: %s is not there: every key has its default\n", o->file);
}

int cmd_check(const struct cmd_options *o)
{
	struct diag_list *d = diag_new();
	struct conf_str *names = calloc((size_t)o->n_args + 1, sizeof(*names));
	struct snapshot_options so = {
		.path = o->file, .path_written = o->file_written, .hygiene = true, .all = o->all,
		.more = { .v = names, .n = (size_t)o->n_args },
	};
	int status;

	if (!d || !names) {
		fprintf(stderr, "postern: out of memory\n");
		return 1;
	}
	for (int i = 0; i < o->n_args; i++)
		names[i] = (struct conf_str){ o->args[i], 0 };
	say_defaults(o);
	snapshot_release(snapshot_build(&so, d));
	check_machine(o, d);
	if (o->json)
		print_json(d);
	else
		diag_print(d, stdout);
	status = diag_errors(d) || (o->strict && diag_warnings(d));
	diag_free(d);
	free(names);
	return fflush(stdout) != 0 ? 1 : status;
}
