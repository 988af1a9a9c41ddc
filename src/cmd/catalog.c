/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/jout.h"
#include "cmd/catalog_diff.h"
#include "cmd/cmd.h"
#include "conf/catfile.h"
#include "dns/types.h"

struct listing {
	struct arena *arena;
	struct diag_list *diag;
	struct jout *json;			/* an array, or NULL: text */
	size_t n;
};

static const struct conf_str *source_of(const struct catfile *f, const struct group_decl *g)
{
	return g->source.text[0] ? &g->source : &f->source;
}

static const char *or_null(const char *text)
{
	return text && text[0] ? text : NULL;
}

static struct jout *ports_json(const struct group_decl *g)
{
	struct jout *all = jout_array();
	char text[16];

	for (size_t i = 0; i < g->ports.n; i++)
		jout_add_text(all, conf_port_text(&g->ports.v[i], text));
	return all;
}

static struct jout *entries_json(const struct catfile *f, size_t group)
{
	struct jout *all = jout_array();
	char text[512];

	for (size_t i = 0; i < f->n_entries; i++) {
		const struct entry_decl *e = &f->entries[i];
		struct jout *o;

		if (e->group != group)
			continue;
		o = jout_object();
		snprintf(text, sizeof(text), "%.*s", e->len, e->text);
		jout_set_text(o, "pattern", text);
		jout_set_text(o, "role", e->role == ROLE_ALLOW ? "allow" : "chain");
		jout_set_number(o, "line", e->line);
		jout_add(all, o);
	}
	return all;
}

/* Whether a group is the one asked for; NULL: all are. */
static bool wanted(const struct group_decl *g, const char *only)
{
	return !only || !strcmp(g->name.text, only);
}

static struct jout *catalog_json(const struct catfile *f, const char *only)
{
	struct jout *o = jout_object(), *groups = jout_array();

	jout_set_text(o, "catalog", f->name);
	jout_set_text(o, "title", or_null(f->title.text));
	jout_set_text(o, "source", or_null(f->source.text));
	jout_set_text(o, "file", f->path);
	for (size_t i = 0; i < f->n_groups; i++) {
		const struct group_decl *g = &f->groups[i];
		struct jout *group;

		if (!wanted(g, only))
			continue;
		group = jout_object();
		jout_set_text(group, "group", or_null(g->name.text));
		jout_set_text(group, "purpose", or_null(g->purpose.text));
		jout_set_text(group, "source", or_null(source_of(f, g)->text));
		jout_set(group, "ports", ports_json(g));
		jout_set(group, "entries", entries_json(f, i));
		jout_add(groups, group);
	}
	jout_set(o, "groups", groups);
	return o;
}

/* What a group does not say in most catalogues. */
static void print_permits(const struct group_decl *g)
{
	char type[16];

	if (g->types.n)
		printf("  types   ");
	for (size_t i = 0; i < g->types.n; i++)
		printf(" %s%s", type_text(g->types.v[i], type), i + 1 < g->types.n ? "" : "\n");
	if (g->private)
		printf("  private  yes\n");
	if (g->churn)
		printf("  churn    yes\n");
	if (g->accept.n)
		printf("  accept  ");
	for (size_t i = 0; i < g->accept.n; i++)
		printf(" %s%s", g->accept.v[i].text, i + 1 < g->accept.n ? "" : "\n");
}

static void print_group(const struct catfile *f, size_t group)
{
	const struct group_decl *g = &f->groups[group];
	const char *source = source_of(f, g)->text;
	char port[16];

	printf("\n%s\n", g->name.text[0] ? g->name.text : "(list)");
	if (g->purpose.text[0])
		printf("  purpose  %s\n", g->purpose.text);
	if (source[0])
		printf("  source   %s\n", source);
	printf("  ports   ");
	for (size_t i = 0; i < g->ports.n; i++)
		printf(" %s", conf_port_text(&g->ports.v[i], port));
	printf("\n");
	print_permits(g);
	for (size_t i = 0; i < f->n_entries; i++) {
		const struct entry_decl *e = &f->entries[i];

		if (e->group == group)
			printf("  %s    %.*s\n", e->role == ROLE_ALLOW ? "allow" : "chain", e->len, e->text);
	}
}

static void print_catalog(const struct catfile *f, const char *only)
{
	printf("%s: %s\n", f->name, f->title.text[0] ? f->title.text : f->path);
	if (f->source.text[0])
		printf("source: %s\n", f->source.text);
	for (size_t i = 0; i < f->include.n; i++)
		printf("includes %s\n", f->include.v[i].text);
	printf("file: %s\n", f->path);
	for (size_t i = 0; i < f->n_groups; i++)
		if (wanted(&f->groups[i], only))
			print_group(f, i);
}

