/* SPDX-License-Identifier: ISC */
/*
 * Single layers of common/sandbox: what is said of one that a kernel lacks,
 * and what Landlock denies by itself, without the filter that would hide it.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <seccomp.h>

#include "common/sandbox_linux.h"
#include "sandbox_fixture.h"
#include "run_suite.h"

/* ---- a kernel that lacks something ---- */

/* Calls that are answered "no such call". */
static const struct lack {
	const char	*call;
	unsigned	 option;	/* of prctl */
	uint32_t	 layer;		/* 0: without it nothing starts */
	const char	*said;
} lacks[] = {
	{ "unshare", 0, LAYER_NAMESPACES, "no namespaces of its own" },
	{ "landlock_create_ruleset", 0, LAYER_LANDLOCK, "no Landlock" },
	{ "landlock_restrict_self", 0, LAYER_LANDLOCK, "no Landlock" },
	{ "capset", 0, 0, "capset" },
	{ "prctl", PR_SET_DUMPABLE, 0, "PR_SET_DUMPABLE" },
	{ "prctl", PR_SET_PDEATHSIG, 0, "PR_SET_PDEATHSIG" },
	{ "prctl", PR_SET_NO_NEW_PRIVS, 0, "PR_SET_NO_NEW_PRIVS" },
	/* and the older way to ask for the same */
	{ "seccomp", PR_SET_SECCOMP, 0, "seccomp" },
};
enum { LACKS = sizeof(lacks) / sizeof(lacks[0]) };

static void
forbid(const struct lack *l)
{
	const uint32_t answer = SCMP_ACT_ERRNO(ENOSYS);
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	NEED(ctx != NULL);
	if (strcmp(l->call, "prctl") != 0)
		NEED(seccomp_rule_add(ctx, answer,
		    seccomp_syscall_resolve_name(l->call), 0) == 0);
	if (l->option != 0)
		NEED(seccomp_rule_add(ctx, answer, SCMP_SYS(prctl), 1,
		    SCMP_CMP(0, SCMP_CMP_EQ, l->option, 0)) == 0);
	NEED(seccomp_load(ctx) == 0);
	seccomp_release(ctx);
}

/* With the calls lacking; what it logged, its layers, or how it ended. */
static int
enter_without(int lack, uint32_t *layers, char *said, size_t cap)
{
	struct sandbox sb = { .caps = CAPS_RELAYD, .parent = getpid() };
	int log[2], report[2], status;
	ssize_t n;
	pid_t pid;

	ck_assert(pipe(log) == 0 && pipe(report) == 0);
	if ((pid = fork()) == 0) {
		(void)dup2(log[1], STDERR_FILENO);
		forbid(&lacks[lack]);
		*layers = sandbox_enter(&sb);
		n = write(report[1], layers, sizeof(*layers));
		_exit(n == sizeof(*layers) ? 0 : 255);
	}
	(void)close(log[1]);
	(void)close(report[1]);
	if (read(report[0], layers, sizeof(*layers)) != sizeof(*layers))
		*layers = 0;
	n = read(log[0], said, cap - 1);
	said[n > 0 ? n : 0] = '\0';
	(void)close(log[0]);
	(void)close(report[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return ended(status);
}

/* One that may be missing is told and not claimed; others must be there. */
START_TEST(what_is_missing_is_told)
{
	const uint32_t layer = lacks[_i].layer;
	uint32_t layers;
	char said[512];
	int got;

	if (!has_sandbox())
		return;
	got = enter_without(_i, &layers, said, sizeof(said));
	ck_assert_int_eq(got, layer == 0 ? 1 : 0);
	ck_assert_msg(strstr(said, lacks[_i].said) != NULL, "%s: said %s",
	    lacks[_i].call, said);
	ck_assert_uint_eq(layers & layer, 0);
	if (layer != 0)
		ck_assert_uint_eq(layers & MUST_CHILD, MUST_CHILD);
}
END_TEST

/* ---- Landlock alone ---- */

/* Versions of the kernel's Landlock, and what each can deny besides. */
enum { DENIES_TRUNCATE = 3, DENIES_TCP = 4, DENIES_OUTSIDE = 6 };

static int
landlock_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

/* A Unix socket without a file, which the mount namespace does not hide. */
static int
abstract_listener(struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	(void)snprintf(sun->sun_path + 1, sizeof(sun->sun_path) - 1,
	    "ocm-check-%ld", (long)getpid());
	ck_assert_int_eq(bind(fd, (struct sockaddr *)sun, sizeof(*sun)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

static void
try_files(int version, const char *file)
{
	NEED(open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
	NEED(open("/tmp", O_RDONLY) == -1 && errno == EACCES);
	NEED(mkdir("/tmp/ocm-check-never", 0700) == -1 && errno == EACCES);
	if (version >= DENIES_TRUNCATE)
		NEED(truncate(file, 0) == -1 && errno == EACCES);
}

static void
try_network(const struct sockaddr_un *abstract)
{
	struct sockaddr_in to = w.tcp_addr, any = w.tcp_addr;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	any.sin_port = 0;
	NEED(connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1 &&
	    errno == EACCES);
	NEED(bind(fd, (struct sockaddr *)&any, sizeof(any)) == -1 &&
	    errno == EACCES);
	if (landlock_version() < DENIES_OUTSIDE)
		return;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	NEED(connect(fd, (const struct sockaddr *)abstract,
	    sizeof(*abstract)) == -1 && errno == EPERM);
	NEED(kill(getppid(), 0) == -1 && errno == EPERM);
}

START_TEST(landlock_denies_alone)
{
	const int version = landlock_version();
	char file[] = "/tmp/ocm-check-XXXXXX";
	struct sockaddr_un abstract;
	int status, listener, fd = mkstemp(file);
	pid_t pid;

	if (version < DENIES_OUTSIDE)
		fprintf(stderr, "landlock: NOT TESTED: only version %d\n",
		    version);
	listener = abstract_listener(&abstract);
	ck_assert_int_ne(fd, -1);
	if ((pid = fork()) == 0) {
		NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
		NEED((landlock_deny_all() == 0) == (version > 0));
		if (version > 0)
			try_files(version, file);
		if (version >= DENIES_TCP)
			try_network(&abstract);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	(void)unlink(file);
	(void)close(fd);
	(void)close(listener);
	ck_assert_int_eq(ended(status), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("layers");
	TCase *tc = tcase_create("single");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, world_setup, NULL);
	tcase_add_loop_test(tc, what_is_missing_is_told, 0, LACKS);
	tcase_add_test(tc, landlock_denies_alone);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
