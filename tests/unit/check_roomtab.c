/* SPDX-License-Identifier: ISC */
/*
 * The room table against a plain model under random operations, and its
 * recovery from a death after any single store of a transaction.
 */
#include "roomtab_model.h"

/* ---- random operations ---- */

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

/*
 * Death after the k-th store of a transaction, for every k: the image with
 * the first k entries of the journal's words stored is what a kill leaves.
 * (The images between single instructions are made by another test.)
 */
START_TEST(test_undo)
{
	const size_t size = roomtab_size(&limits);
	const size_t j = offsetof(struct roomtab_area, j);
	uint8_t *before = malloc(size), *after = malloc(size);
	uint8_t *undone = malloc(size);
	uint32_t *words = area, n, k, i;
	int step;

	ck_assert(before != NULL && after != NULL && undone != NULL);
	seed = 4711;
	for (step = 0; step < 120; step++) {
		memcpy(before, area, size);
		random_step();
		memcpy(after, area, size);
		n = tab->a->jn;
		if (memcmp(before + j, after + j, size - j) == 0)
			continue;
		for (k = 0; k <= n; k++) {
			/* rebuild: all undone but the first k stores */
			for (i = n; i-- > k;)
				words[tab->a->journal[i].word] =
				    tab->a->journal[i].old;
			tab->a->jn = k;
			tab->a->jact = 1;
			tab->a->seq++;
			ck_assert_int_eq(roomtab_recover(tab), 1);
			ck_assert_uint_eq(tab->a->seq & 1, 0);
			if (k == 0)
				memcpy(undone, area, size);
			ck_assert(memcmp(undone + j, (uint8_t *)area + j,
			    size - j) == 0);
			memcpy(area, after, size);
		}
	}
	free(before);
	free(after);
	free(undone);
}
END_TEST

START_TEST(test_half_done_is_not_read)
{
	struct roomtab_change c[4];
	uint32_t tail = roomtab_change_head(reader), slot = 0;

	seed = 5;
	step_create();
	tab->a->seq++;
	ck_assert_int_eq(roomtab_changes(reader, &tail, c, 4, 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(roomtab_scan(reader, &slot, c, 4, 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	tab->a->seq++;
	ck_assert_int_eq(roomtab_changes(reader, &tail, c, 4, 1), 1);
	ck_assert(c[0].live && !c[0].is_room);
}
END_TEST

START_TEST(test_bad_journal)
{
	seed = 5;
	step_create();
	tab->a->jn = 1;
	tab->a->journal[0].word = 0;		/* before the journalled part */
	tab->a->jact = 1;
	ck_assert_int_eq(roomtab_recover(tab), -1);
	tab->a->journal[0].word = (uint32_t)(tab->shape.size / 4);
	ck_assert_int_eq(roomtab_recover(tab), -1);
	tab->a->jn = JOURNAL_MAX + 1;
	ck_assert_int_eq(roomtab_recover(tab), -1);
}
END_TEST

START_TEST(test_damage_is_found)
{
	uint32_t *word;

	seed = 9;
	while (roomtab_members(tab) < 20)
		random_step();
	ck_assert_int_eq(roomtab_recover(tab), 0);
	word = &tab->a->j.members;
	++*word;
	ck_assert_int_eq(roomtab_recover(tab), -1);
	--*word;
	word = &tab->member[3].prev;
	*word ^= 1;
	ck_assert_int_eq(roomtab_recover(tab), -1);
	*word ^= 1;
	ck_assert_int_eq(roomtab_recover(tab), 0);
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
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_model, 0, 4);
	tcase_add_test(tc, test_undo);
	tcase_add_test(tc, test_half_done_is_not_read);
	tcase_add_test(tc, test_bad_journal);
	tcase_add_test(tc, test_damage_is_found);
	tcase_add_test(tc, test_limits_of_region);
	tcase_add_test(tc, test_many_of_one_name);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
