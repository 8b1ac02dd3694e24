/* SPDX-License-Identifier: ISC */
/*
 * How a relay hears and tells members of every dialect: forms and words,
 * those who speak without a token or in JSON, and floods of such datagrams.
 */
#include "relay_clients.h"
#include "run_suite.h"

static const struct {
	const char	*dialect;
	bool		 registered;
	const char	*message;	/* how "あ" of user "a" looks */
	size_t		 len;
	const char	*leave;
} looks[] = {
	{ "plain", false, "a: あ", 6, "/exit" },
	{ "plain-json", false, "a: あ", 6, "/exit" },
	{ "decimal", true, "\x01\x03rあ", 6, NULL },
	{ "inline", false, "a: あ", 6, "/exit" },
	{ "digits", true, "a: あ", 6, "/exit" },
	{ "json-string", false, "\x01" "aあ", 5, "__LEAVE__" },
	{ "json-address", true, "a: あ", 6, "exit" },
	{ "json-port", true, "[a]: あ", 8, "/quit" },
	{ "json-udp", true, "{\"message\": \"あ\"}", 18, NULL },
	{ "port-suffix", true, "a: あ", 6, "@quit" },
};
enum { LOOKS = sizeof(looks) / sizeof(looks[0]) };

START_TEST(test_every_form)
{
	struct client a = member("r", "a"), c[LOOKS];
	size_t i;

	for (i = 0; i < LOOKS; i++)
		c[i] = member_as("r", looks[i].dialect, looks[i].dialect,
		    looks[i].registered);
	for (i = 0; i < LOOKS; i++)
		while (recv(c[i].fd, &(char){ 0 }, 1, 0) != -1)
			;
	say(&a, "あ");
	for (i = 0; i < LOOKS; i++)
		gets(&c[i], looks[i].message, looks[i].len);
	ck_assert_uint_eq(grown(LC_deliveries), LOOKS);
}
END_TEST

static bool
leaves_by(const char *dialect, const char *word)
{
	const struct dialect *row = dialect_by_name(dialect);

	return (row->leave[0] != NULL && strcmp(row->leave[0], word) == 0) ||
	    (row->leave[1] != NULL && strcmp(row->leave[1], word) == 0);
}

/* A word leaves only in its own dialect; elsewhere it is said. */
START_TEST(test_leave_words)
{
	struct client a = member("r", "a"), c;
	size_t i, k;
	uint32_t tail = 0, slot;
	bool overflow;

	for (i = 0; i < LOOKS; i++) {
		c = member_as("r", "speaker", looks[i].dialect, true);
		for (k = 0; k < LOOKS; k++) {
			if (looks[k].leave == NULL ||
			    leaves_by(looks[i].dialect, looks[k].leave))
				continue;
			say(&c, looks[k].leave);
			ck_assert_uint_eq(grown(LC_messages), 1);
		}
		ck_assert_uint_eq(grown(LC_leave_words), 0);
		if (looks[i].leave == NULL)
			continue;
		say(&c, looks[i].leave);
		ck_assert_uint_eq(grown(LC_leave_words), 1);
		ck_assert_uint_eq(grown(LC_messages), 0);
		ck_assert(relay.bell);
		ck_assert(live_next_wish(fx.roomd.live[0], &tail, &slot,
		    &overflow));
		ck_assert_uint_eq(slot, c.made.slot);
		ck_assert_int_eq(live_wish_of(fx.roomd.live[0], slot,
		    c.made.gen), END_LEFT);
		/* it is as good as gone, even if roomd is slow */
		say(&c, "one more");
		ck_assert_uint_eq(grown(LC_drop_token), 1);
	}
	(void)a;
}
END_TEST

START_TEST(test_enrol)
{
	struct client a = member("r", "a");
	struct client b = member_as("r", "b", "port-suffix", true), c;

	say(&a, "one");
	hears(&b, "a: one");
	say(&b, "@join");
	ck_assert_uint_eq(grown(LC_messages), 1);
	say(&a, "two");
	hears(&b, "\x01" "atwo");
	say(&a, "@join");		/* nothing special to others */
	hears(&b, "\x01" "a@join");
	boot();				/* a later life still knows it */
	say(&a, "three");
	hears(&b, "\x01" "athree");
	/* who has not asked for that hears words for people */
	c = member_as("r", "c", "port-suffix", true);
	fx_shut(&fx, "r", END_HOST_LEFT);
	turn();
	hears(&b, "ROOM_CLOSED: r");
	hears(&c, "room closed: the host left");
	hears(&a, "room closed: the host left");
}
END_TEST

