/* SPDX-License-Identifier: ISC */
/*
 * The room table against a plain model under random operations, and what a
 * reader pieces together of it.
 */
#include <pthread.h>

#include "roomtab_steps.h"
#include "run_suite.h"

static void
compare_members(void)
{
	struct member_info info;
	unsigned live = 0;
	int i;

	for (i = 0; i < MEMBERS; i++) {
		if (!members[i].used)
			continue;
		live += !members[i].invite;
		ck_assert_uint_eq(roomtab_find_token(tab, members[i].token,
		    members[i].token_len), members[i].slot);
		ck_assert(roomtab_member(tab, members[i].slot, &info));
		ck_assert_uint_eq(info.gen, members[i].gen);
		ck_assert_uint_eq(info.room, rooms[members[i].room].room);
		ck_assert_str_eq((char *)info.name, members[i].name);
		ck_assert_int_eq(info.is_invite, members[i].invite);
		ck_assert_int_eq(info.is_host,
		    rooms[members[i].room].host == i);
		if (!members[i].invite)
			ck_assert_uint_eq(info.addr.port, members[i].port);
	}
	ck_assert_uint_eq(roomtab_members(tab), live);
}

static void
compare_rooms(void)
{
	struct room_info info;
	struct member_info m;
	uint8_t password[ROOMTAB_PASSWORD];
	unsigned open = 0, n;
	uint32_t slot;
	int i;

	for (i = 0; i < ROOMS; i++) {
		if (!rooms[i].used)
			continue;
		open++;
		ck_assert_uint_eq(roomtab_find(tab, rooms[i].name,
		    strlen(rooms[i].name)), rooms[i].room);
		ck_assert(roomtab_room(tab, rooms[i].room, &info));
		ck_assert_uint_eq(info.members,
		    (unsigned)model_count(i, false));
		for (n = 0, slot = info.first; slot != ROOMTAB_NONE;
		    slot = m.next, n++)
			ck_assert(roomtab_member(tab, slot, &m));
		ck_assert_uint_eq(n, (unsigned)model_count(i, true));
		memset(password, rooms[i].name[6], sizeof(password));
		ck_assert(roomtab_password_ok(tab, info.room, password));
		password[31] ^= 1;
		ck_assert_int_eq(roomtab_password_ok(tab, info.room,
		    password), !rooms[i].password);
		ck_assert_int_eq(roomtab_password_ok(tab, info.room, NULL),
		    !rooms[i].password);
	}
	ck_assert_uint_eq(roomtab_rooms(tab), open);
}

/*
 * What a reader pieces together out of changes equals the table.  A record
 * may be newer than the entry that points at it, so generations decide.
 */
static uint32_t known_gen[MEMBERS], known_room[MEMBERS];
static uint32_t known_room_gen[MEMBERS];

static void
learn(const struct roomtab_change *c)
{
	uint32_t slot;

	if (!c->is_room) {
		known_gen[c->index] = c->live ? c->member.gen : 0;
		known_room[c->index] = c->member.room;
		known_room_gen[c->index] = c->room.gen;
		return;
	}
	for (slot = 0; slot < MEMBERS; slot++)
		if (known_room[slot] == c->index &&
		    known_room_gen[slot] != c->room.gen)
			known_gen[slot] = 0;
}

static void
rescan(void)
{
	struct roomtab_change c[64];
	uint32_t slot = 0;
	int i, n;

	memset(known_gen, 0, sizeof(known_gen));
	while (slot < MEMBERS) {
		n = roomtab_scan(reader, &slot, c, 64, 1);
		ck_assert_int_ge(n, 0);
		for (i = 0; i < n; i++)
			learn(&c[i]);
	}
}

static void
follow(uint32_t *tail)
{
	struct roomtab_change c[64];
	int i, n;

	while ((n = roomtab_changes(reader, tail, c, 64, 1)) != 0) {
		if (n == -1) {
			ck_assert_int_eq(errno, EOVERFLOW);
			rescan();
			continue;
		}
		for (i = 0; i < n; i++)
			learn(&c[i]);
	}
}

