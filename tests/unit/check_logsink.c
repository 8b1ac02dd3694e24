/* SPDX-License-Identifier: ISC */
/*
 * ocmd/logsink: what a child writes becomes whole, stamped, harmless lines
 * under the child's true name, in a file that cannot grow without bound.
 */
#include <sys/stat.h>

#include <event2/event.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "ocmd/logsink.h"
#include "run_suite.h"

static char dir[] = "/tmp/ocm-check-logsink-XXXXXX";
static char path[64], old[80];
static char text[1 << 16];

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(old, sizeof(old), "%s.1", path);
	ck_assert_int_eq(logsink_open(path), 0);
}

static void
teardown(void)
{
	unlink(path);
	unlink(old);
	rmdir(dir);
}

static char *
contents(void)
{
	FILE *f = fopen(path, "r");

	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* After the stamp, "2026-11-21T11:05:02.300Z "; checks its form. */
static const char *
line_after(const char *line)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
	size_t i;

	for (i = 0; form[i] != '\0'; i++)
		if (form[i] == 'd')
			ck_assert(line[i] >= '0' && line[i] <= '9');
		else
			ck_assert_int_eq(line[i], form[i]);
	return line + i;
}

/* What is in the log once a child "relayd 0" wrote this and died. */
static char *
after(const char *bytes, size_t len)
{
	struct event_base *base = event_base_new();
	struct logpipe *p = logpipe_new(base, "relayd 0");
	int fds[2];

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(logpipe_attach(p, fds[0]), 0);
	ck_assert_int_eq(write(fds[1], bytes, len), (ssize_t)len);
	close(fds[1]);
	ck_assert_int_ge(event_base_loop(base, 0), 0);
	logpipe_finish(p);
	logpipe_free(p);
	event_base_free(base);
	return contents();
}

START_TEST(lines_of_a_child)
{
	static const struct {
		const char	*bytes, *line;
	} cases[] = {
		{ "hello\n", "relayd 0: hello\n" },
		{ "unfinished", "relayd 0: unfinished\n" },
		{ "relayd 0: named\n", "relayd 0: named\n" },
		{ "roomd: forged\n", "relayd 0: roomd: forged\n" },
		{ "a\x1b[2Jb\rc\n", "relayd 0: a\\x1b[2Jb\\x0dc\n" },
		{ "\n\n\n", "" },
	};

	if (cases[_i].line[0] == '\0') {
		ck_assert_str_eq(after(cases[_i].bytes,
		    strlen(cases[_i].bytes)), "");
		return;
	}
	ck_assert_str_eq(line_after(after(cases[_i].bytes,
	    strlen(cases[_i].bytes))), cases[_i].line);
}
END_TEST

START_TEST(a_long_line_is_cut_into_lines)
{
	char bytes[3 * LOG_LINE], *p;
	size_t lines = 0;

	memset(bytes, 'x', sizeof(bytes));
	after(bytes, sizeof(bytes));
	for (p = text; *p != '\0'; p++) {
		ck_assert_ptr_nonnull(strchr(p, '\n'));
		line_after(p);
		p = strchr(p, '\n');
		lines++;
	}
	ck_assert_uint_eq(lines, 3);
}
END_TEST

START_TEST(last_words)
{
	struct event_base *base = event_base_new();
	struct logpipe *p = logpipe_new(base, "roomd");
	int life, fds[2];

	ck_assert_str_eq(logpipe_last_words(p), "");
	for (life = 0; life < 2; life++) {
		ck_assert_int_eq(pipe(fds), 0);
		ck_assert_int_eq(logpipe_attach(p, fds[0]), 0);
		ck_assert_str_eq(logpipe_last_words(p), "");
		ck_assert_int_gt(dprintf(fds[1], "one\nroomd: farewell"), 0);
		close(fds[1]);
		logpipe_finish(p);
		ck_assert_str_eq(logpipe_last_words(p), "farewell");
	}
	logpipe_free(p);
	event_base_free(base);
}
END_TEST

START_TEST(the_file_cannot_grow_without_bound)
{
	char filler[900];
	struct stat st;
	int i;

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	for (i = 0; i < 45000; i++)
		log_info("%s", filler);		/* more than twice the limit */
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_le(st.st_size, LOGSINK_FILE_MAX);
	ck_assert_int_eq(stat(old, &st), 0);
	ck_assert_int_le(st.st_size, LOGSINK_FILE_MAX);
	ck_assert_int_gt(st.st_size, LOGSINK_FILE_MAX - 1000);
}
END_TEST

START_TEST(a_file_moved_away_is_opened_anew)
{
	log_info("one");
	ck_assert_int_eq(rename(path, old), 0);
	logsink_reopen();
	log_info("two");
	ck_assert_str_eq(line_after(contents()), "two\n");
}
END_TEST

START_TEST(what_is_in_a_file_stays)
{
	log_info("one");
	ck_assert_int_eq(logsink_open(path), 0);
	log_info("two");
	contents();
	ck_assert_ptr_nonnull(strstr(text, "one\n"));
	ck_assert_ptr_nonnull(strstr(text, "two\n"));
	ck_assert_int_eq(logsink_open("/nonexistent/log"), -1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("logsink");
	TCase *tc = tcase_create("lines");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, lines_of_a_child, 0, 6);
	tcase_add_test(tc, a_long_line_is_cut_into_lines);
	tcase_add_test(tc, last_words);
	tcase_add_test(tc, the_file_cannot_grow_without_bound);
	tcase_add_test(tc, a_file_moved_away_is_opened_anew);
	tcase_add_test(tc, what_is_in_a_file_stays);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
