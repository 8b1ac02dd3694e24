/* SPDX-License-Identifier: ISC */
/*
 * Death at every instruction of the real code.  A child works on a shared
 * table while its parent steps it one machine instruction at a time.  After
 * each one that changed the shared memory, recovery runs on a copy, as if
 * the child had been killed right there; the result must be the table before
 * the operation or the one after it, and once it is the one after, it stays.
 * The lock must come back to life as well, and readers believe the table.
 *
 * Usage: step [SEED [OPERATIONS]]
 */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <err.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/roomtab_layout.h"
#include "../unit/roll.h"

enum { ROOMS = 6, MEMBERS = 90 };

static const struct roomtab_limits limits = { ROOMS, MEMBERS };
static const uint8_t bucket_key[ROOMTAB_HASH_KEY] = "bucket key 0123";
static const uint8_t token_key[TOKEN_KEY] = "token key 01234";
static const char lock_name[] = "/ocm-step";

struct arena {
	struct shmlock_area	*control;
	void			*rooms;
};

static size_t size;
static struct arena live, copy;
static struct roomtab *tab, *copy_tab;
static struct shmlock *copy_sup;

static unsigned long long instructions, images, operations;
static unsigned long long kept_before, kept_after;

static void *
map(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	return p;
}

static struct roomtab *
open_arena(struct arena *a, int role)
{
	struct shmlock *l;
	struct roomtab *t;

	a->control = map(shmlock_area_size());
	a->rooms = map(size);
	if (shmlock_format(a->control, lock_name) == -1)
		err(1, "shmlock_format");
	roomtab_format(a->rooms, &limits);
	l = shmlock_open(a->control, lock_name, role);
	t = roomtab_open(a->rooms, &limits, l, bucket_key, token_key);
	if (l == NULL || t == NULL)
		err(1, "roomtab_open");
	return t;
}

/* ---- the operations ---- */

static uint32_t
pick(bool invite)
{
	struct member_info m;
	uint32_t i, at = roll(MEMBERS);

	for (i = 0; i < MEMBERS; i++, at = (at + 1) % MEMBERS)
		if (roomtab_member(tab, at, &m) && m.is_invite == invite)
			return at;
	return ROOMTAB_NONE;
}

static struct member_new
newcomer(void)
{
	static const char *const names[] = { "ann", "はなこ", "bob",
	    "a name that is longer than what fits into the record itself" };
	struct member_new who = { .now_ms = 12345 };

	who.name = names[roll(4)];
	who.name_len = strlen(who.name);
	who.short_token = roll(2) == 0;
	return who;
}

static void
op_create(void)
{
	struct member_new who = newcomer();
	struct member_made made, invites[3];
	uint8_t password[ROOMTAB_PASSWORD] = "p";
	uint32_t n = roll(4);
	char name[16];

	snprintf(name, sizeof(name), "部屋%u", roll(ROOMS + 2));
	(void)roomtab_create(tab, name, strlen(name),
	    roll(2) ? password : NULL, &who, &made, invites, n);
}

static void
op_join(void)
{
	struct member_new who = newcomer();
	struct member_made made;

	(void)roomtab_join(tab, roll(ROOMS), MEMBERS, &who, &made);
}

static void
op_spend(void)
{
	struct member_new who = newcomer();
	struct member_made made;
	uint32_t slot = pick(true);

	if (slot != ROOMTAB_NONE)
		(void)roomtab_join_invite(tab, slot,
		    roomtab_member_gen(tab, slot), MEMBERS, &who, &made);
}

static void
op_leave(void)
{
	uint32_t slot = pick(false);

	if (slot != ROOMTAB_NONE)
		(void)roomtab_remove(tab, slot,
		    roomtab_member_gen(tab, slot), END_IDLE);
}

static void
op_last(void)
{
	uint32_t slot = pick(false);

	if (slot != ROOMTAB_NONE)
		(void)roomtab_remove_and_close(tab, slot,
		    roomtab_member_gen(tab, slot), END_IDLE, END_HOST_LEFT);
}

static void
op_close(void)
{
	uint32_t room = roll(ROOMS);

	(void)roomtab_close(tab, room, room_gen_of(tab, room),
	    END_HOST_LEFT);
}

static void
op_reap(void)
{
	(void)roomtab_reap(tab);
}

static void
op_port(void)
{
	uint32_t slot = pick(false);

	if (slot != ROOMTAB_NONE)
		(void)roomtab_set_port(tab, slot,
		    roomtab_member_gen(tab, slot), (uint16_t)roll(65536));
}

static void
op_snapshot(void)
{
	static struct roomtab_change c[16];
	uint32_t slot = 0, tail = roomtab_change_head(tab) - 3;

	(void)roomtab_scan(tab, &slot, c, 16, 1);
	(void)roomtab_changes(tab, &tail, c, 16, 1);
}

static const struct {
	const char	*name;
	void		(*run)(void);
} ops[] = {
	{ "create", op_create }, { "join", op_join }, { "join", op_join },
	{ "create", op_create }, { "spend", op_spend },
	{ "leave", op_leave }, { "expiry", op_leave },
	{ "close", op_close }, { "reap", op_reap }, { "port", op_port },
	{ "snapshot", op_snapshot }, { "join", op_join },
	{ "create", op_create }, { "join", op_join },
	{ "last leaves", op_last },
};
enum { OPS = sizeof(ops) / sizeof(ops[0]) };

