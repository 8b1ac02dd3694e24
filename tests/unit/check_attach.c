/* SPDX-License-Identifier: ISC */
/*
 * How a new roomd takes over the segment of a dead one: a table that is whole,
 * a change that was half done, and a table that nobody can believe.
 */
#include <sys/types.h>
#include <sys/wait.h>

#include <fcntl.h>

#include "../../roomd/roomd.h"
#include "log.h"
#include "relay_fixture.h"
#include "roomtab_layout.h"
#include "run_suite.h"

static struct fixture fx;
static struct ctl_start start;

static void
setup(void)
{
	struct member_new m = fx_member("a", "plain", "127.0.0.1", 0);

	fx_open(&fx, 8, 64, 4, 1);
	(void)fx_enter(&fx, "r", &m);
	start.role = ROLE_ROOMD;
	start.limits = fx.lim;
	memcpy(start.token_key, fx_token_key, sizeof(start.token_key));
	memcpy(start.bucket_key, fx_bucket_key, sizeof(start.bucket_key));
	(void)strlcpy(start.sem_name, fx.sem, sizeof(start.sem_name));
}

static void
teardown(void)
{
	fx_close(&fx);
}

/* Ends with 0, or where something is wrong with what is told here. */
static void
take_over(int log)
{
	static struct roomd d;

	if (dup2(log, STDERR_FILENO) == -1 ||
	    dup2(fx.rw, FD_SHM_RW + 20) == -1 ||
	    dup2(fx.ro, FD_SHM_RO + 20) == -1 ||
	    dup2(FD_SHM_RW + 20, FD_SHM_RW) == -1 ||
	    dup2(FD_SHM_RO + 20, FD_SHM_RO) == -1)
		_exit(10);
	setup_attach(&d, &start);
	if (fcntl(FD_SHM_RW, F_GETFD) != -1 ||
	    fcntl(FD_SHM_RO, F_GETFD) != -1)
		_exit(11);
	_exit(roomtab_find(d.table, "r", 1) != ROOMTAB_NONE ? 0 : 12);
}

/* The exit status of the next life; said: what it has logged. */
static int
next_life(char *said, size_t cap)
{
	int log[2], status;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe(log), 0);
	if ((pid = fork()) == 0)
		take_over(log[1]);
	(void)close(log[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	n = read(log[0], said, cap - 1);
	said[n > 0 ? n : 0] = '\0';
	(void)close(log[0]);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static uint64_t
recoveries(void)
{
	return roomtab_counters(fx.tab)[RC_recoveries];
}

START_TEST(a_whole_table_is_taken_as_it_is)
{
	char said[256];

	ck_assert_int_eq(next_life(said, sizeof(said)), 0);
	ck_assert_str_eq(said, "");
	ck_assert_uint_eq(recoveries(), 0);
}
END_TEST

/* As somebody leaves it who dies after the last store before the commit. */
START_TEST(a_half_done_change_is_undone_and_told)
{
	struct member_new m = fx_member("b", "plain", "127.0.0.1", 0);
	char said[256];

	(void)fx_enter(&fx, "r", &m);
	fx.tab->a->jact = 1;
	fx.tab->a->seq++;
	ck_assert_uint_eq(roomtab_members(fx.tab), 2);
	ck_assert_int_eq(next_life(said, sizeof(said)), 0);
	ck_assert_ptr_nonnull(strstr(said, "undid a half-done change"));
	ck_assert_uint_eq(recoveries(), 1);
	ck_assert_uint_eq(roomtab_members(fx.tab), 1);
}
END_TEST

START_TEST(a_table_beyond_repair_is_not_served)
{
	char said[256];

	fx.tab->a->j.members++;
	ck_assert_int_eq(next_life(said, sizeof(said)), 1);
	ck_assert_ptr_nonnull(strstr(said, "beyond repair"));
	ck_assert_uint_eq(recoveries(), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("attach");
	TCase *tc = tcase_create("attach");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_whole_table_is_taken_as_it_is);
	tcase_add_test(tc, a_half_done_change_is_undone_and_told);
	tcase_add_test(tc, a_table_beyond_repair_is_not_served);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
