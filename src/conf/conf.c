/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "conf/catfile.h"
#include "conf/conf_check.h"
#include "conf/conf_keys.h"
#include "conf/ini.h"

/* Sections whose number is not known before the end. */
struct list {
	void **v;
	size_t n, cap;
};

union any_section {
	struct conf_server server;
	struct conf_control control;
	struct conf_upstream upstream;
	struct conf_cache cache;
	struct conf_limits limits;
	struct conf_profile profile;
	struct conf_catalog catalog;
	struct conf_export export;
	struct conf_log log;
};

struct reader {
	struct conf *c;
	struct conf_in in;
	struct conf_keys keys;
	unsigned seen[CONF_SECTIONS];	/* line of each section that has no name */
	struct list forwards, records, profiles, catalogs, exports;
};

/*
 * Opens the section `name` of a kind: gives its struct, or NULL when the section was refused (and said so);
 * its keys are judged all the same.
 */
struct section_kind {
	const char *kind;
	void *(*open)(struct reader *r, const char *name, unsigned line);	/* NULL: takes no name */
	enum conf_section section;
	size_t offset;			/* in struct conf, where it takes no name */
};

static void *list_add(struct reader *r, struct list *l, size_t size)
{
	void *p = arena_alloc(r->in.a, size), **grown;

	if (p && l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		grown = realloc(l->v, l->cap * sizeof(*grown));
		if (!grown)
			l->cap = l->n;
		else
			l->v = grown;
	}
	if (!p || l->n == l->cap) {
		r->in.starved = true;
		return NULL;
	}
	l->v[l->n++] = p;
	return p;
}

/* The list as an array in the arena. */
static void *list_flatten(struct reader *r, struct list *l, size_t size, size_t *n)
{
	char *v = arena_array(r->in.a, l->n, size);
	size_t i;

	if (!v)
		r->in.starved = true;
	for (i = 0; v && i < l->n; i++)
		memcpy(v + i * size, l->v[i], size);
	*n = v ? l->n : 0;
	free(l->v);
	*l = (struct list){ 0 };
	return v;
}

static void again(struct reader *r, const char *kind, const char *name, unsigned line, unsigned first)
{
	diag_error(r->in.d, r->in.file, line, "[%s%s%s] again: first on line %u", kind, *name ? " " : "", name, first);
}

static bool name_ok(struct reader *r, const char *kind, const char *name, unsigned line)
{
	if (catfile_name_ok(name))
		return true;
	diag_error(r->in.d, r->in.file, line, "[%s %s]: a name has letters, digits, '-', '_' and '.', and not '.' first",
		   kind, name);
	return false;
}

static const char *keep(struct reader *r, const char *text)
{
	const char *p = arena_text(r->in.a, text, strlen(text));

	if (!p)
		r->in.starved = true;
	return p;
}

static void *open_forward(struct reader *r, const char *name, unsigned line)
{
	struct conf_upstream *u;
	struct name zone;
	size_t i;

	if (name_from_text(&zone, name, strlen(name))) {
		diag_error(r->in.d, r->in.file, line, "[forward %s]: not the name of a zone", name);
		return NULL;
	}
	if (!zone.labels) {
		diag_error(r->in.d, r->in.file, line, "[forward %s]: for all other names there is [upstream]", name);
		return NULL;
	}
	for (i = 0; i < r->forwards.n; i++) {
		u = r->forwards.v[i];
		if (name_equal(&u->zone, &zone)) {
			again(r, "forward", name, line, u->line);
			return NULL;
		}
	}
	u = list_add(r, &r->forwards, sizeof(*u));
	if (u) {
		u->zone = zone;
		u->line = line;
	}
	return u;
}

static void *open_profile(struct reader *r, const char *name, unsigned line)
{
	struct conf_profile *p;
	const char *kept;
	size_t i;

	if (!name_ok(r, "profile", name, line))
		return NULL;
	for (i = 0; i < r->profiles.n; i++) {
		p = r->profiles.v[i];
		if (strcmp(p->name.text, name))
			continue;
		if (p->name.line) {
			again(r, "profile", name, line, p->name.line);
			return NULL;
		}
		p->name.line = line;
		return p;
	}
	kept = keep(r, name);
	p = kept ? list_add(r, &r->profiles, sizeof(*p)) : NULL;
	if (p)
		p->name = (struct conf_str){ kept, line };
	return p;
}

