/* SPDX-License-Identifier: ISC */
/*
 * The semaphore of the shared segment, and dying while holding it
 * (README, "The lock").  Each role has one intent word; a supervisor
 * that has parked everyone and seen every living role idle may make the
 * semaphore anew, so nobody ever asks whether a dead process held it.
 */
#ifndef OCM_SHMLOCK_H
#define OCM_SHMLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHMLOCK_ROLES = 17 };	/* roomd is 0, relayd k is 1 + k */

struct shmlock_area;		/* region C; its layout is private */
struct shmlock;			/* this process's handle, never shared */

/* Bytes of region C, whole pages. */
size_t	shmlock_area_size(void);
/*
 * ocmd, once, on zeroed memory.  `name` is that of the named semaphore where
 * the platform has no process-shared unnamed one.  0, or -1 with errno.
 */
int	shmlock_format(struct shmlock_area *, const char *name);
/*
 * Every process, before it drops its rights.  role: 0..SHMLOCK_ROLES-1, or
 * -1 for the supervisor.  Returns a handle from malloc, or NULL with errno.
 */
struct shmlock *shmlock_open(struct shmlock_area *, const char *name,
	    int role);
void	shmlock_close(struct shmlock *);
/* Removes the semaphore's name where there is one. */
void	shmlock_unlink(const char *name);

/*
 * Called from within shmlock_acquire after 40 waits in a row that failed
 * without a park: something holds the lock that ocmd has not noticed.
 * The callback tells ocmd (CTL_STUCK); the wait goes on.
 */
void	shmlock_on_stuck(struct shmlock *, void (*)(void *), void *);
/*
 * Takes the lock.  tries: semaphore waits of 5 ms each before giving up, 0
 * for no end.  A park that lasts counts like failed waits when tries > 0.
 * Returns 0, or -1 with EAGAIN.
 */
int	shmlock_acquire(struct shmlock *, unsigned tries);
void	shmlock_release(struct shmlock *);

/* The supervisor's side. */
void	shmlock_park(struct shmlock *);
/* Which role has an intent word other than idle?  alive: bit per role. */
uint32_t shmlock_busy(const struct shmlock *, uint32_t alive);
/* At quiet: clears the dead roles' words and makes the semaphore 1 again. */
int	shmlock_remake(struct shmlock *, uint32_t dead);
void	shmlock_unpark(struct shmlock *);

#endif
