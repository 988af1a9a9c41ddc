/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/catalog_build.h"

#include <errno.h>

#include "conf/conf_value.h"

#define SCRATCH_LIMIT ((size_t)8 << 30)
#define NESTING_MAX 64			/* includes of includes: each is a frame of the stack */
#define NONE UINT32_MAX

struct catalog_build *catalog_build_new(struct arena *a, const struct conf *c, struct diag_list *d)
{
	struct arena *scratch = arena_new(SCRATCH_LIMIT);
	struct catalog_build *b = scratch ? arena_alloc(scratch, sizeof(*b)) : NULL;

	if (b)
		b->c = arena_alloc(a, sizeof(*b->c));
	if (!b || !b->c) {
		arena_free(scratch);
		return NULL;
	}
	b->a = a;
	b->scratch = scratch;
	b->conf = c;
	b->d = d;
	return b;
}

void catalog_build_free(struct catalog_build *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n_sources; i++)
		if (b->sources[i]->file)
			catfile_close(b->sources[i]->file);
	arena_free(b->scratch);
}

/* Room for one more in an array in scratch; the old one stays there until the end. */
static void *grow(struct catalog_build *b, void *v, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? *cap * 2 : 8;
	void *p;

	if (n < *cap)
		return v;
	p = arena_array(b->scratch, more, size);
	if (!p)
		return NULL;
	if (n)
		memcpy(p, v, n * size);
	*cap = more;
	return p;
}

struct words {
	struct arena *a;
	const char *text;		/* a blank between; NULL: memory is short */
};

static void add_word(void *ctx, const char *name, const char *path)
{
	struct words *w = ctx;

	if (w->text)
		w->text = arena_printf(w->a, "%s%s%s", w->text, *w->text ? " " : "", name);
}

/* ": did you mean WORD?", or nothing. */
static const char *meant(struct catalog_build *b, const char *text, const char *words)
{
	size_t len = 0;
	const char *near = words ? conf_near(text, words, &len) : NULL;
	const char *said = near ? arena_printf(b->scratch, ": did you mean %.*s?", (int)len, near) : NULL;

	return said ? said : "";
}

static void say_unknown(struct catalog_build *b, const char *name, const char *file, unsigned line)
{
	struct words found = { b->scratch, "" }, looked = { b->scratch, "" };

	if (catfile_each(b->scratch, b->conf, add_word, &found))
		found.text = NULL;
	for (size_t i = 0; i < b->conf->server.zones.n; i++)
		add_word(&looked, b->conf->server.zones.v[i].text, NULL);
	diag_error(b->d, file, line, "no catalogue %s: no [catalog %s] section, and no %s.ini or %s.list in %s%s", name,
		   name, name, name, looked.text && *looked.text ? looked.text : "any folder (zones is empty)",
		   meant(b, name, found.text));
}

/* "a includes b includes a", from the source that is being loaded back to the one that is named again. */
static void say_circle(struct catalog_build *b, uint32_t from, uint32_t to, const char *file, unsigned line)
{
	const char *path = b->sources[to]->name;

	for (uint32_t i = from; path; i = b->sources[i]->by) {
		path = arena_printf(b->scratch, "%s includes %s", b->sources[i]->name, path);
		if (i == to || b->sources[i]->by == NONE)
			break;
	}
	diag_error(b->d, file, line, "a circle: %s", path ? path : b->sources[to]->name);
}

/* A source of that name; new ones are SOURCE_LOADING and empty. NONE: memory is short. */
static uint32_t source_get(struct catalog_build *b, const char *name, uint32_t by, bool *fresh)
{
	struct source *s;
	void *v;

	*fresh = false;
	for (size_t i = 0; i < b->n_sources; i++)
		if (!strcmp(b->sources[i]->name, name))
			return (uint32_t)i;
	v = grow(b, b->sources, b->n_sources, &b->sources_cap, sizeof(struct source *));
	s = arena_alloc(b->scratch, sizeof(*s));
	if (!v || !s)
		return NONE;
	b->sources = v;
	s->name = arena_text(b->scratch, name, strlen(name));
	s->by = by;
	if (!s->name)
		return NONE;
	*fresh = true;
	b->sources[b->n_sources] = s;
	return (uint32_t)b->n_sources++;
}

static int picks_resolve(struct catalog_build *b, struct picks *out, const struct conf_strs *names, const char *file,
			 uint32_t by, unsigned depth);

/* Reads the source and, before it counts as loaded, all that it includes. */
static int source_load(struct catalog_build *b, uint32_t i, const char *file, unsigned line, unsigned depth)
{
	struct source *s = b->sources[i];
	const char *path = catfile_find(b->scratch, b->conf, s->name);
	size_t errors = diag_errors(b->d);
	int err;

	s->state = SOURCE_FAILED;
	if (!path) {
		say_unknown(b, s->name, file, line);
		return 0;
	}
	/* a [catalog] section without a file was reported where it stands */
	if (!*path)
		return 0;
	if (depth > NESTING_MAX) {
		diag_error(b->d, file, line, "%s: includes are nested deeper than %d", s->name, NESTING_MAX);
		return 0;
	}
	s->file = catfile_read(b->scratch, s->name, path, b->d);
	if (!s->file) {
		if (diag_errors(b->d) == errors)
			return -ENOMEM;
		diag_error(b->d, file, line, "catalogue %s: its file %s cannot be read", s->name, path);
		return 0;
	}
	s->state = SOURCE_LOADING;
	err = picks_resolve(b, &s->includes, &s->file->include, s->file->path, i, depth + 1);
	s->state = SOURCE_LOADED;
	return err;
}

