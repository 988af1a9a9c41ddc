/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/auditor.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

#define SAVE_S 300			/* what is lost at most when the machine dies */

struct auditor {
	struct loop *loop;
	int dir;
	char *path;
	struct audit *audit;		/* NULL: nothing was noted ever */
	struct timer timer;		/* set while something is not in the file, or not known to be */
	bool changed;
	int failing;			/* it was said that the file cannot be written, for that error */
	/* The thread that writes, and what. */
	pthread_t thread;
	bool writing;
	atomic_bool written;
	char *text;
	size_t len;
	int err;
};

static void write_text(struct auditor *r)
{
	r->err = audit_file_write(r->dir, r->text, r->len);
	free(r->text);
	r->text = NULL;
}

static void *writer(void *arg)
{
	struct auditor *r = arg;

	write_text(r);
	atomic_store(&r->written, true);
	return NULL;
}

static void complain(const struct auditor *r)
{
	const char *file = r->err == -EEXIST ? AUDIT_FILE_NEW : r->err == -EISDIR ? AUDIT_FILE : NULL;

	if (file)
		log_warn("state %s/%s: the audit record cannot be written, it is in the way: remove it, nothing else is needed",
			 r->path, file);
	else
		log_warn("state %s: the audit record cannot be written: %s", r->path, strerror(-r->err));
}

/* After a writing: what failed is said once, and tried again. */
static void judge(struct auditor *r)
{
	if (r->err && r->err != r->failing)
		complain(r);
	else if (!r->err && r->failing)
		log_info("state %s: the audit record is written again", r->path);
	r->failing = r->err;
	r->changed |= r->err != 0;
}

static void end_writing(struct auditor *r)
{
	if (!r->writing)
		return;
	pthread_join(r->thread, NULL);
	r->writing = false;
	judge(r);
}

static bool make_text(struct auditor *r)
{
	r->text = audit_text(r->audit, "", &r->len);
	if (!r->text)
		return false;
	r->changed = false;
	return true;
}

static void start_writing(struct auditor *r)
{
	if (!r->changed || r->writing || r->dir < 0 || !make_text(r))
		return;
	atomic_store(&r->written, false);
	r->writing = pthread_create(&r->thread, NULL, writer, r) == 0;
	if (!r->writing) {
		free(r->text);
		r->text = NULL;
		r->changed = true;
	}
}

static void look_again(struct auditor *r)
{
	if (r->dir >= 0 && !r->timer.set)
		timer_set(loop_timers(r->loop), &r->timer, loop_now(r->loop).mono_us + SAVE_S * CLOCK_S);
}

static void on_timer(struct timer *t)
{
	struct auditor *r = container_of(t, struct auditor, timer);

	if (r->writing && atomic_load(&r->written))
		end_writing(r);
	start_writing(r);
	if (r->writing || r->changed)
		look_again(r);
}

/* A record that cannot be read is not written over. */
static void put_aside(struct auditor *r, const char *why)
{
	int err = audit_file_aside(r->dir);

	if (!err) {
		log_warn("state %s/" AUDIT_FILE ": %s: kept as " AUDIT_FILE_BAD ", a new record begins", r->path, why);
		return;
	}
	log_warn("state %s/" AUDIT_FILE ": %s: it cannot be put aside (%s), the record stays in memory", r->path, why,
		 strerror(-err));
	close(r->dir);
	r->dir = -1;
}

static void load(struct auditor *r)
{
	char *text, why[160];
	size_t len;
	int err = audit_file_read(r->dir, &text, &len);

	if (err == -ENOENT)
		return;
	if (err) {
		put_aside(r, strerror(-err));
		return;
	}
	r->audit = audit_parse(text, len, why, sizeof(why));
	free(text);
	if (!r->audit)
		put_aside(r, why);
	else if (why[0])
		log_warn("state %s/" AUDIT_FILE ": %s", r->path, why);
}

struct auditor *auditor_new(struct loop *l, int dir, const char *path)
{
	struct auditor *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct auditor){ .loop = l, .dir = dir, .path = strdup(path), .timer.fire = on_timer };
	if (!r->path) {
		free(r);
		return NULL;
	}
	if (dir >= 0)
		load(r);
	return r;
}

static bool begin(struct auditor *r)
{
	if (!r->audit)
		r->audit = audit_new(clock_wall());
	return r->audit;
}

void auditor_note(struct auditor *r, const struct event *e, time_t when)
{
	if (!begin(r))
		return;
	audit_add(r->audit, e, when);
	r->changed = true;
	look_again(r);
}

char *auditor_text(struct auditor *r, const char *head, size_t *len)
{
	if (!begin(r))
		return NULL;
	if (r->writing && atomic_load(&r->written))
		end_writing(r);
	start_writing(r);
	return audit_text(r->audit, head, len);
}

void auditor_usage(const struct auditor *r, struct audit_usage *u)
{
	*u = (struct audit_usage){ .limit = AUDIT_BYTES };
	if (r->audit)
		audit_usage(r->audit, u);
}

void auditor_close(struct auditor *r)
{
	if (!r)
		return;
	timer_cancel(loop_timers(r->loop), &r->timer);
	end_writing(r);
	if (r->changed && r->dir >= 0 && make_text(r)) {
		write_text(r);
		judge(r);
	}
	if (r->dir >= 0)
		close(r->dir);
	audit_free(r->audit);
	free(r->path);
	free(r);
}
