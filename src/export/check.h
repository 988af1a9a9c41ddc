/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_CHECK_H
#define EXPORT_CHECK_H

/* What the kernel's sets say to the [export …] sections: for `check`, which changes nothing. */

#include "base/diag.h"
#include "conf/conf.h"
#include "export/shape.h"

/*
 * Appends to d: a set that cannot be used as an error, one that is missing or smaller than the
 * section's size as a warning, each with the command that makes it right. Who may not ask the kernel gets one warning.
 */
void export_check(const struct conf *c, struct diag_list *d);
/* A set that is there is taken as it is: a warning where the section's key, if it is written, says something else. */
void export_check_key(const struct conf *c, const struct conf_export *e, enum export_family f, const struct shape *s,
		      struct diag_list *d);
/* Of a command that makes a set: what it is, and that another may be meant where no key says so. */
const char *export_makes_it(const struct conf_export *e);

#endif
