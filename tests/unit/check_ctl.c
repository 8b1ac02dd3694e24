/* SPDX-License-Identifier: ISC */
/*
 * common/ctl: every message of the list goes through whole, and everything
 * that is not exactly one of them is refused and leaks no descriptor.
 */
#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/ctl.h"
#include "run_suite.h"

static const struct {
	const char	*name;
	size_t		 size;
	enum role	 from, to;
	bool		 fd;
} list[] = {
#define ROW(name, body, from, to, fd)					\
	{ #name, sizeof(struct body), from, to, fd },
	CTL_MESSAGES(ROW)
};

static int pair[2];
static int open_before;

static int
count_open(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			n++;
	return n;
}

static void
setup(void)
{
	open_before = count_open();
	ck_assert_int_eq(ctl_pair(pair), 0);
}

/* Every test ends with as many descriptors as it began with. */
static void
teardown(void)
{
	if (pair[0] != -1)
		close(pair[0]);
	if (pair[1] != -1)
		close(pair[1]);
	ck_assert_int_eq(count_open(), open_before);
}

static enum role
somebody(enum role r, enum role child)
{
	return r == ROLE_COUNT ? child : r;
}

/* Sends raw bytes with nfds copies of a descriptor, as an attacker would. */
static void
send_raw(int sock, const void *bytes, size_t len, unsigned nfds)
{
	struct iovec iov;
	struct msghdr msg;
	struct cmsghdr *c;
	union {
		struct cmsghdr	align;
		unsigned char	bytes[CMSG_SPACE(4 * sizeof(int))];
	} space;
	unsigned i;
	int fd;

	memset(&msg, 0, sizeof(msg));
	memset(&space, 0, sizeof(space));
	memcpy(&iov.iov_base, &bytes, sizeof(bytes));
	iov.iov_len = len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	if (nfds > 0) {
		msg.msg_control = space.bytes;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		for (i = 0; i < nfds; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(fd), &fd, sizeof(fd));
	}
	ck_assert_int_eq(sendmsg(sock, &msg, 0), (ssize_t)len);
	close(fd);
}

static enum ctl_result
recv_as(enum role from, enum role to)
{
	static union ctl_body body;
	enum ctl_type type;
	enum ctl_result result;
	int fd;

	result = ctl_recv(pair[1], from, to, false, &type, &body, &fd);
	if (result == CTL_GOT && fd != -1)
		close(fd);
	else
		ck_assert_int_eq(fd, -1);
	return result;
}

START_TEST(every_message_arrives_whole)
{
	static union ctl_body out, in;
	struct stat sent, got;
	enum ctl_type type = CTL_COUNT;
	enum role from = somebody(list[_i].from, ROLE_RELAYD);
	enum role to = somebody(list[_i].to, ROLE_RELAYD);
	int fd = -1, back;
	size_t i;

	for (i = 0; i < sizeof(out); i++)
		((unsigned char *)&out)[i] = (unsigned char)(i * 7 + 1);
	memset(&in, 0, sizeof(in));
	if (list[_i].fd)
		ck_assert_int_ge(fd = open("/dev/null", O_RDONLY), 0);
	ck_assert_int_eq(ctl_send(pair[0], (enum ctl_type)_i, &out, fd), 0);
	ck_assert_int_eq(ctl_recv(pair[1], from, to, true, &type, &in, &back),
	    CTL_GOT);
	ck_assert_int_eq((int)type, _i);
	ck_assert_str_eq(ctl_type_name(type), list[_i].name);
	ck_assert_mem_eq(&in, &out, list[_i].size);
	if (list[_i].fd) {
		ck_assert_int_eq(fstat(fd, &sent), 0);
		ck_assert_int_eq(fstat(back, &got), 0);
		ck_assert(sent.st_rdev == got.st_rdev);
		ck_assert_int_ne(fcntl(back, F_GETFD) & FD_CLOEXEC, 0);
		close(fd);
		close(back);
	} else
		ck_assert_int_eq(back, -1);
	ck_assert_int_eq(recv_as(from, to), CTL_NOTHING);
}
END_TEST

START_TEST(only_the_listed_roles_may)
{
	static union ctl_body out;
	enum role from, to, lf = list[_i].from, lt = list[_i].to;
	bool right;
	int fd;

	for (from = ROLE_OCMD; from < ROLE_COUNT; from++)
		for (to = ROLE_OCMD; to < ROLE_COUNT; to++) {
			fd = list[_i].fd ? open("/dev/null", O_RDONLY) : -1;
			ck_assert_int_eq(ctl_send(pair[0], (enum ctl_type)_i,
			    &out, fd), 0);
			if (fd != -1)
				close(fd);
			right = (lf == from ||
			    (lf == ROLE_COUNT && from != ROLE_OCMD)) &&
			    (lt == to || (lt == ROLE_COUNT && to != ROLE_OCMD));
			ck_assert_int_eq(recv_as(from, to),
			    right ? CTL_GOT : CTL_BAD);
		}
}
END_TEST

START_TEST(a_wrong_size_is_bad)
{
	static struct {
		uint32_t		type;
		union ctl_body		body;
		unsigned char		more[8];
	} m;
	enum role from = somebody(list[_i].from, ROLE_ROOMD);
	enum role to = somebody(list[_i].to, ROLE_ROOMD);
	unsigned fds = list[_i].fd ? 1 : 0;
	size_t right = sizeof(m.type) + list[_i].size;
	size_t lens[] = { 1, 3, 4, right - 4, right - 1, right + 1, right + 4,
	    sizeof(m) };
	size_t i;

	m.type = (uint32_t)_i;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		if (lens[i] == right)
			continue;
		send_raw(pair[0], &m, lens[i], fds);
		ck_assert_int_eq(recv_as(from, to), CTL_BAD);
	}
	send_raw(pair[0], &m, right, fds);
	ck_assert_int_eq(recv_as(from, to), CTL_GOT);
}
END_TEST

