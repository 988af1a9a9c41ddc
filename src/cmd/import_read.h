/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_IMPORT_READ_H
#define CMD_IMPORT_READ_H

/*
 * Inside of `postern import`: what the readers of the formats share. A reader
 * says what it found, entry by entry, in groups (import_collect.c); import_write.c makes a catalogue of it.
 * Nothing is guessed: what cannot be read is complained of with FILE:LINE, and reading goes on.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "conf/conf.h"
#include "policy/pattern.h"

#define IMPORT_BLANKS " \t\v\f\r\n"
#define IMPORT_PORTS 16			/* distinct ports of one group */

struct import_ports {
	struct conf_port v[IMPORT_PORTS];
	unsigned n;			/* 0: the source says none, tcp/80 tcp/443 */
};

struct import_entry {
	const char *text;		/* the pattern, or what could not be read */
	const char *note;		/* why not, or something to say of the entry; or NULL */
	unsigned row;			/* of the table or list it is from, counted within its area from 1; 0: none */
	bool read;
};

struct import_group {
	const char *area;		/* the source's own heading; "" where it has none */
	struct import_ports ports;
	struct import_entry *entries;
	size_t n, cap;
};

struct import {
	const char *file;		/* as it is called in messages */
	unsigned line;			/* being read */
	FILE *err;
	bool bad, starved;		/* lines could not be read; memory was short */
	struct arena *a;
	struct import_group *groups;	/* in the order of their first entry */
	size_t n_groups, groups_cap;
	uint32_t *index;		/* of groups by area and ports: number + 1, open addressing; the writer's own */
	size_t index_cap;
	void *state;			/* the reader's own, in `a` or freed by its end() */
};

/* A format. Exactly one of line and stream is set. */
struct import_format {
	const char *name, *what;	/* what: "a hosts file" */
	void (*line)(struct import *im, char *line);	/* each line, without its end (LF, CR LF) and a byte order mark */
	void (*end)(struct import *im);			/* after the last line; NULL: nothing to do */
	int (*stream)(struct import *im, FILE *in);	/* formats that are not lines; 0, or -errno when reading failed */
};

extern const struct import_format import_list, import_hosts, import_dnsmasq, import_adguard, import_rpz, import_tsv,
	import_msdocs, import_m365;

/* "FILE:LINE: error: TEXT: WHY" to im->err, TEXT made printable. */
void import_complain(struct import *im, const char *text, size_t len, const char *why);
/*
 * The group of an area with these ports, made at first use. Valid until the next call. NULL without memory
 * (im->starved is set).
 */
struct import_group *import_group(struct import *im, const char *area, const struct import_ports *ports);
/* Parses text as a pattern and keeps it; else rejects it (row 0: complains only). */
void import_keep(struct import *im, struct import_group *g, const char *text, size_t len, unsigned row,
		 const char *note);
/* Complains, and keeps what was printed so that the catalogue shows it as a comment: "# row 7 not read: …". */
void import_reject(struct import *im, struct import_group *g, const char *text, size_t len, unsigned row,
		   const char *why);

/*
 * The catalogue, as import_main prints it. The group of area "" is [names], sorted, each pattern once; a group
 * with an area is one of a table: its patterns in their order, each with its rows as a comment.
 */
void import_write(struct import *im, const struct import_format *f, FILE *out);
/* What the calls above allocated; the arena and `state` are the caller's. */
void import_free(struct import *im);

#endif
