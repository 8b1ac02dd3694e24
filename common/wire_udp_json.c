/* SPDX-License-Identifier: ISC */
/*
 * JSON datagrams of rooms: just enough JSON (RFC 8259) to take three strings
 * out of one object, in place of a library because relayd, which calls it
 * for every such datagram, does not allocate.
 */
#include <string.h>

#include "cursor.h"
#include "name.h"
#include "wire_udp.h"

/* The next byte, or 0 where reading is over, for good or bad. */
static uint8_t
peek(const struct reader *r)
{
	return !r->bad && r->left > 0 ? *r->p : 0;
}

static void
skip_space(struct reader *r)
{
	uint8_t c;

	while ((c = peek(r)) == ' ' || c == '\t' || c == '\r' || c == '\n')
		reader_u8(r);
}

/* Takes one expected byte, with the white space around it. */
static void
expect(struct reader *r, uint8_t byte)
{
	skip_space(r);
	if (reader_u8(r) != byte)
		r->bad = true;
	skip_space(r);
}

static void
write_utf8(struct writer *w, uint32_t cp)
{
	if (cp < 0x80) {
		writer_u8(w, (uint8_t)cp);
		return;
	}
	if (cp < 0x800) {
		writer_u8(w, (uint8_t)(0xc0 | cp >> 6));
	} else {
		if (cp < 0x10000) {
			writer_u8(w, (uint8_t)(0xe0 | cp >> 12));
		} else {
			writer_u8(w, (uint8_t)(0xf0 | cp >> 18));
			writer_u8(w, (uint8_t)(0x80 | (cp >> 12 & 0x3f)));
		}
		writer_u8(w, (uint8_t)(0x80 | (cp >> 6 & 0x3f)));
	}
	writer_u8(w, (uint8_t)(0x80 | (cp & 0x3f)));
}

static uint32_t
read_hex4(struct reader *r)
{
	uint32_t v = 0;
	uint8_t c;
	int i;

	for (i = 0; i < 4; i++) {
		c = reader_u8(r);
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (uint32_t)(c - 'A' + 10);
		else
			r->bad = true;
	}
	return v;
}

/* What follows \u: a code point, or the first half of one. */
static void
read_unicode(struct reader *r, struct writer *out)
{
	uint32_t cp = read_hex4(r), low;

	if (cp >= 0xd800 && cp <= 0xdfff) {
		if (cp >= 0xdc00 || reader_u8(r) != '\\' ||
		    reader_u8(r) != 'u') {
			r->bad = true;
			return;
		}
		low = read_hex4(r);
		if (low < 0xdc00 || low > 0xdfff) {
			r->bad = true;
			return;
		}
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
	}
	if (!r->bad)
		write_utf8(out, cp);
}

static void
read_escape(struct reader *r, struct writer *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint8_t c = reader_u8(r);
	const char *at;

	if (c == 'u')
		read_unicode(r, out);
	else if (c != 0 && (at = strchr(from, c)) != NULL)
		writer_u8(out, (uint8_t)to[at - from]);
	else
		r->bad = true;
}

/* How many of these bytes are characters that stand for themselves. */
static size_t
plain_run(const uint8_t *p, size_t len)
{
	size_t at = 0, n;
	uint32_t cp;

	while (at < len && p[at] != '"' && p[at] != '\\') {
		if (p[at] >= 0x20 && p[at] < 0x80) {
			at++;
			continue;
		}
		n = utf8_decode(p + at, len - at, &cp);
		if (n == 0 || cp < 0x20)
			break;
		at += n;
	}
	return at;
}

/* Reads a string, quotes and all, and writes what it means. */
static void
read_string(struct reader *r, struct writer *out)
{
	size_t n;

	if (reader_u8(r) != '"')
		r->bad = true;
	while (!r->bad && peek(r) != '"') {
		if (peek(r) == '\\') {
			reader_u8(r);
			read_escape(r, out);
			continue;
		}
		if ((n = plain_run(r->p, r->left)) == 0) {
			r->bad = true;
			return;
		}
		writer_bytes(out, reader_bytes(r, n), n);
	}
	reader_u8(r);
}

