/* SPDX-License-Identifier: ISC */
/* The bounded reader and writer: values, limits, and staying bad. */
#include <check.h>
#include <string.h>

#include "cursor.h"
#include "run_suite.h"

START_TEST(test_reads)
{
	const uint8_t bytes[] = { 1, 2, 3, 0xff, 0xfe, 0xfd, 0xfc, 9, 8 };
	struct reader r = reader_make(bytes, sizeof(bytes));

	ck_assert_uint_eq(reader_u8(&r), 1);
	ck_assert_uint_eq(reader_be16(&r), 0x0203);
	ck_assert_uint_eq(reader_be32(&r), 0xfffefdfc);
	ck_assert_ptr_eq(reader_bytes(&r, 2), bytes + 7);
	ck_assert_uint_eq(r.left, 0);
	ck_assert(!r.bad);
	/* Nothing of nothing is there, and is no error. */
	ck_assert_ptr_eq(reader_bytes(&r, 0), bytes + sizeof(bytes));
	ck_assert(!r.bad);
}
END_TEST

static const struct {
	const char	*what;
	size_t		 have, want;
} short_reads[] = {
	{ "a byte of none", 0, 1 },
	{ "two of one", 1, 2 },
	{ "four of three", 3, 4 },
	{ "one too many", 9, 10 },
	{ "more than there is memory", 9, SIZE_MAX },
};

START_TEST(test_short_read)
{
	const uint8_t bytes[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	struct reader r = reader_make(bytes, short_reads[_i].have);
	const uint8_t *p;

	switch (short_reads[_i].want) {
	case 1:
		ck_assert_uint_eq(reader_u8(&r), 0);
		break;
	case 2:
		ck_assert_uint_eq(reader_be16(&r), 0);
		break;
	case 4:
		ck_assert_uint_eq(reader_be32(&r), 0);
		break;
	default:
		p = reader_bytes(&r, short_reads[_i].want);
		ck_assert_msg(p == NULL, "%s", short_reads[_i].what);
	}
	ck_assert_msg(r.bad, "%s", short_reads[_i].what);
	/* What would have fitted gives zeros from now on. */
	ck_assert_uint_eq(reader_u8(&r), 0);
	ck_assert_uint_eq(reader_be16(&r), 0);
	ck_assert_uint_eq(reader_be32(&r), 0);
	ck_assert_ptr_null(reader_bytes(&r, 0));
	ck_assert(r.bad);
}
END_TEST

START_TEST(test_reads_nothing)
{
	struct reader r = reader_make(NULL, 0);

	ck_assert_ptr_null(reader_bytes(&r, 0));
	ck_assert(!r.bad);
	ck_assert_uint_eq(reader_u8(&r), 0);
	ck_assert(r.bad);
}
END_TEST

START_TEST(test_writes)
{
	static const uint8_t want[] = { 7, 0x12, 0x34, 0x89, 0xab, 0xcd,
	    0xef, 'a', 'b', 0, 0, 0, 'x', 'y' };
	uint8_t buf[sizeof(want)];
	struct writer w = writer_make(buf, sizeof(buf));

	memset(buf, 0xee, sizeof(buf));
	writer_u8(&w, 7);
	writer_be16(&w, 0x1234);
	writer_be32(&w, 0x89abcdef);
	writer_string(&w, "ab");
	writer_zeros(&w, 3);
	writer_bytes(&w, "xy", 2);
	writer_bytes(&w, NULL, 0);
	ck_assert(!w.bad);
	ck_assert_uint_eq(w.len, sizeof(want));
	ck_assert_mem_eq(buf, want, sizeof(want));
}
END_TEST

/* Whatever is one byte too long writes nothing at all, and ends writing. */
START_TEST(test_full)
{
	static const size_t sizes[] = { 1, 2, 4, 5, 6 };
	uint8_t buf[8];
	struct writer w = writer_make(buf, sizes[_i] - 1);

	memset(buf, 0xee, sizeof(buf));
	switch (_i) {
	case 0:
		writer_u8(&w, 1);
		break;
	case 1:
		writer_be16(&w, 1);
		break;
	case 2:
		writer_be32(&w, 1);
		break;
	case 3:
		writer_string(&w, "abcde");
		break;
	case 4:
		writer_zeros(&w, 6);
		break;
	}
	ck_assert(w.bad);
	ck_assert_uint_eq(w.len, 0);
	writer_bytes(&w, NULL, 0);
	writer_string(&w, "");
	if (sizes[_i] > 1)
		writer_u8(&w, 1);
	ck_assert(w.bad);
	ck_assert_uint_eq(w.len, 0);
	ck_assert_uint_eq(buf[0], 0xee);
	ck_assert_uint_eq(buf[7], 0xee);
}
END_TEST

START_TEST(test_huge_write)
{
	uint8_t buf[4];
	struct writer w = writer_make(buf, sizeof(buf));

	writer_u8(&w, 1);
	writer_zeros(&w, SIZE_MAX);
	ck_assert(w.bad);
	ck_assert_uint_eq(w.len, 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cursor");
	TCase *tc = tcase_create("cursor");

	tcase_add_test(tc, test_reads);
	tcase_add_loop_test(tc, test_short_read, 0,
	    sizeof(short_reads) / sizeof(short_reads[0]));
	tcase_add_test(tc, test_reads_nothing);
	tcase_add_test(tc, test_writes);
	tcase_add_loop_test(tc, test_full, 0, 5);
	tcase_add_test(tc, test_huge_write);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
