/* SPDX-License-Identifier: ISC */
/*
 * The live regions: words about one generation, rings that tell what they
 * lost, and a segment in which each role may write just its own.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seg.h"
#include "run_suite.h"

static const struct live_limits limits = { 100, 10 };
static struct live *l;
static void *area;

static void
setup(void)
{
	ck_assert_uint_eq(live_size(&limits) %
	    (size_t)sysconf(_SC_PAGESIZE), 0);
	area = calloc(1, live_size(&limits));
	l = live_open(area, &limits);
	ck_assert_ptr_nonnull(l);
}

static void
teardown(void)
{
	live_close(l);
	free(area);
}

START_TEST(test_where)
{
	struct live_where w = { 0xfffffffd, 65535, 255, true }, got;

	live_set_where(l, 99, w);
	got = live_where(l, 99);
	ck_assert_uint_eq(got.gen, w.gen);
	ck_assert_uint_eq(got.port, w.port);
	ck_assert_uint_eq(got.sock, w.sock);
	ck_assert(got.enrolled);
	w.enrolled = false;
	live_set_where(l, 99, w);
	ck_assert(!live_where(l, 99).enrolled);
	ck_assert_uint_eq(live_where(l, 98).gen, 0);
	ck_assert_uint_eq(live_where(l, 100).port, 0);
	ck_assert_uint_eq(live_seen(l, UINT32_MAX), 0);
	live_set_moved(l, 99, 12345);
	ck_assert_uint_eq(live_moved(l, 99), 12345);
	ck_assert_uint_eq(live_moved(l, 98), 0);
	ck_assert_uint_eq(live_moved(l, 100), 0);
	live_set_spent(l, 99, 0x10007, 1234567890123);
	ck_assert_uint_eq(live_spent(l, 99, 0x10007), 1234567890123);
	ck_assert_uint_eq(live_spent(l, 99, 0x10009), 0);
	ck_assert_uint_eq(live_spent(l, 98, 0x10007), 0);
	ck_assert_uint_eq(live_spent(l, 100, 0), 0);
}
END_TEST

START_TEST(test_wishes)
{
	uint32_t tail = 0, slot = 77;
	bool over;

	ck_assert(!live_next_wish(l, &tail, &slot, &over));
	ck_assert(!over);
	live_wish(l, 3, 7, END_IDLE);
	live_wish(l, 4, 9, END_LEFT);
	ck_assert(live_next_wish(l, &tail, &slot, &over));
	ck_assert_uint_eq(slot, 3);
	ck_assert_int_eq(live_wish_of(l, 3, 7), END_IDLE);
	ck_assert_int_eq(live_wish_of(l, 3, 9), END_NONE);
	ck_assert_int_eq(live_wish_of(l, 100, 0), END_NONE);
	ck_assert(live_next_wish(l, &tail, &slot, &over));
	ck_assert_uint_eq(slot, 4);
	ck_assert(!live_next_wish(l, &tail, &slot, &over));
}
END_TEST

START_TEST(test_ring_tells_loss)
{
	uint32_t tail = 0, slot = 0, moved = 0;
	struct live_where w = { 1, 2, 3, false };
	bool over;
	int i;

	for (i = 0; i < 5000; i++)
		live_wish(l, (uint32_t)i % 100, 1, END_LEFT);
	ck_assert(!live_next_wish(l, &tail, &slot, &over));
	ck_assert(over);
	ck_assert(!live_next_wish(l, &tail, &slot, &over));
	ck_assert(!over);
	for (i = 0; i < 4095; i++)
		live_set_where(l, (uint32_t)i % 100, w);
	ck_assert_uint_eq(live_moved_head(l), 4095);
	for (i = 0; i < 4095; i++)
		ck_assert_uint_eq(live_next_moved(l, &moved, &over),
		    (uint32_t)i % 100);
	ck_assert_uint_eq(live_next_moved(l, &moved, &over), ROOMTAB_NONE);
	ck_assert(!over);
	/* Full, the oldest entry may be half another one already. */
	for (i = 0; i < 4096; i++)
		live_set_where(l, (uint32_t)i % 100, w);
	ck_assert_uint_eq(live_next_moved(l, &moved, &over), ROOMTAB_NONE);
	ck_assert(over);
	ck_assert_uint_eq(moved, live_moved_head(l));
}
END_TEST

START_TEST(test_lobby)
{
	struct live_lobby c = { .last_ms = 5, .sock = 2 }, got;

	c.addr.port = 4242;
	ck_assert(!live_lobby(l, 9, &got));
	live_set_lobby(l, 9, &c);
	ck_assert(live_lobby(l, 9, &got));
	ck_assert(addr_equal(&got.addr, &c.addr));
	ck_assert_uint_eq(got.sock, 2);
	live_set_lobby_seen(l, 9, 8);
	ck_assert(live_lobby(l, 9, &got));
	ck_assert_uint_eq(got.last_ms, 8);
	c.last_ms = 0;
	live_set_lobby(l, 9, &c);
	ck_assert(!live_lobby(l, 9, &got));
	ck_assert(!live_lobby(l, 10, &got));
}
END_TEST

