/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_RESOLV_H
#define CORE_RESOLV_H

/* The servers of /etc/resolv.conf (resolv.conf(5)), for where [upstream] names none. */

#include "conf/conf.h"

#define RESOLV_FILE "/etc/resolv.conf"
#define RESOLV_MAX 8

struct resolv {
	struct endpoint servers[RESOLV_MAX];
	size_t n;
};

/*
 * Reads the `nameserver` lines; our own listening addresses are passed over, as is
 * what is no address. 0, or -errno when the file cannot be read (then *r is empty).
 */
must_check int resolv_read(struct resolv *r, const char *path, const struct conf *c);
bool resolv_equal(const struct resolv *a, const struct resolv *b);

#endif
