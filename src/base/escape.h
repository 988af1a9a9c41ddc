/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

/* Hostile text made printable. */

#include <stddef.h>
#include <stdint.h>

/*
 * All but letters, digits, '-', '_' and '.' as \DDD: a word. Writes at most cap - 1 bytes and a NUL; gives the length
 * written. What does not fit is cut at a whole escape.
 */
size_t escape_text(char *out, size_t cap, const uint8_t *p, size_t len);
/* The same for a sentence: all but printable ASCII, and the backslash. */
size_t escape_sentence(char *out, size_t cap, const uint8_t *p, size_t len);

#endif
