/* SPDX-License-Identifier: ISC */
/*
 * The write verbs of region R by which rooms and members come, called by
 * roomd/rooms.c alone.  Each checks first, then changes inside one
 * transaction that cannot fail any more.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "name.h"
#include "roomtab_layout.h"

static uint32_t
word_of(unsigned b0, unsigned b1, unsigned b2, unsigned b3)
{
	return (uint32_t)b0 | (uint32_t)b1 << 8 | (uint32_t)b2 << 16 |
	    (uint32_t)b3 << 24;
}

static void
store_ms(struct roomtab *t, uint32_t w[2], uint64_t ms)
{
	tx_store(t, &w[0], (uint32_t)ms);
	tx_store(t, &w[1], (uint32_t)(ms >> 32));
}

/* ---- free records ---- */

static bool
member_available(const struct roomtab *t, uint32_t n)
{
	const uint32_t fresh = t->lim.members - t->a->j.member_fresh;
	uint32_t l;

	if (n <= fresh)
		return true;
	n -= fresh;
	for (l = t->a->j.member_free; l != 0 && n > 0;
	    l = t->member[l - 1].link)
		n--;
	return n == 0;
}

static bool
room_available(const struct roomtab *t)
{
	return t->a->j.room_free != 0 || t->a->j.room_fresh < t->lim.rooms;
}

static uint32_t
take_room(struct roomtab *t)
{
	uint32_t l = t->a->j.room_free;

	if (l != 0) {
		tx_store(t, &t->a->j.room_free, t->room[l - 1].link);
		return l - 1;
	}
	l = t->a->j.room_fresh;
	tx_store(t, &t->a->j.room_fresh, l + 1);
	return l;
}

static uint32_t
take_member(struct roomtab *t)
{
	uint32_t l = t->a->j.member_free;

	if (l != 0) {
		tx_store(t, &t->a->j.member_free, t->member[l - 1].link);
		return l - 1;
	}
	l = t->a->j.member_fresh;
	tx_store(t, &t->a->j.member_fresh, l + 1);
	return l;
}

/*
 * The generation that a record gets when it goes live: odd, also where a
 * hostile predecessor has been at records that were never used.
 */
static uint32_t
gen_after(uint32_t gen)
{
	return (gen + 1) | 1;
}

/* ---- unique names ---- */

/* "name~n", the name cut at a whole character where it must be. */
static size_t
suffixed(char out[NAME_MAX_BYTES + 1], const struct member_new *who,
    uint32_t n)
{
	const uint8_t *name = who->name;
	char tail[16];
	size_t keep, len;

	len = (size_t)snprintf(tail, sizeof(tail), "~%u", n);
	keep = who->name_len;
	if (keep > NAME_MAX_BYTES - len)
		keep = NAME_MAX_BYTES - len;
	while (keep > 0 && keep < who->name_len && (name[keep] & 0xc0) == 0x80)
		keep--;
	memcpy(out, name, keep);
	memcpy(out + keep, tail, len + 1);
	return keep + len;
}

static bool
name_taken(struct roomtab *t, uint32_t room, const struct member_new *who,
    uint32_t n, struct member_made *made)
{
	made->name_len = suffixed(made->name, who, n);
	return roomtab_find_member(t, room, made->name, made->name_len) !=
	    ROOMTAB_NONE;
}

/*
 * The name, or a free "name~n".  A thousand guests of one name must not cost
 * a thousand look-ups each, so n doubles until it is free, and a free one
 * whose predecessor is taken is then found by halving.
 */
static void
unique_name(struct roomtab *t, uint32_t room, const struct member_new *who,
    struct member_made *made)
{
	uint32_t taken = 1, freed = 2, mid;

	memcpy(made->name, who->name, who->name_len);
	made->name[who->name_len] = '\0';
	made->name_len = who->name_len;
	if (roomtab_find_member(t, room, who->name, who->name_len) ==
	    ROOMTAB_NONE)
		return;
	while (name_taken(t, room, who, freed, made)) {
		taken = freed;
		freed *= 2;	/* ends: fewer than 2^23 members */
	}
	while (freed - taken > 1) {
		mid = taken + (freed - taken) / 2;
		if (name_taken(t, room, who, mid, made))
			taken = mid;
		else
			freed = mid;
	}
	made->name_len = suffixed(made->name, who, freed);
}

/* ---- members, inside a transaction ---- */

static void
store_member_name(struct roomtab *t, uint32_t slot,
    const struct member_made *made)
{
	struct member_rec *m = &t->member[slot];

	tx_store(t, &m->name_len, (uint32_t)made->name_len);
	tx_store_bytes(t, made->name_len <= SHORT_WORDS * 4 ? m->name :
	    t->long_name[slot].words, made->name, made->name_len);
}

static void
bucket_insert(struct roomtab *t, uint32_t slot)
{
	struct member_rec *m = &t->member[slot];
	uint32_t *b;

	b = &t->member_bucket[member_bucket_of(t, m->room,
	    member_name(t, slot), m->name_len)];
	tx_store(t, &m->link, *b);
	tx_store(t, b, slot + 1);
}

/* The token of a slot about to go live, and its tag. */
static void
mint(struct roomtab *t, uint32_t slot, const struct member_new *who,
    struct member_made *made, uint8_t tag[TOKEN_TAG])
{
	struct token tok;

	tok.slot = slot;
	tok.gen = gen_after(roomtab_member_gen(t, slot));
	/* a short token has three bytes for the slot */
	tok.is_short = who->short_token && slot < UINT32_C(1) << 24;
	token_mint(&tok, t->token_key, made->token, tag);
	made->token_len = token_text_len(tok.is_short);
	made->slot = slot;
	made->gen = tok.gen;
}

