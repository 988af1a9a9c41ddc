/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_JIN_H
#define BASE_JIN_H

/*
 * JSON in: a document that is one list, read element by element, so that what is wrong with one can
 * be told with its line and what stood before it is not lost. (Names that begin with json_ are jansson's.)
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/bytes.h"

struct jin;				/* one value, read only */
struct jin_list;			/* the document */

/* Reads `in` to its end. 0; -ENOMEM; -EFBIG over `limit` bytes (at most INT_MAX); -errno when reading failed. */
must_check int jin_open(struct jin_list **l, FILE *in, size_t limit);
/* NULL is allowed. Values of it are gone with it. */
void jin_close(struct jin_list *l);

/*
 * The next element, which lives until the next call: 1, 0 behind the last, -ENOMEM, or
 * -EBADMSG: this is no JSON, jin_why says why, and nothing more can be read.
 */
must_check int jin_next(struct jin_list *l, const struct jin **value);
/* The line on which the element begins, or (after -EBADMSG) on which it cannot be read; from 1. */
unsigned jin_line(const struct jin_list *l);
/* The line of the first string of the element that is this text; the element's own where it is written otherwise. */
unsigned jin_line_of(const struct jin_list *l, const char *text);
const char *jin_why(const struct jin_list *l);

/* NULL and false stand for: not there, null, or of another type. v may be NULL. */
const struct jin *jin_get(const struct jin *object, const char *key);
const char *jin_text(const struct jin *v);
bool jin_number(const struct jin *v, int64_t *n);
bool jin_bool(const struct jin *v, bool *b);
bool jin_is_object(const struct jin *v);
bool jin_is_list(const struct jin *v);
size_t jin_count(const struct jin *list);
const struct jin *jin_at(const struct jin *list, size_t i);

#endif
