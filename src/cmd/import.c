/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/util.h"
#include "policy/pattern.h"

#define MEMORY ((size_t)4 << 30)
#define BLANKS " \t\v\f\r\n"

struct import {
	const char *file;		/* as it is called in messages */
	unsigned line;
	FILE *err;
	bool bad, starved;		/* lines could not be read; memory was short */
	struct arena *a;
	char **names;
	size_t n, cap;
};

static void complain(struct import *im, const char *text, size_t len, const char *why)
{
	char shown[PATTERN_SHOWN];

	im->bad = true;
	fprintf(im->err, "%s:%u: error: %s: %s\n", im->file, im->line, pattern_shown(text, len, shown), why);
}

static void keep(struct import *im, const struct pattern *p)
{
	char buf[256], *text;

	if (im->n == im->cap) {
		size_t cap = im->cap ? im->cap * 2 : 256;
		char **v = reallocarray(im->names, cap, sizeof(*v));

		if (!v) {
			im->starved = true;
			return;
		}
		im->names = v;
		im->cap = cap;
	}
	pattern_text(p->wire, p->dot, buf);
	text = arena_text(im->a, buf, strlen(buf));
	if (text)
		im->names[im->n++] = text;
	else
		im->starved = true;
}

/* Ends the text before a '#' that begins a word (or, `anywhere`, before the first). */
static void cut_comment(char *text, bool anywhere)
{
	for (char *p = strchr(text, '#'); p; p = strchr(p + 1, '#')) {
		if (anywhere || p == text || strchr(BLANKS, p[-1])) {
			*p = '\0';
			return;
		}
	}
}

static void read_list(struct import *im, char *line)
{
	char why[PATTERN_WHY];
	struct pattern p;
	size_t len;

	cut_comment(line, false);
	line += strspn(line, BLANKS);
	len = strlen(line);
	while (len && strchr(BLANKS, line[len - 1]))
		len--;
	if (!len)
		return;
	if (pattern_parse(&p, line, len, why, sizeof(why)))
		complain(im, line, len, why);
	else
		keep(im, &p);
}

/* What a hosts file says of the machine itself, and what block lists write as a name that is none. */
static bool own_name(const char *name)
{
	static const char *const own[] = {
		"localhost", "localhost.localdomain", "localhost4", "localhost4.localdomain4", "localhost6",
		"localhost6.localdomain6", "local", "loopback", "broadcasthost", "0.0.0.0",
	};
	char host[256] = "";
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (!strcasecmp(name, own[i]))
			return true;
	if (!strncasecmp(name, "ip6-", 4))
		return true;
	if (gethostname(host, sizeof(host) - 1) || !*host)
		return false;
	/* Either may be written with the domain, and the other without. */
	len = strcspn(host, ".");
	return !strcasecmp(name, host) || (!strncasecmp(name, host, len) && !name[len]) ||
	       (!host[len] && !strncasecmp(name, host, len) && !strcasecmp(name + len, ".localdomain"));
}

static void read_hosts(struct import *im, char *line)
{
	char *save = NULL, *first, *word, why[PATTERN_WHY];
	struct pattern p;
	struct addr a;
	size_t len;

	cut_comment(line, true);
	first = strtok_r(line, BLANKS, &save);
	if (!first)
		return;
	/* A scope names an interface of the machine that the file is from. */
	len = strchr(first, ':') ? strcspn(first, "%") : strlen(first);
	if (addr_parse(&a, first, len)) {
		complain(im, first, strlen(first), "expected an address, then names");
		return;
	}
	word = strtok_r(NULL, BLANKS, &save);
	if (!word)
		complain(im, first, strlen(first), "an address without a name");
	for (; word; word = strtok_r(NULL, BLANKS, &save)) {
		if (own_name(word))
			continue;
		if (pattern_parse(&p, word, strlen(word), why, sizeof(why)))
			complain(im, word, strlen(word), why);
		else if (p.stars || p.dot)
			complain(im, word, strlen(word), "a hosts file holds names, not patterns");
		else
			keep(im, &p);
	}
}

