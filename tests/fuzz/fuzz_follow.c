/* SPDX-License-Identifier: ISC */
/*
 * The whole segment as a relayd sees it: region R of a hostile roomd, region
 * L of another relayd, and its own of an earlier life, changed under its
 * eyes whenever it takes the lock; and datagrams in between.  Whatever the
 * bytes, its snapshot stays consistent and each turn ends.
 */
#include "../../relayd/care.h"
#include "../../relayd/deliver.h"
#include "log.h"
#include "nolock.h"
#include "relays.h"
#include "roomtab_layout.h"
#include "world.h"

enum { TURNS = 8, LOCKS_MAX = 4096 };
/* The second byte of an input: what ocmd tells this relayd. */
enum { SECOND = 0x01, NEVER_IDLE = 0x02, CRASHED = 0x04, NOTICES = 0x08,
	MESSAGE_ONLY = 0x10, BUNDLE = 0x20, RATE = 0x40 };
/* The first: 128 and more make the changes run ahead, this one in pace. */
enum { PACE = 0x9d };

static uint8_t *mem, *image;
static size_t table_bytes;
static struct roomtab *reader, *writer;
static struct relay relay;
static struct ctl_start start;
static unsigned locks;
static uint32_t *moved_head;
static bool awake;		/* the hostile ones */
static uint8_t racing;

static void
silence(const char *line)
{
	(void)line;
}

/*
 * The other processes' moment.  With `racing`, the head of the changes runs
 * ahead of whoever follows it, for ever: in its pace, or in leaps.
 */
static void
on_lock(void)
{
	struct roomtab_area *a = (void *)mem;

	MUST(++locks < LOCKS_MAX);
	if (!awake)
		return;
	hostile_round(&hostile);
	if (racing != 0) {
		hostile_touch(&hostile.region[0], mem,
		    offsetof(struct roomtab_area, ring));
		atomic_store(&a->seq, 0);
		atomic_fetch_add(&a->head, racing == PACE ? 32u :
		    racing * 31u);
	}
}

/* ---- what the hostile ones do on purpose, and not at random ---- */

/* Something that changed is told; the input says what. */
static void
announce(struct hostile *h)
{
	struct roomtab_area *a = (void *)mem;
	uint8_t byte = hostile_byte(h);
	uint32_t head = atomic_fetch_add(&a->head, 1);

	hostile_touch(&h->region[0], &a->head, sizeof(a->head));
	hostile_touch(&h->region[0], (const void *)
	    &a->ring[head % CHANGE_RING], sizeof(a->ring[0]));
	atomic_store(&a->ring[head % CHANGE_RING], (byte & 0x80) == 0 ? byte :
	    byte % 8u | CHANGE_IS_ROOM);
}

/* Another life of a slot, or of a room. */
static void
reborn(struct hostile *h)
{
	uint32_t n = hostile_byte(h) % (TABLE_MEMBERS + TABLE_ROOMS);
	_Atomic uint32_t *gen = n < TABLE_MEMBERS ? &writer->member_gen[n] :
	    &writer->room_gen[n - TABLE_MEMBERS];

	atomic_fetch_add(gen, hostile_byte(h));
	hostile_touch(&h->region[0], (const void *)gen, sizeof(*gen));
}

/* A member many times over, each in a slot of its own. */
static void
multiply(struct hostile *h)
{
	uint32_t one = hostile_byte(h) % TABLE_MEMBERS;
	uint32_t s = hostile_byte(h) % TABLE_MEMBERS;
	uint8_t n = hostile_byte(h);

	writer->a->j.member_fresh = TABLE_MEMBERS;
	hostile_touch(&h->region[0], &writer->a->j, sizeof(writer->a->j));
	hostile_touch(&h->region[0], (const void *)&writer->member_gen[s],
	    (TABLE_MEMBERS - s) * sizeof(uint32_t));
	hostile_touch(&h->region[0], &writer->member[s],
	    (TABLE_MEMBERS - s) * sizeof(writer->member[0]));
	for (; n > 0 && s < TABLE_MEMBERS; n--, s++) {
		writer->member[s] = writer->member[one];
		atomic_store(&writer->member_gen[s], 2 * n + 1u);
	}
}

static void
say_where(struct hostile *h)
{
	uint8_t how;
	uint32_t slot;
	struct live *l = relays_say_where(h, reader, &how, &slot);

	if ((how & 0x40) != 0)
		live_set_seen(l, slot, now_ms + how);
}

