/* SPDX-License-Identifier: ISC */
/*
 * Region R: its shape, handles, and reading (see roomtab.h).  Reading copies
 * a record, checks the copy and hands out the copy; every walk is bounded by
 * the size of the table, because for relayd the region is untrusted input.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "name.h"
#include "roomtab_layout.h"

static_assert(sizeof(struct addr) == 24, "struct addr has no hidden bytes");
static_assert(NAME_WORDS * 4 > NAME_MAX_BYTES, "a name fits its words");

static uint32_t
buckets_for(uint32_t n)
{
	uint32_t b = 16;

	while (b < n)
		b *= 2;
	return b;
}

/* Reserves n items, at a multiple of 64 bytes. */
static size_t
place(size_t *end, size_t item, uint32_t n)
{
	size_t at = (*end + 63) / 64 * 64;

	*end = at + item * n;
	return at;
}

static void
shape_for(const struct roomtab_limits *lim, struct roomtab_shape *s)
{
	size_t end = sizeof(struct roomtab_area);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	s->room_mask = buckets_for(lim->rooms) - 1;
	s->member_mask = buckets_for(lim->members) - 1;
	s->room_gen = place(&end, sizeof(uint32_t), lim->rooms);
	s->member_gen = place(&end, sizeof(uint32_t), lim->members);
	s->room_bucket = place(&end, sizeof(uint32_t), s->room_mask + 1);
	s->member_bucket = place(&end, sizeof(uint32_t), s->member_mask + 1);
	s->room = place(&end, sizeof(struct room_rec), lim->rooms);
	s->member = place(&end, sizeof(struct member_rec), lim->members);
	s->long_name = place(&end, sizeof(struct long_name), lim->members);
	s->size = (end + page - 1) / page * page;
}

size_t
roomtab_size(const struct roomtab_limits *lim)
{
	struct roomtab_shape s;

	shape_for(lim, &s);
	return s.size;
}

void
roomtab_format(void *mem, const struct roomtab_limits *lim)
{
	struct roomtab_area *a = mem;

	a->rooms = lim->rooms;
	a->members = lim->members;
	a->magic = ROOMTAB_MAGIC;
}

struct roomtab *
roomtab_open_reader(const void *mem, const struct roomtab_limits *lim,
    struct shmlock *lock)
{
	char *base = (char *)(uintptr_t)mem;
	struct roomtab *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return NULL;
	t->a = (struct roomtab_area *)(void *)base;
	t->lim = *lim;
	t->lock = lock;
	shape_for(lim, &t->shape);
	t->room_gen = (void *)(base + t->shape.room_gen);
	t->member_gen = (void *)(base + t->shape.member_gen);
	t->room_bucket = (void *)(base + t->shape.room_bucket);
	t->member_bucket = (void *)(base + t->shape.member_bucket);
	t->room = (void *)(base + t->shape.room);
	t->member = (void *)(base + t->shape.member);
	t->long_name = (void *)(base + t->shape.long_name);
	if (t->a->magic != ROOMTAB_MAGIC || t->a->rooms != lim->rooms ||
	    t->a->members != lim->members) {
		free(t);
		errno = EINVAL;
		return NULL;
	}
	return t;
}

struct roomtab *
roomtab_open(void *mem, const struct roomtab_limits *lim,
    struct shmlock *lock, const uint8_t bucket_key[ROOMTAB_HASH_KEY],
    const uint8_t token_key[TOKEN_KEY])
{
	struct roomtab *t;

	if ((t = roomtab_open_reader(mem, lim, lock)) == NULL)
		return NULL;
	memcpy(t->bucket_key, bucket_key, sizeof(t->bucket_key));
	memcpy(t->token_key, token_key, sizeof(t->token_key));
	return t;
}

void
roomtab_close_handle(struct roomtab *t)
{
	if (t == NULL)
		return;
	explicit_bzero(t, sizeof(*t));
	free(t);
}

/* ---- hashing ---- */

static uint32_t
keyed_hash(const struct roomtab *t, const void *p, size_t len)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint32_t h;

	static_assert(ROOMTAB_HASH_KEY == crypto_shorthash_KEYBYTES, "key");
	crypto_shorthash(out, p, len, t->bucket_key);
	memcpy(&h, out, sizeof(h));
	return h;
}

