/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <poll.h>

#include "io_help.h"

#include "io/listen.h"

static int option(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(getsockopt(fd, level, name, &v, &len), 0);
	return v;
}

static void check_common(int fd)
{
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEPORT), 1);
}

static void test_options(void **state)
{
	struct endpoint at = help_at("127.0.0.1");
	int fd = listen_udp(&at);

	check_common(fd);
	assert_int_equal(option(fd, IPPROTO_IP, IP_PKTINFO), 0);
	close(fd);
	at = help_at("0.0.0.0");
	fd = listen_udp(&at);
	assert_int_equal(option(fd, IPPROTO_IP, IP_PKTINFO), 1);
	close(fd);
	at = help_at("::1");
	fd = listen_udp(&at);
	check_common(fd);
	assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO), 0);
	close(fd);
	at = help_at("::");
	fd = listen_udp(&at);
	assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
	close(fd);
	fd = listen_tcp(&at);
	check_common(fd);
	assert_int_equal(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	close(fd);
}

/* An address that no interface has. */
static void test_freebind(void **state)
{
	struct endpoint v4 = help_at("192.0.2.1"), v6 = help_at("2001:db8::1");
	int fds[4] = { listen_udp(&v4), listen_tcp(&v4), listen_udp(&v6), listen_tcp(&v6) };

	for (size_t i = 0; i < 4; i++) {
		assert_true(fds[i] >= 0);
		close(fds[i]);
	}
}

/* Both families on one port, and several sockets on it; a port that another holds without sharing is refused. */
static void test_ports(void **state)
{
	struct endpoint at = help_at("0.0.0.0"), six = help_at("::"), taken;
	int a = listen_udp(&at), b, c, d;

	at.port = six.port = help_name(a).port;
	b = listen_udp(&at);
	c = listen_udp(&six);
	assert_true(a >= 0 && b >= 0 && c >= 0);
	close(a);
	close(b);
	close(c);
	d = help_listen(&taken);
	assert_int_equal(listen_tcp(&taken), -EADDRINUSE);
	close(d);
}

#define SOURCES 60

/* The address of source i in the family of `to`. */
static int source_socket(int type, const struct endpoint *to, unsigned i)
{
	char text[32];

	/* ::1 is the only IPv6 address that loopback surely has: there the ports vary instead. */
	snprintf(text, sizeof(text), to->addr.len == 4 ? "127.0.%u.%u" : "::1", i / 250, i % 250 + 1);
	return help_socket(type, text);
}

/* Which of the two sockets has something to read, -1 none. */
static int who(const int *fds, bool tcp)
{
	int found = -1;
	char buf[8];

	for (int i = 0; i < 2; i++) {
		int r = tcp ? accept4(fds[i], NULL, NULL, SOCK_CLOEXEC) : (int)recv(fds[i], buf, sizeof(buf), 0);

		if (r < 0)
			continue;
		if (tcp)
			close(r);
		assert_int_equal(found, -1);
		found = i;
	}
	return found;
}

static bool reached(const int *fds, bool tcp, int *worker)
{
	struct pollfd p[2] = { { .fd = fds[0], .events = POLLIN }, { .fd = fds[1], .events = POLLIN } };

	if (poll(p, 2, HELP_LIMIT_MS) < 1)
		return false;
	*worker = who(fds, tcp);
	return *worker >= 0;
}

static void spread(const char *at_text, bool tcp, int *worker)
{
	struct endpoint at = help_at(at_text);
	int fds[2];

	fds[0] = tcp ? listen_tcp(&at) : listen_udp(&at);
	at.port = help_name(fds[0]).port;
	fds[1] = tcp ? listen_tcp(&at) : listen_udp(&at);
	assert_true(fds[1] >= 0);
	assert_int_equal(listen_spread(fds[1], &at, 2), 0);
	for (unsigned i = 0; i < SOURCES; i++) {
		for (unsigned again = 0; again < 4; again++) {
			int c = source_socket(tcp ? SOCK_STREAM : SOCK_DGRAM, &at, i), w;

			help_connect(c, &at);
			if (!tcp)
				assert_int_equal(send(c, "x", 1, 0), 1);
			assert_true(reached(fds, tcp, &w));
			if (again)
				assert_int_equal(worker[i], w);
			worker[i] = w;
			close(c);
		}
	}
	close(fds[0]);
	close(fds[1]);
}

/* One source meets one worker, over UDP as over TCP, and the sources are spread over both. */
static void test_spread4(void **state)
{
	int udp[SOURCES], tcp[SOURCES];
	unsigned second = 0;

	spread("127.0.0.1", false, udp);
	spread("127.0.0.1", true, tcp);
	for (unsigned i = 0; i < SOURCES; i++) {
		assert_int_equal(udp[i], tcp[i]);
		second += udp[i] == 1;
	}
	assert_in_range(second, SOURCES / 4, SOURCES * 3 / 4);
}

static void test_spread6(void **state)
{
	int udp[SOURCES], tcp[SOURCES];

	spread("::1", false, udp);
	spread("::1", true, tcp);
	/* One address, many ports: without the program they would be spread. */
	for (unsigned i = 0; i < SOURCES; i++) {
		assert_int_equal(udp[i], udp[0]);
		assert_int_equal(tcp[i], udp[0]);
	}
}

static void test_spread_alone(void **state)
{
	struct endpoint at = help_at("127.0.0.1");
	int fd = listen_udp(&at);

	assert_int_equal(listen_spread(fd, &at, 1), 0);
	assert_int_equal(listen_spread(-1, &at, 2), -EBADF);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_freebind),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_spread4),
		cmocka_unit_test(test_spread6),
		cmocka_unit_test(test_spread_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
