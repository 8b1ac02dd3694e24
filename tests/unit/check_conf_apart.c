/* SPDX-License-Identifier: ISC */
/*
 * ocmd/conf_apart: the reader of the configuration that does what it should,
 * and readers that stall, die, or say too little or too much.  What goes
 * wrong does so in the real reader, between its fork and its first step.
 */
#include <sys/wait.h>

#include <event2/event.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "clock.h"
#include "conf_fixture.h"
#include "ocmd/conf_apart.h"
#include "run_suite.h"

enum { TICK_MS = 10, HELD_UP_MS = 2000 };

/* ---- what the reader does instead ---- */

static enum act { READ, STALL, STOP, EXIT, CRASH, HALF, MORE } act;
static int report_fd;			/* where its report would go */

static void
misbehave(void)
{
	static char junk[1 << 14];

	switch (act) {
	case READ:
		return;
	case STALL:
		for (;;)
			(void)pause();
	case STOP:
		(void)raise(SIGSTOP);
		return;
	case EXIT:
		_exit(3);
	case CRASH:
		(void)raise(SIGKILL);
		return;
	case HALF:
		_exit(write(report_fd, junk, 100) != 100);
	case MORE:
		_exit(write(report_fd, junk, sizeof(junk)) != sizeof(junk));
	}
}

/* ---- its parent ---- */

static struct event_base *base;
static struct event *ticks;
static struct {
	int		calls;
	bool		got;
	struct conf	conf;
	char		err[CONF_ERROR];
} told;
static uint64_t last_ms, held_up_ms;

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	const uint64_t now = clock_ms();

	(void)fd;
	(void)what;
	(void)arg;
	if (now - last_ms > held_up_ms)
		held_up_ms = now - last_ms;
	last_ms = now;
}

static void
on_told(void *arg, const struct conf *c, const char *err)
{
	ck_assert_ptr_eq(arg, &told);
	ck_assert((c == NULL) != (err == NULL));
	told.calls++;
	told.got = c != NULL;
	if (c != NULL)
		told.conf = *c;
	else
		snprintf(told.err, sizeof(told.err), "%s", err);
}

static int
begin(const struct conf_source *from, char *err)
{
	const struct conf_asker me = { on_told, &told };

	memset(&told, 0, sizeof(told));
	last_ms = clock_ms();
	held_up_ms = 0;
	return conf_apart_load(base, from, &me, err);
}

static void
await(void)
{
	while (told.calls == 0)
		ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	ck_assert_int_eq(told.calls, 1);
}

static void
read_apart(const struct conf_source *from)
{
	char err[CONF_ERROR];

	ck_assert_msg(begin(from, err) == 0, "%s", err);
	await();
}

static void
nobody_is_left(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

/* The lowest two descriptors that are free. */
static int
free_fds(void)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
	return fds[1];
}

static void
setup_loop(void)
{
	const struct timeval tick = { 0, TICK_MS * 1000 };
	const struct conf_source none = { NULL, NULL, 0 };

	setup();
	ck_assert_int_eq(pthread_atfork(NULL, NULL, misbehave), 0);
	ck_assert_ptr_nonnull(base = event_base_new());
	ticks = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	ck_assert_int_eq(event_add(ticks, &tick), 0);
	read_apart(&none);		/* libevent keeps two descriptors */
	ck_assert(told.got);
	report_fd = free_fds();
}

static void
teardown_loop(void)
{
	event_free(ticks);
	event_base_free(base);
	teardown();
}

/* ---- tests ---- */

/* The other process finds the same, and says the same. */
START_TEST(the_same_apart)
{
	char word[] = "workers=3", bad[] = "workers=x";
	char *overrides[1] = { word };
	struct conf_source from = { path, overrides, 1 };
	char err[CONF_ERROR];
	struct conf c;
	int i;

	write_bytes("idle = 77\nlobby = {}\n", 21);
	ck_assert_int_eq(conf_load(&c, &from, err), 0);
	for (i = 0; i < 20; i++) {
		read_apart(&from);
		ck_assert(told.got);
		ck_assert_mem_eq(&c, &told.conf, sizeof(c));
	}
	ck_assert_uint_eq(told.conf.settings.idle_s, 77);
	ck_assert_uint_eq(told.conf.workers, 3);
	overrides[0] = bad;
	ck_assert_int_eq(conf_load(&c, &from, err), -1);
	read_apart(&from);
	ck_assert(!told.got);
	ck_assert_str_eq(err, told.err);
	nobody_is_left();
	ck_assert_int_eq(free_fds(), report_fd);
}
END_TEST

static const struct {
	enum act	act;
	const char	*says;
} bad[] = {
	{ STALL, "its reader took too long, and was killed" },
	{ STOP, "its reader took too long, and was killed" },
	{ EXIT, "its reader died: exit status 3" },
	{ CRASH, "its reader died: killed by signal 9" },
	{ HALF, "its reader gave half an answer" },
	{ MORE, "its reader gave more than an answer" },
};

START_TEST(a_bad_reader_is_told_of)
{
	const struct conf_source none = { NULL, NULL, 0 };
	const uint64_t begun = clock_ms();

	act = bad[_i].act;
	read_apart(&none);
	ck_assert(!told.got);
	ck_assert_msg(strstr(told.err, bad[_i].says) != NULL, "%s",
	    told.err);
	if (act == STALL || act == STOP)
		ck_assert_uint_gt(clock_ms() - begun, 4500);
	ck_assert_uint_lt(held_up_ms, HELD_UP_MS);
	nobody_is_left();
	ck_assert_int_eq(free_fds(), report_fd);
	/* and the next one is as good as ever */
	act = READ;
	read_apart(&none);
	ck_assert(told.got);
	nobody_is_left();
}
END_TEST

START_TEST(one_at_a_time)
{
	const struct conf_source none = { NULL, NULL, 0 };
	char err[CONF_ERROR];

	act = STALL;
	ck_assert_int_eq(begin(&none, err), 0);
	ck_assert_int_eq(conf_apart_load(base, &none, &(struct conf_asker){
	    on_told, &told }, err), -1);
	ck_assert_ptr_nonnull(strstr(err, "has not ended yet"));
	ck_assert_int_eq(told.calls, 0);
	/* The server ends: nobody waits for an answer that never comes. */
	conf_apart_cancel();
	ck_assert_int_eq(told.calls, 1);
	ck_assert_ptr_nonnull(strstr(told.err, "was given up"));
	ck_assert_int_eq(free_fds(), report_fd);
	ck_assert_int_gt(waitpid(-1, NULL, 0), 0);
	nobody_is_left();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf apart");
	TCase *tc = tcase_create("readers");

	tcase_add_checked_fixture(tc, setup_loop, teardown_loop);
	tcase_add_test(tc, the_same_apart);
	tcase_add_loop_test(tc, a_bad_reader_is_told_of, 0,
	    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, one_at_a_time);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