uint32_t
room_bucket_of(const struct roomtab *t, const void *name, size_t len)
{
	return keyed_hash(t, name, len) & t->shape.room_mask;
}

uint32_t
member_bucket_of(const struct roomtab *t, uint32_t room, const void *name,
    size_t len)
{
	uint8_t buf[sizeof(room) + NAME_MAX_BYTES];

	memcpy(buf, &room, sizeof(room));
	memcpy(buf + sizeof(room), name, len);
	return keyed_hash(t, buf, sizeof(room) + len) & t->shape.member_mask;
}

/* ---- copies ---- */

uint32_t
room_gen_of(const struct roomtab *t, uint32_t room)
{
	if (room >= t->lim.rooms)
		return 0;
	return atomic_load_explicit(&t->room_gen[room], memory_order_acquire);
}

uint32_t
roomtab_member_gen(const struct roomtab *t, uint32_t slot)
{
	if (slot >= t->lim.members)
		return 0;
	return atomic_load_explicit(&t->member_gen[slot],
	    memory_order_acquire);
}

static uint32_t
link_index(uint32_t link, uint32_t limit)
{
	return link == 0 || link > limit ? ROOMTAB_NONE : link - 1;
}

static enum ending
ending_of(uint32_t flags, unsigned byte)
{
	unsigned e = flag_byte(flags, byte);

	return e < END_COUNT ? (enum ending)e : END_NONE;
}

static uint64_t
two_words(const uint32_t w[2])
{
	return (uint64_t)w[1] << 32 | w[0];
}

/*
 * Ends a copied name of len bytes; returns how many it has.  A captured roomd
 * may have left one that no client can have asked for, and one such name
 * would spoil whatever it is printed into, the list of all rooms for one.
 */
static size_t
end_name(uint8_t name[NAME_MAX_BYTES + 1], size_t len)
{
	uint8_t bad[NAME_MAX_BYTES];

	if (len > 0 && !name_valid(name, len)) {
		memcpy(bad, name, len);
		len = utf8_mend((char *)name, NAME_MAX_BYTES, bad, len,
		    false);
	}
	name[len] = '\0';
	return len;
}

bool
copy_room(const struct roomtab *t, uint32_t room, struct room_info *out)
{
	struct room_rec r;

	if (room >= t->lim.rooms || room >= t->a->j.room_fresh)
		return false;
	r = t->room[room];
	if (r.name_len == 0 || r.name_len > NAME_MAX_BYTES)
		return false;
	memset(out, 0, offsetof(struct room_info, name));
	out->room = room;
	out->gen = room_gen_of(t, room);
	out->members = r.members;
	out->host = link_index(r.host, t->lim.members);
	out->first = link_index(r.first, t->lim.members);
	out->created_ms = two_words(r.created);
	out->has_password = flag_byte(r.flags, 2) != 0;
	out->dialect = (uint8_t)flag_byte(r.flags, 0);
	out->ending = ending_of(r.flags, 1);
	memcpy(out->name, r.name, r.name_len);
	out->name_len = end_name(out->name, r.name_len);
	return true;
}

const void *
member_name(const struct roomtab *t, uint32_t slot)
{
	return t->member[slot].name_len <= SHORT_WORDS * 4 ?
	    t->member[slot].name : t->long_name[slot].words;
}

/* Where the name of a copied record lies; the length is the copy's. */
static const void *
name_of_copy(const struct roomtab *t, uint32_t slot,
    const struct member_rec *m)
{
	return m->name_len <= SHORT_WORDS * 4 ? m->name :
	    t->long_name[slot].words;
}

