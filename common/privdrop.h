/* SPDX-License-Identifier: ISC */
/*
 * Fixed, separate users for the roles when ocmd is started as root.
 */
#ifndef OCM_PRIVDROP_H
#define OCM_PRIVDROP_H

#include <sys/types.h>

/*
 * The ids of a user such as "_ocmroom".  Where the system lacks one of the
 * two default users, fixed ids from the range nobody uses (see privdrop.c),
 * so that a trial as root is never less separated than an installation.
 * fatal where another user does not exist, or where it is root.
 */
void	privdrop_ids(const char *user, uid_t *uid, gid_t *gid);
/*
 * chroot to an empty directory (NULL: none), which must be root's and
 * writable by nobody else, then groups, gid and uid for good.
 * 0, or -1 with errno; never half done without saying so.
 */
int	privdrop(const char *empty_dir, uid_t uid, gid_t gid);

#endif
