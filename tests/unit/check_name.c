/* SPDX-License-Identifier: ISC */
/*
 * UTF-8 at every boundary of RFC 3629, names, and text made harmless.  A
 * second decoder, written the slow way round, says what is right.
 */
#include <check.h>
#include <string.h>

#include "name.h"
#include "wire.h"
#include "run_suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BYTES(s) (s), sizeof(s) - 1

/* Encodes by the table of RFC 3629 section 3, without judging. */
static size_t
encode(uint32_t cp, size_t len, uint8_t *out)
{
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t i;

	if (len == 1) {
		out[0] = (uint8_t)cp;
		return 1;
	}
	for (i = len - 1; i > 0; i--, cp >>= 6)
		out[i] = (uint8_t)(0x80 | (cp & 0x3f));
	out[0] = (uint8_t)(lead[len] | cp);
	return len;
}

static size_t
shortest(uint32_t cp)
{
	return cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
}

/* Every code point, in every length that can hold it. */
START_TEST(test_all_code_points)
{
	static const uint32_t limit[] = { 0, 0x80, 0x800, 0x10000,
	    0x200000 };
	uint32_t cp, got = 0;
	uint8_t b[4];
	size_t len, n;
	bool ok;

	for (len = 1; len <= 4; len++)
		for (cp = 0; cp < limit[len]; cp++) {
			encode(cp, len, b);
			ok = len == shortest(cp) && cp <= 0x10ffff &&
			    (cp < 0xd800 || cp > 0xdfff);
			n = utf8_decode(b, len, &got);
			if (n != (ok ? len : 0) || (ok && got != cp))
				ck_abort_msg("U+%X in %zu bytes gives %zu",
				    (unsigned)cp, len, n);
		}
}
END_TEST

/* A character cut short, or with a wrong byte after its first. */
START_TEST(test_broken_tails)
{
	static const uint32_t cps[] = { 0x80, 0x7ff, 0x800, 0xffff, 0x10000,
	    0x10ffff };
	uint8_t b[5];
	uint32_t cp;
	size_t i, len, cut;
	int v;

	for (i = 0; i < COUNT(cps); i++) {
		len = encode(cps[i], shortest(cps[i]), b);
		b[len] = 'x';
		ck_assert_uint_eq(utf8_decode(b, len + 1, &cp), len);
		for (cut = 1; cut < len; cut++) {
			ck_assert_uint_eq(utf8_decode(b, cut, &cp), 0);
			for (v = 0; v < 256; v++) {
				if ((v & 0xc0) == 0x80)
					continue;
				encode(cps[i], len, b);
				b[cut] = (uint8_t)v;
				ck_assert_uint_eq(utf8_decode(b, len, &cp),
				    0);
			}
			encode(cps[i], len, b);
		}
	}
	ck_assert_uint_eq(utf8_decode(b, 0, &cp), 0);
}
END_TEST

