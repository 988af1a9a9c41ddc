/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/catfile.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "conf/catfile_part.h"
#include "conf/conf_keys.h"
#include "conf/ini.h"

#define ACCEPT "anybody duplicate useless no-ports no-source unreachable"
#define GROUPS_MAX UINT16_MAX

enum { SECTION_CATALOG, SECTION_GROUP, SECTIONS };

static const struct conf_option options[] = {
	{ 1 << SECTION_CATALOG, "title", CONF_TEXT, offsetof(struct catfile, title), 0, 0, NULL, NULL, CONF_EMPTY,
	  "what the catalogue is" },
	{ 1 << SECTION_CATALOG, "source", CONF_TEXT, offsetof(struct catfile, source), 0, 0, NULL, NULL, CONF_EMPTY,
	  "the published document it follows" },
	{ 1 << SECTION_CATALOG, "include", CONF_CATALOGS, offsetof(struct catfile, include), 0, 0, NULL, NULL,
	  CONF_EMPTY, "groups of other catalogues" },

	{ 1 << SECTION_GROUP, "purpose", CONF_TEXT, offsetof(struct group_decl, purpose), 0, 0, NULL, NULL, CONF_EMPTY,
	  "what the names are for" },
	{ 1 << SECTION_GROUP, "source", CONF_TEXT, offsetof(struct group_decl, source), 0, 0, NULL, NULL, CONF_EMPTY,
	  "where in the document" },
	{ 1 << SECTION_GROUP, "ports", CONF_PORTS, offsetof(struct group_decl, ports), 0, 0, NULL, "tcp/80 tcp/443", 0,
	  "what to open for the names" },
	{ 1 << SECTION_GROUP, "allow", CONF_LINES, 0, 0, 0, NULL, NULL, 0, "patterns that may be asked for" },
	{ 1 << SECTION_GROUP, "chain", CONF_LINES, 0, 0, 0, NULL, NULL, 0, "patterns that may be led to" },
	{ 1 << SECTION_GROUP, "private", CONF_BOOL, offsetof(struct group_decl, private), 0, 0, NULL, "no", 0,
	  "answers may hold private addresses" },
	{ 1 << SECTION_GROUP, "types", CONF_TYPES, offsetof(struct group_decl, types), 0, 0, NULL, NULL, CONF_EMPTY,
	  "types besides the profile's" },
	{ 1 << SECTION_GROUP, "accept", CONF_NAMES, offsetof(struct group_decl, accept), 0, 0, ACCEPT, NULL, CONF_EMPTY,
	  "warnings that are meant" },
	{ 1 << SECTION_GROUP, "churn", CONF_BOOL, offsetof(struct group_decl, churn), 0, 0, NULL, "no", 0,
	  "many new names are normal" },
};

static const char *const sections[SECTIONS] = { "catalog", "GROUP" };
static const struct conf_schema schema = { options, ARRAY_SIZE(options), sections, SECTIONS };

struct reader {
	struct conf_in *in;
	struct conf_keys keys;
	struct catfile *f;
	unsigned catalog_line;
	unsigned group_line;		/* 0: not in a group, or in one that was refused */
	bool patterns;			/* the group has keys for them */
	size_t entries_cap;
};

/* Room for one more behind n elements; NULL: memory is short. */
static void *grow(struct conf_in *in, void *v, size_t n, size_t *cap, size_t size)
{
	void *grown;

	if (n < *cap)
		return v;
	*cap = *cap ? 2 * *cap : 8;
	grown = arena_array(in->a, *cap, size);
	if (!grown) {
		in->starved = true;
		return NULL;
	}
	if (n)
		memcpy(grown, v, n * size);
	return grown;
}

struct group_decl *catfile_group(struct conf_in *in, struct catfile *f, const char *name, unsigned line)
{
	struct group_decl *v;
	const char *kept;

	if (f->n_groups == GROUPS_MAX) {
		diag_error(in->d, in->file, line, "more than %d groups", GROUPS_MAX);
		return NULL;
	}
	kept = arena_text(in->a, name, strlen(name));
	v = grow(in, f->groups, f->n_groups, &f->groups_cap, sizeof(*v));
	if (!kept || !v) {
		in->starved = true;
		return NULL;
	}
	f->groups = v;
	v += f->n_groups++;
	v->name = (struct conf_str){ kept, line };
	conf_keys_default(in, &schema, SECTION_GROUP, v);
	return v;
}

/* Ends the group at hand. */
static void end_group(struct reader *r)
{
	conf_keys_skip(&r->keys);
	if (r->group_line && !r->patterns)
		diag_error(r->in->d, r->in->file, r->group_line, "[%s] has no 'allow' and no 'chain'",
			   r->f->groups[r->f->n_groups - 1].name.text);
	r->group_line = 0;
	r->patterns = false;
}

static struct group_decl *open_group(struct reader *r, const char *kind, const char *name, unsigned line)
{
	struct group_decl *g;
	size_t i;

