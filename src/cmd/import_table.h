/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_IMPORT_TABLE_H
#define CMD_IMPORT_TABLE_H

/*
 * What published tables have in common: an endpoint as printed becomes a
 * pattern or is rejected, a protocol cell becomes ports, and every printed
 * endpoint has a row number within its area, read or not.
 */

#include "cmd/import_map.h"

/*
 * One printed endpoint; `rows` counts those of each area. The area must not be "". Cells may have blanks around
 * them. `remark`: what the source says of it, or NULL.
 */
void import_table_row(struct import *im, struct import_map *rows, const char *area, const char *endpoint,
		      const char *protocol, const char *remark);
/*
 * One word that has the look of a printed name, for readers that must tell names from prose: nothing in it that
 * no name or URL has, a dot, a top-level domain that there is. What is open to the right or holds a
 * placeholder has the look as well, and is for import_table_row to reject.
 */
bool import_table_name_like(const char *text, size_t len);
/* Without the blanks around it, no-break spaces too; what is behind is cut off. */
char *import_table_trim(char *text);

#endif
