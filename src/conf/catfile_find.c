/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "conf/catfile.h"

/* In the order in which one folder is searched. */
static const char *const suffixes[] = { ".ini", ".list" };

bool catfile_name_ok(const char *text)
{
	return *text && *text != '.' && strlen(text) <= CATFILE_NAME_MAX &&
	       !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")];
}

/* A file that is there and may not be looked at is found: to read it then says why it cannot. */
static bool there(const char *path)
{
	return !access(path, F_OK) || (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG);
}

const char *catfile_find(struct arena *a, const struct conf *c, const char *name)
{
	const char *path;
	size_t i, k;

	for (i = 0; i < c->n_catalogs; i++)
		if (!strcmp(c->catalogs[i].name.text, name))
			return c->catalogs[i].file.text;
	if (!catfile_name_ok(name))
		return NULL;
	for (i = 0; i < c->server.zones.n; i++) {
		for (k = 0; k < ARRAY_SIZE(suffixes); k++) {
			path = arena_printf(a, "%s/%s%s", c->server.zones.v[i].text, name, suffixes[k]);
			if (!path || there(path))
				return path;
		}
	}
	return NULL;
}

struct found {
	const char *name, *path;
	size_t rank;			/* of two with the same name the lower wins */
};

struct finds {
	struct arena *a;
	struct found *v;
	size_t n, cap;
	bool starved;
};

static void add(struct finds *f, const char *name, size_t len, const char *path, size_t rank)
{
	struct found *grown;

	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 64;
		grown = realloc(f->v, f->cap * sizeof(*grown));
		if (!grown) {
			f->cap = f->n;
			f->starved = true;
			return;
		}
		f->v = grown;
	}
	name = arena_text(f->a, name, len);
	if (!name || !path)
		f->starved = true;
	else if (catfile_name_ok(name))
		f->v[f->n++] = (struct found){ name, path, rank };
}

static void add_folder(struct finds *f, const char *folder, size_t rank)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	size_t k, len, n;

	while (dir && (e = readdir(dir))) {
		len = strlen(e->d_name);
		for (k = 0; k < ARRAY_SIZE(suffixes); k++) {
			n = strlen(suffixes[k]);
			if (len <= n || strcmp(e->d_name + len - n, suffixes[k]))
				continue;
			add(f, e->d_name, len - n, arena_printf(f->a, "%s/%s", folder, e->d_name), rank + k);
		}
	}
	if (dir)
		closedir(dir);
}

static int by_name_then_rank(const void *va, const void *vb)
{
	const struct found *a = va, *b = vb;
	int rc = strcmp(a->name, b->name);

	return rc ? rc : (a->rank > b->rank) - (a->rank < b->rank);
}

int catfile_each(struct arena *a, const struct conf *c, void (*found)(void *ctx, const char *name, const char *path),
		 void *ctx)
{
	struct finds f = { .a = a };
	size_t i;

	for (i = 0; i < c->n_catalogs; i++)
		add(&f, c->catalogs[i].name.text, strlen(c->catalogs[i].name.text), c->catalogs[i].file.text, 0);
	for (i = 0; i < c->server.zones.n; i++)
		add_folder(&f, c->server.zones.v[i].text, 1 + i * ARRAY_SIZE(suffixes));
	if (f.n)
		qsort(f.v, f.n, sizeof(*f.v), by_name_then_rank);
	for (i = 0; i < f.n && !f.starved; i++)
		if (!i || strcmp(f.v[i].name, f.v[i - 1].name))
			found(ctx, f.v[i].name, f.v[i].path);
	free(f.v);
	return f.starved ? -ENOMEM : 0;
}