static void
compare_reader(void)
{
	uint32_t expect[MEMBERS] = { 0 };
	int i;

	for (i = 0; i < MEMBERS; i++)
		if (members[i].used && !members[i].invite)
			expect[members[i].slot] = members[i].gen;
	ck_assert_mem_eq(expect, known_gen, sizeof(expect));
}

START_TEST(test_model)
{
	static const unsigned seeds[] = { 1, 20240607, 0xdeadbeef, 77 };
	uint32_t tail = roomtab_change_head(reader);
	int i;

	seed = seeds[_i];
	for (i = 0; i < STEPS / 4; i++) {
		unsigned before = seed;

		random_step();
		/* now and then so late that the ring overflows */
		if (i % 16 == 0 && i % 20000 > 9000) {
			follow(&tail);
			compare_reader();
		}
		if (i % 64 == 0) {
			compare_members();
			compare_rooms();
			if (roomtab_recover(tab) != 0)
				ck_abort_msg("seed %u step %d (state %u): "
				    "table not whole", seeds[_i], i, before);
		}
	}
	while (roomtab_reap(tab))
		;
	follow(&tail);
	compare_reader();
	ck_assert_int_eq(roomtab_recover(tab), 0);
}
END_TEST

static _Atomic bool enough;

/* Writes as if the lock were nothing to it. */
static void *
write_anyway(void *arg)
{
	(void)arg;
	while (!enough)
		atomic_fetch_add(&tab->a->seq, 2);
	return NULL;
}

/* Who was killed over the lock may live a moment longer, and write. */
START_TEST(test_written_under_the_readers_lock)
{
	static struct roomtab_change c[CHANGE_RING];
	uint32_t tail = roomtab_change_head(reader), at = tail, slot = 0;
	pthread_t writer;

	seed = 6;
	while (roomtab_change_head(reader) - tail < CHANGE_RING / 2)
		random_step();
	ck_assert_int_eq(pthread_create(&writer, NULL, write_anyway, NULL),
	    0);
	while (roomtab_changes(reader, &at, c, CHANGE_RING, 1) != -1)
		at = tail;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(at, tail);	/* not one of them is believed */
	while (roomtab_scan(reader, &slot, c, MEMBERS, 1) != -1)
		slot = 0;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(slot, 0);
	enough = true;
	ck_assert_int_eq(pthread_join(writer, NULL), 0);
	ck_assert_int_gt(roomtab_changes(reader, &at, c, CHANGE_RING, 1), 0);
}
END_TEST

START_TEST(test_limits_of_region)
{
	struct roomtab_limits other = { ROOMS, MEMBERS + 1 };

	ck_assert_ptr_null(roomtab_open_reader(area, &other, reader_lock));
}
END_TEST

START_TEST(test_many_of_one_name)
{
	char name[NAME_MAX_BYTES + 1];
	struct member_new who = { 0 };
	struct member_made made;
	uint32_t room;
	int i;

	memset(name, 'x', sizeof(name));
	who.name = name;
	who.name_len = NAME_MAX_BYTES;
	ck_assert_int_eq(roomtab_create(tab, "r", 1, NULL, &who, &made, NULL,
	    0), ST_OK);
	room = made.room;
	for (i = 2; i <= 120; i++) {
		ck_assert_int_eq(roomtab_join(tab, room, MEMBERS, &who,
		    &made), ST_OK);
		ck_assert_uint_eq(made.name_len, NAME_MAX_BYTES);
		ck_assert_uint_lt(roomtab_find_member(tab, room, made.name,
		    made.name_len), MEMBERS);
	}
	ck_assert_int_eq(roomtab_recover(tab), 0);
	ck_assert_uint_eq(roomtab_members(tab), 120);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("roomtab");
	TCase *tc = tcase_create("roomtab");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_model, 0, 4);
	tcase_add_test(tc, test_written_under_the_readers_lock);
	tcase_add_test(tc, test_limits_of_region);
	tcase_add_test(tc, test_many_of_one_name);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
