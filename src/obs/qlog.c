/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "obs/qlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jout.h"

struct qlog {
	int fd;
	enum conf_queries queries;
	bool json;
	uint32_t rate, lines;
	uint64_t unwritten;			/* lines over the rate in this second, */
	time_t second;				/* which is this */
};

/* An event as text, each field a string or NULL. */
struct fields {
	char time[CLOCK_TEXT], client[ADDR_TEXT], name[NAME_TEXT], link[NAME_TEXT], entry[256], type[16];
	const char *profile, *verdict, *reason;
	bool has_link, has_entry;
	uint32_t us;
};

struct qlog *qlog_open(const struct conf_log *c, int *err)
{
	struct qlog *q = calloc(1, sizeof(*q));

	*err = -ENOMEM;
	if (!q)
		return NULL;
	q->queries = c->queries;
	q->json = c->json;
	q->rate = c->rate;
	q->fd = STDERR_FILENO;
	if (c->file.text[0]) {
		q->fd = open(c->file.text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
		*err = -errno;
	}
	if (q->fd < 0) {
		free(q);
		return NULL;
	}
	return q;
}

/* A log that cannot be written must not stop the service: the line is lost, as on a full disk. */
static void put(const struct qlog *q, const char *line, size_t len)
{
	ssize_t n = write(q->fd, line, len);

	(void)n;
}

static void put_unwritten(struct qlog *q)
{
	char line[160], time[CLOCK_TEXT];
	int n;

	if (!q->unwritten)
		return;
	clock_text(q->second, time);
	if (q->json)
		n = snprintf(line, sizeof(line), "{\"time\":\"%s\",\"unwritten\":%llu}\n", time,
			     (unsigned long long)q->unwritten);
	else
		n = snprintf(line, sizeof(line), "%s %llu more not written (rate = %u)\n", time,
			     (unsigned long long)q->unwritten, q->rate);
	q->unwritten = 0;
	put(q, line, (size_t)n);
}

void qlog_close(struct qlog *q)
{
	if (!q)
		return;
	put_unwritten(q);
	if (q->fd != STDERR_FILENO)
		close(q->fd);
	free(q);
}

static void describe(struct fields *f, const struct snapshot *s, const struct event *e, time_t when)
{
	static const char *const verdicts[] = {
		[EVENT_ALLOWED] = "allowed", [EVENT_BLOCKED] = "blocked", [EVENT_AUDITED] = "audited",
		[EVENT_FAILED] = "failed",
	};
	bool ours = s->generation == e->generation;

	clock_text(when, f->time);
	addr_text(&e->client, f->client);
	name_text(&e->name, f->name);
	type_text(e->type, f->type);
	f->profile = ours ? s->profiles[e->profile].name : NULL;
	f->verdict = verdicts[e->verdict];
	f->reason = reason_text((enum reason)e->reason);
	f->has_link = e->link.len;
	if (f->has_link)
		name_text(&e->link, f->link);
	f->has_entry = ours && e->entry != ENTRY_NONE;
	if (f->has_entry)
		catalog_entry_text(s->catalog, e->entry, f->entry);
	f->us = e->us;
}

static void put_text(const struct qlog *q, const struct fields *f)
{
	char line[4 * NAME_TEXT];
	size_t n = (size_t)snprintf(line, sizeof(line), "%s %s %s %s %s %s %s%s%s%s%s %u.%03u ms\n",
			 f->time, f->verdict, f->client, f->profile ? f->profile : "-", f->name, f->type, f->reason,
			 f->has_link ? " link=" : "", f->has_link ? f->link : "", f->has_entry ? " entry=" : "",
			 f->has_entry ? f->entry : "", f->us / 1000, f->us % 1000);

	if (n >= sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	put(q, line, n);
}

static void put_json(const struct qlog *q, const struct fields *f)
{
	struct jout *o = jout_object();
	char *text;
	size_t len;

	jout_set_text(o, "time", f->time);
	jout_set_text(o, "client", f->client);
	jout_set_text(o, "profile", f->profile);
	jout_set_text(o, "name", f->name);
	jout_set_text(o, "type", f->type);
	jout_set_text(o, "verdict", f->verdict);
	jout_set_text(o, "reason", f->reason);
	jout_set_text(o, "link", f->has_link ? f->link : NULL);
	jout_set_text(o, "entry", f->has_entry ? f->entry : NULL);
	jout_set_real(o, "ms", f->us / 1000.0);
	text = jout_print(o, true);
	if (!text)
		return;
	len = strlen(text);
	text[len] = '\n';			/* one write a line, in the place of the NUL */
	put(q, text, len + 1);
	free(text);
}

void qlog_write(struct qlog *q, const struct snapshot *s, const struct event *e, time_t when)
{
	struct fields f;

	if (q->queries == QUERIES_NONE ||
	    (q->queries == QUERIES_BLOCKED && e->verdict != EVENT_BLOCKED && e->verdict != EVENT_AUDITED))
		return;
	if (when != q->second) {
		put_unwritten(q);
		q->second = when;
		q->lines = 0;
	}
	if (q->rate && q->lines >= q->rate) {
		q->unwritten += e->weight;
		return;
	}
	q->lines++;
	describe(&f, s, e, when);
	if (q->json)
		put_json(q, &f);
	else
		put_text(q, &f);
}
