/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONF_CONF_CHECK_H
#define CONF_CONF_CHECK_H

/* What no single value shows: how the parts of a configuration fit together. Inside the conf layer only. */

#include "conf/conf_value.h"

/* cache_line: of the [cache] section. */
void conf_check(struct conf_in *in, const struct conf *c, unsigned cache_line);

#endif
