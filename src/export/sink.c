/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/sink.h"

#include <stddef.h>

const struct sink_kind *sink_kind_of(enum conf_export_kind kind)
{
	switch (kind) {
	case EXPORT_NFTABLES: return &sink_nft;
	case EXPORT_IPSET: return &sink_ipset;
	case EXPORT_FILE: return &sink_file;
	case EXPORT_SOCKET: return &sink_socket;
	}
	return NULL;
}
