/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the three benchmark programs share: one UDP socket each way of opening it, a stop that always comes, and sending
 * a whole batch. Sockets block; receiving asks for MSG_DONTWAIT by itself, so that a full send buffer makes the sender
 * wait and never lose.
 */
#ifndef BENCH_H
#define BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* recvmmsg, sendmmsg: include this file first */
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BENCH_BATCH 64
#define BENCH_BUFFER (4 << 20)

static volatile sig_atomic_t bench_stopped;

__attribute__((noreturn, format(printf, 1, 2))) static inline void bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

static inline uint64_t bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A whole number from least to most, or the end of the program. */
static inline uint64_t bench_number(const char *text, uint64_t least, uint64_t most)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < least || value > most)
		bench_die("%s: not a number from %llu to %llu", text, (unsigned long long)least, (unsigned long long)most);
	return value;
}

/* ADDR@PORT, IPv4, as in postern.conf. */
static inline struct sockaddr_in bench_address(const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	const char *at = strchr(text, '@');
	char host[INET_ADDRSTRLEN];

	if (!at || (size_t)(at - text) >= sizeof(host))
		bench_die("%s: not ADDR@PORT", text);
	memcpy(host, text, (size_t)(at - text));
	host[at - text] = '\0';
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		bench_die("%s: not an IPv4 address", host);
	address.sin_port = htons((uint16_t)bench_number(at + 1, 1, 65535));
	return address;
}

/* Room for every window that the load may have, else the socket and not the server would decide what is lost. */
static inline int bench_socket(void)
{
	int size = BENCH_BUFFER;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		bench_die("socket: %s", strerror(errno));
	/* The plain options are capped by rmem_max, which is still more than the default: a refusal costs nothing. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

static inline int bench_listen(const char *text)
{
	struct sockaddr_in address = bench_address(text);
	int fd = bench_socket();

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		bench_die("%s: %s", text, strerror(errno));
	return fd;
}

static inline void bench_on_signal(int signal)
{
	(void)signal;
	bench_stopped = 1;
}

/* Stops on SIGTERM and SIGINT, and by itself after so many seconds: a caller that was killed leaves nothing behind. */
static inline void bench_stop_after(unsigned seconds)
{
	struct sigaction action = { .sa_handler = bench_on_signal };

	if (sigaction(SIGTERM, &action, NULL) < 0 || sigaction(SIGINT, &action, NULL) < 0 ||
	    sigaction(SIGALRM, &action, NULL) < 0)
		bench_die("sigaction: %s", strerror(errno));
	alarm(seconds);
}

/* Sends all of a batch. sendmmsg stops at a destination that cannot be reached: that one is passed over. Returns how
 * many went. */
static inline unsigned bench_send(int fd, struct mmsghdr *messages, unsigned count)
{
	unsigned at = 0, sent = 0;

	while (at < count) {
		int n = sendmmsg(fd, messages + at, count - at, 0);

		if (n > 0) {
			at += (unsigned)n;
			sent += (unsigned)n;
		} else if (n == 0 || errno != EINTR) {
			at++;
		} else if (bench_stopped) {
			break;
		}
	}
	return sent;
}

#endif
