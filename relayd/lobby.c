/* SPDX-License-Identifier: ISC */
/*
 * The lobby (see lobby.h).  Called by relay.c for every datagram of a lobby
 * socket.
 */
#include <stddef.h>
#include <string.h>

#include "counter.h"
#include "lobby.h"
#include "sparse.h"
#include "wire_udp.h"

enum { TICK_MS = 1000, SEEN_MS = 100 };

static void
count(struct lobby *l, enum relay_counter which)
{
	counter_add(&l->out->counters[which], 1);
}

/* ---- the clients ---- */

static uint32_t
index_of(const struct lobby *l, const struct receiver *to)
{
	const char *c = (const char *)to - offsetof(struct lobby_client, to);

	return (uint32_t)((size_t)(c - (const char *)l->clients) /
	    sizeof(struct lobby_client));
}

static void
leave_fanout(struct lobby *l, struct lobby_client *c, bool for_good)
{
	struct receiver *moved;

	if (c->place.group == 0)
		return;
	if (l->events.moving != NULL)
		l->events.moving(l->events.ctx, &c->to, for_good);
	moved = fanout_remove(&l->fanout, &l->groups, c->place);
	if (moved != NULL)
		l->clients[index_of(l, moved)].place.position =
		    c->place.position;
	c->place.group = 0;
}

/* false where the socket cannot send to that address: it stays as it was. */
static bool
enter_fanout(struct lobby *l, struct lobby_client *c, unsigned sock)
{
	struct fanout_kind kind = { 0, (uint8_t)sock, false };
	struct sockaddr_storage ss;
	socklen_t len;

	len = addr_to_sockaddr(&c->addr, l->family[sock], &ss);
	if (len == 0 || len > sizeof(c->to.dest))
		return false;
	leave_fanout(l, c, false);
	memcpy(&c->to.dest, &ss, len);
	c->sock = (uint8_t)sock;
	c->place = fanout_insert(&l->fanout, &l->groups, kind, &c->to, len);
	return true;
}

static void
remember(struct lobby *l, uint32_t i)
{
	const struct lobby_client *c = &l->clients[i];
	struct live_lobby kept;

	memset(&kept, 0, sizeof(kept));
	kept.addr = c->addr;
	kept.last_ms = c->seen_ms;
	kept.sock = c->sock;
	live_set_lobby(l->live, i, &kept);
}

static void
arm(struct lobby *l, uint32_t i)
{
	if (l->idle_ms != 0)
		wheel_set(&l->idle, i, l->clients[i].seen_ms + l->idle_ms);
}

/* Fills the record i, which is free. */
static bool
settle(struct lobby *l, uint32_t i, const struct addr *a, unsigned sock,
    uint64_t seen_ms)
{
	struct lobby_client *c = &l->clients[i];

	memset(c, 0, sizeof(*c));
	c->addr = *a;
	c->addr.pad = 0;
	if (!enter_fanout(l, c, sock))
		return false;
	c->seen_ms = seen_ms;
	index_put(&l->at, i, index_hash(&l->at, &c->addr, sizeof(c->addr)));
	l->count++;
	arm(l, i);
	return true;
}

static struct lobby_client *
add(struct lobby *l, const struct addr *a, unsigned sock, uint64_t now_ms)
{
	uint32_t i;

	if (l->free == 0 && l->fresh == l->limit) {
		count(l, LC_lobby_drop_full);
		return NULL;
	}
	if (l->own != NULL && own_has(l->own, a)) {
		count(l, LC_lobby_drop_own);
		return NULL;
	}
	if (l->events.coming != NULL)
		l->events.coming(l->events.ctx);
	if (l->free != 0) {
		i = l->free - 1;
		l->free = l->clients[i].next_free;
	} else {
		i = l->fresh++;
	}
	if (!settle(l, i, a, sock, now_ms)) {
		l->clients[i].next_free = l->free;
		l->free = i + 1;
		return NULL;
	}
	remember(l, i);
	count(l, LC_lobby_joined);
	return &l->clients[i];
}

static void
drop(struct lobby *l, struct lobby_client *c, enum relay_counter why)
{
	const uint32_t i = (uint32_t)(c - l->clients);
	static const struct live_lobby none;

	if (l->events.leaving != NULL)
		l->events.leaving(l->events.ctx, i);
	leave_fanout(l, c, true);
	index_remove(&l->at, i);
	wheel_cancel(&l->idle, i);
	live_set_lobby(l->live, i, &none);
	memset(c, 0, sizeof(*c));
	c->next_free = l->free;
	l->free = i + 1;
	l->count--;
	count(l, why);
}

static struct lobby_client *
find(const struct lobby *l, const struct addr *a)
{
	unsigned walk;
	uint32_t i;

	i = index_first(&l->at, index_hash(&l->at, a, sizeof(*a)), &walk);
	while (i != INDEX_NONE && !addr_equal(&l->clients[i].addr, a))
		i = index_next(&l->at, i, &walk);
	return i == INDEX_NONE ? NULL : &l->clients[i];
}

