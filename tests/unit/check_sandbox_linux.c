/* SPDX-License-Identifier: ISC */
/*
 * common/sandbox: the layers that must hold, as the kernel reports them from
 * outside, and that each role's allowed work still works where everything
 * unknown kills.  What is forbidden: check_deny_linux.c.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <poll.h>
#include <time.h>

#include "common/privdrop.h"
#include "sandbox_fixture.h"
#include "run_suite.h"

enum { MUST_OCMD = MUST_CHILD & ~LAYER_DEATHSIG };

/* ---- the allowed work ---- */

/* What both do: lock, clock, nap, log, exit. */
static void
work_of_all(void)
{
	struct timespec ts, nap = { 0, 100000 };

	NEED(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	NEED(sem_wait(w.sem) == 0);
	ts.tv_sec -= 1;
	NEED(sem_clockwait(w.sem, CLOCK_MONOTONIC, &ts) == -1);
	NEED(errno == ETIMEDOUT);
	NEED(sem_post(w.sem) == 0);
	NEED(nanosleep(&nap, NULL) == 0);
	NEED(w.rw[0] == 0);
	w.rw[0] = w.ro[0];
	log_info("a line of the log");
}

/* Randomness and the heap, which relayd does without. */
static void
work_heap(void)
{
	unsigned char random[32];
	char *p, *bigger;
	size_t i;

	NEED(getentropy(random, sizeof(random)) == 0);
	for (i = 1; i < 1 << 24; i *= 4) {
		NEED((p = malloc(i)) != NULL);
		memset(p, 1, i);
		/* Where the C library asks for mremap and must do without. */
		NEED((bigger = realloc(p, i * 3)) != NULL);
		free(bigger);
	}
}

static void
work_control(void)
{
	char buf[8];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(buf, 7, sizeof(buf));
	NEED(sendmsg(w.pair[0], &m, MSG_NOSIGNAL | MSG_DONTWAIT) == 8);
	NEED(recvmsg(w.pair[1], &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) == 8);
}

static int
work_relayd(const void *arg)
{
	char buf[4][64];
	struct iovec iov[4];
	struct mmsghdr m[4];
	struct sockaddr_in to = w.udp_addr;
	struct pollfd p = { .fd = w.udp, .events = POLLIN };
	struct timespec second = { 1, 0 };
	int i;

	(void)arg;
	memset(m, 0, sizeof(m));
	memset(buf, 'x', sizeof(buf));
	for (i = 0; i < 4; i++) {
		iov[i] = (struct iovec){ buf[i], sizeof(buf[i]) };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
		m[i].msg_hdr.msg_name = &to;
		m[i].msg_hdr.msg_namelen = sizeof(to);
	}
	NEED(sendmmsg(w.udp, m, 4, MSG_DONTWAIT) == 4);
	NEED(ppoll(&p, 1, &second, NULL) == 1);
	NEED(poll(&p, 1, 1000) == 1);
	NEED(recvmmsg(w.udp, m, 4, MSG_DONTWAIT, NULL) == 4);
	NEED(recvmsg(w.udp, &m[0].msg_hdr, MSG_ERRQUEUE | MSG_DONTWAIT) == -1);
	NEED(errno == EAGAIN);
	NEED(sendmsg(w.udp, &m[0].msg_hdr, MSG_DONTWAIT) == 64);
	work_control();
	work_of_all();
	return 0;
}

static int
work_roomd(const void *arg)
{
	struct epoll_event ev = { .events = EPOLLIN };
	char buf[64];
	struct iovec iov = { buf, 5 };
	int c;

	(void)arg;
	NEED(epoll_ctl(w.epoll, EPOLL_CTL_ADD, w.listener, &ev) == 0);
	NEED(epoll_wait(w.epoll, &ev, 1, 1000) == 1);
	c = accept4(w.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	NEED(c != -1);
	NEED(recv(c, buf, sizeof(buf), 0) == 5);
	NEED(send(c, buf, 5, MSG_NOSIGNAL) == 5);
	NEED(writev(c, &iov, 1) == 5);
	NEED(shutdown(c, SHUT_WR) == 0);
	NEED(close(c) == 0);
	work_control();
	work_heap();
	work_of_all();
	return 0;
}

static int
work_ocmd(const void *arg)
{
	int status = 0;
	pid_t pid;

	(void)arg;
	if ((pid = fork()) == 0) {
		(void)execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
		_exit(1);
	}
	NEED(pid > 0 && waitpid(pid, &status, 0) == pid);
	NEED(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	if ((pid = fork()) == 0) {
		(void)pause();
		_exit(1);
	}
	NEED(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	work_heap();
	work_of_all();
	return 0;
}

/* The filters stack: a child must be able to enter its own below ocmd's. */
static int
child_of_ocmd(const void *arg)
{
	struct sandbox sb = { .caps = CAPS_RELAYD, .strict = true };
	uint32_t layers;

	(void)arg;
	NEED(inside(&sb, work_relayd, NULL, &layers) == 0);
	NEED((layers & MUST_CHILD) == MUST_CHILD);
	return 0;
}

static void
connect_client(void)
{
	struct sockaddr_in to = w.tcp_addr;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(send(fd, "hello", 5, 0), 5);
}

static const struct {
	const char	*name;
	unsigned	 caps;
	uint32_t	 must;
	int		(*work)(const void *);
} roles[] = {
	{ "roomd", CAPS_ROOMD, MUST_CHILD, work_roomd },
	{ "relayd", CAPS_RELAYD, MUST_CHILD, work_relayd },
	{ "ocmd", CAPS_OCMD, MUST_OCMD, work_ocmd },
	{ "ocmd's child", CAPS_OCMD, MUST_OCMD, child_of_ocmd },
};
enum { ROLES = sizeof(roles) / sizeof(roles[0]) };

START_TEST(allowed_work_works)
{
	struct sandbox sb = { .caps = roles[_i].caps, .strict = true };
	uint32_t layers;
	int got;

	if (!has_sandbox())
		return;
	w.epoll = epoll_create1(EPOLL_CLOEXEC);
	connect_client();
	got = inside(&sb, roles[_i].work, NULL, &layers);
	ck_assert_msg(got == 0, "%s ended with %d", roles[_i].name, got);
	ck_assert_msg((layers & roles[_i].must) == roles[_i].must,
	    "%s: layers %#x", roles[_i].name, (unsigned)layers);
}
END_TEST

/* ---- the layers, seen from outside ---- */

static const char self_net[] = "/proc/self/ns/net";

/* The number or text after "name:" in /proc/PID/status. */
static void
status_line(pid_t pid, const char *name, char *buf, size_t cap)
{
	char path[64], line[256];
	FILE *f;

	buf[0] = '\0';
	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	ck_assert_ptr_nonnull(f = fopen(path, "r"));
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0)
			(void)snprintf(buf, cap, "%s", line + strlen(name));
	}
	(void)fclose(f);
	buf[strcspn(buf, "\n")] = '\0';
}

static void
expect_status(pid_t pid, const char *name, const char *want)
{
	char got[256];

	status_line(pid, name, got, sizeof(got));
	ck_assert_msg(strcmp(got, want) == 0, "%s%s, not %s", name, got, want);
}

/* A child that waits inside its sandbox; its layers come by the pipe. */
static pid_t
waiting_child(const struct sandbox *policy, uint32_t *layers)
{
	struct sandbox sb = *policy;
	int report[2];
	pid_t pid;

	sb.parent = getpid();
	ck_assert_int_eq(pipe(report), 0);
	if ((pid = fork()) == 0) {
		*layers = sandbox_enter(&sb);
		if (write(report[1], layers, sizeof(*layers)) > 0)
			(void)poll(NULL, 0, -1);
		_exit(1);
	}
	(void)close(report[1]);
	ck_assert_int_eq(read(report[0], layers, sizeof(*layers)),
	    sizeof(*layers));
	(void)close(report[0]);
	return pid;
}

static void
end_child(pid_t pid)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

static void
expect_limits(pid_t pid)
{
	struct rlimit r;

	ck_assert_int_eq(prlimit(pid, RLIMIT_CORE, NULL, &r), 0);
	ck_assert_uint_eq(r.rlim_max, 0);
	ck_assert_int_eq(prlimit(pid, RLIMIT_FSIZE, NULL, &r), 0);
	ck_assert_uint_eq(r.rlim_max, 0);
	ck_assert_int_eq(prlimit(pid, RLIMIT_NPROC, NULL, &r), 0);
	ck_assert_uint_eq(r.rlim_max, 0);
	ck_assert_int_eq(prlimit(pid, RLIMIT_NOFILE, NULL, &r), 0);
	ck_assert_uint_le(r.rlim_max, 256);
}

static void
expect_own_net(pid_t pid)
{
	char path[64], mine[64] = "", its[64] = "";

	(void)snprintf(path, sizeof(path), "/proc/%ld/ns/net", (long)pid);
	ck_assert_int_gt(readlink(self_net, mine, sizeof(mine) - 1), 0);
	ck_assert_int_gt(readlink(path, its, sizeof(its) - 1), 0);
	ck_assert_str_ne(mine, its);
}

START_TEST(the_kernel_reports_the_layers)
{
	struct sandbox sb = { .caps = CAPS_RELAYD };
	uint32_t layers;
	pid_t pid;

	if (!has_sandbox())
		return;
	pid = waiting_child(&sb, &layers);
	expect_status(pid, "Seccomp:", "\t2");
	expect_status(pid, "NoNewPrivs:", "\t1");
	expect_status(pid, "CapPrm:", "\t0000000000000000");
	expect_status(pid, "CapEff:", "\t0000000000000000");
	if (geteuid() != 0)
		fprintf(stderr, "limits, namespaces: NOT SEEN without root\n");
	else
		expect_limits(pid);
	if (!(layers & LAYER_NAMESPACES))
		fprintf(stderr, "namespaces: NOT TESTED: none here\n");
	else if (geteuid() == 0)
		expect_own_net(pid);
	end_child(pid);
}
END_TEST

START_TEST(root_becomes_its_own_user)
{
	struct sandbox sb = { .caps = CAPS_RELAYD, .drop = true };
	char dir[] = "/tmp/ocm-check-XXXXXX", want[64], got[64] = "";
	char path[64];
	uint32_t layers;
	pid_t pid;

	if (geteuid() != 0) {
		fprintf(stderr, "uid, chroot: NOT TESTED without root\n");
		return;
	}
	ck_assert_ptr_nonnull(mkdtemp(dir));
	privdrop_ids("_ocmrelay", &sb.uid, &sb.gid);
	ck_assert_uint_ne(sb.uid, 0);
	sb.empty_dir = dir;
	pid = waiting_child(&sb, &layers);
	ck_assert(layers & LAYER_UID);
	(void)snprintf(want, sizeof(want), "\t%u\t%u\t%u\t%u",
	    (unsigned)sb.uid, (unsigned)sb.uid, (unsigned)sb.uid,
	    (unsigned)sb.uid);
	expect_status(pid, "Uid:", want);
	expect_status(pid, "CapPrm:", "\t0000000000000000");
	(void)snprintf(path, sizeof(path), "/proc/%ld/root", (long)pid);
	ck_assert_int_gt(readlink(path, got, sizeof(got) - 1), 0);
	if (!(layers & LAYER_NONE)) {
		ck_assert(layers & LAYER_CHROOT);
		ck_assert_str_eq(got, dir);
	}
	end_child(pid);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_directory_of_others_is_no_cage)
{
	char dir[] = "/tmp/ocm-check-XXXXXX";
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		fprintf(stderr, "chroot: NOT TESTED without root\n");
		return;
	}
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0777), 0);
	if ((pid = fork()) == 0)
		_exit(privdrop(dir, 65522, 65522) == -1 ? errno : 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(ended(status), EPERM);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_child_dies_with_its_parent)
{
	struct sandbox sb = { .caps = CAPS_RELAYD };
	struct pollfd p;
	uint32_t layers;
	int alive[2];
	pid_t middle;
	char byte;

	if (!has_sandbox())
		return;
	ck_assert_int_eq(pipe(alive), 0);
	if ((middle = fork()) == 0) {
		(void)close(alive[0]);
		(void)waiting_child(&sb, &layers);
		_exit(0);	/* its child holds the pipe until it dies */
	}
	(void)close(alive[1]);
	ck_assert_int_eq(waitpid(middle, NULL, 0), middle);
	p = (struct pollfd){ .fd = alive[0], .events = POLLIN };
	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	ck_assert_int_eq(read(alive[0], &byte, 1), 0);
}
END_TEST

