/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/log.h"
#include "base/util.h"
#include "core/sandbox.h"
#include "core/settings.h"
#include "export/agent.h"
#include "io/chan.h"

#define CONF_MEMORY ((size_t)64 << 20)
#define BURST 10			/* agents that are started at once, one behind the other */
#define PACE_US (100 * CLOCK_MS)	/* and then one in each of these, which is what a saved one takes, too */
#define AGAIN_US (5 * CLOCK_MS)		/* until a signal that could not be passed on is tried again */
#define SETTLED_US (1 * CLOCK_S)	/* one that lived longer has worked */
#define SAID 3				/* ends of short-lived ones that are said */
#define END_US (1 * CLOCK_S)		/* how long the agent may take when the server has ended */

struct supervisor {
	const char *path;
	bool path_written;
	const struct conf *conf;		/* as it was at the start: all that counts here needs a restart */
	size_t n_workers;
	struct export_page *page;
	int kept;				/* the agents' memfd */
	int line;				/* our end of the line to the server */
	int signals;				/* a signalfd; -1: the split is not over */
	pid_t server, agent;			/* -1: none */
	int status;				/* of the server */
	uint64_t saved;				/* microseconds of PACE that were not used: BURST of them at most */
	uint64_t counted;			/* until when they are */
	uint64_t started;			/* the agent that is, or was last */
	unsigned short_lived;			/* agents, in a row */
	int pass;				/* a signal that the server is yet to get, or 0 */
	bool confined;				/* has given up what only the first start needs */
	bool ending;
};

static uint64_t now_us(void)
{
	return clock_now().mono_us;
}

/* What comes by the signalfd. */
static void ours(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

static int confine(const struct conf *c)
{
	return sandbox_agent(&c->server, settings_need_admin(c));
}

static void run_agent(struct supervisor *s, const int *fds, pid_t parent)
{
	sigset_t set;
	struct agent_start start = {
		.path = s->path, .path_written = s->path_written, .kept = s->kept, .page = s->page,
		.main_fd = fds[0], .worker_fds = fds + 1, .n_workers = s->n_workers, .confine = confine,
	};

	/* nothing is lost with it: leases are in the kernel, and files are replaced as a whole */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		exit(1);
	prctl(PR_SET_NAME, "postern-agent", 0, 0, 0);
	close(s->line);
	if (s->signals >= 0)
		close(s->signals);
	/* a terminal's are for the server, whose end is the agent's */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	ours(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	exit(sandbox_raise() < 0 ? 1 : agent_run(&start));
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static int make_pairs(int *ours, int *theirs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ours[i] = theirs[i] = -1;
	for (size_t i = 0; i < n; i++) {
		int pair[2], err = chan_pair(pair);

		if (err < 0)
			return err;
		ours[i] = pair[0];
		theirs[i] = pair[1];
	}
	return 0;
}

static int send_all(struct supervisor *s, const int *fds, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i += SUPERVISOR_FDS)
		err = chan_send_fds(s->line, (uint32_t)s->agent, fds + i, MIN(n - i, SUPERVISOR_FDS));
	return err;
}

/* Once the first agent is there, which may need more; and before the server hears of it, and serves. */
static int confine_self(struct supervisor *s)
{
	if (s->confined)
		return 0;
	s->confined = true;
	return sandbox_supervisor(&s->conf->server, settings_need_admin(s->conf));
}

/* A new agent, and its channels to the server. */
static int start_agent(struct supervisor *s)
{
	size_t n = s->n_workers + 1;
	int *server = malloc(2 * n * sizeof(*server)), *agent = server ? server + n : NULL, err = -ENOMEM;
	pid_t self = getpid();

	s->started = now_us();
	if (server && (err = make_pairs(server, agent, n)) == 0) {
		s->agent = fork();
		err = s->agent < 0 ? -errno : 0;
	}
	if (!err && s->agent == 0) {
		close_all(server, n);
		run_agent(s, agent, self);
	}
	if (!err)
		err = confine_self(s);
	if (!err)
		err = send_all(s, server, n);
	if (server) {
		close_all(server, 2 * n);
		free(server);
	}
	/* a server that is gone is seen by its own end */
	return err == -EPIPE || err == -ECONNRESET || err == -ENOTCONN ? 0 : err;
}

/* How long until the next agent may be started: 0, then it counts as started. */
static uint64_t pace(struct supervisor *s)
{
	uint64_t now = now_us();

	s->saved = MIN(s->saved + (now - s->counted), BURST * PACE_US);
	s->counted = now;
	if (s->saved < PACE_US)
		return PACE_US - s->saved;
	s->saved -= PACE_US;
	return 0;
}

/* Of agents that end again and again, it is not said again and again. */
static bool say_agent(struct supervisor *s)
{
	s->short_lived = now_us() - s->started < SETTLED_US ? s->short_lived + 1 : 0;
	if (s->short_lived == SAID)
		log_error("agent: ends as soon as it is started; it is tried on, %llu times a second",
			  CLOCK_S / PACE_US);
	return s->short_lived < SAID;
}

static void say_end(const char *who, int status)
{
	log_error("%s: killed by signal %d (%s)", who, WTERMSIG(status), strsignal(WTERMSIG(status)));
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->agent) {
			s->agent = -1;
			/* by itself: it has told the server why, and the next one will hardly do better */
			if (WIFEXITED(status))
				s->saved = 0;
			/* one that ends by itself has said why */
			if (!s->ending && s->server > 0 && say_agent(s) && WIFSIGNALED(status))
				say_end("agent", status);
		}
		if (pid == s->server) {
			s->server = -1;
			s->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
			if (WIFSIGNALED(status))
				say_end("server", status);
		}
	}
}

