/* SPDX-License-Identifier: ISC */
/*
 * What of the chat client needs neither server nor terminal: the text after
 * -s, what a text is and whether it can be sent, lines out of bytes,
 * and where the cursor of a typed line stands.
 */
#include <locale.h>
#include <string.h>

#include "client/ocm_doubt.h"
#include "client/ocm_lines.h"
#include "client/ocm_server.h"
#include "client/ocm_text.h"
#include "client/ocm_width.h"
#include "run_suite.h"
#include "wire.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) (s), sizeof(s) - 1

/* ---- ocm_server ---- */

static const struct {
	const char	*spec, *host;		/* host NULL: refused */
	uint16_t	tcp, udp;
	const char	*text, *given;		/* as -s would have it */
} servers[] = {
	{ "127.0.0.1", "127.0.0.1", 9001, 9002, "127.0.0.1:9001", "" },
	{ "127.0.0.1:9001:9002", "127.0.0.1", 9001, 9002, "127.0.0.1:9001",
	    "" },
	{ "chat", "chat", 9001, 9002, "chat:9001", "chat" },
	{ "chat:1", "chat", 1, 9002, "chat:1", "chat:1" },
	{ "chat:1:65535", "chat", 1, 65535, "chat:1", "chat:1:65535" },
	{ "10.0.0.1:80:81", "10.0.0.1", 80, 81, "10.0.0.1:80",
	    "10.0.0.1:80:81" },
	{ "[::1]", "::1", 9001, 9002, "[::1]:9001", "::1" },
	{ "[::1]:5", "::1", 5, 9002, "[::1]:5", "[::1]:5" },
	{ "[::1]:5:6", "::1", 5, 6, "[::1]:5", "[::1]:5:6" },
	{ "::1", "::1", 9001, 9002, "[::1]:9001", "::1" },
	{ "fe80::1:2", "fe80::1:2", 9001, 9002, "[fe80::1:2]:9001",
	    "fe80::1:2" },
	{ "fe80::1%lo", "fe80::1%lo", 9001, 9002, "[fe80::1%lo]:9001",
	    "fe80::1%lo" },
	{ "[fe80::1%2]:5:6", "fe80::1%2", 5, 6, "[fe80::1%2]:5",
	    "[fe80::1%2]:5:6" },
	{ "", NULL, 0, 0, NULL, NULL },
	{ ":1", NULL, 0, 0, NULL, NULL },
	{ "[]:1", NULL, 0, 0, NULL, NULL },
	{ "[::1", NULL, 0, 0, NULL, NULL },
	{ "[::1]1", NULL, 0, 0, NULL, NULL },
	{ "chat:", NULL, 0, 0, NULL, NULL },
	{ "chat:0", NULL, 0, 0, NULL, NULL },
	{ "chat:65536", NULL, 0, 0, NULL, NULL },
	{ "chat:1:", NULL, 0, 0, NULL, NULL },
	{ "chat:1:0", NULL, 0, 0, NULL, NULL },
	{ "chat:1:2:3", NULL, 0, 0, NULL, NULL },
	{ "chat:one", NULL, 0, 0, NULL, NULL },
	{ "chat:1 ", NULL, 0, 0, NULL, NULL },
};

START_TEST(test_server)
{
	struct server s;
	const char *wrong = server_parse(&s, servers[_i].spec);
	char text[SERVER_TEXT];

	if (servers[_i].host == NULL) {
		ck_assert_ptr_nonnull(wrong);
		return;
	}
	ck_assert_ptr_null(wrong);
	ck_assert_str_eq(s.host, servers[_i].host);
	ck_assert_uint_eq(s.tcp, servers[_i].tcp);
	ck_assert_uint_eq(s.udp, servers[_i].udp);
	ck_assert_str_eq(server_text(&s, text), servers[_i].text);
	ck_assert_str_eq(server_spec(&s, text), servers[_i].given);
}
END_TEST

START_TEST(test_server_too_long)
{
	struct server s;
	char spec[1000];
	size_t len;

	for (len = 1; len < sizeof(spec); len++) {
		memset(spec, 'x', len);
		spec[len] = '\0';
		ck_assert_int_eq(server_parse(&s, spec) == NULL,
		    len <= SERVER_HOST_MAX);
	}
}
END_TEST