START_TEST(test_bare)
{
	struct client a = member("r", "a");
	struct client d = member_as("r", "d", "decimal", true);
	struct client near = guest("127.0.0.1");
	char pasted[64];

	send_to(&d, &relay_at, "\x01\x02rhi", 5);
	hears(&a, "d: hi");
	send_to(&near, &relay_at, "\x01\x02rhi", 5);	/* not registered */
	send_to(&d, &relay_at, "\x01\x02shi", 5);	/* not its room */
	send_to(&a, &relay_at, "\x01\x02rhi", 5);	/* no such dialect */
	hears_nothing(&a);
	ck_assert_uint_eq(grown(LC_drop_token), 3);
	/* a pasted token of exactly that length is a message, rule 1 */
	say(&d, "");
	(void)snprintf(pasted, sizeof(pasted), "d: %.32s", d.made.token);
	hears(&a, pasted);
	/* and so is that of somebody who speaks from elsewhere */
	(void)snprintf(pasted, sizeof(pasted), "\x01 r%.32s", a.made.token);
	send_to(&d, &relay_at, pasted, 35);
	(void)snprintf(pasted, sizeof(pasted), "d: %.32s", a.made.token);
	hears(&a, pasted);
}
END_TEST

/* Registering a neighbour's port does not tell the room its token. */
START_TEST(test_bare_at_anothers_port)
{
	struct client a = member("r", "a"), b = member("r", "b");
	struct member_new evil;

	evil = fx_member("evil", "decimal", "127.0.0.1", a.port);
	(void)fx_enter(&fx, "r", &evil);
	turn();
	say(&a, "");
	hears_nothing(&b);
	say(&a, "hi");
	hears(&b, "a: hi");
}
END_TEST

/* Nor while that one has not spoken yet: its first words are its own. */
START_TEST(test_bare_where_another_will_speak)
{
	struct client b = member("r", "b"), a = guest("127.0.0.1");
	struct member_new evil, quiet;

	evil = fx_member("evil", "decimal", "127.0.0.1", a.port);
	(void)fx_enter(&fx, "r", &evil);
	quiet = fx_member("a", "plain", "127.0.0.1", 0);
	a.made = fx_enter(&fx, "r", &quiet);
	a.room = "r";
	turn();
	say(&a, "");
	hears_nothing(&b);
	say(&a, "hi");
	hears(&b, "a: hi");
}
END_TEST

START_TEST(test_json)
{
	struct client a = member("r", "a");
	struct client j = member_as("r", "j", "json-udp", true);
	struct client thief = guest("127.0.0.2");
	char out[512];
	int n;

	n = snprintf(out, sizeof(out), "\x01\x20{\"room_name\": \"r\", "
	    "\"token\": \"%.32s\", \"message\": \"\\u304a\\u306f\"}",
	    j.made.token);
	send_to(&j, &relay_at, out, (size_t)n);
	hears(&a, "j: おは");
	send_to(&thief, &relay_at, out, (size_t)n);
	ck_assert_uint_eq(grown(LC_drop_address), 0);	/* not even read */
	ck_assert_uint_eq(grown(LC_drop_token), 1);
	n = snprintf(out, sizeof(out), "\x01\x20{\"room_name\": \"s\", "
	    "\"token\": \"%.32s\", \"message\": \"x\"}", j.made.token);
	send_to(&j, &relay_at, out, (size_t)n);
	ck_assert_uint_eq(grown(LC_drop_room), 1);
	hears_nothing(&a);
}
END_TEST

static void
leave_json(const struct client *c, const char *members)
{
	char out[512];
	const int n = snprintf(out, sizeof(out),
	    "%c%c{\"room_name\": \"r\", %s}", 0, 0, members);

	leave_at(c, &relay_at, out, (size_t)n);
}

static void
leave_json_said(const struct client *c, const char *name, const char *msg)
{
	char out[256];

	(void)snprintf(out, sizeof(out), "\"%s\": \"%.32s\", %s", name,
	    c->made.token, msg);
	leave_json(c, out);
}

/* What no token opens is not read, and harms nobody who speaks JSON. */
START_TEST(test_json_flood)
{
	struct client a = member("r", "a"), near = guest("127.0.0.1");
	struct client j = member_as("r", "j", "json-udp", true);
	struct client k = member_as("r", "k", "json-udp", true);
	int i;

	(void)grown(LC_drop_token);
	next_millisecond();
	for (i = 0; i < 20; i++)
		leave_json(&near, "\"x\": \"\\u0041\"");
	for (i = 0; i < 20; i++)
		leave_json(&near, "\"token\": \"nobody's\"");
	for (i = 0; i < 20; i++)
		leave_json_said(&j, "token", "\"message\": 5");
	leave_json_said(&j, "token", "\"message\": \"too much\"");
	leave_json_said(&k, "token", "\"message\": \"hi\"");
	relay_receive(&relay, 0);
	ck_assert_uint_eq(grown(LC_drop_token), 4 + 20 + 8);
	ck_assert_uint_eq(grown(LC_drop_json), 16 + 12 + 1);
	turn();
	hears(&a, "k: hi");
	hears_nothing(&a);
	next_millisecond();
	leave_json_said(&j, "token", "\"message\": \"sorry\"");
	turn();
	hears(&a, "j: sorry");
}
END_TEST

