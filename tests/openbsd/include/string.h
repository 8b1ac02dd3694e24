/* SPDX-License-Identifier: ISC */
/* What OpenBSD's <string.h> has and POSIX has not; see ../check.sh. */
#include_next <string.h>

#ifndef OCM_OPENBSD_STRING_H
#define OCM_OPENBSD_STRING_H

#include <stddef.h>

void	*memmem(const void *, size_t, const void *, size_t);
void	*memrchr(const void *, int, size_t);
char	*strcasestr(const char *, const char *);
size_t	 strlcat(char *, const char *, size_t);
size_t	 strlcpy(char *, const char *, size_t);
int	 timingsafe_bcmp(const void *, const void *, size_t);
int	 timingsafe_memcmp(const void *, const void *, size_t);

#endif
