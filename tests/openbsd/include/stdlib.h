/* SPDX-License-Identifier: ISC */
/* What OpenBSD's <stdlib.h> has and POSIX has not; see ../check.sh. */
#include_next <stdlib.h>

#ifndef OCM_OPENBSD_STDLIB_H
#define OCM_OPENBSD_STDLIB_H

#include <stddef.h>
#include <stdint.h>

#if !__GLIBC_PREREQ(2, 36)
uint32_t arc4random(void);
void	 arc4random_buf(void *, size_t);
uint32_t arc4random_uniform(uint32_t);
#endif
void	 freezero(void *, size_t);
const char *getprogname(void);
void	*recallocarray(void *, size_t, size_t, size_t);
void	 setproctitle(const char *, ...);
long long strtonum(const char *, long long, long long, const char **);

#endif