bool
copy_member(const struct roomtab *t, uint32_t slot, struct member_info *out)
{
	struct member_rec m;

	if (slot >= t->lim.members || slot >= t->a->j.member_fresh)
		return false;
	m = t->member[slot];
	memset(out, 0, offsetof(struct member_info, name));
	out->slot = slot;
	out->gen = roomtab_member_gen(t, slot);
	out->ending = ending_of(m.flags, 2);
	if (m.name_len > NAME_MAX_BYTES || m.room >= t->lim.rooms)
		return false;
	out->room = m.room;
	out->room_gen = room_gen_of(t, m.room);
	out->next = link_index(m.next, t->lim.members);
	out->joined_ms = two_words(m.joined);
	out->is_host = t->room[m.room].host == slot + 1;
	out->is_invite = flag_byte(m.flags, 3) == KIND_INVITE;
	out->dialect = (uint8_t)flag_byte(m.flags, 0);
	out->via = (uint8_t)flag_byte(m.flags, 1);
	memcpy(out->addr.ip, m.ip, sizeof(out->addr.ip));
	out->addr.scope = m.scope;
	out->addr.port = (uint16_t)m.port;
	memcpy(out->tag, m.tag, sizeof(out->tag));
	memcpy(out->name, name_of_copy(t, slot, &m), m.name_len);
	out->name_len = end_name(out->name, m.name_len);
	return (out->gen & 1) != 0 && (out->room_gen & 1) != 0;
}

bool
roomtab_room(struct roomtab *t, uint32_t room, struct room_info *out)
{
	return copy_room(t, room, out) && (out->gen & 1) != 0;
}

bool
roomtab_member(struct roomtab *t, uint32_t slot, struct member_info *out)
{
	return copy_member(t, slot, out);
}

/* ---- look-ups of the writer ---- */

uint32_t
roomtab_find(struct roomtab *t, const void *name, size_t len)
{
	uint32_t l, n = 0;

	if (len == 0 || len > NAME_MAX_BYTES)
		return ROOMTAB_NONE;
	l = t->room_bucket[room_bucket_of(t, name, len)];
	for (; l != 0 && l <= t->lim.rooms && n++ < t->lim.rooms;
	    l = t->room[l - 1].link)
		if (t->room[l - 1].name_len == len &&
		    memcmp(t->room[l - 1].name, name, len) == 0)
			return l - 1;
	return ROOMTAB_NONE;
}

uint32_t
roomtab_find_member(struct roomtab *t, uint32_t room, const void *name,
    size_t len)
{
	uint32_t l, n = 0;

	if (len == 0 || len > NAME_MAX_BYTES)
		return ROOMTAB_NONE;
	l = t->member_bucket[member_bucket_of(t, room, name, len)];
	for (; l != 0 && l <= t->lim.members && n++ < t->lim.members;
	    l = t->member[l - 1].link)
		if (t->member[l - 1].room == room &&
		    t->member[l - 1].name_len == len &&
		    memcmp(member_name(t, l - 1), name, len) == 0)
			return l - 1;
	return ROOMTAB_NONE;
}

uint32_t
roomtab_find_token(struct roomtab *t, const void *text, size_t len)
{
	struct member_info m;
	struct token tok;
	uint8_t tag[TOKEN_TAG];

	if (token_parse(&tok, text, len) == -1 ||
	    !copy_member(t, tok.slot, &m) || !token_gen_matches(&tok, m.gen))
		return ROOMTAB_NONE;
	token_tag(text, len, t->token_key, tag);
	return token_tag_equal(tag, m.tag) ? tok.slot : ROOMTAB_NONE;
}

bool
roomtab_password_ok(struct roomtab *t, uint32_t room, const uint8_t *password)
{
	if (room >= t->lim.rooms || (room_gen_of(t, room) & 1) == 0)
		return false;
	if (flag_byte(t->room[room].flags, 2) == 0)
		return true;
	return password != NULL && sodium_memcmp(t->room[room].password,
	    password, ROOMTAB_PASSWORD) == 0;
}

uint32_t
roomtab_rooms(const struct roomtab *t)
{
	return t->a->j.rooms;
}

uint32_t
roomtab_members(const struct roomtab *t)
{
	return t->a->j.members;
}

_Atomic uint64_t *
roomtab_counters(struct roomtab *t)
{
	return t->a->counters;
}

uint64_t
roomtab_counter(const struct roomtab *t, unsigned which)
{
	if (which >= RC_COUNT)
		return 0;
	return atomic_load_explicit(&t->a->counters[which],
	    memory_order_relaxed);
}
