/* SPDX-License-Identifier: ISC */
/*
 * Receivers as they were (see still.h).  Called by window.c and deliver.c.
 */
#include "sparse.h"
#include "still.h"

void
still_make(struct still *s, uint32_t receivers)
{
	/* No group is empty: there are no more of them than receivers. */
	s->fanout.groups = sparse_array(receivers,
	    sizeof(*s->fanout.groups));
	s->was = sparse_array(receivers, sizeof(*s->was));
	s->entry = sparse_array(receivers, sizeof(*s->entry));
	s->who = sparse_array(receivers, sizeof(*s->who));
	s->dest = sparse_array(receivers, sizeof(*s->dest));
	s->list = s->n = 0;
}

static void
take_group(struct still *s, const struct group *from, struct group *to)
{
	uint32_t i;

	*to = *from;
	to->entry = s->entry + s->n;
	for (i = 0; i < to->count; i++, s->n++) {
		to->entry[i] = from->entry[i];
		to->entry[i].msg_hdr.msg_iov = &to->iov;
		s->who[s->n] = fanout_receiver(from, i);
		s->who[s->n]->still = s->n;
	}
}

void
still_take(struct still *s, const struct fanout *f, uint32_t list)
{
	struct group *groups = s->fanout.groups;
	const struct group *g;
	uint32_t n = 0;

	s->n = 0;
	s->list = list == 0 ? 0 : 1;
	for (g = fanout_first(f, list); g != NULL; g = fanout_next(f, g)) {
		s->was[n] = (uint32_t)(g - f->groups) + 1;
		take_group(s, g, &groups[n++]);
		groups[n - 1].next = g->next == 0 ? 0 : n + 1;
	}
}

uint32_t
still_group(const struct still *s, uint32_t group)
{
	uint32_t n;

	if (group == 0)
		return 0;
	for (n = s->list; n != 0; n = s->fanout.groups[n - 1].next)
		if (s->was[n - 1] == group)
			return n;
	return UINT32_MAX;
}

/* What it says of its place may be about another copy. */
static bool
is_here(const struct still *s, const struct receiver *r)
{
	return r->still < s->n && s->who[r->still] == r;
}

static struct group *
group_at(const struct still *s, uint32_t i)
{
	struct group *g = s->fanout.groups;

	while (i >= (uint32_t)(g->entry - s->entry) + g->count)
		g++;
	return g;
}

void
still_leave(struct still *s, const struct receiver *r)
{
	if (!is_here(s, r))
		return;
	s->who[r->still] = NULL;
	s->entry[r->still].msg_hdr.msg_name = NULL;
	group_at(s, r->still)->gaps++;
}

void
still_keep(struct still *s, const struct receiver *r)
{
	const uint32_t i = r->still;

	if (!is_here(s, r) || s->entry[i].msg_hdr.msg_name != &r->dest)
		return;
	s->dest[i] = r->dest;
	s->entry[i].msg_hdr.msg_name = &s->dest[i];
}
