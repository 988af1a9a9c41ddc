/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_MAX 48			/* inih cuts at 49 */

/*
 * inih is handed one short line for each good line of the file: "[s]" for a section,
 * "KEY=v" or " v". What v and s stand for is kept here until its handler asks.
 */
struct reader {
	const struct ini_handler *h;
	void *ctx;
	struct diag_list *d;
	const char *path;
	FILE *in;
	int error;			/* of reading; ends it */
	unsigned line;
	bool nul;
	bool in_section, after_key;	/* a key may stand here; so may more of it */
	bool skip, skip_more;		/* until the next good section, key: what they belong to was refused */
	bool first;			/* line of its key */
	char *text;			/* of the line at hand, INI_LINE_MAX + 1 */
	const char *value;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *s)
{
	while (blank(*s))
		s++;
	return s;
}

static void strip_end(char *s)
{
	size_t n = strlen(s);

	while (n && blank(s[n - 1]))
		n--;
	s[n] = '\0';
}

/* What follows a blank and ';'; a value never begins with ';', so that it can be written back. */
static void strip_comment(char *s)
{
	char before = ' ';

	for (; *s; before = *s++) {
		if (*s == ';' && (blank(before) || before == '=')) {
			*s = '\0';
			return;
		}
	}
}

/* Control characters other than the tab: a line of them is no text, and hostile to whoever reads the message. */
static bool is_text(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

static void refuse(struct reader *r, const char *why)
{
	diag_error(r->d, r->path, r->line, "%s", why);
}

/* A line that was refused unread: what would hang on it is passed over. */
static void lose(struct reader *r)
{
	if (*r->text == '[') {
		r->skip = true;
		r->after_key = false;
	} else if (!blank(*r->text)) {
		r->after_key = r->skip_more = true;
	}
}

enum raw { RAW_LINE, RAW_LONG, RAW_END };

/* The next line without its end; of one that is too long nothing is kept. */
static enum raw read_raw(struct reader *r)
{
	size_t n = 0;
	bool any = false, full = false;
	int c;

	while ((c = getc_unlocked(r->in)) != EOF && c != '\n') {
		any = true;
		if (!c)
			r->nul = true;
		if (n < INI_LINE_MAX)
			r->text[n++] = (char)c;
		else
			full = true;
	}
	if (c == EOF && ferror(r->in)) {
		r->error = -EIO;
		return RAW_END;
	}
	if (c == EOF && !any)
		return RAW_END;
	r->line++;
	if (full)
		return RAW_LONG;
	if (n && r->text[n - 1] == '\r')
		n--;
	r->text[n] = '\0';
	if (r->line == 1 && !strncmp(r->text, "\xef\xbb\xbf", 3))
		memmove(r->text, r->text + 3, n - 2);
	return RAW_LINE;
}

/* The length of a key at the start of s, where '=' follows it; 0: none. */
static size_t key_length(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	return s[n + strspn(s + n, " \t")] == '=' ? n : 0;
}

static bool take_section(struct reader *r, char *out, size_t cap)
{
	char *s = r->text + 1, *end = strchr(s, ']'), *name;

	r->after_key = false;
	r->skip = true;
	if (!end || *skip_blanks(end + 1)) {
		refuse(r, end ? "text behind the ']' of a section" : "a section without its ']'");
		return false;
	}
	*end = '\0';
	s = skip_blanks(s);
	strip_end(s);
	if (!*s) {
		refuse(r, "a section without a name");
		return false;
	}
	name = s + strcspn(s, " \t");
	if (*name) {
		*name++ = '\0';
		name = skip_blanks(name);
	}
	r->skip = false;
	r->in_section = true;
	snprintf(out, cap, "[s]\n");
	r->h->section(r->ctx, s, name, r->line);
	return true;
}

static bool take_key(struct reader *r, char *out, size_t cap)
{
	size_t n = key_length(r->text);
	char *equal;

	r->skip_more = true;
	r->after_key = true;
	if (r->skip)
		return false;
	equal = strchr(r->text, '=');
	if (!equal || equal == r->text) {
		refuse(r, "expected 'key = value', a [section], or an indented line that goes on with a key");
		return false;
	}
	if (!n || n > KEY_MAX) {
		refuse(r, "a key is a word of letters, digits and '-'");
		return false;
	}
	if (!r->in_section) {
		refuse(r, "a key before any [section]");
		return false;
	}
	r->value = skip_blanks(equal + 1);
	r->skip_more = false;
	r->first = true;
	snprintf(out, cap, "%.*s=v\n", (int)n, r->text);
	return true;
}

static bool take_more(struct reader *r, char *s, char *out, size_t cap)
{
	size_t n = key_length(s);

	if (r->skip || (r->after_key && r->skip_more))
		return false;
	/* Told from a value by its length: a list may hold base64, whose end is '='. */
	if (*s == '[' || !r->after_key || (n && n < 32)) {
		refuse(r, "an indented line goes on with the key above: a section or another key begins its line");
		return false;
	}
	r->value = s;
	r->first = false;
	snprintf(out, cap, " v\n");
	return true;
}

/* One line of the file into one for inih; false where it has none for it. */
static bool take_line(struct reader *r, char *out, size_t cap)
{
	char *s = skip_blanks(r->text);

	if (!*s || *s == '#' || *s == ';')
		return false;
	if (!is_text(s)) {
		refuse(r, "control characters: this is not text");
		lose(r);
		return false;
	}
	strip_comment(s);
	strip_end(s);
	if (s != r->text)
		return take_more(r, s, out, cap);
	return *s == '[' ? take_section(r, out, cap) : take_key(r, out, cap);
}

static char *give_line(char *out, int cap, void *stream)
{
	struct reader *r = stream;
	enum raw raw;

	while ((raw = read_raw(r)) != RAW_END) {
		if (r->nul)
			return NULL;
		if (raw == RAW_LONG) {
			diag_error(r->d, r->path, r->line, "a line longer than %d bytes", INI_LINE_MAX);
			lose(r);
			continue;
		}
		if (take_line(r, out, (size_t)cap))
			return out;
	}
	return NULL;
}

static int handle(void *user, const char *section, const char *key, const char *placeholder)
{
	struct reader *r = user;

	if (r->first)
		r->h->key(r->ctx, key, r->value, r->line);
	else
		r->h->more(r->ctx, key, r->value, r->line);
	return 1;
}

/* Looked for ahead, so that nothing of a binary file is handed out. */
static int find_nul(int fd, bool *found)
{
	char buf[16384];
	ssize_t n;

	*found = false;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (memchr(buf, '\0', (size_t)n)) {
			*found = true;
			return 0;
		}
	}
	return n < 0 || lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static int open_file(const char *path, FILE **in, bool *nul)
{
	/* Not blocking, or a FIFO would wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;

	if (fd < 0)
		return -errno;
	if (lseek(fd, 0, SEEK_SET) < 0)
		rc = -errno;
	if (!rc)
		rc = find_nul(fd, nul);
	if (!rc) {
		*in = fdopen(fd, "r");
		if (!*in)
			rc = -errno;
	}
	if (rc)
		close(fd);
	return rc;
}

static int read_all(struct reader *r)
{
	int rc = 0;

	r->text = malloc(INI_LINE_MAX + 1);
	if (!r->text)
		return -ENOMEM;
	/* Never told of a bad line, inih has nothing to complain of: what it gives is its own trouble. */
	if (!r->nul && ini_parse_stream(give_line, r, handle, r))
		rc = -ENOMEM;
	if (r->nul)
		diag_error(r->d, r->path, 0, "holds NUL bytes: this is not text");
	free(r->text);
	return r->error ? r->error : rc;
}

int ini_read(const char *path, const struct ini_handler *h, void *ctx, struct diag_list *d)
{
	struct reader r = { .h = h, .ctx = ctx, .d = d, .path = path };
	int rc = open_file(path, &r.in, &r.nul);

	if (rc)
		return rc;
	rc = read_all(&r);
	fclose(r.in);
	return rc;
}

int ini_read_stream(FILE *in, const char *path, const struct ini_handler *h, void *ctx, struct diag_list *d)
{
	struct reader r = { .h = h, .ctx = ctx, .d = d, .path = path, .in = in };

	return read_all(&r);
}
