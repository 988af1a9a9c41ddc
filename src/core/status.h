/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

/* What `postern status` shows: gathered in the workers, put together in the main thread. */

#include "core/daemon.h"

struct status {
	struct stats stats;
	struct rcache_usage cache;
	size_t queries;
	struct status_server {
		char at[ADDR_TEXT];
		char zone[NAME_TEXT];		/* "" for [upstream] */
		uint32_t srtt_us;
		unsigned down;			/* workers that step over it */
		uint64_t sent, answered, failed;
	} *servers;
	size_t n_servers;
	struct proto_set *sets;			/* as the agent has them */
	size_t n_sets;
	int agent_err;				/* why that is not known */
};

/* -ENOMEM leaves it out. */
void status_add_set(struct status *s, const struct proto_set *set);

/* In the worker's thread: adds its part; -ENOMEM leaves servers out. */
void status_gather(struct worker *w, struct status *s);
/* As text or JSON, malloc; NULL without memory. */
char *status_text(const struct daemon *d, const struct status *s, bool json);
void status_free(struct status *s);

#endif
