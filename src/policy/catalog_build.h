/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_CATALOG_BUILD_H
#define POLICY_CATALOG_BUILD_H

/*
 * A catalogue in the making: which files were read and what was chosen of them.
 * Of policy/catalog* only. What lives only as long as the building lies in `scratch`.
 */

#include "base/arena.h"
#include "policy/catalog.h"

#define PICK_ALL UINT32_MAX

/* CATALOG or CATALOG/GROUP, resolved. */
struct pick {
	uint32_t source, group;		/* group: of the source, or PICK_ALL */
};

struct picks {
	struct pick *v;
	size_t n;
};

enum source_state { SOURCE_LOADING, SOURCE_LOADED, SOURCE_FAILED };

/* One catalogue, in the order in which they were first named. */
struct source {
	const char *name;
	struct catfile *file;		/* NULL where it could not be read */
	enum source_state state;
	struct picks includes;
	uint32_t by;			/* the source whose include is loading this one */
	uint32_t first_group;		/* in catalog.groups */
};

struct catalog_build {
	struct arena *a, *scratch;
	const struct conf *conf;
	struct diag_list *d;
	struct catalog *c;
	struct source **sources;
	size_t n_sources, sources_cap;
	struct picks *choices;
	size_t n_choices, choices_cap;
	size_t shaped;			/* entries with a second key in the index */
	bool said_ports, said_types;
};

/* The group's declaration, behind an entry of the finished catalogue. */
const struct group_decl *catalog_group_decl(const struct catalog_build *b, uint32_t group, const struct catfile **f);
/* The warnings of SPEC 3 about the finished catalogue. */
void catalog_hygiene(const struct catalog_build *b);

#endif