static const struct format {
	const char *name, *what;
	void (*line)(struct import *im, char *line);	/* NULL: not in this version */
} formats[] = {
	{ "list", "a list of patterns", read_list },
	{ "hosts", "a hosts file", read_hosts },
	{ "dnsmasq", "a configuration of dnsmasq", NULL },
	{ "adguard", "an AdGuard list", NULL },
	{ "rpz", "a response policy zone", NULL },
	{ "tsv", "a table", NULL },
	{ "msdocs", "a page of Microsoft's documentation", NULL },
	{ "m365", "the Microsoft 365 endpoint service", NULL },
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A value that INI takes as it stands: one line, and no ';', which would begin a comment. */
static void put_value(FILE *out, const char *key, const char *before, const char *text)
{
	fprintf(out, "%s = %s", key, before);
	for (; *text; text++)
		fputc(*text >= ' ' && *text < 0x7f && *text != ';' ? *text : '_', out);
	fputc('\n', out);
}

static void write_catalog(struct import *im, const struct format *f, FILE *out)
{
	const char *slash = strrchr(im->file, '/'), *name = slash ? slash + 1 : im->file;
	const char *key = "allow   = ";

	if (!strcmp(im->file, "-"))
		name = "standard input";
	fprintf(out, "[catalog]\n");
	put_value(out, "title  ", "Names of ", name);
	put_value(out, "source ", "", name);
	if (!im->n)
		return;
	qsort(im->names, im->n, sizeof(*im->names), by_text);
	fprintf(out, "\n[names]\n");
	put_value(out, "purpose", "what was read from ", f->what);
	fprintf(out, "ports   = tcp/80 tcp/443\n");
	for (size_t i = 0; i < im->n; i++) {
		if (i && !strcmp(im->names[i], im->names[i - 1]))
			continue;
		fprintf(out, "%s%s\n", key, im->names[i]);
		key = "          ";
	}
}

static bool read_lines(struct import *im, const struct format *f, FILE *in)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int err;

	while (errno = 0, (len = getline(&line, &cap, in)) >= 0 && !im->starved) {
		bool mark = !im->line++ && len >= 3 && !memcmp(line, "\xef\xbb\xbf", 3);

		if (memchr(line, '\0', (size_t)len))
			complain(im, line, (size_t)len - (line[len - 1] == '\n'), "NUL bytes: this is not text");
		else
			f->line(im, line + (mark ? 3 : 0));
	}
	err = errno;
	free(line);
	if (len < 0 && (ferror(in) || err == ENOMEM)) {
		fprintf(im->err, "%s: error: %s\n", im->file, strerror(err));
		return false;
	}
	return true;
}

static int import_stream(const struct format *f, const char *file, FILE *in, FILE *out, FILE *err)
{
	struct import im = { .file = file, .err = err, .a = arena_new(MEMORY) };
	int status = 1;

	if (!im.a || !read_lines(&im, f, in))
		goto out;
	if (im.starved) {
		fprintf(err, "%s: error: out of memory\n", file);
		goto out;
	}
	write_catalog(&im, f, out);
	if (fflush(out) || ferror(out))
		fprintf(err, "postern: standard output: %s\n", strerror(errno));
	else
		status = im.bad;
out:
	free(im.names);
	arena_free(im.a);
	return status;
}

/* Their names, those of this version or those that are not. */
static void put_formats(bool here, const char *last)
{
	size_t n = 0, k = 0;

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		n += here == !!formats[i].line;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (here != !!formats[i].line)
			continue;
		fprintf(stderr, "%s%s", !k ? "" : k + 1 < n ? ", " : last, formats[i].name);
		k++;
	}
}

static int unknown(const char *format)
{
	fprintf(stderr, "postern: import: no format %s: expected ", format);
	put_formats(true, " or ");
	fprintf(stderr, " (not in this version: ");
	put_formats(false, " and ");
	fprintf(stderr, ")\n");
	return 2;
}

int import_main(const char *format, const char *path)
{
	const struct format *f = formats;
	FILE *in;
	int status;

	while (f < formats + ARRAY_SIZE(formats) && strcmp(f->name, format) != 0)
		f++;
	if (f == formats + ARRAY_SIZE(formats))
		return unknown(format);
	if (!f->line) {
		fprintf(stderr, "postern: import %s: not in this version\n", format);
		return 1;
	}
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
