/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"
#include "base/util.h"
#include "cmd/cmd.h"
#include "core/daemon.h"

int cmd_run(const struct cmd_options *o)
{
	if (o->takeover)
		return cmd_not_yet("run --takeover");
	log_set_level((enum log_level)MAX(LOG_LEVEL_ERROR, MIN(LOG_LEVEL_DEBUG, LOG_LEVEL_INFO + o->verbose)));
	return daemon_run(o->file, o->file_written);
}
