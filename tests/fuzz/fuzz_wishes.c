/* SPDX-License-Identifier: ISC */
/*
 * Regions L of two hostile relayds, as roomd reads them: whatever the bytes,
 * roomd grants a bounded number of wishes at a time, only such as a relayd
 * may have, its table stays whole, and what ocmctl is told is JSON.
 */
#include <event2/event.h>
#include <jansson.h>

#include "../../roomd/outbox.h"
#include "../../roomd/query.h"
#include "../../roomd/wishes.h"
#include "hostile.h"
#include "log.h"
#include "nolock.h"
#include "relays.h"
#include "table.h"

enum { TURNS = 8 };

static uint8_t *mem, *image;
static size_t size;
static struct roomtab *tab;
static struct hostile hostile;
static struct event_base *base;
static unsigned changes, gone;
static bool asked;
static volatile uint64_t sink;

/* They store while roomd commits, too. */
static void
on_lock(void)
{
	hostile_round(&hostile);
}

/* ---- ocmctl, in the place of its socket ---- */

bool
outbox_add(struct outbox *o, struct blob *b)
{
	json_t *j;

	(void)o;
	MUST(b != NULL && b->len > 3 && memcmp(b->data, "ok\n", 3) == 0);
	j = json_loadb((char *)b->data + 3, b->len - 3, 0, NULL);
	MUST(j != NULL);
	json_decref(j);
	blob_unref(b);
	return true;
}

enum outbox_state
outbox_flush(struct outbox *o, int fd, size_t *most)
{
	(void)o;
	(void)fd;
	(void)most;
	return OUTBOX_EMPTY;
}

void
outbox_clear(struct outbox *o)
{
	(void)o;
}

static void
ask(struct rooms *rooms, uint8_t byte)
{
	static struct ctl_query ask = { .room_len = 3 };
	struct queries *q = queries_new(base, rooms);

	MUST(q != NULL);
	/* The rooms are closed before long, and then there is no such one. */
	ask.verb = byte % 2 == 0 ? QUERY_STATS : QUERY_MEMBERS;
	memcpy(ask.room, byte % 4 < 2 ? "tea" : "old", ask.room_len);
	if (ask.verb == QUERY_STATS ||
	    roomtab_find(tab, ask.room, ask.room_len) != ROOMTAB_NONE)
		queries_take(q, -1, &ask);
	queries_free(q);
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
	changes++;
}

static void
on_joined(void *arg, const struct member_made *m)
{
	(void)arg;
	(void)m;
	abort();
}

static void
on_left(void *arg, const struct member_info *m, enum ending why)
{
	(void)arg;
	MUST(m->slot < TABLE_MEMBERS && m->room < TABLE_ROOMS);
	MUST(why != END_NONE && why < END_COUNT && why != END_OPERATOR &&
	    why != END_SHUTDOWN);
	MUST(++gone <= TABLE_MEMBERS);
}

static void
on_closed(void *arg, const struct room_info *r, enum ending why)
{
	(void)arg;
	MUST(r->room < TABLE_ROOMS);
	MUST(why == END_HOST_LEFT || why == END_LEFT);
}

static const struct ctl_settings settings = { .max_room_members = 99 };
static struct rooms_setup set = {
	.live = live,
	.settings = &settings,
	.events = { NULL, on_changed, on_joined, on_left, on_closed },
};

/* ---- what a hostile relayd does on purpose, and not at random ---- */

/* A wish, of a member who may be there. */
static void
wish(struct hostile *h)
{
	uint8_t how = hostile_byte(h);
	uint32_t slot = hostile_byte(h) % TABLE_MEMBERS;

	live_wish(live[how >> 7], slot, roomtab_member_gen(tab, slot) +
	    (how >> 4 & 1), (enum ending)(how & 0xf));
}

/* Very many wishes at once, by the head of their ring alone. */
static void
hurry(struct hostile *h)
{
	const struct hostile_region *r = &h->region[hostile_byte(h) % WORKERS];
	uint32_t head;

	memcpy(&head, r->base + r->near, sizeof(head));
	head += hostile_byte(h) * 32u;
	memcpy(r->base + r->near, &head, sizeof(head));
}

