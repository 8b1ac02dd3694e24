/* SPDX-License-Identifier: ISC */
/*
 * Region R with its journal, as a roomd finds it that follows a hostile one:
 * whatever the bytes, it refuses the table or takes one that is whole, and
 * goes on being whole whatever is then done with it.
 */
#include "hostile.h"
#include "log.h"
#include "nolock.h"
#include "roomtab_layout.h"
#include "table.h"

static uint8_t *mem, *image;
static struct roomtab *tab;

static void
on_lock(void)
{
}

static void
silence(const char *line)
{
	(void)line;
}

static void
setup(void)
{
	size_t size = roomtab_size(&table_limits);

	log_set_sink(silence);
	mem = table_memory(size);
	image = table_memory(size);
	tab = table_make(mem);
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

	(void)roomtab_create(tab, name, 2, NULL, &who, &made);
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

static void
work(struct hostile *h)
{
	static void (*const verb[])(struct hostile *) = {
		join, create, spend, leave, shut, port, reap
	};
	unsigned i;

	for (i = 0; i < 16 && h->left > 0; i++)
		verb[hostile_byte(h) % 7](h);
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
	struct hostile h = { .p = p, .left = len };
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
	if (roomtab_recover(tab) == -1)
		return 0;
	MUST(roomtab_recover(tab) == 0);
	work(&h);
	MUST(roomtab_recover(tab) == 0);
	clear();
	return 0;
}
