/* SPDX-License-Identifier: ISC */
/*
 * Region R with its journal, as a roomd finds it that follows a hostile one:
 * whatever the bytes, it refuses the table or takes one that is whole, and
 * goes on being whole whatever is then done with it, by clients' requests,
 * by the rules or by the operator.
 */
#include <jansson.h>

#include "../../roomd/list.h"
#include "hostile.h"
#include "log.h"
#include "name.h"
#include "nolock.h"
#include "roomtab_layout.h"
#include "table.h"

enum { LOCKS_MAX = 4096 };

static uint8_t *mem, *image;
static unsigned locks;
static struct roomtab *tab;
static const struct ctl_settings settings = {
	.max_room_members = TABLE_MEMBERS
};
static struct rooms *rooms;
static struct lists *lists;

static void
on_lock(void)
{
	MUST(++locks < LOCKS_MAX);
}

static void
silence(const char *line)
{
	(void)line;
}

/* ---- what roomd would be told ---- */

static void
on_changed(void *arg)
{
	(void)arg;
}

static void
on_joined(void *arg, const struct member_made *m)
{
	(void)arg;
	MUST(m->slot < TABLE_MEMBERS && m->name_len <= NAME_MAX_BYTES);
}

static void
on_left(void *arg, const struct member_info *m, enum ending why)
{
	(void)arg;
	MUST(m->slot < TABLE_MEMBERS && m->room < TABLE_ROOMS);
	MUST(why == END_LEFT || why == END_OPERATOR);
}

static void
on_closed(void *arg, const struct room_info *r, enum ending why)
{
	(void)arg;
	MUST(r->room < TABLE_ROOMS && why != END_NONE && why < END_COUNT);
}

static struct rooms_setup set = {
	.settings = &settings,
	.events = { NULL, on_changed, on_joined, on_left, on_closed },
};

/* ---- what its predecessor did on purpose, and not at random ---- */

/* One more entry of the armed journal, about the words that matter. */
static void
note(struct hostile *h)
{
	struct roomtab_area *a = (void *)mem;
	const uint32_t first = offsetof(struct roomtab_area, j) / 4;
	const uint32_t room_for = (uint32_t)((tab->shape.size -
	    offsetof(struct roomtab_area, journal)) / sizeof(a->journal[0]));
	struct journal_entry *entry = a->journal;
	uint32_t n = atomic_load(&a->jn);
	uint32_t at = hostile_byte(h), far = hostile_byte(h);

	if (far == UINT8_MAX) {		/* all that follows reads as entries */
		for (n = 0; n < room_for; n++)
			entry[n].word = first + at;
		atomic_store(&a->jn, n + hostile_byte(h));
		atomic_store(&a->jact, 1);
		return;
	}
	if (n >= JOURNAL_MAX)
		return;
	entry[n].word = first + (far < 0x80 ? at : far << 8 | at);
	entry[n].old = hostile_byte(h);
	atomic_store(&a->jn, n + 1);
	atomic_store(&a->jact, 1);
	atomic_fetch_or(&a->seq, 1);
}

/* Takes a link out of the chains of an array of buckets, if it is there. */
static void
unchain(uint32_t *bucket, uint32_t mask, uint32_t link)
{
	uint32_t b, n, *p;

	for (b = 0; b <= mask; b++) {
		p = &bucket[b];
		for (n = 0; *p != 0 && *p <= TABLE_MEMBERS && *p != link &&
		    n < TABLE_MEMBERS; n++)
			p = &tab->member[*p - 1].link;
		if (*p == link)
			*p = tab->member[link - 1].link;
	}
}

/* Another name of any bytes for a member, which lies where it should. */
static void
rename_member(struct hostile *h)
{
	const uint32_t s = hostile_byte(h) % TABLE_MEMBERS;
	const uint8_t c = hostile_byte(h), len = hostile_byte(h);
	struct member_rec *m = &tab->member[s];
	uint32_t *p;

	unchain(tab->member_bucket, tab->shape.member_mask, s + 1);
	memset(len <= sizeof(m->name) ? m->name : tab->long_name[s].words, c,
	    len);
	m->name_len = len;
	p = &tab->member_bucket[member_bucket_of(tab, m->room,
	    member_name(tab, s), len)];
	m->link = *p;
	*p = s + 1;
}

