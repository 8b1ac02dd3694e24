/* SPDX-License-Identifier: ISC */
/*
 * ocmd/watch: how often a child is asked whether it lives, and when silence
 * ends it.  The child is a real process on a real control socket.
 */
#include <sys/wait.h>

#include <event2/event.h>

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "ocmd/server.h"
#include "run_suite.h"

enum { LIMIT = 2, ASKED = 4 };		/* seconds; in them, before the end */

static struct server s;
static struct child *const child = &s.child[0];
static int theirs;			/* end of the control socket */

static void
on_ctl(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	server_hear(arg);
}

static void
setup(void)
{
	int pair[2];

	memset(&s, 0, sizeof(s));
	ck_assert_ptr_nonnull(s.base = event_base_new());
	ck_assert_int_eq(ctl_pair(pair), 0);
	s.phase = SERVER_SERVING;
	s.conf.hang_limit = LIMIT;
	s.children = 1;
	child->role = ROLE_ROOMD;
	child->server = &s;
	child->state = CHILD_READY;
	child->ctl = pair[0];
	theirs = pair[1];
	child->ev_ctl = event_new(s.base, child->ctl, EV_READ | EV_PERSIST,
	    on_ctl, child);
	ck_assert_int_eq(event_add(child->ev_ctl, NULL), 0);
	(void)strlcpy(child->name, "roomd", sizeof(child->name));
}

static void
teardown(void)
{
	if (s.ev_pulse != NULL)
		event_free(s.ev_pulse);
	event_free(child->ev_ctl);
	event_base_free(s.base);
	if (child->pid > 0) {
		(void)kill(child->pid, SIGKILL);
		(void)waitpid(child->pid, NULL, 0);
	}
	(void)close(child->ctl);
	(void)close(theirs);
}

/* One question that waits there is taken. */
static bool
was_asked(void)
{
	union ctl_body body;
	enum ctl_type type;
	int fd;

	return ctl_recv(theirs, ROLE_OCMD, ROLE_ROOMD, false, &type, &body,
	    &fd) == CTL_GOT && type == CTL_PING;
}

/* Answers every so many questions, 0: none; ends after enough of them. */
static void
start_child(unsigned every, unsigned enough)
{
	const struct ctl_bell pong = { 0 };
	struct pollfd p = { .fd = theirs, .events = POLLIN };
	unsigned n = 0;

	ck_assert_int_ge(child->pid = fork(), 0);
	if (child->pid > 0)
		return;
	if (every == 0)
		for (;;)
			(void)pause();
	while (n < enough && poll(&p, 1, -1) == 1)
		if (was_asked() && ++n % every == 0 &&
		    ctl_send(theirs, CTL_PONG, &pong, -1) == -1)
			_exit(1);
	_exit(0);
}

static void
turn(void)
{
	ck_assert_int_eq(event_base_loop(s.base, EVLOOP_ONCE), 0);
}

/* Whoever answers is asked once a second, whatever else it says. */
START_TEST(test_calm)
{
	const struct ctl_bell pong = { 0 };
	uint64_t took = clock_ms();
	int st = 0;

	ck_assert_int_eq(ctl_send(theirs, CTL_PONG, &pong, -1), 0);
	start_child(1, 3);
	ck_assert_int_eq(server_watch(&s), 0);
	while (waitpid(child->pid, &st, WNOHANG) == 0)
		turn();
	took = clock_ms() - took;
	child->pid = 0;
	ck_assert(WIFEXITED(st) && WEXITSTATUS(st) == 0);
	ck_assert_uint_gt(took, 2900);
}
END_TEST

/* Two of three answers are lost, or come too late. */
START_TEST(test_one_answer_is_enough)
{
	int st = 0;

	start_child(3, 6);
	ck_assert_int_eq(server_watch(&s), 0);
	while (waitpid(child->pid, &st, WNOHANG) == 0)
		turn();
	child->pid = 0;
	ck_assert(!child->condemned);
	ck_assert(WIFEXITED(st) && WEXITSTATUS(st) == 0);
}
END_TEST

static void
watch_it_end(void)
{
	int st;

	while (!child->condemned)
		turn();
	ck_assert_int_eq(waitpid(child->pid, &st, 0), child->pid);
	child->pid = 0;
	ck_assert(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
}

/* Under each limit it is asked as often, and given all the time. */
START_TEST(test_silence_ends_it)
{
	const uint32_t limit = (uint32_t)_i;
	uint64_t took;
	unsigned n = 0;

	s.conf.hang_limit = limit;
	start_child(0, 0);
	took = clock_ms();
	ck_assert_int_eq(server_watch(&s), 0);
	watch_it_end();
	took = clock_ms() - took;
	while (was_asked())
		n++;
	ck_assert_uint_eq(n, ASKED);
	ck_assert_uint_gt(took, limit * 1000 - 100);
}
END_TEST

/* Asked it is, but a debugger may stop it; with a limit that ends. */
/* One that was not READY in its time gets more of it, and more again. */
START_TEST(test_time_to_be_born)
{
	ck_assert_uint_eq(server_birth_ms(&s, child), LIMIT * 1000);
	child->late = 1;
	ck_assert_uint_eq(server_birth_ms(&s, child), 2 * LIMIT * 1000);
	child->late = 2;
	ck_assert_uint_eq(server_birth_ms(&s, child), 4 * LIMIT * 1000);
	child->late = UINT32_MAX;
	ck_assert_uint_eq(server_birth_ms(&s, child), CHILD_READY_MS);
	/* and where nobody waits for the others, all that there is */
	child->late = 0;
	s.phase = SERVER_STARTING;
	ck_assert_uint_eq(server_birth_ms(&s, child), CHILD_READY_MS);
	s.phase = SERVER_SERVING;
	s.conf.hang_limit = 0;
	ck_assert_uint_eq(server_birth_ms(&s, child), CHILD_READY_MS);
}
END_TEST

START_TEST(test_no_limit)
{
	s.conf.hang_limit = 0;
	start_child(0, 0);
	child->unanswered = 1000;
	ck_assert_int_eq(server_watch(&s), 0);
	turn();
	child->unanswered = 0;
	turn();
	turn();
	ck_assert(!child->condemned);
	ck_assert(was_asked() && was_asked() && !was_asked());
	s.conf.hang_limit = 1;
	child->unanswered = ASKED;
	watch_it_end();
}
END_TEST

/* Its socket is not filled with questions, and its silence still counts. */
START_TEST(test_very_long_limit)
{
	s.conf.hang_limit = 3600;
	start_child(0, 0);
	child->unanswered = 1000;
	ck_assert_int_eq(server_watch(&s), 0);
	turn();
	ck_assert_uint_eq(child->unanswered, 1001);
	ck_assert(!was_asked());
	child->unanswered = 3598;
	turn();
	ck_assert(!child->condemned);
	watch_it_end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("watch");
	TCase *tc = tcase_create("heartbeat");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_calm);
	tcase_add_test(tc, test_one_answer_is_enough);
	tcase_add_loop_test(tc, test_silence_ends_it, 1, 4);
	tcase_add_test(tc, test_time_to_be_born);
	tcase_add_test(tc, test_no_limit);
	tcase_add_test(tc, test_very_long_limit);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
