/* SPDX-License-Identifier: ISC */
/*
 * ocmctl's socket (what is said: common/control.h).  Requests are one struct
 * of fixed size; ocmd answers what it knows and hands the connection of any
 * other question to roomd.
 */
#ifndef OCMD_CONTROL_H
#define OCMD_CONTROL_H

#include "conf.h"

struct control;
struct server;

enum {
	CONTROL_CONNECTIONS = 32,	/* at once; more wait in the kernel */
	CONTROL_REQUEST_MS = 2000,	/* for the whole request */
};

/*
 * Takes the lock of server->control_path and listens there.  NULL and one
 * line in err ("already running").
 */
struct control *control_open(struct server *, char err[CONF_ERROR]);
/* Removes the socket, answers those who asked for the end, and closes. */
void	control_close(struct control *);

#endif
