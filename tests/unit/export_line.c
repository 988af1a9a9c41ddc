/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/un.h>

#include "sink_help.h"

/* kind = socket against a listener of the test's own, which it makes slow, wrong and hostile. */

static char folder[64], path[80];
static int listener = -1, peer = -1;
static char got[1 << 20];		/* what the sink has written */
static size_t got_len;

static void listen_here(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 8), 0);
}

static void hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool has_peer(void)
{
	if (peer < 0)
		peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return peer >= 0;
}

static bool has_line(void)
{
	ssize_t n = read(peer, got + got_len, sizeof(got) - 1 - got_len);

	if (n > 0)
		got_len += (size_t)n;
	got[got_len] = '\0';
	return memchr(got, '\n', got_len);
}

/* The next line that the sink wrote. */
static const char *next_line(void)
{
	static char line[65536];
	char *eol;

	help_until(has_line);
	eol = memchr(got, '\n', got_len);
	snprintf(line, sizeof(line), "%.*s", (int)(eol - got), got);
	got_len -= (size_t)(eol + 1 - got);
	memmove(got, eol + 1, got_len);
	return line;
}

static void say(const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(write(peer, text, len), len);
}

static int setup(void **state)
{
	kind = &sink_socket;
	snprintf(folder, sizeof(folder), "/tmp/postern-line-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/s", folder);
	conf = (struct conf_export){ .name.text = "x", .kind = EXPORT_SOCKET, .path.text = path, .deadline_ms = 100 };
	got_len = 0;
	forget_told();
	return help_setup(state);
}

static int teardown(void **state)
{
	if (sink)
		kind->close(sink);
	sink = NULL;
	hang_up(&peer);
	hang_up(&listener);
	unlink(path);
	rmdir(folder);
	return help_teardown(state);
}

static void begin(void)
{
	listen_here();
	sink_open();
	assert_int_equal(sink_take(EXPORT_V4), 0);
	assert_string_equal(told, "present 0\ndumped 0 0\n");
	help_until(has_peer);
	forget_told();
}

static bool one_done(void)
{
	return n_done > 0;
}

static void add_and_delete(void **state)
{
	static const struct conf_port ports[] = { { IPPROTO_TCP, 443 }, { IPPROTO_UDP, 443 } };
	struct sink_op *op;

	begin();
	op = op_make(SINK_ADD, EXPORT_V4, NULL, "192.0.2.1", NULL, 359001, "a\\001b.example.com");
	op->ports = ports;
	op->n_ports = 2;
	submit(op);
	assert_string_equal(next_line(), "{\"seq\":0,\"op\":\"add\",\"address\":\"192.0.2.1\",\"client\":null,"
			    "\"ports\":[\"tcp/443\",\"udp/443\"],\"seconds\":360,\"name\":\"a\\\\001b.example.com\"}");
	/* Nothing is acknowledged before the listener has said so, be it in pieces. */
	help_turn(20);
	assert_int_equal(n_done, 0);
	say("{\"seq\":0,");
	help_turn(5);
	assert_int_equal(n_done, 0);
	say("\"ok\":true}\n");
	help_until(one_done);
	assert_string_equal(told, "done ok\n");
	submit(op_make(SINK_DELETE, EXPORT_V4, NULL, "192.0.2.1", NULL, 0, "b"));
	assert_string_equal(next_line(), "{\"seq\":1,\"op\":\"delete\",\"address\":\"192.0.2.1\",\"client\":null,"
			    "\"ports\":[],\"seconds\":0,\"name\":\"b\"}");
}

static void keyed(void **state)
{
	conf.key = KEY_CLIENT_SERVICE;
	begin();
	submit(op_make(SINK_RENEW, EXPORT_V4, "10.0.0.7", "192.0.2.1", "tcp/80", 1000, "n"));
	assert_string_equal(next_line(), "{\"seq\":0,\"op\":\"add\",\"address\":\"192.0.2.1\",\"client\":"
			    "\"10.0.0.7\",\"ports\":[\"tcp/80\"],\"seconds\":1,\"name\":\"n\"}");
}

static bool two_done(void)
{
	return n_done > 1;
}

static void any_order_and_refused(void **state)
{
	begin();
	submit(op_make(SINK_ADD, EXPORT_V4, NULL, "192.0.2.1", NULL, 1000, "a"));
	submit(op_make(SINK_ADD, EXPORT_V4, NULL, "192.0.2.2", NULL, 1000, "b"));
	say("{\"seq\":1,\"ok\":false,\"error\":\"full\\u001b[2J\"}\r\n\n{\"seq\":0,\"ok\":true,\"more\":[{}]}\n");
	help_until(two_done);
	assert_int_equal(ops[n_ops - 1].err, -EREMOTEIO);
	assert_int_equal(ops[n_ops - 2].err, 0);
	/* Said twice: harmless. */
	say("{\"seq\":1,\"ok\":true}\n");
	help_turn(20);
	assert_int_equal(n_done, 2);
	assert_int_equal(n_emptied, 0);
}

static bool an_element(void)
{
	return n_element > 0;
}

