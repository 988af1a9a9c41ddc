/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "io/unix.h"
#include "io/unix_internal.h"

#define ASK_WAIT_S 60			/* a reload of a million names takes its time */
#define ASK_FIRST 4096

static int send_line(int fd, const char *line)
{
	char buf[UNIX_LINE_MAX + 1];
	size_t len = strlen(line), sent = 0;

	if (len > UNIX_LINE_MAX || strchr(line, '\n'))
		return -EINVAL;
	memcpy(buf, line, len);
	buf[len++] = '\n';
	while (sent < len) {
		ssize_t r = send(fd, buf + sent, len - sent, MSG_NOSIGNAL);

		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0)
			sent += (size_t)r;
	}
	return 0;
}

/* To the end, with a NUL behind. */
static char *read_all(int fd, size_t *len, int *err)
{
	size_t cap = ASK_FIRST;
	char *text = malloc(cap);

	*len = 0;
	*err = text ? 0 : -ENOMEM;
	while (!*err) {
		ssize_t r = recv(fd, text + *len, cap - 1 - *len, 0);

		if (r == 0) {
			text[*len] = '\0';
			return text;
		}
		if (r < 0 && errno != EINTR)
			*err = -errno;
		if (r > 0)
			*len += (size_t)r;
		if (*len + 1 == cap) {
			char *bigger = realloc(text, cap *= 2);

			if (bigger)
				text = bigger;
			else
				*err = -ENOMEM;
		}
	}
	free(text);
	return NULL;
}

char *unix_ask(const char *path, const char *line, size_t *len, int *err)
{
	struct timeval wait = { .tv_sec = ASK_WAIT_S };
	struct sockaddr_un sun;
	char *reply = NULL;
	int fd = -1;

	*err = unix_address(&sun, path);
	if (*err)
		return NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		*err = -errno;
		return NULL;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		*err = -errno;
	else
		*err = send_line(fd, line);
	if (!*err)
		reply = read_all(fd, len, err);
	if (*err == -EAGAIN)
		*err = -ETIMEDOUT;
	close(fd);
	return reply;
}
