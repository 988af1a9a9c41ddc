/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_AGENT_INTERNAL_H
#define EXPORT_AGENT_INTERNAL_H

/* The agent from inside: its configurations, its channels, the flows it follows. */

#include "export/agent.h"
#include "export/book.h"
#include "export/flow.h"
#include "io/chan.h"

#define LINE_OUT 32768
#define LINE_HOLDS 16384		/* of one worker that may wait; then it is not read until half are answered */
#define LINE_BYTES ((size_t)16 << 20)	/* of its grants since none waited: so much may they take of memory */
#define REVIEWS 256			/* openers that may be out for judgement */

/* A configuration as this process read it, all in one arena. */
struct agent_conf {
	struct agent_conf *next;
	struct arena *arena;
	const struct conf *conf;
	const struct exports *exports;
	const struct guard *guard;
	char *text;			/* as it was read, until it is kept; NULL: not to be kept */
	size_t len;
};

/* A worker's channel. */
struct line {
	struct agent *agent;
	struct chan *chan;		/* NULL: closed */
	unsigned number;
	unsigned holds;			/* that wait for their answer */
	size_t bytes;			/* of those that came since none waited */
	bool failed;			/* to be closed, at the end of the turn */
	struct wr out;			/* the turn's answers */
	uint8_t room[LINE_OUT];
};

/* What the main thread asked for, and has not been told all of. */
struct asked {
	bool pending;			/* its END is owed */
	bool listing;
	struct addr address;
	uint64_t cursor;
	bool prepare;			/* waits for the end of a review */
	bool review, review_all;	/* one is going on; every opener of it is out */
	uint32_t ids[REVIEWS];		/* of those that are out, oldest first */
	unsigned n_ids;
};

struct agent {
	const struct agent_start *start;
	struct loop *loop;
	struct book *book;
	struct agent_conf *confs, *current, *prepared;
	struct chan *main;
	bool ending;
	int status;
	struct asked asked;
	struct timer again;		/* a list goes on in the next turn */
	struct watch *sigterm;
	struct flow *flow;
	struct timer follow;
	int follow_err;			/* of the last reading */
	struct line *lines;
	struct wr out;			/* for the main thread */
	uint8_t room[CHAN_MAX];
	struct proto_room in;
	struct proto_verdict verdict;
	char text[PROTO_TEXT];
};

/* agent_conf.c */

/*
 * Reads the configuration, the kept one where there is one and it is wanted. NULL after what diag_errors(d) tells, or
 * without memory.
 */
struct agent_conf *agent_conf_read(struct agent *a, bool kept, struct diag_list *d);
/* Gets its sets ready; a->prepared then, or the reasons in a->text and -errno. Warnings are in a->text. */
must_check int agent_prepare(struct agent *a, bool kept);
/* What is prepared is in force. */
void agent_commit(struct agent *a);
void agent_abort(struct agent *a);
void agent_confs_free(struct agent *a);

/* agent_ask.c */

/* Of the main thread's channel. */
void agent_asked(void *ctx, const uint8_t *msg, size_t len);
/* PREPARED and END: of this configuration, or err with the reasons in a->text. */
void agent_hello(struct agent *a, int err, const struct agent_conf *c);
/* Before the loop sleeps: what is owed to the main thread, as far as it takes it. */
void agent_answer(struct agent *a);
/* Ends the process's work. */
void agent_end(struct agent *a, int status);

/* agent_follow.c */

/* Where the configuration in force asks for it; failure is said, and goes without. */
void agent_follow_start(struct agent *a);
void agent_follow_stop(struct agent *a);

#endif
