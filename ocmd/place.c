/* SPDX-License-Identifier: ISC */
/* Directories and the lock file (see place.h). */
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/control.h"
#include "place.h"

enum { LOCK_PAUSE_MS = 10, LOCK_TRIES = 20 };

static int
complain(char err[CONF_ERROR], const char *path, const char *what)
{
	(void)snprintf(err, CONF_ERROR, "%.256s: %s", path, what);
	return -1;
}

gid_t
place_group(void)
{
	const struct group *gr = getgrnam("ocm");

	return gr != NULL ? gr->gr_gid : (gid_t)-1;
}

/* ---- the directory of the control socket ---- */

/* What could not be done there, and what helps. */
static int
no_place(char err[CONF_ERROR], const char *dir, const char *tried)
{
	(void)snprintf(err, CONF_ERROR, "%.256s: cannot make %s: %s; %suse "
	    "another control socket (-s)", dir, tried, strerror(errno),
	    errno == ENOENT ? "make what is missing, or " : "");
	return -1;
}

static int
dir_of(const char *control, char dir[CONF_PATH], char err[CONF_ERROR])
{
	char *slash;

	(void)strlcpy(dir, control, CONF_PATH);
	if ((slash = strrchr(dir, '/')) == NULL || slash == dir)
		return complain(err, control, "has no directory");
	*slash = '\0';
	return 0;
}

static int
check_dir(const char *dir, mode_t others, char err[CONF_ERROR])
{
	struct stat st;

	if (lstat(dir, &st) == -1)
		return complain(err, dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return complain(err, dir, "is not a directory");
	if (st.st_uid != geteuid())
		return complain(err, dir, "belongs to somebody else");
	if ((st.st_mode & others) != 0)
		return complain(err, dir, "may be changed by others; make it "
		    "mode 0700 or use another control socket (-s)");
	return 0;
}

int
place_default_dir(const char *control, char err[CONF_ERROR])
{
	gid_t group = geteuid() == 0 ? place_group() : (gid_t)-1;
	char dir[CONF_PATH];

	if (dir_of(control, dir, err) == -1)
		return -1;
	if (mkdir(dir, 0700) == -1) {
		if (errno != EEXIST)
			return no_place(err, dir, "this directory");
	} else if (group != (gid_t)-1 &&
	    (chown(dir, (uid_t)-1, group) == -1 || chmod(dir, 0750) == -1))
		return complain(err, dir, strerror(errno));
	/* In /tmp anybody could have made it first. */
	return check_dir(dir, S_IWGRP | S_IWOTH, err);
}

int
place_check_dir(const char *control, char err[CONF_ERROR])
{
	char dir[CONF_PATH], inside[CONF_PATH + 2];

	if (dir_of(control, dir, err) == -1)
		return -1;
	/* With the dot, a file of that name is told from a directory. */
	(void)snprintf(inside, sizeof(inside), "%s/.", dir);
	if (access(inside, W_OK | X_OK) == -1)
		return no_place(err, dir, "a socket here");
	return 0;
}

/* ---- the lock ---- */

static int
lock_path(const char *control, char path[CONF_PATH])
{
	return snprintf(path, CONF_PATH, "%s.lock", control) < CONF_PATH ?
	    0 : -1;
}

/* Whose it is, for the message. */
static int
already_running(int fd, const char *control, char err[CONF_ERROR])
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	(void)snprintf(err, CONF_ERROR, "already running%s%s (control socket "
	    "%.256s)", pid[0] != '\0' ? " as process " : "", pid, control);
	return -1;
}

/* The file that we locked is still the one of that name. */
static bool
is_current(int fd, const char *path)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && lstat(path, &there) == 0 &&
	    mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* Who was just killed holds its lock for a moment more. */
static int
lock_soon(int fd)
{
	const struct timespec pause = { 0, LOCK_PAUSE_MS * 1000000L };
	int i;

	for (i = 0; flock(fd, LOCK_EX | LOCK_NB) == -1; i++) {
		if (errno != EWOULDBLOCK || i == LOCK_TRIES)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

/* An open and locked file that still is the one of that name. */
static int
lock_file(const char *path, const char *control, char err[CONF_ERROR])
{
	int fd;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		    0600);
		if (fd == -1)
			return no_place(err, path, "the lock");
		if (lock_soon(fd) == -1) {
			if (errno == EWOULDBLOCK)
				(void)already_running(fd, control, err);
			else
				(void)complain(err, path, strerror(errno));
			(void)close(fd);
			return -1;
		}
		if (is_current(fd, path))
			return fd;
		(void)close(fd);	/* its holder has just removed it */
	}
}

int
place_lock(const char *control, bool *unclean, char err[CONF_ERROR])
{
	char path[CONF_PATH];
	struct stat st;
	int fd;

	if (lock_path(control, path) == -1)
		return complain(err, control, strerror(ENAMETOOLONG));
	if ((fd = lock_file(path, control, err)) == -1)
		return -1;
	*unclean = fstat(fd, &st) == 0 && st.st_size > 0;
	if (ftruncate(fd, 0) == -1 ||
	    dprintf(fd, "%ld\n", (long)getpid()) < 0) {
		(void)complain(err, path, strerror(errno));
		(void)close(fd);
		return -1;
	}
	return fd;
}

void
place_unlock(const char *control, int fd)
{
	char path[CONF_PATH];

	if (lock_path(control, path) == 0)
		(void)unlink(path);
	(void)close(fd);
}

/* ---- the empty directory ---- */

static bool
is_empty_and_roots(const char *dir)
{
	const struct dirent *e;
	struct stat st;
	DIR *d;
	bool empty = true;

	if (lstat(dir, &st) == -1 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return false;
	if ((d = opendir(dir)) == NULL)
		return false;
	while (empty && (e = readdir(d)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0;
	(void)closedir(d);
	return empty;
}

static int
no_empty_dir(char err[CONF_ERROR], const char *dir)
{
	(void)snprintf(err, CONF_ERROR, "%s: cannot make a directory to lock "
	    "the children into: %s; make /var/empty for that, root's and "
	    "empty", dir, strerror(errno));
	return -1;
}

int
place_empty_dir(char *dir, size_t cap, char err[CONF_ERROR])
{
	static const char made[] = CONTROL_ROOT_DIR "/empty";

	(void)strlcpy(dir, "/var/empty", cap);
	if (is_empty_and_roots(dir))
		return 0;
	(void)strlcpy(dir, made, cap);
	if (mkdir(CONTROL_ROOT_DIR, 0700) == -1 && errno != EEXIST)
		return no_empty_dir(err, CONTROL_ROOT_DIR);
	if (mkdir(made, 0555) == -1 && errno != EEXIST)
		return no_empty_dir(err, made);
	if (is_empty_and_roots(dir))
		return 0;
	return complain(err, made, "is not an empty directory of root's");
}