static void *open_catalog(struct reader *r, const char *name, unsigned line)
{
	struct conf_catalog *c;
	const char *kept;
	size_t i;

	if (!name_ok(r, "catalog", name, line))
		return NULL;
	for (i = 0; i < r->catalogs.n; i++) {
		c = r->catalogs.v[i];
		if (!strcmp(c->name.text, name)) {
			again(r, "catalog", name, line, c->name.line);
			return NULL;
		}
	}
	kept = keep(r, name);
	c = kept ? list_add(r, &r->catalogs, sizeof(*c)) : NULL;
	if (c)
		c->name = (struct conf_str){ kept, line };
	return c;
}

static void *open_export(struct reader *r, const char *name, unsigned line)
{
	struct conf_export *e;
	const char *kept;
	size_t i;

	if (!name_ok(r, "export", name, line))
		return NULL;
	for (i = 0; i < r->exports.n; i++) {
		e = r->exports.v[i];
		if (!strcmp(e->name.text, name)) {
			again(r, "export", name, line, e->name.line);
			return NULL;
		}
	}
	if (r->exports.n == CONF_EXPORTS) {
		diag_error(r->in.d, r->in.file, line, "[export %s]: there may be %d of them", name, CONF_EXPORTS);
		return NULL;
	}
	kept = keep(r, name);
	e = kept ? list_add(r, &r->exports, sizeof(*e)) : NULL;
	if (e)
		e->name = (struct conf_str){ kept, line };
	return e;
}

static const struct section_kind kinds[] = {
	{ "server", NULL, CONF_SERVER, offsetof(struct conf, server) },
	{ "control", NULL, CONF_CONTROL, offsetof(struct conf, control) },
	{ "upstream", NULL, CONF_UPSTREAM, offsetof(struct conf, upstream) },
	{ "forward", open_forward, CONF_FORWARD, 0 },
	{ "records", NULL, CONF_RECORDS, 0 },
	{ "cache", NULL, CONF_CACHE, offsetof(struct conf, cache) },
	{ "limits", NULL, CONF_LIMITS, offsetof(struct conf, limits) },
	{ "profile", open_profile, CONF_PROFILE, 0 },
	{ "catalog", open_catalog, CONF_CATALOG, 0 },
	{ "export", open_export, CONF_EXPORT, 0 },
	{ "log", NULL, CONF_LOG, offsetof(struct conf, log) },
};

static const struct section_kind *find_kind(struct reader *r, const char *kind, unsigned line)
{
	static const char words[] = "server control upstream forward records cache limits profile catalog export log";
	const char *near;
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].kind, kind))
			return &kinds[i];
	near = conf_near(kind, words, &len);
	if (near)
		diag_error(r->in.d, r->in.file, line, "unknown section [%s]: did you mean [%.*s]?", kind, (int)len, near);
	else
		diag_error(r->in.d, r->in.file, line, "unknown section [%s]: there are %s", kind, words);
	return NULL;
}

static void *open_single(struct reader *r, const struct section_kind *k, const char *name, unsigned line)
{
	if (*name)
		diag_error(r->in.d, r->in.file, line, "[%s %s]: [%s] takes no name", k->kind, name, k->kind);
	if (r->seen[k->section]) {
		again(r, k->kind, "", line, r->seen[k->section]);
		return NULL;
	}
	r->seen[k->section] = line;
	if (k->section == CONF_UPSTREAM)
		r->c->upstream.line = line;
	return (char *)r->c + k->offset;
}

static void on_section(void *ctx, const char *kind, const char *name, unsigned line)
{
	struct reader *r = ctx;
	const struct section_kind *k;
	enum conf_section section;
	char label[128];
	void *base;

	conf_keys_skip(&r->keys);
	k = find_kind(r, kind, line);
	if (!k)
		return;
	if (!k->open)
		base = open_single(r, k, name, line);
	else if (*name)
		base = k->open(r, name, line);
	else {
		diag_error(r->in.d, r->in.file, line, "[%s] needs a name: [%s]", kind, conf_schema.sections[k->section]);
		base = NULL;
	}
	section = k->section == CONF_PROFILE && !strcmp(name, "default") ? CONF_DEFAULT : k->section;
	/* The keys of a refused section are judged too, so that one run shows everything; where they go nobody looks. */
	if (!base)
		base = arena_alloc(r->in.a, sizeof(union any_section));
	if (!base) {
		r->in.starved = true;
		return;
	}
	snprintf(label, sizeof(label), "%s%s%s", kind, *name ? " " : "", name);
	conf_keys_section(&r->keys, section, label, base, line);
}

