/* SPDX-License-Identifier: ISC */
/*
 * Random operations on a table of rooms and on the model of it, which must
 * agree.  Included by check_roomtab.c and check_roomtab_damage.c.
 */
#ifndef OCM_ROOMTAB_STEPS_H
#define OCM_ROOMTAB_STEPS_H

#include "roomtab_model.h"

static const char *const long_name =
    "とても長い名前とても長い名前とても長い名前とても長い名前とても長い名前";

static struct member_new
newcomer(char name[NAME_MAX_BYTES + 1])
{
	struct member_new who = { 0 };

	if (roll(8) == 0)
		snprintf(name, NAME_MAX_BYTES + 1, "%s", long_name);
	else
		snprintf(name, NAME_MAX_BYTES + 1, "u%u", roll(6));
	who.name = name;
	who.name_len = strlen(name);
	who.addr.ip[15] = (uint8_t)roll(256);
	who.addr.port = (uint16_t)(roll(2) ? roll(65536) : 0);
	who.short_token = roll(4) == 0;
	who.now_ms = UINT64_C(0x100000000) + roll(1000);
	return who;
}

static void
step_create(void)
{
	char room[16], name[NAME_MAX_BYTES + 1];
	struct member_new who = newcomer(name);
	struct member_made made, invites[4];
	uint8_t password[ROOMTAB_PASSWORD];
	bool with = roll(2) == 0;
	uint32_t k, n = roll(2) == 0 ? roll(5) : 0;
	enum status st;
	int i;

	snprintf(room, sizeof(room), "部屋%u", roll(ROOMS + 8));
	memset(password, room[6], sizeof(password));
	st = roomtab_create(tab, room, strlen(room),
	    with ? password : NULL, &who, &made, invites, n);
	if (model_find(room) != -1) {
		ck_assert_int_eq(st, ST_EXISTS);
		return;
	}
	if (st == ST_UNABLE) {	/* rooms or members wait to be reaped */
		ck_assert(tab->a->j.reap != 0 || model_places() < 1 + n ||
		    roomtab_rooms(tab) == ROOMS);
		ck_assert_uint_eq(roomtab_find(tab, room, strlen(room)),
		    ROOMTAB_NONE);
		return;
	}
	ck_assert_int_eq(st, ST_OK);
	for (i = 0; rooms[i].used; i++)
		;
	rooms[i].used = true;
	rooms[i].password = with;
	rooms[i].room = made.room;
	rooms[i].gen = room_gen_of(tab, made.room);
	snprintf(rooms[i].name, sizeof(rooms[i].name), "%s", room);
	rooms[i].host = model_free_member();
	model_add(i, false, &made, who.addr.port);
	for (k = 0; k < n; k++)
		model_add(i, true, &invites[k], 0);
}

static void
step_join(void)
{
	char name[NAME_MAX_BYTES + 1];
	struct member_new who = newcomer(name);
	struct member_made made;
	enum status st;
	int i = (int)roll(ROOMS);
	bool taken;

	if (!rooms[i].used)
		return;
	taken = model_name_taken(i, name);
	st = roomtab_join(tab, rooms[i].room, 12, &who, &made);
	if (model_count(i, false) >= 12 || st == ST_UNABLE) {
		ck_assert_int_eq(st, ST_UNABLE);
		ck_assert(model_count(i, false) >= 12 ||
		    tab->a->j.reap != 0 || model_free_member() == -1);
		return;
	}
	ck_assert_int_eq(st, ST_OK);
	ck_assert_int_eq(taken, strcmp(made.name, name) != 0);
	ck_assert(!model_name_taken(i, made.name));
	ck_assert_mem_eq(made.name, name, strlen(name) < 200 ?
	    strlen(name) : 200);
	model_add(i, false, &made, who.addr.port);
}

static void
step_spend(void)
{
	char name[NAME_MAX_BYTES + 1];
	struct member_new who = newcomer(name);
	struct member_made made;
	int i = model_pick(true), room;
	enum status st;

	if (i == -1)
		return;
	room = members[i].room;
	st = roomtab_join_invite(tab, members[i].slot, members[i].gen, 12,
	    &who, &made);
	if (model_count(room, false) >= 12) {
		ck_assert_int_eq(st, ST_UNABLE);
		return;
	}
	ck_assert_int_eq(st, ST_OK);
	ck_assert_int_eq(roomtab_join_invite(tab, members[i].slot,
	    members[i].gen, 12, &who, &made), ST_DENIED);
	members[i].used = false;
	/* the second call must not have touched what the first one made */
	made.slot = roomtab_find_member(tab, rooms[room].room, made.name,
	    made.name_len);
	ck_assert_uint_ne(made.slot, ROOMTAB_NONE);
	made.gen = roomtab_member_gen(tab, made.slot);
	ck_assert_uint_eq(roomtab_find_token(tab, made.token,
	    made.token_len), made.slot);
	model_add(room, false, &made, who.addr.port);
}

static void
step_remove(void)
{
	int i = model_pick(roll(10) == 0), room;

	if (i == -1)
		return;
	room = members[i].room;
	ck_assert_int_eq(roomtab_remove(tab, members[i].slot, members[i].gen,
	    END_LEFT), 0);
	ck_assert_int_eq(roomtab_remove(tab, members[i].slot, members[i].gen,
	    END_LEFT), -1);
	members[i].used = false;
	if (rooms[room].host == i)
		rooms[room].host = -1;
}

static void
model_close(int room)
{
	int m;

	rooms[room].used = false;
	for (m = 0; m < MEMBERS; m++)
		if (members[m].used && members[m].room == room)
			members[m].used = false;
}

static void
step_close(void)
{
	int i = (int)roll(ROOMS);

	if (!rooms[i].used || roll(3) != 0)
		return;
	ck_assert_int_eq(roomtab_close(tab, rooms[i].room, rooms[i].gen,
	    END_HOST_LEFT), 0);
	ck_assert_int_eq(roomtab_close(tab, rooms[i].room, rooms[i].gen,
	    END_HOST_LEFT), -1);
	model_close(i);
}

static void
step_remove_and_close(void)
{
	int i = model_pick(roll(10) == 0);

	if (i == -1 || roll(6) != 0)
		return;
	ck_assert_int_eq(roomtab_remove_and_close(tab, members[i].slot,
	    members[i].gen, END_IDLE, END_HOST_LEFT), 0);
	ck_assert_int_eq(roomtab_remove_and_close(tab, members[i].slot,
	    members[i].gen, END_IDLE, END_HOST_LEFT), -1);
	ck_assert_int_eq(roomtab_close(tab, rooms[members[i].room].room,
	    rooms[members[i].room].gen, END_HOST_LEFT), -1);
	model_close(members[i].room);
}

static void
step_port(void)
{
	int i = model_pick(false);

	if (i == -1)
		return;
	members[i].port = (uint16_t)roll(65536);
	ck_assert_int_eq(roomtab_set_port(tab, members[i].slot,
	    members[i].gen, members[i].port), 0);
}

static void
random_step(void)
{
	static void (*const steps[])(void) = {
		step_create, step_create, step_join, step_join, step_join,
		step_create, step_spend, step_remove, step_remove,
		step_close, step_remove_and_close, step_port,
	};

	steps[roll(sizeof(steps) / sizeof(steps[0]))]();
	if (roll(3) == 0)
		(void)roomtab_reap(tab);
}

#endif
