/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_PAGE_H
#define EXPORT_PAGE_H

/*
 * A page of shared memory that the agent writes and workers only read: what a warm answer has
 * to know of the firewall without asking. The server's mapping is read-only.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/exports.h"

struct export_page {
	/*
	 * Goes up before anything else is done when something that leases rely on was taken out of a set, when an
	 * agent starts, and when the layout changes: what was held before counts no more and is asked for again.
	 */
	_Atomic uint32_t epoch;
	/* Of which exports (struct exports.hash) the bits below speak; of others nothing is known. */
	_Atomic uint64_t layout;
	/* Bit export * 2 + (IPv6): the set is keyed by client. */
	_Atomic uint64_t by_client[EXPORTS_MAX * 2 / 64];
};

static inline bool page_by_client(const struct export_page *p, unsigned export, unsigned family)
{
	unsigned bit = export * 2 + family;

	return atomic_load_explicit(&p->by_client[bit / 64], memory_order_relaxed) >> bit % 64 & 1;
}

#endif
