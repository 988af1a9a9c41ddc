/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/settings.h"

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

static const struct {
	const char *name;
	bool (*same)(const struct conf *a, const struct conf *b);
} fixed[] = {
	{ "listen", same_listen },
	{ "workers", same_workers },
	{ "user", same_user },
	{ "state", same_state },
	{ "sandbox", same_sandbox },
	{ "[control] socket", same_socket },
};

bool settings_unchanged(const struct conf *old, const struct conf *now, struct diag_list *d)
{
	bool ok = true;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (fixed[i].same(old, now))
			continue;
		diag_error(d, now->path, 0, "%s: a change needs a restart", fixed[i].name);
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
