/* SPDX-License-Identifier: ISC */
/*
 * What a member's datagram means (see take.h).  Nothing here waits.
 */
#include <string.h>

#include "care.h"
#include "deliver.h"
#include "often.h"
#include "take.h"

enum {
	SEEN_MS = 100,
	WORD_MAX = 16,			/* no dialect has a longer one */
};

static void
count(struct relay *r, unsigned which, uint64_t n)
{
	counter_add(&r->counters[which], n);
}

void
take_heard(struct relay *r, uint32_t slot, const struct addr *from,
    uint8_t sock, size_t len)
{
	struct member *m = &r->peers.members[slot];

	m->refused = 0;
	if (r->now_ms - m->seen_ms >= SEEN_MS) {
		m->seen_ms = r->now_ms;
		live_set_seen(r->live, slot, r->now_ms);
	}
	if (m->wished != END_NONE)
		care_withdraw(r, slot);
	if (m->addr.port == 0) {
		/* What is sent now is not this datagram's doing. */
		live_done(r->live);
		deliver_earlier(r, m->room);
		relay_in_hand(r, slot, len);
	}
	peers_spoke(&r->peers, slot, from->port, sock, r->now_ms);
}

/*
 * One is always answered, so whoever waits for an answer before it goes on
 * gets all of them.
 */
static bool
may_answer(struct relay *r, uint32_t slot)
{
	const uint32_t mine = often_again(&r->often, r->now_ms, slot,
	    OFTEN_ANSWERED);
	const uint32_t all = often_times(&r->often, r->now_ms, OFTEN_ALL,
	    OFTEN_ANSWERED);

	if (mine >= TAKE_ANSWERS || (mine > 0 && all >= TAKE_ANSWERS_ALL))
		return false;
	(void)often_again(&r->often, r->now_ms, OFTEN_ALL, OFTEN_ANSWERED);
	return true;
}

/*
 * The answer that some dialects want to each of their datagrams; whether it
 * went out.  An answer costs far more than all else that a datagram does.
 */
static bool
answer(struct relay *r, uint32_t slot, enum status st)
{
	struct member *m = &r->peers.members[slot];
	const struct room *room = &r->peers.rooms[m->room];
	uint8_t out[DATAGRAM_HEADER + NAME_MAX_BYTES + 1];
	const struct group *g;

	if (m->place.group == 0)
		return false;
	if (!may_answer(r, slot)) {
		count(r, LC_answers_dropped, 1);
		return false;
	}
	g = &r->peers.fanout.groups[m->place.group - 1];
	out[0] = room->name_len;
	out[1] = 0;
	memcpy(out + 2, peers_room_name(&r->peers, m->room), room->name_len);
	out[2 + room->name_len] = (uint8_t)('0' + st);
	(void)send_one(&r->out, m->sock, &m->to.dest,
	    g->entry[m->place.position].msg_hdr.msg_namelen, out,
	    (size_t)room->name_len + 3);
	return true;
}

static inline bool
is_long(const char *word, size_t len)
{
	return word != NULL && strlen(word) == len;
}

static inline bool
is_word(const struct room_datagram *d, const char *word)
{
	return d->msg_len <= WORD_MAX && is_long(word, d->msg_len) &&
	    memcmp(word, d->msg, d->msg_len) == 0;
}

static inline bool
leaves(const struct dialect *row, const struct room_datagram *d)
{
	return is_word(d, row->leave[0]) || is_word(d, row->leave[1]);
}

/* The setting `member-rate`; a burst that was used up fills at that rate. */
static bool
over_rate(struct relay *r, uint32_t slot)
{
	const uint64_t now_us = r->now_ms * 1000;
	uint64_t gap, whole, burst;

	if (r->set.member_rate == 0)
		return false;
	gap = 1000000 / r->set.member_rate;
	burst = gap * (r->set.member_burst > 0 ? r->set.member_burst : 1);
	whole = peers_whole_us(&r->peers, slot, now_us + burst + 1000000);
	if (whole < now_us)
		whole = now_us;
	if (whole + gap > now_us + burst)
		return true;
	peers_spent(&r->peers, slot, whole + gap);
	return false;
}

static enum taken
understand(struct relay *r, uint32_t slot, const struct dialect *row,
    const struct room_datagram *d)
{
	const struct member *m = &r->peers.members[slot];

	if (d->msg_len == 0) {
		count(r, LC_keepalives, 1);
		return TAKEN_IDLE;
	}
	if (leaves(row, d)) {
		count(r, LC_leave_words, 1);
		care_wish(r, slot, END_LEFT);
		return TAKEN;
	}
	if (is_word(d, row->enroll)) {
		count(r, LC_keepalives, 1);
		peers_enrolled(&r->peers, slot);
		return TAKEN_IDLE;
	}
	if (over_rate(r, slot)) {
		count(r, LC_drop_rate, 1);
		return TAKEN_REFUSED;
	}
	if (r->peers.rooms[m->room].members == 1) {
		count(r, LC_messages, 1);
		return TAKEN_ALONE;
	}
	return queue_put(&r->queue, m->room, slot,
	    r->peers.rooms[m->room].members, d->msg, d->msg_len) ? TAKEN :
	    TAKEN_REFUSED;
}

enum taken
take_datagram(struct relay *r, uint32_t slot, const struct room_datagram *d)
{
	const struct dialect *row = dialect_row(r->peers.members[slot].dialect);
	const enum taken taken = understand(r, slot, row, d);
	const bool refused = taken == TAKEN_REFUSED;

	if (refused)
		(void)often_again(&r->often, r->now_ms, slot, OFTEN_REFUSED);
	if ((row->flags & DIALECT_ECHO_STATUS) != 0 &&
	    answer(r, slot, refused ? ST_SLOW_DOWN : ST_OK) && !refused)
		return TAKEN;
	return taken;
}

bool
take_unheard(const struct relay *r, uint32_t slot, const uint8_t *msg,
    size_t len)
{
	const struct room_datagram d = { .msg = msg, .msg_len = len };
	const struct member *m = &r->peers.members[slot];
	const struct dialect *row = dialect_row(m->dialect);

	return r->set.member_rate == 0 &&
	    r->peers.rooms[m->room].members == 1 && !leaves(row, &d) &&
	    !is_word(&d, row->enroll);
}

bool
take_word_len(const struct relay *r, uint32_t slot, size_t len)
{
	const struct dialect *row =
	    dialect_row(r->peers.members[slot].dialect);

	return is_long(row->leave[0], len) || is_long(row->leave[1], len) ||
	    is_long(row->enroll, len);
}
