/* SPDX-License-Identifier: ISC */
/* Log lines: one write each, one line each, whatever is in them. */
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "run_suite.h"

static int from_stderr;

/* Standard error becomes a pipe, as it is in a child of ocmd. */
static void
setup(void)
{
	int p[2];

	ck_assert_int_eq(pipe(p), 0);
	ck_assert_int_ne(dup2(p[1], STDERR_FILENO), -1);
	close(p[1]);
	from_stderr = p[0];
	log_init("roomd");
}

/* What came, as a string; "" when standard error is closed and empty. */
static const char *
came(void)
{
	static char buf[2 * LOG_LINE];
	ssize_t n = read(from_stderr, buf, sizeof(buf) - 1);

	ck_assert_int_ge((int)n, 0);
	buf[n] = '\0';
	return buf;
}

START_TEST(test_lines)
{
	log_info("member %d of %s", 5, "room");
	ck_assert_str_eq(came(), "roomd: member 5 of room\n");
	log_warnx("late");
	ck_assert_str_eq(came(), "roomd: late\n");
	errno = ENOENT;
	log_warn("open %s", "x");
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(came(), "roomd: open x: No such file or directory\n");
	log_init(NULL);
	log_info("nobody");
	ck_assert_str_eq(came(), "nobody\n");
}
END_TEST

START_TEST(test_verbose)
{
	log_debug("unheard");
	log_info("begin");
	ck_assert_str_eq(came(), "roomd: begin\n");
	log_set_verbose(true);
	log_debug("heard");
	ck_assert_str_eq(came(), "roomd: heard\n");
	log_set_verbose(false);
	log_debug("unheard");
	log_info("end");
	ck_assert_str_eq(came(), "roomd: end\n");
}
END_TEST

/* A name cannot begin a line of its own, nor colour the terminal. */
START_TEST(test_no_forgery)
{
	log_info("joined: %s", "bob\nroomd: joined: root\r\x1b[2J");
	ck_assert_str_eq(came(),
	    "roomd: joined: bob\\x0aroomd: joined: root\\x0d\\x1b[2J\n");
}
END_TEST

/* One write of LOG_LINE bytes at the most, which a pipe takes whole. */
START_TEST(test_cut)
{
	static char text[3 * LOG_LINE];
	const char *line;

	memset(text, _i == 0 ? 'x' : '\n', sizeof(text) - 1);
	log_info("%s", text);
	line = came();
	ck_assert_uint_le(strlen(line), LOG_LINE);
	ck_assert_uint_gt(strlen(line), LOG_LINE - 8);
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	errno = ENOENT;
	log_warn("%s", text);
	ck_assert_uint_le(strlen(came()), LOG_LINE);
}
END_TEST

static char sunk[LOG_LINE];

static void
sink(const char *line)
{
	strlcpy(sunk, line, sizeof(sunk));
}

START_TEST(test_sink)
{
	log_set_sink(sink);
	log_info("to the sink");
	log_set_sink(NULL);
	log_info("to the pipe");
	ck_assert_str_eq(sunk, "roomd: to the sink");
	ck_assert_str_eq(came(), "roomd: to the pipe\n");
}
END_TEST

/* With nobody to read it a line is lost, and nothing else. */
START_TEST(test_nobody_reads)
{
	signal(SIGPIPE, SIG_IGN);
	close(from_stderr);
	log_info("lost");
	close(STDERR_FILENO);
	errno = 5;
	log_info("lost");
	ck_assert_int_eq(errno, 5);
}
END_TEST

START_TEST(test_fatal)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		errno = EPERM;
		if (_i == 0)
			fatal("mmap");
		fatalx("no room for %d", 7);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
	ck_assert_str_eq(came(), _i == 0 ?
	    "roomd: mmap: Operation not permitted\n" :
	    "roomd: no room for 7\n");
}
END_TEST

START_TEST(test_clock)
{
	uint64_t us = clock_us(), ms = clock_ms();

	ck_assert_uint_gt(us, 0);
	ck_assert_uint_ge(ms, us / 1000);
	ck_assert_uint_le(ms, clock_us() / 1000);
	ck_assert_uint_ge(clock_us(), us);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_lines);
	tcase_add_test(tc, test_verbose);
	tcase_add_test(tc, test_no_forgery);
	tcase_add_loop_test(tc, test_cut, 0, 2);
	tcase_add_test(tc, test_sink);
	tcase_add_test(tc, test_nobody_reads);
	tcase_add_loop_test(tc, test_fatal, 0, 2);
	tcase_add_test(tc, test_clock);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
