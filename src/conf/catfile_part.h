/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONF_CATFILE_PART_H
#define CONF_CATFILE_PART_H

/* The parts of catfile_read. Inside the conf layer only. */

#include "conf/catfile.h"
#include "conf/conf_value.h"

/* A group with its defaults, behind those that are there; NULL: too many, or memory is short (in->starved). */
struct group_decl *catfile_group(struct conf_in *in, struct catfile *f, const char *name, unsigned line);
/* Fill *f. 0, or -errno when the file cannot be read. */
must_check int catfile_read_ini(struct conf_in *in, struct catfile *f);
must_check int catfile_read_list(struct conf_in *in, struct catfile *f);

#endif
