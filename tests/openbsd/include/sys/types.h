/* SPDX-License-Identifier: ISC */
/* What OpenBSD's <sys/types.h> has and POSIX has not; see ../../check.sh. */
#include_next <sys/types.h>

#ifndef OCM_OPENBSD_SYS_TYPES_H
#define OCM_OPENBSD_SYS_TYPES_H

#define __dead	__attribute__((__noreturn__))

#endif
