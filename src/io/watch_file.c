/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "io/uv_internal.h"

/*
 * A path is watched by the folders in which it could change: the one it
 * stands in, that of each symbolic link on the way, and, where something is missing, the last
 * folder there is. Editors replace files by renaming, so a watch of the file itself would be
 * left with the old one.
 */

#define SPOTS_MAX 48
#define LINKS_MAX 40			/* the kernel's own limit */

/* An entry of a folder that the path depends on. */
struct spot {
	char dir[PATH_MAX];
	char name[NAME_MAX + 1];
};

struct place {
	uv_fs_event_t event;		/* of the folder */
	struct watch_file *owner;
	struct place *next;
	char *name;
	char dir[];			/* and behind its NUL the name */
};

struct watch_file {
	struct watch base;
	struct place *places;
	void (*cb)(void *ctx);
	void *ctx;
	char path[];			/* absolute */
};

/* The way along a path, one component after the other, as the kernel goes it. */
struct walk {
	char at[PATH_MAX];		/* where it is: real, "" for the root */
	char rest[PATH_MAX];		/* what is still to go */
	unsigned links;
};

static bool next_name(struct walk *w, char *name)
{
	char *p = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(p, "/");

	if (!len || len > NAME_MAX)
		return false;
	memcpy(name, p, len);
	name[len] = '\0';
	p += len;
	p += strspn(p, "/");
	memmove(w->rest, p, strlen(p) + 1);
	return true;
}

/* Goes on where a link leads; false where that is no way. */
static bool follow(struct walk *w, const char *link)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t len = readlink(link, target, sizeof(target) - 1);

	if (len <= 0 || ++w->links > LINKS_MAX)
		return false;
	target[len] = '\0';
	if ((size_t)snprintf(rest, sizeof(rest), "%s/%s", target, w->rest) >= sizeof(rest))
		return false;
	memcpy(w->rest, rest, strlen(rest) + 1);
	if (target[0] == '/')
		w->at[0] = '\0';
	return true;
}

/* Fills the spots of a path and gives their number. */
static size_t find_spots(const char *path, struct spot *spots)
{
	struct walk w = { .at = "" };
	char name[NAME_MAX + 1], full[PATH_MAX];
	size_t n = 0;

	if ((size_t)snprintf(w.rest, sizeof(w.rest), "%s", path) >= sizeof(w.rest))
		return 0;
	while (n < SPOTS_MAX && next_name(&w, name)) {
		struct stat st;
		bool there;

		if (!strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			char *slash = strrchr(w.at, '/');

			if (slash)
				*slash = '\0';
			continue;
		}
		if ((size_t)snprintf(full, sizeof(full), "%s/%s", w.at, name) >= sizeof(full))
			break;
		there = !lstat(full, &st);
		if (there && S_ISDIR(st.st_mode) && w.rest[0]) {
			memcpy(w.at, full, strlen(full) + 1);
			continue;
		}
		memcpy(spots[n].dir, w.at[0] ? w.at : "/", strlen(w.at[0] ? w.at : "/") + 1);
		memcpy(spots[n].name, name, strlen(name) + 1);
		n++;
		if (!there || !S_ISLNK(st.st_mode) || !follow(&w, full))
			break;
	}
	return n;
}

static void place_closed(uv_handle_t *h)
{
	free(h->data);
}

static void close_places(struct place *list)
{
	while (list) {
		struct place *p = list;

		list = p->next;
		uv_close((uv_handle_t *)&p->event, place_closed);
	}
}

static void rebuild(struct watch_file *w);

static void file_event(uv_fs_event_t *e, const char *name, int events, int status)
{
	struct place *p = e->data;
	struct watch_file *w = p->owner;
	const char *base = strrchr(p->dir, '/');

	/* What happens to the folder itself comes under the folder's own name. */
	if (name && strcmp(name, p->name) && strcmp(name, base ? base + 1 : p->dir))
		return;
	loop_update_now(w->base.loop);
	/* First the watches, then the callback: what it reads cannot be older than they are. */
	if (events & UV_RENAME || status < 0)
		rebuild(w);
	w->cb(w->ctx);
}

static struct place *new_place(struct watch_file *w, const struct spot *s)
{
	size_t dir = strlen(s->dir) + 1, name = strlen(s->name) + 1;
	struct place *p = calloc(1, sizeof(*p) + dir + name);

	if (!p)
		return NULL;
	memcpy(p->dir, s->dir, dir);
	p->name = p->dir + dir;
	memcpy(p->name, s->name, name);
	p->owner = w;
	uv_fs_event_init(&w->base.loop->uv, &p->event);
	p->event.data = p;
	if (uv_fs_event_start(&p->event, file_event, p->dir, 0)) {
		uv_close((uv_handle_t *)&p->event, place_closed);
		return NULL;
	}
	return p;
}

/* New watches before the old ones go. A folder that cannot be watched is left out. */
static void replace_places(struct watch_file *w, const struct spot *spots, size_t n)
{
	struct place *old = w->places, **end = &w->places;

	w->places = NULL;
	for (size_t i = 0; i < n; i++) {
		*end = new_place(w, &spots[i]);
		if (*end)
			end = &(*end)->next;
	}
	close_places(old);
}

static bool same_spots(const struct spot *a, size_t na, const struct spot *b, size_t nb)
{
	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++)
		if (strcmp(a[i].dir, b[i].dir) || strcmp(a[i].name, b[i].name))
			return false;
	return true;
}

/* Looked at again after the watches are set, for what changed in between was not seen; a few times at most. */
static void rebuild(struct watch_file *w)
{
	struct spot *spots = malloc(2 * SPOTS_MAX * sizeof(*spots)), *have, *want;
	size_t n_have, n_want;

	if (!spots) {
		log_warn("%s: changes may be missed: out of memory", w->path);
		return;
	}
	have = spots;
	want = spots + SPOTS_MAX;
	n_have = find_spots(w->path, have);
	replace_places(w, have, n_have);
	for (unsigned tries = 0; tries < 8; tries++) {
		struct spot *swap = have;

		n_want = find_spots(w->path, want);
		if (same_spots(have, n_have, want, n_want))
			break;
		replace_places(w, want, n_want);
		have = want;
		n_have = n_want;
		want = swap;
	}
	if (!w->places)
		log_warn("%s: changes will not be noticed: cannot watch its folder", w->path);
	free(spots);
}

static void file_close(struct watch *base)
{
	struct watch_file *w = container_of(base, struct watch_file, base);

	close_places(w->places);
	free(w);
}

struct watch *watch_file(struct loop *l, const char *path, void (*cb)(void *ctx), void *ctx)
{
	char cwd[PATH_MAX] = "";
	struct watch_file *w;
	size_t size;

	if (path[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return NULL;
	size = strlen(cwd) + strlen(path) + 2;
	w = calloc(1, sizeof(*w) + size);
	if (!w)
		return NULL;
	snprintf(w->path, size, "%s%s%s", cwd, cwd[0] ? "/" : "", path);
	w->cb = cb;
	w->ctx = ctx;
	watch_link(&w->base, l, file_close);
	rebuild(w);
	if (!w->places) {
		watch_close(&w->base);
		return NULL;
	}
	return &w->base;
}