static void list_one(void *ctx, const char *name, const char *path)
{
	struct listing *l = ctx;
	struct catfile *f = catfile_read(l->arena, name, path, l->diag);
	struct jout *o;

	l->n++;
	if (!l->json) {
		printf("%-28s %6zu entries  %s\n", name, f ? f->n_entries : 0,
		       f && f->title.text[0] ? f->title.text : path);
	} else {
		o = jout_object();
		jout_set_text(o, "catalog", name);
		jout_set_text(o, "title", f ? or_null(f->title.text) : NULL);
		jout_set_text(o, "source", f ? or_null(f->source.text) : NULL);
		jout_set_text(o, "file", path);
		jout_set_number(o, "entries", f ? (int64_t)f->n_entries : 0);
		jout_add(l->json, o);
	}
	if (f)
		catfile_close(f);
}

/* json: what is to be printed as JSON, or NULL. */
static int finish(const struct diag_list *d, struct jout *json, bool failed)
{
	char *text = json ? jout_print(json, false) : NULL;

	if (text)
		puts(text);
	else if (json)
		failed = true;
	free(text);
	diag_print(d, stderr);
	return failed || diag_errors(d) || fflush(stdout) != 0;
}

static int list_all(struct arena *a, const struct conf *c, struct diag_list *d, bool json)
{
	struct listing l = { .arena = a, .diag = d, .json = json ? jout_array() : NULL };
	int err = catfile_each(a, c, list_one, &l);

	if (!err && !l.n) {
		fprintf(stderr, "postern: catalog: none found in");
		for (size_t i = 0; i < c->server.zones.n; i++)
			fprintf(stderr, " %s", c->server.zones.v[i].text);
		fprintf(stderr, " ([server] zones)\n");
	}
	return finish(d, l.json, err < 0 || !l.n);
}

static bool has_group(const struct catfile *f, const char *only)
{
	for (size_t i = 0; i < f->n_groups; i++)
		if (wanted(&f->groups[i], only))
			return true;
	return false;
}

/* what: CATALOG or CATALOG/GROUP */
static int show(struct arena *a, const struct conf *c, const char *what, struct diag_list *d, bool json)
{
	const char *slash = strchr(what, '/'), *only = slash ? slash + 1 : NULL;
	const char *name = arena_text(a, what, slash ? (size_t)(slash - what) : strlen(what));
	const char *path = name ? catfile_find(a, c, name) : NULL;
	struct catfile *f = path ? catfile_read(a, name, path, d) : NULL;
	bool found = f && (!only || has_group(f, only));
	char text[256];
	int status;

	escape_text(text, sizeof(text), (const uint8_t *)what, slash ? (size_t)(slash - what) : strlen(what));
	if (!path)
		fprintf(stderr, "postern: catalog %s: not found in [server] zones, nor is there a [catalog %s]\n", text,
			text);
	if (!f)
		return finish(d, NULL, true);
	if (!found) {
		fprintf(stderr, "postern: catalog %s: no group ", text);
		escape_text(text, sizeof(text), (const uint8_t *)only, strlen(only));
		fprintf(stderr, "%s\n", text);
	} else if (!json) {
		print_catalog(f, only);
	}
	status = finish(d, found && json ? catalog_json(f, only) : NULL, !found);
	catfile_close(f);
	return status;
}

static int diff(struct arena *a, const struct conf *c, char **names, struct diag_list *d, bool json)
{
	int status = catalog_diff(a, c, (const char *const[2]){ names[0], names[1] }, d, json);

	diag_print(d, stderr);
	return status || fflush(stdout) != 0;
}

int cmd_catalog(const struct cmd_options *o)
{
	struct arena *a = arena_new((size_t)4 << 30);
	struct diag_list *d = diag_new();
	const struct conf *c;
	int status = 1;

	if (o->diff ? o->n_args != 2 : o->n_args > 1) {
		fprintf(stderr, "usage: postern [-c FILE] catalog [--json] [NAME | --diff A B]\n");
		diag_free(d);
		arena_free(a);
		return 2;
	}
	c = a && d ? conf_read(a, o->file, o->file_written, d) : NULL;
	if (!c)
		fprintf(stderr, "postern: out of memory\n");
	else if (diag_errors(d))
		diag_print(d, stderr);
	else if (o->diff)
		status = diff(a, c, o->args, d, o->json);
	else
		status = o->n_args ? show(a, c, o->args[0], d, o->json) : list_all(a, c, d, o->json);
	diag_free(d);
	arena_free(a);
	return status;
}
