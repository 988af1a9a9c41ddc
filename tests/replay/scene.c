/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scene.h"

#include <stdio.h>
#include <limits.h>
#include <stdlib.h>


#define LEARNED_SLOTS 256
#define CONF_MAX 65536

struct scene scene;

static void nobody(void *ctx)
{
}

/* Not written again where it says the same: a script may be run a thousand times. */
static bool write_below(const char *name, const char *text)
{
	static char old[CONF_MAX * 2];
	char path[PATH_MAX];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", scene.dir, name);
	f = fopen(path, "re");
	if (f) {
		n = fread(old, 1, sizeof(old) - 1, f);
		fclose(f);
		old[n] = '\0';
		if (!strcmp(old, text))
			return true;
	}
	f = fopen(path, "we");
	if (f && fputs(text, f) >= 0 && fclose(f) == 0)
		return true;
	fake_fault("%s: cannot be written", path);
	return false;
}

static bool append(char *text, char **block, size_t n)
{
	char line[LINE_MAX_LEN];
	size_t len = strlen(text);

	for (size_t i = 0; i < n; i++) {
		if (!vars_expand(line, block[i]) || len + strlen(line) + 2 > CONF_MAX) {
			fake_fault("%s: no such variable, or too long", block[i]);
			return false;
		}
		len += (size_t)sprintf(text + len, "%s\n", line);
	}
	return true;
}

bool scene_catalog(const char *name, char **block, size_t n)
{
	static char text[CONF_MAX];
	char file[PATH_LEN];

	text[0] = '\0';
	snprintf(file, sizeof(file), "zones/%s.ini", name);
	return append(text, block, n) && write_below(file, text);
}

bool scene_default_catalog(void)
{
	static char *block[] = { "[names]", "allow = *.good.example", "chain = *.cdn.example" };

	return scene_catalog("test", block, sizeof(block) / sizeof(block[0]));
}

/* What every configuration of a script needs, put under its section's heading where it stands, else at the end. */
static const struct {
	const char *heading, *key, *line;
} needed[] = {
	{ "[server]", "zones", "zones = zones\nstate =\nsandbox = off" },
	{ "[server]", "listen", "listen = 127.0.0.1@5300" },
	{ "[upstream]", "address", "address = 192.0.2.1" },
	{ "[profile default]", "catalog", "catalog = test" },
};

/* Where the section of this heading begins, behind the heading; *end: where the next one does. */
static char *section_of(char *text, const char *heading, char **end)
{
	char *at = strstr(text, heading);

	if (!at)
		return NULL;
	at += strlen(heading);
	*end = strstr(at, "\n[");
	if (!*end)
		*end = at + strlen(at);
	return at;
}

static bool has_key(const char *at, const char *end, const char *key)
{
	size_t len = strlen(key);

	while ((at = strchr(at, '\n')) && at < end) {
		at++;
		if (!strncmp(at, key, len) && strchr(" =", at[len]))
			return true;
	}
	return false;
}

static void complete(char *text)
{
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		char *end, *at = section_of(text, needed[i].heading, &end);
		char rest[CONF_MAX];

		if (!at) {
			sprintf(text + strlen(text), "%s\n%s\n", needed[i].heading, needed[i].line);
		} else if (!has_key(at, end, needed[i].key)) {
			strcpy(rest, at);
			sprintf(at, "\n%s%s", needed[i].line, rest);
		}
	}
}

static void show_line(void *ctx, const char *line)
{
	fake_fault("%s", line);
}

static struct snapshot *build(char **block, size_t n, bool refused)
{
	static char text[2 * CONF_MAX];
	char path[PATH_MAX];
	struct diag_list *d = diag_new();
	struct snapshot *s;

	text[0] = '\0';
	if (!d || !append(text, block, n))
		abort();
	complete(text);
	if (!write_below("postern.conf", text))
		abort();
	snprintf(path, sizeof(path), "%s/postern.conf", scene.dir);
	s = snapshot_build(&(struct snapshot_options){
		.path = path, .path_written = true, .generation = scene.generation + 1 }, d);
	if (!refused)
		diag_each(d, show_line, NULL);
	diag_free(d);
	return s;
}

static bool start(struct snapshot *s)
{
	scene.snapshot = s;
	scene.generation = 1;
	scene.next_port = 20000;
	scene.shared.workers = 1;
	scene.shared.wake = nobody;
	scene.shared.learned = learned_new(LEARNED_SLOTS);
	if (s->conf->n_exports)
		scene.shared.page = &scene.page;
	atomic_init(&scene.page.epoch, 1);
	agent_reads(s);
	scene.worker = scene.shared.learned ? worker_new(0, s, &scene.resolv, &scene.shared) : NULL;
	if (!scene.worker || worker_listen(scene.worker, -1, -1) < 0)
		return false;
	if (scene.shared.page)
		agent_attach();
	return true;
}

