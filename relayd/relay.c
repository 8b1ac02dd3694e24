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
#include "take.h"
#include "wire_udp.h"

enum {
	BATCHES_AT_ONCE = 8,		/* then something is sent again, */
	READ_AT_ONCE = 1024,		/* or after so many datagrams, */
	BATCH_BYTES = 1 << 18,		/* or after so long a batch */
	JSON_LOOKS = 4,			/* for a token, in a datagram */
	JSON_REFUSED = 8,		/* of a member, in a millisecond */
	JSON_BLIND = 4,			/* read in vain in a millisecond */
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

/*
 * The last resort, since it takes long: the token may be said in escapes, as
 * no client does.  A few that were nobody's are the end of it for now.
 */
static unsigned
by_json_blindly(struct relay *r, const struct addr *from, const uint8_t *p,
    size_t len, bool past, struct room_datagram *d, uint32_t *slot,
    unsigned why)
{
	if (often_times(&r->often, r->now_ms, OFTEN_ALL, OFTEN_BLIND) >=
	    JSON_BLIND)
		return LC_drop_json;
	if (udp_split_json(d, p, len, r->scratch))
		why = by_token(r, d, from, past, slot);
	if (why != ACCEPTED)
		(void)often_again(&r->often, r->now_ms, OFTEN_ALL,
		    OFTEN_BLIND);
	return why;
}

/* One that seems to be a member's, unless much of his came to nothing. */
static unsigned
by_json_of(struct relay *r, const struct addr *from, const uint8_t *p,
    size_t len, bool past, struct room_datagram *d, uint32_t *slot,
    unsigned why)
{
	const uint32_t whose = *slot;

	if (often_times(&r->often, r->now_ms, whose, OFTEN_REFUSED) >=
	    JSON_REFUSED)
		return LC_drop_json;
	if (udp_split_json(d, p, len, r->scratch))
		why = by_token(r, d, from, past, slot);
	if (why != ACCEPTED)
		(void)often_again(&r->often, r->now_ms, whose,
		    OFTEN_REFUSED);
	return why;
}

/*
 * Rule 3.  To read JSON takes longer than all the rest, and the address of a
 * member is no secret: nothing is read before a token of somebody's is seen.
 * why: what the other rules said.
 */
static unsigned
by_json(struct relay *r, const struct addr *from, const uint8_t *p,
    size_t len, bool past, struct room_datagram *d, uint32_t *slot,
    unsigned why)
{
	enum udp_token seen = UDP_TOKEN_NONE;
	unsigned looks, other = why;
	bool unclear = false;
	size_t at = 0;

	for (looks = 0; looks < JSON_LOOKS; looks++) {
		seen = udp_json_token(d, p, len, &at);
		if (seen == UDP_TOKEN_NONE)
			break;
		unclear = unclear || seen == UDP_TOKEN_UNCLEAR;
		if (seen == UDP_TOKEN_FOUND)
			other = by_token(r, d, from, past, slot);
		if (other == ACCEPTED)
			return by_json_of(r, from, p, len, past, d, slot, why);
	}
	if (unclear || seen != UDP_TOKEN_NONE ||
	    memmem(p, len, "\\u00", 4) != NULL)
		return by_json_blindly(r, from, p, len, past, d, slot, why);
	return other;
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
	if (why != ACCEPTED && peers_json_host(&r->peers, from))
		why = by_json(r, from, p, len, past, d, slot, why);
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

void
relay_in_hand(struct relay *r, uint32_t slot, size_t len)
{
	live_take(r->live, SENDER_UNKNOWN, len);
	live_take_of(r->live, slot, r->peers.members[slot].gen);
}

/*
 * What says whose a datagram is: all before the message, or the whole where
 * that is not how it is made.
 */
static size_t
head_of(const struct inbox_item *in, const struct room_datagram *d)
{
	return d->token == in->p + DATAGRAM_HEADER + d->room_len ?
	    in->len - d->msg_len : in->len;
}

/* How many of its bundle are passed over because of it. */
static unsigned
datagram(struct relay *r, uint8_t sock, struct inbox_item *in)
{
	enum taken taken = TAKEN_REFUSED;
	struct room_datagram d;
	uint32_t slot = 0;
	unsigned why;
	bool idle, again;

	count(r, LC_received, 1);
	why = take_in_hand(r, &in->from, in->p, in->len, false, &d, &slot);
	if (why == ACCEPTED) {
		FAULT(datagram_known);
		FAULT_POISON(d.msg, d.msg_len);
		take_heard(r, slot, &in->from, sock, in->len);
		taken = take_datagram(r, slot, &d);
	} else {
		count(r, why, 1);
	}
	FAULT(datagram_handled);
	live_done(r->live);
	if (taken == TAKEN_REFUSED && why != LC_drop_stale)
		return inbox_refuse(&r->inbox, in);
	idle = taken == TAKEN_IDLE || taken == TAKEN_ALONE;
	again = idle && often_again(&r->often, r->now_ms, slot,
	    OFTEN_IDLE) > 0;
	if (!again)
		inbox_accept(in);
	if (idle)
		inbox_remember(in, head_of(in, &d), slot,
		    taken == TAKEN_ALONE);
	return again ? inbox_tire(&r->inbox, in) : 0;
}

/*
 * In one bundle a member said that it is there, or spoke to an empty room,
 * and now it does so again: nothing but a counter changes.
 */
static bool
idle_again(struct relay *r, struct inbox_item *in)
{
	const size_t msg_len = in->len - in->head;
	size_t alike = in->len;
	unsigned n;

	if (!inbox_repeats(in) || (!in->alone && msg_len > 0))
		return false;
	if (in->alone && !take_unheard(r, in->slot, in->p + in->head, msg_len))
		return false;
	if (in->alone && !take_word_len(r, in->slot, msg_len))
		alike = in->head;
	n = 1 + inbox_pass_alike(&r->inbox, in, alike);
	count(r, LC_received, n);
	count(r, in->alone ? LC_messages : LC_keepalives, n);
	return true;
}

static void
lobby(struct relay *r, unsigned sock, const struct addr *from,
    const uint8_t *p, size_t len)
{
	uint32_t client, speaker;

	live_take(r->live, SENDER_LOBBY, len);
	client = lobby_datagram(&r->lobby, sock, from, p, len, r->now_ms);
	if (client != LOBBY_NOTHING) {
		speaker = r->peers.cf.limits.members + client;
		queue_from(&r->queue, speaker, from);
		(void)queue_put(&r->queue, deliver_lobby(r), speaker,
		    r->lobby.count, p, len);
	}
	live_done(r->live);
}

/* ---- batches ---- */

void
relay_breathe(void *ctx)
{
	const struct relay *r = ctx;

	if (r->breathe != NULL)
		r->breathe(r->breathe_arg);
}

void
relay_turn(struct relay *r)
{
	r->now_ms = clock_ms();
	r->earlier = 0;
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
		if (inbox_repeats(&in))
			continue;
		if (take_in_hand(r, &in.from, in.p, in.len, true, &d, &slot)
		    != ACCEPTED) {
			(void)inbox_refuse(&r->inbox, &in);
		} else {
			inbox_accept(&in);
			inbox_remember(&in, head_of(&in, &d), slot, false);
			if (r->peers.members[slot].addr.port == 0)
				take_heard(r, slot, &in.from, (uint8_t)sock,
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
		if (idle_again(r, &in) ||
		    (unread = datagram(r, (uint8_t)sock, &in)) == 0)
			continue;
		count(r, LC_received, unread);
		count(r, LC_drop_unread, unread);
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
