/* SPDX-License-Identifier: ISC */
/*
 * The path of a datagram, from top to bottom: who speaks and what it means
 * (ocm-protocol(7), "Room datagrams"); deliver.c copies it to everybody else.
 * Nothing here allocates, waits, or answers a stranger.
 */
#include <errno.h>
#include <string.h>

#include "care.h"
#include "clock.h"
#include "deliver.h"
#include "fault.h"
#include "relay.h"
#include "wire_udp.h"

enum {
	SEEN_MS = 100,
	BATCHES_AT_ONCE = 8,		/* then something is sent again, */
	READ_AT_ONCE = 1024,		/* or after so many datagrams, */
	BATCH_BYTES = 1 << 18,		/* or after so long a batch */
	ACCEPTED = LC_COUNT,
};

static void
count(struct relay *r, unsigned which, uint64_t n)
{
	counter_add(&r->counters[which], n);
}

/* ---- who speaks ---- */

static bool
names_room(const struct relay *r, const struct member *m,
    const struct room_datagram *d)
{
	const struct room *room = &r->peers.rooms[m->room];

	return d->room_len == 0 || (d->room_len == room->name_len &&
	    memcmp(d->room, peers_room_name(&r->peers, m->room),
	    d->room_len) == 0);
}

/* Whether the copy of a slot holds; `past`: as it was at the last look. */
static enum peers_answer
alive(struct relay *r, uint32_t slot, bool past)
{
	if (!past)
		return peers_check(&r->peers, slot, r->now_ms);
	return r->peers.members[slot].gen != 0 ? PEERS_LIVE : PEERS_DEAD;
}

/* ACCEPTED and whose it is, or the counter of why it is dropped. */
static unsigned
by_token(struct relay *r, const struct room_datagram *d,
    const struct addr *from, bool past, uint32_t *slot)
{
	const struct member *m;
	uint8_t tag[TOKEN_TAG];
	struct token t;

	if (token_parse(&t, d->token, d->token_len) == -1 ||
	    t.slot >= r->peers.cf.limits.members)
		return LC_drop_token;
	switch (alive(r, t.slot, past)) {
	case PEERS_STALE:
		return LC_drop_stale;
	case PEERS_DEAD:
		return LC_drop_token;
	case PEERS_LIVE:
		break;
	}
	m = &r->peers.members[t.slot];
	if (!token_gen_matches(&t, m->gen) || care_going(m))
		return LC_drop_token;
	token_tag(d->token, d->token_len, r->token_key, tag);
	if (!token_tag_equal(tag, m->tag))
		return LC_drop_token;
	if (!names_room(r, m, d))
		return LC_drop_room;
	if (!addr_same_host(&m->addr, from))
		return LC_drop_address;
	*slot = t.slot;
	return ACCEPTED;
}

/* Rule 1: its registered address and port stand for the token. */
static bool
by_address(struct relay *r, const struct room_datagram *d,
    const struct addr *from, bool past, uint32_t *slot)
{
	*slot = peers_bare(&r->peers, from, d->room, d->room_len);
	if (*slot == ROOMTAB_NONE || alive(r, *slot, past) != PEERS_LIVE)
		return false;
	/* The look may have put somebody else there. */
	return *slot == peers_bare(&r->peers, from, d->room, d->room_len) &&
	    !care_going(&r->peers.members[*slot]);
}

/*
 * Somebody behind the same address may have registered a port that is not
 * its own.  The owner's keepalive reads as a message then, namely its token,
 * which the room must not see: a token of another member who speaks from
 * just there, or has not spoken yet, says who it is.  Any other is a text
 * that was pasted.
 */
static bool
of_another(struct relay *r, const uint8_t *p, size_t len,
    const struct addr *from, bool past, uint32_t bare)
{
	struct room_datagram d;
	uint32_t slot;
	uint16_t port;

	if (!udp_split_token(&d, p, len) ||
	    by_token(r, &d, from, past, &slot) != ACCEPTED || slot == bare)
		return false;
	port = r->peers.members[slot].addr.port;
	return port == from->port || port == 0;
}

/* The rules in their order. */
static unsigned
rules(struct relay *r, const struct addr *from, const uint8_t *p, size_t len,
    bool past, struct room_datagram *d, uint32_t *slot)
{
	unsigned why = LC_drop_malformed;

	if (len > DATAGRAM_MAX)
		return LC_drop_long;
	if (len < DATAGRAM_HEADER)
		return LC_drop_short;
	if (udp_split_bare(d, p, len) &&
	    by_address(r, d, from, past, slot) &&
	    !of_another(r, p, len, from, past, *slot))
		return ACCEPTED;
	if (udp_split_token(d, p, len))
		why = by_token(r, d, from, past, slot);
	if (why != ACCEPTED && peers_json_host(&r->peers, from) &&
	    udp_split_json(d, p, len, r->scratch))
		why = by_token(r, d, from, past, slot);
	return why;
}

