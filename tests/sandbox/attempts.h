/* SPDX-License-Identifier: ISC */
/*
 * What a captured role might try, one row each (attempts.c), as the role
 * itself tries it (role.c) and as the test expects it to end (list.c).
 */
#ifndef OCM_ATTEMPTS_H
#define OCM_ATTEMPTS_H

#include <sys/types.h>

#include <signal.h>

/*
 * How an attempt ends: 0 is success, small numbers are an errno, then the
 * signals, and what the filter does not know: ENOSYS, or SIGSYS if strict.
 */
enum {
	SIGNALLED = 1000,
	KILLED = SIGNALLED + SIGSYS,	/* by the filter */
	FAULT = SIGNALLED + SIGSEGV,
	PUNISHED = SIGNALLED + SIGKILL,	/* by ocmd */
	UNKNOWN = 2000,
};

/* What the role has and an attempt may aim at. */
struct scene {
	int	sock;		/* roomd: a listener; relayd: UDP */
	int	pair[2];	/* a socketpair, made for the attempts */
	pid_t	self, parent;
	char	*mine;		/* its own region of the segment */
	char	*theirs;	/* the other role's, mapped read-only */
	char	*relays;	/* region L of relayd 1, mapped read-only */
};

struct attempt {
	const char	*what;
	int		 roomd, relayd;	/* how it must end */
	long		 call;
	long		 arg[6];	/* or what of the scene stands there */
	int		(*act)(const struct scene *);	/* instead */
};

/* acts.c; these numbers end as the rows of attempts.c say. */
int	act_use_new_socket(const struct scene *);
int	act_connect_hidden(const struct scene *);
int	act_turn_listener(const struct scene *);
int	act_receive_descriptor(const struct scene *);
int	act_give_ocmd_descriptor(const struct scene *);
int	act_order_ocmd(const struct scene *);
int	act_speak_too_long(const struct scene *);
int	act_store_theirs(const struct scene *);
int	act_store_relays(const struct scene *);
int	act_store_code(const struct scene *);
int	act_store_table(const struct scene *);
int	act_run_data(const struct scene *);
int	act_run_stack(const struct scene *);
int	act_tell_time(const struct scene *);
int	act_enter_as_32_bit(const struct scene *);

extern const struct attempt attempts[];
extern const unsigned attempts_count;

/* Tries it from inside: 0, or an errno, where the process survives it. */
int	attempt_make(const struct attempt *, const struct scene *);

#endif
