/* SPDX-License-Identifier: ISC */
/*
 * Sending never waits and never loops: what a full or broken socket does not
 * take is counted, one copy at a time, and the rest goes on.
 */
#include <sys/socket.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../relayd/send.h"
#include "run_suite.h"

enum { COPIES = 3000 };

static _Atomic uint64_t counters[LC_COUNT];
static struct outlet out;
static struct group group;
static struct mmsghdr entry[COPIES];
static int peer;

static void
never(void *ctx, const struct addr *a)
{
	(void)ctx;
	(void)a;
	ck_abort_msg("no such answer came");
}

/* Pairs need no address, so the entries name nobody. */
static void
setup(void)
{
	int i, pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	out.fd[0] = pair[0];
	out.count = 1;
	out.counters = counters;
	out.unreachable = never;
	peer = pair[1];
	for (i = 0; i < COPIES; i++) {
		entry[i].msg_hdr.msg_iov = &group.iov;
		entry[i].msg_hdr.msg_iovlen = 1;
	}
	group.entry = entry;
	group.count = COPIES;
}

static unsigned
waiting(void)
{
	unsigned n = 0;
	char c;

	while (recv(peer, &c, 1, MSG_DONTWAIT) == 1)
		n++;
	return n;
}

START_TEST(test_full)
{
	unsigned sent = send_group(&out, &group, "x", 1, UINT32_MAX);

	ck_assert_uint_gt(sent, 0);
	ck_assert_uint_lt(sent, COPIES);
	ck_assert_uint_eq(counters[LC_copy_unsendable], COPIES - sent);
	ck_assert_uint_eq(counters[LC_send_errors], 0);
	ck_assert_uint_eq(waiting(), sent);
}
END_TEST

START_TEST(test_broken)
{
	close(peer);
	ck_assert_uint_eq(send_group(&out, &group, "x", 1, UINT32_MAX), 0);
	ck_assert_uint_eq(counters[LC_send_errors], COPIES);
	close(out.fd[0]);
	ck_assert_uint_eq(send_group(&out, &group, "x", 1, UINT32_MAX), 0);
	ck_assert_uint_eq(counters[LC_send_errors], 2 * COPIES);
	ck_assert_uint_eq(counters[LC_copy_unsendable], 0);
}
END_TEST

START_TEST(test_skip)
{
	uint32_t skip;

	group.count = 3;
	for (skip = 0; skip < 3; skip++) {
		ck_assert_uint_eq(send_group(&out, &group, "x", 1, skip), 2);
		ck_assert_uint_eq(waiting(), 2);
	}
	ck_assert_uint_eq(send_group(&out, &group, "x", 1, 3), 3);
	ck_assert_uint_eq(send_range(&out, &group, "x", 1, 1, 2), 1);
	ck_assert_uint_eq(send_range(&out, &group, "x", 1, 2, 2), 0);
	ck_assert_uint_eq(waiting(), 4);
	group.count = 1;
	ck_assert_uint_eq(send_group(&out, &group, "x", 1, 0), 0);
	ck_assert_uint_eq(waiting(), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("send");
	TCase *tc = tcase_create("send");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_full);
	tcase_add_test(tc, test_broken);
	tcase_add_test(tc, test_skip);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
