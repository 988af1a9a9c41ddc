/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_LINE_H
#define EXPORT_LINE_H

/* kind = socket from inside: line.c is the sink, line_conn.c its connection, line_wait.c what is under way. */

#include "export/line_text.h"
#include "export/line_wait.h"

#define LINE_MAX_IN 4096		/* an answer, with its newline */
#define LINE_IN 65536

struct sink {
	struct loop *loop;
	const struct sink_events *ev;
	void *ctx;
	char *name, *path;
	struct sink_set *sets[2];
	struct line_waits waits;
	struct timer deadline;
	uint64_t said_us;

	/* the connection */
	int fd;
	bool up, reading;
	bool mad;			/* the listener answered what was not asked */
	int lost;			/* writing failed: told soon, and not from within submit */
	struct watch *watch;
	struct timer retry;
	uint64_t backoff_us, up_us;
	int said;			/* the last reason that was logged */
	struct text out;
	size_t out_at;
	char in[LINE_IN];
	size_t in_len;
};

/* An answer came; see line_acks. */
void line_acked(void *ctx, uint64_t seq, const char *error);
void line_fail_all(struct sink *s, int err);

/* Begins to connect. */
void line_conn_init(struct sink *s);
void line_conn_close(struct sink *s);
/* It is of no use any more: says so to the book, and tries again later. */
void line_conn_lost(struct sink *s, int err, const char *why);
/* Tells the book that the set is there and knows nothing. */
void line_conn_tell(struct sink *s, struct sink_set *set);
void line_conn_flush(struct sink *s);
void line_conn_read(struct sink *s);

#endif
