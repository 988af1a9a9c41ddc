/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "obs/audit.h"

static int read_all(int fd, size_t size, char **text, size_t *len)
{
	char *buf = malloc(size + 1);
	ssize_t n = 1;

	if (!buf)
		return -ENOMEM;
	*len = 0;
	while (n && *len < size) {
		n = read(fd, buf + *len, size - *len);
		if (n < 0 && errno != EINTR) {
			n = -errno;
			free(buf);
			return (int)n;
		}
		*len += n > 0 ? (size_t)n : 0;
		n = n < 0 ? 1 : n;
	}
	buf[*len] = '\0';
	*text = buf;
	return 0;
}

int audit_file_read(int dir, char **text, size_t *len)
{
	/* no link, and no pipe that would have us wait: the folder may be another account's */
	int fd = openat(dir, AUDIT_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if ((size_t)st.st_size > AUDIT_FILE_MAX)
		err = -EFBIG;
	else
		err = read_all(fd, (size_t)st.st_size, text, len);
	close(fd);
	return err;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int audit_file_write(int dir, const char *text, size_t len)
{
	int fd, err;

	/* left behind by one that was killed */
	unlinkat(dir, AUDIT_FILE_NEW, 0);
	fd = openat(dir, AUDIT_FILE_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, len);
	if (close(fd) < 0 && !err)
		err = -errno;
	if (!err && renameat(dir, AUDIT_FILE_NEW, dir, AUDIT_FILE) < 0)
		err = -errno;
	if (err)
		unlinkat(dir, AUDIT_FILE_NEW, 0);
	else if (fsync(dir) < 0)
		err = -errno;
	return err;
}

int audit_file_aside(int dir)
{
	return renameat(dir, AUDIT_FILE, dir, AUDIT_FILE_BAD) < 0 ? -errno : 0;
}
