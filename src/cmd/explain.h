/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_EXPLAIN_H
#define CMD_EXPLAIN_H

/* What `explain` found, and its two ways of saying it. */

#include "policy/chain.h"

#define EXPLAIN_ADDRESSES 256

struct explanation {
	const struct snapshot *snapshot;
	const struct profile *profile;
	struct name name;
	uint16_t type;
	struct verdict verdict;
	enum reason reason;
	bool allowed;
	bool live, answered;
	const char *negative;		/* what the live answer is instead of records, or NULL */
	const char *filtered;		/* what was taken out of the live answer, or NULL */
	size_t n_links, n_addresses;
	struct chain_target links[CHAIN_TARGETS];
	struct addr addresses[EXPLAIN_ADDRESSES];
};

void explain_print_text(const struct explanation *x);
void explain_print_json(const struct explanation *x);

#endif