/* ---- ocm_text ---- */

static const struct {
	const char	*bytes;
	size_t		len;
	const char	*from, *text;		/* from NULL: nobody */
} splits[] = {
	{ BYTES("bob: hi"), "bob", "hi" },
	{ BYTES("bob: "), "bob", "" },
	{ BYTES("bob: a: b"), "bob", "a: b" },
	{ BYTES("部屋の人: こんにちは"), "部屋の人", "こんにちは" },
	{ BYTES("bob:hi"), NULL, "bob:hi" },
	{ BYTES("bob joined"), NULL, "bob joined" },
	{ BYTES(": hi"), NULL, ": hi" },
	{ BYTES("a\033: hi"), NULL, "a\033: hi" },
	{ BYTES("\xff: hi"), NULL, "\xff: hi" },
	{ BYTES(""), NULL, "" },
	{ BYTES(":"), NULL, ":" },
};

START_TEST(test_split)
{
	struct said said;

	text_split(&said, splits[_i].bytes, splits[_i].len);
	if (splits[_i].from == NULL) {
		ck_assert_ptr_null(said.from);
	} else {
		ck_assert_uint_eq(said.from_len, strlen(splits[_i].from));
		ck_assert_mem_eq(said.from, splits[_i].from, said.from_len);
	}
	ck_assert_uint_eq(said.text_len, strlen(splits[_i].text));
	ck_assert_mem_eq(said.text, splits[_i].text, said.text_len);
}
END_TEST

/* 255 bytes before the colon are a name, 256 are not. */
START_TEST(test_split_longest_name)
{
	char bytes[NAME_MAX_BYTES + 4];
	struct said said;

	memset(bytes, 'n', sizeof(bytes));
	memcpy(bytes + NAME_MAX_BYTES, ": x", 3);
	text_split(&said, bytes, NAME_MAX_BYTES + 3);
	ck_assert_uint_eq(said.from_len, NAME_MAX_BYTES);
	memcpy(bytes + NAME_MAX_BYTES, "n: ", 3);
	text_split(&said, bytes, sizeof(bytes));
	ck_assert_ptr_null(said.from);
	ck_assert_uint_eq(said.text_len, sizeof(bytes));
}
END_TEST

static const struct {
	const char	*bytes;
	enum notice	kind;
} notices[] = {
	{ "room closed: the host left", NOTICE_CLOSED },
	{ "room closed: ", NOTICE_CLOSED },
	{ "disconnected: idle for 300 s", NOTICE_DROPPED },
	{ "disconnected: removed by the operator", NOTICE_KICKED },
	{ "server is shutting down", NOTICE_SHUTDOWN },
	{ "bob joined", NOTICE_PRESENCE },
	{ "bob, eve and 3 more joined; carol left", NOTICE_PRESENCE },
	{ "bob: eve joined", NOTICE_NONE },
	{ "bob: server is shutting down", NOTICE_NONE },
	{ "server is shutting down now", NOTICE_NONE },
	{ "room closed", NOTICE_NONE },
	{ "joined", NOTICE_NONE },
	{ "hello", NOTICE_NONE },
	{ "", NOTICE_NONE },
};

START_TEST(test_notice)
{
	enum notice kind = text_notice(notices[_i].bytes,
	    strlen(notices[_i].bytes));

	ck_assert_int_eq(kind, notices[_i].kind);
	ck_assert_int_eq(notice_ends(kind), kind != NOTICE_NONE &&
	    kind != NOTICE_PRESENCE);
}
END_TEST

/* The larger the room, the longer its members take to ask, up to 5 s. */
START_TEST(test_spread)
{
	uint32_t ms = doubt_spread_ms(0);

	ck_assert_uint_eq(ms, 300);
	ck_assert_uint_eq(doubt_spread_ms(34 * 20), ms);
	ck_assert_uint_gt(doubt_spread_ms(34 * 1000), 2000);
	ck_assert_uint_eq(doubt_spread_ms(34 * 6000), 5000);
	ck_assert_uint_eq(doubt_spread_ms(SIZE_MAX), 5000);
}
END_TEST

