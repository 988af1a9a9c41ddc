/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_PROFILE_H
#define POLICY_PROFILE_H

/* What a group of clients may do: a profile of the configuration, compiled. */

#include "policy/catalog.h"

struct profile {
	const char *name;
	uint16_t index;
	bool trust, local, aaaa, audit;
	enum conf_block block;
	struct addr sinkhole4, sinkhole6;
	uint64_t exports;		/* bits of struct exports */
	uint64_t types;			/* bits of struct catalog's type table */
	uint64_t id;			/* hash of the name: the same over reloads */
	struct choice choice;
};

#endif
