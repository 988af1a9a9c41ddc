/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_JOUT_H
#define BASE_JOUT_H

/*
 * Writing JSON, through jansson. Every function takes NULL for a value that
 * could not be made, and passes the lack of memory on: jout_print gives NULL in the end.
 */

#include <stdbool.h>
#include <stdint.h>

struct jout;

struct jout *jout_object(void);
struct jout *jout_array(void);
void jout_delete(struct jout *j);

/* text NULL: null. Of what is not UTF-8 the bytes over 127 become '?'. */
void jout_set_text(struct jout *object, const char *key, const char *text);
void jout_set_number(struct jout *object, const char *key, int64_t n);
void jout_set_real(struct jout *object, const char *key, double n);
void jout_set_bool(struct jout *object, const char *key, bool b);
/* The child becomes the parent's. NULL is a child that could not be made. */
void jout_set(struct jout *object, const char *key, struct jout *child);
void jout_add(struct jout *array, struct jout *child);
void jout_add_text(struct jout *array, const char *text);

/* One line (compact) or indented; with free(3). Deletes j. NULL without memory. */
char *jout_print(struct jout *j, bool compact);

#endif