/* What a relayd had in hand when it died, and how often before. */
static void
die(struct hostile *h)
{
	uint8_t how = hostile_byte(h);
	uint32_t slot = hostile_byte(h) % TABLE_MEMBERS;
	struct live *l = live[how >> 7];
	uint32_t gen;

	gen = roomtab_member_gen(reader, slot);
	live_take(l, (enum live_sender)(how >> 2 & 3), 5);
	if ((how & 0x10) != 0)
		live_take_of(l, slot, gen);
	for (how &= 3; how > 0; how--)
		live_add_death(l, slot, gen, now_ms);
}

/* Clients of the lobby, as an earlier life knew them. */
static void
lobby_was(struct hostile *h)
{
	uint8_t how = hostile_byte(h);
	struct live_lobby c;

	memset(&c, 0, sizeof(c));
	c.addr.ip[10] = c.addr.ip[11] = 0xff;
	c.addr.ip[12] = 127;
	c.addr.ip[15] = 1;
	c.addr.port = (uint16_t)(50000 + (how & 7));
	c.sock = how >> 3 & 3;
	c.last_ms = how;
	live_set_lobby(live[how >> 7], hostile_byte(h) % LOBBY, &c);
}

/* A wish of an earlier life. */
static void
wished(struct hostile *h)
{
	uint8_t how = hostile_byte(h);
	uint32_t slot = hostile_byte(h) % TABLE_MEMBERS;

	live_wish(live[how >> 7], slot, roomtab_member_gen(reader, slot),
	    (enum ending)(how & 0xf));
}

/*
 * A change begins or ends, or so it looks; many changes at once; the lock
 * is not to be had.
 */
static void
hurry(struct hostile *h)
{
	struct roomtab_area *a = (void *)mem;
	uint8_t how = hostile_byte(h);

	hostile_touch(&h->region[0], mem, offsetof(struct roomtab_area, ring));
	atomic_fetch_add(&a->seq, how & 3u);
	atomic_fetch_add(&a->head, (how >> 2 & 0x1f) * 256u);
	/* The other relay's moves go on for ever, which takes its time. */
	if (racing == PACE && (how & 0x40) != 0) {
		h->race = moved_head;
		h->pace = hostile_byte(h) % 32;
	}
	nolock_kept = (how & 0x80) != 0;
}

static void
verb(struct hostile *h, unsigned which)
{
	static void (*const verbs[8])(struct hostile *) = {
		announce, reborn, multiply, say_where, die, lobby_was,
		wished, hurry
	};

	verbs[which](h);
}

/* ---- relayd ---- */

static void
setup_live(void)
{
	struct live_where nowhere = { 0, 0, 0, false };
	unsigned k;

	relays_make();
	for (k = 0; k < WORKERS; k++) {
		hostile.region[1 + k].base = live_mem[k];
		hostile.region[1 + k].size = live_bytes;
	}
	live_set_lobby_seen(live[0], 0, UINT64_MAX);
	hostile.region[1].near = relays_trace(0) - TABLE_MEMBERS * 24;
	live_set_where(live[1], 1, nowhere);	/* its ring's head is first */
	hostile.region[2].near = relays_trace(1);
	moved_head = (uint32_t *)(void *)(live_mem[1] +
	    hostile.region[2].near);
}

static void
setup(void)
{
	log_set_sink(silence);
	table_bytes = roomtab_size(&table_limits);
	setup_live();
	mem = table_memory(table_bytes);
	image = table_memory(table_bytes);
	writer = table_make(mem);
	memcpy(image, mem, table_bytes);
	reader = roomtab_open_reader(mem, &table_limits, NULL);
	MUST(reader != NULL);
	hostile.region[0].base = mem;
	hostile.region[0].size = table_bytes;
	hostile.region[0].near = writer->shape.member_gen;
	hostile_keep(&hostile.region[0], image);
	hostile.region[3] = hostile.region[0];
	hostile.region[3].near = writer->shape.member;
	hostile.verb = verb;
	hostile_reads = &hostile;
	start.limits.table = table_limits;
	start.limits.lobby = LOBBY;
	start.limits.workers = WORKERS;
	start.relay_count = SOCKS;
	MUST(addr_parse(&start.relay[0], "127.0.0.1:9", 0) == 0);
	MUST(addr_parse(&start.relay[1], "[::1]:9", 0) == 0);
	memcpy(start.lobby, start.relay, sizeof(start.lobby));
	start.relay_of_rooms[1] = 1;
	memcpy(start.token_key, table_token_key, sizeof(start.token_key));
}

