/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONF_CONF_CHECK_H
#define CONF_CONF_CHECK_H

/* What no single value shows: how the parts of a configuration fit together. Inside the conf layer only. */

#include "conf/conf_keys.h"

/* cache_line: of the [cache] section. */
void conf_check(struct conf_in *in, const struct conf *c, unsigned cache_line);

/* Of one [export], whose keys are all read. conf_export.c */
void conf_export_check(const struct conf_keys *k, struct conf_export *e);
/* Of all of them, and of who names them. conf_export.c */
void conf_exports_check(struct conf_in *in, const struct conf *c);

#endif
