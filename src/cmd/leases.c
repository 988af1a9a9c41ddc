/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "cmd/cmd.h"
#include "core/leases.h"

int cmd_leases(const struct cmd_options *o)
{
	char line[ADDR_TEXT + 16], text[ADDR_TEXT] = "";
	struct addr a;

	/* an empty word comes from a script's empty variable, and is not meant to close everything */
	if (o->n_args && addr_parse(&a, o->args[0], strlen(o->args[0])) < 0) {
		fprintf(stderr, "postern: leases: not an address\n");
		return 1;
	}
	if (o->n_args)
		addr_text(&a, text);
	snprintf(line, sizeof(line), "%s%s%s%s", o->close ? "close" : "leases", o->json ? " json" : "",
		 text[0] ? " " : "", text);
	if (o->close)
		return cmd_ask(o, line, "");
	return cmd_ask(o, line, o->json ? LEASES_END_JSON : LEASES_END_TEXT);
}
