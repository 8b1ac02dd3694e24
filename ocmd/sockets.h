/* SPDX-License-Identifier: ISC */
/*
 * Every socket of the server.  ocmd binds them once, before its children
 * live, and keeps them, so that a child's death loses neither a pending
 * connection nor a queued datagram.  Called by server_open.c; server.c tells
 * of them.
 */
#ifndef OCMD_SOCKETS_H
#define OCMD_SOCKETS_H

#include "buffers.h"
#include "conf.h"
#include "seg.h"

struct sockets {
	struct conf_addrs rooms, relay, lobby;	/* as really bound */
	struct buffers	buffers;		/* of relay and lobby */
	uint32_t	workers;
	int		rooms_fd[OCM_ADDRS_MAX];
	int		relay_fd[OCM_WORKERS_MAX][OCM_ADDRS_MAX];
	int		lobby_fd[OCM_ADDRS_MAX];
};

/*
 * Binds all addresses of the configuration; a port of 0 becomes one that the
 * kernel picked, the same for all workers.  0, or -1 with errno and one line
 * in err that names the address; nothing then stays open.
 */
int	sockets_open(struct sockets *, const struct conf *,
	    char err[CONF_ERROR]);
void	sockets_close(struct sockets *);
/* Whether nobody but this machine can reach any of them. */
bool	sockets_loopback_only(const struct sockets *);
/*
 * The relay socket that goes with a rooms listener: the same host, else the
 * same family, else the first.
 */
uint8_t	sockets_relay_of(const struct sockets *, uint32_t rooms_index);

#endif
