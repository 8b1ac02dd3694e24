/* SPDX-License-Identifier: ISC */
/*
 * Notices (see notice.h).  Called by care.c with what changed in the table.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "counter.h"
#include "dialect.h"
#include "notice.h"
#include "sparse.h"

enum {
	TICK_MS = 50,
	TEXT_MAX = 2 * NOTICE_NAMES + 64,
};

void
notice_make(struct notices *n, struct peers *p, struct outlet *out,
    const struct ctl_settings *set, uint64_t now_ms)
{
	memset(n, 0, sizeof(*n));
	n->peers = p;
	n->out = out;
	n->set = set;
	n->rooms = sparse_array(p->cf.limits.rooms, sizeof(*n->rooms));
	n->pool = sparse_array(NOTICE_PENDING, sizeof(*n->pool));
	wheel_make(&n->wheel, p->cf.limits.rooms, TICK_MS, now_ms);
}

/* ---- one text to members ---- */

static struct utterance
utter(const struct peers *p, uint32_t room, const char *text)
{
	struct utterance u;

	memset(&u, 0, sizeof(u));
	u.room = peers_room_name(p, room);
	u.room_len = p->rooms[room].name_len;
	u.msg = (const uint8_t *)text;
	u.msg_len = strlen(text);
	return u;
}

static void
sent(struct notices *n, unsigned copies)
{
	counter_add(&n->out->counters[LC_notices], copies);
}

/* To those of a group whom the notice does not name. */
static void
tell_others(struct notices *n, struct group *g, const uint8_t *p, size_t len)
{
	const struct member *members = n->peers->members;
	uint32_t i, slot, from = 0;

	for (i = 0; i < g->count; i++) {
		slot = peers_slot_of(n->peers, fanout_receiver(g, i));
		if (!members[slot].named)
			continue;
		sent(n, send_range(n->out, g, p, len, from, i));
		from = i + 1;
	}
	sent(n, send_range(n->out, g, p, len, from, g->count));
}

static void
tell_room(struct notices *n, uint32_t room, const char *text, bool all)
{
	const struct peers *p = n->peers;
	struct utterance u = utter(p, room, text);
	uint8_t out[DELIVERY_MAX];
	struct group *g;
	size_t len;

	g = fanout_first(&p->fanout, p->rooms[room].groups);
	for (; g != NULL; g = fanout_next(&p->fanout, g)) {
		if (g->kind.mute)
			continue;
		len = dialect_notice((enum form)g->kind.form, &u, out);
		if (len == 0)
			counter_add(&n->out->counters[LC_copy_form], g->count);
		else if (all)
			sent(n, send_group(n->out, g, out, len, UINT32_MAX));
		else
			tell_others(n, g, out, len);
	}
}

static bool
can_be_told(const struct peers *p, const struct member *m)
{
	return m->place.group != 0 &&
	    !p->fanout.groups[m->place.group - 1].kind.mute;
}

static void
tell_one(struct notices *n, struct member *m, const uint8_t *p, size_t len)
{
	const struct group *g = &n->peers->fanout.groups[m->place.group - 1];

	sent(n, send_one(n->out, m->sock, &m->to.dest,
	    g->entry[m->place.position].msg_hdr.msg_namelen, p, len));
}

/* ---- why a member or a room is gone ---- */

void
notice_removed(struct notices *n, uint32_t slot, enum ending why)
{
	struct member *m = &n->peers->members[slot];
	char buf[DIALECT_ENDING_TEXT];
	uint8_t out[DELIVERY_MAX];
	struct utterance u;
	size_t len;

	/* Who left knows it, and who is unreachable will not hear it. */
	if ((why != END_IDLE && why != END_OPERATOR && why != END_HOST_LEFT &&
	    why != END_HARMFUL) || !can_be_told(n->peers, m))
		return;
	u = utter(n->peers, m->room,
	    dialect_ending_text(why, n->set->idle_s, buf));
	len = dialect_notice(peers_form(m), &u, out);
	if (len > 0)
		tell_one(n, m, out, len);
}

