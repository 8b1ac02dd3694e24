/* SPDX-License-Identifier: ISC */
/*
 * The attempts that take more than one system call, or none; attempts.c says
 * how each must end.
 */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attempts.h"
#include "common/ctl.h"

static const struct sockaddr_in somebody = { .sin_family = AF_INET };
static const struct sockaddr_un hidden = { .sun_family = AF_UNIX,
	.sun_path = "\0ocm-attempt" };
static char junk[4096];

int
act_use_new_socket(const struct scene *s)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)s;
	if (fd == -1)
		return errno;
	return sendto(fd, "x", 1, 0, (const struct sockaddr *)&somebody,
	    sizeof(somebody)) == -1 ? errno : 0;
}

int
act_connect_hidden(const struct scene *s)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)s;
	if (fd == -1)
		return errno;
	return connect(fd, (const struct sockaddr *)&hidden,
	    sizeof(hidden)) == -1 ? errno : 0;
}

/* The listener becomes a socket that could connect, and connects. */
int
act_turn_listener(const struct scene *s)
{
	if (shutdown(s->sock, SHUT_RD) == -1)
		return errno;
	return sendto(s->sock, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL,
	    (const struct sockaddr *)&somebody, sizeof(somebody)) == -1 ?
	    errno : 0;
}

static int
send_descriptor(int to, int what)
{
	union {
		char		buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr	align;
	} control;
	uint32_t word = CTL_PONG;
	struct iovec iov = { &word, sizeof(word) };
	struct msghdr m;
	struct cmsghdr *c;

	memset(&control, 0, sizeof(control));
	memset(&m, 0, sizeof(m));
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control.buf;
	m.msg_controllen = sizeof(control.buf);
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &what, sizeof(int));
	return sendmsg(to, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == -1 ? errno : 0;
}

int
act_receive_descriptor(const struct scene *s)
{
	union {
		char		buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr	align;
	} control;
	char bytes[16];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr m;
	int error;

	if ((error = send_descriptor(s->pair[0], s->sock)) != 0)
		return error;
	memset(&m, 0, sizeof(m));
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control.buf;
	m.msg_controllen = sizeof(control.buf);
	if (recvmsg(s->pair[1], &m, MSG_DONTWAIT) == -1)
		return errno;
	return CMSG_FIRSTHDR(&m) == NULL ? EMFILE : 0;
}

/* What ocmd has got is what it kills for. */
static void __attribute__((__noreturn__))
wait_for_the_end(void)
{
	for (;;)
		(void)usleep(10000);
}

int
act_give_ocmd_descriptor(const struct scene *s)
{
	int error = send_descriptor(FD_CTL, s->sock);

	if (error != 0)
		return error;
	wait_for_the_end();
}

int
act_order_ocmd(const struct scene *s)
{
	struct ctl_stop stop = { 0 };

	(void)s;
	if (ctl_send(FD_CTL, CTL_STOP, &stop, -1) == -1)
		return errno;
	wait_for_the_end();
}

int
act_speak_too_long(const struct scene *s)
{
	uint32_t words[3] = { CTL_PONG, 0, 0 };

	(void)s;
	if (write(FD_CTL, words, sizeof(words)) == -1)
		return errno;
	wait_for_the_end();
}

int
act_store_theirs(const struct scene *s)
{
	*(volatile char *)s->theirs = 1;
	return 0;
}

int
act_store_relays(const struct scene *s)
{
	*(volatile char *)s->relays = 1;
	return 0;
}

int
act_store_code(const struct scene *s)
{
	(void)s;
	*(volatile char *)(intptr_t)act_store_code = 1;
	return 0;
}

int
act_store_table(const struct scene *s)
{
	(void)s;
	*(volatile unsigned *)(intptr_t)&attempts_count = 1;
	return 0;
}

int
act_run_data(const struct scene *s)
{
	int (*fn)(void);
	void *p = junk;

	(void)s;
	junk[0] = (char)0xc3;	/* ret */
	memcpy(&fn, &p, sizeof(fn));
	(void)fn();
	return 0;
}

int
act_run_stack(const struct scene *s)
{
	volatile char code[16] = { (char)0xc3 };
	volatile char *p = code;
	int (*fn)(void);

	(void)s;
	memcpy(&fn, (void *)&p, sizeof(fn));
	(void)fn();
	return 0;
}

int
act_tell_time(const struct scene *s)
{
	struct timespec ts;

	(void)s;
	return clock_gettime(CLOCK_MONOTONIC, &ts) == -1 ? errno : 0;
}

#ifdef __x86_64__
int
act_enter_as_32_bit(const struct scene *s)
{
	int r;

	(void)s;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20 /* getpid */));
	return r < 0 ? -r : 0;
}
#endif
