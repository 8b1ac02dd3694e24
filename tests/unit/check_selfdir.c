/* SPDX-License-Identifier: ISC */
/*
 * common/selfdir and common/control: where the other programs and the
 * control socket lie.
 */
#include <sys/stat.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/control.h"
#include "common/selfdir.h"

static char dir[] = "/tmp/ocm-check-selfdir-XXXXXX";
static char beside[64], installed[64], found[PATH_MAX], link_path[64];

static char *
in(const char *where, const char *name)
{
	static char path[2][128];
	static unsigned i;

	i = !i;
	snprintf(path[i], sizeof(path[i]), "%s/%s", where, name);
	return path[i];
}

static void
make(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT, mode);

	ck_assert_int_ne(fd, -1);
	close(fd);
}

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(beside, sizeof(beside), "%s/beside", dir);
	snprintf(installed, sizeof(installed), "%s/installed", dir);
	snprintf(link_path, sizeof(link_path), "%s/link", dir);
	ck_assert_int_eq(mkdir(beside, 0700), 0);
	ck_assert_int_eq(mkdir(installed, 0700), 0);
	make(in(beside, "me"), 0700);
}

static void
teardown(void)
{
	unlink(in(beside, "me"));
	unlink(in(beside, "other"));
	rmdir(in(beside, "other"));
	unlink(in(installed, "other"));
	unlink(link_path);
	rmdir(beside);
	rmdir(installed);
	rmdir(dir);
}

static char *
look(const char *argv0)
{
	return selfdir_find(argv0, "other", installed, found, sizeof(found));
}

START_TEST(beside_comes_first)
{
	make(in(beside, "other"), 0700);
	make(in(installed, "other"), 0700);
	ck_assert_ptr_eq(look(in(beside, "me")), found);
	ck_assert_str_eq(found, in(beside, "other"));
	/* A link to the program is not where its fellows are. */
	ck_assert_int_eq(symlink(in(beside, "me"), link_path), 0);
	ck_assert_ptr_eq(look(link_path), found);
	ck_assert_str_eq(found, in(beside, "other"));
	/* Nor is the current directory. */
	ck_assert_int_eq(chdir(beside), 0);
	ck_assert_ptr_eq(look("./me"), found);
	ck_assert_str_eq(found, in(beside, "other"));
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(found_through_the_path)
{
	char path[256];

	make(in(beside, "other"), 0700);
	snprintf(path, sizeof(path), "/nonexistent::%s:%s", beside,
	    installed);
	ck_assert_int_eq(setenv("PATH", path, 1), 0);
	ck_assert_ptr_eq(look("me"), found);
	ck_assert_str_eq(found, in(beside, "other"));
	ck_assert_int_eq(unsetenv("PATH"), 0);
	ck_assert_ptr_null(look("me"));
}
END_TEST

START_TEST(then_where_it_was_installed)
{
	make(in(installed, "other"), 0700);
	ck_assert_ptr_eq(look(in(beside, "me")), found);
	ck_assert_str_eq(found, in(installed, "other"));
	/* What cannot be executed is not it. */
	make(in(beside, "other"), 0600);
	ck_assert_ptr_eq(look(in(beside, "me")), found);
	ck_assert_str_eq(found, in(installed, "other"));
	ck_assert_int_eq(unlink(in(beside, "other")), 0);
	ck_assert_int_eq(mkdir(in(beside, "other"), 0700), 0);
	ck_assert_ptr_eq(look(in(beside, "me")), found);
	ck_assert_str_eq(found, in(installed, "other"));
}
END_TEST

START_TEST(nowhere_is_told_with_its_place)
{
	ck_assert_ptr_null(look(in(beside, "me")));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(found, in(installed, "other"));
	make(in(installed, "other"), 0600);
	ck_assert_ptr_null(look(in(beside, "me")));
	ck_assert_int_eq(errno, EACCES);
}
END_TEST

START_TEST(the_control_socket)
{
	char path[256], expected[64], longest[300];

	ck_assert_ptr_null(control_default_path(path, 4));
	ck_assert_int_eq(errno, ENAMETOOLONG);
	if (geteuid() == 0) {
		ck_assert_str_eq(control_default_path(path, sizeof(path)),
		    CONTROL_ROOT_DIR "/ocm.sock");
		ck_assert_int_eq(setresuid(65533, 65533, 65533), 0);
	}
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	ck_assert_str_eq(control_default_path(path, sizeof(path)),
	    "/run/user/7/ocm/ocm.sock");
	snprintf(expected, sizeof(expected), "/tmp/ocm-%lu/ocm.sock",
	    (unsigned long)geteuid());
	setenv("XDG_RUNTIME_DIR", "not/absolute", 1);
	ck_assert_str_eq(control_default_path(path, sizeof(path)), expected);
	unsetenv("XDG_RUNTIME_DIR");
	ck_assert_str_eq(control_default_path(path, sizeof(path)), expected);
	/* No socket can have a name as long as a path. */
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[120] = '\0';
	setenv("XDG_RUNTIME_DIR", longest, 1);
	ck_assert_ptr_null(control_default_path(path, sizeof(path)));
	ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("selfdir");
	TCase *tc = tcase_create("places"), *alone = tcase_create("socket");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, beside_comes_first);
	tcase_add_test(tc, found_through_the_path);
	tcase_add_test(tc, then_where_it_was_installed);
	tcase_add_test(tc, nowhere_is_told_with_its_place);
	suite_add_tcase(s, tc);
	/* It gives up root, so it needs a process of its own. */
	tcase_add_test(alone, the_control_socket);
	suite_add_tcase(s, alone);
	sr = srunner_create(s);
	srunner_set_fork_status(sr, CK_FORK);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
