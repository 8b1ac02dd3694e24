/* SPDX-License-Identifier: ISC */
/*
 * Prepared arrays of receivers (see fanout.h).  Kept by peers.c and lobby.c,
 * sent by send.c.
 */
#include <string.h>

#include "fanout.h"
#include "log.h"
#include "sparse.h"

/*
 * A block of class c holds more than 2^c / 4 receivers, or is of the
 * smallest class and holds at least one: so the blocks of a class never take
 * more than 4 entries for each receiver there can be.
 */
enum { ENTRIES_PER_RECEIVER = 4 };

static unsigned
class_for(uint32_t count)
{
	unsigned c = FANOUT_CLASS_MIN;

	while (c < FANOUT_CLASS_MAX && UINT32_C(1) << c < count)
		c++;
	return c;
}

void
fanout_make(struct fanout *f, uint32_t receivers, struct net_control *control)
{
	const unsigned top = class_for(receivers);
	size_t entries;
	unsigned c;

	memset(f, 0, sizeof(*f));
	if (receivers > UINT32_C(1) << FANOUT_CLASS_MAX)
		fatalx("more than %u members", 1u << FANOUT_CLASS_MAX);
	f->control = control;
	f->groups = sparse_array(receivers, sizeof(*f->groups));
	for (c = FANOUT_CLASS_MIN; c <= top; c++) {
		/* one more: the old block lives until the new one is full */
		entries = (size_t)ENTRIES_PER_RECEIVER * receivers +
		    ((size_t)2 << c);
		f->base[c] = sparse_array(entries, sizeof(**f->base));
	}
}

static struct mmsghdr *
take_block(struct fanout *f, unsigned class)
{
	struct mmsghdr *b;
	uint32_t n;

	if ((n = f->free[class]) == 0)
		return f->base[class] + ((size_t)f->fresh[class]++ << class);
	b = f->base[class] + ((size_t)(n - 1) << class);
	memcpy(&f->free[class], b, sizeof(f->free[class]));
	return b;
}

static void
give_block(struct fanout *f, unsigned class, struct mmsghdr *b)
{
	memcpy(b, &f->free[class], sizeof(f->free[class]));
	f->free[class] = (uint32_t)((size_t)(b - f->base[class]) >> class) + 1;
}

static void
resize(struct fanout *f, struct group *g, unsigned class)
{
	struct mmsghdr *b = take_block(f, class);

	memcpy(b, g->entry, g->count * sizeof(*b));
	give_block(f, g->class, g->entry);
	g->entry = b;
	g->class = (uint8_t)class;
}

static struct group *
make_group(struct fanout *f, uint32_t *list, struct fanout_kind kind)
{
	struct group *g;
	uint32_t n;

	if ((n = f->group_free) != 0)
		f->group_free = f->groups[n - 1].next;
	else
		n = ++f->group_fresh;
	g = &f->groups[n - 1];
	g->class = FANOUT_CLASS_MIN;
	g->entry = take_block(f, g->class);
	g->count = g->gaps = 0;
	g->kind = kind;
	g->next = *list;
	*list = n;
	return g;
}

static void
free_group(struct fanout *f, uint32_t *list, struct group *g)
{
	const uint32_t n = (uint32_t)(g - f->groups) + 1;

	while (*list != n)
		list = &f->groups[*list - 1].next;
	*list = g->next;
	give_block(f, g->class, g->entry);
	g->next = f->group_free;
	f->group_free = n;
}

static struct group *
find_group(struct fanout *f, uint32_t list, struct fanout_kind kind)
{
	struct group *g;

	for (g = fanout_first(f, list); g != NULL; g = fanout_next(f, g))
		if (g->kind.form == kind.form && g->kind.sock == kind.sock &&
		    g->kind.mute == kind.mute)
			break;
	return g;
}

struct fanout_place
fanout_insert(struct fanout *f, uint32_t *list, struct fanout_kind kind,
    struct receiver *to, socklen_t len)
{
	struct fanout_place place;
	struct mmsghdr *e;
	struct group *g;

	if ((g = find_group(f, *list, kind)) == NULL)
		g = make_group(f, list, kind);
	if (g->count == UINT32_C(1) << g->class)
		resize(f, g, g->class + 1u);
	place.group = (uint32_t)(g - f->groups) + 1;
	place.position = g->count++;
	e = &g->entry[place.position];
	memset(e, 0, sizeof(*e));
	e->msg_hdr.msg_name = &to->dest;
	e->msg_hdr.msg_namelen = len;
	e->msg_hdr.msg_iov = &g->iov;
	e->msg_hdr.msg_iovlen = 1;
	if (f->control->len > 0) {
		e->msg_hdr.msg_control = f->control->bytes;
		e->msg_hdr.msg_controllen = f->control->len;
	}
	return place;
}

struct receiver *
fanout_remove(struct fanout *f, uint32_t *list, struct fanout_place place)
{
	struct group *g = &f->groups[place.group - 1];
	struct receiver *moved = NULL;

	g->count--;
	if (place.position != g->count) {
		g->entry[place.position] = g->entry[g->count];
		moved = fanout_receiver(g, place.position);
	}
	if (g->count == 0)
		free_group(f, list, g);
	else if (g->class > FANOUT_CLASS_MIN &&
	    g->count <= UINT32_C(1) << g->class >> 2)
		resize(f, g, g->class - 1u);
	return moved;
}
