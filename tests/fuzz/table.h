/* SPDX-License-Identifier: ISC */
/*
 * A room table as roomd would leave it, for the targets that then spoil it:
 * rooms of several dialects, members, invites, free records, and a closed
 * room of which some members still wait to be freed.
 */
#ifndef OCM_FUZZ_TABLE_H
#define OCM_FUZZ_TABLE_H

#include <sodium.h>
#include <string.h>

#include "dialect.h"
#include "fuzz.h"
#include "roomtab.h"

/* Room for more than are copied or freed at once, and most of it unused. */
enum { TABLE_ROOMS = 5, TABLE_MEMBERS = 72, TABLE_CROWD = 6 };

static const struct roomtab_limits table_limits = {
	TABLE_ROOMS, TABLE_MEMBERS
};
static const uint8_t table_bucket_key[ROOMTAB_HASH_KEY] = "bucket key 0123";
static const uint8_t table_token_key[TOKEN_KEY] = "token key 01234";
static const uint8_t table_password[ROOMTAB_PASSWORD] = "hash";

/* The tokens of those who came, for targets that speak for them. */
struct table_token {
	const char	*room;
	char		 text[TOKEN_TEXT];
	size_t		 len;
};
static struct table_token table_tokens[TABLE_MEMBERS];
static unsigned table_token_count;

/* Bytes for a table, at an address of its own. */
static inline uint8_t *
table_memory(size_t size)
{
	uint8_t *p = calloc(1, size);

	MUST(p != NULL);
	return p;
}

static inline struct member_new
table_newcomer(const char *name, const char *dialect)
{
	struct member_new who;

	memset(&who, 0, sizeof(who));
	who.name = name;
	who.name_len = strlen(name);
	who.addr.ip[10] = who.addr.ip[11] = 0xff;
	who.addr.ip[12] = 127;
	who.addr.ip[15] = 1;
	who.addr.port = (uint16_t)(strlen(dialect) == 7 ? 40000 : 0);
	who.dialect = (uint8_t)dialect_id(dialect_by_name(dialect));
	who.short_token = (dialect_row(who.dialect)->flags &
	    DIALECT_SHORT_TOKEN) != 0;
	who.now_ms = 1000;
	return who;
}

static inline void
table_note(const char *room, const struct member_made *made)
{
	struct table_token *token = &table_tokens[table_token_count++];

	token->room = room;
	token->len = made->token_len;
	memcpy(token->text, made->token, made->token_len);
}

/* Creates the room, or joins it where it exists: the slot. */
static inline uint32_t
table_enter(struct roomtab *t, const char *room, const char *name,
    const char *dialect)
{
	struct member_new who = table_newcomer(name, dialect);
	struct member_made made;
	uint32_t r = roomtab_find(t, room, strlen(room));
	enum status st;

	if (r == ROOMTAB_NONE)
		st = roomtab_create(t, room, strlen(room), table_password, &who,
		    &made, NULL, 0);
	else
		st = roomtab_join(t, r, TABLE_MEMBERS, &who, &made);
	MUST(st == ST_OK);
	if (strcmp(room, "crowd") != 0)
		table_note(room, &made);
	return made.slot;
}

/* A room that one enters by an invite; two are left. */
static inline void
table_invite(struct roomtab *t, const char *room)
{
	struct member_new dan = table_newcomer("dan", "decimal");
	struct member_new eve = table_newcomer("eve", "decimal");
	struct member_made made, invites[3];

	MUST(roomtab_create(t, room, strlen(room), table_password, &dan, &made,
	    invites, 3) == ST_OK);
	table_note(room, &made);
	MUST(roomtab_join_invite(t, invites[0].slot, invites[0].gen,
	    TABLE_MEMBERS, &eve, &made) == ST_OK);
	table_note(room, &made);
}

/* A handle of a table in mem, which is made into what is said above. */
static inline struct roomtab *
table_make(void *mem)
{
	static const char long_name[] = "a name that is longer than what fits "
	    "into the record of a member itself";
	struct roomtab *t;
	struct room_info room;
	uint32_t r, slot;
	int i;

	MUST(sodium_init() != -1);
	roomtab_format(mem, &table_limits);
	t = roomtab_open(mem, &table_limits, NULL, table_bucket_key,
	    table_token_key);
	MUST(t != NULL);
	for (i = 0; i < TABLE_CROWD; i++)
		(void)table_enter(t, "crowd", "ann", "plain");
	r = roomtab_find(t, "crowd", 5);
	MUST(roomtab_room(t, r, &room));
	MUST(roomtab_close(t, r, room.gen, END_HOST_LEFT) == 0);
	(void)table_enter(t, "tea", "bob", "plain");
	(void)table_enter(t, "tea", long_name, "json-string");
	slot = table_enter(t, "tea", "cat", "json-udp");
	(void)table_enter(t, "tea", "cat", "inline");
	table_invite(t, "old");
	MUST(roomtab_remove(t, slot, roomtab_member_gen(t, slot),
	    END_IDLE) == 0);
	return t;
}

#endif
