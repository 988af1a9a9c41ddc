/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "io_help.h"

#include "io/unix.h"

/* The mode that the file had before it was set: what others could use in between. */
static mode_t mode_before;

int chmod(const char *file, mode_t mode)
{
	struct stat st;

	if (lstat(file, &st))
		return -1;
	mode_before |= st.st_mode & 07777;
	return fchmodat(AT_FDCWD, file, mode, 0);
}

static char folder[64], path[80];
static struct unix_server *server;
static struct unix_conn *waiting;
static char last[UNIX_LINE_MAX + 1];
static unsigned asked;
static bool hold;			/* answer later */
static char *big;
static size_t big_len;

static void on_line(void *ctx, struct unix_conn *conn, char *line)
{
	asked++;
	snprintf(last, sizeof(last), "%s", line);
	if (hold)
		waiting = conn;
	else if (big)
		unix_reply(conn, big, big_len);
	else
		unix_reply(conn, line, strlen(line));
}

static void serve(void)
{
	int err = 1;

	server = unix_serve(loop, path, on_line, NULL, &err);
	assert_int_equal(err, 0);
	assert_non_null(server);
}

static int setup(void **state)
{
	asked = 0;
	hold = false;
	waiting = NULL;
	snprintf(folder, sizeof(folder), "/tmp/postern-unix-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/run/sock", folder);
	return help_setup(state);
}

static int teardown(void **state)
{
	char run[80];

	unix_close(server);
	server = NULL;
	free(big);
	big = NULL;
	snprintf(run, sizeof(run), "%s/run", folder);
	if (rmdir(run) || rmdir(folder))
		return -1;
	return help_teardown(state);
}

/* The asking end blocks, so it runs beside. */
struct asking {
	pthread_t thread;
	const char *line;
	char *reply;
	size_t len;
	int err;
	atomic_bool over;
};

static struct asking *current;

static void *ask_thread(void *arg)
{
	struct asking *a = arg;

	a->reply = unix_ask(path, a->line, &a->len, &a->err);
	atomic_store(&a->over, true);
	return NULL;
}

static bool ask_over(void)
{
	return atomic_load(&current->over);
}

static void ask_start(struct asking *a, const char *line)
{
	*a = (struct asking){ .line = line };
	current = a;
	assert_int_equal(pthread_create(&a->thread, NULL, ask_thread, a), 0);
}

static void ask_end(struct asking *a)
{
	current = a;
	help_until(ask_over);
	pthread_join(a->thread, NULL);
}

static void test_ask(void **state)
{
	struct asking a;
	struct stat st;

	serve();
	ask_start(&a, "status --json");
	ask_end(&a);
	assert_int_equal(a.err, 0);
	assert_string_equal(a.reply, "status --json");
	assert_int_equal(a.len, 13);
	free(a.reply);
	ask_start(&a, "");
	ask_end(&a);
	assert_string_equal(a.reply, "");
	assert_int_equal(a.len, 0);
	free(a.reply);
	assert_int_equal(asked, 2);
	unix_close(server);
	server = NULL;
	assert_int_equal(lstat(path, &st), -1);
	unix_close(NULL);
}

static void test_long(void **state)
{
	struct asking a;
	static char line[UNIX_LINE_MAX + 2];

	serve();
	memset(line, 'x', UNIX_LINE_MAX);
	ask_start(&a, line);
	ask_end(&a);
	assert_string_equal(a.reply, line);
	free(a.reply);
	line[UNIX_LINE_MAX] = 'x';
	ask_start(&a, line);
	ask_end(&a);
	assert_null(a.reply);
	assert_int_equal(a.err, -EINVAL);
	ask_start(&a, "two\nlines");
	ask_end(&a);
	assert_int_equal(a.err, -EINVAL);
	big_len = 5 << 20;
	big = malloc(big_len);
	for (size_t i = 0; i < big_len; i++)
		big[i] = (char)(i * 7 % 251);
	ask_start(&a, "all");
	ask_end(&a);
	assert_int_equal(a.len, big_len);
	assert_memory_equal(a.reply, big, big_len);
	free(a.reply);
}

static bool held(void)
{
	return waiting != NULL;
}

static void test_later(void **state)
{
	struct asking a;

	serve();
	hold = true;
	ask_start(&a, "reload");
	help_until(held);
	unix_reply(waiting, "done", 4);
	ask_end(&a);
	assert_string_equal(a.reply, "done");
	free(a.reply);
	/* The server goes first. */
	waiting = NULL;
	ask_start(&a, "reload");
	help_until(held);
	unix_close(server);
	server = NULL;
	ask_end(&a);
	unix_reply(waiting, "done", 4);
	assert_true(!a.reply || !a.len);
	free(a.reply);
}

/* A plain client that says what unix_ask would not. */
static int raw;

static void dial(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	raw = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(raw, (struct sockaddr *)&sun, sizeof(sun)), 0);
}

static bool raw_end(void)
{
	char c;
	ssize_t r = recv(raw, &c, 1, 0);

	return !r || (r < 0 && errno != EAGAIN);
}

static void test_bad_lines(void **state)
{
	static char line[UNIX_LINE_MAX + 2];

	serve();
	memset(line, 'x', sizeof(line));
	dial();
	assert_int_equal(send(raw, line, sizeof(line), MSG_NOSIGNAL), sizeof(line));
	help_until(raw_end);
	close(raw);
	dial();
	assert_int_equal(send(raw, "a\0b\n", 4, MSG_NOSIGNAL), 4);
	help_until(raw_end);
	close(raw);
	dial();
	assert_int_equal(send(raw, "half", 4, MSG_NOSIGNAL), 4);
	shutdown(raw, SHUT_WR);
	help_until(raw_end);
	close(raw);
	assert_int_equal(asked, 0);
	/* In pieces. */
	dial();
	assert_int_equal(send(raw, "sta", 3, MSG_NOSIGNAL), 3);
	help_turn(3);
	assert_int_equal(send(raw, "tus\n", 4, MSG_NOSIGNAL), 4);
	help_turn(3);
	assert_int_equal(asked, 1);
	assert_string_equal(last, "status");
	close(raw);
}

