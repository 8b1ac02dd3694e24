/* SPDX-License-Identifier: ISC */
/* client/ctl_table: columns stay aligned, and no text acts on a terminal. */
#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl_table.h"
#include "run_suite.h"

static char printed[4096];

/* What table_print writes to standard output. */
static const char *
print(struct table *t)
{
	char path[] = "/tmp/ocm-check-table-XXXXXX";
	int fd = mkstemp(path), saved = dup(STDOUT_FILENO);
	ssize_t n;

	ck_assert_int_ne(fd, -1);
	ck_assert_int_ne(saved, -1);
	fflush(stdout);
	ck_assert_int_ne(dup2(fd, STDOUT_FILENO), -1);
	table_print(t);
	fflush(stdout);
	ck_assert_int_ne(dup2(saved, STDOUT_FILENO), -1);
	n = pread(fd, printed, sizeof(printed) - 1, 0);
	ck_assert_int_ge(n, 0);
	printed[n] = '\0';
	close(fd);
	close(saved);
	unlink(path);
	return printed;
}

START_TEST(widths)
{
	ck_assert_uint_eq(table_width(""), 0);
	ck_assert_uint_eq(table_width("abc"), 3);
	ck_assert_uint_eq(table_width("部屋"), 4);
	ck_assert_uint_eq(table_width("a部b"), 4);
	ck_assert_uint_eq(table_width("ｱｲｳ"), 3);	/* half width */
	ck_assert_uint_eq(table_width("e\xcc\x81"), 1);	/* combining */
	ck_assert_uint_eq(table_width("\xff"), 1);
}
END_TEST

START_TEST(columns_are_aligned)
{
	struct table *t = table_new(3);

	table_right(t, 1);
	table_add(t, "ROOM");
	table_add(t, "N");
	table_add(t, "HOST");
	table_add(t, "部屋");
	table_add_number(t, 7);
	table_add(t, "アリス");
	table_add(t, "tea room");
	table_add_number(t, 65536);
	table_add(t, "bob");
	ck_assert_str_eq(print(t),
	    "ROOM          N  HOST\n"
	    "部屋          7  アリス\n"
	    "tea room  65536  bob\n");
}
END_TEST

START_TEST(texts_are_harmless)
{
	struct table *t = table_new(2);

	table_add(t, "\x1b[2J");
	table_add(t, "a\nb");
	ck_assert_str_eq(print(t), "\\x1b[2J  a\\x0ab\n");
	t = table_new(1);
	table_add(t, "\xe2\x80\xae");		/* right to left override */
	ck_assert_str_eq(print(t), "\\u{202e}\n");
}
END_TEST

START_TEST(many_rows)
{
	struct table *t = table_new(1);
	int i;

	for (i = 0; i < 200; i++)
		table_add_number(t, i % 10);
	ck_assert_uint_eq(strlen(print(t)), 400);
}
END_TEST

START_TEST(durations)
{
	static const struct {
		long long	 seconds;
		const char	*text;
	} cases[] = {
		{ 0, "0 s" }, { 59, "59 s" }, { 60, "1 min" },
		{ 3599, "59 min" }, { 3600, "1 h 0 min" },
		{ 86399, "23 h 59 min" }, { 86400, "1 d 0 h" },
		{ 1000000, "11 d 13 h" },
	};
	char text[64];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(table_duration(text, sizeof(text),
		    cases[i].seconds), cases[i].text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ctl_table");
	TCase *tc = tcase_create("tables");

	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		(void)setlocale(LC_CTYPE, "");
	tcase_add_test(tc, widths);
	tcase_add_test(tc, columns_are_aligned);
	tcase_add_test(tc, texts_are_harmless);
	tcase_add_test(tc, many_rows);
	tcase_add_test(tc, durations);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
