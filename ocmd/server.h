/* SPDX-License-Identifier: ISC */
/*
 * The running server: sockets, segment, children, and the rules by which
 * children are started, mourned and ended.  main.c opens and runs it;
 * control.c brings ocmctl's orders; status.c tells what it looks like.
 */
#ifndef OCMD_SERVER_H
#define OCMD_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "child.h"
#include "conf.h"
#include "shmlock.h"
#include "sockets.h"

struct event;
struct event_base;
struct control;

enum server_phase {
	SERVER_STARTING,		/* not every child was READY yet */
	SERVER_SERVING,
	SERVER_STOPPING,
};

enum {
	SERVER_START_MS = 9500,		/* all children READY, or failed */
	SERVER_STOP_RELAY_MS = 1000,	/* relayds tell every member */
	SERVER_STOP_MS = 1800,		/* then KILL */
	SERVER_QUIET_MS = 50,		/* a parked child becomes idle */
};

/* Who wants a reload; any of both may be NULL. */
struct server_asker {
	/* for each change, as by conf_diff */
	void	(*each)(void *arg, const char *name, bool live);
	/* and then once: err is one line, and nothing changed; or NULL */
	void	(*done)(void *arg, const char *err);
	void	*arg;
};

struct server {
	struct conf	 conf;
	struct conf_source source;		/* for reload */
	char		 control_path[CONF_PATH], log_path[CONF_PATH];
	bool		 drop;			/* started as root */
	uid_t		 uid[ROLE_COUNT];	/* of the children then */
	gid_t		 gid[ROLE_COUNT];
	bool		 strict;		/* OCM_SANDBOX=strict */

	bool		 unclean;		/* the last ocmd was killed */
	enum server_phase phase;
	int		 exit_code;
	uint64_t	 born_ms;
	uint32_t	 layers;		/* of ocmd's own sandbox */
	struct event_base *base;
	struct event	*ev_signal[5];
	struct event	*ev_phase;		/* deadline of the phase */
	struct event	*ev_pulse;		/* are the children alive? */
	struct control	*control;
	struct server_asker reload;		/* while one is going on, */
	bool		 reloading;		/* and then */
	bool		 reload_again;		/* there is another one */

	struct sockets	 sockets;
	int		 peers[OCM_WORKERS_MAX][2];	/* roomd's, relayd's */
	int		 shm_rw, shm_ro;
	struct shmlock	*lock;
	uint64_t	 repaired_ms;		/* last repair of the lock */
	struct ctl_start start;			/* what all children get */
	struct child	 child[1 + OCM_WORKERS_MAX];	/* [0] is roomd */
	unsigned	 children;
};

/*
 * Binds, creates and names everything, but starts nothing.  The first group
 * of members is set by the caller; argv0 tells where the programs lie.
 * 0, or -1 and one line in err.
 */
int	server_open(struct server *, const char *argv0,
	    char err[CONF_ERROR]);
/* Starts the children and serves until the end; returns an exit code. */
int	server_run(struct server *);
/* Gives everything back, then tells whoever asked for the end. */
void	server_close(struct server *);

/* Ends everything within two seconds; server_run then returns. */
void	server_stop(struct server *);

/* ---- server_orders.c ---- */

/*
 * Reads the configuration again, beside everything else, and then applies
 * what can be applied; changes are logged.  While another reload is going on,
 * who has a done() is refused, others have their own after it.  done() may be
 * called at once.
 */
void	server_reload(struct server *, const struct server_asker *);
void	server_set_verbose(struct server *, bool);
/* Hands a connection to roomd. 0, or -1 where there is no roomd to answer. */
int	server_query(struct server *, const struct ctl_query *, int fd);

/* ---- repair.c ---- */

/*
 * Architecture section 3: after `dead` (bit per lock role) died, or when the
 * lock is stuck, brings everybody to quiet and makes the semaphore anew.
 * Who does not become quiet is killed and mourned too, at once or as soon as
 * it ends.
 */
void	server_repair(struct server *, uint32_t dead);
/*
 * Collects a dead child, closes what it had and logs its obituary.  Returns
 * whether it was dead.
 */
bool	server_reap(struct server *, struct child *);
/* Takes what a child has said. */
void	server_hear(struct child *);
void	server_set_timer(struct event *, uint32_t ms);

/* ---- watch.c ---- */

/* Begins to feel the children's pulse.  0, or -1. */
int	server_watch(struct server *);
/* A child says that it lives. */
void	server_answered(struct child *);
/* How long a child that is started now may take until it is READY. */
uint32_t server_birth_ms(const struct server *, const struct child *);
/* Starts a dead child again, now or later. */
void	server_restart(struct server *, struct child *);

#endif
