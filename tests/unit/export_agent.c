/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "export/agent.h"
#include "export/proto.h"
#include "io/chan.h"

/*
 * The real agent in a process of its own; the test is the server, and speaks with it over plain
 * descriptors.
 */

#define WORKERS 2
#define PATIENCE_MS 10000

static char folder[64], path[96], out_path[96];
static struct export_page *page;
static int kept = -1;
static pid_t agent;
static int main_fd = -1, worker[WORKERS] = { -1, -1 };
static int confine_err;

static uint8_t in[CHAN_MAX];		/* the message that is being read from the main channel */
static struct rd left;
static uint8_t room[CHAN_MAX];
static struct wr w;

static void write_conf(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* One export, to a file; `more` goes behind it. */
static void write_file_conf(const char *more)
{
	char text[2048];

	snprintf(text, sizeof(text), "[export f]\nkind = file\npath = %s\nkey = service\n%s", out_path, more);
	write_conf(text);
}

static uint64_t layout_now(void)
{
	struct arena *a = arena_new(16 << 20);
	struct diag_list *d = diag_new();
	struct conf *c = conf_read(a, path, true, d);
	uint64_t hash;

	assert_non_null(c);
	assert_int_equal(diag_errors(d), 0);
	hash = exports_build(a, c)->hash;
	diag_free(d);
	arena_free(a);
	return hash;
}

static int confine(const struct conf *c)
{
	return c->n_exports ? confine_err : -EINVAL;
}

static void agent_start(void)
{
	int pairs[WORKERS + 1][2];

	for (int i = 0; i <= WORKERS; i++)
		assert_int_equal(chan_pair(pairs[i]), 0);
	agent = fork();
	assert_true(agent >= 0);
	if (!agent) {
		int fds[WORKERS];
		struct agent_start s = { .path = path, .path_written = true, .kept = dup(kept), .page = page,
					 .main_fd = pairs[0][1], .worker_fds = fds, .n_workers = WORKERS,
					 .confine = confine };

		for (int i = 0; i < WORKERS; i++)
			fds[i] = pairs[i + 1][1];
		for (int i = 0; i <= WORKERS; i++)
			close(pairs[i][0]);
		exit(agent_run(&s));
	}
	for (int i = 0; i <= WORKERS; i++)
		close(pairs[i][1]);
	main_fd = pairs[0][0];
	for (int i = 0; i < WORKERS; i++)
		worker[i] = pairs[i + 1][0];
	left = rd_init(in, 0);
	w = wr_init(room, sizeof(room));
}

static void close_ends(void)
{
	if (main_fd >= 0)
		close(main_fd);
	main_fd = -1;
	for (int i = 0; i < WORKERS; i++) {
		if (worker[i] >= 0)
			close(worker[i]);
		worker[i] = -1;
	}
}

/* How it ended: its status, or that of a signal as the shell gives it. */
static int agent_over(void)
{
	int status = -1;

	for (unsigned ms = 0; ms < PATIENCE_MS; ms++) {
		if (waitpid(agent, &status, WNOHANG) == agent) {
			agent = 0;
			close_ends();
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		usleep(1000);
	}
	fail_msg("it does not end");
	return -1;
}

static int setup(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/postern-agent-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/postern.conf", folder);
	snprintf(out_path, sizeof(out_path), "%s/out.json", folder);
	kept = memfd_create("kept", MFD_CLOEXEC);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	confine_err = 0;
	return kept >= 0 && page != MAP_FAILED ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	close_ends();
	if (agent) {
		kill(agent, SIGKILL);
		waitpid(agent, NULL, 0);
		agent = 0;
	}
	munmap(page, 4096);
	close(kept);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static ssize_t take(int fd, uint8_t *msg)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, PATIENCE_MS) != 1)
		fail_msg("nothing comes");
	return recv(fd, msg, CHAN_MAX, MSG_DONTWAIT);
}

/* The next record of the main channel. */
static enum proto_type next(struct rd *body)
{
	enum proto_type type;

	if (!rd_left(&left)) {
		ssize_t n = take(main_fd, in);

		if (n <= 0)
			fail_msg("the channel is at its end");
		left = rd_init(in, (size_t)n);
	}
	assert_int_equal(proto_next(&left, &type, body), 1);
	return type;
}

