/* SPDX-License-Identifier: ISC */
/*
 * ocmd/conf: for every error in a file or an override the file, the line and
 * the setting; comments, and files that are none.
 */
#include <sys/stat.h>

#include "conf_fixture.h"
#include "run_suite.h"

/* Texts of a file, and what the error must hold after its name. */
static const struct {
	const char	*text, *says;
} broken[] = {
	{ "idle = 300\nidle = abc\n", ":2: idle: \"abc\" is not a number" },
	{ "# x\n\nnonsense = 1\n", ":3: there is no setting \"nonsense\"" },
	{ "idel = 1\n", ":1: there is no setting \"idel\"; did you mean "
	    "\"idle\"?" },
	{ "max_rooms = 1\n", "did you mean \"max-rooms\"?" },
	{ "idle 300\n", ":1: missing equal sign after option 'idle'" },
	{ "idle = 300;\n", ":1: idle: \"300;\" is not a number" },
	{ "idle = 3 4\n", ":1: there is no setting \"4\"" },
	{ "\nidle =\n", ":3: premature end of file" },
	{ "idle = \"3\n\n", ":3: premature end of file" },
	{ "idle = '3\n", ":2: unterminated string constant" },
	{ "rooms = { \"127.0.0.1:1\",\n\"localhost:2\" }\n",
	    ":2: rooms: \"localhost:2\" is not a numeric address such as "
	    "\"127.0.0.1:9001\"" },
	{ "rooms = { \"127.0.0.1:99999\" }\n", ":1: rooms: " },
	{ "rooms = { 127.0.0.1:1\n", ":2: premature end of file" },
	{ "idle = 3\n\n  rooms = {}\n", ":3: rooms: needs at least one" },
	{ "relay={}\n", ":1: relay: needs at least one address" },
	{ "dialects = {}\n", ":1: dialects: needs at least one" },
	{ "rooms = {1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,"
	    "1.1.1.8,\n1.1.1.9}\n", ":2: rooms: takes at most 8" },
	{ "format = \"loud\"\n", ":1: format: \"loud\" is neither "
	    "\"message\" nor \"sender\"" },
	{ "notices = yes\n", ":1: notices: \"yes\" is neither \"true\" nor "
	    "\"false\"" },
	{ "control = ocm.sock\n", ":1: control: \"ocm.sock\" is not an "
	    "absolute path" },
	{ "log = ocm.log\n", ":1: log: \"ocm.log\" is neither \"syslog\"" },
	{ "user-room = \"a b\"\n", ":1: user-room: \"a b\" is not a user" },
	{ "user-relay = -x\n", ":1: user-relay: " },
	{ "user-relay = \"\"\n", ":1: user-relay: " },
	{ "}\n", ":1: unexpected closing brace" },
	{ "idle { x = 3 }\n", ":1: missing equal sign" },
	{ "include(\"/etc/passwd\")\n", ":1: there is no setting "
	    "\"include\"" },
	{ "idle += 3\n", ":1: attempt to append to non-list" },
	{ "idle = \"\\9\"\n", ":1: bad escape sequence" },
	{ "# a\n// b\n/* c\nd */ idle = x # e\n", ":4: idle: \"x\"" },
	{ "idle = 3 /* c\n\n *//* d */\n#\nnonsense = 1\n", ":5: there" },
	{ "log = \"/a#b\" # \"\nidle = x\n", ":2: idle: \"x\"" },
	{ "log = '/a\\'//b' // '\nidle = x\n", ":2: idle: \"x\"" },
	{ "log = \"\\\"#\"\nidle = x\n", ":1: log: \"\"#\" is" },
	{ "\n\nidle = 3 /* * /\n", ":3: a comment that does not end" },
};

START_TEST(comments_are_no_settings)
{
	struct conf c;

	must_load(&c, "# idle = 1\n// idle = 2\n/* idle = 3\nidle = 4 */\n"
	    "log = \"/a#b//c/*d\"  # and so on", NULL);
	ck_assert_uint_eq(c.settings.idle_s, 300);
	ck_assert_str_eq(c.log, "/a#b//c/*d");
	must_load(&c, "idle = 5#\nlog=/x#y\n//", NULL);
	ck_assert_uint_eq(c.settings.idle_s, 5);
	ck_assert_str_eq(c.log, "/x");
	must_load(&c, "#", NULL);
	must_load(&c, "/**/idle = 6/**/", NULL);
	ck_assert_uint_eq(c.settings.idle_s, 6);
}
END_TEST

