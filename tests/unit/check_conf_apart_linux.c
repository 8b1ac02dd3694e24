/* SPDX-License-Identifier: ISC */
/*
 * ocmd/conf_apart: a reader that does not even die when it is killed, as one
 * that waits for a disk.  A tracer holds it there.  Linux only.
 */
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <event2/event.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "conf_fixture.h"
#include "ocmd/conf_apart.h"
#include "run_suite.h"

static struct event_base *base;
static int to_tracer[2], from_tracer[2];
static pid_t tracer;
static bool hold;
static int calls;
static char said[CONF_ERROR];

/* In the reader: waits until it is traced, and then for its death. */
static void
be_held(void)
{
	const pid_t me = getpid();
	char c;

	if (!hold)
		return;
	(void)prctl(PR_SET_PTRACER, tracer, 0, 0, 0);
	if (write(to_tracer[1], &me, sizeof(me)) != sizeof(me) ||
	    read(from_tracer[0], &c, 1) != 1 || c != 't')
		_exit(4);
	for (;;)
		(void)pause();
}

/* Stops the reader in the midst of its exit, until it is killed itself. */
static void __attribute__((__noreturn__))
trace(void)
{
	pid_t pid;
	char c = 't';
	int st;

	if (read(to_tracer[0], &pid, sizeof(pid)) != sizeof(pid) ||
	    ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXIT) == -1)
		c = 'f';
	if (write(from_tracer[1], &c, 1) != 1 || c == 'f' ||
	    waitpid(pid, &st, 0) != pid)
		_exit(1);
	for (;;)
		(void)pause();
}

static void
on_told(void *arg, const struct conf *c, const char *err)
{
	(void)arg;
	calls++;
	snprintf(said, sizeof(said), "%s", c != NULL ? "ok" : err);
}

static const char *
read_apart(void)
{
	const struct conf_source none = { NULL, NULL, 0 };
	const struct conf_asker me = { on_told, NULL };

	calls = 0;
	if (conf_apart_load(base, &none, &me, said) == -1)
		return said;
	while (calls == 0)
		ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	return said;
}

START_TEST(one_that_cannot_be_killed)
{
	static const char last[] = "the last reader has not ended yet";
	const char *s;

	ck_assert_int_eq(pipe(to_tracer), 0);
	ck_assert_int_eq(pipe(from_tracer), 0);
	ck_assert_int_eq(pthread_atfork(NULL, NULL, be_held), 0);
	ck_assert_ptr_nonnull(base = event_base_new());
	if ((tracer = fork()) == 0)
		trace();
	hold = true;
	s = read_apart();
	if (strstr(s, "exit status 4") != NULL) {
		fprintf(stderr, "held reader: NOT TESTED: no tracing here\n");
		return;
	}
	ck_assert_msg(strstr(s, "cannot be killed yet") != NULL, "%s", s);
	hold = false;
	s = read_apart();
	ck_assert_msg(strstr(s, last) != NULL, "%s", s);
	/* As soon as it is dead it is waited for, and all is well. */
	ck_assert_int_eq(kill(tracer, SIGKILL), 0);
	ck_assert_int_eq(waitpid(tracer, NULL, 0), tracer);
	while (strstr(s = read_apart(), last) != NULL)
		ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	ck_assert_str_eq(s, "ok");
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	event_base_free(base);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf apart, linux");
	TCase *tc = tcase_create("held");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, one_that_cannot_be_killed);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
