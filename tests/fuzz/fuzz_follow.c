/* SPDX-License-Identifier: ISC */
/*
 * The whole segment as a relayd sees it: region R of a hostile roomd, region
 * L of another relayd, and its own of an earlier life, changed under its
 * eyes whenever it takes the lock; and datagrams in between.  Whatever the
 * bytes, its snapshot stays consistent and each turn ends.
 */
#include <sys/uio.h>

#include <errno.h>
#include <limits.h>

#include "../../relayd/care.h"
#include "../../relayd/deliver.h"
#include "../../relayd/sparse.h"
#include "clock.h"
#include "hostile.h"
#include "log.h"
#include "nolock.h"
#include "roomtab_layout.h"
#include "table.h"

enum { WORKERS = 2, SOCKS = 2, LOBBY = 6, TURNS = 8, ARRAYS = 128,
	CLEARED = 1 << 16, LOCKS_MAX = 4096, FD_FIRST = 1000 };

static uint8_t *mem, *image, *live_mem[WORKERS];
static size_t table_bytes, live_bytes;
static struct live *live[WORKERS];
static struct roomtab *reader;
static struct relay relay;
static struct ctl_start start;
static struct hostile hostile;
static uint64_t now_ms;
static unsigned locks;
static bool awake;		/* the hostile ones */
static uint8_t racing;

/* ---- the world around relayd, all of it the same in each run ---- */

static struct {
	void	*p;
	size_t	 size;
} arrays[ARRAYS];
static unsigned arrays_used;

/*
 * Tables of an earlier run, made zero again; large ones only where they
 * begin: what lies behind is written before it is read.
 */
void *
sparse_array(size_t count, size_t size)
{
	const size_t want = (count > 0 ? count : 1) * size;
	unsigned i = arrays_used++;

	MUST(i < ARRAYS);
	if (arrays[i].p == NULL) {
		MUST((arrays[i].p = calloc(1, want)) != NULL);
		arrays[i].size = want;
	}
	MUST(arrays[i].size == want);
	memset(arrays[i].p, 0, want < CLEARED ? want : CLEARED);
	return arrays[i].p;
}

uint64_t
clock_ms(void)
{
	return now_ms;
}

uint64_t
clock_us(void)
{
	return now_ms * 1000;
}

void
randombytes_buf(void *buf, size_t len)
{
	memset(buf, 7, len);
}

/* Nothing is sent, but every byte that would be is looked at. */
static unsigned
look(const void *p, size_t len)
{
	const uint8_t *byte = p;
	unsigned sum = 0;

	while (len-- > 0)
		sum += *byte++;
	return sum;
}

int
sendmmsg(int fd, struct mmsghdr *vmessages, unsigned n, int flags)
{
	const struct mmsghdr *v = vmessages;
	volatile unsigned sink;
	size_t k, bytes;
	unsigned i;

	MUST(fd >= FD_FIRST && fd < FD_FIRST + 2 * SOCKS);
	MUST(flags == MSG_DONTWAIT && n > 0 && n <= UIO_MAXIOV);
	for (i = 0; i < n; i++) {
		const struct msghdr *m = &v[i].msg_hdr;

		MUST(m->msg_namelen <= sizeof(union dest));
		sink = look(m->msg_name, m->msg_namelen);
		sink = look(m->msg_control, m->msg_controllen);
		for (k = bytes = 0; k < m->msg_iovlen; k++) {
			sink = look(m->msg_iov[k].iov_base,
			    m->msg_iov[k].iov_len);
			bytes += m->msg_iov[k].iov_len;
		}
		MUST(bytes <= NET_BUNDLE_BYTES && (m->msg_controllen > 0 ||
		    bytes <= DATAGRAM_MAX));
	}
	(void)sink;
	return (int)n;
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
	(void)message;
	MUST(fd >= FD_FIRST && (flags & MSG_ERRQUEUE) != 0);
	errno = EAGAIN;
	return -1;
}

/* The sender of a datagram: where members are, and somewhere else. */
static struct sockaddr_in
source(uint8_t byte)
{
	struct sockaddr_in a;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + byte / 64);
	a.sin_port = htons((byte & 3) == 0 ? 40000 : 50000 + (byte & 7));
	return a;
}

/* R, T, room and token of somebody who was there at the beginning. */
static size_t
good_header(uint8_t *out, uint8_t byte)
{
	const struct table_token *t = &table_tokens[byte % table_token_count];

	out[0] = (uint8_t)strlen(t->room);
	out[1] = (uint8_t)t->len;
	memcpy(out + 2, t->room, out[0]);
	memcpy(out + 2 + out[0], t->text, t->len);
	return 2u + out[0] + t->len;
}

/* A datagram out of the input, with a good token or without. */
int
recvmmsg(int fd, struct mmsghdr *vmessages, unsigned n, int flags,
    struct timespec *tmo)
{
	struct sockaddr_in from = source(hostile_byte(&hostile));
	struct mmsghdr *v = vmessages;
	uint8_t *out = v->msg_hdr.msg_iov->iov_base;
	uint8_t how = hostile_byte(&hostile);
	size_t len = 0;

