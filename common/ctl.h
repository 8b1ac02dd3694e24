/* SPDX-License-Identifier: ISC */
/*
 * Control messages between the processes: SOCK_SEQPACKET socketpairs,
 * fixed-size structs, one list.  They are doorbells and orders; state is in
 * shared memory, so a lost or repeated bell changes nothing.  A message of
 * the wrong size, type or direction ends its sender: a child that gets one
 * from ocmd kills itself, ocmd kills the child that sends one.
 */
#ifndef OCM_CTL_H
#define OCM_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "roomtab.h"
#include "sandbox.h"
#include "seg.h"
#include "token.h"

/* Descriptors of a child when it starts; everything else is closed. */
enum {
	FD_CTL = 3,		/* to ocmd */
	FD_SHM_RW = 4,
	FD_SHM_RO = 5,
	FD_PEERS = 6,		/* roomd: one to each relayd; relayd: one */
	/*
	 * Then the sockets, in the order of ctl_start: roomd its listeners;
	 * relayd relay, then lobby (worker 0 alone: lobby_count is 0 for the
	 * others).
	 */
};
enum { OCM_ADDRS_MAX = 8 };	/* addresses of one kind */

/* What `ocmctl reload` can change while running. */
struct ctl_settings {
	uint32_t	idle_s;			/* 0: never */
	uint32_t	max_payload;		/* bytes of a TCRP payload */
	uint32_t	max_room_members;
	uint32_t	request_timeout_ms;
	uint32_t	half_open;		/* connections in all */
	uint32_t	half_open_source;	/* per source */
	uint32_t	join_rate;		/* a second/source; 0 off */
	uint32_t	join_burst;
	uint32_t	member_rate;		/* messages a second; 0 off */
	uint32_t	member_burst;
	uint32_t	dialects;		/* bit per row of dialect.h */
	uint8_t		message_only;		/* format = "message" */
	uint8_t		notices;		/* joined and left are told */
	uint8_t		verbose;		/* log */
	uint8_t		bundle;			/* at start: send bundles */
};

/* Everything a child must know; its first message. */
struct ctl_start {
	uint32_t	role;			/* enum role */
	uint32_t	index;			/* which relayd */
	struct seg_limits limits;
	uint32_t	rooms_count, relay_count, lobby_count;
	struct addr	rooms[OCM_ADDRS_MAX];	/* as really bound */
	struct addr	relay[OCM_ADDRS_MAX];
	struct addr	lobby[OCM_ADDRS_MAX];
	/* relay socket that belongs to a rooms listener (same host). */
	uint8_t		relay_of_rooms[OCM_ADDRS_MAX];
	uint8_t		token_key[TOKEN_KEY];
	uint8_t		bucket_key[ROOMTAB_HASH_KEY];	/* roomd only */
	uint8_t		password_key[32];		/* roomd only */
	uint8_t		drop;			/* started as root */
	uint8_t		strict;			/* OCM_SANDBOX=strict */
	uint8_t		crashed;		/* its last life ended itself */
	uint8_t		pad;
	uint32_t	uid, gid;
	int32_t		parent;			/* ocmd's pid */
	char		empty_dir[108];
	char		sem_name[64];
	struct ctl_settings settings;
};

struct ctl_ready {
	uint32_t	layers;			/* LAYER_* that hold */
};

/*
 * CHANGED, WISH: look at the shared memory.  PING: are you alive? once a
 * second; PONG: yes.
 */
struct ctl_bell {
	uint32_t	nothing;
};

enum query_verb {
	QUERY_ROOMS,		/* JSON array of rooms */
	QUERY_MEMBERS,		/* JSON array of the members of `room` */
	QUERY_CLOSE,		/* closes `room` */
	QUERY_KICK,		/* removes `member` of `room` */
	QUERY_STATS,		/* JSON object of every counter */
	QUERY_COUNTS,		/* {"members":N,"open_rooms":N} */
	QUERY_COUNT
};

struct ctl_query {	/* carries ocmctl's connection, see control.h */
	uint32_t	verb;
	uint32_t	room_len, member_len;
	char		room[NAME_MAX_BYTES + 1];
	char		member[NAME_MAX_BYTES + 1];
};

struct ctl_stop {
	uint32_t	say;	/* relayd: tell every member first */
};

struct ctl_stuck {		/* 40 waits for the semaphore in a row failed */
	uint32_t	nothing;
};

/*   name      struct         from         to           carries a descriptor */
#define CTL_MESSAGES(X)							\
	X(START,    ctl_start,    ROLE_OCMD,   ROLE_COUNT,  false)	\
	X(SETTINGS, ctl_settings, ROLE_OCMD,   ROLE_COUNT,  false)	\
	X(STOP,     ctl_stop,     ROLE_OCMD,   ROLE_COUNT,  false)	\
	X(QUERY,    ctl_query,    ROLE_OCMD,   ROLE_ROOMD,  true)	\
	X(PING,     ctl_bell,     ROLE_OCMD,   ROLE_COUNT,  false)	\
	X(PONG,     ctl_bell,     ROLE_COUNT,  ROLE_OCMD,   false)	\
	X(READY,    ctl_ready,    ROLE_COUNT,  ROLE_OCMD,   false)	\
	X(STUCK,    ctl_stuck,    ROLE_COUNT,  ROLE_OCMD,   false)	\
	X(CHANGED,  ctl_bell,     ROLE_ROOMD,  ROLE_RELAYD, false)	\
	X(WISH,     ctl_bell,     ROLE_RELAYD, ROLE_ROOMD,  false)
/* ROLE_COUNT as sender or receiver: any child. */

#define CTL_ENUM(name, body, from, to, fd) CTL_##name,
enum ctl_type { CTL_MESSAGES(CTL_ENUM) CTL_COUNT };

union ctl_body {
#define CTL_MEMBER(name, body, from, to, fd) struct body name;
	CTL_MESSAGES(CTL_MEMBER)
};

/*
 * Sends one message, with a descriptor where the list says so (fd stays the
 * caller's), else fd is -1.  body: the struct of the list.
 * 0, or -1 with errno (EAGAIN: the socket is full).  Never blocks.
 */
int	ctl_send(int sock, enum ctl_type, const void *body, int fd);

enum ctl_result {
	CTL_GOT,		/* *type, *body, *fd (or -1) are set */
	CTL_NOTHING,		/* would block */
	CTL_CLOSED,		/* the other side is gone */
	CTL_BAD,		/* wrong size, type, direction or descriptor */
};
/*
 * Receives one message that `from` may send to `to`.  A descriptor that
 * should not be there is closed.  wait: block for it.  Where our own
 * descriptor table is full, a message that carries one counts as lost.
 */
enum ctl_result ctl_recv(int sock, enum role from, enum role to, bool wait,
	    enum ctl_type *type, union ctl_body *body, int *fd);
const char *ctl_type_name(enum ctl_type);
/* A connected pair, non-blocking, close-on-exec. 0, or -1 with errno. */
int	ctl_pair(int pair[2]);

/* The sandbox that START tells a role with these rights; it points into it. */
struct sandbox ctl_sandbox(const struct ctl_start *, unsigned caps);

#endif
