/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/view.h"

#include "base/hash.h"

static bool by_client(const struct snapshot *s, unsigned i, enum export_family family, const struct export_page *page)
{
	enum conf_export_key key = s->exports->v[i].key;

	/* what the set turned out to be goes before what was written */
	if (page && atomic_load_explicit(&page->layout, memory_order_acquire) == s->exports->hash)
		return page_by_client(page, i, family);
	return key == KEY_CLIENT || key == KEY_CLIENT_SERVICE;
}

static bool link_local(const struct addr *a)
{
	return a->len == 16 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* Every export that takes the family has to be able to open it for this client. */
static bool can_hold(const struct snapshot *s, const struct profile *p, enum export_family family,
		     const struct addr *client, const struct export_page *page)
{
	bool own = export_family(client) == family && !link_local(client);

	for (unsigned i = 0; !own && i < s->exports->n; i++) {
		if (p->exports >> i & 1 && export_takes(&s->exports->v[i], family) && by_client(s, i, family, page))
			return false;
	}
	return true;
}

unsigned view_of(const struct snapshot *s, const struct profile *p, const struct verdict *v, bool audited,
		 const struct addr *client, const struct export_page *page)
{
	const uint64_t *ports = v->attrs.ports;
	unsigned view;

	/* nothing is opened, so all is given (SPEC 4: records and forward zones without ports; SPEC 2: audit) */
	if (!p->exports || audited || !(ports[0] | ports[1] | ports[2] | ports[3]))
		return EXPORT_BOTH;
	view = snapshot_families(s, p);
	for (enum export_family f = EXPORT_V4; f <= EXPORT_V6; f++) {
		if (view >> f & 1 && !can_hold(s, p, f, client, page))
			view &= ~(1u << f);
	}
	return view | VIEW_HELD;
}

bool view_by_client(const struct snapshot *s, const struct profile *p, const struct export_page *page)
{
	for (unsigned i = 0; i < s->exports->n; i++) {
		for (enum export_family f = EXPORT_V4; f <= EXPORT_V6; f++) {
			if (p->exports >> i & 1 && export_takes(&s->exports->v[i], f) && by_client(s, i, f, page))
				return true;
		}
	}
	return false;
}

uint64_t view_ports(const struct attrs *attrs)
{
	return hash_bytes(attrs->ports, sizeof(attrs->ports));
}
