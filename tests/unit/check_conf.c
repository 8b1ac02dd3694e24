/* SPDX-License-Identifier: ISC */
/*
 * ocmd/conf: every setting by file and by -o, its range, and what is right
 * where it is wrong.  What is wrong with files: check_conf_file.c.
 */
#include "common/dialect.h"
#include "conf_fixture.h"
#include "run_suite.h"

static void
check_addr(const struct conf_addrs *list, unsigned i, const char *expected)
{
	char text[ADDR_TEXT];

	ck_assert_uint_lt(i, list->count);
	ck_assert_str_eq(addr_format(&list->addr[i], text), expected);
}

START_TEST(defaults_are_those_of_the_manual)
{
	struct conf c;

	must_load(&c, NULL, NULL);
	ck_assert_uint_eq(c.rooms.count, 1);
	check_addr(&c.rooms, 0, "127.0.0.1:9001");
	ck_assert_uint_eq(c.relay.count, 1);
	check_addr(&c.relay, 0, "127.0.0.1:9002");
	ck_assert_uint_eq(c.lobby.count, 1);
	check_addr(&c.lobby, 0, "127.0.0.1:9001");
	ck_assert_str_eq(c.control, "");
	ck_assert_str_eq(c.log, "");
	ck_assert_str_eq(c.user_room, "_ocmroom");
	ck_assert_str_eq(c.user_relay, "_ocmrelay");
	ck_assert_uint_eq(c.workers, 1);
	ck_assert_uint_eq(c.socket_buffer, 0);
	ck_assert_uint_eq(c.max_rooms, 4096);
	ck_assert_uint_eq(c.max_members, 65536);
	ck_assert_uint_eq(c.max_lobby, 4096);
	ck_assert_uint_eq(c.restart_limit, 10);
	ck_assert_uint_eq(c.hang_limit, 2);
	ck_assert_uint_eq(c.settings.max_room_members, 65536);
	ck_assert_uint_eq(c.settings.max_payload, 4096);
	ck_assert_uint_eq(c.settings.idle_s, 300);
	ck_assert_uint_eq(c.settings.request_timeout_ms, 5000);
	ck_assert_uint_eq(c.settings.half_open, 1024);
	ck_assert_uint_eq(c.settings.half_open_source, 64);
	ck_assert_uint_eq(c.settings.join_rate, 100);
	ck_assert_uint_eq(c.settings.join_burst, 2000);
	ck_assert_uint_eq(c.settings.member_rate, 0);
	ck_assert_uint_eq(c.settings.member_burst, 20);
	ck_assert_uint_eq(c.settings.dialects, UINT32_MAX);
	ck_assert_uint_eq(c.settings.message_only, 0);
	ck_assert_uint_eq(c.settings.notices, 1);
	ck_assert_uint_eq(c.settings.verbose, 0);
}
END_TEST

/* Number settings: where they land, and both ends of their ranges. */
#define NUMBER(name, field, least, most, unit)				\
	{ name, offsetof(struct conf, field), least, most, unit }
static const struct {
	const char	*name;
	size_t		 offset;
	uint32_t	 least, most, unit;
} numbers[] = {
	NUMBER("workers", workers, 1, 16, 1),
	NUMBER("socket-buffer", socket_buffer, 16, 524288, 1),
	NUMBER("max-rooms", max_rooms, 1, 1048576, 1),
	NUMBER("max-members", max_members, 1, 8388608, 1),
	NUMBER("max-lobby", max_lobby, 1, 1048576, 1),
	NUMBER("restart-limit", restart_limit, 0, 1000000, 1),
	NUMBER("hang-limit", hang_limit, 0, 3600, 1),
	NUMBER("max-room-members", settings.max_room_members, 1, 8388608, 1),
	NUMBER("max-payload", settings.max_payload, 256, 4096, 1),
	NUMBER("idle", settings.idle_s, 0, 604800, 1),
	NUMBER("request-timeout", settings.request_timeout_ms, 1, 3600, 1000),
	NUMBER("half-open", settings.half_open, 1, 65536, 1),
	NUMBER("half-open-per-source", settings.half_open_source, 1, 65536,
	    1),
	NUMBER("join-rate", settings.join_rate, 0, 1000000, 1),
	NUMBER("join-burst", settings.join_burst, 1, 1000000, 1),
	NUMBER("member-rate", settings.member_rate, 0, 1000000, 1),
	NUMBER("member-burst", settings.member_burst, 1, 1000000, 1),
};
enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static uint32_t
number_in(const struct conf *c, int i)
{
	uint32_t n;

	memcpy(&n, (const char *)c + numbers[i].offset, sizeof(n));
	return n;
}

