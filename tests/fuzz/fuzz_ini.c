/* SPDX-License-Identifier: GPL-3.0-or-later */
#define FUZZ_ARENA ((size_t)256 << 20)

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"
#include "fuzz.h"

/* The input as a configuration: read, printed back, and read again, which must give the same. */

static void fill(int fd, const void *data, size_t size)
{
	CHECK(!ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size);
}

/* What is read from the file, printed; NULL where there were errors, which are printed as well. */
static char *printed(int fd, struct diag_list *d)
{
	struct arena *a = arena_new(FUZZ_ARENA);
	char path[40], *text = NULL;
	struct conf *c;
	size_t size;
	FILE *f;

	CHECK(a);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(c = conf_read(a, path, true, d));
	CHECK(c->n_profiles >= 1 && !strcmp(c->profiles[0].name.text, "default"));
	CHECK(f = open_memstream(&text, &size));
	if (diag_errors(d))
		diag_print(d, f);
	else
		conf_print(c, f);
	fclose(f);
	arena_free(a);
	if (diag_errors(d)) {
		CHECK(size);
		free(text);
		return NULL;
	}
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag_list *d = diag_new(), *again = diag_new();
	int fd = memfd_create("conf", MFD_CLOEXEC);
	char *first, *second;

	CHECK(d && again && fd >= 0);
	fill(fd, data, size);
	first = printed(fd, d);
	if (first) {
		fill(fd, first, strlen(first));
		second = printed(fd, again);
		if (!second)
			diag_print(again, stderr);
		CHECK(second && !strcmp(first, second));
		free(second);
	}
	free(first);
	close(fd);
	diag_free(d);
	diag_free(again);
	return 0;
}