/* ---- the segment ---- */

static const struct seg_limits seg_limits = { { 8, 64 }, 4, 2 };

/* Stores one byte in a child; how it ended. */
static int
try_store(void *at)
{
	pid_t pid;
	int st;

	if ((pid = fork()) == 0) {
		/* a sanitizer would turn the signal into an exit */
		signal(SIGSEGV, SIG_DFL);
		*(volatile char *)at = 0;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &st, 0), pid);
	return st;
}

static void
close_maps(struct seg_maps *m)
{
	int k;

	for (k = 0; k < 2; k++)
		live_close(m->live[k]);
}

static bool
faults(void *at)
{
	int st = try_store(at);

	return WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV;
}

START_TEST(test_one_writer_each)
{
	struct seg_maps room, relay0, relay1;
	struct live_where w = { 5, 6, 1, false };
	int rw, ro;

	ck_assert_int_eq(seg_create(&seg_limits, "/ocm-check-seg", &rw, &ro),
	    0);
	ck_assert_int_ne(fcntl(rw, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_ne(fcntl(ro, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(seg_map(&seg_limits, rw, ro, ROLE_ROOMD, 0, &room),
	    0);
	ck_assert_int_eq(seg_map(&seg_limits, rw, ro, ROLE_RELAYD, 0,
	    &relay0), 0);
	ck_assert_int_eq(seg_map(&seg_limits, rw, ro, ROLE_RELAYD, 1,
	    &relay1), 0);
	ck_assert_int_eq(try_store(room.control), 0);
	ck_assert_int_eq(try_store(relay0.control), 0);
	ck_assert_int_eq(try_store((char *)room.rooms + 64), 0);
	ck_assert(faults((char *)relay0.rooms + 64));
	ck_assert_int_eq(try_store(live_counters(relay0.live[0])), 0);
	ck_assert(faults(live_counters(relay0.live[1])));
	ck_assert(faults(live_counters(room.live[0])));
	ck_assert_int_eq(try_store(live_counters(relay1.live[1])), 0);
	/* and they see each other's */
	live_set_where(relay1.live[1], 63, w);
	ck_assert_uint_eq(live_where(relay0.live[1], 63).port, 6);
	ck_assert_uint_eq(live_where(room.live[1], 63).gen, 5);
	ck_assert_uint_eq(live_where(room.live[0], 63).gen, 0);
	/* a read-only map of the read-only descriptor stays so */
	ck_assert_int_eq(mprotect(relay0.rooms, 4096,
	    PROT_READ | PROT_WRITE), -1);
	close_maps(&room);
	close_maps(&relay0);
	close_maps(&relay1);
	shmlock_unlink("/ocm-check-seg");
	close(rw);
	close(ro);
}
END_TEST

START_TEST(test_workers_in_range)
{
	struct seg_limits lim = seg_limits;
	int rw, ro;

	lim.workers = OCM_WORKERS_MAX + 1;
	ck_assert_int_eq(seg_create(&lim, "/ocm-check-seg", &rw, &ro), -1);
	ck_assert_int_eq(errno, EINVAL);
	lim.workers = 0;
	ck_assert_int_eq(seg_create(&lim, "/ocm-check-seg", &rw, &ro), -1);
}
END_TEST

/* What is left of it are no numbers that could be closed once more. */
START_TEST(test_no_space)
{
	struct rlimit was, none;
	int rw = 0, ro = 0, rc, why, before = dup(0);

	ck_assert_int_ne(before, -1);
	close(before);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	rc = seg_create(&seg_limits, "/ocm-check-seg", &rw, &ro);
	why = errno;
	/* Check itself wants to write what failed. */
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(why, EFBIG);
	ck_assert_int_eq(rw, -1);
	ck_assert_int_eq(ro, -1);
	ck_assert_int_eq(dup(0), before);
}
END_TEST

/* ---- the flight recorder ---- */

/* As a new process sees the region. */
static void
next_life(void)
{
	live_close(l);
	l = live_open(area, &limits);
	ck_assert_ptr_nonnull(l);
}

START_TEST(test_nothing_in_hand)
{
	struct live_flight f;

	ck_assert(!live_left_in_hand(l, &f));
	live_take(l, SENDER_UNKNOWN, 10);
	live_take_of(l, 3, 5);
	live_done(l);
	next_life();
	ck_assert(!live_left_in_hand(l, &f));
}
END_TEST

/* At every place of the ring, over several lives. */
START_TEST(test_in_hand)
{
	struct live_flight f;
	uint32_t i, k;

	for (i = 0; i < 3 * LIVE_FLIGHTS; i++) {
		for (k = 0; k < i; k++) {
			live_take(l, SENDER_LOBBY, 1);
			live_done(l);
		}
		live_take(l, SENDER_UNKNOWN, 4097);
		live_take_of(l, 99, UINT32_MAX - i);
		next_life();
		ck_assert(live_left_in_hand(l, &f));
		ck_assert_int_eq(f.sender, SENDER_MEMBER);
		ck_assert_uint_eq(f.slot, 99);
		ck_assert_uint_eq(f.gen, UINT32_MAX - i);
		ck_assert_uint_eq(f.len, 4097);
		next_life();
		ck_assert(!live_left_in_hand(l, &f));
	}
}
END_TEST

/* Who is not known yet is not who was known in this place before. */
START_TEST(test_stranger_in_hand)
{
	struct live_flight f;
	int i;

	for (i = 0; i < LIVE_FLIGHTS; i++) {
		live_take(l, SENDER_UNKNOWN, 7);
		live_take_of(l, 1, 1);
		live_done(l);
	}
	live_take(l, SENDER_UNKNOWN, 8);
	next_life();
	ck_assert(live_left_in_hand(l, &f));
	ck_assert_int_eq(f.sender, SENDER_UNKNOWN);
	ck_assert_uint_eq(f.len, 8);
	live_take(l, SENDER_LOBBY, 9);
	next_life();
	ck_assert(live_left_in_hand(l, &f));
	ck_assert_int_eq(f.sender, SENDER_LOBBY);
}
END_TEST

/* What goes before it leaves it in hand, as it was. */
START_TEST(test_one_in_the_midst_of_another)
{
	struct live_flight f;
	uint32_t i;

	for (i = 0; i < 2 * LIVE_FLIGHTS; i++) {
		live_take(l, SENDER_UNKNOWN, 12);
		live_take(l, SENDER_UNKNOWN, 5);
		live_take_of(l, 1, 3);
		live_done(l);
		live_take_of(l, 2, i);
		live_take(l, SENDER_UNKNOWN, 6);
		if (i % 2 == 0) {
			live_done(l);
			next_life();
			ck_assert(live_left_in_hand(l, &f));
			ck_assert_uint_eq(f.slot, 2);
			ck_assert_uint_eq(f.gen, i);
			ck_assert_uint_eq(f.len, 12);
			ck_assert_int_eq(f.sender, SENDER_MEMBER);
		} else {
			next_life();
			ck_assert(live_left_in_hand(l, &f));
			ck_assert_uint_eq(f.len, 6);
			ck_assert_int_eq(f.sender, SENDER_UNKNOWN);
		}
		/* and nothing is left of it */
		live_take(l, SENDER_LOBBY, 7);
		live_done(l);
		next_life();
		ck_assert(!live_left_in_hand(l, &f));
	}
}
END_TEST

START_TEST(test_deaths)
{
	uint32_t i;

	ck_assert_uint_eq(live_deaths(l, 0, 0, 0), 0);
	live_add_death(l, 7, 1, 1000);
	live_add_death(l, 7, 1, 2000);
	live_add_death(l, 7, 3, 2000);
	live_add_death(l, 8, 1, 2000);
	ck_assert_uint_eq(live_deaths(l, 7, 1, 0), 2);
	ck_assert_uint_eq(live_deaths(l, 7, 1, 1001), 1);
	ck_assert_uint_eq(live_deaths(l, 7, 1, 2001), 0);
	next_life();
	ck_assert_uint_eq(live_deaths(l, 7, 3, 2000), 1);
	/* The newest are kept. */
	for (i = 0; i < 3 * LIVE_DEATHS; i++)
		live_add_death(l, 9, i, 3000 + i);
	ck_assert_uint_eq(live_deaths(l, 7, 1, 0), 0);
	for (i = 2 * LIVE_DEATHS; i < 3 * LIVE_DEATHS; i++)
		ck_assert_uint_eq(live_deaths(l, 9, i, 3000), 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("live");
	TCase *tc = tcase_create("live");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_nothing_in_hand);
	tcase_add_test(tc, test_in_hand);
	tcase_add_test(tc, test_stranger_in_hand);
	tcase_add_test(tc, test_one_in_the_midst_of_another);
	tcase_add_test(tc, test_deaths);
	tcase_add_test(tc, test_where);
	tcase_add_test(tc, test_wishes);
	tcase_add_test(tc, test_ring_tells_loss);
	tcase_add_test(tc, test_lobby);
	tcase_add_test(tc, test_one_writer_each);
	tcase_add_test(tc, test_workers_in_range);
	tcase_add_test(tc, test_no_space);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
