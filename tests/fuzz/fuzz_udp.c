/* SPDX-License-Identifier: ISC */
/*
 * Datagrams, split in every way; each message in every form.  What jansson
 * finds in a JSON datagram, our reader finds too.
 */
#include <jansson.h>
#include <string.h>

#include "dialect.h"
#include "fuzz.h"
#include "token.h"
#include "wire_udp.h"

static void
same(const json_t *object, const char *key, const uint8_t *p, size_t len)
{
	const json_t *v = json_object_get(object, key);

	MUST(json_string_length(v) == len);
	MUST(memcmp(json_string_value(v), p, len) == 0);
}

static void
against_jansson(const uint8_t *p, size_t len)
{
	uint8_t scratch[DATAGRAM_MAX];
	struct room_datagram d;
	bool ours = udp_split_json(&d, p, len, scratch);
	json_t *j = len < DATAGRAM_HEADER || len > DATAGRAM_MAX ? NULL :
	    json_loadb((const char *)p + DATAGRAM_HEADER,
	    len - DATAGRAM_HEADER, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
	    NULL);

	if (json_is_string(json_object_get(j, "room_name")) &&
	    json_is_string(json_object_get(j, "token")) &&
	    json_is_string(json_object_get(j, "message"))) {
		MUST(ours);
		same(j, "room_name", d.room, d.room_len);
		same(j, "token", d.token, d.token_len);
		same(j, "message", d.msg, d.msg_len);
	}
	json_decref(j);
}

/*
 * relayd reads a datagram only if the quick look sees its token, something
 * that it cannot tell, or an escape that may be a letter of it.
 */
static void
seen_quickly(const uint8_t *p, size_t len)
{
	uint8_t scratch[DATAGRAM_MAX];
	struct room_datagram whole, d;
	enum udp_token seen;
	bool found = memmem(p, len, "\\u00", 4) != NULL;
	bool ours = udp_split_json(&whole, p, len, scratch);
	struct token t;
	size_t at = 0;

	while ((seen = udp_json_token(&d, p, len, &at)) != UDP_TOKEN_NONE) {
		MUST(at <= len);
		found = found || seen == UDP_TOKEN_UNCLEAR ||
		    (ours && d.token_len == whole.token_len &&
		    memcmp(d.token, whole.token, d.token_len) == 0);
	}
	MUST(found || !ours ||
	    token_parse(&t, whole.token, whole.token_len) == -1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	uint8_t out[DELIVERY_MAX];
	struct lobby_datagram l;
	struct room_datagram d;
	struct utterance u;
	enum form form;

	json_object_seed(1);
	against_jansson(p, len);
	seen_quickly(p, len);
	if (udp_split_bare(&d, p, len))
		MUST(d.msg + d.msg_len == p + len);
	if (udp_split_lobby(&l, p, len))
		MUST(l.msg + l.msg_len == p + len);
	if (!udp_split_token(&d, p, len))
		return 0;
	MUST(d.msg + d.msg_len == p + len);
	u = (struct utterance){ d.room, d.token, d.msg, d.room_len,
	    d.token_len, d.msg_len, len % 2 == 0 };
	for (form = FORM_TEXT; form < FORM_COUNT; form++) {
		MUST(dialect_message(form, &u, out) <= DELIVERY_MAX);
		MUST(dialect_notice(form, &u, out) <= DELIVERY_MAX);
	}
	return 0;
}