/* ---- stepping ---- */

static const uint8_t *
state(const void *rooms)
{
	return (const uint8_t *)rooms + offsetof(struct roomtab_area, j);
}

static size_t
state_size(void)
{
	return size - offsetof(struct roomtab_area, j);
}

/* What would be there if the child died now: checks it; true if `after`. */
static bool
recovered(const uint8_t *before, uint8_t *after, bool *have_after)
{
	static struct roomtab_change change;
	uint32_t slot = 0;

	memcpy(copy.control, live.control, shmlock_area_size());
	memcpy(copy.rooms, live.rooms, size);
	shmlock_park(copy_sup);
	if (shmlock_remake(copy_sup, 1) == -1)
		err(1, "shmlock_remake");
	shmlock_unpark(copy_sup);
	if (roomtab_recover(copy_tab) == -1)
		errx(1, "the table is beyond repair");
	if (shmlock_acquire(copy_tab->lock, 1) == -1)
		errx(1, "nobody gets the lock any more");
	shmlock_release(copy_tab->lock);
	if (roomtab_scan(copy_tab, &slot, &change, 1, 1) == -1)
		errx(1, "no reader believes the table any more");
	if (memcmp(before, state(copy.rooms), state_size()) == 0)
		return false;
	if (!*have_after) {
		memcpy(after, state(copy.rooms), state_size());
		*have_after = true;
	} else if (memcmp(after, state(copy.rooms), state_size()) != 0)
		errx(1, "a state that is neither before nor after");
	return true;
}

static pid_t
start_child(unsigned op)
{
	pid_t pid;

	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid != 0)
		return pid;
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) == -1)
		_exit(2);
	raise(SIGSTOP);
	ops[op].run();
	_exit(0);
}

/* Steps once; false when the child has ended well. */
static bool
step(pid_t pid)
{
	int st;

	if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) == -1 ||
	    waitpid(pid, &st, 0) != pid)
		err(1, "stepping");
	if (WIFEXITED(st) && WEXITSTATUS(st) == 0)
		return false;
	if (!WIFSTOPPED(st) || WSTOPSIG(st) != SIGTRAP)
		errx(1, "the child ended with status %#x", (unsigned)st);
	instructions++;
	return true;
}

static void
walk(unsigned op, uint8_t *before, uint8_t *after, uint8_t *last)
{
	bool have_after = false, is_after = false, now;
	pid_t pid;
	int st;

	memcpy(before, state(live.rooms), state_size());
	memcpy(last, live.rooms, size);
	memcpy(last + size, live.control, shmlock_area_size());
	pid = start_child(op);
	if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st))
		errx(1, "no child");
	while (step(pid)) {
		if (memcmp(last, live.rooms, size) == 0 &&
		    memcmp(last + size, live.control,
		    shmlock_area_size()) == 0)
			continue;
		memcpy(last, live.rooms, size);
		memcpy(last + size, live.control, shmlock_area_size());
		images++;
		now = recovered(before, after, &have_after);
		if (is_after && !now)
			errx(1, "%s was taken back", ops[op].name);
		is_after = now;
		*(now ? &kept_after : &kept_before) += 1;
	}
	if (have_after &&
	    memcmp(after, state(live.rooms), state_size()) != 0)
		errx(1, "%s: recovery made up a state", ops[op].name);
	if (!have_after &&
	    memcmp(before, state(live.rooms), state_size()) != 0)
		errx(1, "%s: done, and never seen by recovery",
		    ops[op].name);
	operations++;
}

int
main(int argc, char **argv)
{
	unsigned count = 150, i;
	uint8_t *before, *after, *last;

	if (argc > 1)
		seed = (unsigned)strtoul(argv[1], NULL, 10);
	if (argc > 2)
		count = (unsigned)strtoul(argv[2], NULL, 10);
	if (sodium_init() == -1)
		errx(1, "sodium_init");
	size = roomtab_size(&limits);
	tab = open_arena(&live, 0);
	copy_tab = open_arena(&copy, 0);
	copy_sup = shmlock_open(copy.control, lock_name, -1);
	before = malloc(size);
	after = malloc(size);
	last = malloc(size + shmlock_area_size());
	if (before == NULL || after == NULL || last == NULL ||
	    copy_sup == NULL)
		err(1, "malloc");
	for (i = 0; i < count; i++) {
		/* each operation in turn, then as they come */
		walk(i < OPS ? i : roll(OPS), before, after, last);
		(void)roll(7);
	}
	shmlock_unlink(lock_name);
	printf("seed %s: %llu operations, %llu instructions, "
	    "%llu distinct images (%llu before, %llu after)\n",
	    argc > 1 ? argv[1] : "1", operations, instructions, images,
	    kept_before, kept_after);
	free(before);
	free(after);
	free(last);
	if (kept_after == 0 || kept_before == 0)
		errx(1, "nothing was ever done");
	return 0;
}
