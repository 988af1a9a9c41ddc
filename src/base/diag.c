/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* One kind: warnings of one name; errors, and warnings without a name, of one wording. */
struct kind {
	struct kind *next;
	bool error;
	char *name;			/* or NULL */
	char *fmt;			/* NULL where a name says it */
	size_t count, kept;
	const struct item *last;	/* of those kept, the one furthest down */
};

struct item {
	struct item *next;
	struct kind *kind;
	unsigned line;
	char *text;			/* the whole line as printed */
};

struct file {
	struct file *next;
	struct kind *kinds;
	struct item *items, *last;	/* by line */
	char *name;
};

struct diag_list {
	struct file *files, *current;	/* as first seen; the one last written to */
	size_t errors, warnings;
	bool starved;
};

struct diag_list *diag_new(void)
{
	return calloc(1, sizeof(struct diag_list));
}

static void file_free(struct file *f)
{
	while (f->items) {
		struct item *i = f->items;

		f->items = i->next;
		free(i->text);
		free(i);
	}
	while (f->kinds) {
		struct kind *k = f->kinds;

		f->kinds = k->next;
		free(k->name);
		free(k->fmt);
		free(k);
	}
	free(f->name);
	free(f);
}

void diag_free(struct diag_list *d)
{
	if (!d)
		return;
	while (d->files) {
		struct file *f = d->files;

		d->files = f->next;
		file_free(f);
	}
	free(d);
}

static struct file *file_get(struct diag_list *d, const char *name)
{
	struct file **at, *f;

	if (d->current && !strcmp(d->current->name, name))
		return d->current;
	for (at = &d->files; *at; at = &(*at)->next)
		if (!strcmp((*at)->name, name))
			break;
	f = *at;
	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f)
			return NULL;
		f->name = strdup(name);
		if (!f->name) {
			free(f);
			return NULL;
		}
		*at = f;
	}
	d->current = f;
	return f;
}

static bool kind_is(const struct kind *k, bool error, const char *name, const char *fmt)
{
	if (k->error != error || !k->name != !name)
		return false;
	return name ? !strcmp(k->name, name) : !strcmp(k->fmt, fmt);
}

static struct kind *kind_get(struct file *f, bool error, const char *name, const char *fmt)
{
	struct kind *k;

	for (k = f->kinds; k; k = k->next)
		if (kind_is(k, error, name, fmt))
			return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->error = error;
	if (name)
		k->name = strdup(name);
	else
		k->fmt = strdup(fmt);
	if (!k->name && !k->fmt) {
		free(k);
		return NULL;
	}
	k->next = f->kinds;
	f->kinds = k;
	return k;
}

/* Files mostly come line by line: the end is tried first. */
static void item_insert(struct file *f, struct item *i)
{
	struct item **at = f->last && f->last->line <= i->line ? &f->last->next : &f->items;

	while (*at && (*at)->line <= i->line)
		at = &(*at)->next;
	i->next = *at;
	*at = i;
	if (!i->next)
		f->last = i;
	i->kind->kept++;
	if (!i->kind->last || i->kind->last->line <= i->line)
		i->kind->last = i;
}

static char *item_text(const struct kind *k, const char *file, unsigned line, const char *text)
{
	const char *word = k->error ? "error" : "warning";
	char number[16] = "", *out;
	unsigned char *c;

	if (line)
		snprintf(number, sizeof(number), ":%u", line);
	if (asprintf(&out, "%s%s: %s: %s%s%s%s", file, number, word, text, k->name ? " [" : "",
		     k->name ? k->name : "", k->name ? "]" : "") < 0)
		return NULL;
	/* The text quotes files that anyone may have written: no control characters to the terminal, one line. */
	for (c = (unsigned char *)out; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
	return out;
}

static bool append(struct file *f, struct kind *k, unsigned line, const char *fmt, va_list ap)
{
	struct item *i = calloc(1, sizeof(*i));
	char *text = NULL;

	if (!i)
		return false;
	if (vasprintf(&text, fmt, ap) < 0) {
		free(i);
		return false;
	}
	i->kind = k;
	i->line = line;
	i->text = item_text(k, f->name, line, text);
	free(text);
	if (!i->text) {
		free(i);
		return false;
	}
	item_insert(f, i);
	return true;
}

static void add(struct diag_list *d, bool error, const char *file, unsigned line, const char *name, const char *fmt,
		va_list ap)
{
	struct file *f = file_get(d, file);
	struct kind *k = f ? kind_get(f, error, name, fmt) : NULL;

	if (error)
		d->errors++;
	else
		d->warnings++;
	if (!k) {
		d->starved = true;
		return;
	}
	k->count++;
	if (k->kept < DIAG_KIND_MAX && !append(f, k, line, fmt, ap))
		d->starved = true;
}

void diag_error(struct diag_list *d, const char *file, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, true, file, line, NULL, fmt, ap);
	va_end(ap);
}

void diag_warn(struct diag_list *d, const char *file, unsigned line, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, false, file, line, name, fmt, ap);
	va_end(ap);
}

size_t diag_errors(const struct diag_list *d)
{
	return d->errors + d->starved;
}

size_t diag_warnings(const struct diag_list *d)
{
	return d->warnings;
}

static void each_more(const struct file *f, const struct kind *k, void (*put)(void *ctx, const char *line), void *ctx)
{
	const char *word = k->error ? "error" : "warning";
	size_t n = k->count - k->kept;
	char *line;

	if (asprintf(&line, "%s: %s: %zu more of these%s%s%s", f->name, word, n, k->name ? " [" : "",
		     k->name ? k->name : "", k->name ? "]" : "") < 0) {
		put(ctx, "error: out of memory, messages are missing");
		return;
	}
	put(ctx, line);
	free(line);
}

void diag_each(const struct diag_list *d, void (*put)(void *ctx, const char *line), void *ctx)
{
	const struct file *f;
	const struct item *i;

	for (f = d->files; f; f = f->next) {
		for (i = f->items; i; i = i->next) {
			put(ctx, i->text);
			if (i == i->kind->last && i->kind->count > i->kind->kept)
				each_more(f, i->kind, put, ctx);
		}
	}
	if (d->starved)
		put(ctx, "error: out of memory, messages are missing");
}

static void print_line(void *ctx, const char *line)
{
	fprintf(ctx, "%s\n", line);
}

void diag_print(const struct diag_list *d, FILE *out)
{
	diag_each(d, print_line, out);
}
