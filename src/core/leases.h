/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_LEASES_H
#define CORE_LEASES_H

/* `postern leases`: the list as it goes out, and the names that leases of an address were opened by. */

#include "core/daemon.h"

/* Adds one lease to `out`, as a line of text or a JSON object; its export goes by its name in c. -ENOMEM. */
must_check int leases_print(FILE *out, const struct conf *c, const struct proto_lease *l, bool json);

/* The requests "leases [json] [ADDRESS]" and "close [json] [ADDRESS]" of the control socket. */
void leases_list(struct daemon *d, struct unix_conn *conn, const char *arg);
void leases_close(struct daemon *d, struct unix_conn *conn, const char *arg);

/* What a whole list ends with: one that broke off does not. */
#define LEASES_END_TEXT " held\n"
#define LEASES_END_JSON "]\n"

#endif
