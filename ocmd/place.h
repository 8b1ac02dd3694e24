/* SPDX-License-Identifier: ISC */
/*
 * Places in the file system that ocmd needs: the control socket's directory,
 * the lock that keeps two ocmd's from one control socket, and an empty
 * directory to lock children into.  Called by main.c, control.c and
 * server_open.c at the start, and by control.c at the end.
 */
#ifndef OCMD_PLACE_H
#define OCMD_PLACE_H

#include <sys/types.h>

#include <stdbool.h>

#include "conf.h"

/* The group whose members may use ocmctl, or (gid_t)-1. */
gid_t	place_group(void);
/*
 * Makes the directory of the default control path, 0700 (0750 of the group
 * where root has one), or refuses one that is not ours alone.
 * 0, or -1 and one line in err.
 */
int	place_default_dir(const char *control, char err[CONF_ERROR]);
/*
 * That a socket and a lock can be made in the directory of any control path;
 * here, so that the operator hears of the directory, and not of the first
 * file that cannot be made in it.  0, or -1 and one line in err.
 */
int	place_check_dir(const char *control, char err[CONF_ERROR]);
/*
 * Takes the lock beside the control socket, for as long as the descriptor is
 * open.  Returns it, or -1 and one line in err ("already running").
 * *unclean: its last holder did not remove it, and may have died just now.
 */
int	place_lock(const char *control, bool *unclean, char err[CONF_ERROR]);
/* Removes the lock's file, then lets go. */
void	place_unlock(const char *control, int fd);
/*
 * root: a directory that is empty, root's and writable by nobody, for
 * chroot; made where there is none.  0, or -1 and one line in err.
 */
int	place_empty_dir(char *dir, size_t cap, char err[CONF_ERROR]);

#endif
