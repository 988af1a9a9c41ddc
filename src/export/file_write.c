/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"

#define PART 2000			/* elements a step: 3 ms */
#define BLOCK 1000			/* elements of one nft command */
#define COMMENT 127			/* bytes that nft takes */
#define MODE 0644

static int name_out(struct file_out *o, const char *name, const char *suffix)
{
	if (asprintf(&o->name, "%s%s", name, suffix) < 0)
		o->name = NULL;
	if (asprintf(&o->temp, ".%s%s.new", name, suffix) < 0)
		o->temp = NULL;
	return o->name && o->temp ? 0 : -ENOMEM;
}

int file_writer_init(struct file_writer *w, const char *path, const char *export, struct file_set *sets)
{
	static const char suffix[] = ".json";
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strlen(name);
	char *folder;
	int err = 0;

	*w = (struct file_writer){ .folder = -1, .script.fd = -1, .json.fd = -1, .export = export, .sets = sets };
	if (!len)
		return -EISDIR;
	folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	if (!folder)
		return -ENOMEM;
	w->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->folder < 0)
		err = -errno;
	free(folder);
	if (err)
		return err;
	if (len > strlen(suffix) && !strcmp(name + len - strlen(suffix), suffix))
		return name_out(&w->json, name, "");
	err = name_out(&w->script, name, "");
	return err ? err : name_out(&w->json, name, suffix);
}

static void forget(struct file_writer *w, struct file_out *o)
{
	if (o->fd >= 0) {
		close(o->fd);
		unlinkat(w->folder, o->temp, 0);
	}
	o->fd = -1;
	o->text.len = 0;
	o->text.bad = false;
}

static int stop(struct file_writer *w, int err)
{
	forget(w, &w->script);
	forget(w, &w->json);
	w->under_way = false;
	return err;
}

void file_writer_free(struct file_writer *w)
{
	struct file_out *outs[] = { &w->script, &w->json };

	stop(w, 0);
	for (size_t i = 0; i < ARRAY_SIZE(outs); i++) {
		free(outs[i]->name);
		free(outs[i]->temp);
		free(outs[i]->text.p);
	}
	if (w->folder >= 0)
		close(w->folder);
}

/* A name that stands there already is of a run that was killed, or a link that somebody laid: neither is written to. */
static int make(struct file_writer *w, struct file_out *o)
{
	if (!o->name)
		return 0;
	if (unlinkat(w->folder, o->temp, 0) && errno != ENOENT)
		return -errno;
	o->fd = openat(w->folder, o->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
	return o->fd < 0 ? -errno : 0;
}

int file_writer_start(struct file_writer *w)
{
	char when[CLOCK_TEXT];
	int err;

	stop(w, 0);
	w->at_set = w->at = w->in_block = 0;
	w->any = false;
	w->next_end = TIMERS_NEVER;
	err = make(w, &w->script);
	if (!err)
		err = make(w, &w->json);
	if (err)
		return stop(w, err);
	w->under_way = true;
	clock_text(clock_wall(), when);
	if (w->script.name) {
		text_printf(&w->script.text, "# written by postern at %s: load it with nft -f\n", when);
		for (size_t i = 0; i < 2; i++)
			if (w->sets[i].set && w->sets[i].name[0])
				text_printf(&w->script.text, "flush set %s\n", w->sets[i].name);
	}
	text_printf(&w->json.text, "{\"export\":");
	text_json(&w->json.text, w->export);
	text_printf(&w->json.text, ",\"written\":\"%s\",\"leases\":[", when);
	return 0;
}

static void end_block(struct file_writer *w)
{
	if (w->in_block)
		text_printf(&w->script.text, "\n}\n");
	w->in_block = 0;
}

static void put_script(struct file_writer *w, const struct file_set *fs, const struct keep_entry *e, uint64_t seconds)
{
	const struct file_more *m = e->more;
	struct text *t = &w->script.text;
	char buf[SHAPE_ELEMENT_TEXT];

	if (w->in_block == BLOCK)
		end_block(w);
	if (w->in_block++)
		text_add(t, ",\n", 2);
	else
		text_printf(t, "add element %s {\n", fs->name);
	text_printf(t, "\t%s timeout %llus", shape_element_text(&fs->set->shape, e->key, buf),
		    (unsigned long long)seconds);
	/* The name is escaped text: a quote, which nft has no way to write, cannot be in it. */
	if (m->name[0])
		text_printf(t, " comment \"%.*s\"", COMMENT, m->name);
}

static void put_json(struct file_writer *w, const struct file_set *fs, const struct keep_entry *e, uint64_t seconds)
{
	const struct file_more *m = e->more;
	struct text *t = &w->json.text;

	text_printf(t, "%s\n{\"set\":", w->any ? "," : "");
	if (fs->name[0])
		text_json(t, fs->name);
	else
		text_add(t, "null", 4);
	text_add(t, ",", 1);
	text_element(t, &fs->set->shape, e->key, m->ports, m->n_ports, seconds, m->name);
	text_add(t, "}", 1);
	w->any = true;
}

/* Writes out what is ready. The folder is a disk's: this waits as long as the kernel does. */
static int flush(struct file_out *o)
{
	size_t at = 0;

	if (o->text.bad)
		return -ENOMEM;
	while (o->fd >= 0 && at < o->text.len) {
		ssize_t n = write(o->fd, o->text.p + at, o->text.len - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	o->text.len = 0;
	return 0;
}

static int finish(struct file_writer *w, struct file_out *o)
{
	int fd = o->fd;

	if (fd < 0)
		return 0;
	if (fsync(fd) && errno != EINVAL && errno != EROFS)
		return -errno;
	if (renameat(w->folder, o->temp, w->folder, o->name))
		return -errno;
	o->fd = -1;
	/* An error of close was an error of fsync. */
	close(fd);
	return 0;
}

static int end(struct file_writer *w)
{
	int err;

	text_printf(&w->json.text, "\n]}\n");
	err = flush(&w->script);
	if (!err)
		err = flush(&w->json);
	/* The script last: it is the one that is loaded, and whoever waits for it finds both. */
	if (!err)
		err = finish(w, &w->json);
	if (!err)
		err = finish(w, &w->script);
	return stop(w, err);
}

int file_writer_step(struct file_writer *w, uint64_t now_us)
{
	int err;

	for (size_t n = 0; w->at_set < 2; w->at_set++, w->at = 0) {
		struct file_set *fs = &w->sets[w->at_set];

		for (; fs->set && w->at < fs->keep.n && n < PART; w->at++) {
			struct keep_entry *e = &fs->keep.v[w->at];
			uint64_t seconds;

			if (!e->used)
				continue;
			if (e->end_us <= now_us) {
				keep_drop(&fs->keep, e);
				continue;
			}
			n++;
			seconds = text_seconds((e->end_us - now_us) / CLOCK_MS);
			w->next_end = MIN(w->next_end, e->end_us);
			if (w->script.name && fs->name[0])
				put_script(w, fs, e, seconds ? seconds : 1);
			put_json(w, fs, e, seconds ? seconds : 1);
		}
		if (fs->set && w->at < fs->keep.n)
			break;
		end_block(w);
	}
	if (w->at_set == 2)
		return end(w);
	err = flush(&w->script);
	if (!err)
		err = flush(&w->json);
	return err ? stop(w, err) : 1;
}
