/* SPDX-License-Identifier: ISC */
/* What OpenBSD's <unistd.h> has and POSIX has not; see ../check.sh. */
/* The C library's returns nothing. */
#define closefrom	closefrom_of_linux
#include_next <unistd.h>
#undef closefrom

#ifndef OCM_OPENBSD_UNISTD_H
#define OCM_OPENBSD_UNISTD_H

#include <sys/types.h>

int	 closefrom(int);
int	 dup3(int, int, int);
int	 getpeereid(int, uid_t *, gid_t *);
int	 getresuid(uid_t *, uid_t *, uid_t *);
int	 issetugid(void);
int	 pipe2(int [2], int);
int	 pledge(const char *, const char *);
int	 setresgid(gid_t, gid_t, gid_t);
int	 setresuid(uid_t, uid_t, uid_t);
int	 unveil(const char *, const char *);

#endif
