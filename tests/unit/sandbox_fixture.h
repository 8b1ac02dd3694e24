/* SPDX-License-Identifier: ISC */
/*
 * What the sandbox tests share: descriptors and mappings as a role has them
 * when it enters its sandbox, and a way to do one thing inside it and to
 * see how that ended.  Included by check_sandbox_linux.c,
 * check_layers_linux.c and check_deny_linux.c.
 */
#ifndef OCM_SANDBOX_FIXTURE_H
#define OCM_SANDBOX_FIXTURE_H

#include <sys/types.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox.h"

/* The roles' lines, as beside their main. */
enum {
	CAPS_ROOMD = SANDBOX_ACCEPT | SANDBOX_EVENTS | SANDBOX_RECV_FD |
	    SANDBOX_HEAP,
	CAPS_RELAYD = SANDBOX_DATAGRAMS,
	CAPS_OCMD = SANDBOX_SUPERVISE,
};

/* What no child starts without. */
enum { MUST_CHILD = LAYER_DUMPABLE | LAYER_DEATHSIG | LAYER_RLIMITS |
	LAYER_CAPABILITIES | LAYER_NO_NEW_PRIVS | LAYER_SECCOMP };

/* In a child: ends it with a status that names the line. */
static inline void
need(bool ok, int line)
{
	if (!ok)
		_exit(line % 200 + 1);
}
#define NEED(ok) need((ok), __LINE__)

/* How an attempt ended: an errno, 0 for "it succeeded", or a signal. */
enum { ENDED_SIGNAL = 1000, ENDED_ODD = 2000 };
#define KILLED (ENDED_SIGNAL + SIGSYS)

struct world {
	int		 udp, listener, stream[2], pair[2], epoll, file;
	struct sockaddr_in udp_addr, tcp_addr;
	int		*ro, *rw;	/* two pages of one shared object */
	sem_t		*sem;
	pid_t		 parent;
};
static struct world w;

static int
loopback(int type, struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memset(addr, 0, sizeof(*addr));
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)addr, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)addr, &len), 0);
	return fd;
}

static void
map_pages(void)
{
	char name[64];
	int rw, ro;

	(void)snprintf(name, sizeof(name), "/ocm-check-%ld", (long)getpid());
	rw = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	ro = shm_open(name, O_RDONLY, 0);
	ck_assert(rw != -1 && ro != -1);
	ck_assert_int_eq(shm_unlink(name), 0);
	ck_assert_int_eq(ftruncate(rw, 8192), 0);
	w.rw = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, rw, 0);
	w.ro = mmap(NULL, 4096, PROT_READ, MAP_SHARED, ro, 4096);
	w.sem = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(w.rw != MAP_FAILED && w.ro != MAP_FAILED);
	ck_assert(w.sem != MAP_FAILED && sem_init(w.sem, 1, 1) == 0);
	(void)close(rw);
	(void)close(ro);
}

static void
world_setup(void)
{
	char name[] = "/tmp/ocm-check-XXXXXX";

	w.udp = loopback(SOCK_DGRAM, &w.udp_addr);
	w.listener = loopback(SOCK_STREAM, &w.tcp_addr);
	ck_assert_int_eq(listen(w.listener, 8), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, w.stream), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, w.pair), 0);
	w.file = mkstemp(name);
	ck_assert(w.file != -1 && unlink(name) == 0);
	map_pages();
	log_init("check");
}

static int
ended(int status)
{
	if (WIFSIGNALED(status))
		return ENDED_SIGNAL + WTERMSIG(status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : ENDED_ODD;
}

/* Forks, enters the sandbox, does one thing: returns how that ended. */
static int
inside(const struct sandbox *policy, int (*act)(const void *),
    const void *arg, uint32_t *layers)
{
	struct sandbox sb = *policy;
	uint32_t got = 0;
	char said[1024];
	ssize_t n;
	int status, report[2], log[2];
	pid_t pid;

	/* A child's log is a pipe: its limits let it write to no file. */
	ck_assert(pipe(report) == 0 && pipe(log) == 0);
	w.parent = getpid();
	if ((pid = fork()) == 0) {
		(void)dup2(log[1], STDERR_FILENO);
		sb.parent = w.parent;
		got = sandbox_enter(&sb);
		if (write(report[1], &got, sizeof(got)) != sizeof(got))
			_exit(255);
		_exit(act(arg));
	}
	ck_assert_int_gt(pid, 0);
	(void)close(report[1]);
	(void)close(log[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	n = read(log[0], said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	ck_assert_msg(read(report[0], &got, sizeof(got)) == sizeof(got),
	    "sandbox not entered: ended %d: %s", ended(status), said);
	(void)close(report[0]);
	(void)close(log[0]);
	if (layers != NULL)
		*layers = got;
	return ended(status);
}

static int
nothing(const void *arg)
{
	(void)arg;
	return 0;
}

/* Built with SANDBOX=none there is nothing to test here: says so. */
static bool
has_sandbox(void)
{
	struct sandbox sb = { .caps = CAPS_RELAYD };
	uint32_t layers;

	ck_assert_int_eq(inside(&sb, nothing, NULL, &layers), 0);
	if (!(layers & LAYER_NONE))
		return true;
	fprintf(stderr, "sandbox: NOT TESTED: built with SANDBOX=none\n");
	return false;
}

#endif
