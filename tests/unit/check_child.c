/* SPDX-License-Identifier: ISC */
/*
 * ocmd/child: whether a child's end was its own doing, which decides whether
 * the datagram in its hand is blamed, and what is told of it.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ocmd/child.h"
#include "run_suite.h"

static const struct {
	int	sig;		/* 0: exits */
	int	code;
	bool	own;
} ends[] = {
	{ SIGSEGV, 0, true }, { SIGBUS, 0, true }, { SIGILL, 0, true },
	{ SIGFPE, 0, true }, { SIGABRT, 0, true }, { SIGSYS, 0, true },
	{ SIGTRAP, 0, true },
	/* these come from outside */
	{ SIGKILL, 0, false }, { SIGTERM, 0, false }, { SIGINT, 0, false },
	{ SIGHUP, 0, false }, { SIGQUIT, 0, false },
	{ 0, 0, false }, { 0, 1, true }, { 0, 127, true },
};
enum { ENDS = sizeof(ends) / sizeof(ends[0]) };

static int
end_so(int sig, int code)
{
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		(void)signal(sig, SIG_DFL);
		if (sig != 0)
			(void)raise(sig);
		_exit(code);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(whose_doing_it_was)
{
	const int status = end_so(ends[_i].sig, ends[_i].code);
	char text[CHILD_OBITUARY], want[32];

	ck_assert_int_eq(child_own_doing(status), ends[_i].own);
	(void)child_obituary(text, status, 12340);
	if (ends[_i].sig != 0)
		(void)snprintf(want, sizeof(want), "killed by signal %d (",
		    ends[_i].sig);
	else
		(void)snprintf(want, sizeof(want), "exit status %d ",
		    ends[_i].code);
	ck_assert_msg(strncmp(text, want, strlen(want)) == 0 &&
	    strstr(text, "after 12.3 s") != NULL, "%s", text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("child");
	TCase *tc = tcase_create("ends");

	tcase_add_loop_test(tc, whose_doing_it_was, 0, ENDS);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
