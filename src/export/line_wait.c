/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/line_wait.h"

#include <errno.h>
#include <stdlib.h>

#include "base/jin.h"

static struct line_wait *at(struct line_waits *w, uint64_t seq)
{
	return &w->ring[seq % LINE_WAIT_MAX];
}

int line_waits_init(struct line_waits *w)
{
	*w = (struct line_waits){ .ring = calloc(LINE_WAIT_MAX, sizeof(*w->ring)) };
	return w->ring ? 0 : -ENOMEM;
}

void line_waits_free(struct line_waits *w)
{
	free(w->ring);
}

struct line_wait *line_waits_oldest(struct line_waits *w)
{
	while (w->first < w->next && !at(w, w->first)->open)
		w->first++;
	return w->first < w->next ? at(w, w->first) : NULL;
}

struct line_wait *line_waits_put(struct line_waits *w, uint64_t *seq)
{
	struct line_wait *e;

	line_waits_oldest(w);
	if (w->next - w->first == LINE_WAIT_MAX)
		return NULL;
	*seq = w->next;
	e = at(w, w->next++);
	*e = (struct line_wait){ .open = true };
	return e;
}

struct line_wait *line_waits_get(struct line_waits *w, uint64_t seq)
{
	struct line_wait *e = at(w, seq);

	return seq >= w->first && seq < w->next && e->open ? e : NULL;
}

void line_waits_drop(struct line_waits *w, struct line_wait *e)
{
	e->open = false;
}

struct line_wait *line_waits_due(struct line_waits *w)
{
	if (w->timed < w->first)
		w->timed = w->first;
	while (w->timed < w->next && !(at(w, w->timed)->open && at(w, w->timed)->op))
		w->timed++;
	return w->timed < w->next ? at(w, w->timed) : NULL;
}

/* jin reads one list: the lines become its elements. Blank ones would be elements without a value. */
static char *as_list(const char *lines, size_t len, size_t *out_len)
{
	char *list = malloc(len + 3), *p = list;
	const char *end = lines + len;

	if (!list)
		return NULL;
	*p++ = '[';
	while (lines < end) {
		const char *eol = memchr(lines, '\n', (size_t)(end - lines));
		size_t n = (size_t)((eol ? eol : end) - lines);

		/* "\r" alone is blank, too; behind a line it is a blank of its JSON. */
		if (n && !(n == 1 && lines[0] == '\r')) {
			if (p > list + 1)
				*p++ = ',';
			memcpy(p, lines, n);
			p += n;
		}
		lines += n + 1;
	}
	*p++ = ']';
	*out_len = (size_t)(p - list);
	return list;
}

static int take(const struct jin *v, void (*ack)(void *ctx, uint64_t seq, const char *error), void *ctx)
{
	const char *error = jin_text(jin_get(v, "error"));
	int64_t seq;
	bool ok;

	if (!jin_is_object(v) || !jin_number(jin_get(v, "seq"), &seq) || seq < 0 || !jin_bool(jin_get(v, "ok"), &ok))
		return -EBADMSG;
	ack(ctx, (uint64_t)seq, ok ? NULL : error ? error : "no reason given");
	return 0;
}

int line_acks(const char *lines, size_t len, void (*ack)(void *ctx, uint64_t seq, const char *error), void *ctx)
{
	const struct jin *v;
	struct jin_list *l = NULL;
	size_t list_len;
	char *list = as_list(lines, len, &list_len);
	FILE *in = list ? fmemopen(list, list_len, "r") : NULL;
	int err = in ? jin_open(&l, in, list_len) : -ENOMEM;

	while (!err) {
		err = jin_next(l, &v);
		if (err <= 0)
			break;
		err = take(v, ack, ctx);
	}
	jin_close(l);
	if (in)
		fclose(in);
	free(list);
	return err;
}
