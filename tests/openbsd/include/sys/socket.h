/* SPDX-License-Identifier: ISC */
/* What OpenBSD's <sys/socket.h> has and POSIX has not; see ../../check.sh. */
#include_next <sys/socket.h>

#ifndef OCM_OPENBSD_SYS_SOCKET_H
#define OCM_OPENBSD_SYS_SOCKET_H

#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

struct mmsghdr {
	struct msghdr	msg_hdr;
	unsigned int	msg_len;
};

int	 accept4(int, struct sockaddr *, socklen_t *, int);
int	 recvmmsg(int, struct mmsghdr *, unsigned int, int,
	    struct timespec *);
int	 sendmmsg(int, struct mmsghdr *, unsigned int, int);

#endif