START_TEST(numbers_at_the_ends_of_their_ranges)
{
	const uint32_t good[] = { numbers[_i].least, numbers[_i].most };
	char text[128];
	struct conf c;
	size_t k;

	for (k = 0; k < 2; k++) {
		snprintf(text, sizeof(text), "%s = %u\n", numbers[_i].name,
		    good[k]);
		must_load(&c, text, NULL);
		ck_assert_uint_eq(number_in(&c, _i),
		    good[k] * numbers[_i].unit);
		snprintf(text, sizeof(text), "%s=%u", numbers[_i].name,
		    good[k]);
		must_load(&c, NULL, text);
		ck_assert_uint_eq(number_in(&c, _i),
		    good[k] * numbers[_i].unit);
	}
}
END_TEST

START_TEST(numbers_beyond_their_ranges)
{
	char bad[12][32] = { "-1", "abc", "", "1x", " 1", "+1", "0x10", "1.5",
	    "99999999999999999999" };
	char text[512], range[64], err[CONF_ERROR], where[600];
	struct conf c;
	size_t k;

	snprintf(bad[9], sizeof(bad[9]), "%u", numbers[_i].most + 1);
	snprintf(bad[10], sizeof(bad[10]), "%d", (int)numbers[_i].least - 1);
	snprintf(bad[11], sizeof(bad[11]), "4294967296");
	snprintf(range, sizeof(range), "from %u to %u", numbers[_i].least,
	    numbers[_i].most);
	for (k = 0; k < 12; k++) {
		snprintf(text, sizeof(text), "# one\n# two\n%s = \"%s\"\n",
		    numbers[_i].name, bad[k]);
		ck_assert_int_eq(load(&c, text, NULL, err), -1);
		snprintf(where, sizeof(where), "%s:3: %s: ", path,
		    numbers[_i].name);
		ck_assert_msg(strncmp(err, where, strlen(where)) == 0,
		    "\"%s\" gives: %s", bad[k], err);
		ck_assert_msg(strstr(err, range) != NULL, "%s", err);
		snprintf(text, sizeof(text), "%s=%s", numbers[_i].name,
		    bad[k]);
		ck_assert_int_eq(load(&c, NULL, text, err), -1);
		snprintf(where, sizeof(where), "-o %s: ", text);
		ck_assert_msg(strncmp(err, where, strlen(where)) == 0,
		    "%s", err);
		ck_assert_msg(strstr(err, range) != NULL, "%s", err);
	}
}
END_TEST

START_TEST(workers_auto_is_a_number)
{
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct conf c;
	char err[CONF_ERROR];

	must_load(&c, "workers = auto\n", NULL);
	ck_assert_uint_ge(c.workers, 1);
	ck_assert_uint_le(c.workers, OCM_WORKERS_MAX);
	ck_assert_int_eq((long)c.workers, cores < OCM_WORKERS_MAX ? cores :
	    OCM_WORKERS_MAX);
	ck_assert_int_eq(load(&c, NULL, "workers=many", err), -1);
	ck_assert_ptr_nonnull(strstr(err, "or \"auto\""));
}
END_TEST

