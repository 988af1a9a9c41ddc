/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_PORTS_H
#define CORE_PORTS_H

/* The listening sockets of all workers, bound before privileges go. */

#include "conf/conf.h"

struct ports {
	size_t n_workers, n_listen;
	int *udp, *tcp;			/* [listener * n_workers + worker]; -1: not bound, or taken */
};

/*
 * Binds everything. What cannot be bound is said; an address of a family that the
 * machine lacks is passed over where `listen` is the default. 0 or -errno.
 */
must_check int ports_bind(struct ports *p, const struct conf *c, size_t n_workers);
/* Closes what nobody took. */
void ports_close(struct ports *p);

#endif
