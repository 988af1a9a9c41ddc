/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_LISTEN_H
#define IO_LISTEN_H

/*
 * Listening sockets, made before privileges go: non-blocking, close-on-exec,
 * SO_REUSEPORT, IPV6_V6ONLY, and FREEBIND, so that an address that is not there yet is bound all
 * the same. Wildcard UDP sockets get packet info (it costs 3 %, so only they).
 */

#include "base/addr.h"

/*
 * Whether another program has the port: SO_REUSEPORT would let one of the same user share it and lose half of
 * the questions.
 */
bool listen_taken(const struct endpoint *at);
/* A descriptor or -errno (-EAFNOSUPPORT, -EADDRNOTAVAIL: the machine lacks the family). */
must_check int listen_udp(const struct endpoint *at);
must_check int listen_tcp(const struct endpoint *at);
/*
 * With more than one socket on a port: chooses by the client's address, so that one
 * client's packets always meet the same worker (SO_ATTACH_REUSEPORT_CBPF on any
 * one of the `n` sockets, bound in the workers' order). 0 or -errno.
 */
must_check int listen_spread(int fd, const struct endpoint *at, unsigned n);

#endif
