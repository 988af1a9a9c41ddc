/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_IMPORT_PORTS_H
#define CMD_IMPORT_PORTS_H

/*
 * What a table's protocol column says: names of protocols, numbers, or both. HTTP is tcp/80, HTTPS and TLS
 * tcp/443, NTP udp/123; numbers stand for themselves, TCP where no transport is named.
 */

#include "cmd/import_read.h"

/* `ports` with n = 0: the cell says none. -EINVAL with a constant text in why. */
must_check int import_ports_read(struct import_ports *ports, const char *cell, const char **why);
/* The cell says "as in URL". */
bool import_ports_in_url(const char *cell);

#endif
