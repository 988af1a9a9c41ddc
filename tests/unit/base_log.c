/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static int saved, fds[2];

static void capture(void)
{
	assert_int_equal(pipe(fds), 0);
	saved = dup(STDERR_FILENO);
	assert_true(saved >= 0);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
}

static void captured(char *buf, size_t cap)
{
	ssize_t n;

	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	close(fds[1]);
	n = read(fds[0], buf, cap - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	close(fds[0]);
}

static void logs(void **state)
{
	char buf[8192], big[4000];

	capture();
	errno = ENOENT;
	log_error("socket: %s", strerror(EACCES));
	assert_int_equal(errno, ENOENT);
	log_warn("two\nlines\033[0m");
	log_info("%d", 7);
	log_debug("unseen");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("seen");
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("unseen");
	log_set_level(LOG_LEVEL_INFO);
	captured(buf, sizeof(buf));
	assert_string_equal(buf, "postern: error: socket: Permission denied\n"
				 "postern: warning: two lines [0m\n"
				 "postern: 7\n"
				 "postern: debug: seen\n");
	/* Nobody to tell: the caller's errno stays all the same. */
	saved = dup(STDERR_FILENO);
	assert_true(saved >= 0);
	close(STDERR_FILENO);
	errno = ENOENT;
	log_error("unheard");
	assert_int_equal(errno, ENOENT);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	memset(big, 'b', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	capture();
	log_info("%s", big);
	captured(buf, sizeof(buf));
	assert_in_range(strlen(buf), 2000, 2048);
	assert_string_equal(buf + strlen(buf) - 5, "b...\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(logs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