static struct rd expect(enum proto_type type)
{
	struct rd body;
	enum proto_type got = next(&body);

	assert_int_equal(got, type);
	return body;
}

static void post(int fd)
{
	assert_false(w.bad);
	assert_int_equal(send(fd, room, wr_len(&w), MSG_NOSIGNAL), wr_len(&w));
	w = wr_init(room, sizeof(room));
}

static void ask(enum proto_type type)
{
	proto_put_bare(&w, type);
	post(main_fd);
}

static void ask_of(enum proto_type type, const char *address)
{
	struct addr a;

	if (address)
		assert_int_equal(addr_parse(&a, address, strlen(address)), 0);
	proto_put_address(&w, type, address ? &a : NULL);
	post(main_fd);
}

static int prepared(uint64_t *layout, char text[PROTO_TEXT])
{
	struct rd body = expect(PROTO_PREPARED);
	int32_t err;

	assert_int_equal(proto_get_prepared(&body, &err, layout, text, PROTO_TEXT), 0);
	expect(PROTO_END);
	return err;
}

static char text[PROTO_TEXT];

static void start_well(void)
{
	uint64_t layout;

	agent_start();
	assert_int_equal(prepared(&layout, text), 0);
	assert_true(layout == layout_now());
}

static uint64_t counted(enum proto_type type)
{
	struct rd body = expect(type);
	uint64_t n;

	assert_int_equal(proto_get_count(&body, &n), 0);
	return n;
}

static struct proto_lease lease;

/* How many leases a list has; the last is in `lease`. */
static unsigned listed(const char *address)
{
	enum proto_type type;
	struct rd body;
	unsigned n = 0;

	ask_of(PROTO_LIST, address);
	while ((type = next(&body)) == PROTO_LEASE) {
		assert_int_equal(proto_get_lease(&body, &lease), 0);
		n++;
	}
	assert_int_equal(type, PROTO_END);
	return n;
}

static struct conf_port https = { IPPROTO_TCP, 443 };
static const char *file = "/z/a.ini";	/* of the entry */
static struct addr addrs[PROTO_ADDRS];

static void put_hold(uint32_t seq, const char *name, uint64_t layout, uint32_t first, size_t n)
{
	struct proto_hold h = { .seq = seq, .layout = layout, .exports = 1, .profile = 5, .ttl = 60, .file = file,
				.file_len = (uint16_t)strlen(file), .line = 3,
				.ports = &https, .n_ports = 1, .addrs = addrs, .n_addrs = n };

	assert_int_equal(addr_parse(&h.client, "10.0.0.9", 8), 0);
	assert_int_equal(name_from_text(&h.name, name, strlen(name)), 0);
	for (size_t i = 0; i < n; i++) {
		uint8_t b[4];

		bytes_put_u32(b, 0x08000000 + first + (uint32_t)i);
		addrs[i] = addr_v4(b);
	}
	proto_put_hold(&w, &h);
}

/* The answers on a worker's channel, in any order, until n have come; the sum of their errors. */
static int held(int fd, unsigned n, uint32_t seq_sum)
{
	static uint8_t msg[CHAN_MAX];
	struct proto_held h = { 0 };
	enum proto_type type;
	struct rd r, body;
	int errs = 0;

	while (n) {
		ssize_t len = take(fd, msg);

		assert_true(len > 0);
		r = rd_init(msg, (size_t)len);
		while (proto_next(&r, &type, &body) == 1) {
			assert_int_equal(type, PROTO_HELD);
			assert_int_equal(proto_get_held(&body, &h), 0);
			seq_sum -= h.seq;
			errs += h.err;
			if (!h.err)
				assert_true(h.until_us >= clock_now().mono_us + 50 * CLOCK_S);
			n--;
		}
	}
	assert_int_equal(seq_sum, 0);
	return errs;
}

static void hold_one(uint32_t seq, const char *name, uint32_t address)
{
	put_hold(seq, name, layout_now(), address, 1);
	post(worker[0]);
	assert_int_equal(held(worker[0], 1, seq), 0);
}

static bool ended(int fd)
{
	uint8_t byte[16];

	return take(fd, in) <= 0 && recv(fd, byte, sizeof(byte), MSG_DONTWAIT) <= 0;
}

