/* SPDX-License-Identifier: ISC */
/*
 * Care for members that say nothing (see care.h).  Called by relay.c, by the
 * loop once a turn, and by peers_follow.c for every change.
 */
#include "care.h"
#include "clock.h"
#include "deliver.h"
#include "log.h"

enum {
	CARE_STRIKES = 3,		/* unreachable answers in a row */
	WISH_AGAIN_MS = 2000,		/* while roomd has not honoured it */
	GOODBYE_MS = 900,		/* a stop may take a second */
	DEATHS_MAX = 3,			/* over a member's datagrams */
	DEATHS_MS = 60000,
};

static void
count(struct relay *r, enum relay_counter which)
{
	counter_add(&r->counters[which], 1);
}

/* ---- idle ---- */

/* When the member is idle unless it speaks, 0: never. */
static uint64_t
idle_at(const struct relay *r, uint32_t slot)
{
	const struct member *m = &r->peers.members[slot];
	uint64_t last = peers_seen(&r->peers, slot);

	if (!r->speaks || r->set.idle_s == 0)
		return 0;
	if (last < m->joined_ms)
		last = m->joined_ms;
	return last + (uint64_t)r->set.idle_s * 1000;
}

static void
arm(struct relay *r, uint32_t slot)
{
	const uint64_t at = idle_at(r, slot);

	if (at != 0)
		wheel_set(&r->care, slot, at);
	else
		wheel_cancel(&r->care, slot);
}

/* ---- wishes ---- */

void
care_wish(struct relay *r, uint32_t slot, enum ending why)
{
	struct member *m = &r->peers.members[slot];

	m->wished = (uint8_t)why;
	live_wish(r->live, slot, m->gen, why);
	wheel_set(&r->care, slot, r->now_ms + WISH_AGAIN_MS);
	r->bell = true;
}

void
care_withdraw(struct relay *r, uint32_t slot)
{
	struct member *m = &r->peers.members[slot];

	m->wished = END_NONE;
	live_wish(r->live, slot, m->gen, END_NONE);
	arm(r, slot);
}

bool
care_going(const struct member *m)
{
	return m->wished == END_LEFT || m->wished == END_HARMFUL;
}

void
care_unreachable(void *ctx, const struct addr *a)
{
	struct relay *r = ctx;
	struct member *m;
	uint32_t slot;

	count(r, LC_unreachable);
	if ((slot = peers_at(&r->peers, a)) == ROOMTAB_NONE)
		return;
	m = &r->peers.members[slot];
	/* It may have spoken to another relay meanwhile. */
	if (m->refused == 0 || peers_seen(&r->peers, slot) > m->refused_ms) {
		m->refused = 0;
		m->refused_ms = r->now_ms;
	}
	if (m->refused < CARE_STRIKES)
		m->refused++;
	if (m->refused == CARE_STRIKES && m->wished == END_NONE) {
		count(r, LC_wishes_unreachable);
		care_wish(r, slot, END_UNREACHABLE);
	}
}

void
care_lobby_unreachable(void *ctx, const struct addr *a)
{
	struct relay *r = ctx;

	count(r, LC_unreachable);
	lobby_unreachable(&r->lobby, a);
}

/* ---- packets of death ---- */

static void
log_death(const struct relay *r, const struct live_flight *f)
{
	const struct peers *p = &r->peers;
	const struct member *m = &p->members[f->slot];
	char text[ADDR_TEXT];

	if (f->sender == SENDER_UNKNOWN)
		log_warnx("died on a datagram of %u bytes, whose sender was "
		    "not known yet", f->len);
	else if (f->sender == SENDER_LOBBY)
		log_warnx("died on a lobby datagram of %u bytes", f->len);
	else if (m->gen != f->gen)
		log_warnx("died on a datagram of %u bytes of member slot %u",
		    f->len, f->slot);
	else
		log_warnx("died on a datagram of %u bytes of member slot %u "
		    "of room \"%.*s\" from %s", f->len, f->slot,
		    (int)p->rooms[m->room].name_len,
		    (const char *)peers_room_name(p, m->room),
		    addr_format(&m->addr, text));
}

static unsigned
deaths_by(const struct relay *r, const struct live_flight *f)
{
	const uint64_t since = r->now_ms > DEATHS_MS ?
	    r->now_ms - DEATHS_MS : 0;
	unsigned n = 0;
	uint32_t k;

	for (k = 0; k < r->peers.cf.workers; k++)
		n += live_deaths(r->peers.cf.live[k], f->slot, f->gen, since);
	return n;
}

/*
 * Innocents are safe: a kill from outside is no crash; a crash for another
 * reason meets one member's datagram only in the microseconds in which it is
 * in hand, and would have to do so three times within a minute; and whose it
 * was is known by token, room and address.
 */
