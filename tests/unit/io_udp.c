/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/syscall.h>

#include "io_help.h"

#include "io/listen.h"
#include "io/udp.h"

/*
 * The kernel's side of sendmmsg: made to refuse, for a loopback socket never
 * fills, and looked at.
 */
static int refuse_after = -1;		/* messages that still pass before EAGAIN; -1: all */
static unsigned sendmmsg_calls, sendmmsg_messages;

int sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
	long r;

	sendmmsg_calls++;
	sendmmsg_messages += n;
	if (refuse_after >= 0 && (int)n > refuse_after)
		n = (unsigned)refuse_after;
	if (!n) {
		errno = EAGAIN;
		return -1;
	}
	r = syscall(SYS_sendmmsg, fd, v, n, flags);
	if (refuse_after >= 0 && r > 0)
		refuse_after -= (int)r;
	return (int)r;
}

static struct udp *server;
static int client;
static unsigned asked, answered, wanted;
static struct udp_peer last;
static size_t last_len;
static bool slow;			/* answer through the queue */

/* Echoes; "none" is not answered, "bad" goes to a port that cannot be. */
static size_t echo(void *ctx, struct udp *u, const struct udp_peer *peer, const uint8_t *msg, size_t len, uint8_t *out)
{
	struct udp_peer bad = *peer;

	asked++;
	last = *peer;
	last_len = len;
	assert_ptr_equal(u, server);
	if (len == 4 && !memcmp(msg, "none", 4))
		return 0;
	if (len == 3 && !memcmp(msg, "bad", 3)) {
		bad.from.in.sin_port = 0;
		udp_send(u, &bad, msg, len);
		return 0;
	}
	if (slow) {
		udp_send(u, peer, msg, len);
		return 0;
	}
	memcpy(out, msg, MIN(len, (size_t)UDP_REPLY_MAX));
	return MIN(len, (size_t)UDP_REPLY_MAX);
}

static void flush(void)
{
	udp_flush(server);
}

static int serve(const char *at)
{
	struct endpoint e = help_at(at);
	int fd = listen_udp(&e);

	assert_true(fd >= 0);
	server = udp_new(loop, fd, echo, NULL);
	assert_non_null(server);
	return fd;
}

static int setup(void **state)
{
	asked = answered = last_len = 0;
	refuse_after = -1;
	slow = false;
	if (help_setup(state))
		return -1;
	help_before = flush;
	return 0;
}

static int teardown(void **state)
{
	close(client);
	udp_close(server);
	return help_teardown(state);
}

static bool all_answered(void)
{
	char buf[2048];

	while (recv(client, buf, sizeof(buf), 0) >= 0)
		answered++;
	return answered >= wanted;
}

static bool all_asked(void)
{
	return asked >= wanted;
}

static void say(const char *text)
{
	assert_int_equal(send(client, text, strlen(text), 0), strlen(text));
}

static void connect_client(const char *from, struct endpoint to, const char *host)
{
	struct endpoint e = help_at(host);

	e.port = to.port;
	client = help_socket(SOCK_DGRAM, from);
	help_connect(client, &e);
}

/* Thousands, each its own bytes, none lost and none answered twice. */
static void test_echo(void **state)
{
	static bool seen[5000];
	int fd = serve("127.0.0.1");
	unsigned sent = 0;

	connect_client("127.0.0.1", help_name(fd), "127.0.0.1");
	while (sent < 5000) {
		for (unsigned i = 0; i < 100; i++, sent++)
			assert_int_equal(send(client, &sent, sizeof(sent), 0), sizeof(sent));
		for (unsigned i = 0; i < 100; i++) {
			unsigned n;

			wanted = sent;
			help_until(all_asked);
			assert_int_equal(recv(client, &n, sizeof(n), 0), sizeof(n));
			assert_in_range(n, 0, 4999);
			assert_false(seen[n]);
			seen[n] = true;
		}
	}
	assert_int_equal(asked, 5000);
	assert_int_equal(last.local.len, 0);
	/* A batch leaves with one call. */
	assert_in_range(sendmmsg_calls, 50, 500);
}

static void test_slow_path(void **state)
{
	int fd = serve("127.0.0.1");

	slow = true;
	connect_client("127.0.0.1", help_name(fd), "127.0.0.1");
	for (unsigned i = 0; i < 200; i++)
		say("question");
	wanted = 200;
	help_until(all_answered);
	help_turn(3);
	all_answered();
	assert_int_equal(answered, 200);
}

static void test_not_handed_on(void **state)
{
	static char big[5000];
	int fd = serve("127.0.0.1");

	connect_client("127.0.0.1", help_name(fd), "127.0.0.1");
	assert_int_equal(send(client, "", 0, 0), 0);
	assert_int_equal(send(client, big, 4097, 0), 4097);
	assert_int_equal(send(client, big, 4096, 0), 4096);
	wanted = 1;
	help_until(all_answered);
	assert_int_equal(asked, 1);
	assert_int_equal(last_len, 4096);
	say("none");
	wanted = 2;
	help_until(all_asked);
	help_turn(2);
	all_answered();
	assert_int_equal(answered, 1);
}