static void test_hello(void **state)
{
	write_file_conf("");
	start_well();
	assert_string_equal(text, "");
	assert_true(atomic_load(&page->layout) == layout_now());
	close(main_fd);
	main_fd = -1;
	assert_int_equal(agent_over(), 0);
}

static void test_hello_refused(void **state)
{
	uint64_t layout;

	write_file_conf("kimd = file\n");
	agent_start();
	assert_int_equal(prepared(&layout, text), -EINVAL);
	assert_non_null(strstr(text, "/postern.conf:5: error: "));
	close_ends();
	assert_int_equal(agent_over(), 1);

	write_file_conf("");
	confine_err = -EPERM;
	agent_start();
	assert_int_equal(prepared(&layout, text), -EPERM);
	assert_true(strlen(text) > 10);
	close_ends();
	assert_int_equal(agent_over(), 1);

	confine_err = 0;
	assert_int_equal(ftruncate(kept, 0), 0);
	unlink(path);
	agent_start();
	assert_int_equal(prepared(&layout, text), -EINVAL);
	assert_non_null(strstr(text, strerror(ENOENT)));
	close_ends();
	assert_int_equal(agent_over(), 1);
}

static void test_signals(void **state)
{
	write_file_conf("");
	start_well();
	kill(agent, SIGHUP);
	kill(agent, SIGINT);
	ask(PROTO_ABORT);
	expect(PROTO_END);
	kill(agent, SIGTERM);
	assert_int_equal(agent_over(), 0);
}

static void test_hold(void **state)
{
	write_file_conf("");
	start_well();
	put_hold(7, "a.example.com", layout_now(), 1, 3);
	put_hold(8, "b.example.com", layout_now(), 2, 1);
	post(worker[0]);
	put_hold(9, "c.example.com", layout_now(), 100, 1);
	post(worker[1]);
	assert_int_equal(held(worker[0], 2, 15), 0);
	assert_int_equal(held(worker[1], 1, 9), 0);
	/* judged by a configuration that it never saw */
	put_hold(10, "d.example.com", layout_now() + 1, 200, 1);
	post(worker[1]);
	assert_int_equal(held(worker[1], 1, 10), -ESTALE);
	assert_int_equal(listed(NULL), 4);
	assert_int_equal(listed("8.0.0.100"), 1);
	assert_int_equal(lease.port, 443);
	assert_int_equal(lease.proto, IPPROTO_TCP);
	assert_string_equal(lease.file, "/z/a.ini");
	assert_int_equal(lease.line, 3);
	assert_true(lease.seconds > 300 && lease.seconds <= 361);
	assert_int_equal(listed("8.0.1.0"), 0);
	close_ends();
	assert_int_equal(agent_over(), 0);
}

static void test_close_and_status(void **state)
{
	struct proto_set set;
	struct rd body;
	enum proto_type type;
	unsigned sets = 0;
	uint64_t leases = 0;

	write_file_conf("");
	start_well();
	hold_one(1, "a.example.com", 1);
	hold_one(2, "b.example.com", 2);
	ask(PROTO_STATUS);
	while ((type = next(&body)) == PROTO_SET) {
		assert_int_equal(proto_get_set(&body, &set), 0);
		assert_string_equal(set.kind, "file");
		leases += set.leases;
		sets++;
	}
	assert_int_equal(type, PROTO_END);
	assert_true(sets >= 1);
	assert_int_equal(leases, 2);
	ask_of(PROTO_CLOSE, "8.0.0.1");
	assert_int_equal(counted(PROTO_CLOSED), 1);
	expect(PROTO_END);
	assert_int_equal(listed(NULL), 1);
	ask_of(PROTO_CLOSE, NULL);
	assert_int_equal(counted(PROTO_CLOSED), 1);
	expect(PROTO_END);
	assert_int_equal(listed(NULL), 0);
	close_ends();
	assert_int_equal(agent_over(), 0);
}

static void answer_review(struct rd *body, uint64_t profile, const char *refused)
{
	struct proto_verdict v = { .exports = 1, .n_ports = 1, .ports = { https } };
	struct proto_review r;
	char name[NAME_TEXT];

	assert_int_equal(proto_get_review(body, &r), 0);
	assert_int_equal(r.profile, profile);
	v.id = r.id;
	v.ok = strcmp(name_text(&r.name, name), refused) != 0;
	proto_put_verdict(&w, &v);
	post(main_fd);
}

