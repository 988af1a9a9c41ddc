/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io_help.h"

#include <poll.h>
#include <sys/resource.h>

#include "io/listen.h"
#include "io/tcp.h"

#define MSG 40				/* bytes of an ordinary question */
#define CLIENTS 8

static struct tcp *server;
static struct tcp_limits limits;
static struct endpoint at;
static int client[CLIENTS];

/* What the handler does with a question is in its third byte; the id is in front. */
enum { DO_REPLY, DO_LATER, DO_IGNORE, DO_CLOSE, DO_NOW, DO_BIG };

static struct later { struct tcp_conn *conn; uint16_t id; } later[1000];
static unsigned n_later, asked;
static size_t last_len;
static bool refuse;

static bool accept_client(void *ctx, const struct endpoint *from)
{
	assert_int_equal(from->addr.len, 4);
	return !refuse;
}

static enum tcp_verdict query(void *ctx, struct tcp_conn *conn, const struct endpoint *from, const uint8_t *msg,
			      size_t len, uint8_t *out, size_t *outlen)
{
	asked++;
	last_len = len;
	switch (msg[2]) {
	case DO_LATER:
		later[n_later].conn = conn;
		later[n_later++].id = bytes_u16(msg);
		return TCP_LATER;
	case DO_IGNORE:
		return TCP_IGNORED;
	case DO_CLOSE:
		return TCP_CLOSE;
	case DO_NOW:
		tcp_reply(conn, msg, len);
		return TCP_LATER;
	case DO_BIG:
		memset(out, 0, 65535);
		memcpy(out, msg, 2);
		*outlen = 65535;
		return TCP_REPLIED;
	}
	memcpy(out, msg, len);
	*outlen = len;
	return TCP_REPLIED;
}

static int setup(void **state)
{
	const struct tcp_handler h = { accept_client, query, NULL };
	int fd;

	n_later = asked = 0;
	refuse = false;
	limits = (struct tcp_limits){ .idle_ms = 10000 };
	if (help_setup(state))
		return -1;
	at = help_at("127.0.0.1");
	fd = listen_tcp(&at);
	if (fd < 0)
		return -1;
	at.port = help_name(fd).port;
	server = tcp_new(loop, fd, &h, &limits);
	for (size_t i = 0; i < CLIENTS; i++)
		client[i] = -1;
	return server ? 0 : -1;
}

static int teardown(void **state)
{
	for (size_t i = 0; i < CLIENTS; i++)
		if (client[i] >= 0)
			close(client[i]);
	tcp_close(server);
	for (unsigned i = 0; i < n_later; i++)
		if (later[i].conn)
			tcp_drop(later[i].conn, false);
	if (atomic_load(&limits.open))
		return -1;
	return help_teardown(state);
}

static unsigned want_open;

static bool open_reached(void)
{
	return atomic_load(&limits.open) == want_open;
}

static void until_open(unsigned n)
{
	want_open = n;
	help_until(open_reached);
}

static void dial(unsigned i, const char *from)
{
	client[i] = help_socket(SOCK_STREAM, from);
	help_connect(client[i], &at);
}

