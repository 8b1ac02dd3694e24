/* SPDX-License-Identifier: ISC */
/*
 * What real clients of every dialect sent to create a room, cut in two at
 * every byte: the same member comes of it, and the same bytes are answered
 * but for the tokens.
 */
#include "roomd_client.h"
#include "run_suite.h"

static const struct {
	const char	*dialect;
	const char	*bytes;
	size_t		 len;
	const char	*room;
	unsigned	 port;
} captured[] = {
	{ "plain", BYTES("\x0a\x01\x00" Z28 "\x05" "room800020alice"),
	    "room800020", 0 },
	{ "plain-json", BYTES("\x0a\x01\x00" Z28 "(room926484"
	    "{\"user_name\": \"alice\", \"password\": null}"),
	    "room926484", 0 },
	{ "decimal", BYTES("\x0a\x01\x00" "5" Z28 "room820791alice"),
	    "room820791", 0 },
	{ "inline", BYTES("\x04\x01\x00roomalice" Z4 Z4 Z4 Z4 Z4), "room",
	    0 },
	{ "digits", BYTES("\x0a\x01\x00" "00000000000000000000000000011"
	    "room459489alice,55542"), "room459489", 55542 },
	{ "json-string", BYTES("\x0a\x01\x00" Z28 "\x07room215126\"alice\""),
	    "room215126", 0 },
	{ "json-address", BYTES("\x0a\x01\x00" Z28 "<room426412{\"user_name\""
	    ": \"alice\", \"user_address\": [\"127.0.0.1\", 46317]}"),
	    "room426412", 46317 },
	{ "json-port", BYTES("\x0a\x01\x00" Z28 ")room418397{\"user_name\": "
	    "\"alice\", \"udp_port\": 39712}"), "room418397", 39712 },
	{ "json-udp", BYTES("\x0a\x01\x00" Z28 "Mroom715352{\"user_name\": "
	    "\"alice\", \"udp_address\": [\"127.0.0.1\", 33428], "
	    "\"password\": \"pw\"}"), "room715352", 33428 },
	{ "port-suffix", BYTES("\x0a\x01\x00" Z28 "\x07room715130alice'\x8a"),
	    "room715130", 0x278a },
};

/* Runs the loop until so much was answered, or nothing more comes. */
static void
hear_all(struct client *c, size_t want)
{
	uint64_t end = clock_ms() + (want == 0 ? 60 : 2000);

	for (hear(c); clock_ms() < end && !(want > 0 && c->len >= want);
	    hear(c))
		wait_ms(1);
}

/*
 * A token begins with the slot and the generation that the test's fresh
 * table gives, so only what follows is drawn; it is letters, digits, '-' and
 * '_', and differs from one conversation to the next.
 */
static void
expect_same(const struct client *c, const struct client *first, int i)
{
	const char *alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
	    "qrstuvwxyz0123456789-_";
	size_t at, drawn = 0;

	ck_assert_uint_eq(c->len, first->len);
	for (at = 0; at < c->len; at++) {
		if (c->got[at] == first->got[at])
			continue;
		ck_assert_msg(strchr(alphabet, c->got[at]) != NULL &&
		    strchr(alphabet, first->got[at]) != NULL,
		    "%s: byte %zu of the answer differs",
		    captured[i].dialect, at);
		drawn++;
	}
	ck_assert_uint_le(drawn, (1 + DIALECT_INVITE_COUNT) *
	    (size_t)TOKEN_TEXT);
}

static struct client *
converse(int i, size_t cut, size_t want)
{
	struct client *c = arrive();
	struct member_info m;

	if (cut > 0)
		say(c, captured[i].bytes, cut);
	if (cut < captured[i].len) {
		hear(c);
		ck_assert_uint_eq(c->len, 0);
		say(c, captured[i].bytes + cut, captured[i].len - cut);
	}
	hear_all(c, want);
	ck_assert_uint_gt(c->len, 0);
	ck_assert(fx_member(captured[i].room, "alice", &m));
	ck_assert_str_eq(dialect_row(m.dialect)->name, captured[i].dialect);
	ck_assert_uint_eq(m.addr.port, captured[i].port);
	ck_assert(m.is_host);
	return c;
}

/* Ends the room as its dialect does, or by hand. */
static void
finish(struct client *c, int i)
{
	go(c);
	if (fx_room(captured[i].room) != ROOMTAB_NONE)
		ck_assert_ptr_null(rooms_close(fx.rooms, captured[i].room,
		    strlen(captured[i].room)));
	while (rooms_reap(fx.rooms))
		continue;
}

START_TEST(split_anywhere)
{
	struct client *first = converse(_i, captured[_i].len, 0), *c;
	struct client *kept = malloc(sizeof(*kept));
	size_t cut;

	ck_assert_ptr_nonnull(kept);
	memcpy(kept, first, sizeof(*kept));
	finish(first, _i);
	for (cut = 1; cut < captured[_i].len; cut++) {
		c = converse(_i, cut, kept->len);
		expect_same(c, kept, _i);
		finish(c, _i);
	}
	free(kept);
}
END_TEST

START_TEST(every_row_is_here)
{
	unsigned id, i, found;

	for (id = 0; id < dialect_count(); id++) {
		for (i = found = 0; i < sizeof(captured) /
		    sizeof(captured[0]); i++)
			found += strcmp(captured[i].dialect,
			    dialect_row(id)->name) == 0;
		ck_assert_msg(found == 1, "%s is not captured here",
		    dialect_row(id)->name);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("captured");
	TCase *tc = tcase_create("captured");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, split_anywhere, 0,
	    (int)(sizeof(captured) / sizeof(captured[0])));
	tcase_add_test(tc, every_row_is_here);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
