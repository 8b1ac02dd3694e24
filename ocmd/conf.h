/* SPDX-License-Identifier: ISC */
/*
 * The configuration: ocm.conf(5), then every -o name=value in order.  One
 * table (conf_value.c) knows each setting's name, default, range and whether
 * a reload applies it.  Loaded by main.c and conf_apart.c.
 */
#ifndef OCMD_CONF_H
#define OCMD_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "ctl.h"

enum {
	CONF_PATH = 256,	/* bytes of a path, with its NUL */
	CONF_USER = 32,		/* bytes of a user's name, with its NUL */
	CONF_ERROR = 1024,	/* bytes of an error message, with its NUL */
};

struct conf_addrs {
	uint32_t	count;
	struct addr	addr[OCM_ADDRS_MAX];
};

struct conf {
	struct conf_addrs rooms, relay, lobby;	/* lobby: may be empty */
	char		control[CONF_PATH];	/* "": the default path */
	char		log[CONF_PATH];		/* "": where main decides;
						   "syslog", "stderr" */
	char		user_room[CONF_USER], user_relay[CONF_USER];
	uint32_t	workers;		/* "auto" is already a number */
	uint32_t	socket_buffer;		/* KiB, 0: "auto" */
	uint32_t	max_rooms, max_members, max_lobby;
	uint32_t	restart_limit;		/* deaths in 10 s */
	uint32_t	hang_limit;		/* seconds, 0: none */
	struct ctl_settings settings;		/* verbose stays 0 */
};

struct conf_source {
	const char	*file;			/* NULL: none */
	char		*const *overrides;	/* "name=value" */
	unsigned	 count;
};

/*
 * Defaults, then the file, then the overrides.  0, or -1 and one line in err
 * that names the file and line (or the -o), the setting and what would be
 * right; *conf is then undefined.
 */
int	conf_load(struct conf *, const struct conf_source *,
	    char err[CONF_ERROR]);
/*
 * Calls each() for every setting whose value differs.  live: a reload
 * applies it; otherwise it needs a restart.
 */
void	conf_diff(const struct conf *, const struct conf *,
	    void (*each)(void *arg, const char *name, bool live), void *arg);
/* Sizes of the segment that this configuration asks for. */
struct seg_limits conf_limits(const struct conf *);

#endif
