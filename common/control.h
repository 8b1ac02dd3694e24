/* SPDX-License-Identifier: ISC */
/*
 * What ocmctl and ocmd say over the control socket (a Unix stream socket).
 * The request is one struct of fixed size; the answer is one line,
 *
 *	ok\n               or    error TEXT\n
 *
 * then, where the verb has one, a JSON value and the end of the stream.
 * Room questions are answered by roomd, to which ocmd hands the connection:
 * ocmd parses nothing of them.
 */
#ifndef OCM_CONTROL_H
#define OCM_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum { CONTROL_MAGIC = 0x6f636d31 };	/* "ocm1" */

/* root's directory for the socket and the empty chroot directory */
#ifdef __OpenBSD__
#define CONTROL_ROOT_DIR	"/var/run/ocm"
#else
#define CONTROL_ROOT_DIR	"/run/ocm"
#endif

enum control_verb {
	CONTROL_STATUS,		/* JSON object of what ocmd knows */
	CONTROL_STOP,		/* answered when everything is down */
	CONTROL_RELOAD,		/* JSON {"applied":[..],"needs_restart":[..]} */
	CONTROL_LOG,		/* flag: 1 verbose, 0 brief */
	CONTROL_ROOMS,		/* from here on: answered by roomd */
	CONTROL_MEMBERS,
	CONTROL_CLOSE,
	CONTROL_KICK,
	CONTROL_STATS,
	CONTROL_COUNTS,		/* ocmctl merges it into the status */
	CONTROL_COUNT
};

struct control_request {
	uint32_t	magic;
	uint32_t	verb;		/* enum control_verb */
	uint32_t	flag;
	uint32_t	room_len, member_len;
	char		room[NAME_MAX_BYTES + 1];
	char		member[NAME_MAX_BYTES + 1];
};

/*
 * The default path of the control socket: CONTROL_ROOT_DIR/ocm.sock for
 * root, $XDG_RUNTIME_DIR/ocm/ocm.sock, or /tmp/ocm-UID/ocm.sock.  Returns
 * buf, or NULL with ENAMETOOLONG (also where no socket could have the name).
 */
char	*control_default_path(char *buf, size_t cap);

#endif
