/* SPDX-License-Identifier: ISC */
/*
 * Recognition of dialects: what real clients of each sent.
 */
#include <string.h>

#include "dialect.h"
#include "exact.h"
#include "run_suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) (s), sizeof(s) - 1
#define ZEROS25 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZEROS27 ZEROS25 "\0\0"
#define ZEROS28 ZEROS25 "\0\0\0"
#define ALL UINT32_MAX

/* Whole requests as captured; rooms have ten bytes. */
static const struct {
	const char	*bytes;
	size_t		 len;
	const char	*dialect;
	const char	*room, *user;
	uint16_t	 port;		/* 0: none */
	const char	*password;	/* NULL: none */
	const char	*token;
} captured[] = {
	{ BYTES("\n\1\0" ZEROS28 "\5" "room800020" "alice"), "plain",
	    "room800020", "alice", 0, NULL, NULL },
	{ BYTES("\n\2\0" ZEROS28 "\3" "room800020" "bob"), "plain",
	    "room800020", "bob", 0, NULL, NULL },
	{ BYTES("\n\1\0" ZEROS28 "(" "room926484"
	    "{\"user_name\": \"alice\", \"password\": null}"),
	    "plain-json", "room926484", "alice", 0, NULL, NULL },
	{ BYTES("\n\2\0" ZEROS28 "&" "room926484"
	    "{\"user_name\": \"bob\", \"password\": null}"),
	    "plain-json", "room926484", "bob", 0, NULL, NULL },
	{ BYTES("\n\1\0" ZEROS28 "%" "room768554"
	    "{\"username\": \"alice\", \"password\": \"\"}"),
	    "plain-json", "room768554", "alice", 0, NULL, NULL },
	{ BYTES("\n\2\0" ZEROS28 "#" "room768554"
	    "{\"username\": \"bob\", \"password\": \"\"}"),
	    "plain-json", "room768554", "bob", 0, NULL, NULL },
	{ BYTES("\n\1\0" "5" ZEROS28 "room820791" "alice"), "decimal",
	    "room820791", "alice", 0, NULL, NULL },
	{ BYTES("\n\2\0" "40" ZEROS27 "room820791"
	    "1cd76434-3ec3-466e-855d-fcb4d6d78da2 bob"), "decimal",
	    "room820791", "bob", 0, NULL,
	    "1cd76434-3ec3-466e-855d-fcb4d6d78da2" },
	{ BYTES("\n\1\0" "00000000000000000000000000011" "room459489"
	    "alice,55542"), "digits", "room459489", "alice", 55542, NULL,
	    NULL },
	{ BYTES("\n\2\0" "00000000000000000000000000003" "room459489"
	    "bob"), "digits", "room459489", "bob", 0, NULL, NULL },
	{ BYTES("\n\1\0" ZEROS28 "\7" "room215126" "\"alice\""),
	    "json-string", "room215126", "alice", 0, NULL, NULL },
	{ BYTES("\n\2\0" ZEROS28 "\5" "room215126" "\"bob\""),
	    "json-string", "room215126", "bob", 0, NULL, NULL },
	{ BYTES("\n\1\0" ZEROS28 "<" "room426412{\"user_name\": \"alice\", "
	    "\"user_address\": [\"127.0.0.1\", 46317]}"), "json-address",
	    "room426412", "alice", 46317, NULL, NULL },
	{ BYTES("\n\2\0" ZEROS28 ":" "room426412{\"user_name\": \"bob\", "
	    "\"user_address\": [\"127.0.0.1\", 51440]}"), "json-address",
	    "room426412", "bob", 51440, NULL, NULL },
	{ BYTES("\n\1\0" ZEROS28 ")" "room418397{\"user_name\": \"alice\", "
	    "\"udp_port\": 39712}"), "json-port", "room418397", "alice",
	    39712, NULL, NULL },
	{ BYTES("\n\2\0" ZEROS28 "'" "room418397{\"user_name\": \"bob\", "
	    "\"udp_port\": 45930}"), "json-port", "room418397", "bob",
	    45930, NULL, NULL },
	{ BYTES("\n\1\0" ZEROS28 "M" "room715352{\"user_name\": \"alice\", "
	    "\"udp_address\": [\"127.0.0.1\", 33428], "
	    "\"password\": \"pw\"}"), "json-udp", "room715352", "alice",
	    33428, "pw", NULL },
	{ BYTES("\n\2\0" ZEROS28 "K" "room715352{\"user_name\": \"bob\", "
	    "\"udp_address\": [\"127.0.0.1\", 47224], "
	    "\"password\": \"pw\"}"), "json-udp", "room715352", "bob",
	    47224, "pw", NULL },
	{ BYTES("\n\1\0" ZEROS28 "\7" "room715130" "alice'\x8a"),
	    "port-suffix", "room715130", "alice", 0x278a, NULL, NULL },
	{ BYTES("\n\2\0" ZEROS28 "\5" "room715130" "bob'\x8d"),
	    "port-suffix", "room715130", "bob", 0x278d, NULL, NULL },
	{ BYTES("\n\1\0" ZEROS28 "\7" "room382279" "alice(\xee"),
	    "port-suffix", "room382279", "alice", 0x28ee, NULL, NULL },
	{ BYTES("\n\2\0" ZEROS28 "\5" "room382279" "bob(\xe5"),
	    "port-suffix", "room382279", "bob", 0x28e5, NULL, NULL },
	/* No client of this sketch is at hand: its note, byte for byte. */
	{ BYTES("\4\1\0" "roomalice" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\0\0"), "inline", "room", "alice", 0, NULL, NULL },
	{ BYTES("\4\2\0" "roombob                      "), "inline",
	    "room", "bob", 0, NULL, NULL },
};

static void
expect(const struct request *rq, int i)
{
	ck_assert_str_eq(rq->dialect->name, captured[i].dialect);
	ck_assert_uint_eq(rq->room_len, strlen(captured[i].room));
	ck_assert_mem_eq(rq->room, captured[i].room, rq->room_len);
	ck_assert_str_eq(rq->user, captured[i].user);
	ck_assert_uint_eq(rq->user_len, strlen(captured[i].user));
	ck_assert_int_eq(rq->has_port, captured[i].port != 0);
	ck_assert_uint_eq(rq->udp_port, captured[i].port);
	ck_assert_int_eq(rq->has_password, captured[i].password != NULL);
	if (captured[i].password != NULL)
		ck_assert_str_eq(rq->password, captured[i].password);
	ck_assert_int_eq(rq->token != NULL, captured[i].token != NULL);
	if (captured[i].token != NULL) {
		ck_assert_uint_eq(rq->token_len, strlen(captured[i].token));
		ck_assert_mem_eq(rq->token, captured[i].token, rq->token_len);
	}
}

/* The header asks for exactly what the client sent, and that is a request. */
START_TEST(test_captured)
{
	const uint8_t *p = exact(captured[_i].bytes, captured[_i].len);
	struct tcrp_header head;
	struct tcrp_frame f;
	struct request rq;

	tcrp_read_header(&head, p);
	ck_assert_uint_eq(TCRP_HEADER + tcrp_body_len(&head),
	    captured[_i].len);
	ck_assert_int_eq(tcrp_read_frame(&f, p), 0);
	ck_assert_int_eq(dialect_read(&rq, &f, ALL), ST_OK);
	ck_assert_uint_eq(rq.op, p[1]);
	ck_assert_int_eq(rq.codec, rq.dialect->codec);
	expect(&rq, _i);
}
END_TEST

/* A row that is not accepted answers for itself, in its own words. */
START_TEST(test_not_accepted)
{
	const uint8_t *p = exact(captured[_i].bytes, captured[_i].len);
	struct tcrp_frame f;
	struct request rq;
	uint32_t bit;

	ck_assert_int_eq(tcrp_read_frame(&f, p), 0);
	bit = UINT32_C(1) << dialect_id(dialect_by_name(
	    captured[_i].dialect));
	ck_assert_int_eq(dialect_read(&rq, &f, ALL & ~bit), ST_MALFORMED);
	ck_assert_str_eq(rq.dialect->name, captured[_i].dialect);
	ck_assert_int_eq(dialect_read(&rq, &f, bit), ST_OK);
}
END_TEST

/* The decimal client sends its port with its first frame, in one write. */
START_TEST(test_pipelined)
{
	static const char bytes[] = "\n\1\0" "5" ZEROS28 "room820791alice"
	    "\n\3\0" "5" ZEROS28 "room82079148030";
	const uint8_t *p = exact(bytes, sizeof(bytes) - 1);
	struct tcrp_frame f;
	struct request rq;

	ck_assert_int_eq(tcrp_read_frame(&f, p), 0);
	ck_assert_int_eq(dialect_read(&rq, &f, ALL), ST_OK);
	p += TCRP_HEADER + tcrp_body_len(&f.head);
	ck_assert_int_eq(tcrp_read_frame(&f, p), 0);
	ck_assert_uint_eq(f.head.op, OP_PORT_OR_LIST);
	ck_assert_int_eq(f.head.codec, CODEC_DECIMAL);
	ck_assert_uint_eq(f.payload_len, 5);
	ck_assert_mem_eq(f.payload, "48030", 5);
	ck_assert_ptr_eq(f.payload + 5, copy + sizeof(bytes) - 1);
}
END_TEST

START_TEST(test_table)
{
	unsigned id, n = dialect_count();

	ck_assert_uint_eq(n, 10);
	for (id = 0; id < n; id++) {
		const struct dialect *d = dialect_row(id);

		ck_assert_uint_eq(dialect_id(d), id);
		ck_assert_ptr_eq(dialect_by_name(d->name), d);
		ck_assert_int_lt(d->form, FORM_COUNT);
		ck_assert_int_lt(d->form_registered, FORM_COUNT);
	}
	ck_assert_str_eq(dialect_row(0)->name, "plain");
	ck_assert_ptr_eq(dialect_row(n), dialect_row(0));
	ck_assert_ptr_eq(dialect_row(UINT32_MAX), dialect_row(0));
	ck_assert_ptr_null(dialect_by_name("Plain"));
	ck_assert_ptr_null(dialect_by_name(""));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dialect");
	TCase *tc = tcase_create("dialect");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, test_captured, 0, COUNT(captured));
	tcase_add_loop_test(tc, test_not_accepted, 0, COUNT(captured));
	tcase_add_test(tc, test_pipelined);
	tcase_add_test(tc, test_table);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