/* The same for the only room of its bucket. */
static void
rename_room(struct hostile *h)
{
	const uint32_t room = hostile_byte(h) % TABLE_ROOMS;
	const uint8_t c = hostile_byte(h), len = hostile_byte(h);
	struct room_rec *r = &tab->room[room];
	uint32_t b;

	for (b = 0; b <= tab->shape.room_mask; b++)
		if (tab->room_bucket[b] == room + 1)
			tab->room_bucket[b] = 0;
	memset(r->name, c, len);
	r->name_len = len;
	tab->room_bucket[room_bucket_of(tab, r->name, len)] = room + 1;
}

/* One of the links and counts of a record. */
static void
relink(struct hostile *h)
{
	const uint8_t which = hostile_byte(h);
	struct member_rec *m = &tab->member[hostile_byte(h) % TABLE_MEMBERS];
	struct room_rec *r = &tab->room[which / 8 % TABLE_ROOMS];
	uint32_t *const word[8] = { &m->link, &m->room, &m->next, &m->prev,
	    &r->link, &r->first, &r->host, &r->members };

	*word[which % 8] = hostile_byte(h);
}

static void
verb(struct hostile *h, unsigned which)
{
	static void (*const verbs[4])(struct hostile *) = {
		note, relink, rename_member, rename_room
	};

	verbs[which % 4](h);
}

static void
setup(void)
{
	size_t size = roomtab_size(&table_limits);

	log_set_sink(silence);
	mem = table_memory(size);
	image = table_memory(size);
	tab = table_make(mem);
	set.table = tab;
	set.limits.table = table_limits;
	MUST(roomtab_recover(tab) == 0);
	memcpy(image, mem, size);
}

static void
join(struct hostile *h)
{
	struct member_new who = table_newcomer("cat", "plain");
	struct member_made made;

	(void)roomtab_join(tab, hostile_byte(h) % TABLE_ROOMS, TABLE_MEMBERS,
	    &who, &made);
}

static void
create(struct hostile *h)
{
	char name[] = { 'r', (char)('0' + hostile_byte(h) % 8), '\0' };
	struct member_new who = table_newcomer(name, "plain");
	struct member_made made;

	(void)roomtab_create(tab, name, 2, NULL, &who, &made, NULL, 0);
}

static void
spend(struct hostile *h)
{
	struct member_new who = table_newcomer("bob", "decimal");
	struct member_made made;
	uint32_t slot = hostile_byte(h) % TABLE_MEMBERS;

	(void)roomtab_join_invite(tab, slot, roomtab_member_gen(tab, slot),
	    TABLE_MEMBERS, &who, &made);
}

static void
leave(struct hostile *h)
{
	struct member_info m;

	if (roomtab_member(tab, hostile_byte(h) % TABLE_MEMBERS, &m))
		MUST(roomtab_remove(tab, m.slot, m.gen, END_LEFT) == 0);
}

static void
shut(struct hostile *h)
{
	struct room_info r;

	if (roomtab_room(tab, hostile_byte(h) % TABLE_ROOMS, &r))
		MUST(roomtab_close(tab, r.room, r.gen, END_LEFT) == 0);
}

static void
port(struct hostile *h)
{
	struct member_info m;

	if (roomtab_member(tab, hostile_byte(h) % TABLE_MEMBERS, &m))
		MUST(roomtab_set_port(tab, m.slot, m.gen, 9) == 0);
}

static void
reap(struct hostile *h)
{
	(void)h;
	(void)roomtab_reap(tab);
}

/* By the rules of rooms. */
static void
gone(struct hostile *h)
{
	struct member_info m;

	if (roomtab_member(tab, hostile_byte(h) % TABLE_MEMBERS, &m))
		MUST(rooms_remove(rooms, m.slot, m.gen, END_LEFT) == 0);
}

static void
repair(struct hostile *h)
{
	(void)h;
	rooms_repair(rooms);
}

