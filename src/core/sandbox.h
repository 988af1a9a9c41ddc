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

/*
 * The process that starts the others, after that: the same, but it keeps CAP_NET_ADMIN where `admin`, permitted and
 * not in effect, for agents to come. And the agent: it has that in effect, and with `sandbox = on` only
 * the system calls of its table (sandbox_calls); it is killed when its parent ends. Both may have become
 * [server] user before.
 */
must_check int sandbox_supervisor(const struct conf_server *c, bool admin);
must_check int sandbox_agent(const struct conf_server *c, bool admin);

/* Puts CAP_NET_ADMIN in effect, where the parent kept it: what the agent opens needs it before sandbox_agent. */
must_check int sandbox_raise(void);

/* From now on any system call that is not in the agent's table ends the process. */
must_check int sandbox_calls(void);

/* Before sandbox_enter: gives a file or folder that root made to [server] user, who will have to write there. */
must_check int sandbox_give(const struct conf_server *c, const char *path);

#endif
