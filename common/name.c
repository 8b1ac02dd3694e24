/* SPDX-License-Identifier: ISC */
/*
 * UTF-8 and names.  roomd asks before it takes a name, the table of rooms
 * before it hands one out; the clients and the log before they show one.
 */
#include <stdio.h>
#include <string.h>

#include "name.h"
#include "wire.h"

/* What a first byte says: how long, and the range of the second byte. */
struct utf8_lead {
	uint8_t	first, last;		/* the first byte is in here */
	uint8_t	len;
	uint8_t	low, high;		/* of the second byte */
};

/* RFC 3629 section 4; the odd ranges shut out what must not be encoded. */
static const struct utf8_lead leads[] = {
	{ 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },	/* overlong below */
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },	/* surrogates above */
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },	/* overlong below */
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },	/* beyond U+10FFFF above */
};

static const struct utf8_lead *
utf8_lead_of(uint8_t byte)
{
	size_t i;

	for (i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (byte >= leads[i].first && byte <= leads[i].last)
			return &leads[i];
	return NULL;
}

size_t
utf8_decode(const uint8_t *p, size_t len, uint32_t *cp)
{
	const struct utf8_lead *lead;
	size_t i;

	if (len == 0)
		return 0;
	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	lead = utf8_lead_of(p[0]);
	if (lead == NULL || len < lead->len)
		return 0;
	if (p[1] < lead->low || p[1] > lead->high)
		return 0;
	*cp = p[0] & (0x7fU >> lead->len);
	for (i = 1; i < lead->len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (p[i] & 0x3fU);
	}
	return lead->len;
}

bool
utf8_valid(const void *text, size_t len)
{
	const uint8_t *p = text;
	uint32_t cp;
	size_t n;

	for (; len > 0; p += n, len -= n)
		if ((n = utf8_decode(p, len, &cp)) == 0)
			return false;
	return true;
}

/* C0, DEL and C1. */
static bool
is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
}

/*
 * Characters that show nothing, or reorder, hide or part their neighbours.
 * The Mongolian vowel separator, U+180E, belongs to its script and is none.
 */
static const struct {
	uint32_t	first, last;
} invisible[] = {
	{ 0xad, 0xad },			/* soft hyphen */
	{ 0x61c, 0x61c },		/* Arabic letter mark */
	{ 0x200b, 0x200f },		/* of no width; marks of direction */
	{ 0x2028, 0x202e },		/* separators; embeddings */
	{ 0x2060, 0x2064 },
	{ 0x2066, 0x206f },		/* isolates */
	{ 0xfeff, 0xfeff },		/* byte order mark */
	{ 0xfff9, 0xfffb },		/* annotations */
	{ 0xe0000, 0xe007f },		/* tags */
};

static bool
is_invisible(uint32_t cp)
{
	size_t i, n = sizeof(invisible) / sizeof(invisible[0]);

	for (i = 0; i < n && invisible[i].first <= cp; i++)
		if (cp <= invisible[i].last)
			return true;
	return false;
}

bool
name_valid(const void *name, size_t len)
{
	const uint8_t *p = name;
	uint32_t cp;
	size_t n;

	if (len == 0 || len > NAME_MAX_BYTES)
		return false;
	for (; len > 0; p += n, len -= n)
		if ((n = utf8_decode(p, len, &cp)) == 0 || is_control(cp))
			return false;
	return true;
}

size_t
utf8_mend(char *out, size_t cap, const void *text, size_t len, bool controls)
{
	static const char replacement[] = "\xef\xbf\xbd";	/* U+FFFD */
	const uint8_t *p = text;
	const void *from;
	size_t n, taken, used = 0;
	uint32_t cp;

	for (; len > 0; p += taken, len -= taken) {
		from = p;
		n = taken = utf8_decode(p, len, &cp);
		if (n == 0 || (!controls && is_control(cp))) {
			from = replacement;
			n = strlen(replacement);
		}
		if (taken == 0)
			taken = 1;
		if (n > cap - used)
			break;
		memcpy(out + used, from, n);
		used += n;
	}
	return used;
}

/*
 * How the next character of text is shown: sets *taken to its bytes, writes
 * at most nine bytes (no NUL counted) and returns how many.
 */
static size_t
harmless_one(char out[16], const uint8_t *p, size_t len, size_t *taken)
{
	uint32_t cp = 0;
	int n;

	*taken = utf8_decode(p, len, &cp);
	if (*taken == 0 || (*taken == 1 && is_control(cp) && cp != '\t')) {
		*taken = 1;
		n = snprintf(out, 16, "\\x%02x", p[0]);
	} else if (*taken > 1 && (is_control(cp) || is_invisible(cp))) {
		n = snprintf(out, 16, "\\u{%x}", cp);
	} else {
		memcpy(out, p, *taken);
		n = (int)*taken;
	}
	return (size_t)n;
}

size_t
text_harmless(char *out, size_t cap, const void *text, size_t len)
{
	const uint8_t *p = text;
	size_t n, taken, used = 0;
	char one[16];

	if (cap == 0)
		return 0;
	for (; len > 0; p += taken, len -= taken) {
		n = harmless_one(one, p, len, &taken);
		if (n >= cap - used)
			break;
		memcpy(out + used, one, n);
		used += n;
	}
	out[used] = '\0';
	return used;
}