START_TEST(a_broken_file_is_told_with_its_line)
{
	char err[CONF_ERROR];
	struct conf c;

	ck_assert_int_eq(load(&c, broken[_i].text, NULL, err), -1);
	ck_assert_msg(strncmp(err, path, strlen(path)) == 0, "%s", err);
	ck_assert_msg(strstr(err, broken[_i].says) != NULL, "\"%s\" gives: %s",
	    broken[_i].text, err);
	ck_assert_ptr_null(strchr(err, '\n'));
	/* What was broken in one reading has no effect on the next. */
	must_load(&c, "idle = 7\n", NULL);
	ck_assert_uint_eq(c.settings.idle_s, 7);
}
END_TEST

START_TEST(overrides_are_told_as_written)
{
	static const struct {
		const char	*text, *says;
	} bad[] = {
		{ "idle", "-o idle: it must look like name=value" },
		{ "=3", "-o =3: it must look like" },
		{ "", "must look like" },
		{ "idel=3", "-o idel=3: there is no setting \"idel\"; did "
		    "you mean \"idle\"?" },
		{ "rooms=", "-o rooms=: needs at least one address" },
		{ "rooms=127.0.0.1:1,", "-o rooms=127.0.0.1:1,: \"\" is not" },
		{ "rooms=x:1", "\"x:1\" is not a numeric address" },
		{ "format=", "\"\" is neither" },
	};
	char err[CONF_ERROR];
	struct conf c;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(load(&c, NULL, bad[i].text, err), -1);
		ck_assert_msg(strstr(err, bad[i].says) != NULL, "%s", err);
	}
}
END_TEST

START_TEST(long_values_are_refused)
{
	static char text[2 * CONF_ERROR];
	char err[CONF_ERROR];
	struct conf c;

	memset(text, 'a', 1500);
	memcpy(text, "control=/", 9);
	ck_assert_int_eq(load(&c, NULL, text, err), -1);
	text[300] = '\0';
	ck_assert_int_eq(load(&c, NULL, text, err), -1);
	ck_assert_ptr_nonnull(strstr(err, "longer than 255 bytes"));
	text[8 + 255] = '\0';
	must_load(&c, NULL, text);
	memset(text, 'a', 1500);
	text[1500] = '\0';
	ck_assert_int_eq(load(&c, NULL, text, err), -1);
	text[400] = '=';
	ck_assert_int_eq(load(&c, NULL, text, err), -1);
	memset(text, 'u', 100);
	memcpy(text, "user-room=", 10);
	text[10 + CONF_USER] = '\0';
	ck_assert_int_eq(load(&c, NULL, text, err), -1);
	text[10 + CONF_USER - 1] = '\0';
	must_load(&c, NULL, text);
}
END_TEST

START_TEST(files_that_are_no_files)
{
	struct conf_source from = { dir, NULL, 0 };
	char err[CONF_ERROR], *big;
	struct conf c;

	ck_assert_int_eq(conf_load(&c, &from, err), -1);
	ck_assert_ptr_nonnull(strstr(err, "not a regular file"));
	from.file = "/nonexistent.conf";
	ck_assert_int_eq(conf_load(&c, &from, err), -1);
	ck_assert_str_eq(err, "/nonexistent.conf: No such file or directory");
	from.file = path;
	write_bytes("idle = 3\0\n", 10);
	ck_assert_int_eq(conf_load(&c, &from, err), -1);
	ck_assert_ptr_nonnull(strstr(err, "NUL"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(conf_load(&c, &from, err), -1);
	ck_assert_ptr_nonnull(strstr(err, "not a regular file"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_ptr_nonnull(big = malloc(2 << 20));
	memset(big, '\n', 2 << 20);
	write_bytes(big, 2 << 20);
	ck_assert_int_eq(conf_load(&c, &from, err), -1);
	ck_assert_ptr_nonnull(strstr(err, "longer than 1 MiB"));
	free(big);
	write_bytes("", 0);
	ck_assert_int_eq(conf_load(&c, &from, err), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf file");
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, comments_are_no_settings);
	tcase_add_loop_test(tc, a_broken_file_is_told_with_its_line, 0,
	    sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(tc, overrides_are_told_as_written);
	tcase_add_test(tc, long_values_are_refused);
	tcase_add_test(tc, files_that_are_no_files);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
