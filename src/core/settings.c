/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/settings.h"

#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

static bool same_listen(const struct conf *a, const struct conf *b)
{
	if (a->server.listen.n != b->server.listen.n)
		return false;
	for (size_t i = 0; i < a->server.listen.n; i++) {
		if (!endpoint_equal(&a->server.listen.v[i].at, &b->server.listen.v[i].at))
			return false;
	}
	return true;
}

static bool same_workers(const struct conf *a, const struct conf *b)
{
	return a->server.workers == b->server.workers;
}

static bool same_user(const struct conf *a, const struct conf *b)
{
	return strcmp(a->server.user.text, b->server.user.text) == 0;
}

static bool same_state(const struct conf *a, const struct conf *b)
{
	return strcmp(a->server.state.text, b->server.state.text) == 0;
}

static bool same_sandbox(const struct conf *a, const struct conf *b)
{
	return a->server.sandbox == b->server.sandbox;
}

static bool same_socket(const struct conf *a, const struct conf *b)
{
	return strcmp(a->control.socket.text, b->control.socket.text) == 0;
}

static bool same_exports(const struct conf *a, const struct conf *b)
{
	return !a->n_exports == !b->n_exports;
}

static bool same_admin(const struct conf *a, const struct conf *b)
{
	return settings_need_admin(a) == settings_need_admin(b);
}

unsigned settings_workers(const struct conf *c)
{
	return c->server.workers ? c->server.workers : (unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
}

bool settings_need_admin(const struct conf *c)
{
	for (size_t i = 0; i < c->n_exports; i++) {
		if (c->exports[i].kind == EXPORT_NFTABLES || c->exports[i].kind == EXPORT_IPSET)
			return true;
	}
	return false;
}

static const struct {
	const char *name;
	bool (*same)(const struct conf *a, const struct conf *b);
	size_t line;				/* offset of the key's line in struct conf; 0: it is not known */
} fixed[] = {
	{ "listen", same_listen, offsetof(struct conf, server.listen.line) },
	{ "workers", same_workers, 0 },
	{ "user", same_user, offsetof(struct conf, server.user.line) },
	{ "state", same_state, offsetof(struct conf, server.state.line) },
	{ "sandbox", same_sandbox, 0 },
	{ "[control] socket", same_socket, offsetof(struct conf, control.socket.line) },
	{ "whether there is an [export]", same_exports, 0 },
	{ "whether there is an export of kind nftables or ipset", same_admin, 0 },
};

bool settings_unchanged(const struct conf *old, const struct conf *now, struct diag_list *d)
{
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		const unsigned *line = fixed[i].line ? (const void *)((const char *)now + fixed[i].line) : NULL;

		if (fixed[i].same(old, now))
			continue;
		diag_error(d, now->path, line ? *line : 0, "%s: a change needs a restart", fixed[i].name);
		ok = false;
	}
	return ok;
}

void settings_apply(struct shared *shared, const struct conf *c)
{
	atomic_store(&shared->tcp.clients, c->limits.tcp_clients);
	atomic_store(&shared->tcp.per_client, c->limits.tcp_per_client);
	atomic_store(&shared->tcp.idle_ms, c->limits.tcp_idle_ms);
}

#define OTHER_FILES 256				/* listening sockets, kept connections, logs */

void settings_raise_files(const struct conf *c)
{
	rlim_t want = (rlim_t)c->limits.inflight + c->limits.tcp_clients + OTHER_FILES;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur >= want)
		return;
	/* where a limit is 0, there is none to count with: then all that may be had */
	r.rlim_cur = c->limits.inflight && c->limits.tcp_clients ? MIN(want, r.rlim_max) : r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur < want)
		log_warn("open files: %llu are too few for [limits] inflight and tcp-clients, %llu are wanted",
			 (unsigned long long)r.rlim_cur, (unsigned long long)want);
}

void settings_check(const struct conf *c, struct diag_list *d)
{
	if (c->server.user.text[0] && !getpwnam(c->server.user.text))
		diag_error(d, c->path, c->server.user.line, "user = '%s': there is no account of that name",
			   c->server.user.text);
}
