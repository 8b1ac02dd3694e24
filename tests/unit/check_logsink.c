/* SPDX-License-Identifier: ISC */
/*
 * ocmd/logsink: what a child writes becomes whole, stamped, harmless lines
 * under the child's true name, in a file that cannot grow without bound; and
 * nobody who does not read stops who writes.
 */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <event2/event.h>

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
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

/* ---- readers that have stopped ---- */

static int reader, writer;

static void
through_pipe(void)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	reader = fds[0];
	writer = fds[1];
}

static void
through_socket(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	reader = fds[0];
	writer = fds[1];
}

static void
through_terminal(void)
{
	struct termios raw;

	reader = posix_openpt(O_RDWR | O_NOCTTY);
	ck_assert_int_ne(reader, -1);
	ck_assert_int_eq(grantpt(reader), 0);
	ck_assert_int_eq(unlockpt(reader), 0);
	writer = open(ptsname(reader), O_RDWR | O_NOCTTY);
	ck_assert_int_ne(writer, -1);
	ck_assert_int_eq(tcgetattr(writer, &raw), 0);
	raw.c_oflag &= (tcflag_t)~OPOST;
	ck_assert_int_eq(tcsetattr(writer, TCSANOW, &raw), 0);
}

/* What ^S does. */
static void
through_stopped_terminal(void)
{
	through_terminal();
	ck_assert_int_eq(tcflow(writer, TCOOFF), 0);
}

static void
through_fifo(void)
{
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_ne(reader, -1);
	writer = -1;
}

static void (*const ways[])(void) = { through_pipe, through_socket,
    through_terminal, through_stopped_terminal, through_fifo };
enum { WAYS = sizeof(ways) / sizeof(ways[0]), SAID = 3000 };

/* Numbered, and of all lengths, so that the last one may be cut. */
static void
say_line(unsigned i)
{
	char filler[LOG_LINE];

	memset(filler, 'x', sizeof(filler));
	filler[i * 7 % 900] = '\0';
	log_info("%u %s.", i, filler);
}

/* The next line, without its stamp; NULL where none comes soon. */
static const char *
next_line(void)
{
	static char held[1 << 17];
	static size_t len;
	static char line[2 * LOG_LINE];
	struct pollfd p = { .fd = reader, .events = POLLIN };
	char *end;
	ssize_t n;

	while ((end = memchr(held, '\n', len)) == NULL) {
		if (poll(&p, 1, 10) != 1)
			return NULL;
		n = read(reader, held + len, sizeof(held) - len);
		if (n <= 0)
			return NULL;
		len += (size_t)n;
	}
	*end++ = '\0';
	ck_assert_uint_lt(strlcpy(line, held, sizeof(line)), sizeof(line));
	len -= (size_t)(end - held);
	memmove(held, end, len);
	return line_after(line);
}

/* Every line is there in its place and whole, or counted as lost. */
START_TEST(who_does_not_read_stops_nobody)
{
	unsigned i, at, lost, whole = 0, missing = 0;
	const char *line;
	int shared;

	ways[_i]();
	shared = writer == -1 ? 0 : fcntl(writer, F_GETFL);
	ck_assert(writer == -1 || dup2(writer, STDERR_FILENO) != -1);
	ck_assert_int_eq(logsink_open(writer == -1 ? path : "stderr"), 0);
	for (i = 0; i < SAID; i++)
		say_line(i);
	if (ways[_i] == through_stopped_terminal)
		ck_assert_int_eq(tcflow(writer, TCOON), 0);
	while (whole + missing <= SAID) {
		if ((line = next_line()) == NULL) {
			say_line(i++);
			continue;
		}
		if (sscanf(line, "%u ", &at) == 1) {
			ck_assert_uint_eq(at, whole + missing);
			ck_assert_int_eq(line[strlen(line) - 1], '.');
			whole++;
			continue;
		}
		ck_assert_msg(sscanf(line, "ocmd: lines lost here, since "
		    "nobody took them: %u", &lost) == 1, "%s", line);
		missing += lost;
	}
	ck_assert_uint_gt(missing, 0);
	/* Others may write there, and need not expect this of it. */
	ck_assert(writer == -1 || fcntl(writer, F_GETFL) == shared);
}
END_TEST

/* There is nobody to tell, and nothing to wait for. */
START_TEST(a_reader_that_is_gone)
{
	unsigned i;

	ways[_i]();
	close(reader);
	ck_assert_int_ne(dup2(writer, STDERR_FILENO), -1);
	ck_assert_int_eq(logsink_open("stderr"), 0);
	for (i = 0; i < SAID; i++)
		say_line(i);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("logsink");
	TCase *tc = tcase_create("lines");

	(void)signal(SIGPIPE, SIG_IGN);		/* as ocmd does */
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, lines_of_a_child, 0, 6);
	tcase_add_test(tc, a_long_line_is_cut_into_lines);
	tcase_add_test(tc, last_words);
	tcase_add_test(tc, the_file_cannot_grow_without_bound);
	tcase_add_test(tc, a_file_moved_away_is_opened_anew);
	tcase_add_test(tc, what_is_in_a_file_stays);
	tcase_add_loop_test(tc, who_does_not_read_stops_nobody, 0, WAYS);
	tcase_add_loop_test(tc, a_reader_that_is_gone, 0, WAYS - 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
