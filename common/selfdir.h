/* SPDX-License-Identifier: ISC */
/*
 * Programs that belong together lie together: ocmctl finds ocmd, and ocmd
 * its children, beside themselves before they look where `make install` put
 * them.  So a build runs from its folder without installing.
 */
#ifndef OCM_SELFDIR_H
#define OCM_SELFDIR_H

#include <stddef.h>

/*
 * The path of program `name`: beside the program that was started as argv0,
 * else in installed_dir.  Returns buf; or NULL with errno where neither can
 * be executed, and buf then names the place where it should have been.
 */
char	*selfdir_find(const char *argv0, const char *name,
	    const char *installed_dir, char *buf, size_t cap);

#endif
