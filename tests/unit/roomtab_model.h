/* SPDX-License-Identifier: ISC */
/*
 * A table to test, and the model of it: what a table of rooms is, with
 * nothing clever.  Included by roomtab_steps.h.
 */
#ifndef OCM_ROOMTAB_MODEL_H
#define OCM_ROOMTAB_MODEL_H

#include <sys/mman.h>

#include <check.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/roomtab_layout.h"
#include "roll.h"

enum { ROOMS = 24, MEMBERS = 160, STEPS = 100000 };

static const struct roomtab_limits limits = { ROOMS, MEMBERS };
static const uint8_t bucket_key[ROOMTAB_HASH_KEY] = "bucket key 0123";
static const uint8_t token_key[TOKEN_KEY] = "token key 01234";

static void *area;
static struct shmlock_area *lock_area;
static struct shmlock *lock, *reader_lock;
static struct roomtab *tab, *reader;

static void *
map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert(p != MAP_FAILED);
	return p;
}

static void
setup(void)
{
	ck_assert_int_ge(sodium_init(), 0);
	lock_area = map(shmlock_area_size());
	ck_assert_int_eq(shmlock_format(lock_area, "/ocm-check"), 0);
	lock = shmlock_open(lock_area, "/ocm-check", 0);
	reader_lock = shmlock_open(lock_area, "/ocm-check", 1);
	area = map(roomtab_size(&limits));
	roomtab_format(area, &limits);
	tab = roomtab_open(area, &limits, lock, bucket_key, token_key);
	reader = roomtab_open_reader(area, &limits, reader_lock);
	ck_assert_ptr_nonnull(tab);
	ck_assert_ptr_nonnull(reader);
}

static void
teardown(void)
{
	roomtab_close_handle(tab);
	roomtab_close_handle(reader);
	munmap(area, roomtab_size(&limits));
	shmlock_close(lock);
	shmlock_close(reader_lock);
	munmap(lock_area, shmlock_area_size());
	shmlock_unlink("/ocm-check");
}

/* ---- the model: what a table of rooms is, with nothing clever ---- */

struct model_member {
	bool		used, invite;
	uint32_t	slot, gen;
	int		room;		/* of the model */
	char		name[NAME_MAX_BYTES + 1];
	char		token[TOKEN_TEXT + 1];
	size_t		token_len;
	uint16_t	port;
};

struct model_room {
	bool		used, password;
	uint32_t	room, gen;
	int		host;		/* of the model, or -1 */
	char		name[16];
};

static struct model_room rooms[ROOMS];
static struct model_member members[MEMBERS];

static int
model_find(const char *name)
{
	int i;

	for (i = 0; i < ROOMS; i++)
		if (rooms[i].used && strcmp(rooms[i].name, name) == 0)
			return i;
	return -1;
}

static int
model_count(int room, bool invites)
{
	int i, n = 0;

	for (i = 0; i < MEMBERS; i++)
		n += members[i].used && members[i].room == room &&
		    (invites || !members[i].invite);
	return n;
}

static int
model_free_member(void)
{
	int i;

	for (i = 0; i < MEMBERS; i++)
		if (!members[i].used)
			return i;
	return -1;
}

static int
model_pick(bool invite)
{
	int i, at = (int)roll(MEMBERS);

	for (i = 0; i < MEMBERS; i++, at = (at + 1) % MEMBERS)
		if (members[at].used && members[at].invite == invite)
			return at;
	return -1;
}

static uint32_t
model_places(void)
{
	uint32_t n = 0;
	int i;

	for (i = 0; i < MEMBERS; i++)
		n += !members[i].used;
	return n;
}

static bool
model_name_taken(int room, const char *name)
{
	int i;

	for (i = 0; i < MEMBERS; i++)
		if (members[i].used && !members[i].invite &&
		    members[i].room == room &&
		    strcmp(members[i].name, name) == 0)
			return true;
	return false;
}

static void
model_add(int room, bool invite, const struct member_made *made,
    uint16_t port)
{
	int i = model_free_member();

	ck_assert_int_ge(i, 0);
	members[i].used = true;
	members[i].invite = invite;
	members[i].room = room;
	members[i].slot = made->slot;
	members[i].gen = made->gen;
	members[i].port = port;
	members[i].token_len = made->token_len;
	memcpy(members[i].token, made->token, made->token_len);
	memcpy(members[i].name, made->name, made->name_len + 1);
}

#endif