/* A member is in one room, and where the room's fan-out says it is. */
static void
check_room(const struct peers *p, uint32_t room)
{
	const struct room *r = &p->rooms[room];
	const struct member *m;
	const struct group *g;
	uint32_t s, n = 0, placed = 0, i;

	for (s = r->first; s != 0; s = m->next) {
		MUST(s <= TABLE_MEMBERS && n++ < TABLE_MEMBERS);
		m = &p->members[s - 1];
		MUST(m->gen != 0 && m->room == room);
		MUST(m->next == 0 || p->members[m->next - 1].prev == s);
	}
	MUST(n == r->members && (r->gen != 0) == (n != 0));
	g = fanout_first(&p->fanout, r->groups);
	for (; g != NULL; g = fanout_next(&p->fanout, g)) {
		for (i = 0; i < g->count; i++) {
			s = peers_slot_of(p, fanout_receiver(g, i));
			MUST(s < TABLE_MEMBERS);
			m = &p->members[s];
			MUST(m->room == room && m->place.position == i);
		}
		placed += g->count;
	}
	MUST(placed + r->portless == n);
}

static void
check(const struct peers *p)
{
	uint32_t i, n = 0;

	for (i = 0; i < TABLE_ROOMS; i++)
		check_room(p, i);
	for (i = 0; i < TABLE_MEMBERS; i++)
		n += p->members[i].gen != 0;
	MUST(n == p->count);
}

/* What the input makes of the settings, at the start and later. */
static struct ctl_settings
settings(uint8_t how)
{
	struct ctl_settings set;

	memset(&set, 0, sizeof(set));
	set.idle_s = (how & NEVER_IDLE) != 0 ? 0 : 5;
	set.notices = (how & NOTICES) != 0;
	set.message_only = (how & MESSAGE_ONLY) != 0;
	set.member_rate = (how & RATE) != 0 ? 1 : 0;
	return set;
}

static void
orders(uint8_t how)
{
	struct ctl_settings set = settings(how);

	care_settings(&relay, &set);
}

static void
turn(void)
{
	uint8_t how = hostile_byte(&hostile);
	uint32_t slot = hostile_byte(&hostile) % TABLE_MEMBERS;

	now_ms += how * 16u;
	locks = 0;
	hostile.loads = 0;
	troubled = (how & 4) != 0;
	relay_turn(&relay);
	(void)peers_check(&relay.peers, slot, now_ms);
	relay_receive(&relay, slot % SOCKS);
	if (relay.speaks)
		relay_receive_lobby(&relay, slot % SOCKS);
	if (relay.queue.count > 0)
		deliver_some(&relay);
	relay_follow(&relay);
	care_tick(&relay);
	MUST(care_wait(&relay) >= -1);
	if (how >= 0xf0)
		orders(hostile_byte(&hostile));
	if (racing == PACE)	/* one turn shows whether it ends */
		racing = hostile.pace = 0;
	check(&relay.peers);
}

/* Another relayd is made, of what the one before it left. */
static void
make(uint8_t how)
{
	struct seg_maps maps;
	int fds[2 * SOCKS], i;

	arrays_used = 0;
	locks = 0;
	hostile.loads = 0;
	troubled = false;
	start.index = (how & SECOND) != 0;
	start.lobby_count = start.index == 0 ? SOCKS : 0;
	start.crashed = (how & CRASHED) != 0;
	start.settings = settings(how);
	for (i = 0; i < 2 * SOCKS; i++)
		fds[i] = FD_FIRST + i;
	memset(&maps, 0, sizeof(maps));
	memcpy(maps.live, live, sizeof(live));
	relay_make(&relay, &start, &maps, reader, fds);
	relay.out.most = (how & BUNDLE) != 0 ? NET_BUNDLE_BYTES : 0;
	check(&relay.peers);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct live_flight none;
	uint8_t how;
	int i;

	if (reader == NULL)
		setup();
	hostile_restore(&hostile.region[0]);
	for (i = 0; i < WORKERS; i++) {
		memset(live_mem[i], 0, live_bytes);
		(void)live_left_in_hand(live[i], &none);
	}
	hostile.p = p;
	hostile.left = len;
	hostile.wait = hostile.pace = 0;
	awake = true;
	now_ms = 5000;
	racing = hostile_byte(&hostile);
	racing = racing < 128 ? 0 : racing;
	how = hostile_byte(&hostile);
	hostile_round(&hostile);
	make(how);
	for (i = 0; i < TURNS && hostile.left > 0; i++)
		turn();
	if ((how & CRASHED) != 0)
		care_goodbye(&relay, relay.now_ms);
	awake = nolock_kept = false;
	hostile.left = 0;
	hostile.wait = 0;
	return 0;
}
