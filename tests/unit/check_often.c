/* SPDX-License-Identifier: ISC */
/* How often who did what in a millisecond; nobody is taken for another. */
#include "../../relayd/often.h"
#include "run_suite.h"

static struct often o;

START_TEST(test_counts)
{
	ck_assert_uint_eq(often_times(&o, 5, 7, OFTEN_IDLE), 0);
	ck_assert_uint_eq(often_again(&o, 5, 7, OFTEN_IDLE), 0);
	ck_assert_uint_eq(often_again(&o, 5, 7, OFTEN_IDLE), 1);
	ck_assert_uint_eq(often_times(&o, 5, 7, OFTEN_IDLE), 2);
	/* neither anything else, nor of all, nor later */
	ck_assert_uint_eq(often_times(&o, 5, 7, OFTEN_REFUSED), 0);
	ck_assert_uint_eq(often_times(&o, 5, OFTEN_ALL, OFTEN_IDLE), 0);
	ck_assert_uint_eq(often_times(&o, 6, 7, OFTEN_IDLE), 0);
	ck_assert_uint_eq(often_again(&o, 6, 7, OFTEN_IDLE), 0);
}
END_TEST

/* Who has the same place, all of them too, is forgotten rather than blamed. */
START_TEST(test_same_place)
{
	const uint32_t same = 7 + OFTEN_PLACES, last = OFTEN_PLACES - 1;

	(void)often_again(&o, 5, 7, OFTEN_IDLE);
	ck_assert_uint_eq(often_times(&o, 5, same, OFTEN_IDLE), 0);
	ck_assert_uint_eq(often_again(&o, 5, same, OFTEN_IDLE), 0);
	ck_assert_uint_eq(often_times(&o, 5, same, OFTEN_IDLE), 1);
	ck_assert_uint_eq(often_times(&o, 5, 7, OFTEN_IDLE), 0);
	(void)often_again(&o, 5, OFTEN_ALL, OFTEN_BLIND);
	(void)often_again(&o, 5, last, OFTEN_BLIND);
	ck_assert_uint_eq(often_again(&o, 5, OFTEN_ALL, OFTEN_BLIND), 1);
	ck_assert_uint_eq(often_again(&o, 5, last, OFTEN_BLIND), 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("often");
	TCase *tc = tcase_create("often");

	tcase_add_test(tc, test_counts);
	tcase_add_test(tc, test_same_place);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
