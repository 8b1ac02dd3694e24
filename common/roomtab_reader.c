/* SPDX-License-Identifier: ISC */
/*
 * Region R as relayd reads it: changes and scans, copied in bounded batches
 * under the lock.  The writer may have died half-way (seq is odd: nothing
 * here is to be believed yet) or be hostile (every copy is checked).
 */
#include <errno.h>
#include <string.h>

#include "roomtab_layout.h"

/* Takes the lock and looks whether the table is at rest. */
static int
begin(struct roomtab *t, unsigned tries, uint32_t *seq)
{
	if (shmlock_acquire(t->lock, tries) == -1)
		return -1;
	*seq = atomic_load_explicit(&t->a->seq, memory_order_acquire);
	if ((*seq & 1) != 0) {
		shmlock_release(t->lock);
		errno = EAGAIN;
		return -1;
	}
	return 0;
}

/* Releases; -1 where somebody wrote although we held the lock. */
static int
end(struct roomtab *t, uint32_t seq)
{
	uint32_t now;

	atomic_thread_fence(memory_order_acquire);
	now = atomic_load_explicit(&t->a->seq, memory_order_relaxed);
	shmlock_release(t->lock);
	if (now == seq)
		return 0;
	errno = EAGAIN;
	return -1;
}

uint32_t
roomtab_change_head(const struct roomtab *t)
{
	return atomic_load_explicit(&t->a->head, memory_order_acquire);
}

static void
copy_change(const struct roomtab *t, uint32_t entry,
    struct roomtab_change *c)
{
	c->is_room = (entry & CHANGE_IS_ROOM) != 0;
	c->index = entry & ~CHANGE_IS_ROOM;
	c->live = false;
	memset(&c->member, 0, offsetof(struct member_info, name));
	memset(&c->room, 0, offsetof(struct room_info, name));
	if (c->is_room) {
		if (copy_room(t, c->index, &c->room))
			c->live = (c->room.gen & 1) != 0;
		return;
	}
	c->live = copy_member(t, c->index, &c->member) &&
	    !c->member.is_invite && c->member.name_len > 0 &&
	    copy_room(t, c->member.room, &c->room);
}

int
roomtab_changes(struct roomtab *t, uint32_t *tail, struct roomtab_change *out,
    int max, unsigned tries)
{
	uint32_t seq, head, at = *tail;
	int n;

	if (begin(t, tries, &seq) == -1)
		return -1;
	head = roomtab_change_head(t);
	if (head - at > CHANGE_RING) {
		*tail = head;
		(void)end(t, seq);
		errno = EOVERFLOW;
		return -1;
	}
	for (n = 0; n < max && at != head; n++, at++)
		copy_change(t, atomic_load_explicit(
		    &t->a->ring[at % CHANGE_RING], memory_order_relaxed),
		    &out[n]);
	if (end(t, seq) == -1)
		return -1;
	*tail = at;
	return n;
}

int
roomtab_scan(struct roomtab *t, uint32_t *slot, struct roomtab_change *out,
    int max, unsigned tries)
{
	enum { LOOKS = 4096 };	/* slots looked at per lock, live or not */
	uint32_t seq, i = *slot, fresh, looks = 0;
	int n = 0;

	if (begin(t, tries, &seq) == -1)
		return -1;
	fresh = t->a->j.member_fresh;
	for (; i < t->lim.members && i < fresh && n < max && looks < LOOKS;
	    i++, looks++) {
		if ((roomtab_member_gen(t, i) & 1) == 0)
			continue;
		copy_change(t, i, &out[n]);
		n += out[n].live;
	}
	if (i >= fresh)		/* nobody has ever used the rest */
		i = t->lim.members;
	if (end(t, seq) == -1)
		return -1;
	*slot = i;
	return n;
}
