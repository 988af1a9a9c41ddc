/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_SANDBOX_H
#define CORE_SANDBOX_H

/* Giving up privileges once the ports are bound. Any failure is fatal to the caller. */

#include "base/bytes.h"
#include "conf/conf.h"

/*
 * Becomes [server] user, where one is named; with `sandbox = on` drops every
 * capability, of the bounding set too, sets no_new_privs and verifies both. Must be
 * called with one thread. 0 or -errno, after saying which step failed.
 */
must_check int sandbox_enter(const struct conf_server *c);

/* Before that: gives a file or folder that root made to [server] user, who will have to write there. */
must_check int sandbox_give(const struct conf_server *c, const char *path);

#endif
