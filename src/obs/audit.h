/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef OBS_AUDIT_H
#define OBS_AUDIT_H

/*
 * The audit record: who asked for which name that enforcing would have refused, how often,
 * when, and what its answers led to. `postern suggest` writes a catalogue from it.
 *
 * Bounded, in memory and as a file. When it is full, a pair of client and name gives way: one of the network
 * that holds most of the record, if that holds an eighth of it or more, else of anybody; in that network, of the
 * client that does, if there is one. A network is an IPv4 address or an IPv6 /64, of which a machine takes as many
 * addresses as it likes. Of some pairs that are looked at it is the one that was asked for longest ago, each
 * doubling of its count making it four days younger.
 */

#include <stdio.h>
#include <time.h>

#include "obs/event.h"

#define AUDIT_PAIRS 65536		/* of client and name */
#define AUDIT_BYTES (10u << 20)		/* of names, and what they led to; with the tables 20 MB at most */
#define AUDIT_LINKS 64			/* of one name */
#define AUDIT_TYPES 16

#define AUDIT_NONE UINT32_MAX

/* What was asked for, and what came of it, each a bit: 1 << enum event_outcome. */
struct audit_type {
	uint16_t type;
	uint8_t outcomes;
};

struct audit_name {
	struct audit_name *next;	/* in its bucket */
	uint64_t hash;
	uint32_t pairs;			/* the first of its pairs: the client that pays for it */
	uint32_t charge;
	uint8_t *links;			/* n_links names in wire form, links_len bytes */
	uint32_t links_len, links_cap;
	uint8_t n_links, n_types;
	bool more_links;		/* than are kept */
	struct audit_type types[AUDIT_TYPES];
	uint8_t len, labels;		/* of the name itself */
	uint8_t wire[];
};

struct audit_pair {
	struct audit_name *name;	/* NULL: unused */
	uint32_t client, count;
	uint32_t first, last;		/* seconds since 1970 */
	uint32_t next;			/* in its bucket, or in the list of the unused */
	uint32_t older, newer;		/* of the same name */
	uint16_t reasons;		/* 1 << enum reason */
};

/* A client, or a network. */
struct audit_client {
	struct addr addr;		/* without a scope, the network's without host bits */
	uint32_t pairs, bytes;		/* what it holds */
	uint32_t next;
	uint32_t net;			/* of a client: the network that it is of */
	bool heavy;
};

struct audit;

struct audit_usage {
	size_t names, pairs, clients, bytes, limit;
	uint64_t dropped;		/* pairs that gave way */
	uint32_t since;			/* when it began */
};

/* NULL without memory. */
struct audit *audit_new(time_t since);
void audit_free(struct audit *a);	/* NULL is allowed */
/* An event with EVENT_AUDITED. Without memory it is counted as dropped. */
void audit_add(struct audit *a, const struct event *e, time_t when);
void audit_usage(const struct audit *a, struct audit_usage *u);

/* For reading it: every name, then its pairs, from n->pairs on by `older`, until AUDIT_NONE. */
void audit_each(const struct audit *a, void (*each)(void *ctx, const struct audit_name *n), void *ctx);
void audit_name(const struct audit_name *n, struct name *out);
const struct audit_pair *audit_pair(const struct audit *a, uint32_t i);
const struct addr *audit_client(const struct audit *a, const struct audit_pair *p);

/*
 * As text, one record a line, ended by a line with a sum over it all, with `head` before it; malloc, NULL
 * without memory. It is what the state file holds, and the answer on the control socket.
 */
char *audit_text(const struct audit *a, const char *head, size_t *len);
/*
 * Reads it back, believing nothing. NULL with what is wrong in why: it is no record, or its sum does not fit. Lines
 * that make no sense in one that is whole are left out, and why says so; else why is empty.
 */
struct audit *audit_parse(const char *text, size_t len, char *why, size_t whylen);

/* For audit_parse. The pair of that name and client, made if need be; -1 without memory. */
int64_t audit_pair_get(struct audit *a, const struct name *n, const struct addr *client);
struct audit_pair *audit_pair_at(struct audit *a, uint32_t i);
void audit_note_type(struct audit_name *n, uint16_t type, uint8_t outcomes);
/* Links in wire form; the pair `keep` does not give way for them. */
void audit_note_links(struct audit *a, struct audit_name *n, const uint8_t *links, size_t len, uint32_t keep);
void audit_set_dropped(struct audit *a, uint64_t dropped);

/*
 * The file, in a folder that is open. All give 0 or -errno. Reading: -ENOENT, -EFBIG, -EINVAL: no
 * ordinary file. Writing: beside it, synced, and only then in its place. -EEXIST: AUDIT_FILE_NEW is there and cannot
 * be removed, -EISDIR: AUDIT_FILE is a folder.
 */
must_check int audit_file_read(int dir, char **text, size_t *len);
must_check int audit_file_write(int dir, const char *text, size_t len);
/* Out of the way, in the place of one that was put there before. */
must_check int audit_file_aside(int dir);

#define AUDIT_FILE "audit"
#define AUDIT_FILE_NEW "audit.new"
#define AUDIT_FILE_BAD "audit.bad"
#define AUDIT_FILE_MAX ((size_t)64 << 20)

#endif