	if (*name || !catfile_name_ok(kind)) {
		diag_error(r->in->d, r->in->file, line,
			   "[%s%s%s]: a group's name is one word of letters, digits, '-', '_' and '.', at most 63 of "
			   "them, and not '.' first",
			   kind, *name ? " " : "", name);
		return NULL;
	}
	for (i = 0; i < r->f->n_groups; i++) {
		g = &r->f->groups[i];
		if (strcmp(g->name.text, kind))
			continue;
		diag_error(r->in->d, r->in->file, line, "[%s] again: first on line %u", kind, g->name.line);
		return NULL;
	}
	g = catfile_group(r->in, r->f, kind, line);
	if (g)
		r->group_line = line;
	return g;
}

static void *open_catalog(struct reader *r, const char *name, unsigned line)
{
	if (*name)
		diag_error(r->in->d, r->in->file, line, "[catalog %s]: [catalog] takes no name", name);
	if (r->catalog_line) {
		diag_error(r->in->d, r->in->file, line, "[catalog] again: first on line %u", r->catalog_line);
		return NULL;
	}
	r->catalog_line = line;
	return r->f;
}

static void on_section(void *ctx, const char *kind, const char *name, unsigned line)
{
	struct reader *r = ctx;
	bool catalog = !strcmp(kind, "catalog");
	void *base;

	end_group(r);
	base = catalog ? open_catalog(r, name, line) : (void *)open_group(r, kind, name, line);
	/* The keys of a refused section are judged too; where they go nobody looks. */
	if (!base)
		base = arena_alloc(r->in->a, MAX(sizeof(struct catfile), sizeof(struct group_decl)));
	if (!base) {
		r->in->starved = true;
		return;
	}
	conf_keys_section(&r->keys, catalog ? SECTION_CATALOG : SECTION_GROUP, kind, base, line);
}

static void on_key(void *ctx, const char *key, const char *value, unsigned line)
{
	struct reader *r = ctx;

	if (!strcmp(key, "allow") || !strcmp(key, "chain"))
		r->patterns = true;
	conf_keys_key(&r->keys, key, value, line);
}

static void on_more(void *ctx, const char *key, const char *value, unsigned line)
{
	struct reader *r = ctx;

	conf_keys_more(&r->keys, value, line);
}

static void add_entry(struct reader *r, enum role role, const char *text, size_t len, unsigned line)
{
	struct catfile *f = r->f;
	struct entry_decl *v;

	if (len > CATFILE_PATTERN_MAX) {
		diag_error(r->in->d, r->in->file, line, "a pattern of %zu characters: longer than any name", len);
		return;
	}
	if (!r->group_line)
		return;
	v = grow(r->in, f->entries, f->n_entries, &r->entries_cap, sizeof(*v));
	text = arena_bytes(r->in->a, text, len);
	if (!v || !text) {
		r->in->starved = true;
		return;
	}
	f->entries = v;
	v[f->n_entries++] = (struct entry_decl){
		.text = text, .line = line, .len = (uint16_t)len, .group = (uint16_t)(f->n_groups - 1), .role = role,
	};
}

static void on_patterns(void *ctx, const struct conf_option *o, const char *text, unsigned line)
{
	struct reader *r = ctx;
	enum role role = !strcmp(o->key, "allow") ? ROLE_ALLOW : ROLE_CHAIN;
	size_t len;

	for (; *(text += strspn(text, " \t")); text += len) {
		len = strcspn(text, " \t");
		if (*text == '#') {
			conf_bad(r->in, o, text, line);
			return;
		}
		add_entry(r, role, text, len, line);
	}
}

int catfile_read_ini(struct conf_in *in, struct catfile *f)
{
	static const struct ini_handler handler = { on_section, on_key, on_more };
	struct reader r = { .in = in, .f = f };
	int rc;

	r.keys = (struct conf_keys){ .in = in, .schema = &schema, .put = on_patterns, .ctx = &r };
	rc = ini_read(f->path, &handler, &r, in->d);
	end_group(&r);
	conf_keys_end(&r.keys);
	return rc;
}

static bool is_ini(const char *path)
{
	size_t n = strlen(path);

	return n >= 4 && !strcmp(path + n - 4, ".ini");
}

struct catfile *catfile_read(struct arena *a, const char *name, const char *path, struct diag_list *d)
{
	struct catfile *f = arena_alloc(a, sizeof(*f));
	struct conf_in in = { .a = a, .d = d };
	int rc;

	if (!f)
		return NULL;
	f->name = arena_text(a, name, strlen(name));
	f->path = in.file = arena_text(a, path, strlen(path));
	if (!f->name || !f->path)
		return NULL;
	f->list = !is_ini(path);
	conf_keys_default(&in, &schema, SECTION_CATALOG, f);
	rc = f->list ? catfile_read_list(&in, f) : catfile_read_ini(&in, f);
	if (rc)
		diag_error(d, f->path, 0, "cannot be read: %s", strerror(-rc));
	if (rc || in.starved) {
		catfile_close(f);
		return NULL;
	}
	return f;
}

void catfile_close(struct catfile *f)
{
	if (f->map)
		munmap(f->map, f->map_len);
	f->map = NULL;
	f->map_len = 0;
}
