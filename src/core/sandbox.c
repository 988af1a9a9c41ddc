/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
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

static int drop_capabilities(void)
{
	cap_t none = cap_init(), now;
	int err = 0;

	if (!none)
		return failed("cap_init", errno);
	if (cap_set_proc(none) < 0)
		err = failed("cap_set_proc", errno);
	now = cap_get_proc();
	if (!err && (!now || cap_compare(now, none) != 0))
		err = failed("capabilities are left", EPERM);
	cap_free(none);
	cap_free(now);
	return err;
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
	if ((err = drop_capabilities()) < 0)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return failed("no_new_privs", errno);
	return 0;
}
