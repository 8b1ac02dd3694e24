/* SPDX-License-Identifier: ISC */
/*
 * Where the control socket lies when nobody says: ocmd, ocmctl.
 */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control.h"

char *
control_default_path(char *buf, size_t cap)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	int n;

	if (geteuid() == 0)
		n = snprintf(buf, cap, "%s/ocm.sock", CONTROL_ROOT_DIR);
	else if (dir != NULL && dir[0] == '/')
		n = snprintf(buf, cap, "%s/ocm/ocm.sock", dir);
	else
		n = snprintf(buf, cap, "/tmp/ocm-%lu/ocm.sock",
		    (unsigned long)geteuid());
	if (n < 0 || (size_t)n >= cap ||
	    (size_t)n >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return buf;
}