START_TEST(buffers_may_be_auto)
{
	struct conf c;
	char err[CONF_ERROR];

	must_load(&c, "socket-buffer = 64\n", NULL);
	ck_assert_uint_eq(c.socket_buffer, 64);
	must_load(&c, "socket-buffer = 64\n", "socket-buffer=auto");
	ck_assert_uint_eq(c.socket_buffer, 0);
	ck_assert_int_eq(load(&c, NULL, "socket-buffer=0", err), -1);
	ck_assert_int_eq(load(&c, NULL, "socket-buffer=large", err), -1);
	ck_assert_ptr_nonnull(strstr(err, "(KiB) or \"auto\""));
}
END_TEST

START_TEST(addresses)
{
	struct conf c;

	must_load(&c, "rooms = { \"0.0.0.0:1\", \"[::1]:2\", 127.0.0.1 }\n"
	    "relay = \"*:0\"\nlobby = {}\n", NULL);
	ck_assert_uint_eq(c.rooms.count, 3);
	check_addr(&c.rooms, 0, "0.0.0.0:1");
	check_addr(&c.rooms, 1, "[::1]:2");
	check_addr(&c.rooms, 2, "127.0.0.1:9001");
	ck_assert_uint_eq(c.relay.count, 1);
	check_addr(&c.relay, 0, "0.0.0.0:0");
	ck_assert_uint_eq(c.lobby.count, 0);
	/* -o takes the place of the whole list. */
	must_load(&c, "rooms = { \"0.0.0.0:1\", \"[::1]:2\" }\n",
	    "rooms=127.0.0.1:3,[::1]:4,127.0.0.1:5");
	ck_assert_uint_eq(c.rooms.count, 3);
	check_addr(&c.rooms, 0, "127.0.0.1:3");
	check_addr(&c.rooms, 1, "[::1]:4");
	must_load(&c, NULL, "lobby=");
	ck_assert_uint_eq(c.lobby.count, 0);
	/* As does a later line of the file; += adds to it. */
	must_load(&c, "relay = {\"127.0.0.1:1\"}\nrelay = {\"127.0.0.1:2\"}\n"
	    "relay += {\"127.0.0.1:3\"}\n", NULL);
	ck_assert_uint_eq(c.relay.count, 2);
	check_addr(&c.relay, 0, "127.0.0.1:2");
	check_addr(&c.relay, 1, "127.0.0.1:3");
}
END_TEST

START_TEST(words)
{
	struct conf c;

	must_load(&c, "format = message\nnotices = false\ncontrol = /x/y\n"
	    "log = \"/var/log/ocm log\"\nuser-room = a_b-9\n"
	    "user-relay = \"_R\"\n", NULL);
	ck_assert_uint_eq(c.settings.message_only, 1);
	ck_assert_uint_eq(c.settings.notices, 0);
	ck_assert_str_eq(c.control, "/x/y");
	ck_assert_str_eq(c.log, "/var/log/ocm log");
	ck_assert_str_eq(c.user_room, "a_b-9");
	ck_assert_str_eq(c.user_relay, "_R");
	must_load(&c, "format = sender\nnotices = true\n", "log=syslog");
	ck_assert_uint_eq(c.settings.message_only, 0);
	ck_assert_uint_eq(c.settings.notices, 1);
	ck_assert_str_eq(c.log, "syslog");
	must_load(&c, "log = stderr\n", NULL);
	ck_assert_str_eq(c.log, "stderr");
}
END_TEST

START_TEST(dialects)
{
	uint32_t plain = UINT32_C(1) <<
	    dialect_id(dialect_by_name("plain"));
	uint32_t decimal = UINT32_C(1) <<
	    dialect_id(dialect_by_name("decimal"));
	char err[CONF_ERROR];
	struct conf c;

	must_load(&c, "dialects = { plain, decimal }\n", NULL);
	ck_assert_uint_eq(c.settings.dialects, plain | decimal);
	must_load(&c, "dialects = { plain, decimal }\n", "dialects=plain");
	ck_assert_uint_eq(c.settings.dialects, plain);
	must_load(&c, "dialects = plain\n", "dialects=all");
	ck_assert_uint_eq(c.settings.dialects, UINT32_MAX);
	ck_assert_int_eq(load(&c, "\ndialects = { plain,\nklingon }\n", NULL,
	    err), -1);
	ck_assert_ptr_nonnull(strstr(err, ":3: dialects: \"klingon\""));
	ck_assert_ptr_nonnull(strstr(err, ", decimal"));
}
END_TEST