static void
add_member(struct roomtab *t, uint32_t room, enum member_kind kind,
    const struct member_new *who, struct member_made *made)
{
	const uint32_t slot = take_member(t);
	struct member_rec *m = &t->member[slot];
	struct room_rec *r = &t->room[room];
	uint8_t tag[TOKEN_TAG];

	made->room = room;
	mint(t, slot, who, made, tag);
	tx_store(t, &m->room, room);
	store_ms(t, m->joined, who->now_ms);
	tx_store(t, &m->flags, word_of(who->dialect, who->via, END_NONE,
	    kind));
	tx_store_bytes(t, m->ip, who->addr.ip, sizeof(who->addr.ip));
	tx_store(t, &m->scope, who->addr.scope);
	tx_store(t, &m->port, who->addr.port);
	tx_store_bytes(t, m->tag, tag, sizeof(tag));
	store_member_name(t, slot, made);
	tx_store(t, &m->prev, 0);
	tx_store(t, &m->next, r->first);
	if (r->first != 0)
		tx_store(t, &t->member[r->first - 1].prev, slot + 1);
	tx_store(t, &r->first, slot + 1);
	tx_store_gen(t, &t->member_gen[slot], made->gen);
	if (kind == KIND_MEMBER) {
		bucket_insert(t, slot);
		tx_store(t, &r->members, r->members + 1);
		tx_store(t, &t->a->j.members, t->a->j.members + 1);
		tx_announce(t, slot);
	}
}

/* ---- the verbs ---- */

static void
fill_room(struct roomtab *t, uint32_t room, const void *name, size_t len,
    const uint8_t *password, const struct member_new *host)
{
	struct room_rec *r = &t->room[room];
	uint32_t *b = &t->room_bucket[room_bucket_of(t, name, len)];

	tx_store(t, &r->first, 0);
	tx_store(t, &r->members, 0);
	tx_store(t, &r->host, 0);
	store_ms(t, r->created, host->now_ms);
	tx_store(t, &r->flags, word_of(host->dialect, END_NONE,
	    password != NULL, 0));
	if (password != NULL)
		tx_store_bytes(t, r->password, password, ROOMTAB_PASSWORD);
	tx_store(t, &r->name_len, (uint32_t)len);
	tx_store_bytes(t, r->name, name, len);
	tx_store_gen(t, &t->room_gen[room], gen_after(room_gen_of(t, room)));
	tx_store(t, &r->link, *b);
	tx_store(t, b, room + 1);
	tx_store(t, &t->a->j.rooms, t->a->j.rooms + 1);
}

static void
add_invite(struct roomtab *t, uint32_t room, const struct member_new *who,
    struct member_made *made)
{
	made->name[0] = '\0';
	made->name_len = 0;
	add_member(t, room, KIND_INVITE, who, made);
}

enum status
roomtab_create(struct roomtab *t, const void *name, size_t len,
    const uint8_t *password, const struct member_new *host,
    struct member_made *made, struct member_made *invites, uint32_t n)
{
	uint32_t room, i;

	if (!name_valid(name, len) || !name_valid(host->name, host->name_len))
		return ST_MALFORMED;
	if (roomtab_find(t, name, len) != ROOMTAB_NONE)
		return ST_EXISTS;
	if (n > ROOMTAB_INVITES || !room_available(t) ||
	    !member_available(t, 1 + n) || tx_begin(t) == -1)
		return ST_UNABLE;
	room = take_room(t);
	fill_room(t, room, name, len, password, host);
	memcpy(made->name, host->name, host->name_len);
	made->name[host->name_len] = '\0';
	made->name_len = host->name_len;
	add_member(t, room, KIND_MEMBER, host, made);
	tx_store(t, &t->room[room].host, made->slot + 1);
	for (i = 0; i < n; i++)
		add_invite(t, room, host, &invites[i]);
	tx_commit(t);
	return ST_OK;
}

enum status
roomtab_join(struct roomtab *t, uint32_t room, uint32_t max_members,
    const struct member_new *who, struct member_made *made)
{
	if (!name_valid(who->name, who->name_len))
		return ST_MALFORMED;
	if (!room_open(t, room))
		return ST_NO_ROOM;
	if (t->room[room].members >= max_members || !member_available(t, 1))
		return ST_UNABLE;
	unique_name(t, room, who, made);
	if (tx_begin(t) == -1)
		return ST_UNABLE;
	add_member(t, room, KIND_MEMBER, who, made);
	tx_commit(t);
	return ST_OK;
}

enum status
roomtab_join_invite(struct roomtab *t, uint32_t slot, uint32_t gen,
    uint32_t max_members, const struct member_new *who,
    struct member_made *made)
{
	uint32_t room;

	if (!name_valid(who->name, who->name_len))
		return ST_MALFORMED;
	if (!slot_live(t, slot, gen) ||
	    flag_byte(t->member[slot].flags, 3) != KIND_INVITE)
		return ST_DENIED;
	room = t->member[slot].room;
	if (t->room[room].members >= max_members)
		return ST_UNABLE;
	unique_name(t, room, who, made);
	if (tx_begin(t) == -1)
		return ST_UNABLE;
	tx_drop_member(t, slot, END_LEFT);	/* whose record is then free */
	add_member(t, room, KIND_MEMBER, who, made);
	tx_commit(t);
	return ST_OK;
}

int
roomtab_set_port(struct roomtab *t, uint32_t slot, uint32_t gen,
    uint16_t port)
{
	if (!slot_live(t, slot, gen)) {
		errno = ESRCH;
		return -1;
	}
	if (tx_begin(t) == -1)
		return -1;
	tx_store(t, &t->member[slot].port, port);
	tx_announce(t, slot);
	tx_commit(t);
	return 0;
}
