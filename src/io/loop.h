/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_LOOP_H
#define IO_LOOP_H

/*
 * The event loop of one thread: libuv behind a narrow contract. No header of
 * io shows uv.h, so that the replay tests put a fake in the place of each.
 */

#include "base/addr.h"
#include "base/clock.h"
#include "state/timer.h"

struct loop;
struct watch;

/* before_sleep, or NULL, runs every turn as the last thing before the loop waits (uv_prepare). -ENOMEM gives NULL. */
struct loop *loop_new(void (*before_sleep)(void *ctx), void *ctx);
/*
 * Until loop_stop, even while nothing is left to wait for. What was posted before it ends is run, and
 * before_sleep once more, so that no reply stays queued.
 */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/*
 * Closes what is left and frees; gives the number of watches that their owners had not closed: 0, or there is
 * a bug. Posts that have not run are dropped.
 */
must_check int loop_free(struct loop *l);

/* The time, read before each callback, and again at each batch of datagrams. */
struct now loop_now(const struct loop *l);
void loop_update_now(struct loop *l);
/* The loop's timers: it sleeps until the first is due, and fires them as the first thing of a turn. */
struct timers *loop_timers(struct loop *l);

/* From any thread: fn(arg) runs soon in the loop's own thread, in the order of posting. -ENOMEM. */
must_check int loop_post(struct loop *l, void (*fn)(void *arg), void *arg);

/*
 * Watches a descriptor (it stays the caller's). NULL on error. An error that waits on it comes as all the
 * events asked for: the callback's next call on the descriptor reads it.
 */
#define WATCH_READ 1
#define WATCH_WRITE 2
struct watch *watch_fd(struct loop *l, int fd, int events, void (*cb)(void *ctx, int events), void *ctx);
void watch_events(struct watch *w, int events);
struct watch *watch_signal(struct loop *l, int signum, void (*cb)(void *ctx, int signum), void *ctx);
/*
 * Watches a file for being written, replaced, removed or made, where it is
 * and (a symbolic link) where it leads: cb may come more often than the content changes.
 */
struct watch *watch_file(struct loop *l, const char *path, void (*cb)(void *ctx), void *ctx);
/*
 * A wake-up that any thread may send, without allocating: cb runs soon in the loop's own thread, once for
 * several sent before it.
 */
struct watch *watch_wake(struct loop *l, void (*cb)(void *ctx), void *ctx);
void watch_wake_send(struct watch *w);
/* NULL is allowed. The callback is not called any more; a descriptor may be closed at once. */
void watch_close(struct watch *w);

#endif