/* The words of the member's dialect for the end of its room. */
static size_t
closing_words(const struct member *m, const struct utterance *u,
    uint8_t out[DELIVERY_MAX])
{
	const struct dialect *row = dialect_row(m->dialect);
	size_t len = 0;

	if (row->closed != NULL)
		len = row->closed(u, m->enrolled, out);
	return len > 0 ? len : dialect_notice(peers_form(m), u, out);
}

void
notice_closing(struct notices *n, uint32_t room, enum ending why)
{
	const struct peers *p = n->peers;
	const struct member *like = NULL;	/* what `out` is framed for */
	char buf[DIALECT_ENDING_TEXT];
	uint8_t out[DELIVERY_MAX];
	struct utterance u;
	struct member *m;
	size_t len = 0;
	uint32_t s;

	u = utter(p, room, dialect_ending_text(why, n->set->idle_s, buf));
	for (s = p->rooms[room].first; s != 0; s = m->next) {
		m = &p->members[s - 1];
		if (!can_be_told(p, m))
			continue;
		if (like == NULL || like->dialect != m->dialect ||
		    like->enrolled != m->enrolled)
			len = closing_words(m, &u, out);
		like = m;
		if (len > 0)
			tell_one(n, m, out, len);
	}
}

void
notice_shutdown(struct notices *n, uint64_t deadline_ms)
{
	const struct peers *p = n->peers;
	char buf[DIALECT_ENDING_TEXT];
	const char *text;
	struct member *m;
	uint32_t s;

	text = dialect_ending_text(END_SHUTDOWN, n->set->idle_s, buf);
	for (s = 0; s < p->top; s++) {
		m = &p->members[s];
		/* each room once: at the first of its members */
		if (m->gen == 0 || p->rooms[m->room].first != s + 1)
			continue;
		if (clock_ms() >= deadline_ms)
			return;
		tell_room(n, m->room, text, true);
	}
}

/* ---- who joined and left ---- */

static void
release(struct notices *n, uint32_t i)
{
	n->rooms[n->pool[i].room].pending = 0;
	n->pool[i].next = n->free;
	n->free = i + 1;
}

static void
begin(struct notice_pending *q, uint32_t room, uint32_t room_gen)
{
	q->room = room;
	q->room_gen = room_gen;
	q->joined.len = q->joined.more = 0;
	q->left.len = q->left.more = 0;
}

/* A pending notice for the room, on its list; NULL where all are in use. */
static struct notice_pending *
take(struct notices *n, uint32_t room, uint64_t now_ms)
{
	struct notice_room *r = &n->rooms[room];
	struct notice_pending *q;
	uint32_t i;

	if ((i = n->free) != 0)
		n->free = n->pool[i - 1].next;
	else if (n->fresh < NOTICE_PENDING)
		i = ++n->fresh;
	else
		return NULL;
	q = &n->pool[i - 1];
	begin(q, room, r->room_gen);
	r->pending = i;
	if (r->last_ms == 0 || now_ms - r->last_ms >= NOTICE_GAP_MS) {
		q->next = n->ready;
		n->ready = i;
	} else {
		wheel_set(&n->wheel, room, r->last_ms + NOTICE_GAP_MS);
	}
	return q;
}

/* The notice that is being gathered for a room. */
static struct notice_pending *
gather(struct notices *n, uint32_t room, uint64_t now_ms)
{
	struct notice_room *r = &n->rooms[room];
	const uint32_t gen = n->peers->rooms[room].gen;

	if (r->room_gen != gen) {	/* another room had this number */
		r->room_gen = gen;
		r->last_ms = 0;
		if (r->pending != 0)
			begin(&n->pool[r->pending - 1], room, gen);
	}
	return r->pending != 0 ? &n->pool[r->pending - 1] :
	    take(n, room, now_ms);
}