/* And for ever more, as fast as they are granted or faster. */
static void
race(struct hostile *h)
{
	const uint8_t how = hostile_byte(h);
	const struct hostile_region *r = &h->region[how % WORKERS];

	h->race = (uint32_t *)(void *)(r->base + r->near);
	h->pace = how / WORKERS % 32;
}

static void
say_where(struct hostile *h)
{
	uint8_t how;
	uint32_t slot;
	struct live *l = relays_say_where(h, tab, &how, &slot);

	live_set_seen(l, slot, (uint64_t)how << (how & 0x3f));
}

static void
count_up(struct hostile *h)
{
	uint8_t how = hostile_byte(h);

	atomic_store(&live_counters(live[how >> 7])[how % LC_COUNT],
	    UINT64_MAX - hostile_byte(h));
}

static void
verb(struct hostile *h, unsigned which)
{
	static void (*const verbs[8])(struct hostile *) = {
		wish, hurry, say_where, count_up, wish, race, wish, wish
	};

	verbs[which](h);
}

static void
setup(void)
{
	unsigned k;

	log_set_sink(silence);
	size = roomtab_size(&table_limits);
	relays_make();
	for (k = 0; k < WORKERS; k++) {
		hostile.region[k].base = hostile.region[k + 2].base =
		    live_mem[k];
		hostile.region[k].size = hostile.region[k + 2].size =
		    live_bytes;
	}
	live_wish(live[0], 1, 0, END_NONE);	/* the head of its ring */
	hostile.region[0].near = hostile.region[1].near = relays_trace(0);
	live_set_seen(live[0], 0, UINT64_MAX);	/* the records of members */
	hostile.region[2].near = hostile.region[3].near = relays_trace(0) - 8;
	hostile.verb = verb;
	hostile_reads = &hostile;
	MUST((base = event_base_new()) != NULL);
	mem = table_memory(size);
	image = table_memory(size);
	tab = table_make(mem);
	memcpy(image, mem, size);
	set.table = tab;
	set.limits.table = table_limits;
	set.limits.lobby = LOBBY;
	set.limits.workers = WORKERS;
}

/* What else roomd and the other relayds read there, beyond the limits too. */
static void
read_all(const struct live *l, uint32_t slot)
{
	struct live_lobby c;
	struct live_where w = live_where(l, slot);
	bool overflow;
	uint32_t tail = slot;

	MUST(slot < TABLE_MEMBERS || w.gen == 0);
	sink += w.gen + w.port + live_seen(l, slot);
	sink += live_counter(l, slot) + live_deaths(l, slot, w.gen, 0);
	sink += live_lobby(l, slot, &c) ? c.addr.port : 0;
	sink += live_next_moved(l, &tail, &overflow);
	MUST(live_wish_of(l, slot, w.gen) < END_COUNT);
}

static void
turn(struct rooms *rooms, struct wishes *w)
{
	uint8_t byte = hostile_byte(&hostile);
	uint32_t slot = byte < 200 ? byte : UINT32_MAX - byte;

	hostile.loads = 0;
	hostile_round(&hostile);
	(void)wishes_grant(w);
	(void)rooms_reap(rooms);
	if (byte == UINT8_MAX && !asked) {
		asked = true;		/* it takes as long as all else */
		ask(rooms, hostile_byte(&hostile));
	}
	read_all(live[byte % WORKERS], slot);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct wishes *w;
	struct rooms *rooms;
	unsigned i, k;

	if (tab == NULL)
		setup();
	memcpy(mem, image, size);
	for (k = 0; k < WORKERS; k++)
		memset(live_mem[k], 0, live_bytes);
	hostile.p = p;
	hostile.left = len;
	hostile.wait = hostile.pace = 0;
	gone = 0;
	asked = false;
	rooms = rooms_new(&set);
	MUST(rooms != NULL && (w = wishes_new(rooms)) != NULL);
	for (i = 0; i < TURNS && hostile.left > 0; i++)
		turn(rooms, w);
	MUST(roomtab_recover(tab) == 0);
	wishes_free(w);
	rooms_free(rooms);
	hostile.left = 0;
	hostile.wait = 0;
	return 0;
}