/* Whoever asked a wildcard socket at one address gets the answer from there: the client is connected to it. */
static void test_wildcard4(void **state)
{
	int fd = serve("0.0.0.0");
	char text[ADDR_TEXT];

	connect_client("127.0.0.9", help_name(fd), "127.0.0.5");
	say("fast");
	wanted = 1;
	help_until(all_answered);
	assert_string_equal(addr_text(&last.local, text), "127.0.0.5");
	assert_true(last.ifindex > 0);
	slow = true;
	say("slow");
	wanted = 2;
	help_until(all_answered);
	assert_int_equal(answered, 2);
}

static void test_wildcard6(void **state)
{
	int fd = serve("::");
	char text[ADDR_TEXT];

	connect_client("::1", help_name(fd), "::1");
	say("fast");
	wanted = 1;
	help_until(all_answered);
	assert_string_equal(addr_text(&last.local, text), "::1");
	assert_int_equal(last.from.sa.sa_family, AF_INET6);
	slow = true;
	say("slow");
	wanted = 2;
	help_until(all_answered);
	assert_int_equal(answered, 2);
}

static void test_bad_destination(void **state)
{
	int fd = serve("127.0.0.1");

	slow = true;
	connect_client("127.0.0.1", help_name(fd), "127.0.0.1");
	for (unsigned i = 0; i < 40; i++)
		say(i % 4 == 1 ? "bad" : "good");
	say("bad");
	wanted = 30;
	help_until(all_answered);
	help_turn(3);
	all_answered();
	assert_int_equal(answered, 30);
}

/* A refused reply of the fast path does not take those behind it along: port 0 by a forged peer is the queue's only. */
static size_t to_nowhere(void *ctx, struct udp *u, const struct udp_peer *peer, const uint8_t *msg, size_t len,
			 uint8_t *out)
{
	if (!memcmp(msg, "bad", 3))
		((struct udp_peer *)(uintptr_t)peer)->from.in.sin_port = 0;
	memcpy(out, msg, len);
	return len;
}

static void test_bad_destination_fast(void **state)
{
	struct endpoint e = help_at("127.0.0.1");
	int fd = listen_udp(&e);

	server = udp_new(loop, fd, to_nowhere, NULL);
	connect_client("127.0.0.1", help_name(fd), "127.0.0.1");
	for (unsigned i = 0; i < 40; i++)
		say(i % 4 == 1 ? "bad" : "good");
	wanted = 30;
	help_until(all_answered);
	assert_int_equal(answered, 30);
}

/* What a full socket leaves is kept, in order, and sent when it is writable; nothing is read meanwhile. */
static void test_full_socket(void **state)
{
	int fd = serve("127.0.0.1");

	connect_client("127.0.0.1", help_name(fd), "127.0.0.1");
	refuse_after = 5;
	for (unsigned i = 0; i < 20; i++)
		say("question");
	help_turn(20);
	all_answered();
	assert_int_equal(answered, 5);
	assert_int_equal(asked, 20);
	slow = true;
	say("later");
	help_turn(5);
	assert_int_equal(asked, 20);
	refuse_after = -1;
	wanted = 21;
	help_until(all_answered);
	help_turn(3);
	all_answered();
	assert_int_equal(answered, 21);
}

/* The queue is bounded; a full one is sent first, and only what the socket does not take is dropped. */
static void test_queue_bound(void **state)
{
	struct udp_peer peer = { 0 };
	int fd = serve("127.0.0.1");
	struct endpoint me;
	int room = 1 << 22;
	uint8_t msg[UDP_REPLY_MAX + 1] = { 0 };

	connect_client("127.0.0.1", help_name(fd), "127.0.0.1");
	setsockopt(client, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	me = help_name(client);
	peer.from.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(me.port),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	udp_send(server, &peer, msg, 0);
	udp_send(server, &peer, msg, sizeof(msg));
	sendmmsg_messages = 0;
	for (unsigned i = 0; i < 3000; i++)
		udp_send(server, &peer, msg, 1);
	assert_int_equal(sendmmsg_messages, 2 * 1024);
	udp_flush(server);
	assert_int_equal(sendmmsg_messages, 3000);
	refuse_after = 0;
	for (unsigned i = 0; i < 3000; i++)
		udp_send(server, &peer, msg, 1);
	udp_flush(server);
	refuse_after = -1;
	answered = 0;
	sendmmsg_messages = 0;
	for (unsigned turns = 0; turns < 50 && sendmmsg_messages < 1024; turns++)
		help_turn(1);
	assert_int_equal(sendmmsg_messages, 1024);
}

/* Closed with replies in the queue. */
static void test_close_queued(void **state)
{
	int fd = serve("127.0.0.1");

	connect_client("127.0.0.1", help_name(fd), "127.0.0.1");
	refuse_after = 0;
	for (unsigned i = 0; i < 20; i++)
		say("question");
	wanted = 20;
	help_until(all_asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_echo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_handed_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wildcard4, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wildcard6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_destination, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_destination_fast, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_queued, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
