/* SPDX-License-Identifier: ISC */
/*
 * Calls that can fail, and do where a test orders it, in a FAULTS build: the
 * linker puts these in their place (--wrap).  Every place that calls one is
 * a site of its own, named after the function, the file and the offset in
 * it to which the call returns.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <dlfcn.h>
#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "orders.h"

enum { KNOWN = 4096 };

/* Sites by where the call returns to; nothing else is quick enough. */
static struct {
	const void	*to;
	struct site	*site;
} known[KNOWN];
static bool busy;			/* looking a site up may allocate */

static struct site *
name_site(const char *function, const void *to)
{
	char name[SITE_BYTES];
	const char *file;
	Dl_info info;

	if (dladdr(to, &info) == 0 || info.dli_fname == NULL)
		return NULL;
	file = strrchr(info.dli_fname, '/');
	(void)snprintf(name, sizeof(name), "%s@%s+%lx", function,
	    file != NULL ? file + 1 : info.dli_fname,
	    (unsigned long)((uintptr_t)to - (uintptr_t)info.dli_fbase));
	return fault_site(name);
}

static bool
fails(const char *function, const void *to, int error)
{
	size_t i = ((uintptr_t)to >> 1) % KNOWN, n;
	int saved = errno;
	bool now;

	if (busy)
		return false;
	busy = true;
	for (n = 0; n < KNOWN && known[i].to != NULL && known[i].to != to; n++)
		i = (i + 1) % KNOWN;
	if (known[i].to == NULL) {
		known[i].site = name_site(function, to);
		known[i].to = known[i].site != NULL ? to : NULL;
	}
	now = known[i].to == to && fault_pass(known[i].site) == ACT_FAIL;
	errno = now ? error : saved;
	busy = false;
	return now;
}

#define WRAP(type, name, params, args, failed, error)			\
type __real_##name params __attribute__((__weak__));			\
type __wrap_##name params;						\
type									\
__wrap_##name params							\
{									\
	if (fails(#name, __builtin_return_address(0), error))		\
		return failed;						\
	return __real_##name args;					\
}

WRAP(int, accept4, (int s, struct sockaddr *a, socklen_t *n, int f),
    (s, a, n, f), -1, EMFILE)
WRAP(ssize_t, send, (int s, const void *p, size_t n, int f), (s, p, n, f),
    -1, ENOBUFS)
WRAP(ssize_t, sendmsg, (int s, const struct msghdr *m, int f), (s, m, f),
    -1, ENOBUFS)
WRAP(int, sendmmsg, (int s, struct mmsghdr *m, unsigned n, int f),
    (s, m, n, f), -1, ENOBUFS)
WRAP(ssize_t, recv, (int s, void *p, size_t n, int f), (s, p, n, f), -1,
    ENOBUFS)
WRAP(ssize_t, recvmsg, (int s, struct msghdr *m, int f), (s, m, f), -1,
    ENOBUFS)
WRAP(int, recvmmsg, (int s, struct mmsghdr *m, unsigned n, int f,
    struct timespec *t), (s, m, n, f, t), -1, ENOBUFS)
struct sem_shared;
WRAP(int, sem_shared_wait, (struct sem_shared *s, unsigned ms), (s, ms), -1,
    EINTR)
WRAP(void *, mmap, (void *p, size_t n, int prot, int how, int fd, off_t o),
    (p, n, prot, how, fd, o), MAP_FAILED, ENOMEM)
WRAP(pid_t, fork, (void), (), -1, EAGAIN)
WRAP(int, pipe2, (int fd[2], int f), (fd, f), -1, EMFILE)
WRAP(int, socketpair, (int d, int t, int p, int fd[2]), (d, t, p, fd), -1,
    EMFILE)
WRAP(struct event *, event_new, (struct event_base *b, evutil_socket_t fd,
    short what, event_callback_fn fn, void *arg), (b, fd, what, fn, arg),
    NULL, ENOMEM)
WRAP(int, event_add, (struct event *e, const struct timeval *tv), (e, tv),
    -1, ENOMEM)
WRAP(char *, strdup, (const char *s), (s), NULL, ENOMEM)

/*
 * Allocations fail for libraries too, except under the sanitizers, whose own
 * allocator has to stay.
 */
#ifdef __SANITIZE_ADDRESS__
WRAP(void *, malloc, (size_t n), (n), NULL, ENOMEM)
WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL, ENOMEM)
WRAP(void *, realloc, (void *p, size_t n), (p, n), NULL, ENOMEM)
#else
#define REPLACE(name, params, args)					\
void *__libc_##name params;						\
void *									\
name params								\
{									\
	if (fails(#name, __builtin_return_address(0), ENOMEM))		\
		return NULL;						\
	return __libc_##name args;					\
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
REPLACE(malloc, (size_t n), (n))
REPLACE(calloc, (size_t n, size_t size), (n, size))
REPLACE(realloc, (void *p, size_t n), (p, n))
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
#endif
