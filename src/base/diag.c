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
	char *text;
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
	for (at = &d->files; (f = *at); at = &f->next)
		if (!strcmp(f->name, name))
			break;
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

/* The text quotes files that anyone may have written: no control characters to the terminal, one line. */
static void make_printable(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
}

static bool append(struct file *f, struct kind *k, unsigned line, const char *fmt, va_list ap)
{
	struct item *i = calloc(1, sizeof(*i));

	if (!i)
		return false;
	if (vasprintf(&i->text, fmt, ap) < 0) {
		free(i);
		return false;
	}
	make_printable(i->text);
	i->kind = k;
	i->line = line;
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

static void visit_more(const struct file *f, const struct kind *k, diag_visit_fn *visit, void *ctx)
{
	struct diag_view v = { .file = f->name, .error = k->error, .name = k->name };
	char text[48];

	snprintf(text, sizeof(text), "%zu more of these", k->count - k->kept);
	v.text = text;
	visit(ctx, &v);
}

void diag_visit(const struct diag_list *d, diag_visit_fn *visit, void *ctx)
{
	const struct file *f;
	const struct item *i;

	for (f = d->files; f; f = f->next) {
		for (i = f->items; i; i = i->next) {
			struct diag_view v = { f->name, i->line, i->kind->error, i->kind->name, i->text };

			visit(ctx, &v);
			if (i == i->kind->last && i->kind->count > i->kind->kept)
				visit_more(f, i->kind, visit, ctx);
		}
	}
	if (d->starved)
		visit(ctx, &(struct diag_view){ "postern", 0, true, NULL, "out of memory, messages are missing" });
}

struct lines {
	void (*put)(void *ctx, const char *line);
	void *ctx;
};

static void put_line(void *ctx, const struct diag_view *v)
{
	const struct lines *l = ctx;
	char number[16] = "", *line;

	if (v->line)
		snprintf(number, sizeof(number), ":%u", v->line);
	if (asprintf(&line, "%s%s: %s: %s%s%s%s", v->file, number, v->error ? "error" : "warning", v->text,
		     v->name ? " [" : "", v->name ? v->name : "", v->name ? "]" : "") < 0) {
		l->put(l->ctx, v->text);
		return;
	}
	make_printable(line);
	l->put(l->ctx, line);
	free(line);
}

void diag_each(const struct diag_list *d, void (*put)(void *ctx, const char *line), void *ctx)
{
	struct lines l = { put, ctx };

	diag_visit(d, put_line, &l);
}

static void print_line(void *ctx, const char *line)
{
	fprintf(ctx, "%s\n", line);
}

void diag_print(const struct diag_list *d, FILE *out)
{
	diag_each(d, print_line, out);
}