/* A parent that died before anybody asked kills nobody. */
START_TEST(a_child_of_nobody_ends)
{
	struct sandbox sb = { .caps = CAPS_RELAYD };
	int status;
	pid_t pid;

	if (!has_sandbox())
		return;
	if ((pid = fork()) == 0) {
		sb.parent = getpid();	/* is not the one that it has */
		(void)sandbox_enter(&sb);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(ended(status), 1);
}
END_TEST

START_TEST(every_layer_has_a_name)
{
	unsigned i, j;

	for (i = 0; i < LAYER_COUNT; i++) {
		for (j = 0; j < i; j++)
			ck_assert_str_ne(sandbox_layer_name(i),
			    sandbox_layer_name(j));
	}
	ck_assert_str_eq(sandbox_layer_name(8), "seccomp");
	ck_assert_str_eq(sandbox_layer_name(LAYER_COUNT), "unknown");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sandbox");
	TCase *tc = tcase_create("layers");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, world_setup, NULL);
	tcase_add_loop_test(tc, allowed_work_works, 0, ROLES);
	tcase_add_test(tc, the_kernel_reports_the_layers);
	tcase_add_test(tc, root_becomes_its_own_user);
	tcase_add_test(tc, a_directory_of_others_is_no_cage);
	tcase_add_test(tc, a_child_dies_with_its_parent);
	tcase_add_test(tc, a_child_of_nobody_ends);
	tcase_add_test(tc, every_layer_has_a_name);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
