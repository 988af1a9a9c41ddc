/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_AUDITOR_H
#define CORE_AUDITOR_H

/*
 * The audit record of the running server, in the main thread: kept in memory, and in a file of the state
 * folder, which is written by a thread of its own some time after something was noted, when asked for,
 * and at the end. While nothing is noted it sets no timer.
 */

#include "io/loop.h"
#include "obs/audit.h"

struct auditor;

/*
 * dir: the state folder, open, the auditor's from now on; -1: memory only. path: what it is called in messages.
 * What its file holds is taken over; one that is no whole record is put aside, and that is said. NULL without memory.
 */
struct auditor *auditor_new(struct loop *l, int dir, const char *path);
void auditor_note(struct auditor *r, const struct event *e, time_t when);
/* audit_text, and what is not in the file yet is on its way there. malloc, NULL without memory. */
char *auditor_text(struct auditor *r, const char *head, size_t *len);
void auditor_usage(const struct auditor *r, struct audit_usage *u);
/* Writes what is not in the file yet, and frees. NULL is allowed. */
void auditor_close(struct auditor *r);

#endif