static void on_key(void *ctx, const char *key, const char *value, unsigned line)
{
	struct reader *r = ctx;

	conf_keys_key(&r->keys, key, value, line);
}

static void on_more(void *ctx, const char *key, const char *value, unsigned line)
{
	struct reader *r = ctx;

	conf_keys_more(&r->keys, value, line);
}

/* The only option of many lines is `record`; each line is one. */
static void on_record(void *ctx, const struct conf_option *o, const char *text, unsigned line)
{
	struct reader *r = ctx;
	const char *kept = keep(r, text);
	struct conf_str *s = kept ? list_add(r, &r->records, sizeof(*s)) : NULL;

	if (s)
		*s = (struct conf_str){ kept, line };
}

static void on_whole(void *ctx, const struct conf_keys *k)
{
	if (k->section == CONF_EXPORT)
		conf_export_check(k, k->base);
}

static void set_defaults(struct reader *r)
{
	struct conf_profile *first;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!kinds[i].open && kinds[i].section != CONF_RECORDS)
			conf_keys_default(&r->in, &conf_schema, kinds[i].section, (char *)r->c + kinds[i].offset);
	r->c->upstream.zone = name_root;
	first = list_add(r, &r->profiles, sizeof(*first));
	if (!first)
		return;
	first->name.text = "default";
	conf_keys_default(&r->in, &conf_schema, CONF_DEFAULT, first);
}

static const struct ini_handler handler = { on_section, on_key, on_more };

/* False: there is no telling what was meant. */
static bool read_file(struct reader *r, FILE *in, bool path_written)
{
	int rc = in ? ini_read_stream(in, r->in.file, &handler, r, r->in.d) : ini_read(r->in.file, &handler, r, r->in.d);

	conf_keys_end(&r->keys);
	if (rc == -ENOENT && !path_written && !strcmp(r->in.file, CONF_DEFAULT_FILE))
		return true;
	if (rc)
		diag_error(r->in.d, r->in.file, 0, "cannot be read: %s", strerror(-rc));
	return !rc;
}

/* in: NULL for the file at `path`. */
static struct conf *read_from(struct arena *a, FILE *in, const char *path, bool path_written, struct diag_list *d)
{
	struct reader r = { .in = { .a = a, .d = d } };
	struct conf *c = arena_alloc(a, sizeof(*c));
	bool readable;

	if (!c)
		return NULL;
	c->path = arena_text(a, path, strlen(path));
	if (!c->path)
		return NULL;
	r.c = c;
	r.in.file = c->path;
	r.keys = (struct conf_keys){ .in = &r.in, .schema = &conf_schema, .put = on_record, .whole = on_whole, .ctx = &r };
	set_defaults(&r);
	readable = r.in.starved || read_file(&r, in, path_written);
	c->forwards = list_flatten(&r, &r.forwards, sizeof(*c->forwards), &c->n_forwards);
	c->profiles = list_flatten(&r, &r.profiles, sizeof(*c->profiles), &c->n_profiles);
	/* that the default catalogue is missing too would only lead astray */
	if (!readable && c->profiles)
		c->profiles[0].catalog.n = 0;
	c->catalogs = list_flatten(&r, &r.catalogs, sizeof(*c->catalogs), &c->n_catalogs);
	c->exports = list_flatten(&r, &r.exports, sizeof(*c->exports), &c->n_exports);
	c->records = list_flatten(&r, &r.records, sizeof(*c->records), &c->n_records);
	if (!r.in.starved)
		conf_check(&r.in, c, r.seen[CONF_CACHE]);
	return r.in.starved ? NULL : c;
}

struct conf *conf_read(struct arena *a, const char *path, bool path_written, struct diag_list *d)
{
	return read_from(a, NULL, path, path_written, d);
}

struct conf *conf_read_stream(struct arena *a, FILE *in, const char *path, struct diag_list *d)
{
	return read_from(a, in, path, true, d);
}