/* As core/reload.c does it. */
static bool go_over(struct snapshot *s)
{
	uint64_t now = loop_now(scene.worker->loop).boot_ms;

	scene.generation++;
	learned_revise(scene.shared.learned, s, now);
	if (worker_swap(scene.worker, s, &scene.resolv) < 0)
		return false;
	snapshot_release(scene.snapshot);
	scene.snapshot = s;
	learned_revise(scene.shared.learned, s, now);
	/* as the agent does at COMMIT */
	if (atomic_load(&scene.page.layout) != s->exports->hash) {
		atomic_fetch_add(&scene.page.epoch, 1);
		agent_reads(s);
	}
	return true;
}

bool scene_configure(char **block, size_t n, bool refused)
{
	struct snapshot *s = build(block, n, refused);

	if (!s) {
		if (!refused)
			fake_fault("the configuration was refused");
		return refused;
	}
	if (refused) {
		fake_fault("the configuration was not refused");
		snapshot_release(s);
		return false;
	}
	if (scene.worker ? go_over(s) : start(s))
		return true;
	fake_fault("out of memory");
	return false;
}

bool scene_resolv(char **servers, size_t n)
{
	char path[PATH_MAX], text[LINE_MAX_LEN] = "# a comment\nsearch good.example\n";

	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "nameserver %s\n", servers[i]);
	snprintf(path, sizeof(path), "%s/resolv.conf", scene.dir);
	if (write_below("resolv.conf", text) && resolv_read(&scene.resolv, path, scene.snapshot->conf) == 0 &&
	    worker_swap(scene.worker, scene.snapshot, &scene.resolv) == 0)
		return true;
	fake_fault("the servers could not be changed");
	return false;
}

void scene_read_events(void)
{
	static uint8_t room[EVENT_PATH];
	struct event e;

	while (scene.worker && event_get(scene.worker->events, &e, room)) {
		size_t n = scene.n_events;

		if (n == sizeof(scene.events) / sizeof(scene.events[0]))
			continue;
		memcpy(scene.paths[n], room, e.path_len);
		e.path = scene.paths[n];
		scene.events[scene.n_events++] = e;
	}
}

void scene_check_quiet(void)
{
	if (queries_count(scene.worker->queries))
		fake_fault("%zu queries are still live", queries_count(scene.worker->queries));
	if (atomic_load(&scene.shared.waiting))
		fake_fault("%u questions still wait", atomic_load(&scene.shared.waiting));
	for (const struct exchange *x = fake_exchanges; x; x = x->next) {
		if (fake_open(x))
			fake_fault("an exchange is still open");
		if (!x->seen)
			fake_fault("an exchange that no EXPECT speaks of");
	}
	for (const struct grant_sent *g = fake_grants; g; g = g->next) {
		if (!g->seen)
			fake_fault("a grant that no HOLD speaks of");
	}
	if (timers_next(loop_timers(scene.worker->loop)) != TIMERS_NEVER)
		fake_fault("a timer is still set");
	if (atomic_load(&scene.snapshot->refs) != 2)
		fake_fault("%u references of the snapshot, not the worker's and the script's",
			   atomic_load(&scene.snapshot->refs));
}

static void end_worker(void)
{
	int left;

	worker_close(scene.worker);
	/* before the worker goes: what it promised must have come */
	for (const struct exchange *x = fake_exchanges; x; x = x->next) {
		if (fake_open(x))
			fake_fault("an exchange was left open at the end");
	}
	left = worker_free(scene.worker);
	if (left)
		fake_fault("%d handles, timers or queries were left over at the end", left);
	if (atomic_load(&scene.shared.waiting))
		fake_fault("%u questions wait after the end", atomic_load(&scene.shared.waiting));
}

void scene_end(void)
{
	char dir[PATH_LEN];

	if (scene.worker)
		end_worker();
	learned_free(scene.shared.learned);
	if (scene.snapshot && atomic_load(&scene.snapshot->refs) != 1)
		fake_fault("%u references of the snapshot at the end", atomic_load(&scene.snapshot->refs));
	snapshot_release(scene.snapshot);
	while (scene.questions) {
		struct question *q = scene.questions;

		scene.questions = q->next;
		free(q->reply);
		free(q);
	}
	while (scene.connections) {
		struct connection *c = scene.connections;

		scene.connections = c->next;
		if (c->conn)
			fake_tcp_hangup(c->conn);
		free(c);
	}
	while (scene.confirmed) {
		struct confirmed *c = scene.confirmed;

		scene.confirmed = c->next;
		free(c);
	}
	fake_upstream_reset();
	fake_agent_reset();
	strcpy(dir, scene.dir);
	memset(&scene, 0, sizeof(scene));
	strcpy(scene.dir, dir);
}