/* Prepares, commits and has every opener judged; gives how many were judged. */
static unsigned reload(const char *refused, uint64_t *closed)
{
	unsigned n = 0;
	uint64_t layout;
	struct rd body;
	enum proto_type type;

	ask(PROTO_PREPARE);
	assert_int_equal(prepared(&layout, text), 0);
	assert_true(layout == layout_now());
	ask(PROTO_COMMIT);
	expect(PROTO_END);
	while ((type = next(&body)) == PROTO_REVIEW) {
		answer_review(&body, 5, refused);
		n++;
	}
	assert_int_equal(type, PROTO_REVIEWED);
	assert_int_equal(proto_get_count(&body, closed), 0);
	return n;
}

/* What one opener left in the sets is judged, by itself. */
static void adopted(const char *refused, uint64_t *closed)
{
	struct rd body;

	assert_int_equal(next(&body), PROTO_REVIEW);
	answer_review(&body, 0, refused);
	assert_int_equal(next(&body), PROTO_REVIEWED);
	assert_int_equal(proto_get_count(&body, closed), 0);
}

static void test_reload(void **state)
{
	uint64_t closed, before;

	write_file_conf("");
	start_well();
	before = layout_now();
	hold_one(1, "a.example.com", 1);
	hold_one(2, "b.example.com", 2);
	write_file_conf("min-time = 90s\n");
	assert_int_equal(reload("b.example.com", &closed), 2);
	assert_int_equal(closed, 1);
	assert_int_equal(listed(NULL), 1);
	assert_int_equal(listed("8.0.0.1"), 1);
	assert_true(layout_now() != before);
	/* of a query that began before */
	put_hold(3, "c.example.com", before, 3, 1);
	post(worker[0]);
	assert_int_equal(held(worker[0], 1, 3), 0);
	/* nothing has changed, and all are judged again */
	assert_int_equal(reload("", &closed), 2);
	assert_int_equal(closed, 0);
	close_ends();
	assert_int_equal(agent_over(), 0);
}

static void test_reload_refused(void **state)
{
	uint64_t before, layout;

	write_file_conf("");
	start_well();
	before = layout_now();
	write_file_conf("min-time = soon\n");
	ask(PROTO_PREPARE);
	assert_int_equal(prepared(&layout, text), -EINVAL);
	assert_non_null(strstr(text, "/postern.conf:5: error: "));
	write_file_conf("min-time = 90s\n");
	ask(PROTO_PREPARE);
	assert_int_equal(prepared(&layout, text), 0);
	ask(PROTO_ABORT);
	expect(PROTO_END);
	/* what was in force is */
	put_hold(1, "a.example.com", before, 1, 1);
	post(worker[0]);
	assert_int_equal(held(worker[0], 1, 1), 0);
	assert_true(atomic_load(&page->layout) == before);
	close_ends();
	assert_int_equal(agent_over(), 0);
}

/* More openers than may be out at once; a reload that comes meanwhile waits for the end of the review. */
static void test_review_waits(void **state)
{
	struct rd body;
	uint64_t layout;
	unsigned n = 0;
	char name[64];

	write_file_conf("");
	start_well();
	for (uint32_t i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "n%u.example.com", i);
		put_hold(0, name, layout_now(), i, 1);
		if (i % 100 == 99)
			post(worker[0]);
	}
	assert_int_equal(held(worker[0], 600, 0), 0);
	ask(PROTO_PREPARE);
	assert_int_equal(prepared(&layout, text), 0);
	ask(PROTO_COMMIT);
	expect(PROTO_END);
	ask(PROTO_PREPARE);
	while (next(&body) == PROTO_REVIEW) {
		answer_review(&body, 5, "");
		n++;
	}
	assert_int_equal(n, 600);
	assert_int_equal(prepared(&layout, text), 0);
	/* and it stops where the verdicts do */
	ask(PROTO_COMMIT);
	expect(PROTO_END);
	for (n = 0; n < 256; n++)
		expect(PROTO_REVIEW);
	usleep(50000);
	assert_int_equal(rd_left(&left), 0);
	assert_int_equal(recv(main_fd, in, sizeof(in), MSG_DONTWAIT), -1);
	close_ends();
	assert_int_equal(agent_over(), 0);
}

