/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_CONTROL_INTERNAL_H
#define CORE_CONTROL_INTERNAL_H

/* The control socket from inside. */

#include "io/unix.h"

/* "ok" or "error", and the text, to whose end a newline is put where it lacks. */
void control_reply(struct unix_conn *conn, bool ok, const char *body);

#endif