static void
add_name(struct notice_half *h, const uint8_t *name, size_t len)
{
	const size_t comma = h->len > 0 ? 2 : 0;

	if (h->more > 0 || h->len + comma + len > NOTICE_NAMES) {
		h->more++;
		return;
	}
	memcpy(h->names + h->len, ", ", comma);
	memcpy(h->names + h->len + comma, name, len);
	h->len = (uint16_t)(h->len + comma + len);
}

/* Whether anybody is to hear of a member's coming and going. */
static struct notice_pending *
wanted(struct notices *n, uint32_t slot, uint64_t now_ms)
{
	const struct member *m = &n->peers->members[slot];
	const struct room *r = &n->peers->rooms[m->room];
	struct notice_pending *q = NULL;

	if (!n->set->notices || r->members < 2)
		return NULL;
	if (r->members <= NOTICE_ROOM_MAX)
		q = gather(n, m->room, now_ms);
	if (q == NULL)
		counter_add(&n->out->counters[LC_notices_dropped], 1);
	return q;
}

void
notice_joined(struct notices *n, uint32_t slot, uint64_t now_ms)
{
	struct member *m = &n->peers->members[slot];
	struct notice_pending *q = wanted(n, slot, now_ms);

	if (q == NULL)
		return;
	m->named = true;
	add_name(&q->joined, peers_name(n->peers, slot), m->name_len);
}

void
notice_left(struct notices *n, uint32_t slot, uint64_t now_ms)
{
	const struct member *m = &n->peers->members[slot];
	const struct room *r = &n->peers->rooms[m->room];
	struct notice_pending *q;

	/* Its room goes with it, and that is what will be told. */
	if (m->is_host &&
	    (dialect_row(r->dialect)->flags & DIALECT_KEEPS_ROOM) == 0)
		return;
	if ((q = wanted(n, slot, now_ms)) != NULL)
		add_name(&q->left, peers_name(n->peers, slot), m->name_len);
}

static size_t
write_half(char *out, size_t cap, const struct notice_half *h,
    const char *before, const char *verb)
{
	int k;

	if (h->len == 0 && h->more == 0)
		return 0;
	if (h->more > 0)
		k = snprintf(out, cap, "%s%.*s and %u more %s", before,
		    (int)h->len, (const char *)h->names, (unsigned)h->more,
		    verb);
	else
		k = snprintf(out, cap, "%s%.*s %s", before, (int)h->len,
		    (const char *)h->names, verb);
	return k < 0 ? 0 : (size_t)k;
}

static void
say_pending(struct notices *n, uint32_t i, uint64_t now_ms)
{
	struct notice_pending *q = &n->pool[i];
	const struct peers *p = n->peers;
	const struct room *r = &p->rooms[q->room];
	char text[TEXT_MAX];
	size_t len;
	uint32_t s;

	/* Not to a room that has been closed meanwhile. */
	if (q->room_gen == r->gen) {
		len = write_half(text, sizeof(text), &q->joined, "", "joined");
		len += write_half(text + len, sizeof(text) - len, &q->left,
		    len > 0 ? "; " : "", "left");
		if (len > 0 && r->members <= NOTICE_ROOM_MAX)
			tell_room(n, q->room, text, false);
		else if (len > 0)
			counter_add(&n->out->counters[LC_notices_dropped], 1);
		n->rooms[q->room].last_ms = now_ms;
		for (s = r->first; s != 0; s = p->members[s - 1].next)
			p->members[s - 1].named = false;
	}
	release(n, i);
}

void
notice_flush(struct notices *n, uint64_t now_ms)
{
	uint32_t i, room;

	while ((i = n->ready) != 0) {
		n->ready = n->pool[i - 1].next;
		say_pending(n, i - 1, now_ms);
	}
	while ((room = wheel_expired(&n->wheel, now_ms)) != WHEEL_NONE)
		if (n->rooms[room].pending != 0)
			say_pending(n, n->rooms[room].pending - 1, now_ms);
}

int
notice_wait(const struct notices *n, uint64_t now_ms)
{
	return n->ready != 0 ? 0 : wheel_wait(&n->wheel, now_ms);
}