static void test_hostile_worker(void **state)
{
	write_file_conf("");
	start_well();
	assert_int_equal(send(worker[0], "\1\0\0\0\2zz", 7, 0), 7);
	assert_true(ended(worker[0]));
	put_hold(4, "a.example.com", layout_now(), 1, 1);
	post(worker[1]);
	assert_int_equal(held(worker[1], 1, 4), 0);
	/* a grant, but not called so */
	put_hold(4, "a.example.com", layout_now(), 1, 1);
	room[0] = PROTO_LIST;
	post(worker[1]);
	assert_true(ended(worker[1]));
	ask(PROTO_ABORT);
	expect(PROTO_END);
	close_ends();
	assert_int_equal(agent_over(), 0);
}

static void put_stray_verdict(void)
{
	proto_put_verdict(&w, &(struct proto_verdict){ .id = 1 });
}

static void put_commit(void)
{
	proto_put_bare(&w, PROTO_COMMIT);
}

static void put_two(void)
{
	proto_put_address(&w, PROTO_LIST, NULL);
	proto_put_address(&w, PROTO_LIST, NULL);
}

static void put_answer(void)
{
	proto_put_bare(&w, PROTO_END);
}

static void put_garbage(void)
{
	wr_bytes(&w, "\377\0\0\0\0", 5);
}

static void test_hostile_server(void **state)
{
	static void (*const puts[])(void) = { put_stray_verdict, put_commit, put_two, put_answer, put_garbage };

	write_file_conf("");
	for (size_t i = 0; i < sizeof(puts) / sizeof(puts[0]); i++) {
		start_well();
		puts[i]();
		post(main_fd);
		assert_int_equal(agent_over(), 1);
	}
}

/* The next agent works by what was committed, whatever the file says now. */
static void test_kept(void **state)
{
	uint64_t committed, closed, layout;

	write_file_conf("");
	start_well();
	write_file_conf("grace = 100s\n");
	reload("", &closed);
	committed = layout_now();
	kill(agent, SIGKILL);
	assert_int_equal(agent_over(), 128 + SIGKILL);
	write_file_conf("nonsense\n");
	agent_start();
	assert_int_equal(prepared(&layout, text), 0);
	assert_true(layout == committed);
	/* but a reload reads the file */
	ask(PROTO_PREPARE);
	assert_int_equal(prepared(&layout, text), -EINVAL);
	close_ends();
	assert_int_equal(agent_over(), 0);

	/* killed while it wrote */
	assert_int_equal(ftruncate(kept, 30), 0);
	write_file_conf("");
	start_well();
	close_ends();
	assert_int_equal(agent_over(), 0);
}

/* A list that is longer than what a channel lets wait is told as it is read, and others do not wait for that. */
static void test_long_list(void **state)
{
	static char long_name[3500];
	struct rd body;
	unsigned n = 0;

	write_file_conf("");
	start_well();
	memset(long_name, 'x', sizeof(long_name) - 1);
	file = long_name;
	for (uint32_t i = 0; i < 10; i++) {
		put_hold(i, "a.example.com", layout_now(), i * 1000, 1000);
		post(worker[0]);
	}
	file = "/z/a.ini";
	assert_int_equal(held(worker[0], 10, 45), 0);
	assert_true(10000 * sizeof(long_name) > 2 * CHAN_QUEUE);
	ask_of(PROTO_LIST, NULL);
	hold_one(1, "b.example.com", 50000);
	/* time in which it could fill the channel */
	usleep(300000);
	while (next(&body) == PROTO_LEASE)
		n++;
	assert_true(n == 10000 || n == 10001);
	close_ends();
	assert_int_equal(agent_over(), 0);
}