void
care_post_mortem(struct relay *r, bool crashed)
{
	struct live_flight f;
	unsigned n;

	if (!live_left_in_hand(r->live, &f) || !crashed ||
	    f.slot >= r->peers.cf.limits.members)
		return;
	log_death(r, &f);
	if (f.sender != SENDER_MEMBER)
		return;
	count(r, LC_deaths_in_hand);
	live_add_death(r->live, f.slot, f.gen, r->now_ms);
	if ((n = deaths_by(r, &f)) < DEATHS_MAX)
		return;
	log_warnx("member slot %u: %u deaths within %d s; it has to go",
	    f.slot, n, DEATHS_MS / 1000);
	count(r, LC_wishes_harmful);
	if (r->peers.members[f.slot].gen == f.gen)
		care_wish(r, f.slot, END_HARMFUL);
	else	/* the table could not be read: care_added will see it */
		live_wish(r->live, f.slot, f.gen, END_HARMFUL);
	r->bell = true;
}

/* ---- changes of the table ---- */

void
care_added(void *ctx, uint32_t slot, bool is_new)
{
	struct relay *r = ctx;
	const struct member *m = &r->peers.members[slot];
	const enum ending why = live_wish_of(r->live, slot, m->gen);

	queue_from(&r->queue, slot, &m->addr);
	/* What an earlier life wished for may not even have been heard. */
	if (why != END_NONE)
		care_wish(r, slot, why);
	else
		arm(r, slot);
	if (is_new && r->speaks)
		notice_joined(&r->notices, slot, r->now_ms);
}

void
care_leaving(void *ctx, uint32_t slot, enum ending why)
{
	struct relay *r = ctx;

	deliver_leaving(r, r->peers.members[slot].room, slot);
	if (!r->speaks)
		return;
	notice_removed(&r->notices, slot, why);
	if (why != END_HOST_LEFT)
		notice_left(&r->notices, slot, r->now_ms);
}

void
care_closing(void *ctx, uint32_t room, enum ending why)
{
	struct relay *r = ctx;

	deliver_room(r, room);
	if (r->speaks)
		notice_closing(&r->notices, room, why);
}

void
care_moving(void *ctx, uint32_t room, const struct receiver *to, bool for_good)
{
	deliver_moving(ctx, room, to, for_good);
}

void
care_lobby_coming(void *ctx)
{
	deliver_earlier(ctx, deliver_lobby(ctx));
}

void
care_lobby_moving(void *ctx, const struct receiver *to, bool for_good)
{
	deliver_moving(ctx, deliver_lobby(ctx), to, for_good);
}

void
care_lobby_leaving(void *ctx, uint32_t client)
{
	struct relay *r = ctx;

	deliver_leaving(r, deliver_lobby(r),
	    r->peers.cf.limits.members + client);
}

/* ---- time ---- */

static void
look_after(struct relay *r, uint32_t slot)
{
	const struct member *m = &r->peers.members[slot];
	uint64_t at;

	if (m->gen == 0)
		return;
	if (m->wished != END_NONE) {
		care_wish(r, slot, (enum ending)m->wished);
		return;
	}
	at = idle_at(r, slot);
	if (at != 0 && at <= r->now_ms) {
		count(r, LC_wishes_idle);
		care_wish(r, slot, END_IDLE);
	} else {
		arm(r, slot);
	}
}

void
care_tick(struct relay *r)
{
	uint32_t slot;

	send_tick(&r->out, r->now_ms);
	send_tick(&r->lobby_out, r->now_ms);
	while ((slot = wheel_expired(&r->care, r->now_ms)) != WHEEL_NONE)
		look_after(r, slot);
	if (!r->speaks)
		return;
	notice_flush(&r->notices, r->now_ms);
	lobby_expire(&r->lobby, r->now_ms);
}

/* The sooner of two waits, of which -1 is never. */
static int
sooner(int a, int b)
{
	return a == -1 || (b != -1 && b < a) ? b : a;
}

int
care_wait(const struct relay *r)
{
	int ms;

	ms = sooner(wheel_wait(&r->care, r->now_ms),
	    peers_wait(&r->peers, r->now_ms));
	if (r->speaks) {
		ms = sooner(ms, notice_wait(&r->notices, r->now_ms));
		ms = sooner(ms, lobby_wait(&r->lobby, r->now_ms));
	}
	return ms;
}

/* ---- orders ---- */

void
care_settings(struct relay *r, const struct ctl_settings *set)
{
	const bool idle = set->idle_s != r->set.idle_s;
	uint32_t s;

	r->set = *set;
	log_set_verbose(set->verbose != 0);
	if (!idle || !r->speaks)
		return;
	lobby_set_idle(&r->lobby, set->idle_s);
	for (s = 0; s < r->peers.top; s++)
		if (r->peers.members[s].gen != 0 &&
		    r->peers.members[s].wished == END_NONE)
			arm(r, s);
}

void
care_goodbye(struct relay *r, uint64_t asked_ms)
{
	const uint64_t deadline = asked_ms + GOODBYE_MS;
	char buf[DIALECT_ENDING_TEXT];

	/* Only another relay may have heard them, while this one slept. */
	relay_turn(r);
	relay_follow(r);
	deliver_all(r, deadline);
	if (!r->speaks)
		return;
	lobby_say(&r->lobby, dialect_ending_text(END_SHUTDOWN,
	    r->set.idle_s, buf));
	notice_shutdown(&r->notices, deadline);
}
