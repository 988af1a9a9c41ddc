/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_SUGGEST_H
#define CMD_SUGGEST_H

/*
 * postern suggest: from the audit record to a catalogue. suggest_judge says what each name needs,
 * suggest_entries makes patterns and groups of it, suggest_bound strikes what nobody could review or should
 * take unseen, suggest_print writes the rest and suggest_left tells what was left out.
 */

#include <stdio.h>

#include "obs/audit.h"
#include "policy/fold.h"

/* What becomes of a name that was asked for: an entry, or why there is none. */
enum fate {
	FATE_ALLOW,			/* an entry */
	FATE_LISTED,			/* the catalogue has it, or has by now; what it leads to may be missing */
	FATE_ABSENT,			/* it does not exist: enforcing gives the same answer */
	FATE_LABEL,			/* of one label, or none: search lists, probes of browsers */
	FATE_PROBE,			/* wpad and the like */
	FATE_REVERSE,
	FATE_PRIVATE,			/* nothing but private addresses, which were taken out */
	FATE_TYPE,			/* only for types that no entry is written for */
	FATE_ODD,			/* no pattern can be written for it */
	FATE_FAILED,			/* upstream had no answer */
	FATE_TUNNEL,			/* names that look like data carried in them */
	FATE_SCAN,			/* too many of one domain, each asked for once */
	FATE_MORE,			/* of a domain with too many to look at, and not among the most asked for */
	FATE_COUNT
};

struct asked {
	const struct audit_name *n;
	const char *text;
	enum fate fate;
	uint64_t times;
	uint32_t first, last;
	uint32_t clients;
	uint32_t only;			/* the one of them, or FOLD_SEVERAL */
	uint32_t entry;			/* of FATE_ALLOW */
	uint8_t n_types;
	uint16_t types[AUDIT_TYPES];	/* that a group of its own has to name */
	bool other_types;		/* and others, for which none is written */
};

#define GROUP_OTHERS "others"
#define GROUP_LINKS "links"
#define SUGGEST_OF_DOMAIN 128		/* entries of one registrable domain, and as many for what is led to */
#define SUGGEST_SHOWN 10		/* of what is left out */

struct suggestion {
	char pattern[256];
	enum role role;
	enum fold_how how;
	enum fate fate;			/* FATE_ALLOW, or why it is not written */
	const char *domain;		/* registrable, with the pattern's own stars */
	const char *group;
	const char *sample;		/* a name that it stands for */
	const char *from;		/* of ROLE_CHAIN: one that leads there */
	uint32_t names, from_names;
	uint64_t times;
	uint32_t clients, first, last;	/* of ROLE_CHAIN: the most that asked for one name that leads there */
	uint32_t only;			/* number of the one client, or FOLD_SEVERAL */
	uint32_t of_asked;		/* one of its names */
	uint32_t position;		/* of ROLE_CHAIN: how far from where it was led to */
	bool types;			/* its group names the types of of_asked */
	bool pinned;			/* a number in it may change, but its zone is everybody's */
	struct addr client;		/* `only` */
};

struct suggest {
	struct arena *arena;
	const struct snapshot *snapshot;
	const struct audit *audit;
	const struct prefix *client;	/* or NULL */
	uint32_t since;
	struct asked *asked;
	size_t n_asked;
	struct suggestion *v;
	size_t n;
	const char **odd_links;		/* for which no pattern can be written */
	size_t n_odd_links;
	size_t more_links;		/* names with more links than were kept */
	uint32_t first, last;		/* of all that counts */
	size_t clients;
};

/* Fills in asked; -ENOMEM. */
must_check int suggest_judge(struct suggest *s);
/* Fills in v, in the order of writing; -ENOMEM. */
must_check int suggest_entries(struct suggest *s);
void suggest_print(const struct suggest *s, time_t now, FILE *out);

/* Whether the pair counts: its client, and when. */
bool suggest_counts(const struct suggest *s, const struct audit_pair *p);
/* Whether a link of the name is in no catalogue of somebody who asked for it. */
bool suggest_missing(const struct suggest *s, const struct audit_name *n, const struct name *link);

#endif
