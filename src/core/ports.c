/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "io/listen.h"

static int bind_one(struct ports *p, size_t listener, size_t worker, const struct endpoint *at)
{
	size_t i = listener * p->n_workers + worker;

	p->udp[i] = listen_udp(at);
	if (p->udp[i] < 0)
		return p->udp[i];
	p->tcp[i] = listen_tcp(at);
	return p->tcp[i] < 0 ? p->tcp[i] : 0;
}

static int bind_all(struct ports *p, size_t listener, const struct endpoint *at)
{
	size_t first = listener * p->n_workers;
	int err;

	if (listen_taken(at))
		return -EADDRINUSE;
	for (size_t w = 0; w < p->n_workers; w++) {
		err = bind_one(p, listener, w, at);
		if (err < 0)
			return err;
	}
	if (p->n_workers == 1)
		return 0;
	err = listen_spread(p->udp[first], at, (unsigned)p->n_workers);
	return err < 0 ? err : listen_spread(p->tcp[first], at, (unsigned)p->n_workers);
}

static void close_listener(struct ports *p, size_t listener)
{
	for (size_t i = listener * p->n_workers; i < (listener + 1) * p->n_workers; i++) {
		if (p->udp[i] >= 0)
			close(p->udp[i]);
		if (p->tcp[i] >= 0)
			close(p->tcp[i]);
		p->udp[i] = p->tcp[i] = -1;
	}
}

static bool family_missing(int err)
{
	return err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL;
}

int ports_bind(struct ports *p, const struct conf *c, size_t n_workers)
{
	const struct conf_endpoints *listen = &c->server.listen;
	size_t n = listen->n * n_workers, bound = 0;
	char text[ADDR_TEXT];

	*p = (struct ports){ .n_workers = n_workers, .n_listen = listen->n };
	p->udp = malloc((n + 1) * sizeof(*p->udp));
	p->tcp = malloc((n + 1) * sizeof(*p->tcp));
	if (!p->udp || !p->tcp)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		p->udp[i] = p->tcp[i] = -1;
	for (size_t i = 0; i < listen->n; i++) {
		int err = bind_all(p, i, &listen->v[i].at);

		endpoint_text(&listen->v[i].at, text);
		if (!err) {
			bound++;
			continue;
		}
		close_listener(p, i);
		if (!family_missing(err) || listen->line) {
			log_error("listen %s: %s", text, strerror(-err));
			return err;
		}
		log_warn("listen %s: %s, passed over", text, strerror(-err));
	}
	return bound ? 0 : -EADDRNOTAVAIL;
}

void ports_close(struct ports *p)
{
	for (size_t i = 0; p->udp && p->tcp && i < p->n_listen; i++)
		close_listener(p, i);
	free(p->udp);
	free(p->tcp);
}
