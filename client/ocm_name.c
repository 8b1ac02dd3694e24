/* SPDX-License-Identifier: ISC */
/*
 * Which of a room's members we are (see ocm_name.h).  The answer to a join
 * has no name in it, but members may ask who is there.  Called by
 * ocm_enter.c.
 */
#include <stdlib.h>
#include <string.h>

#include "ocm_name.h"
#include "ocm_session.h"

enum {
	NAME_MS = 1000,			/* it is not worth a longer wait */
	NAME_LIST_MAX = 256 * 1024,	/* bytes; nor this */
	CHARACTER_MAX = 4,		/* bytes of one, which is never cut */
};

/* Whether that is the name, or "name~n", cut where it would be too long. */
static bool
could_be_ours(const struct entry *e, const char *asked)
{
	size_t	len = strlen(asked), keep = e->len;

	if (e->len == len && memcmp(e->name, asked, len) == 0)
		return true;
	while (keep > 0 && e->name[keep - 1] >= '0' && e->name[keep - 1] <= '9')
		keep--;
	if (keep == 0 || keep == e->len || e->name[--keep] != '~')
		return false;
	if (keep > len || memcmp(e->name, asked, keep) != 0)
		return false;
	return keep == len || e->len + CHARACTER_MAX > NAME_MAX_BYTES;
}

const struct entry *
name_among(const struct entries *all, const char *asked, bool *sure)
{
	const struct entry	*e, *ours = NULL;

	*sure = true;
	for (e = all->list; e < all->list + all->count; e++) {
		if (!could_be_ours(e, asked))
			continue;
		*sure = ours == NULL;
		if (ours == NULL || e->place > ours->place)
			ours = e;
	}
	return ours;
}

static void
take_list(struct chat *c, const struct tcrp_answer *a)
{
	const struct entry	*ours;
	struct entries		 all;

	if (a->outcome != TCRP_OK)
		return;
	c->list_len = a->len;
	if (a->payload == NULL ||
	    json_entries(&all, a->payload, a->len) == -1)
		return;
	ours = name_among(&all, c->opt->name, &c->name_sure);
	if (ours != NULL)
		(void)strlcpy(c->name, ours->name, sizeof(c->name));
	entries_free(&all);
}

void
session_learn_name(struct chat *c)
{
	struct tcrp_question	 q = session_question(c, OP_MEMBERS);
	struct tcrp_answer	 a = { .outcome = TCRP_SILENT };
	char			*payload;

	if (c->host) {		/* the first in the room */
		(void)strlcpy(c->name, c->opt->name, sizeof(c->name));
		c->name_sure = true;
		return;
	}
	q.most = NAME_LIST_MAX;
	if (q.timeout_ms > NAME_MS)
		q.timeout_ms = NAME_MS;
	tcrp_ask_wait(c->base, &c->opt->server, &q, &a, &payload);
	take_list(c, &a);
	free(payload);
}
