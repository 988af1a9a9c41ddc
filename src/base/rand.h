/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_RAND_H
#define BASE_RAND_H

/* Random numbers from getrandom(2), buffered per thread. */

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *p, size_t len);
uint16_t rand_u16(void);
uint32_t rand_u32(void);
/* Uniform in [0, n); n > 0. */
uint32_t rand_below(uint32_t n);

#endif