static void late_answer(void **state)
{
	uint64_t begun;

	begin();
	loop_update_now(loop);
	begun = clock_now().mono_us;
	submit(op_make(SINK_ADD, EXPORT_V4, NULL, "192.0.2.1", NULL, 60000, "a"));
	help_until(one_done);
	assert_in_range(clock_now().mono_us - begun, 99000, 160000);
	assert_int_equal(last_err, -ETIMEDOUT);
	say("{\"seq\":0,\"ok\":true}\n");
	help_until(an_element);
	assert_non_null(strstr(told, "element 192.0.2.1 ours 60 \n"));
	assert_int_equal(n_emptied, 0);
}

static bool was_emptied(void)
{
	return n_emptied > 0;
}

static bool was_present(void)
{
	return n_present > 0;
}

/* One that never answers counts as dead; the next connection starts from nothing. */
static void dead_listener(void **state)
{
	begin();
	submit(op_make(SINK_ADD, EXPORT_V4, NULL, "192.0.2.1", NULL, 60000, "a"));
	help_until(was_emptied);
	assert_non_null(strstr(told, "emptied 0 gone\n"));
	assert_int_equal(n_done, 1);
	hang_up(&peer);
	help_until(was_present);
	help_until(has_peer);
	assert_true(sets[0].present);
	assert_int_equal(kind->probe(sink, &sets[0]), 0);
}

static void reconnects(void **state)
{
	sink_open();
	assert_int_equal(sink_take(EXPORT_V4), -ENOTCONN);
	assert_int_equal(kind->probe(sink, &sets[0]), -ENOTCONN);
	submit(op_make(SINK_ADD, EXPORT_V4, NULL, "192.0.2.1", NULL, 60000, "a"));
	assert_int_equal(last_err, -ENOTCONN);
	listen_here();
	help_until(was_present);
	help_until(has_peer);
	forget_told();
	submit(op_make(SINK_ADD, EXPORT_V4, NULL, "192.0.2.1", NULL, 60000, "a"));
	hang_up(&peer);
	help_until(was_emptied);
	assert_string_equal(told, "emptied 0 gone\ndone Transport endpoint is not connected\n");
	help_until(was_present);
	assert_int_equal(n_dumped, 1);
}

/* What is no answer ends the connection; nothing is taken for confirmed. */
static void hostile(void **state)
{
	static const char *const bad[] = {
		"nonsense\n", "[]\n", "{\"seq\":0}\n", "{\"seq\":\"0\",\"ok\":true}\n", "{\"seq\":77,\"ok\":true}\n",
		"{\"seq\":-1,\"ok\":true}\n", "{\"seq\":0,\"ok\":1}\n", "[[[[[[[[[[[[[[[[\n", "]\n",
	};

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		forget_told();
		submit(op_make(SINK_ADD, EXPORT_V4, NULL, "192.0.2.1", NULL, 60000, "a"));
		say(bad[i]);
		help_until(was_emptied);
		assert_int_equal(last_err, -ENOTCONN);
		hang_up(&peer);
		help_until(was_present);
		help_until(has_peer);
	}
}

static bool cannot_write(void)
{
	static char junk[4096];

	memset(junk, 'x', sizeof(junk));
	return send(peer, junk, sizeof(junk), MSG_NOSIGNAL) < 0 && errno == EPIPE;
}

/* One that is too long, though it has an end and is good JSON. */
static void long_line(void **state)
{
	char line[5000];

	begin();
	submit(op_make(SINK_ADD, EXPORT_V4, NULL, "192.0.2.1", NULL, 60000, "a"));
	memset(line, ' ', sizeof(line));
	memcpy(line, "{\"seq\":0,\"ok\":true}", 19);
	strcpy(line + sizeof(line) - 2, "\n");
	say(line);
	help_until(was_emptied);
	assert_int_equal(last_err, -ENOTCONN);
}

static void endless_line(void **state)
{
	begin();
	help_until(cannot_write);
	assert_int_equal(n_emptied, 1);
}

/* A listener that reads nothing: what waits for it is bounded. */
static void reads_nothing(void **state)
{
	unsigned full = 0;

	begin();
	for (int i = 0; i < 200000 && !full; i++) {
		struct sink_op *op = op_make(SINK_ADD, EXPORT_V4, NULL, "192.0.2.1", NULL, 60000, "a");

		submit(op);
		full += op->err == -ENOBUFS;
		/* Its memory is used again: none of these is answered but by the close. */
	}
	assert_true(full);
}

static void refill_speed(void **state)
{
	enum { N = 50000 };
	uint64_t cpu = (uint64_t)clock();

	begin();
	for (int i = 0; i < N; i++) {
		submit(op_make(SINK_ADD, EXPORT_V4, NULL, "192.0.2.1", NULL, 60000, "www.example.com"));
		if (i % 100 == 0)
			while (read(peer, got, sizeof(got)) > 0)
				;
	}
	print_message("%.2f us of CPU a line written (and read)\n", (double)((uint64_t)clock() - cpu) / N);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(add_and_delete), T(keyed), T(any_order_and_refused), T(late_answer), T(dead_listener), T(reconnects),
		T(hostile), T(long_line), T(endless_line), T(reads_nothing), T(refill_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
