/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"

static int failed(const char *what, int err)
{
	log_error("sandbox: %s: %s", what, strerror(err));
	return -err;
}

static struct passwd *find_user(const char *user)
{
	struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (!pw) {
		log_error("user %s: %s", user, errno ? strerror(errno) : "there is none of that name");
		errno = errno ? errno : ENOENT;
	}
	return pw;
}

int sandbox_give(const struct conf_server *c, const char *path)
{
	struct passwd *pw;

	if (!c->user.text[0] || geteuid() != 0)
		return 0;
	pw = find_user(c->user.text);
	if (!pw)
		return -errno;
	if (lchown(path, pw->pw_uid, pw->pw_gid) == 0)
		return 0;
	log_error("%s: cannot be given to %s: %s", path, c->user.text, strerror(errno));
	return -errno;
}

static int become(const char *user)
{
	struct passwd *pw = find_user(user);

	if (!pw)
		return -errno;
	if (pw->pw_uid == getuid() && pw->pw_gid == getgid())
		return 0;
	if (initgroups(user, pw->pw_gid) < 0)
		return failed("initgroups", errno);
	if (setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0)
		return failed("setresgid", errno);
	if (setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
		return failed("setresuid", errno);
	if (pw->pw_uid && setuid(0) == 0)
		return failed("root could be had back", EPERM);
	return 0;
}

static int empty_bounding_set(void)
{
	/* without CAP_SETPCAP the set cannot be changed; no_new_privs then stands alone */
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
		    errno != EPERM)
			return failed("bounding set", errno);
	}
	return 0;
}

/* No capability but CAP_NET_ADMIN, if that: permitted, and in effect or not. */
static int limit_capabilities(bool admin, bool effective)
{
	const cap_value_t cap = CAP_NET_ADMIN;
	cap_t want = cap_init(), now = cap_get_proc();
	cap_flag_value_t have = CAP_CLEAR;
	int err = 0;

	if (!want || !now || (admin && (cap_set_flag(want, CAP_PERMITTED, 1, &cap, CAP_SET) < 0 ||
					(effective && cap_set_flag(want, CAP_EFFECTIVE, 1, &cap, CAP_SET) < 0))))
		err = failed("capabilities", ENOMEM);
	if (!err && admin && (cap_get_flag(now, cap, CAP_PERMITTED, &have) < 0 || have != CAP_SET))
		err = failed("nftables and ipset exports need CAP_NET_ADMIN", EPERM);
	if (!err && cap_set_proc(want) < 0)
		err = failed("cap_set_proc", errno);
	if (now)
		cap_free(now);
	now = cap_get_proc();
	if (!err && (!now || cap_compare(now, want) != 0))
		err = failed("capabilities are not as wanted", EPERM);
	if (want)
		cap_free(want);
	if (now)
		cap_free(now);
	return err;
}

int sandbox_raise(void)
{
	const cap_value_t cap = CAP_NET_ADMIN;
	cap_t now = cap_get_proc();
	cap_flag_value_t have = CAP_CLEAR;
	int err = 0;

	if (!now || cap_get_flag(now, cap, CAP_PERMITTED, &have) < 0)
		err = failed("cap_get_proc", errno);
	/* whether it is needed, sandbox_agent will know */
	if (!err && have == CAP_SET && (cap_set_flag(now, CAP_EFFECTIVE, 1, &cap, CAP_SET) < 0 || cap_set_proc(now) < 0))
		err = failed("cap_set_proc", errno);
	if (now)
		cap_free(now);
	return err;
}

static int no_new_privileges(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return failed("no_new_privs", errno);
	return 0;
}

int sandbox_enter(const struct conf_server *c)
{
	int err;

	/* the bounding set goes first: with the user goes the right to empty it */
	if (c->sandbox && (err = empty_bounding_set()) < 0)
		return err;
	if (c->user.text[0] && (err = become(c->user.text)) < 0)
		return err;
	if (!c->sandbox)
		return 0;
	if ((err = limit_capabilities(false, false)) < 0)
		return err;
	return no_new_privileges();
}

/* What the account takes away is kept over its change, and what it would not take away goes with `sandbox = on`. */
static int enter_with(const struct conf_server *c, bool admin, bool effective)
{
	int err;

	if (c->sandbox && (err = empty_bounding_set()) < 0)
		return err;
	if (prctl(PR_SET_KEEPCAPS, admin, 0, 0, 0) < 0)
		return failed("keepcaps", errno);
	if (c->user.text[0] && (err = become(c->user.text)) < 0)
		return err;
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return failed("keepcaps", errno);
	if ((c->sandbox || c->user.text[0]) && (err = limit_capabilities(admin, effective)) < 0)
		return err;
	return c->sandbox ? no_new_privileges() : 0;
}

int sandbox_supervisor(const struct conf_server *c, bool admin)
{
	return enter_with(c, admin, false);
}

int sandbox_agent(const struct conf_server *c, bool admin)
{
	int err = enter_with(c, admin, true);

	if (err < 0)
		return err;
	/* it ends with its parent: the kernel forgets that where the account changes */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return failed("parent's end", errno);
	return c->sandbox ? sandbox_calls() : 0;
}
