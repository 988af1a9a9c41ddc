/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/util.h"
#include "cmd/import.h"
#include "conf/catfile_part.h"
#include "fuzz.h"
#include "policy/pattern.h"

#define FUZZ_ARENA ((size_t)256 << 20)

/*
 * The first byte says the format, the rest is what is imported. What comes out must be a catalogue without an error,
 * with a pattern for each line that it has for one, and the status must agree with what was complained of.
 */

static const char *const formats[] = { "list", "hosts", "dnsmasq", "adguard", "rpz", "tsv", "msdocs", "m365" };

static char *import(const char *format, const uint8_t *data, size_t size, char **err)
{
	size_t outlen, errlen;
	char *text = NULL;
	FILE *in = fmemopen((void *)(uintptr_t)data, size, "r");
	FILE *out = open_memstream(&text, &outlen), *complaints = open_memstream(err, &errlen);
	int status;

	CHECK(in && out && complaints);
	status = import_stream(import_find(format), "a;b\n.txt", in, out, complaints);
	fclose(in);
	fclose(out);
	fclose(complaints);
	CHECK(status == 0 || status == 1);
	CHECK((status == 1) == (errlen > 0));
	return text;
}

static size_t lines_of_patterns(const char *text)
{
	size_t n = 0;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		n += !strncmp(text, "allow   = ", 10) || !strncmp(text, "          ", 10);
	return n;
}

/* Every byte of it may be shown on a terminal. */
static void check_printable(const char *text)
{
	for (; *text; text++)
		CHECK(*text == '\n' || (*text >= ' ' && *text < 0x7f));
}

static void check_catalog(const char *text)
{
	struct diag_list *d = diag_new();
	struct arena *a = arena_new(FUZZ_ARENA);
	int fd = memfd_create("catalog", MFD_CLOEXEC);
	char path[40];
	struct conf_in in = { .a = a, .d = d };
	struct catfile f = { .path = path };

	CHECK(d && a && fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	in.file = path;
	CHECK(!catfile_read_ini(&in, &f));
	if (diag_errors(d))
		diag_print(d, stderr);
	CHECK(!diag_errors(d) && !in.starved);
	CHECK(f.n_entries == lines_of_patterns(text));
	for (size_t i = 0; i < f.n_entries; i++) {
		struct pattern p;

		CHECK(!pattern_parse(&p, f.entries[i].text, f.entries[i].len, NULL, 0));
	}
	close(fd);
	arena_free(a);
	diag_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *err;

	if (size < 2)
		return 0;
	text = import(formats[data[0] % ARRAY_SIZE(formats)], data + 1, size - 1, &err);
	check_printable(err);
	if (*text) {
		check_printable(text);
		check_catalog(text);
	}
	free(text);
	free(err);
	return 0;
}
