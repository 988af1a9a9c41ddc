/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_CONTROL_H
#define CORE_CONTROL_H

/*
 * The control socket: one line in ("status", "blocked json", "audit", "flush NAME", …),
 * one text out, whose first line is "ok" or "error".
 */

#include "core/daemon.h"

/* The unix_fn of the control socket; ctx is the struct daemon. */
void control_request(void *ctx, struct unix_conn *conn, char *line);

#endif
