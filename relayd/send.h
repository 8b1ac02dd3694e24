/* SPDX-License-Identifier: ISC */
/*
 * The only place that sends datagrams.  Nothing here waits: a copy that the
 * kernel will not take now is dropped and counted, because late is worse
 * than lost.
 */
#ifndef RELAYD_SEND_H
#define RELAYD_SEND_H

#include <sys/types.h>
#include <sys/socket.h>

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "ctl.h"
#include "fanout.h"
#include "net.h"
#include "train.h"

/* The sockets of one kind (relay or lobby) and who hears of their errors. */
struct outlet {
	int		 fd[OCM_ADDRS_MAX];
	unsigned	 count;
	/*
	 * Bytes that a message in a bundle may have: 0 where the kernel takes
	 * none, and less for a while after a path or a device refused one.
	 */
	uint32_t	 most, most_ever;
	bool		 refused;	/* since the last send_tick */
	uint64_t	 again_ms;	/* when larger ones are tried again */
	struct net_control control;	/* says 0 but within send_train */
	_Atomic uint64_t *counters;	/* of relay_counter */
	uint32_t	 unbreathed;	/* copies since the last breath */
	void		*ctx;
	/* A receiver's port is closed; must not change any fan-out. */
	void		(*unreachable)(void *, const struct addr *);
	/*
	 * Called in the midst of very many copies, taken or not, or NULL:
	 * what has to be sent at once can be millions, and ocmd takes a
	 * relayd that does not answer for dead.  Must not send.
	 */
	void		(*breathe)(void *);
};

/*
 * The same bytes to the receivers from..to-1 of a group.  Returns how many
 * copies were taken; the rest is counted as copy_unsendable or send_errors.
 */
unsigned send_range(struct outlet *, struct group *, const void *, size_t,
	    uint32_t from, uint32_t to);
/* The same, to all of a group but the one at `skip` (UINT32_MAX: no one). */
unsigned send_group(struct outlet *, struct group *, const void *, size_t,
	    uint32_t skip);
/*
 * A train, to the receivers from..to-1 of a group (+ 1) except that nobody
 * gets what is its own.  Returns how many copies were taken.
 */
uint64_t send_train(struct outlet *, struct fanout *, uint32_t group,
	    struct trains *, const struct train *, uint32_t from, uint32_t to);
/* One message to one receiver: 1 if it was taken. */
unsigned send_one(struct outlet *, unsigned sock, union dest *, socklen_t,
	    const void *, size_t);
/* Whoever sends trains without a look at anything else says how many copies. */
void	send_breathe(struct outlet *, uint32_t copies);
/* Once a turn: larger bundles are tried again some time after a refusal. */
void	send_tick(struct outlet *, uint64_t now_ms);
/* Reports what the kernel has heard back about a socket's messages. */
unsigned send_drain_errors(struct outlet *, unsigned sock);

#endif