static bool group_find(struct catalog_build *b, const struct catfile *f, const char *name, uint32_t *group,
		       const char *file, unsigned line)
{
	struct words has = { b->scratch, "" };

	for (size_t i = 0; i < f->n_groups && !f->list; i++) {
		if (!strcmp(f->groups[i].name.text, name)) {
			*group = (uint32_t)i;
			return true;
		}
		add_word(&has, f->groups[i].name.text, NULL);
	}
	if (f->list)
		diag_error(b->d, file, line, "%s/%s: %s is a plain list and has no groups", f->name, name, f->path);
	else
		diag_error(b->d, file, line, "catalogue %s has no group %s%s (%s has: %s)", f->name, name,
			   meant(b, name, has.text), f->path, has.text && *has.text ? has.text : "none");
	return false;
}

/* 1 and the pick; 0 where what is wrong was said; -ENOMEM. */
static int pick_resolve(struct catalog_build *b, struct pick *out, const struct conf_str *at, const char *file,
			uint32_t by, unsigned depth)
{
	const char *slash = strchr(at->text, '/');
	size_t len = slash ? (size_t)(slash - at->text) : strlen(at->text);
	const char *name = arena_text(b->scratch, at->text, len);
	bool fresh;
	int err = 0;

	if (!name)
		return -ENOMEM;
	if (!catfile_name_ok(name) || (slash && !catfile_name_ok(slash + 1))) {
		diag_error(b->d, file, at->line, "%s: expected CATALOG or CATALOG/GROUP, of letters, digits, '-', '_' and '.'",
			   at->text);
		return 0;
	}
	out->group = PICK_ALL;
	out->source = source_get(b, name, by, &fresh);
	if (out->source == NONE)
		return -ENOMEM;
	if (fresh)
		err = source_load(b, out->source, file, at->line, depth);
	if (err)
		return err;
	switch (b->sources[out->source]->state) {
	case SOURCE_LOADING:
		say_circle(b, by, out->source, file, at->line);
		return 0;
	case SOURCE_FAILED:
		if (!fresh && !b->sources[out->source]->file && !catfile_find(b->scratch, b->conf, name))
			say_unknown(b, name, file, at->line);
		return 0;
	case SOURCE_LOADED:
		break;
	}
	return !slash || group_find(b, b->sources[out->source]->file, slash + 1, &out->group, file, at->line);
}

static int picks_resolve(struct catalog_build *b, struct picks *out, const struct conf_strs *names, const char *file,
			 uint32_t by, unsigned depth)
{
	out->n = 0;
	out->v = arena_array(b->scratch, names->n, sizeof(*out->v));
	if (!out->v)
		return -ENOMEM;
	for (size_t i = 0; i < names->n; i++) {
		int got = pick_resolve(b, &out->v[out->n], &names->v[i], file, by, depth);

		if (got < 0)
			return got;
		out->n += (size_t)got;
	}
	return 0;
}

bool catalog_choose(struct catalog_build *b, const struct conf_strs *names, const char *file)
{
	struct picks *v = grow(b, b->choices, b->n_choices, &b->choices_cap, sizeof(*v));

	if (!v)
		return false;
	b->choices = v;
	return !picks_resolve(b, &b->choices[b->n_choices++], names, file, NONE, 0);
}

int catalog_type_bit(struct catalog_build *b, uint16_t type)
{
	struct catalog *c = b->c;

	for (size_t i = 0; i < c->n_types; i++)
		if (c->types[i] == type)
			return (int)i;
	if (c->n_types == CATALOG_TYPES) {
		if (!b->said_types)
			diag_error(b->d, b->conf->path, 0, "more than %d different types in all", CATALOG_TYPES);
		b->said_types = true;
		return -ENOSPC;
	}
	c->types[c->n_types] = type;
	return (int)c->n_types++;
}

int catalog_port_bit(struct catalog_build *b, const struct conf_port *p)
{
	struct catalog *c = b->c;

	for (size_t i = 0; i < c->n_ports; i++)
		if (c->ports[i].proto == p->proto && c->ports[i].port == p->port)
			return (int)i;
	if (c->n_ports == CATALOG_PORTS) {
		if (!b->said_ports)
			diag_error(b->d, b->conf->path, 0, "more than %d different ports in all", CATALOG_PORTS);
		b->said_ports = true;
		return -ENOSPC;
	}
	c->ports[c->n_ports] = *p;
	return (int)c->n_ports++;
}
