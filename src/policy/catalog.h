/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_CATALOG_H
#define POLICY_CATALOG_H

/*
 * All catalogues of a configuration, compiled: groups, entries, and one index
 * over all of them by hashed suffix. A profile is a choice of groups from it, so that
 * a list that ten profiles use is held once. Immutable once built.
 */

#include "conf/catfile.h"
#include "policy/pattern.h"

/* What entries open and permit. Bits are positions in the tables of struct catalog. */
struct attrs {
	uint64_t ports[4];
	uint64_t types;			/* besides the profile's */
	bool private, churn;
};

struct group {
	const char *catalog, *name, *file, *source, *purpose;	/* source: the group's, else the catalogue's */
	uint32_t catalog_index;
	struct attrs attrs;
};

struct entry {
	uint32_t wire;			/* offset of the pattern in catalog.text */
	uint32_t line;
	uint32_t group : 30;		/* index into catalog.groups */
	uint32_t role : 1;
	uint32_t dot : 1;
};

#define ENTRY_NONE UINT32_MAX
#define CATALOG_PORTS 256		/* distinct ports in one configuration */
#define CATALOG_TYPES 64

struct catalog {
	struct group *groups;
	size_t n_groups;
	struct entry *entries;
	size_t n_entries;
	uint8_t *text;
	struct conf_port ports[CATALOG_PORTS];
	size_t n_ports;
	uint16_t types[CATALOG_TYPES];
	size_t n_types;
	struct catalog_index *index;
};

/* A set of groups, a bit each: (n_groups + 63) / 64 words. */
typedef uint64_t group_bits;

/* A profile's choice (SPEC 3: CATALOG/GROUP takes the group's allow and the whole catalogue's chain). */
struct choice {
	group_bits *allow, *chain;
};

struct match {
	uint32_t allow, chain;		/* the most specific entry of each role, or ENTRY_NONE */
	struct attrs attrs;		/* of all matching allow entries together */
};

/*
 * Building: new, then intern ports and types and choose (which load what they name, includes
 * and all), then finish, which compiles and indexes. Everything lives in `a`; what is wrong goes
 * to d with FILE:LINE, and building goes on; NULL or false only when memory is short.
 */
struct catalog_build;
struct catalog_build *catalog_build_new(struct arena *a, const struct conf *c, struct diag_list *d);
/* A choice for the names of a `catalog =` key; unknown names are errors at file and their line. */
must_check bool catalog_choose(struct catalog_build *b, const struct conf_strs *names, const char *file);
/* The bit of a type or port, or -ENOSPC (said in d). */
must_check int catalog_type_bit(struct catalog_build *b, uint16_t type);
must_check int catalog_port_bit(struct catalog_build *b, const struct conf_port *p);
/*
 * Compiles; choices[i] becomes the i-th catalog_choose. Unmaps the files and frees b, whatever comes out.
 * `hygiene`: adds the warnings of SPEC 3.
 */
const struct catalog *catalog_finish(struct catalog_build *b, struct choice *choices, bool hygiene);
/* In place of catalog_finish, where the build is given up; NULL is allowed. */
void catalog_build_free(struct catalog_build *b);

/*
 * Everything of the choice that takes the name. Does not allocate. (I4)
 */
void catalog_find(const struct catalog *c, const struct choice *ch, const struct name *n, struct match *m);
/* The pattern of an entry as text; buf of 256 bytes. */
const char *catalog_entry_text(const struct catalog *c, uint32_t entry, char *buf);

#endif
