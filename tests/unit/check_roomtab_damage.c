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
	suite_add_tcase(s, tc);
	return run_suite(s);
}