static const struct {
	const char	*what;
	const char	*text;
	size_t		 len;
	bool		 utf8, name;
} texts[] = {
	{ "empty", BYTES(""), true, false },
	{ "one letter", BYTES("a"), true, true },
	{ "one space", BYTES(" "), true, true },
	{ "spaces", BYTES("   "), true, true },
	{ "digits", BYTES("12345"), true, true },
	{ "braces", BYTES("{}"), true, true },
	{ "Japanese", BYTES("\xe5\xb1\xb1\xe7\x94\xb0"), true, true },
	{ "emoji", BYTES("\xf0\x9f\x98\x80"), true, true },
	{ "NUL", BYTES("\0"), true, false },
	{ "NUL inside", BYTES("a\0b"), true, false },
	{ "newline", BYTES("a\n"), true, false },
	{ "tab", BYTES("a\tb"), true, false },
	{ "escape", BYTES("\x1b[31m"), true, false },
	{ "last C0", BYTES("a\x1f"), true, false },
	{ "first after C0", BYTES("a\x20"), true, true },
	{ "last before DEL", BYTES("~"), true, true },
	{ "DEL", BYTES("a\x7f"), true, false },
	{ "first C1", BYTES("\xc2\x80"), true, false },
	{ "last C1", BYTES("\xc2\x9f"), true, false },
	{ "first after C1", BYTES("\xc2\xa0"), true, true },
	{ "last of two bytes", BYTES("\xdf\xbf"), true, true },
	{ "first of three bytes", BYTES("\xe0\xa0\x80"), true, true },
	{ "last before surrogates", BYTES("\xed\x9f\xbf"), true, true },
	{ "first surrogate", BYTES("\xed\xa0\x80"), false, false },
	{ "last surrogate", BYTES("\xed\xbf\xbf"), false, false },
	{ "first after surrogates", BYTES("\xee\x80\x80"), true, true },
	{ "last of three bytes", BYTES("\xef\xbf\xbf"), true, true },
	{ "first of four bytes", BYTES("\xf0\x90\x80\x80"), true, true },
	{ "last code point", BYTES("\xf4\x8f\xbf\xbf"), true, true },
	{ "beyond the last", BYTES("\xf4\x90\x80\x80"), false, false },
	{ "F5", BYTES("\xf5\x80\x80\x80"), false, false },
	{ "five bytes", BYTES("\xf8\x88\x80\x80\x80"), false, false },
	{ "overlong /, two bytes", BYTES("\xc0\xaf"), false, false },
	{ "overlong DEL", BYTES("\xc1\xbf"), false, false },
	{ "overlong /, three bytes", BYTES("\xe0\x80\xaf"), false, false },
	{ "overlong of U+07FF", BYTES("\xe0\x9f\xbf"), false, false },
	{ "overlong /, four bytes", BYTES("\xf0\x80\x80\xaf"), false,
	    false },
	{ "overlong of U+FFFF", BYTES("\xf0\x8f\xbf\xbf"), false, false },
	{ "overlong NUL", BYTES("\xc0\x80"), false, false },
	{ "lone continuation", BYTES("a\x80"), false, false },
	{ "cut at the end", BYTES("a\xe3\x81"), false, false },
	{ "FE", BYTES("\xfe"), false, false },
	{ "FF", BYTES("\xff"), false, false },
	{ "Latin-1", BYTES("andr\xe9"), false, false },
	{ "Shift JIS", BYTES("\x8e\x52\x93\x63"), false, false },
};

START_TEST(test_texts)
{
	ck_assert_msg(utf8_valid(texts[_i].text, texts[_i].len) ==
	    texts[_i].utf8, "%s as UTF-8", texts[_i].what);
	ck_assert_msg(name_valid(texts[_i].text, texts[_i].len) ==
	    texts[_i].name, "%s as a name", texts[_i].what);
}
END_TEST

START_TEST(test_name_length)
{
	char name[NAME_MAX_BYTES + 1];

	memset(name, 'x', sizeof(name));
	ck_assert(name_valid(name, NAME_MAX_BYTES));
	ck_assert(!name_valid(name, NAME_MAX_BYTES + 1));
	/* The limit counts bytes: 85 characters of three fit exactly. */
	memset(name, 0xe3, sizeof(name));
	for (size_t i = 0; i < NAME_MAX_BYTES; i++)
		name[i] = "\xe3\x81\x82"[i % 3];
	ck_assert(name_valid(name, NAME_MAX_BYTES));
	ck_assert(!name_valid(name, NAME_MAX_BYTES - 1));
	ck_assert(utf8_valid(NULL, 0));
	ck_assert(!name_valid(NULL, 0));
}
END_TEST