/* Whoever says nothing, or does not read, is cut: the clock is turned. */
static void test_silent(void **state)
{
	struct now later;
	unsigned fds;

	serve();
	fds = help_fds();
	dial();
	help_turn(3);
	assert_int_equal(help_fds(), fds + 2);
	later = clock_now();
	later.mono_us += 11000 * CLOCK_MS;
	timers_run(loop_timers(loop), later);
	assert_int_equal(help_fds(), fds + 1);
	close(raw);
	big_len = 5 << 20;
	big = calloc(1, big_len);
	dial();
	assert_int_equal(send(raw, "all\n", 4, MSG_NOSIGNAL), 4);
	help_turn(5);
	assert_int_equal(asked, 1);
	assert_int_equal(help_fds(), fds + 2);
	later.mono_us += 11000 * CLOCK_MS;
	timers_run(loop_timers(loop), later);
	assert_int_equal(help_fds(), fds + 1);
	close(raw);
}

/* The asking one goes away before its answer. */
static void test_gone(void **state)
{
	serve();
	hold = true;
	dial();
	assert_int_equal(send(raw, "reload\n", 7, MSG_NOSIGNAL), 7);
	help_until(held);
	close(raw);
	help_turn(3);
	unix_reply(waiting, "done", 4);
}

static void test_mode(void **state)
{
	const mode_t masks[] = { 0, 022, 077, 0777 };
	struct stat st;
	char run[80];

	snprintf(run, sizeof(run), "%s/run", folder);
	assert_int_equal(mkdir(run, 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		mode_t was = umask(masks[i]);

		mode_before = 0;
		serve();
		umask(was);
		assert_int_equal(mode_before & ~0660, 0);
		assert_int_equal(lstat(path, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 07777, 0660);
		unix_close(server);
		server = NULL;
	}
}

static void refused(const char *where, int want)
{
	int err = 0;

	assert_null(unix_serve(loop, where, on_line, NULL, &err));
	assert_int_equal(err, want);
}

static void test_taken(void **state)
{
	static char longer[200];
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	char run[80];
	int fd;

	serve();
	refused(path, -EADDRINUSE);
	unix_close(server);
	/* Left by one who died. */
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	serve();
	/* Another's file, which came in its place, is left alone. */
	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	unix_close(server);
	server = NULL;
	assert_int_equal(lstat(path, &st), 0);
	/* No socket: not ours to replace. */
	refused(path, -EEXIST);
	assert_int_equal(unlink(path), 0);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	refused(longer, -ENAMETOOLONG);
	refused("", -EINVAL);
	snprintf(run, sizeof(run), "%s/none/none/sock", folder);
	refused(run, -ENOENT);
}

static void test_nobody(void **state)
{
	size_t len;
	int err = 0;
	char run[80];

	assert_null(unix_ask(path, "status", &len, &err));
	assert_int_equal(err, -ENOENT);
	snprintf(run, sizeof(run), "%s/run", folder);
	assert_int_equal(mkdir(run, 0755), 0);
}

/* The reply comes as it is made, and ends with unix_reply. */
static void test_parts(void **state)
{
	static char part[100000];
	struct asking a;
	size_t n = 60;

	serve();
	hold = true;
	ask_start(&a, "list");
	help_until(held);
	memset(part, 'p', sizeof(part));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(unix_part(waiting, part, sizeof(part)), 0);
		if (i % 20 == 0)
			help_turn(20);
	}
	assert_false(atomic_load(&a.over));
	/* a pause is no end, and nothing waits for the peer meanwhile */
	help_turn(50);
	assert_false(atomic_load(&a.over));
	unix_reply(waiting, "end", 3);
	waiting = NULL;
	ask_end(&a);
	assert_int_equal(a.len, n * sizeof(part) + 3);
	assert_string_equal(a.reply + n * sizeof(part), "end");
	free(a.reply);
	/* an end without a text */
	ask_start(&a, "list");
	help_until(held);
	assert_int_equal(unix_part(waiting, "x", 1), 0);
	unix_reply(waiting, "", 0);
	waiting = NULL;
	ask_end(&a);
	assert_string_equal(a.reply, "x");
	free(a.reply);
}

static unsigned overs;

static void on_over(void *ctx)
{
	overs++;
}

/* Whoever asked has gone: that is told, and unix_reply frees. */
static void test_parts_gone(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	static char part[1 << 20];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), err = 0;

	serve();
	hold = true;
	overs = 0;
	strcpy(sun.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(write(fd, "list\n", 5), 5);
	help_until(held);
	unix_watch_end(waiting, on_over, NULL);
	close(fd);
	for (unsigned i = 0; i < 8 && !err; i++)
		err = unix_part(waiting, part, sizeof(part));
	assert_int_equal(err, -EPIPE);
	assert_int_equal(overs, 1);
	assert_int_equal(unix_part(waiting, "x", 1), -EPIPE);
	unix_reply(waiting, "", 0);
	waiting = NULL;
	assert_int_equal(overs, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_ask), T(test_long), T(test_later), T(test_bad_lines), T(test_silent), T(test_gone),
		T(test_mode), T(test_taken), T(test_nobody), T(test_parts), T(test_parts_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
