/* SPDX-License-Identifier: ISC */
/* What OpenBSD's <stdio.h> has and POSIX has not; see ../check.sh. */
#include_next <stdio.h>

#ifndef OCM_OPENBSD_STDIO_H
#define OCM_OPENBSD_STDIO_H

#include <stdarg.h>

int	 asprintf(char **, const char *, ...);
int	 vasprintf(char **, const char *, va_list);

#endif