/* JSON may say it in many ways. */
START_TEST(test_json_tokens)
{
	struct client a = member("r", "a");
	struct client j = member_as("r", "j", "json-udp", true);
	char out[128];

	leave_json_said(&j, "tok\\u0065n", "\"message\": \"1\"");
	leave_json_said(&j, "token", "\"message\": \"token\"");
	(void)snprintf(out, sizeof(out), "\"message\": \"token\", "
	    "\"token\": \"\\u00%02x%.31s\"", j.made.token[0],
	    j.made.token + 1);
	leave_json(&j, out);
	leave_json_said(&j, "token", "\"message\": \"2\", "
	    "\"x\": {\"token\": 1}");
	leave_json_said(&j, "x\": {\"token\": \"\"}, \"token",
	    "\"message\": \"3\"");
	leave_json_said(&j, "token", "\"message\": \"\\\"token\\\":\"");
	turn();
	hears(&a, "j: 1");
	hears(&a, "j: token");
	hears(&a, "j: token");
	hears(&a, "j: 2");
	hears(&a, "j: 3");
	hears(&a, "j: \"token\":");
	ck_assert_uint_eq(grown(LC_drop_json), 0);
}
END_TEST

START_TEST(test_echo)
{
	struct client a = member("r", "a");
	struct client i = member_as("r", "i", "inline", false);

	gets(&i, "\x01\0r0", 4);		/* to its keepalive */
	ck_assert_uint_eq(i.made.token_len, TOKEN_SHORT_TEXT);
	say(&i, "hi");
	gets(&i, "\x01\0r0", 4);
	hears(&a, "i: hi");
	start.settings.member_rate = 1;
	start.settings.member_burst = 2;
	care_settings(&relay, &start.settings);
	say(&i, "one");
	say(&i, "two");
	say(&i, "three");
	gets(&i, "\x01\0r0", 4);
	gets(&i, "\x01\0r0", 4);
	gets(&i, "\x01\0r6", 4);
	ck_assert_uint_eq(grown(LC_drop_rate), 1);
	hears(&a, "i: one");
	hears(&a, "i: two");
	hears_nothing(&a);
}
END_TEST

enum { TALKING = 6 };

/* More answers than anybody waits for are not sent; one is, to everybody. */
START_TEST(test_echo_flood)
{
	static const unsigned answers[TALKING] = { 16, 16, 16, 16, 1, 1 };
	struct client a = member("r", "a"), c[TALKING];
	unsigned i, k;

	for (i = 0; i < TALKING; i++)
		c[i] = member_as("r", "i", "inline", false);
	turn();
	for (i = 0; i < TALKING; i++)
		while (recv(c[i].fd, &(char){ 0 }, 1, 0) != -1)
			;
	next_millisecond();
	for (i = 0; i < TALKING; i++)
		for (k = 0; k < 20; k++)
			leave_said(&c[i], "", 0);
	relay_receive(&relay, 0);
	for (i = 0; i < TALKING; i++) {
		for (k = 0; k < answers[i]; k++)
			gets(&c[i], "\x01\0r0", 4);
		hears_nothing(&c[i]);
	}
	ck_assert_uint_eq(grown(LC_answers_dropped), 4 * 4 + 2 * 19);
	next_millisecond();
	say(&c[0], "hi");
	gets(&c[0], "\x01\0r0", 4);
	hears(&a, "i: hi");
}
END_TEST

/* What a form cannot carry does not reach its members, nor harm others. */
START_TEST(test_form_limit)
{
	struct client a = member("r", "a"), b = member("r", "b");
	struct client d = member_as("r", "d", "decimal", true);
	struct client fixed = member_as("r", "f", "json-port", false);
	char long_text[301], expected[310];

	memset(long_text, 'x', 300);
	long_text[300] = '\0';
	(void)snprintf(expected, sizeof(expected), "a: %s", long_text);
	(void)grown(LC_copy_unknown_port);
	say(&a, long_text);
	hears(&b, expected);
	hears_nothing(&d);
	hears_nothing(&fixed);
	ck_assert_uint_eq(grown(LC_copy_form), 1);
	ck_assert_uint_eq(grown(LC_copy_unknown_port), 1);
	ck_assert_uint_eq(grown(LC_deliveries), 1);
}
END_TEST

static TCase *
tests(const char *name, void (*before_each)(void))
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, before_each, teardown);
	tcase_add_test(tc, test_every_form);
	tcase_add_test(tc, test_leave_words);
	tcase_add_test(tc, test_enrol);
	tcase_add_test(tc, test_bare);
	tcase_add_test(tc, test_bare_at_anothers_port);
	tcase_add_test(tc, test_bare_where_another_will_speak);
	tcase_add_test(tc, test_json);
	tcase_add_test(tc, test_json_flood);
	tcase_add_test(tc, test_json_tokens);
	tcase_add_test(tc, test_echo);
	tcase_add_test(tc, test_echo_flood);
	tcase_add_test(tc, test_form_limit);
	return tc;
}

int
main(void)
{
	Suite *s = suite_create("relay dialects");
	suite_add_tcase(s, tests("dialects", setup));
	suite_add_tcase(s, tests("dialects without bundles", setup_plain));
	return run_suite(s);
}
