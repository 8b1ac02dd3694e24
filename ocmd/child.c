/* SPDX-License-Identifier: ISC */
/* Starting, telling and mourning one child (see child.h). */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "log.h"
#include "logsink.h"

enum { FD_SAFE = 128 };		/* above every fixed number */

/* All that a child inherits of our environment: test machinery. */
static const char *const environment[] = {
	"OCM_SANDBOX", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
	"TSAN_OPTIONS", "MSAN_OPTIONS",
#ifdef OCM_FAULTS
	"OCM_FAULTS", "OCM_MUTANT",
#endif
};
enum { ENVIRONMENT = sizeof(environment) / sizeof(environment[0]) };

int
child_lock_role(const struct child *c)
{
	return c->role == ROLE_ROOMD ? 0 : 1 + (int)c->index;
}

/* ---- between fork and exec ---- */

static void __attribute__((__noreturn__))
give_up(const struct child *c, const char *what)
{
	(void)dprintf(STDERR_FILENO, "%s: %s %s: %s\n", c->name, what,
	    c->path, strerror(errno));
	_exit(127);
}

/*
 * Puts each descriptor where the contract in ctl.h wants it.  First all go
 * out of the way, since one may lie where another belongs.
 */
static void
place_descriptors(const struct child *c, int ctl, int err)
{
	int from[CHILD_FDS + 1], null;
	unsigned i;

	from[0] = ctl;
	memcpy(from + 1, c->fds, c->nfds * sizeof(c->fds[0]));
	if ((null = open("/dev/null", O_RDWR)) == -1 ||
	    (err = fcntl(err, F_DUPFD_CLOEXEC, FD_SAFE)) == -1 ||
	    dup2(err, STDERR_FILENO) == -1 ||
	    dup2(null, STDIN_FILENO) == -1 ||
	    dup2(null, STDOUT_FILENO) == -1)
		give_up(c, "cannot prepare");
	for (i = 0; i < 1 + c->nfds; i++)
		if ((from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FD_SAFE)) ==
		    -1)
			give_up(c, "cannot prepare");
	for (i = 0; i < 1 + c->nfds; i++)
		if (dup2(from[i], FD_CTL + (int)i) == -1)
			give_up(c, "cannot prepare");
	closefrom(FD_CTL + 1 + (int)c->nfds);
}

/* SIGPIPE stays ignored: it helps no child. */
static void
reset_signals(void)
{
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		if (sig != SIGPIPE && sig != SIGKILL && sig != SIGSTOP)
			(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void __attribute__((__noreturn__))
become(const struct child *c, int ctl, int err)
{
	char *argv[] = { NULL, NULL }, *envp[ENVIRONMENT + 1], *value;
	char name[CHILD_NAME];
	unsigned i, n = 0;

	(void)setsid();		/* the terminal's ^C is for ocmd */
	reset_signals();
	place_descriptors(c, ctl, err);
	for (i = 0; i < ENVIRONMENT; i++)
		if ((value = getenv(environment[i])) != NULL &&
		    asprintf(&envp[n], "%s=%s", environment[i], value) != -1)
			n++;
	envp[n] = NULL;
	(void)strlcpy(name, c->name, sizeof(name));
	argv[0] = name;
	(void)execve(c->path, argv, envp);
	give_up(c, "cannot execute");
}

/* ---- ocmd's side ---- */

int
child_spawn(struct child *c)
{
	int pair[2], err[2], saved;

	if (ctl_pair(pair) == -1)
		return -1;
	if (pipe2(err, O_CLOEXEC | O_NONBLOCK) == -1)
		goto fail_pair;
	if ((c->pid = fork()) == -1)
		goto fail_pipe;
	if (c->pid == 0)
		become(c, pair[1], err[1]);
	(void)close(pair[1]);
	(void)close(err[1]);
	c->ctl = pair[0];
	c->born_ms = clock_ms();
	c->layers = 0;
	c->condemned = c->dying = false;
	c->state = CHILD_STARTING;
	if (logpipe_attach(c->log, err[0]) == -1)
		log_warn("%s: its log is lost", c->name);
	return 0;
fail_pipe:
	saved = errno;
	c->pid = 0;
	(void)close(err[0]);
	(void)close(err[1]);
	errno = saved;
fail_pair:
	saved = errno;
	(void)close(pair[0]);
	(void)close(pair[1]);
	errno = saved;
	return -1;
}

int
child_send(const struct child *c, enum ctl_type type, const void *body)
{
	if (c->ctl == -1)
		return -1;
	if (ctl_send(c->ctl, type, body, -1) == 0)
		return 0;
	log_warn("%s: cannot be told %s", c->name, ctl_type_name(type));
	return -1;
}

void
child_kill(struct child *c)
{
	c->condemned = true;
	if (c->pid > 0)
		(void)kill(c->pid, SIGKILL);
}

bool
child_own_doing(int status)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE,
	    SIGABRT, SIGSYS, SIGTRAP };
	size_t i;

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status) != 0;
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (WTERMSIG(status) == faults[i])
			return true;
	return false;
}

char *
child_obituary(char buf[CHILD_OBITUARY], int status, uint64_t lived_ms)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	double lived = (double)lived_ms / 1000;

	if (sig > 0)
		(void)snprintf(buf, CHILD_OBITUARY,
		    "killed by signal %d (%s) after %.1f s", sig,
		    strsignal(sig), lived);
	else
		(void)snprintf(buf, CHILD_OBITUARY,
		    "exit status %d after %.1f s", WEXITSTATUS(status),
		    lived);
	return buf;
}
