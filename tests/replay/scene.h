/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REPLAY_SCENE_H
#define REPLAY_SCENE_H

/* One run of a script: a worker over the fakes, its configuration on disk, those who asked it. */

#include "core/worker.h"
#include "fake.h"
#include "script.h"

#define PATH_LEN 128

struct question {
	struct question *next;
	char label[32];
	uint8_t msg[1024];
	size_t len, limit;
	bool dnssec_ok, raw;
	struct addr client;
	struct udp_peer peer;
	struct tcp_conn *conn;		/* NULL: UDP */
	uint8_t *reply;
	size_t reply_len;
	bool answered;			/* the script has looked at it */
};

struct connection {
	struct connection *next;
	char label[32];
	struct tcp_conn *conn;		/* NULL: refused, or hung up */
};

/* What the agent has confirmed. */
struct confirmed {
	struct confirmed *next;
	struct addr addr, client;	/* client len 0: for all */
	uint64_t until_us;
	uint32_t epoch;
};

struct scene {
	char dir[PATH_LEN];		/* made by main, for all runs */
	struct snapshot *snapshot;
	struct worker *worker;
	struct shared shared;
	struct resolv resolv;
	struct export_page page;
	struct confirmed *confirmed;
	struct addr unheld[64];		/* addresses that may be given without */
	size_t n_unheld;
	uint32_t generation;
	struct question *questions;
	struct connection *connections;
	uint16_t next_port;
	struct event events[64];	/* that the script has not looked at */
	uint8_t paths[64][EVENT_PATH];	/* theirs */
	size_t n_events;
};

extern struct scene scene;

/* Writes a catalogue. */
bool scene_catalog(const char *name, char **block, size_t n);
/* The one that scripts have which write no other: `test`, allow *.good.example, chain *.cdn.example. */
bool scene_default_catalog(void);
/*
 * Starts with, or goes over to, a configuration. What every script would have to say is added where it
 * says nothing: zones, one upstream (192.0.2.1), `catalog = test` for profile default. `refused`: it is
 * to be refused.
 */
bool scene_configure(char **block, size_t n, bool refused);
/* Other servers in what stands for resolv.conf. */
bool scene_resolv(char **servers, size_t n);
/* I1, for every reply: its addresses are open, and for longer than its TTLs. */
void agent_judge(const struct addr *client, const uint8_t *msg, size_t len);
/* The page speaks of this configuration; what a set is keyed by is what `key` says. */
void agent_reads(const struct snapshot *s);
/* The channel to the agent is there, or there anew. */
void agent_attach(void);
/* Everything must have come to its end. */
void scene_check_quiet(void);
/* Closes and frees; what is left over is a fault. */
void scene_end(void);
void scene_read_events(void);

#endif