/* Who claims it as often as he is heard makes a room ask once a minute. */
START_TEST(test_doubt)
{
	uint64_t ms = doubt_after_ms(0, 0);
	int i;

	ck_assert_uint_eq(ms, 5000);
	ck_assert_uint_eq(doubt_after_ms(0, UINT64_MAX), 5000);
	for (i = 0; i < 10; i++) {
		ck_assert_uint_ge(doubt_after_ms(ms, 0), ms);
		ms = doubt_after_ms(ms, 1);
	}
	ck_assert_uint_eq(ms, 60000);
	/* After a minute without one it is an accident again. */
	ck_assert_uint_eq(doubt_after_ms(ms, 60000), 60000);
	ck_assert_uint_eq(doubt_after_ms(ms, 60001), 5000);
}
END_TEST

/* What is within the limit fits both datagrams, whatever the names. */
START_TEST(test_limits)
{
	size_t room, name, limit;

	for (room = 1; room <= NAME_MAX_BYTES; room++)
		for (name = 1; name <= NAME_MAX_BYTES; name++) {
			limit = text_limit_room(room, TOKEN_TEXT, name);
			ck_assert_uint_le(DATAGRAM_HEADER + room + TOKEN_TEXT +
			    limit, DATAGRAM_MAX);
			ck_assert_uint_le(name + strlen("~65536: ") + limit,
			    DELIVERY_MAX);
		}
	ck_assert_uint_eq(text_limit_room(4, 32, 3), 4096 - 2 - 4 - 32);
	ck_assert_uint_eq(text_limit_lobby(5), 4096 - 1 - 5);
}
END_TEST

START_TEST(test_check)
{
	ck_assert_int_eq(text_check("", 0, 9), TEXT_EMPTY);
	ck_assert_int_eq(text_check("123456789", 9, 9), TEXT_FITS);
	ck_assert_int_eq(text_check("1234567890", 10, 9), TEXT_TOO_LONG);
	ck_assert_int_eq(text_check("\xe3\x81", 2, 9), TEXT_NOT_UTF8);
	ck_assert_int_eq(text_check("/exit", 5, 9), TEXT_RESERVED);
	ck_assert_int_eq(text_check("/exit ", 6, 9), TEXT_FITS);
	ck_assert_int_eq(text_check("/exi", 4, 9), TEXT_FITS);
}
END_TEST

START_TEST(test_why_names_the_limit)
{
	char why[128];

	ck_assert_ptr_nonnull(strstr(text_why(TEXT_TOO_LONG, 4061, why,
	    sizeof(why)), "4061 bytes"));
	ck_assert_str_ne(text_why(TEXT_EMPTY, 1, why, sizeof(why)), "");
	ck_assert_str_ne(text_why(TEXT_NOT_UTF8, 1, why, sizeof(why)), "");
	ck_assert_str_ne(text_why(TEXT_RESERVED, 1, why, sizeof(why)), "");
}
END_TEST

/* ---- ocm_lines ---- */

static struct lines lines;

/* Feeds all bytes, step at a time; appends "[line]" or "<too long>". */
static void
feed(char *out, size_t cap, const char *bytes, size_t len, size_t step)
{
	bool whole, too_long;
	size_t n, used;

	out[0] = '\0';
	memset(&lines, 0, sizeof(lines));
	for (; len > 0; bytes += used, len -= used) {
		n = len < step ? len : step;
		used = lines_feed(&lines, bytes, n, &whole, &too_long);
		ck_assert_uint_ge(used, 1);
		ck_assert_uint_le(used, n);
		if (!whole)
			continue;
		lines.buf[lines.len < LINES_MAX ? lines.len : 0] = '\0';
		(void)strlcat(out, too_long ? "<too long>" : "[", cap);
		if (!too_long) {
			(void)strlcat(out, lines.buf, cap);
			(void)strlcat(out, "]", cap);
		}
		lines_next(&lines);
	}
	if (lines_end(&lines, &too_long)) {
		lines.buf[lines.len < LINES_MAX ? lines.len : 0] = '\0';
		(void)strlcat(out, too_long ? "<too long>" : "(", cap);
		(void)strlcat(out, too_long ? "" : lines.buf, cap);
	}
}