/*
 * Passes over a value that nobody asked for.  Lenient: strings are read as
 * strings and brackets must balance, what they hold is not looked at.
 */
static void
skip_value(struct reader *r, struct writer *scratch)
{
	size_t depth = 0, begin = r->left, mark = scratch->len;
	uint8_t c;

	while (!r->bad) {
		c = peek(r);
		if (depth == 0 && (c == ',' || c == '}'))
			break;
		if (c == '"') {
			read_string(r, scratch);
			scratch->len = mark;
			continue;
		}
		if (c == '[' || c == '{')
			depth++;
		else if ((c == ']' || c == '}') && depth-- == 0)
			r->bad = true;
		reader_u8(r);
	}
	if (r->left == begin)
		r->bad = true;
}

struct wanted {
	const char	*key;
	const uint8_t	**view;
	size_t		*len;
};

/* One member: "key": value.  A wanted one must be a string, and once. */
static void
read_member(struct reader *r, struct writer *scratch,
    const struct wanted *wanted, size_t n)
{
	size_t i, mark = scratch->len, len;

	read_string(r, scratch);
	len = scratch->len - mark;
	scratch->len = mark;
	for (i = 0; i < n; i++)
		if (len == strlen(wanted[i].key) && memcmp(scratch->base +
		    mark, wanted[i].key, len) == 0)
			break;
	expect(r, ':');
	if (i == n) {
		skip_value(r, scratch);
		return;
	}
	if (*wanted[i].view != NULL)
		r->bad = true;
	read_string(r, scratch);
	*wanted[i].view = scratch->base + mark;
	*wanted[i].len = scratch->len - mark;
}

bool
udp_split_json(struct room_datagram *d, const uint8_t *bytes, size_t len,
    uint8_t scratch[DATAGRAM_MAX])
{
	const struct wanted wanted[] = {
		{ "room_name", &d->room, &d->room_len },
		{ "token", &d->token, &d->token_len },
		{ "message", &d->msg, &d->msg_len },
	};
	const size_t n = sizeof(wanted) / sizeof(wanted[0]);
	struct reader r = reader_make(bytes, len);
	struct writer out = writer_make(scratch, DATAGRAM_MAX);

	memset(d, 0, sizeof(*d));
	reader_bytes(&r, DATAGRAM_HEADER);
	expect(&r, '{');
	while (!r.bad && !out.bad) {
		read_member(&r, &out, wanted, n);
		skip_space(&r);
		if (peek(&r) != ',')
			break;
		expect(&r, ',');
	}
	expect(&r, '}');
	return !r.bad && !out.bad && r.left == 0 && len <= DATAGRAM_MAX &&
	    d->room != NULL && d->token != NULL && d->msg != NULL;
}

enum udp_token
udp_json_token(struct room_datagram *d, const uint8_t *bytes, size_t len,
    size_t *at)
{
	static const char name[] = "\"token\"";
	const size_t name_len = sizeof(name) - 1;
	const uint8_t *p, *end;
	struct reader r;
	size_t i;

	memset(d, 0, sizeof(*d));
	p = memmem(bytes + *at, len - *at, name, name_len);
	if (p == NULL)
		return UDP_TOKEN_NONE;
	*at = (size_t)(p - bytes) + name_len;
	i = len - *at;
	r = reader_make(bytes + *at, i < UDP_TOKEN_NEAR ? i : UDP_TOKEN_NEAR);
	expect(&r, ':');
	if (reader_u8(&r) != '"' || r.bad ||
	    (end = memchr(r.p, '"', r.left)) == NULL)
		return UDP_TOKEN_UNCLEAR;
	d->token = r.p;
	d->token_len = (size_t)(end - r.p);
	return UDP_TOKEN_FOUND;
}
