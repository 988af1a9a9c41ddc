/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_UNIX_H
#define IO_UNIX_H

/* A Unix socket that takes one line and gives one text: the control socket, both ends. */

#include "io/loop.h"

struct unix_server;
struct unix_conn;

#define UNIX_LINE_MAX 2048

/* One request line, without its newline. The handler answers with unix_reply, now or later, exactly once. */
typedef void unix_fn(void *ctx, struct unix_conn *conn, char *line);

/*
 * Makes the socket with mode 0660 (its folder, where missing, with 0755). A
 * socket file that nobody serves is replaced; one that is served: -EADDRINUSE. NULL with *err.
 */
struct unix_server *unix_serve(struct loop *l, const char *path, unix_fn *cb, void *ctx, int *err);
/* Sends text (copied) and closes. Slow readers are cut after 10 s. */
void unix_reply(struct unix_conn *conn, const char *text, size_t len);
/*
 * Sends a part of it (copied), behind which more and in the end unix_reply will come. -EPIPE, -ENOMEM: the connection
 * is over; unix_reply must still come.
 */
must_check int unix_part(struct unix_conn *conn, const char *text, size_t len);
/* Of a reply that holds much: cb when the connection is over, all sent or cut. Set by the handler, before unix_reply. */
void unix_watch_end(struct unix_conn *conn, void (*cb)(void *ctx), void *ctx);
/* Closes and removes the socket file. NULL is allowed. */
void unix_close(struct unix_server *s);

/*
 * The other end, blocking: sends the line, gives the whole reply (malloc) or NULL with *err.
 */
char *unix_ask(const char *path, const char *line, size_t *len, int *err);

#endif