/* A frame with a list, which is JSON whatever the names. */
static void
must_list(struct blob *b, size_t room_len)
{
	json_t *j;

	MUST(b != NULL && b->len >= TCRP_HEADER + room_len);
	j = json_loadb((char *)b->data + TCRP_HEADER + room_len,
	    b->len - TCRP_HEADER - room_len, 0, NULL);
	MUST(j != NULL);
	json_decref(j);
	blob_unref(b);
}

static void
list(struct hostile *h)
{
	uint8_t how = hostile_byte(h);
	struct room_info r;
	struct list_ask q = { .op = OP_PORT_OR_LIST };
	struct blob *b;

	must_list(lists_get(lists, &q, true), 0);
	q.op = OP_JOIN;
	b = lists_get(lists, &q, true);
	MUST(b != NULL && b->len >= TCRP_HEADER &&
	    utf8_valid(b->data + TCRP_HEADER, b->len - TCRP_HEADER));
	blob_unref(b);
	if (!roomtab_room(tab, how % TABLE_ROOMS, &r))
		return;
	q.op = OP_MEMBERS;
	q.room = &r;
	q.name = r.name;
	q.name_len = r.name_len;
	must_list(lists_get(lists, &q, true), r.name_len);
}

static void
show(struct hostile *h)
{
	const struct table_token *t =
	    &table_tokens[hostile_byte(h) % table_token_count];
	uint32_t slot = roomtab_find_token(tab, t->text, t->len);
	struct member_info m;

	MUST(slot == ROOMTAB_NONE || roomtab_member(tab, slot, &m));
	(void)roomtab_password_ok(tab, slot % TABLE_ROOMS,
	    (const uint8_t *)t->text);
}

static void
operate(struct hostile *h)
{
	const char *room = hostile_byte(h) % 2 == 0 ? "tea" : "old";

	(void)rooms_kick(rooms, room, 3, "bob", 3);
	(void)rooms_close(rooms, room, 3);
}

static void
work(struct hostile *h)
{
	static void (*const verbs[])(struct hostile *) = {
		join, create, spend, leave, shut, port, reap, gone, repair,
		list, show, operate
	};
	unsigned i;

	for (i = 0; i < 16 && h->left > 0; i++)
		verbs[hostile_byte(h) % 12](h);
}

/* What recovery let pass is what everybody relies on. */
static void
check_hosts(void)
{
	struct member_info m;
	struct room_info r;
	unsigned i;

	for (i = 0; i < TABLE_ROOMS; i++)
		if (roomtab_room(tab, i, &r) && r.host != ROOMTAB_NONE)
			MUST(roomtab_member(tab, r.host, &m) &&
			    m.is_host && m.room == i);
}

/* Every room closed, everything freed: then nothing is left over. */
static void
clear(void)
{
	struct room_info r;
	unsigned i;

	for (i = 0; i < TABLE_ROOMS; i++)
		if (roomtab_room(tab, i, &r))
			MUST(roomtab_close(tab, i, r.gen, END_OPERATOR) == 0);
	for (i = 0; i <= TABLE_ROOMS * 2 && roomtab_reap(tab); i++)
		continue;
	MUST(i <= TABLE_ROOMS * 2);
	MUST(roomtab_rooms(tab) == 0 && roomtab_members(tab) == 0);
	MUST(roomtab_recover(tab) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct hostile h = { .p = p, .left = len, .verb = verb };
	unsigned i;

	if (tab == NULL)
		setup();
	memcpy(mem, image, tab->shape.size);
	for (i = 0; i < 4; i++) {
		h.region[i].base = mem;
		h.region[i].size = tab->shape.size;
	}
	h.region[0].near = offsetof(struct roomtab_area, j);
	h.region[1].near = tab->shape.room;
	h.region[2].near = tab->shape.member;
	h.region[3].near = offsetof(struct roomtab_area, journal);
	hostile_round(&h);
	locks = 0;
	if (roomtab_recover(tab) == -1)
		return 0;
	MUST(roomtab_recover(tab) == 0);
	check_hosts();
	rooms = rooms_new(&set);
	MUST(rooms != NULL && (lists = lists_new(rooms)) != NULL);
	work(&h);
	lists_free(lists);
	rooms_free(rooms);
	MUST(roomtab_recover(tab) == 0);
	check_hosts();
	clear();
	return 0;
}
