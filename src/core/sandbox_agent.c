/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/util.h"
#include "core/sandbox.h"

/*
 * What the agent may ask of the kernel, and what for. Whatever is not here ends it: above all
 * starting programs and threads, looking into other processes, and sockets that reach the network.
 */
static const struct {
	int call;
	const char *why;
} calls[] = {
	{ SCMP_SYS(brk), "memory" },
	{ SCMP_SYS(mremap), "memory" },
	{ SCMP_SYS(munmap), "memory" },
	{ SCMP_SYS(madvise), "memory" },
	{ SCMP_SYS(epoll_create1), "the loop" },
	{ SCMP_SYS(epoll_ctl), "the loop" },
	{ SCMP_SYS(epoll_wait), "the loop" },
	{ SCMP_SYS(epoll_pwait), "the loop" },
	{ SCMP_SYS(eventfd2), "the loop" },
	{ SCMP_SYS(pipe2), "the loop's signals" },
	{ SCMP_SYS(rt_sigaction), "the loop's signals" },
	{ SCMP_SYS(rt_sigprocmask), "the loop's signals, and abort" },
	{ SCMP_SYS(rt_sigreturn), "the loop's signals" },
	{ SCMP_SYS(restart_syscall), "a wait behind a stop signal" },
	{ SCMP_SYS(poll), "the end of its channel" },
	{ SCMP_SYS(ppoll), "the same, where poll is made of it" },
	{ SCMP_SYS(clock_gettime), "the time, where the vdso does not know it" },
	{ SCMP_SYS(gettimeofday), "the time, where the vdso does not know it" },
	{ SCMP_SYS(futex), "locks of libraries" },
	{ SCMP_SYS(getrandom), "hash keys" },
	{ SCMP_SYS(sendmsg), "channels, netlink, sockets" },
	{ SCMP_SYS(sendto), "channels, netlink, sockets" },
	{ SCMP_SYS(recvmsg), "channels, netlink, sockets" },
	{ SCMP_SYS(recvfrom), "channels, netlink, sockets" },
	{ SCMP_SYS(connect), "kind = socket" },
	{ SCMP_SYS(bind), "netlink" },
	{ SCMP_SYS(getsockname), "netlink" },
	{ SCMP_SYS(getsockopt), "netlink, kind = socket" },
	{ SCMP_SYS(setsockopt), "netlink" },
	{ SCMP_SYS(read), "the configuration, wake-ups" },
	{ SCMP_SYS(pread64), "the configuration that was kept" },
	{ SCMP_SYS(lseek), "the configuration" },
	{ SCMP_SYS(openat), "the configuration, kind = file" },
	{ SCMP_SYS(close), "all of them" },
	{ SCMP_SYS(fcntl), "all of them" },
	{ SCMP_SYS(fstat), "files" },
	{ SCMP_SYS(newfstatat), "files" },
	{ SCMP_SYS(statx), "files" },
	{ SCMP_SYS(write), "messages, kind = file, wake-ups" },
	{ SCMP_SYS(writev), "messages of libraries" },
	{ SCMP_SYS(pwrite64), "the configuration that is kept" },
	{ SCMP_SYS(ftruncate), "the configuration that is kept" },
	{ SCMP_SYS(fsync), "kind = file" },
	{ SCMP_SYS(renameat), "kind = file" },
	{ SCMP_SYS(renameat2), "the same, where renameat is made of it" },
	{ SCMP_SYS(unlinkat), "kind = file" },
	{ SCMP_SYS(getpid), "netlink's ports, abort" },
	{ SCMP_SYS(gettid), "abort" },
	{ SCMP_SYS(tgkill), "abort" },
	{ SCMP_SYS(exit), "its end" },
	{ SCMP_SYS(exit_group), "its end" },
};

/* And those of which only this is meant. */
static const struct {
	int call;
	const char *why;
	struct scmp_arg_cmp only;		/* argument, test, its two values */
} narrow[] = {
	{ SCMP_SYS(mmap), "memory", { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
	{ SCMP_SYS(mprotect), "memory", { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
	{ SCMP_SYS(socket), "kind = socket", { 0, SCMP_CMP_EQ, AF_UNIX, 0 } },
	{ SCMP_SYS(socket), "sets of a new configuration", { 0, SCMP_CMP_EQ, AF_NETLINK, 0 } },
	{ SCMP_SYS(ioctl), "the loop's descriptors", { 1, SCMP_CMP_EQ, FIONBIO, 0 } },
	{ SCMP_SYS(ioctl), "the loop's descriptors", { 1, SCMP_CMP_EQ, FIOCLEX, 0 } },
};

static int add_all(scmp_filter_ctx f)
{
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(calls); i++) {
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i].call, 0);
		if (err)
			log_error("sandbox: a system call for %s", calls[i].why);
	}
	for (size_t i = 0; !err && i < ARRAY_SIZE(narrow); i++) {
		err = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, narrow[i].call, 1, &narrow[i].only);
		if (err)
			log_error("sandbox: a system call for %s", narrow[i].why);
	}
	return err;
}

/* The run-time libraries of sanitizers look for leaks from a thread of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOAD 0
#else
#define LOAD 1
#endif

int sandbox_calls(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err = f ? add_all(f) : -ENOMEM;

	if (!err && LOAD)
		err = seccomp_load(f);
	if (err)
		log_error("sandbox: seccomp: %s", strerror(-err));
	if (f)
		seccomp_release(f);
	return err;
}
