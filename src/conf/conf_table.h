/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONF_CONF_TABLE_H
#define CONF_CONF_TABLE_H

/*
 * What the keys of an INI file are: one row an option. The row drives reading, defaults, "did you
 * mean", printing and the tests. Inside the conf layer only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_type {
	/* Of one line; the field follows. */
	CONF_BOOL,			/* bool */
	CONF_EITHER,			/* bool: the second of two words is true */
	CONF_CHOICE,			/* an enum: which of the words */
	CONF_COUNT,			/* uint32_t */
	CONF_AUTO,			/* uint32_t, 0 is "auto" */
	CONF_SECONDS, CONF_MILLIS,	/* uint32_t */
	CONF_SIZE, CONF_LARGE,		/* uint64_t: bytes; a number */
	CONF_WORD, CONF_PATH,		/* struct conf_str */
	CONF_SET,			/* struct conf_set */
	/* Prose: further lines are joined with a blank. */
	CONF_TEXT,			/* struct conf_str */
	/* Lists. */
	CONF_WORDS, CONF_PATHS, CONF_CATALOGS, CONF_NAMES,	/* struct conf_strs; names are some of the words */
	CONF_ENDPOINTS, CONF_PREFIXES, CONF_PORTS, CONF_TYPES,	/* struct conf_endpoints … */
	CONF_SINKHOLE,			/* two struct addr, of either family at most one */
	/* Each line goes to the reader's `put`; the key may repeat. */
	CONF_LINES,
};

#define CONF_EMPTY 1			/* may be empty */
#define CONF_REQUIRED 2			/* no default: the section must have it */
#define CONF_IDLE 4			/* read and checked; not in force in this version unless 0 */
#define CONF_ABSENT 8			/* must be empty in this version */

struct conf_option {
	unsigned sections;		/* bits: 1 << index into conf_schema.sections */
	const char *key;
	enum conf_type type;
	size_t offset;			/* of the field in the section's struct */
	uint64_t min, max;		/* of numbers, milliseconds, bytes; of a path its longest */
	const char *words;		/* of choices and names, in order, a blank between */
	const char *def;		/* NULL: empty */
	unsigned flags;
	const char *help;
};

#define CONF_OPTIONS_MAX 80

struct conf_schema {
	const struct conf_option *options;
	size_t n;
	const char *const *sections;	/* as a message names them, without brackets */
	size_t n_sections;
};

enum conf_section {
	CONF_SERVER, CONF_CONTROL, CONF_UPSTREAM, CONF_FORWARD, CONF_RECORDS, CONF_CACHE, CONF_LIMITS, CONF_DEFAULT,
	CONF_PROFILE, CONF_CATALOG, CONF_EXPORT, CONF_LOG, CONF_SECTIONS,
};

/* Of postern.conf; indexed by enum conf_section. [profile default] is a section of its own. */
extern const struct conf_schema conf_schema;

#endif
