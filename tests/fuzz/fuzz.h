/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

/* What the targets share. Each is a function of its input alone, so that a file of the corpus always does the same. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Takes the input whole; it lies in memory of exactly its size, so that the sanitizers see a byte too far. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert: it holds with NDEBUG too. */
#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

#endif