/*
 * What comes from a socket of our own is something that we sent, which would
 * go round and round; only a member's would.
 */
static unsigned
who(struct relay *r, const struct addr *from, const uint8_t *p, size_t len,
    bool past, struct room_datagram *d, uint32_t *slot)
{
	const unsigned why = rules(r, from, p, len, past, d, slot);

	return why == ACCEPTED && own_has(&r->peers.cf.own, from) ?
	    LC_drop_own : why;
}

/*
 * The same, with the datagram in hand from now on until live_done: if it is
 * the death of us, the next relayd knows whose it was (care_post_mortem).
 */
static unsigned
take_in_hand(struct relay *r, const struct addr *from, const uint8_t *p,
    size_t len, bool past, struct room_datagram *d, uint32_t *slot)
{
	unsigned why;

	live_take(r->live, SENDER_UNKNOWN, len);
	FAULT(datagram_in_hand);
	why = who(r, from, p, len, past, d, slot);
	if (why == ACCEPTED)
		live_take_of(r->live, *slot, r->peers.members[*slot].gen);
	return why;
}

/* ---- what it means ---- */

/* The answer that some dialects want to each of their datagrams. */
static void
answer(struct relay *r, struct member *m, enum status st)
{
	const struct room *room = &r->peers.rooms[m->room];
	uint8_t out[DATAGRAM_HEADER + NAME_MAX_BYTES + 1];
	const struct group *g;

	if ((dialect_row(m->dialect)->flags & DIALECT_ECHO_STATUS) == 0 ||
	    m->place.group == 0)
		return;
	g = &r->peers.fanout.groups[m->place.group - 1];
	out[0] = room->name_len;
	out[1] = 0;
	memcpy(out + 2, peers_room_name(&r->peers, m->room), room->name_len);
	out[2 + room->name_len] = (uint8_t)('0' + st);
	(void)send_one(&r->out, m->sock, &m->dest,
	    g->entry[m->place.position].msg_hdr.msg_namelen, out,
	    (size_t)room->name_len + 3);
}