START_TEST(test_lines)
{
	static const char bytes[] = "one\n\ntwo\r\n三\nlast";
	char out[100];

	feed(out, sizeof(out), BYTES(bytes), (size_t)_i);
	ck_assert_str_eq(out, "[one][][two][三](last");
}
END_TEST

START_TEST(test_lines_too_long)
{
	static char bytes[LINES_MAX + 20];
	char out[100];
	size_t i, len;

	/* As long as it may be, and one byte more. */
	for (i = 0; i < 2; i++) {
		len = LINES_MAX + i;
		memset(bytes, 'x', len);
		memcpy(bytes + len, "\nnext\n", 6);
		feed(out, sizeof(out), bytes, len + 6, (size_t)_i);
		if (i == 0)
			ck_assert_int_eq(out[0], '[');
		else
			ck_assert_str_eq(out, "<too long>[next]");
	}
	/* The last one, without its newline. */
	memset(bytes, 'x', sizeof(bytes));
	feed(out, sizeof(out), bytes, sizeof(bytes), (size_t)_i);
	ck_assert_str_eq(out, "<too long>");
}
END_TEST

/* ---- ocm_width ---- */

static const struct {
	unsigned	columns;
	const wchar_t	*text;
	size_t		cursor;
	unsigned	row;
} cursors[] = {
	{ 10, L"", 0, 0 },
	{ 10, L"1234567", 7, 0 },
	{ 10, L"12345678", 7, 0 },
	{ 10, L"12345678", 8, 1 },		/* the row is full */
	{ 10, L"123456789012345678", 17, 1 },
	{ 10, L"123456789012345678", 18, 2 },
	{ 10, L"日本語1", 4, 0 },
	{ 10, L"日本語1本", 4, 1 },		/* does not fit, is below */
	{ 10, L"日本語1本", 5, 1 },
	{ 10, L"日本語本", 3, 0 },
	{ 10, L"日本語本", 4, 1 },
	{ 10, L"日本語本日本語本日", 8, 1 },
	{ 10, L"日本語本日本語本日", 9, 2 },
	{ 10, L"123456\001x", 7, 1 },		/* ^A takes two */
	{ 10, L"12345\001x", 7, 1 },
	{ 10, L"12345\001x", 6, 0 },
	{ 10, L"\t", 1, 0 },			/* to column 8 */
	{ 10, L"\t12", 3, 1 },
	{ 10, L"1\ufffe", 2, 1 },		/* \U+FFFE takes seven */
	{ 1, L"12", 2, 4 },
	{ 1, L"日", 1, 3 },			/* absurd, but ends */
};

START_TEST(test_cursor)
{
	ck_assert_uint_eq(width_cursor_row(cursors[_i].columns, 2,
	    cursors[_i].text, wcslen(cursors[_i].text), cursors[_i].cursor),
	    cursors[_i].row);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("client");
	TCase *tc = tcase_create("client");

	tcase_add_loop_test(tc, test_server, 0, (int)COUNT(servers));
	tcase_add_test(tc, test_server_too_long);
	tcase_add_loop_test(tc, test_split, 0, (int)COUNT(splits));
	tcase_add_test(tc, test_split_longest_name);
	tcase_add_loop_test(tc, test_notice, 0, (int)COUNT(notices));
	tcase_add_test(tc, test_spread);
	tcase_add_test(tc, test_doubt);
	tcase_add_test(tc, test_limits);
	tcase_add_test(tc, test_check);
	tcase_add_test(tc, test_why_names_the_limit);
	tcase_add_loop_test(tc, test_lines, 1, 25);
	tcase_add_loop_test(tc, test_lines_too_long, 4000, 4003);
	tcase_add_loop_test(tc, test_cursor, 0, (int)COUNT(cursors));
	suite_add_tcase(s, tc);
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return run_suite(s);
}