/* Those of an earlier life, each in its old place. */
static void
recall(struct lobby *l)
{
	struct live_lobby kept;
	uint32_t i, last = 0;

	for (i = 0; i < l->limit; i++)
		if (live_lobby(l->live, i, &kept) &&
		    kept.sock < l->out->count && find(l, &kept.addr) == NULL &&
		    settle(l, i, &kept.addr, kept.sock, kept.last_ms))
			last = i + 1;
	l->fresh = last;
	for (i = last; i > 0; i--)
		if (l->clients[i - 1].seen_ms == 0) {
			l->clients[i - 1].next_free = l->free;
			l->free = i;
		}
}

void
lobby_make(struct lobby *l, struct outlet *out, struct live *live,
    const int family[OCM_ADDRS_MAX], uint32_t limit, uint32_t idle_s,
    uint64_t now_ms)
{
	memset(l, 0, sizeof(*l));
	l->out = out;
	l->live = live;
	memcpy(l->family, family, sizeof(l->family));
	l->limit = limit;
	l->idle_ms = (uint64_t)idle_s * 1000;
	l->clients = sparse_array(limit, sizeof(*l->clients));
	fanout_make(&l->fanout, limit, &out->control);
	index_make(&l->at, limit);
	wheel_make(&l->idle, limit, TICK_MS, now_ms);
	recall(l);
}

/* ---- datagrams ---- */

static void
heard(struct lobby *l, struct lobby_client *c, unsigned sock,
    uint64_t now_ms)
{
	const uint32_t i = (uint32_t)(c - l->clients);

	c->malformed = 0;
	c->refused = 0;
	if (now_ms - c->seen_ms >= SEEN_MS) {
		c->seen_ms = now_ms;
		live_set_lobby_seen(l->live, i, now_ms);
	}
	if (c->sock != sock && enter_fanout(l, c, sock))
		remember(l, i);
}

uint32_t
lobby_datagram(struct lobby *l, unsigned sock, const struct addr *from,
    const uint8_t *p, size_t len, uint64_t now_ms)
{
	struct lobby_client *c = find(l, from);
	struct lobby_datagram d;

	count(l, LC_lobby_received);
	if (!udp_split_lobby(&d, p, len)) {
		count(l, LC_lobby_drop_malformed);
		if (c != NULL && ++c->malformed >= LOBBY_STRIKES)
			drop(l, c, LC_lobby_removed_malformed);
		return LOBBY_NOTHING;
	}
	if (c == NULL && (c = add(l, from, sock, now_ms)) == NULL)
		return LOBBY_NOTHING;
	heard(l, c, sock, now_ms);
	/* An empty one only makes itself known. */
	return d.msg_len == 0 ? LOBBY_NOTHING : (uint32_t)(c - l->clients);
}

void
lobby_unreachable(struct lobby *l, const struct addr *a)
{
	struct lobby_client *c = find(l, a);

	/* This may be said in the midst of a fan-out, so it goes later. */
	if (c != NULL && c->refused < LOBBY_STRIKES &&
	    ++c->refused == LOBBY_STRIKES)
		wheel_set(&l->idle, (uint32_t)(c - l->clients), 0);
}

void
lobby_say(struct lobby *l, const char *text)
{
	static const char user[] = "server";
	uint8_t out[1 + sizeof(user) + 256];
	size_t len = strlen(text), at = sizeof(user) - 1;
	struct group *g;

	if (len > 256)
		len = 256;
	out[0] = (uint8_t)at;
	memcpy(out + 1, user, at);
	memcpy(out + 1 + at, text, len);
	g = fanout_first(&l->fanout, l->groups);
	for (; g != NULL; g = fanout_next(&l->fanout, g))
		counter_add(&l->out->counters[LC_notices], send_group(l->out,
		    g, out, 1 + at + len, UINT32_MAX));
}

/* ---- time ---- */

void
lobby_set_idle(struct lobby *l, uint32_t idle_s)
{
	uint32_t i;

	l->idle_ms = (uint64_t)idle_s * 1000;
	for (i = 0; i < l->fresh; i++) {
		if (l->clients[i].seen_ms == 0 ||
		    l->clients[i].refused >= LOBBY_STRIKES)
			continue;
		wheel_cancel(&l->idle, i);
		arm(l, i);
	}
}

void
lobby_expire(struct lobby *l, uint64_t now_ms)
{
	struct lobby_client *c;
	uint32_t i;

	while ((i = wheel_expired(&l->idle, now_ms)) != WHEEL_NONE) {
		c = &l->clients[i];
		if (c->refused >= LOBBY_STRIKES)
			drop(l, c, LC_lobby_removed_unreachable);
		else if (l->idle_ms != 0 &&
		    now_ms >= c->seen_ms + l->idle_ms)
			drop(l, c, LC_lobby_removed_idle);
		else
			arm(l, i);
	}
}

int
lobby_wait(const struct lobby *l, uint64_t now_ms)
{
	return wheel_wait(&l->idle, now_ms);
}
