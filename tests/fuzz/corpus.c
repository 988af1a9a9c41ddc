/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "fuzz.h"

/* Runs a fuzz target over files: what clang's libFuzzer does, without it and without the search. */

static void run(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0, cap = 0, n;
	uint8_t block[4096], *exact;

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	while ((n = fread(block, 1, sizeof(block), f)) > 0) {
		while (size + n > cap)
			cap = cap ? 2 * cap : sizeof(block);
		CHECK(data = realloc(data, cap));
		memcpy(data + size, block, n);
		size += n;
	}
	CHECK(!ferror(f));
	fclose(f);
	CHECK(exact = malloc(size ? size : 1));
	if (size)
		memcpy(exact, data, size);
	free(data);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	printf("%s: %d inputs\n", argv[0], argc - 1);
	return 0;
}
