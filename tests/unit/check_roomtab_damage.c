/* SPDX-License-Identifier: ISC */
/*
 * The recovery of a room table: from a death after any single store of a
 * transaction, from a journal that cannot be, and from damage.
 */
#include "roomtab_steps.h"
#include "run_suite.h"

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

/* ---- each way in which a table can be wrong ---- */

static struct member_made
come(const char *room, const char *name)
{
	struct member_new who = { .name = name, .name_len = strlen(name),
	    .now_ms = 1 };
	const uint32_t r = roomtab_find(tab, room, strlen(room));
	struct member_made made;

	ck_assert_int_eq(r == ROOMTAB_NONE ? roomtab_create(tab, room,
	    strlen(room), NULL, &who, &made, NULL, 0) :
	    roomtab_join(tab, r, 12, &who, &made), ST_OK);
	return made;
}

static void
leave(const struct member_made *m)
{
	ck_assert_int_eq(roomtab_remove(tab, m->slot, m->gen, END_LEFT), 0);
}

static void
shut(const struct member_made *m)
{
	ck_assert_int_eq(roomtab_close(tab, m->room, room_gen_of(tab,
	    m->room), END_OPERATOR), 0);
}

static void
damage(const char *what, void *where, uint32_t value)
{
	uint32_t *word = where;
	const uint32_t was = *word;

	ck_assert_msg(was != value, "%s: nothing changed", what);
	*word = value;
	ck_assert_msg(roomtab_recover(tab) == -1, "%s is not found", what);
	*word = was;
	ck_assert_msg(roomtab_recover(tab) == 0, "%s is not mended", what);
}
#define DAMAGE(word, value)	damage(#word " = " #value, &(word), value)

/* Another first letter, with which it would lie in another bucket. */
static uint32_t
misplaced_room(uint32_t room)
{
	const struct room_rec *r = &tab->room[room];
	uint32_t name[NAME_WORDS], at;

	memcpy(name, r->name, sizeof(name));
	at = room_bucket_of(tab, name, r->name_len);
	while (room_bucket_of(tab, name, r->name_len) == at)
		name[0]++;
	return name[0];
}

static uint32_t
misplaced_member(uint32_t slot)
{
	const struct member_rec *m = &tab->member[slot];
	uint32_t name[SHORT_WORDS], at;

	memcpy(name, m->name, sizeof(name));
	at = member_bucket_of(tab, m->room, name, m->name_len);
	while (member_bucket_of(tab, m->room, name, m->name_len) == at)
		name[0]++;
	return name[0];
}

START_TEST(test_each_damage_is_found)
{
	struct member_made a = come("x", "a"), b = come("x", "b");
	struct member_made c = come("x", "c"), d = come("y", "d");
	struct member_made e = come("y", "e"), f = come("z", "f");
	struct member_made g = come("w", "g");
	struct room_rec *x = &tab->room[a.room];
	struct member_rec *m = &tab->member[a.slot];
	uint32_t *bucket;

	leave(&c);
	leave(&e);		/* the first of two free ones */
	shut(&f);
	while (roomtab_reap(tab))
		;
	shut(&g);		/* closed, and not reaped yet */
	ck_assert_int_eq(roomtab_recover(tab), 0);

	DAMAGE(tab->a->j.rooms, 3);
	DAMAGE(tab->a->j.members, 4);
	DAMAGE(tab->a->j.room_fresh, ROOMS + 1);
	DAMAGE(tab->a->j.member_fresh, MEMBERS + 1);
	DAMAGE(tab->a->j.reap, 0);
	DAMAGE(tab->a->j.room_free, 0);
	DAMAGE(tab->a->j.member_free, tab->member[f.slot].link);
	DAMAGE(tab->a->j.member_free, MEMBERS + 1);
	DAMAGE(tab->member[e.slot].link, e.slot + 1);
	DAMAGE(tab->member[e.slot].link, a.slot + 1);
	DAMAGE(tab->member_gen[e.slot], e.gen + 2);
	DAMAGE(tab->member_gen[a.slot], a.gen + 1);
	DAMAGE(tab->room_gen[f.room], room_gen_of(tab, f.room) + 1);
	DAMAGE(tab->room_gen[g.room], room_gen_of(tab, g.room) + 1);
	DAMAGE(tab->room_gen[a.room], room_gen_of(tab, a.room) + 1);
	DAMAGE(tab->room[g.room].members, 2);
	DAMAGE(x->members, 3);
	DAMAGE(x->host, d.slot + 1);
	DAMAGE(x->first, tab->member[x->first - 1].next);
	DAMAGE(x->name_len, 0);
	DAMAGE(x->name_len, NAME_MAX_BYTES + 1);
	DAMAGE(x->name[0], misplaced_room(a.room));
	DAMAGE(m->prev, 0);
	DAMAGE(m->next, b.slot + 1);
	DAMAGE(m->room, d.room);
	DAMAGE(m->name_len, 0);
	DAMAGE(m->name_len, NAME_MAX_BYTES + 1);
	DAMAGE(m->name[0], misplaced_member(a.slot));
	DAMAGE(m->flags, m->flags & 0xffffff);
	DAMAGE(m->flags, (m->flags & 0xffffff) | KIND_INVITE << 24);
	bucket = &tab->room_bucket[room_bucket_of(tab, x->name, x->name_len)];
	DAMAGE(*bucket, tab->room[*bucket - 1].link);
	bucket = &tab->member_bucket[member_bucket_of(tab, a.room, m->name,
	    m->name_len)];
	DAMAGE(*bucket, tab->member[*bucket - 1].link);
	DAMAGE(*bucket, b.slot + 1 == *bucket ? d.slot + 1 : b.slot + 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("roomtab_damage");
	TCase *tc = tcase_create("damage");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_undo);
	tcase_add_test(tc, test_half_done_is_not_read);
	tcase_add_test(tc, test_bad_journal);
	tcase_add_test(tc, test_damage_is_found);
	tcase_add_test(tc, test_each_damage_is_found);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
