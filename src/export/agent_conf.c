/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "export/agent_internal.h"

#define CONF_MEMORY ((size_t)256 << 20)
#define CONF_TEXT ((size_t)64 << 20)	/* of the file */
/* The length of the text behind it, written last: an agent may be killed while it writes. */
#define KEPT_HEAD 8

static void conf_free(struct agent_conf *c)
{
	arena_free(c->arena);
	free(c->text);
	free(c);
}

/* All of what fd gives from offset on; NULL with *err. */
static char *slurp(int fd, off_t offset, size_t *len, int *err)
{
	size_t cap = 0;
	char *text = NULL;

	*len = 0;
	for (;;) {
		ssize_t r;

		if (*len == cap) {
			char *more = cap < CONF_TEXT ? realloc(text, cap * 2 + 65536) : NULL;

			if (!more) {
				*err = cap < CONF_TEXT ? -ENOMEM : -EFBIG;
				break;
			}
			text = more;
			cap = cap * 2 + 65536;
		}
		r = pread(fd, text + *len, cap - *len, offset + (off_t)*len);
		if (r == 0)
			return text;
		if (r < 0 && errno != EINTR) {
			*err = -errno;
			break;
		}
		*len += r > 0 ? (size_t)r : 0;
	}
	free(text);
	return NULL;
}

/* NULL: nothing is kept, or not all of it. */
static char *kept_text(int fd, size_t *len)
{
	uint8_t head[KEPT_HEAD];
	char *text;
	int err;

	if (fd < 0 || pread(fd, head, sizeof(head), 0) != sizeof(head))
		return NULL;
	text = slurp(fd, KEPT_HEAD, len, &err);
	if (text && *len && *len == ((uint64_t)bytes_u32(head) << 32 | bytes_u32(head + 4)))
		return text;
	free(text);
	return NULL;
}

static int keep(int fd, const char *text, size_t len)
{
	uint8_t head[KEPT_HEAD];
	size_t done = 0;

	if (ftruncate(fd, 0) < 0)
		return -errno;
	while (done < len) {
		ssize_t r = pwrite(fd, text + done, len - done, (off_t)(KEPT_HEAD + done));

		if (r < 0 && errno != EINTR)
			return -errno;
		done += r > 0 ? (size_t)r : 0;
	}
	bytes_put_u32(head, (uint32_t)((uint64_t)len >> 32));
	bytes_put_u32(head + 4, (uint32_t)len);
	return pwrite(fd, head, sizeof(head), 0) == sizeof(head) ? 0 : -EIO;
}

/* The file's text, once: what is kept later is what was judged. A default file that is not there is an empty one. */
static char *file_text(const struct agent_start *s, size_t *len, int *err)
{
	int fd = open(s->path, O_RDONLY | O_CLOEXEC);
	char *text;

	*len = 0;
	if (fd < 0) {
		*err = -errno;
		return *err == -ENOENT && !s->path_written && !strcmp(s->path, CONF_DEFAULT_FILE) ? calloc(1, 1) : NULL;
	}
	text = slurp(fd, 0, len, err);
	close(fd);
	return text;
}

static int parse(struct agent_conf *c, const char *path, const char *text, size_t len, struct diag_list *d)
{
	/* not every fmemopen takes an empty buffer */
	FILE *in = fmemopen((void *)(len ? text : "\n"), len ? len : 1, "r");

	c->arena = arena_new(CONF_MEMORY);
	if (in && c->arena)
		c->conf = conf_read_stream(c->arena, in, path, d);
	if (in)
		fclose(in);
	if (!c->conf)
		return -ENOMEM;
	if (diag_errors(d))
		return -EINVAL;
	c->exports = exports_build(c->arena, c->conf);
	c->guard = guard_build(c->arena, &c->conf->server.private);
	return c->exports && c->guard ? 0 : -ENOMEM;
}

struct agent_conf *agent_conf_read(struct agent *a, bool kept, struct diag_list *d)
{
	struct agent_conf *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;
	bool from_kept;

	if (!c)
		return NULL;
	c->text = kept ? kept_text(a->start->kept, &c->len) : NULL;
	from_kept = c->text;
	if (!c->text)
		c->text = file_text(a->start, &c->len, &err);
	if (!c->text)
		diag_error(d, a->start->path, 0, "cannot be read: %s", strerror(-err));
	else if (!parse(c, a->start->path, c->text, c->len, d)) {
		if (from_kept) {
			free(c->text);
			c->text = NULL;
		}
		return c;
	}
	conf_free(c);
	return NULL;
}

static void add_line(void *ctx, const char *line)
{
	struct agent *a = ctx;
	size_t len = strlen(a->text), more = strlen(line);

	if (more + 2 > sizeof(a->text) - len)
		return;
	memcpy(a->text + len, line, more);
	strcpy(a->text + len + more, "\n");
}

static void drop_gone(struct agent *a)
{
	const struct conf *gone;

	while ((gone = book_layout_gone(a->book))) {
		struct agent_conf **at = &a->confs, *c;

		while (*at && (*at)->conf != gone)
			at = &(*at)->next;
		c = *at;
		if (!c)
			continue;
		*at = c->next;
		conf_free(c);
	}
}

static int prepare(struct agent *a, bool kept, struct diag_list *reading, struct diag_list *sets)
{
	struct agent_conf *c = agent_conf_read(a, kept, reading);
	int err;

	if (!c) {
		/* its warnings are the server's to tell, which reads the same */
		diag_each(reading, add_line, a);
		return diag_errors(reading) ? -EINVAL : -ENOMEM;
	}
	c->next = a->confs;
	a->confs = c;
	/* what is kept was in force */
	if (!c->text)
		book_forgive(a->book);
	err = book_prepare(a->book, c->conf, c->exports, c->guard, sets);
	diag_each(sets, add_line, a);
	if (!err)
		a->prepared = c;
	drop_gone(a);
	return err;
}

int agent_prepare(struct agent *a, bool kept)
{
	struct diag_list *reading = diag_new(), *sets = diag_new();
	int err = -ENOMEM;

	a->text[0] = '\0';
	agent_abort(a);
	if (reading && sets)
		err = prepare(a, kept, reading, sets);
	diag_free(reading);
	diag_free(sets);
	if (err && !a->text[0])
		snprintf(a->text, sizeof(a->text), "agent: %s\n", strerror(-err));
	return err;
}

void agent_commit(struct agent *a)
{
	struct agent_conf *c = a->prepared;
	int err;

	book_commit(a->book);
	a->current = c;
	a->prepared = NULL;
	drop_gone(a);
	if (!c->text)
		return;
	err = a->start->kept >= 0 ? keep(a->start->kept, c->text, c->len) : 0;
	if (err)
		log_warn("agent: cannot keep the configuration, an agent that is started anew will read the file: %s",
			 strerror(-err));
	free(c->text);
	c->text = NULL;
}

void agent_abort(struct agent *a)
{
	if (!a->prepared)
		return;
	a->prepared = NULL;
	book_abort(a->book);
	drop_gone(a);
}

void agent_confs_free(struct agent *a)
{
	while (a->confs) {
		struct agent_conf *c = a->confs;

		a->confs = c->next;
		conf_free(c);
	}
}
