/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/catfile_part.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Exactly st_size bytes, or the file changed under us and nobody knows what is missing. */
static int read_whole(int fd, char *p, size_t size)
{
	size_t done = 0;
	ssize_t n;
	char more;

	while (done < size) {
		n = read(fd, p + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EAGAIN;
		done += (size_t)n;
	}
	n = read(fd, &more, 1);
	if (n < 0)
		return -errno;
	return n ? -EAGAIN : 0;
}

static int load(int fd, struct catfile *f)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (!st.st_size)
		return 0;
	if ((uint64_t)st.st_size > UINT32_MAX)
		return -EFBIG;
	/* Populated at once: faults page by page would cost as much as all the rest. */
	map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
		   0);
	if (map == MAP_FAILED)
		return -errno;
	f->map = map;
	f->map_len = (size_t)st.st_size;
	return read_whole(fd, map, f->map_len);
}

static size_t count_lines(const char *p, const char *end)
{
	size_t n = 1;

	while ((p = memchr(p, '\n', (size_t)(end - p)))) {
		n++;
		p++;
	}
	return n;
}

/* Without blanks around, comment and CR. */
static const char *trim(const char *p, const char **end)
{
	const char *e = *end, *hash = p;

	if (e > p && e[-1] == '\r')
		e--;
	while ((hash = memchr(hash, '#', (size_t)(e - hash)))) {
		if (hash == p || blank(hash[-1])) {
			e = hash;
			break;
		}
		hash++;
	}
	while (p < e && blank(*p))
		p++;
	while (e > p && blank(e[-1]))
		e--;
	*end = e;
	return p;
}

static void take_line(struct conf_in *in, struct catfile *f, const char *p, const char *end, uint32_t line)
{
	size_t len;

	p = trim(p, &end);
	len = (size_t)(end - p);
	if (!len)
		return;
	if (len > CATFILE_PATTERN_MAX)
		diag_error(in->d, in->file, line, "a pattern of %zu characters: longer than any name", len);
	else if (memchr(p, ' ', len) || memchr(p, '\t', len))
		diag_error(in->d, in->file, line, "'%.*s': expected one pattern a line", (int)len, p);
	else
		f->entries[f->n_entries++] = (struct entry_decl){
			.text = p, .line = line, .len = (uint16_t)len, .role = ROLE_ALLOW,
		};
}

static void take_lines(struct conf_in *in, struct catfile *f)
{
	const char *p = f->map, *end = p + f->map_len, *eol;
	uint32_t line = 1;

	if (f->map_len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	if (memchr(p, '\0', (size_t)(end - p))) {
		diag_error(in->d, in->file, 0, "holds NUL bytes: this is not text");
		return;
	}
	f->entries = arena_array(in->a, count_lines(p, end), sizeof(*f->entries));
	if (!f->entries) {
		in->starved = true;
		return;
	}
	for (; p < end; p = eol + 1, line++) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			eol = end;
		take_line(in, f, p, eol, line);
	}
}

int catfile_read_list(struct conf_in *in, struct catfile *f)
{
	/* Not blocking, or a FIFO would wait for its writer. */
	int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

	if (fd < 0)
		return -errno;
	rc = load(fd, f);
	close(fd);
	if (rc)
		return rc;
	if (catfile_group(in, f, "", 0) && f->map)
		take_lines(in, f);
	return 0;
}
