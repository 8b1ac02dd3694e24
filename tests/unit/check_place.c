/* SPDX-License-Identifier: ISC */
/* ocmd/place: the directory of a control socket, and the lock beside it. */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ocmd/place.h"
#include "run_suite.h"

static char dir[] = "/tmp/ocm-check-place-XXXXXX";
static char control[64], lock[80];
static char err[CONF_ERROR];

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(control, sizeof(control), "%s/run/ocm.sock", dir);
	snprintf(lock, sizeof(lock), "%s.lock", control);
}

static void
teardown(void)
{
	char run[64];

	snprintf(run, sizeof(run), "%s/run", dir);
	unlink(lock);
	unlink(run);
	rmdir(run);
	rmdir(dir);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_mode & 07777;
}

START_TEST(the_directory_is_made_and_ours)
{
	char run[64];

	snprintf(run, sizeof(run), "%s/run", dir);
	ck_assert_msg(place_default_dir(control, err) == 0, "%s", err);
	ck_assert_uint_eq(mode_of(run) & 0027, 0);
	ck_assert_msg(place_default_dir(control, err) == 0, "%s", err);
	ck_assert_int_eq(chmod(run, 0755), 0);
	ck_assert_int_eq(place_default_dir(control, err), 0);
}
END_TEST

START_TEST(a_directory_of_others_is_refused)
{
	static const mode_t open_to[] = { 0770, 0707, 0722, 01777 };
	char run[64];
	size_t i;

	snprintf(run, sizeof(run), "%s/run", dir);
	ck_assert_int_eq(mkdir(run, 0700), 0);
	for (i = 0; i < sizeof(open_to) / sizeof(open_to[0]); i++) {
		ck_assert_int_eq(chmod(run, open_to[i]), 0);
		ck_assert_int_eq(place_default_dir(control, err), -1);
		ck_assert_ptr_nonnull(strstr(err, "0700"));
	}
	ck_assert_int_eq(rmdir(run), 0);
	ck_assert_int_eq(symlink("/tmp", run), 0);
	ck_assert_int_eq(place_default_dir(control, err), -1);
	ck_assert_ptr_nonnull(strstr(err, "is not a directory"));
	ck_assert_int_eq(unlink(run), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(mkdir(run, 0700), 0);
		ck_assert_int_eq(chown(run, 1, 1), 0);
		ck_assert_int_eq(place_default_dir(control, err), -1);
		ck_assert_ptr_nonnull(strstr(err, "somebody else"));
	}
}
END_TEST

/* The path, what was tried, why not, and what helps. */
static void
expect_no_place(const char *path, const char *tried, const char *why)
{
	char line[CONF_ERROR];

	snprintf(line, sizeof(line), "%s: cannot make %s: %s; ", path, tried,
	    why);
	ck_assert_msg(strncmp(err, line, strlen(line)) == 0, "%s", err);
	ck_assert_ptr_nonnull(strstr(err, "use another control socket (-s)"));
}

START_TEST(a_directory_that_cannot_be_made)
{
	char run[64], deep[80];

	snprintf(run, sizeof(run), "%s/run", dir);
	snprintf(deep, sizeof(deep), "%s/ocm.sock", control);
	ck_assert_int_eq(place_default_dir(deep, err), -1);
	expect_no_place(control, "this directory",
	    "No such file or directory");
	ck_assert_int_eq(place_check_dir(control, err), -1);
	expect_no_place(run, "a socket here", "No such file or directory");
	ck_assert_ptr_nonnull(strstr(err, "make what is missing"));
	ck_assert_int_eq(close(creat(run, 0700)), 0);
	ck_assert_int_eq(place_default_dir(deep, err), -1);
	expect_no_place(control, "this directory", "Not a directory");
	ck_assert_int_eq(place_check_dir(control, err), -1);
	expect_no_place(run, "a socket here", "Not a directory");
	ck_assert_int_eq(unlink(run), 0);
	ck_assert_int_eq(mkdir(run, 0700), 0);
	ck_assert_msg(place_check_dir(control, err) == 0, "%s", err);
}
END_TEST

START_TEST(one_holder_at_a_time)
{
	char text[32];
	bool unclean;
	int fd;

	ck_assert_int_eq(place_default_dir(control, err), 0);
	ck_assert_msg((fd = place_lock(control, &unclean, err)) != -1, "%s",
	    err);
	ck_assert(!unclean);
	/* flock is of the open file: a second open is as a second process. */
	ck_assert_int_eq(place_lock(control, &unclean, err), -1);
	snprintf(text, sizeof(text), "as process %ld ", (long)getpid());
	ck_assert_msg(strstr(err, text) != NULL, "%s", err);
	ck_assert_ptr_nonnull(strstr(err, "already running"));
	place_unlock(control, fd);
	ck_assert_int_eq(access(lock, F_OK), -1);
	ck_assert_int_ne(fd = place_lock(control, &unclean, err), -1);
	ck_assert(!unclean);
	place_unlock(control, fd);
}
END_TEST

START_TEST(a_killed_holder_leaves_a_trace_only)
{
	bool unclean;
	int fd;

	ck_assert_int_eq(place_default_dir(control, err), 0);
	ck_assert_int_ne(fd = place_lock(control, &unclean, err), -1);
	close(fd);			/* as death would */
	ck_assert_int_eq(access(lock, F_OK), 0);
	ck_assert_int_ne(fd = place_lock(control, &unclean, err), -1);
	ck_assert(unclean);
	place_unlock(control, fd);
}
END_TEST

START_TEST(a_holder_that_just_goes_is_waited_for)
{
	bool unclean;
	char byte;
	int fd, pipes[2];
	pid_t pid;

	ck_assert_int_eq(place_default_dir(control, err), 0);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_ne(pid = fork(), -1);
	if (pid == 0) {
		fd = open(lock, O_RDWR | O_CREAT, 0600);
		if (fd == -1 || flock(fd, LOCK_EX) == -1 ||
		    write(pipes[1], "x", 1) != 1)
			_exit(1);
		usleep(50000);
		_exit(0);
	}
	ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
	ck_assert_msg((fd = place_lock(control, &unclean, err)) != -1, "%s",
	    err);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	place_unlock(control, fd);
}
END_TEST

START_TEST(a_lock_that_is_a_link_is_refused)
{
	bool unclean;

	ck_assert_int_eq(place_default_dir(control, err), 0);
	ck_assert_int_eq(symlink("/tmp/ocm-check-nothing", lock), 0);
	ck_assert_int_eq(place_lock(control, &unclean, err), -1);
	expect_no_place(lock, "the lock", strerror(ELOOP));
	ck_assert_int_eq(access("/tmp/ocm-check-nothing", F_OK), -1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("place");
	TCase *tc = tcase_create("places");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_directory_is_made_and_ours);
	tcase_add_test(tc, a_directory_of_others_is_refused);
	tcase_add_test(tc, a_directory_that_cannot_be_made);
	tcase_add_test(tc, one_holder_at_a_time);
	tcase_add_test(tc, a_killed_holder_leaves_a_trace_only);
	tcase_add_test(tc, a_holder_that_just_goes_is_waited_for);
	tcase_add_test(tc, a_lock_that_is_a_link_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