/* One whose kernel takes little on its behalf. */
static void dial_small(unsigned i)
{
	int small = 4096;

	client[i] = help_socket(SOCK_STREAM, NULL);
	setsockopt(client[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	help_connect(client[i], &at);
}

static unsigned want_asked;

static bool asked_enough(void)
{
	return asked >= want_asked;
}

static void until_asked(unsigned n)
{
	want_asked = n;
	help_until(asked_enough);
}

/* A question with its prefix into p; gives the bytes. */
static size_t frame(uint8_t *p, uint16_t id, uint8_t what, size_t len)
{
	bytes_put_u16(p, (uint16_t)len);
	memset(p + 2, 0x55, len);
	bytes_put_u16(p + 2, id);
	p[4] = what;
	return 2 + len;
}

static void say(unsigned i, uint16_t id, uint8_t what)
{
	uint8_t p[2 + MSG];

	assert_int_equal(send(client[i], p, frame(p, id, what, MSG), MSG_NOSIGNAL), sizeof(p));
}

/* What the client has read so far. */
static uint8_t in[4 << 20];
static size_t in_len, want_in;
static bool in_end;
static int in_from;

static bool read_enough(void)
{
	ssize_t r;

	while ((r = recv(client[in_from], in + in_len, sizeof(in) - in_len, 0)) > 0)
		in_len += (size_t)r;
	if (!r || (r < 0 && errno != EAGAIN))
		in_end = true;
	return in_len >= want_in || in_end;
}

static void until_read(unsigned i, size_t n)
{
	in_from = (int)i;
	in_len = 0;
	in_end = false;
	want_in = n;
	help_until(read_enough);
}

static void until_end(unsigned i)
{
	until_read(i, SIZE_MAX);
	assert_true(in_end);
}

/* The id of the n-th answer of MSG bytes. */
static uint16_t id_at(size_t n)
{
	assert_true((n + 1) * (2 + MSG) <= in_len);
	assert_int_equal(bytes_u16(in + n * (2 + MSG)), MSG);
	return bytes_u16(in + n * (2 + MSG) + 2);
}

static void answer(unsigned i, size_t len)
{
	static uint8_t msg[65535];

	bytes_put_u16(msg, later[i].id);
	tcp_reply(later[i].conn, msg, len);
	later[i].conn = NULL;
}

static void test_one(void **state)
{
	dial(0, NULL);
	say(0, 7, DO_REPLY);
	until_read(0, 2 + MSG);
	assert_int_equal(id_at(0), 7);
	assert_int_equal(in_len, 2 + MSG);
	assert_int_equal(atomic_load(&limits.open), 1);
	say(0, 8, DO_NOW);
	until_read(0, 2 + MSG);
	assert_int_equal(id_at(0), 8);
	close(client[0]);
	client[0] = -1;
	until_open(0);
}

static void test_out_of_order(void **state)
{
	dial(0, NULL);
	for (uint16_t i = 0; i < 6; i++)
		say(0, i, i == 2 ? DO_REPLY : i == 4 ? DO_IGNORE : DO_LATER);
	until_asked(6);
	assert_int_equal(n_later, 4);
	answer(3, MSG);
	answer(1, MSG);
	tcp_drop(later[2].conn, false);
	later[2].conn = NULL;
	answer(0, MSG);
	until_read(0, 4 * (2 + MSG));
	assert_int_equal(id_at(0), 2);
	assert_int_equal(id_at(1), 5);
	assert_int_equal(id_at(2), 1);
	assert_int_equal(id_at(3), 0);
}

/* The same bytes cut in pieces of every size. */
static void test_fragments(void **state)
{
	uint8_t p[3 * (2 + MSG) + 2 + 3000];

	for (size_t piece = 1; piece < sizeof(p); piece += piece < 100 ? 1 : 997) {
		size_t n = 0, sent = 0;

		asked = 0;
		dial(0, NULL);
		n += frame(p + n, 1, DO_REPLY, MSG);
		n += frame(p + n, 2, DO_IGNORE, 3000);
		n += frame(p + n, 3, DO_REPLY, MSG);
		n += frame(p + n, 4, DO_REPLY, MSG);
		assert_int_equal(n, sizeof(p));
		until_open(1);
		while (sent < n) {
			size_t k = MIN(piece, n - sent);

			assert_int_equal(send(client[0], p + sent, k, MSG_NOSIGNAL), k);
			sent += k;
			/* Every piece a read of its own. */
			loop_stop(loop);
			help_try(help_never, 0);
		}
		until_read(0, 3 * (2 + MSG));
		assert_int_equal(asked, 4);
		assert_int_equal(id_at(0), 1);
		assert_int_equal(id_at(1), 3);
		assert_int_equal(id_at(2), 4);
		close(client[0]);
		client[0] = -1;
		until_open(0);
	}
}

/* Half a prefix is kept while another connection uses the same buffer. */
static void test_interleaved(void **state)
{
	uint8_t p[2 + 3000];
	size_t n = frame(p, 1, DO_REPLY, 3000);

	dial(0, NULL);
	dial(1, NULL);
	until_open(2);
	for (size_t cut = 1; cut < n; cut += cut < 5 ? 1 : 1499) {
		assert_int_equal(send(client[0], p, cut, MSG_NOSIGNAL), cut);
		help_turn(2);
		say(1, 2, DO_REPLY);
		until_read(1, 2 + MSG);
		assert_int_equal(send(client[0], p + cut, n - cut, MSG_NOSIGNAL), n - cut);
		until_read(0, n);
		assert_int_equal(in_len, n);
		assert_memory_equal(in, p, n);
	}
}

static void test_largest(void **state)
{
	static uint8_t p[2 + 65535];
	size_t n = frame(p, 9, DO_REPLY, 65535), sent = 0;

	dial(0, NULL);
	until_open(1);
	while (sent < n) {
		ssize_t r = send(client[0], p + sent, MIN(n - sent, (size_t)5000), MSG_NOSIGNAL);

		assert_true(r > 0 || errno == EAGAIN);
		sent += r > 0 ? (size_t)r : 0;
		help_try(help_never, 0);
	}
	until_read(0, n);
	assert_int_equal(last_len, 65535);
	assert_memory_equal(in, p, n);
}

static void test_too_short(void **state)
{
	uint8_t p[2 + MSG];

	for (size_t len = 0; len < 13; len++) {
		dial(0, NULL);
		say(0, 1, DO_REPLY);
		assert_int_equal(send(client[0], p, frame(p, 2, DO_REPLY, MAX(len, (size_t)3)), MSG_NOSIGNAL),
				 2 + MAX(len, (size_t)3));
		if (len < 12) {
			until_end(0);
		} else {
			until_read(0, 2 + MSG + 2 + 12);
			assert_false(in_end);
		}
		close(client[0]);
		until_open(0);
	}
	client[0] = -1;
	dial(0, NULL);
	assert_int_equal(send(client[0], "\0\0", 2, MSG_NOSIGNAL), 2);
	until_end(0);
}

static void test_close_verdicts(void **state)
{
	dial(0, NULL);
	say(0, 1, DO_REPLY);
	say(0, 2, DO_CLOSE);
	say(0, 3, DO_REPLY);
	until_end(0);
	dial(1, NULL);
	say(1, 1, DO_LATER);
	until_asked(3);
	tcp_drop(later[0].conn, true);
	later[0].conn = NULL;
	until_end(1);
	until_open(0);
}

/* No more than TCP_PIPELINE open; the others wait without being lost, and are not read into memory. */
static void test_pipeline(void **state)
{
	dial(0, NULL);
	for (uint16_t i = 0; i < 350; i++)
		say(0, i, DO_LATER);
	until_asked(TCP_PIPELINE);
	help_turn(5);
	assert_int_equal(asked, TCP_PIPELINE);
	for (unsigned i = 0; i < 350; i++) {
		until_asked(i + 1);
		answer(i, MSG);
		assert_in_range(asked, i + 1, i + TCP_PIPELINE);
	}
	until_read(0, 350 * (2 + MSG));
	for (unsigned i = 0; i < 350; i++)
		assert_int_equal(id_at(i), i);
}

/* The client has sent all and closed its side: what is open is answered, what waits is asked, then it ends. */
static void test_half_closed(void **state)
{
	dial(0, NULL);
	for (uint16_t i = 0; i < 150; i++)
		say(0, i, DO_LATER);
	assert_int_equal(send(client[0], "\0", 1, MSG_NOSIGNAL), 1);
	shutdown(client[0], SHUT_WR);
	until_asked(TCP_PIPELINE);
	for (unsigned i = 0; i < 150; i++) {
		until_asked(i + 1);
		answer(i, MSG);
	}
	until_end(0);
	assert_int_equal(in_len, 150 * (2 + MSG));
	until_open(0);
}

static void test_client_gone(void **state)
{
	struct linger hard = { .l_onoff = 1 };

	dial(0, NULL);
	say(0, 1, DO_LATER);
	say(0, 2, DO_LATER);
	until_asked(2);
	setsockopt(client[0], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(client[0]);
	client[0] = -1;
	until_open(0);
	answer(0, MSG);
	tcp_drop(later[1].conn, true);
	later[1].conn = NULL;
}

/* The listener goes before the answers come. */
static void test_server_gone(void **state)
{
	dial(0, NULL);
	dial(1, NULL);
	say(0, 1, DO_LATER);
	say(1, 2, DO_LATER);
	until_asked(2);
	tcp_close(server);
	server = NULL;
	assert_int_equal(atomic_load(&limits.open), 0);
	answer(1, MSG);
	until_end(0);
}

static void test_idle(void **state)
{
	uint64_t start;

	atomic_store(&limits.idle_ms, 60);
	dial(0, NULL);
	dial(1, NULL);
	say(1, 1, DO_LATER);
	start = clock_now().mono_us;
	until_end(0);
	assert_true(clock_now().mono_us - start >= 55 * CLOCK_MS);
	/* With a question open it is not idle. */
	help_turn(150);
	assert_int_equal(atomic_load(&limits.open), 1);
	start = clock_now().mono_us;
	answer(0, MSG);
	until_end(1);
	/* From the answer on. */
	assert_true(clock_now().mono_us - start >= 55 * CLOCK_MS);
	assert_int_equal(in_len, 2 + MSG);
	until_open(0);
}

static uint64_t next_byte;
static unsigned bytes_sent;

/* A byte now and then, of a message that never ends. */
static bool drip(void)
{
	uint64_t now = clock_now().mono_us;

	if (now >= next_byte) {
		next_byte = now + 10 * CLOCK_MS;
		if (send(client[0], "\1", 1, MSG_NOSIGNAL) == 1)
			bytes_sent++;
	}
	return open_reached();
}

static void test_loris(void **state)
{
	atomic_store(&limits.idle_ms, 60);
	next_byte = 0;
	dial(0, NULL);
	say(0, 1, DO_LATER);
	until_asked(1);
	want_open = 0;
	help_until(drip);
	assert_in_range(bytes_sent, 3, 60);
}

static size_t rss(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_int_equal(fscanf(f, "%*u %lu", &pages), 1);
	fclose(f);
	return pages * 4096;
}

/* Asks for large answers and never reads one. */
static bool pump(void)
{
	static size_t off;
	uint8_t p[2 + MSG];
	ssize_t r;

	frame(p, 1, DO_BIG, MSG);
	while ((r = send(client[0], p + off, sizeof(p) - off, MSG_NOSIGNAL)) > 0)
		off = (off + (size_t)r) % sizeof(p);
	return open_reached();
}

static void test_never_reads(void **state)
{
	size_t before;
	unsigned now_asked;

	dial_small(0);
	until_open(1);
	before = rss();
	want_open = 0;
	assert_false(help_try(pump, 200));
	now_asked = asked;
	assert_in_range(now_asked, 3, 200);
	assert_false(help_try(pump, 50));
	assert_int_equal(asked, now_asked);
	assert_in_range(rss() - before, 0, 4 << 20);
}

/* And is closed when it has done so for long enough. */
static void test_never_reads_ends(void **state)
{
	atomic_store(&limits.idle_ms, 100);
	dial_small(0);
	until_open(1);
	want_open = 0;
	help_until(pump);
}

/* A slow client gets everything: what was choked goes on. */
static void test_reads_late(void **state)
{
	dial_small(0);
	for (uint16_t i = 0; i < 60; i++)
		say(0, i, DO_BIG);
	help_turn(20);
	assert_in_range(asked, 1, 59);
	until_read(0, 60 * 65537);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(bytes_u16(in + i * 65537 + 2), i);
}

/* Answers that were promised may not pile up without end either. */
static void test_late_pile(void **state)
{
	atomic_store(&limits.idle_ms, 0);
	dial_small(0);
	for (uint16_t i = 0; i < TCP_PIPELINE; i++)
		say(0, i, DO_LATER);
	until_asked(TCP_PIPELINE);
	for (unsigned i = 0; i < TCP_PIPELINE; i++)
		answer(i, 65535);
	until_open(0);
}

static void test_caps(void **state)
{
	atomic_store(&limits.clients, 5);
	atomic_store(&limits.per_client, 2);
	dial(0, "127.0.0.2");
	dial(1, "127.0.0.2");
	until_open(2);
	dial(2, "127.0.0.2");
	until_end(2);
	dial(3, "127.0.0.3");
	dial(4, "127.0.0.3");
	dial(5, "127.0.0.4");
	until_open(5);
	dial(6, "127.0.0.5");
	until_end(6);
	assert_int_equal(atomic_load(&limits.open), 5);
	/* A place that is given back is there for the next. */
	close(client[0]);
	client[0] = -1;
	until_open(4);
	dial(7, "127.0.0.2");
	until_open(5);
	say(7, 1, DO_REPLY);
	until_read(7, 2 + MSG);
	assert_false(in_end);
	/* Limits are read anew at each connection. */
	atomic_store(&limits.clients, 0);
	atomic_store(&limits.per_client, 0);
	dial(0, "127.0.0.2");
	until_open(6);
}

static void test_not_accepted(void **state)
{
	refuse = true;
	dial(0, NULL);
	until_end(0);
	assert_int_equal(in_len, 0);
	assert_int_equal(atomic_load(&limits.open), 0);
}

static unsigned turns;

static void count_turn(void)
{
	turns++;
}

/* Without descriptors the loop does not spin, and takes the connection when there are some again. */
static void test_no_descriptors(void **state)
{
	struct rlimit was, none;

	dial(0, NULL);
	dial(1, NULL);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = (struct rlimit){ 3, was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	turns = 0;
	help_before = count_turn;
	help_turn(50);
	/* The condition is looked at once a millisecond. */
	assert_in_range(turns, 1, 120);
	assert_int_equal(atomic_load(&limits.open), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	until_open(2);
}

/* An idle connection costs little more than its struct. */
static void test_many_connections(void **state)
{
	enum { N = 400 };
	int fds[N];

	for (unsigned i = 0; i < N; i++) {
		fds[i] = help_socket(SOCK_STREAM, NULL);
		help_connect(fds[i], &at);
	}
	until_open(N);
	for (unsigned i = 0; i < N; i++)
		close(fds[i]);
	until_open(0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_one), T(test_out_of_order), T(test_fragments), T(test_interleaved), T(test_largest), T(test_too_short),
		T(test_close_verdicts), T(test_pipeline), T(test_half_closed), T(test_client_gone),
		T(test_server_gone), T(test_idle), T(test_loris), T(test_never_reads), T(test_never_reads_ends),
		T(test_reads_late), T(test_late_pile), T(test_caps), T(test_not_accepted), T(test_no_descriptors),
		T(test_many_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
