/* SPDX-License-Identifier: ISC */
/*
 * The two kernel mechanisms behind sandbox_linux.c.  Included by it and by
 * their own files only.
 */
#ifndef OCM_SANDBOX_LINUX_H
#define OCM_SANDBOX_LINUX_H

#include <stdbool.h>

/*
 * Denies every access that the kernel's Landlock can deny and that no child
 * needs.  no_new_privs must be set.  0, or -1 with errno.
 */
int	landlock_deny_all(void);

/*
 * Loads the filter for the SANDBOX_* bits.  strict: a system call that no
 * table names kills the process instead of returning ENOSYS.
 * 0, or -1 with errno.
 */
int	seccomp_enter(unsigned caps, bool strict);

#endif
