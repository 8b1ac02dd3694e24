/* SPDX-License-Identifier: ISC */
/*
 * What every part of the chat client shares: the options of one run.  Exit
 * statuses are those of sysexits(3); ocm(1) lists them.
 */
#ifndef OCM_OCM_H
#define OCM_OCM_H

#include <stdbool.h>
#include <stddef.h>

#include "ocm_server.h"
#include "wire.h"

struct options {
	struct server	 server;
	bool		 server_given;
	char		 name[NAME_MAX_BYTES + 1];
	bool		 name_given;
	char		 password[NAME_MAX_BYTES + 1];	/* "" is none */
	bool		 ask_password;
	const char	*password_file;
	bool		 json;
	bool		 help;
	bool		 version;
	unsigned	 timeout_ms;	/* of one request */
	unsigned	 retry_ms;	/* of an unreachable server */
	unsigned	 count;		/* of messages for listen; 0 all */
};

enum {
	OPTION_TIMEOUT_S = 5,
	OPTION_RETRY_S = 60,
};

#endif