static bool
is_word(const struct room_datagram *d, const char *word)
{
	return word != NULL && strlen(word) == d->msg_len &&
	    memcmp(word, d->msg, d->msg_len) == 0;
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

void
relay_in_hand(struct relay *r, uint32_t slot, size_t len)
{
	live_take(r->live, SENDER_UNKNOWN, len);
	live_take_of(r->live, slot, r->peers.members[slot].gen);
}

static void
heard(struct relay *r, uint32_t slot, const struct addr *from, uint8_t sock,
    size_t len)
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

/* A good datagram of a member. */
static enum status
take(struct relay *r, uint32_t slot, const struct room_datagram *d)
{
	struct member *m = &r->peers.members[slot];
	const struct dialect *row = dialect_row(m->dialect);

	if (d->msg_len == 0) {
		count(r, LC_keepalives, 1);
	} else if (is_word(d, row->leave[0]) || is_word(d, row->leave[1])) {
		count(r, LC_leave_words, 1);
		care_wish(r, slot, END_LEFT);
	} else if (is_word(d, row->enroll)) {
		count(r, LC_keepalives, 1);
		peers_enrolled(&r->peers, slot);
	} else if (over_rate(r, slot)) {
		count(r, LC_drop_rate, 1);
		return ST_SLOW_DOWN;
	} else if (r->peers.rooms[m->room].members == 1) {
		count(r, LC_messages, 1);	/* and nobody to hear it */
	} else if (!queue_put(&r->queue, m->room, slot,
	    r->peers.rooms[m->room].members, d->msg, d->msg_len)) {
		return ST_SLOW_DOWN;
	}
	return ST_OK;
}

/* False where it was nobody's, or too much. */
static bool
datagram(struct relay *r, uint8_t sock, const struct addr *from,
    const uint8_t *p, size_t len)
{
	struct room_datagram d;
	enum status st = ST_OK;
	uint32_t slot;
	unsigned why;

	count(r, LC_received, 1);
	why = take_in_hand(r, from, p, len, false, &d, &slot);
	if (why == ACCEPTED) {
		FAULT(datagram_known);
		FAULT_POISON(d.msg, d.msg_len);
		heard(r, slot, from, sock, len);
		st = take(r, slot, &d);
		answer(r, &r->peers.members[slot], st);
	} else {
		count(r, why, 1);
	}
	FAULT(datagram_handled);
	live_done(r->live);
	return st == ST_OK && (why == ACCEPTED || why == LC_drop_stale);
}

static void
lobby(struct relay *r, unsigned sock, const struct addr *from,
    const uint8_t *p, size_t len)
{
	uint32_t client;

	live_take(r->live, SENDER_LOBBY, len);
	client = lobby_datagram(&r->lobby, sock, from, p, len, r->now_ms);
	if (client != LOBBY_NOTHING)
		(void)queue_put(&r->queue, deliver_lobby(r),
		    r->peers.cf.limits.members + client, r->lobby.count, p,
		    len);
	live_done(r->live);
}

/* ---- batches ---- */

/*
 * What has to be sent at once can be millions of copies, and ocmd takes a
 * relayd that does not answer for dead.
 */
void
relay_breathe(struct relay *r)
{
	const uint64_t copies = r->counters[LC_deliveries] +
	    r->counters[LC_lobby_deliveries];

	if (copies - r->breathed < BREATH_COPIES)
		return;
	r->breathed = copies;
	if (r->breathe != NULL)
		r->breathe(r->breathe_arg);
}

void
relay_turn(struct relay *r)
{
	r->now_ms = clock_ms();
}

void
relay_follow(struct relay *r)
{
	(void)peers_refresh(&r->peers, r->now_ms, 1);
}

/*
 * Changes wait that may be younger than these datagrams.  They come first,
 * since a dead token must open nothing; but who spoke for the first time just
 * before its room closed is still to be told, so its port is learned before.
 */
static void
introduce(struct relay *r, unsigned sock)
{
	struct inbox_item in = { 0 };
	struct room_datagram d;
	uint32_t slot;

	while (inbox_next(&r->inbox, &in)) {
		if (take_in_hand(r, &in.from, in.p, in.len, true, &d, &slot)
		    != ACCEPTED) {
			(void)inbox_refuse(&r->inbox, &in);
		} else {
			inbox_accept(&in);
			if (r->peers.members[slot].addr.port == 0)
				heard(r, slot, &in.from, (uint8_t)sock,
				    in.len);
		}
		live_done(r->live);
	}
}

/*
 * Nothing came: mostly because nothing waits, or as an answer to something
 * that was sent, which is not to be lost.
 */
static void
not_received(struct relay *r, struct outlet *o, unsigned sock)
{
	const int error = errno;

	if (send_drain_errors(o, sock) == 0 && error != EAGAIN &&
	    error != EWOULDBLOCK && error != EINTR && error != ECONNREFUSED)
		count(r, LC_receive_errors, 1);
}

/* True where more may wait, and was not too long to go on at once. */
static bool
receive_batch(struct relay *r, unsigned sock)
{
	struct inbox_item in = { 0 };
	unsigned unread;
	int n;

	if ((n = inbox_receive(&r->inbox, r->out.fd[sock])) == -1) {
		not_received(r, &r->out, sock);
		return false;
	}
	if (peers_wait(&r->peers, r->now_ms) == 0)
		introduce(r, sock);
	relay_follow(r);
	while (inbox_next(&r->inbox, &in)) {
		if (datagram(r, (uint8_t)sock, &in.from, in.p, in.len)) {
			inbox_accept(&in);
		} else if ((unread = inbox_refuse(&r->inbox, &in)) > 0) {
			count(r, LC_received, unread);
			count(r, LC_drop_unread, unread);
		}
	}
	return n == INBOX_BATCH && inbox_bytes(&r->inbox) < BATCH_BYTES;
}

/* Datagrams that were looked at; the others of their bundles cost nothing. */
static uint64_t
looked_at(const struct relay *r)
{
	return r->counters[LC_received] - r->counters[LC_drop_unread];
}

void
relay_receive(struct relay *r, unsigned sock)
{
	const uint64_t until = looked_at(r) + READ_AT_ONCE;
	int i;

	for (i = 0; i < BATCHES_AT_ONCE && receive_batch(r, sock) &&
	    looked_at(r) < until; i++)
		;
}

static bool
receive_lobby_batch(struct relay *r, unsigned sock)
{
	struct inbox_item in = { 0 };
	int n;

	if ((n = inbox_receive(&r->inbox, r->lobby_out.fd[sock])) == -1) {
		not_received(r, &r->lobby_out, sock);
		return false;
	}
	while (inbox_next(&r->inbox, &in))
		lobby(r, sock, &in.from, in.p, in.len);
	return n == INBOX_BATCH && inbox_bytes(&r->inbox) < BATCH_BYTES;
}

void
relay_receive_lobby(struct relay *r, unsigned sock)
{
	const uint64_t until = r->counters[LC_lobby_received] + READ_AT_ONCE;
	int i;

	for (i = 0; i < BATCHES_AT_ONCE && receive_lobby_batch(r, sock) &&
	    r->counters[LC_lobby_received] < until; i++)
		;
}