/* Somebody's socket who never answers: what waits for him is bounded, by not reading on, and ends by the deadline. */
static void test_grants_wait(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint8_t msg[CHAN_MAX];
	unsigned sent = 0, answered = 0;
	bool stopped = false;
	uint64_t layout;
	char conf[256];

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/sock", folder);
	assert_int_equal(bind(listener, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(listener, 1), 0);
	snprintf(conf, sizeof(conf), "[export s]\nkind = socket\npath = %s\ndeadline = 1s\n", sun.sun_path);
	write_conf(conf);
	start_well();
	layout = layout_now();
	/* a worker that goes meanwhile is told nothing */
	for (uint32_t i = 0; i < 1500; i++) {
		if (i % 300 == 0 && i)
			post(worker[1]);
		put_hold(i, "b.example.com", layout, 2, 1);
	}
	post(worker[1]);
	close(worker[1]);
	worker[1] = -1;
	while (sent < 40000 || answered < sent) {
		enum proto_type type;
		struct rd r, body;
		ssize_t len;

		if (sent < 40000 && !wr_len(&w))
			for (unsigned i = 0; i < 200; i++, sent++)
				put_hold(sent, "a.example.com", layout, 1, 1);
		if (wr_len(&w) && send(worker[0], room, wr_len(&w), MSG_NOSIGNAL) > 0)
			w = wr_init(room, sizeof(room));
		else if (wr_len(&w) && !answered && !stopped) {
			/* it reads no more, for as long as nothing is answered */
			usleep(200000);
			stopped = send(worker[0], room, wr_len(&w), MSG_NOSIGNAL) < 0;
			if (!stopped)
				w = wr_init(room, sizeof(room));
		}
		len = recv(worker[0], msg, sizeof(msg), MSG_DONTWAIT);
		if (len < 0)
			continue;
		assert_true(len > 0);
		r = rd_init(msg, (size_t)len);
		while (proto_next(&r, &type, &body) == 1) {
			struct proto_held h;

			assert_int_equal(proto_get_held(&body, &h), 0);
			assert_true(h.err < 0);
			answered++;
		}
	}
	assert_true(stopped);
	assert_int_equal(answered, 40000);
	close_ends();
	assert_int_equal(agent_over(), 0);
	close(listener);
}

static bool says(const char *command, const char *want)
{
	char got[8192];
	FILE *p = popen(command, "r");
	size_t n;

	assert_non_null(p);
	n = fread(got, 1, sizeof(got) - 1, p);
	got[n] = '\0';
	pclose(p);
	return strstr(got, want);
}

/* The kernel's sets, in a network namespace of our own. */
static void test_nftables(void **state)
{
	uint64_t closed, layout;

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
		skip();
	if (system("nft add table inet t && "
		   "nft add set inet t a '{ type ipv4_addr; flags timeout; }' && "
		   "nft add set inet t wrong '{ type ether_addr; flags timeout; }'"))
		skip();
	write_conf("[export k]\nkind = nftables\nset4 = inet t a\n");
	start_well();
	hold_one(1, "a.example.com", 1);
	assert_true(says("nft list set inet t a", "8.0.0.1"));
	assert_true(says("nft list set inet t a", "a.example.com"));
	write_conf("[export k]\nkind = nftables\nset4 = inet t wrong\n");
	ask(PROTO_PREPARE);
	assert_int_equal(prepared(&layout, text), -EINVAL);
	assert_non_null(strstr(text, "wrong"));
	write_conf("[export k]\nkind = nftables\nset4 = inet t a\n");
	assert_int_equal(reload("a.example.com", &closed), 1);
	assert_int_equal(closed, 1);
	ask(PROTO_ABORT);
	expect(PROTO_END);
	assert_false(says("nft list set inet t a", "8.0.0.1"));
	hold_one(2, "b.example.com", 2);
	close_ends();
	assert_int_equal(agent_over(), 0);
	/* leases stay, and the next agent takes them over and has them judged */
	assert_true(says("nft list set inet t a", "8.0.0.2"));
	start_well();
	adopted("", &closed);
	assert_int_equal(closed, 0);
	assert_int_equal(listed("8.0.0.2"), 1);
	close_ends();
	assert_int_equal(agent_over(), 0);
	start_well();
	adopted("b.example.com", &closed);
	assert_int_equal(closed, 1);
	assert_int_equal(listed(NULL), 0);
	assert_false(says("nft list set inet t a", "8.0.0.2"));
	close_ends();
	assert_int_equal(agent_over(), 0);

	write_conf("[export k]\nkind = nftables\nset4 = inet t wrong\n");
	assert_int_equal(ftruncate(kept, 0), 0);
	agent_start();
	assert_int_equal(prepared(&layout, text), -EINVAL);
	assert_non_null(strstr(text, "nft"));
	close_ends();
	assert_int_equal(agent_over(), 1);
}

static int first(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	hash_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hello, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hello_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_and_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_review_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_worker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grants_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nftables, setup, teardown),
	};

	return cmocka_run_group_tests(tests, first, NULL);
}
