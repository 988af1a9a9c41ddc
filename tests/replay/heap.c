/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake.h"

#include <stdlib.h>

/*
 * Counts calls of the allocator, to hold the fast path to its promise (I4):
 * by the sanitizers' hook where one is built in, else by our own malloc before glibc's.
 */

static unsigned long calls;

unsigned long heap_calls(void)
{
	return calls;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

/* Of sanitizer/allocator_interface.h, which comes with clang but not with gcc. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
					      void (*on_free)(const volatile void *));

static void on_malloc(const volatile void *p, size_t size)
{
	calls++;
}

static void on_free(const volatile void *p)
{
}

void heap_watch(void)
{
	if (!__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free))
		abort();
}

#else

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
	calls++;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	calls++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	calls++;
	return __libc_realloc(p, size);
}

void heap_watch(void)
{
}

#endif
