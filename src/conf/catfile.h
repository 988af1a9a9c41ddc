/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONF_CATFILE_H
#define CONF_CATFILE_H

/*
 * A catalogue file as written (SPEC 3): NAME.ini, or a plain list of one
 * pattern a line. Patterns are not looked into here. A list is read into a map of its own and its entries
 * point into that: a million lines load in a fraction of a second. (Not a map of the file: one that an editor
 * truncates under us would be a SIGBUS.)
 */

#include "conf/conf.h"

#define CATFILE_PATTERN_MAX 300		/* longer is an error of its line; the exact limit is the pattern's */

enum role { ROLE_ALLOW, ROLE_CHAIN };

struct entry_decl {
	const char *text;		/* len bytes, no NUL behind */
	uint32_t line;
	uint16_t len;
	uint16_t group;			/* index into groups */
	uint8_t role;			/* enum role */
};

struct group_decl {
	struct conf_str name;		/* "" for the one group of a list */
	struct conf_str purpose, source;
	struct conf_ports ports;	/* line 0: not written, tcp/80 tcp/443 */
	struct conf_types types;
	struct conf_strs accept;
	bool private, churn;
};

struct catfile {
	const char *name;		/* of the catalogue */
	const char *path;
	bool list;
	struct conf_str title, source;
	struct conf_strs include;	/* CATALOG or CATALOG/GROUP */
	struct group_decl *groups;
	size_t n_groups, groups_cap;
	struct entry_decl *entries;	/* in the order of the file */
	size_t n_entries;
	void *map;			/* of a list */
	size_t map_len;
};

/*
 * Reads path; all but the map lives in `a`. What is wrong goes to d. NULL when the
 * file cannot be read (said in d as well) or memory is short. catfile_close
 * unmaps; the texts of a list's entries are gone after it.
 */
struct catfile *catfile_read(struct arena *a, const char *name, const char *path, struct diag_list *d);
void catfile_close(struct catfile *f);

/*
 * The path of catalogue `name`: a [catalog name] section's file, else the first
 * of the `zones` folders that has NAME.ini or NAME.list (.ini first). In `a`; NULL: not found.
 */
const char *catfile_find(struct arena *a, const struct conf *c, const char *name);
/* Calls found for every catalogue that could be named, once a name, by name. -ENOMEM, and nothing was called. */
must_check int catfile_each(struct arena *a, const struct conf *c,
			    void (*found)(void *ctx, const char *name, const char *path), void *ctx);
#define CATFILE_NAME_MAX 63
/*
 * Whether text is a legal name of a catalogue, group, profile: letters, digits, '-', '_', '.', not '.' first, at
 * most CATFILE_NAME_MAX.
 */
bool catfile_name_ok(const char *text);

#endif
