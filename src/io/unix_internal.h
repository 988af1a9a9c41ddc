/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_UNIX_INTERNAL_H
#define IO_UNIX_INTERNAL_H

#include <sys/un.h>

#include "base/bytes.h"

/* -EINVAL for "", -ENAMETOOLONG. */
must_check int unix_address(struct sockaddr_un *sun, const char *path);

#endif
