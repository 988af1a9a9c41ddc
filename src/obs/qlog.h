/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef OBS_QLOG_H
#define OBS_QLOG_H

/* The log of queries: events as lines of text or JSON, at most so many a second. */

#include <time.h>

#include "obs/event.h"

struct qlog;

/* Opens the log as configured ("": standard error). NULL with *err = -errno. */
struct qlog *qlog_open(const struct conf_log *c, int *err);
void qlog_close(struct qlog *q);	/* NULL is allowed */
/* s: what names profiles and entries, where it is still the event's own. */
void qlog_write(struct qlog *q, const struct snapshot *s, const struct event *e, time_t when);

#endif
