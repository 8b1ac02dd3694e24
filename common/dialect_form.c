/* SPDX-License-Identifier: ISC */
/*
 * Messages and notices as members of each form get them.  Called by relayd,
 * once per form and message, so nothing here allocates.
 */
#include <stdio.h>

#include "dialect_row.h"
#include "name.h"

/* Writes what stands for a character that JSON wants escaped, if it does. */
static bool
json_escape(struct writer *w, uint32_t cp)
{
	char text[8];

	switch (cp) {
	case '"':
		writer_string(w, "\\\"");
		return true;
	case '\\':
		writer_string(w, "\\\\");
		return true;
	case '\n':
		writer_string(w, "\\n");
		return true;
	case '\r':
		writer_string(w, "\\r");
		return true;
	case '\t':
		writer_string(w, "\\t");
		return true;
	}
	if (cp >= 0x20 && cp != 0x7f)
		return false;
	snprintf(text, sizeof(text), "\\u%04x", (unsigned)cp & 0xff);
	writer_string(w, text);
	return true;
}

void
writer_json(struct writer *w, const void *text, size_t len)
{
	const uint8_t *p = text;
	uint32_t cp;
	size_t n;

	writer_u8(w, '"');
	for (; len > 0 && !w->bad; p += n, len -= n) {
		n = utf8_decode(p, len, &cp);
		if (n == 0) {
			writer_string(w, "\\ufffd");
			n = 1;
		} else if (!json_escape(w, cp)) {
			writer_bytes(w, p, n);
		}
	}
	writer_u8(w, '"');
}

/* [user]: msg or user: msg; msg alone where not named. */
static void
put_text(struct writer *w, const struct utterance *u, bool named,
    const char *before, const char *after)
{
	if (named) {
		writer_string(w, before);
		writer_bytes(w, u->user, u->user_len);
		writer_string(w, after);
	}
	writer_bytes(w, u->msg, u->msg_len);
}

/* [ulen][user]msg; the length of no user is 0. */
static void
put_ulen(struct writer *w, const struct utterance *u, bool named)
{
	size_t user_len = named ? u->user_len : 0;

	if (user_len > UINT8_MAX) {
		w->bad = true;
		return;
	}
	writer_u8(w, (uint8_t)user_len);
	writer_bytes(w, u->user, user_len);
	writer_bytes(w, u->msg, u->msg_len);
}

/* R M room msg: lengths of one byte each, and no user. */
static void
put_bare(struct writer *w, const struct utterance *u)
{
	if (u->room_len > UINT8_MAX || u->msg_len > UINT8_MAX) {
		w->bad = true;
		return;
	}
	writer_u8(w, (uint8_t)u->room_len);
	writer_u8(w, (uint8_t)u->msg_len);
	writer_bytes(w, u->room, u->room_len);
	writer_bytes(w, u->msg, u->msg_len);
}

/* Length, or 0 where it does not fit. */
static size_t
put_form(enum form form, const struct utterance *u, bool named,
    uint8_t out[DELIVERY_MAX])
{
	struct writer w = writer_make(out, DELIVERY_MAX);

	switch (form) {
	case FORM_TEXT:
		put_text(&w, u, named, "", ": ");
		break;
	case FORM_ULEN:
		put_ulen(&w, u, named);
		break;
	case FORM_BRACKET:
		put_text(&w, u, named, "[", "]: ");
		break;
	case FORM_JSON:
		writer_string(&w, "{\"message\": ");
		writer_json(&w, u->msg, u->msg_len);
		writer_string(&w, "}");
		break;
	case FORM_BARE:
		put_bare(&w, u);
		break;
	case FORM_COUNT:
		return 0;
	}
	return w.bad ? 0 : w.len;
}

size_t
dialect_message(enum form form, const struct utterance *u,
    uint8_t out[DELIVERY_MAX])
{
	bool named = !(form == FORM_TEXT && u->message_only);
	size_t len = put_form(form, u, named, out);

	return len > 0 ? len : put_form(form, u, false, out);
}

size_t
dialect_notice(enum form form, const struct utterance *u,
    uint8_t out[DELIVERY_MAX])
{
	static const uint8_t system[] = { 's', 'y', 's', 't', 'e', 'm' };
	struct utterance ours = *u;

	/* Brackets are how this form tells people from the server. */
	ours.user = system;
	ours.user_len = sizeof(system);
	return put_form(form, &ours, form == FORM_BRACKET, out);
}

size_t
row_closed_json_string(const struct utterance *u, bool enrolled,
    uint8_t out[DELIVERY_MAX])
{
	struct writer w = writer_make(out, DELIVERY_MAX);

	(void)u;
	(void)enrolled;
	writer_string(&w, "__ROOM_CLOSED__");
	return w.len;
}

size_t
row_closed_port_suffix(const struct utterance *u, bool enrolled,
    uint8_t out[DELIVERY_MAX])
{
	struct writer w = writer_make(out, DELIVERY_MAX);

	if (!enrolled)
		return 0;
	writer_string(&w, "ROOM_CLOSED: ");
	writer_bytes(&w, u->room, u->room_len);
	return w.bad ? 0 : w.len;
}

const char *
dialect_ending_text(enum ending ending, uint32_t idle_s,
    char buf[DIALECT_ENDING_TEXT])
{
	switch (ending) {
	case END_LEFT:
		return "disconnected: you left";
	case END_HOST_LEFT:
		return "room closed: the host left";
	case END_IDLE:
		snprintf(buf, DIALECT_ENDING_TEXT,
		    "disconnected: idle for %u s", (unsigned)idle_s);
		return buf;
	case END_UNREACHABLE:
		return "disconnected: port unreachable";
	case END_OPERATOR:
		return "disconnected: removed by the operator";
	case END_HARMFUL:
		return "disconnected: removed";
	case END_SHUTDOWN:
		return "server is shutting down";
	case END_NONE:
	case END_COUNT:
		break;
	}
	return "disconnected";
}