static const struct {
	const char	*what;
	const char	*text;
	size_t		 len;
	const char	*want;
} shown[] = {
	{ "empty", BYTES(""), "" },
	{ "plain", BYTES("hello, \xe5\xb1\xb1!"), "hello, \xe5\xb1\xb1!" },
	{ "tab stays", BYTES("a\tb"), "a\tb" },
	{ "newline", BYTES("a\nb"), "a\\x0ab" },
	{ "carriage return", BYTES("a\rb"), "a\\x0db" },
	{ "NUL", BYTES("a\0b"), "a\\x00b" },
	{ "colour", BYTES("\x1b[31m"), "\\x1b[31m" },
	{ "DEL", BYTES("\x7f"), "\\x7f" },
	{ "CSI of C1", BYTES("\xc2\x9b" "31m"), "\\u{9b}31m" },
	{ "raw 9b", BYTES("\x9b"), "\\x9b" },
	{ "no-break space stays", BYTES("\xc2\xa0"), "\xc2\xa0" },
	{ "right to left", BYTES("a\xe2\x80\xae" "b"), "a\\u{202e}b" },
	{ "zero width space", BYTES("\xe2\x80\x8b"), "\\u{200b}" },
	{ "before it", BYTES("\xe2\x80\x8a"), "\xe2\x80\x8a" },
	{ "right-to-left mark", BYTES("\xe2\x80\x8f"), "\\u{200f}" },
	{ "after it", BYTES("\xe2\x80\x90"), "\xe2\x80\x90" },
	{ "before soft hyphen", BYTES("\xc2\xac"), "\xc2\xac" },
	{ "soft hyphen", BYTES("\xc2\xad"), "\\u{ad}" },
	{ "after soft hyphen", BYTES("\xc2\xae"), "\xc2\xae" },
	{ "before Arabic mark", BYTES("\xd8\x9b"), "\xd8\x9b" },
	{ "Arabic letter mark", BYTES("\xd8\x9c"), "\\u{61c}" },
	{ "after Arabic mark", BYTES("\xd8\x9d"), "\xd8\x9d" },
	{ "a letter of Mongolian", BYTES("\xe1\xa0\x8e"), "\xe1\xa0\x8e" },
	{ "before separators", BYTES("\xe2\x80\xa7"), "\xe2\x80\xa7" },
	{ "line separator", BYTES("a\xe2\x80\xa8"), "a\\u{2028}" },
	{ "paragraph separator", BYTES("\xe2\x80\xa9"), "\\u{2029}" },
	{ "embedding", BYTES("\xe2\x80\xaa"), "\\u{202a}" },
	{ "after override", BYTES("\xe2\x80\xaf"), "\xe2\x80\xaf" },
	{ "word joiner", BYTES("\xe2\x81\xa0"), "\\u{2060}" },
	{ "invisible plus", BYTES("\xe2\x81\xa4"), "\\u{2064}" },
	{ "unassigned between", BYTES("\xe2\x81\xa5"), "\xe2\x81\xa5" },
	{ "isolate", BYTES("\xe2\x81\xa6"), "\\u{2066}" },
	{ "last deprecated", BYTES("\xe2\x81\xaf"), "\\u{206f}" },
	{ "byte order mark", BYTES("\xef\xbb\xbf"), "\\u{feff}" },
	{ "before annotations", BYTES("\xef\xbf\xb8"), "\xef\xbf\xb8" },
	{ "annotation", BYTES("\xef\xbf\xb9"), "\\u{fff9}" },
	{ "end of annotation", BYTES("\xef\xbf\xbb"), "\\u{fffb}" },
	{ "object", BYTES("\xef\xbf\xbc"), "\xef\xbf\xbc" },
	{ "before tags", BYTES("\xf3\x9f\xbf\xbf"), "\xf3\x9f\xbf\xbf" },
	{ "first tag", BYTES("\xf3\xa0\x80\x80"), "\\u{e0000}" },
	{ "last tag", BYTES("\xf3\xa0\x81\xbf"), "\\u{e007f}" },
	{ "after tags", BYTES("\xf3\xa0\x82\x80"), "\xf3\xa0\x82\x80" },
	{ "only tags", BYTES("\xf3\xa0\x81\xa1\xf3\xa0\x81\xa2"),
	    "\\u{e0061}\\u{e0062}" },
	{ "overlong", BYTES("\xc0\xaf"), "\\xc0\\xaf" },
	{ "surrogate", BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80" },
	{ "cut character", BYTES("\xe3\x81"), "\\xe3\\x81" },
	{ "bad byte, then good", BYTES("\xff\xe3\x81\x82"),
	    "\\xff\xe3\x81\x82" },
};

START_TEST(test_harmless)
{
	char out[128];
	size_t n;

	n = text_harmless(out, 8 * shown[_i].len + 1, shown[_i].text,
	    shown[_i].len);
	ck_assert_msg(strcmp(out, shown[_i].want) == 0, "%s: %s",
	    shown[_i].what, out);
	ck_assert_uint_eq(n, strlen(shown[_i].want));
}
END_TEST

/* Whatever the room, whole characters, a NUL, and nothing beyond. */
START_TEST(test_harmless_stops)
{
	static const char text[] = "ab\x1b" "c\xe3\x81\x82\xef\xbb\xbf" "d";
	static const char whole[] = "ab\\x1bc\xe3\x81\x82\\u{feff}d";
	static const size_t ends[] = { 0, 1, 2, 6, 7, 10, 18, 19 };
	char out[64];
	size_t cap, n, i;

	for (cap = 0; cap < sizeof(out); cap++) {
		memset(out, '#', sizeof(out));
		n = text_harmless(out, cap, text, sizeof(text) - 1);
		for (i = 0; i + 1 < COUNT(ends) && ends[i + 1] < cap; i++)
			continue;
		ck_assert_uint_eq(n, cap == 0 ? 0 : ends[i]);
		ck_assert_mem_eq(out, whole, n);
		ck_assert_int_eq(out[n], cap == 0 ? '#' : '\0');
		ck_assert_int_eq(out[n + 1], '#');
	}
}
END_TEST

static const struct {
	const char	*what;
	const char	*text;
	size_t		 len;
	const char	*text_want, *name_want;
} mended[] = {
	{ "empty", BYTES(""), "", "" },
	{ "Japanese", BYTES("\xe5\xb1\xb1"), "\xe5\xb1\xb1",
	    "\xe5\xb1\xb1" },
	{ "bad byte, then good", BYTES("\xff\xe3\x81\x82"),
	    "\xef\xbf\xbd\xe3\x81\x82", "\xef\xbf\xbd\xe3\x81\x82" },
	{ "cut at the end", BYTES("a\xe3\x81"),
	    "a\xef\xbf\xbd\xef\xbf\xbd", "a\xef\xbf\xbd\xef\xbf\xbd" },
	{ "tab", BYTES("a\tb"), "a\tb", "a\xef\xbf\xbd" "b" },
	{ "C1", BYTES("\xc2\x9b" "m"), "\xc2\x9bm", "\xef\xbf\xbdm" },
};

START_TEST(test_mended)
{
	char out[64];
	size_t n;

	n = utf8_mend(out, 3 * mended[_i].len, mended[_i].text,
	    mended[_i].len, true);
	ck_assert_msg(n == strlen(mended[_i].text_want) &&
	    memcmp(out, mended[_i].text_want, n) == 0, "%s",
	    mended[_i].what);
	n = utf8_mend(out, 3 * mended[_i].len, mended[_i].text,
	    mended[_i].len, false);
	ck_assert_msg(n == strlen(mended[_i].name_want) &&
	    memcmp(out, mended[_i].name_want, n) == 0, "%s as a name",
	    mended[_i].what);
}
END_TEST

START_TEST(test_mended_stops)
{
	static const size_t ends[] = { 0, 1, 1, 1, 4, 4, 4, 7, 8, 8 };
	char out[16];
	size_t cap;

	for (cap = 0; cap < COUNT(ends); cap++) {
		memset(out, '#', sizeof(out));
		ck_assert_uint_eq(utf8_mend(out, cap, BYTES(
		    "a\xff\xe3\x81\x82" "b"), true), ends[cap]);
		ck_assert_int_eq(out[ends[cap]], '#');
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("name");
	TCase *tc = tcase_create("name");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_all_code_points);
	tcase_add_test(tc, test_broken_tails);
	tcase_add_loop_test(tc, test_texts, 0, COUNT(texts));
	tcase_add_test(tc, test_name_length);
	tcase_add_loop_test(tc, test_harmless, 0, COUNT(shown));
	tcase_add_test(tc, test_harmless_stops);
	tcase_add_loop_test(tc, test_mended, 0, COUNT(mended));
	tcase_add_test(tc, test_mended_stops);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
