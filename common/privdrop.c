/* SPDX-License-Identifier: ISC */
/*
 * Giving up root for good.  ocmd looks the ids up before it starts its
 * children; each child drops to its own inside sandbox_enter.
 */
#include <sys/types.h>
#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "privdrop.h"

/*
 * Ids for a trial as root on a machine without the users of an installation:
 * below 65534 (nobody), above what systemd hands out dynamically (to 65519),
 * and in the block that Debian reserves.
 */
static const struct {
	const char	*user;
	uid_t		 id;
} trial_ids[] = {
	{ "_ocmroom", 65521 },
	{ "_ocmrelay", 65522 },
};

static int
trial_id(const char *user, uid_t *id)
{
	size_t i;

	for (i = 0; i < sizeof(trial_ids) / sizeof(trial_ids[0]); i++) {
		if (strcmp(user, trial_ids[i].user) == 0) {
			*id = trial_ids[i].id;
			return 0;
		}
	}
	return -1;
}

void
privdrop_ids(const char *user, uid_t *uid, gid_t *gid)
{
	const struct passwd *pw;

	if ((pw = getpwnam(user)) != NULL) {
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
	} else if (trial_id(user, uid) == 0) {
		*gid = (gid_t)*uid;
	} else {
		fatalx("there is no user \"%s\"", user);
	}
	if (*uid == 0 || *gid == 0)
		fatalx("user \"%s\" is root: choose another", user);
}

/* Somebody else's directory is no cage: its owner could fill it. */
static int
enter_empty_dir(const char *dir)
{
	struct stat st;

	if (chdir(dir) == -1 || stat(".", &st) == -1)
		return -1;
	if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		errno = EPERM;
		return -1;
	}
	if (chroot(".") == -1)
		return -1;
	return chdir("/");
}

int
privdrop(const char *empty_dir, uid_t uid, gid_t gid)
{
	if (uid == 0 || gid == 0) {
		errno = EINVAL;
		return -1;
	}
	if (empty_dir != NULL && enter_empty_dir(empty_dir) == -1)
		return -1;
	if (setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1)
		return -1;
	if (setuid(0) != -1 || getuid() != uid || geteuid() != uid ||
	    getgid() != gid || getegid() != gid) {
		errno = EPERM;
		return -1;
	}
	return 0;
}
