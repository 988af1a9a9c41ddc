/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_SETTINGS_H
#define CORE_SETTINGS_H

/* What of a configuration a reload may change, and what needs a restart. */

#include "core/worker.h"

/* Whether the new configuration leaves alone what only a start can set; what it does not goes to d by name. */
bool settings_unchanged(const struct conf *old, const struct conf *now, struct diag_list *d);
/* How many workers there are to be. */
unsigned settings_workers(const struct conf *c);
/* Whether anything of it is for the kernel's sets: then there is an agent that may write to them. */
bool settings_need_admin(const struct conf *c);
/* Writes the limits that the workers share. */
void settings_apply(struct shared *shared, const struct conf *c);

/*
 * Raises the soft limit of open files to what the limits of the configuration may need: a
 * descriptor a question in flight and a connection. That it cannot be had is said.
 */
void settings_raise_files(const struct conf *c);

/* What can be wrong with a configuration on this machine only: goes to d. */
void settings_check(const struct conf *c, struct diag_list *d);

#endif
