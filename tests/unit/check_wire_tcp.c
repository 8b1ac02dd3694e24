/* SPDX-License-Identifier: ISC */
/*
 * TCRP frames: every rule of the size field with what nearly is it, frames
 * in every codec, and what is written.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "wire_tcp.h"
#include "run_suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) (s), sizeof(s) - 1

/* Fields shorter than 29 bytes here go on with `fill`. */
static const struct {
	const char	*what;
	const char	*field;
	size_t		 len;
	char		 fill;
	enum codec	 codec;
	uint32_t	 size;
} fields[] = {
	/* Rule 1: twenty-five zeros, then an integer. */
	{ "zero", BYTES(""), 0, CODEC_BE, 0 },
	{ "one", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\0\0\0\1"), 0, CODEC_BE, 1 },
	{ "four bytes", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\0\0\0\1\2\3\4"), 0, CODEC_BE, 0x01020304 },
	{ "2^29", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\x20\0\0\0"), 0, CODEC_BE, 1 << 29 },
	{ "2^32-1", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\0\xff\xff\xff\xff"), 0, CODEC_BE, UINT32_MAX },
	{ "an integer that looks like digits",
	    BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "1234"), 0, CODEC_BE, 0x31323334 },
	{ "one bit too high for rule 1",
	    BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
	    "\0\0\0\1"), 0, CODEC_NONE, 0 },
	{ "first byte set", BYTES("\1"), 0, CODEC_NONE, 0 },
	{ "little-endian", BYTES("\5"), 0, CODEC_NONE, 0 },

	/* Rule 2: twenty-nine digits. */
	{ "29 digits", BYTES("00000000000000000000000000011"), 0,
	    CODEC_DIGITS, 11 },
	{ "29 zeros", BYTES(""), '0', CODEC_DIGITS, 0 },
	{ "29 nines saturate", BYTES(""), '9', CODEC_DIGITS, UINT32_MAX },
	{ "2^32-1 in digits", BYTES("00000000000000000004294967295"), 0,
	    CODEC_DIGITS, UINT32_MAX },
	{ "2^32 in digits", BYTES("00000000000000000004294967296"), 0,
	    CODEC_DIGITS, UINT32_MAX },
	{ "2^64+5 in digits", BYTES("00000000018446744073709551621"), 0,
	    CODEC_DIGITS, UINT32_MAX },
	{ "28 digits and NUL", BYTES("0000000000000000000000000011"), 0,
	    CODEC_INLINE, 0 },
	{ "28 digits and space", BYTES("0000000000000000000000000011"),
	    ' ', CODEC_INLINE, 0 },
	{ "28 digits and a letter", BYTES("0000000000000000000000000011"),
	    'x', CODEC_INLINE, 0 },
	{ "sign and 28 digits", BYTES("+0000000000000000000000000011"), 0,
	    CODEC_INLINE, 0 },

	/* Rule 3: one to nine digits, then padding. */
	{ "one digit and NULs", BYTES("5"), 0, CODEC_DECIMAL, 5 },
	{ "the digit 0", BYTES("0"), 0, CODEC_DECIMAL, 0 },
	{ "one digit and spaces", BYTES("5"), ' ', CODEC_DECIMAL, 5 },
	{ "both paddings", BYTES("40 \0 \0"), ' ', CODEC_DECIMAL, 40 },
	{ "nine digits", BYTES("999999999"), 0, CODEC_DECIMAL, 999999999 },
	{ "nine digits, zero-padded", BYTES("000000012"), 0, CODEC_DECIMAL,
	    12 },
	{ "ten digits are a payload", BYTES("1234567890"), 0, CODEC_INLINE,
	    0 },
	{ "a digit, NUL, a digit", BYTES("5\0005"), 0, CODEC_NONE, 0 },
	{ "a digit, space, a digit", BYTES("5 5"), 0, CODEC_INLINE, 0 },
	{ "space, a digit", BYTES(" 5"), 0, CODEC_INLINE, 0 },
	{ "digits and a letter", BYTES("12a"), 0, CODEC_INLINE, 0 },
	{ "negative", BYTES("-5"), 0, CODEC_INLINE, 0 },
	{ "hexadecimal", BYTES("0x5"), 0, CODEC_INLINE, 0 },
	{ "a digit and newline", BYTES("5\n"), 0, CODEC_NONE, 0 },
	{ "full-width digit", BYTES("\xef\xbc\x95"), 0, CODEC_INLINE, 0 },
	{ "last byte set", BYTES("5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\0\0\0\0\0\0\0\1"), 0, CODEC_NONE, 0 },

	/* Rule 4: printable UTF-8, then padding. */
	{ "a name", BYTES("roomalice"), 0, CODEC_INLINE, 0 },
	{ "a name and spaces", BYTES("roomalice"), ' ', CODEC_INLINE, 0 },
	{ "29 letters", BYTES(""), 'x', CODEC_INLINE, 0 },
	{ "Japanese", BYTES("\xe9\x83\xa8\xe5\xb1\x8b\xe5\xb1\xb1"), 0,
	    CODEC_INLINE, 0 },
	{ "spaces inside", BYTES("a  b"), 0, CODEC_INLINE, 0 },
	{ "NUL inside", BYTES("a\0b"), 0, CODEC_NONE, 0 },
	{ "control character", BYTES("a\tb"), 0, CODEC_NONE, 0 },
	{ "DEL", BYTES("ab\x7f"), 0, CODEC_NONE, 0 },
	{ "C1", BYTES("ab\xc2\x85"), 0, CODEC_NONE, 0 },
	{ "Latin-1", BYTES("caf\xe9"), 0, CODEC_NONE, 0 },
	{ "character cut by the end",
	    BYTES("xxxxxxxxxxxxxxxxxxxxxxxxxxx\xe5\xb1"), 0, CODEC_NONE,
	    0 },
	{ "spaces only", BYTES(""), ' ', CODEC_NONE, 0 },
	{ "space, then NULs", BYTES(" "), 0, CODEC_NONE, 0 },

	/* Rule 5. */
	{ "ones", BYTES(""), '\xff', CODEC_NONE, 0 },
	{ "middle byte",
	    BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80"), 0, CODEC_NONE, 0 },
};

START_TEST(test_size_field)
{
	uint8_t h[TCRP_HEADER] = { 7, 1, 0 };
	struct tcrp_header head;

	ck_assert_uint_le(fields[_i].len, TCRP_SIZE_FIELD);
	memset(h + 3, fields[_i].fill, TCRP_SIZE_FIELD);
	memcpy(h + 3, fields[_i].field, fields[_i].len);
	tcrp_read_header(&head, h);
	ck_assert_uint_eq(head.room_len, 7);
	ck_assert_uint_eq(head.op, 1);
	ck_assert_uint_eq(head.state, 0);
	ck_assert_msg(head.codec == fields[_i].codec, "%s: codec %d",
	    fields[_i].what, (int)head.codec);
	ck_assert_msg(head.payload_len == fields[_i].size, "%s: size %u",
	    fields[_i].what, (unsigned)head.payload_len);
	if (head.codec == CODEC_INLINE || head.codec == CODEC_NONE)
		ck_assert_uint_eq(tcrp_body_len(&head), 0);
	else
		ck_assert_uint_eq(tcrp_body_len(&head),
		    (size_t)7 + fields[_i].size);
}
END_TEST

/* Sizes the server accepts read back in every codec that has one. */
START_TEST(test_sizes_return)
{
	static const enum codec codecs[] = { CODEC_BE, CODEC_DIGITS,
	    CODEC_DECIMAL };
	static uint8_t buf[TCRP_HEADER + TCRP_PAYLOAD_MAX];
	static uint8_t payload[TCRP_PAYLOAD_MAX];
	struct tcrp_frame f;
	struct writer w;
	size_t size;

	for (size = 0; size <= TCRP_PAYLOAD_MAX; size++) {
		w = writer_make(buf, sizeof(buf));
		tcrp_write_frame(&w, codecs[_i], OP_JOIN, STATE_DONE, NULL,
		    0, payload, size);
		ck_assert(!w.bad);
		ck_assert_int_eq(tcrp_read_frame(&f, buf), 0);
		ck_assert_int_eq(f.head.codec, codecs[_i]);
		ck_assert_uint_eq(f.payload_len, size);
		ck_assert_uint_eq(w.len, TCRP_HEADER +
		    tcrp_body_len(&f.head));
	}
}
END_TEST

#define ZEROS25 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZEROS28 ZEROS25 "\0\0\0"

static const struct {
	const char	*what;
	const char	*bytes;
	size_t		 len;
	enum codec	 codec;
	uint8_t		 op, state;
	const char	*room;
	const char	*payload;
	int		 result;
} frames[] = {
	{ "big-endian", BYTES("\4\1\0" ZEROS28 "\5" "roomalice"), CODEC_BE,
	    1, 0, "room", "alice", 0 },
	{ "decimal", BYTES("\4\2\0" "5" ZEROS28 "roomalice"),
	    CODEC_DECIMAL, 2, 0, "room", "alice", 0 },
	{ "digits", BYTES("\4\2\0" "00000000000000000000000000005"
	    "roomalice"), CODEC_DIGITS, 2, 0, "room", "alice", 0 },
	{ "no room, no payload", BYTES("\0\3\0" ZEROS28 "\0"), CODEC_BE, 3,
	    0, "", "", 0 },
	{ "room alone", BYTES("\4\2\0" ZEROS28 "\0" "room"), CODEC_BE, 2, 0,
	    "room", "", 0 },
	{ "payload alone", BYTES("\0\2\2" ZEROS28 "\3" "abc"), CODEC_BE, 2,
	    2, "", "abc", 0 },
	{ "inline, NULs", BYTES("\4\1\0" "roomalice" "\0\0\0\0\0\0\0\0\0\0"
	    "\0\0\0\0\0\0\0\0\0\0"), CODEC_INLINE, 1, 0, "room", "alice",
	    0 },
	{ "inline, spaces", BYTES("\4\1\0" "roomalice                    "),
	    CODEC_INLINE, 1, 0, "room", "alice", 0 },
	{ "inline, full", BYTES("\4\1\0" "room1234567890123456789012345"),
	    CODEC_INLINE, 1, 0, "room", "1234567890123456789012345", 0 },
	{ "inline, a room of spaces", BYTES("\2\1\0" "  alice            "
	    "          "), CODEC_INLINE, 1, 0, "  ", "alice", 0 },
	{ "inline, room alone", BYTES("\4\1\0" "room               "
	    "          "), CODEC_INLINE, 1, 0, "room", "", 0 },
	{ "inline, R beyond what is there", BYTES("\5\1\0" "room         "
	    "                "), CODEC_INLINE, 1, 0, "", "", -1 },
	{ "inline, R beyond the field", BYTES("\x1e\1\0"
	    "room1234567890123456789012345"), CODEC_INLINE, 1, 0, "", "",
	    -1 },
	{ "refused, so without a room", BYTES("\4\1\0" "\1" ZEROS28),
	    CODEC_NONE, 1, 0, "", "", 0 },
};

START_TEST(test_frames)
{
	struct tcrp_frame f;
	uint8_t *bytes = malloc(frames[_i].len);

	/* Exactly as long as the frame, for the sanitizers to see. */
	ck_assert_ptr_nonnull(bytes);
	memcpy(bytes, frames[_i].bytes, frames[_i].len);
	ck_assert_msg(tcrp_read_frame(&f, bytes) == frames[_i].result,
	    "%s", frames[_i].what);
	ck_assert_int_eq(f.head.codec, frames[_i].codec);
	ck_assert_uint_eq(f.head.op, frames[_i].op);
	ck_assert_uint_eq(f.head.state, frames[_i].state);
	ck_assert_uint_eq(TCRP_HEADER + tcrp_body_len(&f.head),
	    frames[_i].len);
	if (frames[_i].result == 0) {
		ck_assert_uint_eq(f.room_len, strlen(frames[_i].room));
		ck_assert_mem_eq(f.room, frames[_i].room, f.room_len);
		ck_assert_uint_eq(f.payload_len, strlen(frames[_i].payload));
		ck_assert_mem_eq(f.payload, frames[_i].payload,
		    f.payload_len);
	}
	free(bytes);
}
END_TEST

static const struct {
	const char	*what;
	enum codec	 codec;
	const char	*payload;
	const char	*want;
	size_t		 len;
} written[] = {
	{ "big-endian", CODEC_BE, "token",
	    BYTES("\4\1\2" ZEROS28 "\5" "roomtoken") },
	{ "refused codec is written so too", CODEC_NONE, "token",
	    BYTES("\4\1\2" ZEROS28 "\5" "roomtoken") },
	{ "digits", CODEC_DIGITS, "token",
	    BYTES("\4\1\2" "00000000000000000000000000005" "roomtoken") },
	{ "decimal", CODEC_DECIMAL, "token",
	    BYTES("\4\1\2" "5" ZEROS28 "roomtoken") },
	{ "inline", CODEC_INLINE, "token",
	    BYTES("\0\1\2" "token" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	    "\0\0\0\0") },
	{ "inline, full", CODEC_INLINE, "12345678901234567890123456789",
	    BYTES("\0\1\2" "12345678901234567890123456789") },
	{ "inline, one too many", CODEC_INLINE,
	    "123456789012345678901234567890", NULL, 0 },
	{ "empty", CODEC_BE, "", BYTES("\4\1\2" ZEROS28 "\0" "room") },
};

START_TEST(test_written)
{
	uint8_t buf[128];
	struct writer w = writer_make(buf, sizeof(buf));

	tcrp_write_frame(&w, written[_i].codec, OP_CREATE, STATE_DONE,
	    "room", 4, written[_i].payload, strlen(written[_i].payload));
	ck_assert_msg(w.bad == (written[_i].want == NULL), "%s",
	    written[_i].what);
	ck_assert_uint_eq(w.len, written[_i].len);
	if (!w.bad)
		ck_assert_mem_eq(buf, written[_i].want, w.len);
}
END_TEST

static const struct {
	const char	*what;
	enum codec	 codec;
	enum status	 status;
	const char	*want;
	size_t		 len;
} statuses[] = {
	{ "done", CODEC_BE, ST_OK, BYTES("\4\2\1" ZEROS28 "\1" "room\0") },
	{ "refused", CODEC_NONE, ST_MALFORMED,
	    BYTES("\4\2\1" ZEROS28 "\1" "room\4") },
	{ "digits", CODEC_DIGITS, ST_NO_ROOM,
	    BYTES("\4\2\1" "00000000000000000000000000001" "room2") },
	{ "decimal", CODEC_DECIMAL, ST_SLOW_DOWN,
	    BYTES("\4\2\1" "1" ZEROS28 "room6") },
	{ "inline", CODEC_INLINE, ST_EXISTS, BYTES("\0\2\1" "1" ZEROS28) },
};

START_TEST(test_status)
{
	uint8_t buf[128];
	struct writer w = writer_make(buf, sizeof(buf));

	tcrp_write_status(&w, statuses[_i].codec, OP_JOIN, "room", 4,
	    statuses[_i].status);
	ck_assert(!w.bad);
	ck_assert_msg(w.len == statuses[_i].len, "%s", statuses[_i].what);
	ck_assert_mem_eq(buf, statuses[_i].want, w.len);
}
END_TEST

/* A room of 255 bytes is the most; a buffer too small spoils the writer. */
START_TEST(test_write_limits)
{
	uint8_t buf[TCRP_HEADER + TCRP_ROOM_MAX + 1], room[256];
	struct tcrp_frame f;
	struct writer w;

	memset(room, 'r', sizeof(room));
	w = writer_make(buf, sizeof(buf));
	tcrp_write_status(&w, CODEC_BE, OP_JOIN, room, TCRP_ROOM_MAX,
	    ST_OK);
	ck_assert(!w.bad);
	ck_assert_int_eq(tcrp_read_frame(&f, buf), 0);
	ck_assert_uint_eq(f.room_len, TCRP_ROOM_MAX);
	ck_assert_uint_eq(f.payload_len, 1);

	w = writer_make(buf, sizeof(buf));
	tcrp_write_status(&w, CODEC_BE, OP_JOIN, room, 256, ST_OK);
	ck_assert(w.bad);
	w = writer_make(buf, sizeof(buf) - 1);
	tcrp_write_status(&w, CODEC_BE, OP_JOIN, room, TCRP_ROOM_MAX,
	    ST_OK);
	ck_assert(w.bad);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("wire_tcp");
	TCase *tc = tcase_create("wire_tcp");

	tcase_add_loop_test(tc, test_size_field, 0, COUNT(fields));
	tcase_add_loop_test(tc, test_sizes_return, 0, 3);
	tcase_add_loop_test(tc, test_frames, 0, COUNT(frames));
	tcase_add_loop_test(tc, test_written, 0, COUNT(written));
	tcase_add_loop_test(tc, test_status, 0, COUNT(statuses));
	tcase_add_test(tc, test_write_limits);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
