/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cmd/import_read.h"

#define MEMORY ((size_t)4 << 30)

static const struct import_format *const formats[] = {
	&import_list, &import_hosts, &import_dnsmasq, &import_adguard, &import_rpz, &import_tsv, &import_msdocs,
	&import_m365,
};

const struct import_format *import_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}

/* 0, or -errno when the file could not be read to its end. */
static int read_lines(struct import *im, const struct import_format *f, FILE *in)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int err;

	while (errno = 0, (len = getline(&line, &cap, in)) >= 0 && !im->starved) {
		bool mark = !im->line++ && len >= 3 && !memcmp(line, "\xef\xbb\xbf", 3);

		if (len && line[len - 1] == '\n')
			line[--len] = '\0';
		if (len && line[len - 1] == '\r')
			line[--len] = '\0';
		if (memchr(line, '\0', (size_t)len))
			import_complain(im, line, (size_t)len, "NUL bytes: this is not text");
		else
			f->line(im, line + (mark ? 3 : 0));
	}
	err = errno;
	free(line);
	return len < 0 && (ferror(in) || err == ENOMEM) ? -err : 0;
}

int import_stream(const struct import_format *f, const char *file, FILE *in, FILE *out, FILE *err)
{
	struct import im = { .file = file, .err = err, .a = arena_new(MEMORY) };
	int status = 1, error;

	im.starved = !im.a;
	error = im.starved ? 0 : f->stream ? f->stream(&im, in) : read_lines(&im, f, in);
	if (im.a && f->end)
		f->end(&im);
	if (im.starved)
		error = -ENOMEM;
	if (error) {
		fprintf(err, "%s: error: %s\n", file, strerror(-error));
		goto out;
	}
	import_write(&im, f, out);
	if (im.starved)
		fprintf(err, "%s: error: %s\n", file, strerror(ENOMEM));
	else if (fflush(out) || ferror(out))
		fprintf(err, "postern: standard output: %s\n", strerror(errno));
	else
		status = im.bad;
out:
	import_free(&im);
	arena_free(im.a);
	return status;
}

static int unknown(const char *format)
{
	size_t n = ARRAY_SIZE(formats);

	fprintf(stderr, "postern: import: no format %s: expected ", format);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s%s", formats[i]->name, i + 1 == n ? "\n" : i + 2 == n ? " or " : ", ");
	return 2;
}

int import_main(const char *format, const char *path)
{
	const struct import_format *f = import_find(format);
	FILE *in;
	int status;

	if (!f)
		return unknown(format);
	if (!strcmp(path, "-"))
		return import_stream(f, path, stdin, stdout, stderr);
	in = fopen(path, "re");
	if (!in) {
		fprintf(stderr, "%s: error: %s\n", path, strerror(errno));
		return 1;
	}
	status = import_stream(f, path, in, stdout, stderr);
	fclose(in);
	return status;
}
