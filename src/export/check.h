/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_CHECK_H
#define EXPORT_CHECK_H

/* What the kernel's sets say to the [export …] sections: for `check`, which changes nothing. */

#include "base/diag.h"
#include "conf/conf.h"

/*
 * Appends to d: a set that cannot be used as an error, one that is missing or smaller than the
 * section's size as a warning, each with the command that makes it right. Who may not ask the kernel gets one warning.
 */
void export_check(const struct conf *c, struct diag_list *d);

#endif
