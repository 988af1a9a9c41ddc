/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "export/sink.h"

const char *sink_error(int err)
{
	switch (err) {
	case -ENOENT: return "there is no such set";
	case -ENFILE: return "the set is full";
	case -EINVAL: return "the set is of a type that does not fit";
	case -EPERM: return "not permitted, CAP_NET_ADMIN is needed";
	case -EEXIST: return "an element of others is there, with too little time";
	case -EAGAIN: return "others change the element over and over";
	case -ETIMEDOUT: return "no confirmation in time";
	case -ENOTCONN: return "nobody listens";
	case -EREMOTEIO: return "the listener refused";
	}
	return strerror(-err);
}