START_TEST(an_unknown_type_is_bad)
{
	static const uint32_t types[] = { CTL_COUNT, CTL_COUNT + 1, 255,
	    0x80000000, UINT32_MAX };
	uint32_t m[2] = { 0, 0 };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		m[0] = types[i];
		send_raw(pair[0], m, sizeof(m), 0);
		ck_assert_int_eq(recv_as(ROLE_ROOMD, ROLE_OCMD), CTL_BAD);
	}
	ck_assert_str_eq(ctl_type_name((enum ctl_type)CTL_COUNT), "unknown");
	ck_assert_int_eq(ctl_send(pair[0], CTL_COUNT, m, -1), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(stray_descriptors_are_closed)
{
	static struct {
		uint32_t	type;
		union ctl_body	body;
	} m;
	unsigned n, right = list[_i].fd ? 1 : 0;

	m.type = (uint32_t)_i;
	for (n = 0; n <= 4; n++) {
		send_raw(pair[0], &m, sizeof(m.type) + list[_i].size, n);
		ck_assert_int_eq(recv_as(somebody(list[_i].from, ROLE_ROOMD),
		    somebody(list[_i].to, ROLE_ROOMD)),
		    n == right ? CTL_GOT : CTL_BAD);
		ck_assert_int_eq(count_open(), open_before + 2);
	}
}
END_TEST

START_TEST(a_descriptor_must_ride_where_listed)
{
	static union ctl_body out;
	int fd = list[_i].fd ? -1 : pair[0];

	ck_assert_int_eq(ctl_send(pair[0], (enum ctl_type)_i, &out, fd), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(recv_as(ROLE_OCMD, ROLE_ROOMD), CTL_NOTHING);
}
END_TEST

START_TEST(a_full_table_loses_the_query_only)
{
	static union ctl_body out;
	struct rlimit old, low;

	ck_assert_int_eq(ctl_send(pair[0], CTL_QUERY, &out, pair[0]), 0);
	ck_assert_int_eq(ctl_send(pair[0], CTL_SETTINGS, &out, -1), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	/* The query is gone; what follows it arrives. */
	ck_assert_int_eq(recv_as(ROLE_OCMD, ROLE_ROOMD), CTL_GOT);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert_int_eq(recv_as(ROLE_OCMD, ROLE_ROOMD), CTL_NOTHING);
}
END_TEST

START_TEST(a_closed_peer_is_told)
{
	static union ctl_body body;
	enum ctl_type type;
	int fd;

	ck_assert_int_eq(recv_as(ROLE_OCMD, ROLE_ROOMD), CTL_NOTHING);
	/* What it said before it went is still heard. */
	ck_assert_int_eq(ctl_send(pair[0], CTL_STOP, &body, -1), 0);
	close(pair[0]);
	pair[0] = -1;
	ck_assert_int_eq(recv_as(ROLE_OCMD, ROLE_ROOMD), CTL_GOT);
	ck_assert_int_eq(recv_as(ROLE_OCMD, ROLE_ROOMD), CTL_CLOSED);
	ck_assert_int_eq(ctl_recv(pair[1], ROLE_OCMD, ROLE_ROOMD, true, &type,
	    &body, &fd), CTL_CLOSED);
	ck_assert_int_eq(ctl_send(pair[1], CTL_READY, &body, -1), -1);
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

START_TEST(a_full_socket_does_not_block)
{
	static union ctl_body out;
	unsigned sent = 0, got = 0;

	while (ctl_send(pair[0], CTL_CHANGED, &out, -1) == 0)
		ck_assert_uint_lt(sent++, 1000000);
	ck_assert(errno == EAGAIN || errno == ENOBUFS);
	ck_assert_uint_gt(sent, 0);
	while (recv_as(ROLE_ROOMD, ROLE_RELAYD) == CTL_GOT)
		got++;
	ck_assert_uint_eq(got, sent);
	ck_assert_int_eq(ctl_send(pair[0], CTL_CHANGED, &out, -1), 0);
}
END_TEST

START_TEST(no_descriptor_is_lost_in_many_rounds)
{
	static union ctl_body out;
	int i;

	for (i = 0; i < 2000; i++) {
		ck_assert_int_eq(ctl_send(pair[0], CTL_QUERY, &out, pair[0]),
		    0);
		ck_assert_int_eq(recv_as(ROLE_OCMD,
		    i % 2 == 0 ? ROLE_ROOMD : ROLE_RELAYD),
		    i % 2 == 0 ? CTL_GOT : CTL_BAD);
	}
	ck_assert_int_eq(count_open(), open_before + 2);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ctl");
	TCase *tc = tcase_create("messages");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, every_message_arrives_whole, 0, CTL_COUNT);
	tcase_add_loop_test(tc, only_the_listed_roles_may, 0, CTL_COUNT);
	tcase_add_loop_test(tc, a_wrong_size_is_bad, 0, CTL_COUNT);
	tcase_add_test(tc, an_unknown_type_is_bad);
	tcase_add_loop_test(tc, stray_descriptors_are_closed, 0, CTL_COUNT);
	tcase_add_loop_test(tc, a_descriptor_must_ride_where_listed, 0,
	    CTL_COUNT);
	tcase_add_test(tc, a_full_table_loses_the_query_only);
	tcase_add_test(tc, a_closed_peer_is_told);
	tcase_add_test(tc, a_full_socket_does_not_block);
	tcase_add_test(tc, no_descriptor_is_lost_in_many_rounds);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
