/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client in a hurry: asks for n0.ZONE, n1.ZONE, … and connects to every address of an answer in the moment that it
 * arrives, from the same loop turn.
 *
 *     syn ask udp|tcp SERVER PORT ZONE COUNT WINDOW CONNECT-PORT SOURCE...
 *     syn listen PORT
 *
 * ask prints "answers N bare N connected N refused N failed N"; bare: without an address. Ends with 0 if all were answered.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { SOURCES = 16, PATIENCE = 10 };

struct line {				/* one socket to the server */
	int fd;
	uint8_t in[65536 + 2];
	size_t have;
};

static struct line lines[SOURCES];
static size_t n_lines;
static int epoll_fd;
static int tcp;
static const char *zone;
static unsigned count, window, next_name, answers, bare, connected, refused, failed, open_connects;
static uint8_t *seen;
static uint16_t connect_port;
static struct sockaddr_in source[SOURCES];

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static size_t put_name(uint8_t *to, const char *text)
{
	uint8_t *p = to;

	while (*text) {
		size_t len = strcspn(text, ".");

		*p++ = (uint8_t)len;
		memcpy(p, text, len);
		p += len;
		text += len + (text[len] == '.');
	}
	*p++ = 0;
	return (size_t)(p - to);
}

/* The id is the number's low half; the rest comes back in the question. */
static void ask(unsigned number)
{
	struct line *l = &lines[number % n_lines];
	uint8_t packet[600], *p = packet + 2;
	char name[300];
	size_t len;

	memset(packet, 0, sizeof(packet));
	p[0] = (uint8_t)(number >> 8);
	p[1] = (uint8_t)number;
	p[2] = 1;
	p[5] = 1;
	snprintf(name, sizeof(name), "n%u.%s", number, zone);
	len = 12 + put_name(p + 12, name);
	p[len + 1] = 1;
	p[len + 3] = 1;
	len += 4;
	packet[0] = (uint8_t)(len >> 8);
	packet[1] = (uint8_t)len;
	if (send(l->fd, tcp ? packet : p, tcp ? len + 2 : len, 0) < 0)
		die("send");
}

static void start_connect(const struct line *l, const uint8_t *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(connect_port) };
	struct epoll_event ev = { .events = EPOLLOUT };
	struct sockaddr_in from = source[l - lines];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	from.sin_port = 0;
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)))
		die("bind");
	memcpy(&to.sin_addr, address, 4);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		die("connect");
	ev.data.u64 = (uint64_t)fd << 32 | 1;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		die("epoll_ctl");
	open_connects++;
}

static void end_connect(int fd)
{
	struct linger linger = { 1, 0 };
	socklen_t len = sizeof(int);
	int err = 0;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (!err)
		connected++;
	else if (err == ECONNREFUSED)
		refused++;
	else
		failed++;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
	open_connects--;
}

static size_t skip_name(const uint8_t *m, size_t at, size_t len)
{
	while (at < len) {
		if (m[at] >= 0xc0)
			return at + 2;
		if (!m[at])
			return at + 1;
		at += 1u + m[at];
	}
	return len;
}

static void answer(const struct line *l, const uint8_t *m, size_t len)
{
	unsigned n, i, found = 0, number = 0;
	size_t at = 12;

	if (len < 20)
		return;
	n = (unsigned)(m[6] << 8 | m[7]);
	/* n123.… */
	for (i = 14; i < len && i < 13u + m[12]; i++)
		number = number * 10 + (m[i] - '0');
	if (number >= count || seen[number])
		return;
	seen[number] = 1;
	answers++;
	at = skip_name(m, at, len) + 4;
	while (n-- && at + 10 < len) {
		at = skip_name(m, at, len);
		if (at + 10 > len)
			break;
		size_t data = (size_t)(m[at + 8] << 8 | m[at + 9]);

		if (m[at] == 0 && m[at + 1] == 1 && data == 4 && at + 14 <= len) {
			start_connect(l, m + at + 10);
			found++;
		}
		at += 10 + data;
	}
	if (!found)
		bare++;
}

static void read_line(struct line *l)
{
	ssize_t got;

	while ((got = recv(l->fd, l->in + l->have, sizeof(l->in) - l->have, MSG_DONTWAIT)) > 0) {
		if (!tcp) {
			answer(l, l->in, (size_t)got);
			continue;
		}
		l->have += (size_t)got;
		while (l->have >= 2) {
			size_t len = (size_t)(l->in[0] << 8 | l->in[1]);

			if (l->have < len + 2)
				break;
			answer(l, l->in + 2, len);
			l->have -= len + 2;
			memmove(l->in, l->in + len + 2, l->have);
		}
	}
	if (!got)
		die("the server closed a connection");
}

static void open_lines(const char *server, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	size_t i;
	int size = 4 << 20, on = 1;

	inet_pton(AF_INET, server, &to.sin_addr);
	for (i = 0; i < n_lines; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.u64 = (uint64_t)i << 32 };

		lines[i].fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
		if (lines[i].fd < 0 || bind(lines[i].fd, (struct sockaddr *)&source[i], sizeof(source[i])) ||
		    connect(lines[i].fd, (struct sockaddr *)&to, sizeof(to)))
			die(server);
		setsockopt(lines[i].fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		if (tcp)
			setsockopt(lines[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, lines[i].fd, &ev))
			die("epoll_ctl");
	}
}

static int ask_all(char **argv, int argc)
{
	struct epoll_event evs[64];
	time_t end;
	int i, n;

	tcp = !strcmp(argv[0], "tcp");
	zone = argv[3];
	count = (unsigned)atoi(argv[4]);
	window = (unsigned)atoi(argv[5]);
	connect_port = (uint16_t)atoi(argv[6]);
	seen = calloc(count, 1);
	for (i = 7; i < argc && n_lines < SOURCES; i++, n_lines++) {
		source[n_lines].sin_family = AF_INET;
		inet_pton(AF_INET, argv[i], &source[n_lines].sin_addr);
	}
	open_lines(argv[1], argv[2]);
	end = time(NULL) + PATIENCE;
	while ((answers < count || open_connects) && time(NULL) < end) {
		while (next_name < count && next_name < answers + window)
			ask(next_name++);
		n = epoll_wait(epoll_fd, evs, 64, 1000);
		for (i = 0; i < n; i++) {
			if (evs[i].data.u64 & 1)
				end_connect((int)(evs[i].data.u64 >> 32));
			else
				read_line(&lines[evs[i].data.u64 >> 32]);
		}
		if (n > 0)
			end = time(NULL) + PATIENCE;
	}
	printf("answers %u bare %u connected %u refused %u failed %u\n", answers, bare, connected, refused,
	       failed + open_connects);
	return answers < count;
}

static void take_all(const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 4096))
		die("listen");
	puts("ready");
	fflush(stdout);
	for (;;) {
		int got = accept(fd, NULL, NULL);

		if (got >= 0)
			close(got);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (argc == 3 && !strcmp(argv[1], "listen"))
		take_all(argv[2]);
	if (argc >= 10 && !strcmp(argv[1], "ask"))
		return ask_all(argv + 2, argc - 2);
	fputs("usage: syn ask udp|tcp SERVER PORT ZONE COUNT WINDOW CONNECT-PORT SOURCE... | syn listen PORT\n", stderr);
	return 2;
}