/* A server that is about to become another account does not hear us for a moment. */
static void pass_signal(struct supervisor *s)
{
	if (s->pass && (s->server < 0 || kill(s->server, s->pass) == 0 || errno != EPERM))
		s->pass = 0;
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		/* what ends it is not to be lost to a reload behind it */
		if (info.ssi_signo != SIGCHLD && !(s->ending && info.ssi_signo == SIGHUP))
			s->pass = (int)info.ssi_signo;
		s->ending |= info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
		pass_signal(s);
	}
	reap(s);
}

static void wait_signals(struct supervisor *s, uint64_t us)
{
	struct pollfd p = { .fd = s->signals, .events = POLLIN };
	struct timespec t = { .tv_sec = (time_t)(us / CLOCK_S), .tv_nsec = (long)(us % CLOCK_S) * 1000 };

	if (ppoll(&p, 1, us == UINT64_MAX ? NULL : &t, NULL) > 0)
		take_signals(s);
}

static void end_agent(struct supervisor *s)
{
	uint64_t now = now_us(), end = now + END_US;

	/* its channels have ended with the server */
	for (; s->agent > 0 && now < end; now = now_us())
		wait_signals(s, end - now);
	if (s->agent <= 0)
		return;
	kill(s->agent, SIGKILL);
	while (waitpid(s->agent, NULL, 0) < 0 && errno == EINTR)
		continue;
}

static void supervise(struct supervisor *s)
{
	while (s->server > 0) {
		uint64_t wait = UINT64_MAX;
		int err;

		if (s->agent < 0 && !s->ending && !(wait = pace(s)) && (err = start_agent(s)) < 0) {
			log_error("agent: cannot be started: %s", strerror(-err));
			wait = PACE_US;
		}
		if (s->agent > 0)
			wait = UINT64_MAX;
		pass_signal(s);
		wait_signals(s, s->pass ? MIN(wait, AGAIN_US) : wait);
	}
	end_agent(s);
}

/*
 * The page has its one writable mapping, which agents inherit, before it is sealed against further ones: the
 * server gives that up, and cannot have another.
 */
