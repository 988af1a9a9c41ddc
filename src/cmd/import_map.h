/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_IMPORT_MAP_H
#define CMD_IMPORT_MAP_H

/* From text to a number or pointer, in the import's arena. Begins as zeroes; nothing to free. */

#include "cmd/import_read.h"

struct import_map_slot;

struct import_map {
	struct import_map_slot *slots;
	size_t n, cap;
};

/* The value of a key, 0 when it is new (a copy of it is kept). Valid until the next call. NULL: im->starved. */
uintptr_t *import_map_at(struct import *im, struct import_map *m, const char *key);
/* The value of a key that may be missing: 0 then. */
uintptr_t import_map_get(const struct import_map *m, const char *key);

#endif
