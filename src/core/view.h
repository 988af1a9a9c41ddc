/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_VIEW_H
#define CORE_VIEW_H

/*
 * Which part of an answer a client may see, because the firewall can open it for it: bits EXPORT_V4 and EXPORT_V6
 * of the families, and VIEW_HELD where addresses have to be open before they leave. Part of the key of
 * a cached answer and of a question in flight. Does not allocate. (I4)
 */

#include "export/page.h"
#include "policy/decide.h"

#define VIEW_HELD 4u

/* page: what is known of the sets, or NULL. audited: let through by audit mode only, for which nothing is opened. */
unsigned view_of(const struct snapshot *s, const struct profile *p, const struct verdict *v, bool audited,
		 const struct addr *client, const struct export_page *page);
/* Whether what one client may reach is no matter of the others: some set of the profile is keyed by client. */
bool view_by_client(const struct snapshot *s, const struct profile *p, const struct export_page *page);
/* A value of the ports that attrs open: equal where they are the same. */
uint64_t view_ports(const struct attrs *attrs);

static inline unsigned view_families(unsigned view)
{
	return view & EXPORT_BOTH;
}

#endif