	MUST(fd >= FD_FIRST && n > 0 && tmo == NULL);
	MUST(flags == MSG_DONTWAIT);
	memcpy(v->msg_hdr.msg_name, &from, sizeof(from));
	v->msg_hdr.msg_namelen = sizeof(from);
	v->msg_hdr.msg_controllen = 0;
	if ((how & 0x80) != 0)
		len = good_header(out, how & 0x7f);
	for (how = hostile_byte(&hostile); how > 0; how--)
		out[len++] = hostile_byte(&hostile);
	v->msg_len = (unsigned)len;
	return 1;
}

static void
silence(const char *line)
{
	(void)line;
}

/*
 * The other processes' moment.  With `racing`, the head of the changes runs
 * ahead of whoever follows it, for ever.
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
		atomic_store(&a->seq, 0);
		atomic_fetch_add(&a->head, racing * 31u);
	}
}

/* ---- relayd ---- */

/* Where a region L has something that the verb just made of its zeros. */
static size_t
trace(uint8_t *p)
{
	size_t at = 0;

	while (at < live_bytes && p[at] == 0)
		at++;
	memset(p, 0, live_bytes);
	return at & ~(size_t)3;
}

static void
setup_live(void)
{
	struct live_limits lim = { TABLE_MEMBERS, LOBBY };
	struct live_where nowhere = { 0, 0, 0, false };
	unsigned k;

	live_bytes = live_size(&lim);
	for (k = 0; k < WORKERS; k++) {
		live_mem[k] = table_memory(live_bytes);
		MUST((live[k] = live_open(live_mem[k], &lim)) != NULL);
		hostile.region[1 + k].base = live_mem[k];
		hostile.region[1 + k].size = live_bytes;
	}
	live_set_lobby_seen(live[0], 0, UINT64_MAX);
	hostile.region[1].near = trace(live_mem[0]) - TABLE_MEMBERS * 24;
	live_set_where(live[1], 1, nowhere);	/* its ring's head is first */
	hostile.region[2].near = trace(live_mem[1]);
}

static void
setup(void)
{
	struct roomtab *t;

	log_set_sink(silence);
	table_bytes = roomtab_size(&table_limits);
	setup_live();
	mem = table_memory(table_bytes);
	image = table_memory(table_bytes);
	t = table_make(mem);
	memcpy(image, mem, table_bytes);
	reader = roomtab_open_reader(mem, &table_limits, NULL);
	MUST(reader != NULL);
	hostile.region[0].base = mem;
	hostile.region[0].size = table_bytes;
	hostile.region[0].near = t->shape.member_gen;
	hostile.region[3] = hostile.region[0];
	hostile.region[3].near = t->shape.member;
	roomtab_close_handle(t);
	start.limits.table = table_limits;
	start.limits.lobby = LOBBY;
	start.limits.workers = WORKERS;
	start.relay_count = start.lobby_count = SOCKS;
	MUST(addr_parse(&start.relay[0], "127.0.0.1:9", 0) == 0);
	MUST(addr_parse(&start.relay[1], "[::1]:9", 0) == 0);
	memcpy(start.lobby, start.relay, sizeof(start.lobby));
	start.relay_of_rooms[1] = 1;
	memcpy(start.token_key, table_token_key, sizeof(start.token_key));
	start.settings.idle_s = 5;
	start.settings.notices = 1;
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
			s = peers_slot_of(p, fanout_dest(g, i));
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

static void
turn(void)
{
	uint32_t slot = hostile_byte(&hostile) % TABLE_MEMBERS;

	now_ms += hostile_byte(&hostile) * 16u;
	locks = 0;
	relay_turn(&relay);
	(void)peers_check(&relay.peers, slot, now_ms);
	relay_receive(&relay, slot % SOCKS);
	relay_receive_lobby(&relay, slot % SOCKS);
	if (relay.queue.count > 0)
		deliver_some(&relay);
	relay_follow(&relay);
	care_tick(&relay);
	check(&relay.peers);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct seg_maps maps;
	int fds[2 * SOCKS], i;

	if (reader == NULL)
		setup();
	memcpy(mem, image, table_bytes);
	memset(live_mem[0], 0, live_bytes);
	memset(live_mem[1], 0, live_bytes);
	hostile.p = p;
	hostile.left = len;
	awake = true;
	arrays_used = 0;
	locks = 0;
	now_ms = 5000;
	racing = hostile_byte(&hostile);
	racing = racing < 128 ? 0 : racing;
	for (i = 0; i < 2 * SOCKS; i++)
		fds[i] = FD_FIRST + i;
	memset(&maps, 0, sizeof(maps));
	memcpy(maps.live, live, sizeof(live));
	hostile_round(&hostile);
	relay_make(&relay, &start, &maps, reader, fds);
	relay.out.bundle = len % 2 == 0;
	check(&relay.peers);
	for (i = 0; i < TURNS && hostile.left > 0; i++)
		turn();
	awake = false;
	return 0;
}
