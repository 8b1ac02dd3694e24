/* SPDX-License-Identifier: ISC */
/*
 * JSON of the chat client both ways, and which of a list of members we are.
 */
#include <stdlib.h>
#include <string.h>

#include "client/ocm_json.h"
#include "client/ocm_name.h"
#include "run_suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) (s), sizeof(s) - 1

static void
expect_string(char *got, const char *want)
{
	ck_assert_ptr_nonnull(got);
	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(test_json_request)
{
	expect_string(json_request("花", "p\"w"),
	    "{\"username\": \"花\", \"password\": \"p\\\"w\"}");
	expect_string(json_request("bob", ""), "{\"username\": \"bob\"}");
}
END_TEST

START_TEST(test_json_line)
{
	struct timespec when = { 951782400, 7999999 };	/* a leap day */
	struct said said = { BYTES("花"), BYTES("a\"\\\033\0b") };

	json_ascii_only(false);
	expect_string(json_line(&when, "部屋", &said),
	    "{\"time\":\"2000-02-29T00:00:00.007Z\",\"room\":\"部屋\","
	    "\"from\":\"花\",\"text\":\"a\\\"\\\\\\u001B\\u0000b\"}");
	said.from = NULL;
	said.text = "\xff\xe3\x81z\xed\xa0\x80";
	said.text_len = 7;
	expect_string(json_line(&when, NULL, &said),
	    "{\"time\":\"2000-02-29T00:00:00.007Z\",\"room\":null,"
	    "\"from\":null,\"text\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}");
}
END_TEST

/* On a terminal not even a C1 control comes out as itself. */
START_TEST(test_json_ascii)
{
	struct timespec when = { 0, 0 };
	struct said said = { NULL, 0, BYTES("\xc2\x9b" "2J") };

	json_ascii_only(true);
	expect_string(json_line(&when, NULL, &said),
	    "{\"time\":\"1970-01-01T00:00:00.000Z\",\"room\":null,"
	    "\"from\":null,\"text\":\"\\u009B2J\"}");
	json_ascii_only(false);
}
END_TEST

START_TEST(test_json_entries)
{
	struct entries all;

	ck_assert_int_eq(json_entries(&all, BYTES("[\"b\", \"ab\", \"a\"]")),
	    0);
	ck_assert_uint_eq(all.count, 3);
	ck_assert_str_eq(all.list[0].name, "a");
	ck_assert_str_eq(all.list[1].name, "ab");
	ck_assert_str_eq(all.list[2].name, "b");
	expect_string(json_entry("a", 1, NULL), "{\"room\":\"a\"}");
	entries_free(&all);
	ck_assert_int_eq(json_entries(&all, BYTES("[{\"name\": \"花\", "
	    "\"host\": true}, {\"name\": \"bob\", \"host\": false}]")), 0);
	ck_assert_uint_eq(all.count, 2);
	ck_assert(!all.list[0].host);
	ck_assert(all.list[1].host);
	expect_string(json_entry("r", 1, &all.list[1]),
	    "{\"room\":\"r\",\"name\":\"花\",\"host\":true}");
	entries_free(&all);
	ck_assert_int_eq(json_entries(&all, BYTES("[]")), 0);
	ck_assert_uint_eq(all.count, 0);
	entries_free(&all);
}
END_TEST

static const char *const bad_entries[] = {
	"", "{}", "[", "[1]", "[\"a\", 1]", "[{}]", "[{\"name\": 1}]", "null",
	"[\"\xff\"]", "[\"a\"] x", "\"a\"", "[[\"a\"]]", "[null]",
};

START_TEST(test_json_bad_entries)
{
	struct entries all;

	ck_assert_int_eq(json_entries(&all, bad_entries[_i],
	    strlen(bad_entries[_i])), -1);
	ck_assert_uint_eq(all.count, 0);
	ck_assert_ptr_null(all.list);
}
END_TEST

/* ---- ocm_name ---- */

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X250 X50 X50 X50 X50 X50

static const struct {
	const char	*list;		/* the names, oldest first */
	const char	*asked, *want;
	bool		 sure;
} rosters[] = {
	{ "[]", "bob", NULL, true },
	{ "[\"alice\"]", "bob", NULL, true },
	{ "[\"alice\", \"bob\"]", "bob", "bob", true },
	{ "[\"bob\", \"bobby\", \"bob~\", \"~2\"]", "bob", "bob", true },
	{ "[\"bob\", \"alice\", \"bob~2\"]", "bob", "bob~2", false },
	{ "[\"bob~2\", \"bob~10\", \"bob\"]", "bob", "bob", false },
	/* He may have chosen it, and the one whose name was taken is gone. */
	{ "[\"bob~2\"]", "bob", "bob~2", true },
	{ "[\"bob~2\", \"bob~2~2\"]", "bob~2", "bob~2~2", false },
	{ "[\"" X250 "12345\", \"" X250 "123~2\"]", X250 "12345",
	    X250 "123~2", false },
	/* A character is not cut in two. */
	{ "[\"" X250 "ab\u3042\", \"" X250 "ab~2\"]", X250 "ab\u3042",
	    X250 "ab~2", false },
	{ "[\"bo~2\"]", "bob", NULL, true },
};

START_TEST(test_name_among)
{
	const struct entry *ours;
	struct entries all;
	bool sure;

	ck_assert_int_eq(json_entries(&all, rosters[_i].list,
	    strlen(rosters[_i].list)), 0);
	ours = name_among(&all, rosters[_i].asked, &sure);
	ck_assert_pstr_eq(ours != NULL ? ours->name : NULL, rosters[_i].want);
	ck_assert_int_eq(sure, rosters[_i].sure);
	entries_free(&all);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("client_json");
	TCase *tc = tcase_create("json");

	tcase_add_test(tc, test_json_request);
	tcase_add_test(tc, test_json_line);
	tcase_add_test(tc, test_json_ascii);
	tcase_add_test(tc, test_json_entries);
	tcase_add_loop_test(tc, test_json_bad_entries, 0,
	    (int)COUNT(bad_entries));
	tcase_add_loop_test(tc, test_name_among, 0, (int)COUNT(rosters));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