/* A setting is changed live or asks for a restart, and is named once. */
struct seen {
	unsigned	live, restart;
	char		last[64];
};

static void
note(void *arg, const char *name, bool live)
{
	struct seen *s = arg;

	if (live)
		s->live++;
	else
		s->restart++;
	snprintf(s->last, sizeof(s->last), "%s", name);
}

START_TEST(differences)
{
	static const struct {
		const char	*override, *name;
		bool		 live;
	} changes[] = {
		{ "rooms=127.0.0.1:9", "rooms", false },
		{ "relay=127.0.0.1:9", "relay", false },
		{ "lobby=", "lobby", false },
		{ "control=/x", "control", false },
		{ "log=/x", "log", false },
		{ "user-room=x", "user-room", false },
		{ "user-relay=x", "user-relay", false },
		{ "workers=2", "workers", false },
		{ "socket-buffer=64", "socket-buffer", false },
		{ "max-rooms=2", "max-rooms", false },
		{ "max-members=2", "max-members", false },
		{ "max-lobby=2", "max-lobby", false },
		{ "max-room-members=2", "max-room-members", true },
		{ "max-payload=300", "max-payload", true },
		{ "idle=2", "idle", true },
		{ "request-timeout=2", "request-timeout", true },
		{ "half-open=2", "half-open", true },
		{ "half-open-per-source=2", "half-open-per-source", true },
		{ "join-rate=2", "join-rate", true },
		{ "join-burst=2", "join-burst", true },
		{ "member-rate=2", "member-rate", true },
		{ "member-burst=2", "member-burst", true },
		{ "dialects=plain", "dialects", true },
		{ "format=message", "format", true },
		{ "notices=false", "notices", true },
	};
	struct conf standard, c;
	struct seen seen;
	size_t i;

	must_load(&standard, NULL, NULL);
	must_load(&c, NULL, NULL);
	memset(&seen, 0, sizeof(seen));
	conf_diff(&standard, &c, note, &seen);
	ck_assert_uint_eq(seen.live + seen.restart, 0);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		must_load(&c, NULL, changes[i].override);
		memset(&seen, 0, sizeof(seen));
		conf_diff(&standard, &c, note, &seen);
		ck_assert_str_eq(seen.last, changes[i].name);
		ck_assert_uint_eq(seen.live, changes[i].live ? 1 : 0);
		ck_assert_uint_eq(seen.restart, changes[i].live ? 0 : 1);
	}
	/* A longer value before leaves nothing behind. */
	must_load(&standard, "user-room = abc\n", NULL);
	must_load(&c, "user-room = abcdefg\nuser-room = abc\n", NULL);
	memset(&seen, 0, sizeof(seen));
	conf_diff(&standard, &c, note, &seen);
	ck_assert_uint_eq(seen.live + seen.restart, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf");
	TCase *tc = tcase_create("settings");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, defaults_are_those_of_the_manual);
	tcase_add_loop_test(tc, numbers_at_the_ends_of_their_ranges, 0,
	    NUMBERS);
	tcase_add_loop_test(tc, numbers_beyond_their_ranges, 0, NUMBERS);
	tcase_add_test(tc, workers_auto_is_a_number);
	tcase_add_test(tc, buffers_may_be_auto);
	tcase_add_test(tc, addresses);
	tcase_add_test(tc, words);
	tcase_add_test(tc, dialects);
	tcase_add_test(tc, differences);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