static int make_page(struct supervisor *s, int *fd)
{
	void *p;

	*fd = memfd_create("postern-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0 || ftruncate(*fd, sizeof(*s->page)) < 0)
		return -errno;
	p = mmap(NULL, sizeof(*s->page), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	s->page = p;
	if (fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0)
		return -errno;
	s->kept = memfd_create("postern-kept", MFD_CLOEXEC);
	return s->kept < 0 ? -errno : 0;
}

/* It sees our end by the line's: then it ends in an orderly way. */
static int run_server(struct supervisor *s, int line, int page_fd, supervisor_serve_fn *serve)
{
	struct supervised with = { .fd = line, .n_workers = s->n_workers };
	void *p = mmap(NULL, sizeof(*s->page), PROT_READ, MAP_SHARED, page_fd, 0);
	int status = 1;

	prctl(PR_SET_NAME, "postern-server", 0, 0, 0);
	munmap(s->page, sizeof(*s->page));
	close(page_fd);
	close(s->kept);
	close(s->line);
	if (p == MAP_FAILED) {
		log_error("shared page: %s", strerror(errno));
	} else {
		with.page = p;
		status = serve(s->path, s->path_written, &with);
		munmap(p, sizeof(*s->page));
	}
	close(line);
	return status;
}

/* 0 in the supervisor, or -errno; *status is the server's own where it returns in that, else -1. */
static int split(struct supervisor *s, supervisor_serve_fn *serve, int *status)
{
	int pair[2] = { -1, -1 }, page_fd = -1, err;

	err = make_page(s, &page_fd);
	if (!err)
		err = chan_pair(pair);
	s->line = pair[0];
	if (!err && (s->server = fork()) < 0)
		err = -errno;
	if (!err && s->server == 0) {
		*status = run_server(s, pair[1], page_fd, serve);
		return 0;
	}
	if (pair[1] >= 0)
		close(pair[1]);
	if (page_fd >= 0)
		close(page_fd);
	if (!err)
		err = start_agent(s);
	return err;
}

static int open_signals(struct supervisor *s)
{
	sigset_t set;

	ours(&set);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : 0;
}

/* After a failure: nothing of it is left. */
static void kill_all(struct supervisor *s)
{
	const pid_t pids[] = { s->server, s->agent };

	/* one that we may not kill yet ends by this */
	close(s->line);
	s->line = -1;
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		if (pids[i] <= 0)
			continue;
		kill(pids[i], SIGKILL);
		while (waitpid(pids[i], NULL, 0) < 0 && errno == EINTR)
			continue;
	}
}

static void close_supervisor(struct supervisor *s)
{
	close_all((int []){ s->line, s->signals, s->kept }, 3);
	if (s->page)
		munmap(s->page, sizeof(*s->page));
}

static int supervise_all(struct supervisor *s, supervisor_serve_fn *serve)
{
	sigset_t set;
	int status = -1, err;

	/* before the first child: none of them is to be missed, and none is for us alone */
	ours(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	err = split(s, serve, &status);
	if (status >= 0)
		return status;
	if (!err)
		err = open_signals(s);
	if (!err) {
		supervise(s);
	} else {
		log_error("processes: %s", strerror(-err));
		kill_all(s);
	}
	close_supervisor(s);
	return err ? 1 : s->status;
}

int supervisor_run(const char *path, bool path_written, supervisor_serve_fn *serve)
{
	struct supervisor s = { .path = path, .path_written = path_written, .line = -1, .signals = -1, .kept = -1,
				.server = -1, .agent = -1, .saved = BURST * PACE_US, .counted = now_us() };
	struct arena *a = arena_new(CONF_MEMORY);
	struct diag_list *d = diag_new();
	int status;

	s.conf = a && d ? conf_read(a, path, path_written, d) : NULL;
	if (s.conf && !diag_errors(d) && s.conf->n_exports) {
		s.n_workers = settings_workers(s.conf);
		status = supervise_all(&s, serve);
	} else {
		status = serve(path, path_written, &(struct supervised){ .fd = -1 });
	}
	diag_free(d);
	arena_free(a);
	return status;
}
