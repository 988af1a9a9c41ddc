/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/sandbox.h"

#define ADMIN (1u << 12)

/* The account of a service, and none. */
static const struct conf_server nobody = { .user = { "nobody", 1 }, .sandbox = true }, same = { .user = { "", 0 },
					   .sandbox = true }, off = { .user = { "nobody", 1 } };

static int need_root(void)
{
	if (geteuid() == 0)
		return 0;
	skip();
	return -1;
}

/* What fn gives in a process of its own, or 1000 + the signal that ended it. */
static int child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A line of /proc/self/status as hexadecimal. */
static unsigned long long own(const char *key)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long long v = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			v = strtoull(line + strlen(key) + 1, NULL, 16);
	}
	if (f)
		fclose(f);
	return v;
}

static bool capabilities(unsigned permitted, unsigned effective)
{
	return own("CapPrm") == permitted && own("CapEff") == effective && own("CapInh") == 0 && own("CapBnd") == 0 &&
	       own("CapAmb") == 0 && own("NoNewPrivs") == 1;
}

static int enters_agent(void)
{
	if (sandbox_raise() < 0 || own("CapEff") != ADMIN)
		return 1;
	if (sandbox_agent(&nobody, true) < 0)
		return 2;
	return capabilities(ADMIN, ADMIN) && own("Uid") ? 0 : 3;
}

/* The supervisor's keeps what it may not use itself, and its child raises it. */
static int enters(void)
{
	if (sandbox_supervisor(&nobody, true) < 0 || !capabilities(ADMIN, 0) || !getuid() || setuid(0) == 0)
		return 10;
	return child(enters_agent);
}

static int enters_as_root(void)
{
	return sandbox_supervisor(&same, true) == 0 && capabilities(ADMIN, 0) ? 0 : 1;
}

static int enters_without(void)
{
	return sandbox_supervisor(&nobody, false) == 0 && capabilities(0, 0) && sandbox_raise() == 0 &&
	       own("CapEff") == 0 && sandbox_agent(&nobody, true) == -EPERM && sandbox_agent(&nobody, false) == 0 ? 0 : 1;
}

static int enters_off(void)
{
	return sandbox_agent(&off, true) == 0 && own("Uid") && own("CapEff") == ADMIN && own("Seccomp") == 0 ? 0 : 1;
}

static int enters_server(void)
{
	return sandbox_enter(&nobody) == 0 && capabilities(0, 0) && sandbox_raise() == 0 && own("CapEff") == 0 ? 0 : 1;
}

static void test_capabilities(void **state)
{
	if (need_root())
		return;
	assert_int_equal(child(enters), 0);
	assert_int_equal(child(enters_as_root), 0);
	assert_int_equal(child(enters_without), 0);
	assert_int_equal(child(enters_off), 0);
	assert_int_equal(child(enters_server), 0);
}

static int filter(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || sandbox_calls() < 0;
}

static int calls_udp(void)
{
	return filter() ? 99 : socket(AF_INET, SOCK_DGRAM, 0);
}

static int calls_packet(void)
{
	return filter() ? 99 : socket(AF_PACKET, SOCK_RAW, 0);
}

static int calls_exec(void)
{
	return filter() ? 99 : execl("/bin/true", "true", NULL);
}

static int calls_ptrace(void)
{
	return filter() ? 99 : (int)ptrace(PTRACE_ATTACH, getppid(), 0, 0);
}

static int calls_fork(void)
{
	return filter() ? 99 : fork();
}

static int calls_code(void)
{
	return filter() ? 99 : mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int calls_kill(void)
{
	return filter() ? 99 : kill(getppid(), 0);
}

static int calls_setuid(void)
{
	return filter() ? 99 : setuid(0);
}

static int calls_prctl(void)
{
	return filter() ? 99 : prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int calls_listen(void)
{
	return filter() ? 99 : listen(0, 1);
}

static int (*const forbidden[])(void) = {
	calls_udp, calls_packet, calls_exec, calls_ptrace, calls_fork, calls_code, calls_kill, calls_setuid, calls_prctl,
	calls_listen,
};

static int calls_allowed(void)
{
	char *p, text[64];
	int fd;
	FILE *f;

	if (filter())
		return 1;
	p = malloc(1 << 20);
	free(p);
	f = fopen("/proc/self/comm", "r");
	if (!f || !fgets(text, sizeof(text), f) || fclose(f))
		return 2;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || close(fd))
		return 3;
	fd = socket(AF_NETLINK, SOCK_RAW, 12);
	if (fd < 0 || close(fd))
		return 4;
	return 0;
}

static void test_calls(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip();
#endif
	assert_int_equal(child(calls_allowed), 0);
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		int got = child(forbidden[i]);

		if (got != 1000 + SIGSYS)
			fail_msg("forbidden call %zu: %d", i, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_capabilities), cmocka_unit_test(test_calls) };

	return cmocka_run_group_tests_name("core_sandbox", tests, NULL, NULL);
}
