/* SPDX-License-Identifier: ISC */
/*
 * Who is in a room and which rooms there are, asked for in a chat (/who and
 * /rooms).  The words rooms and who have their own way: ocm_words.c.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ocm_explain.h"
#include "ocm_session.h"
#include "ocm_show.h"

enum { NAMES_SHOWN = 200 };

/* "alice (host), bob"; free() it. */
static char *
enumerate(const struct entries *all)
{
	const struct entry	*e = all->list, *end = e + all->count;
	char			*line = NULL, *name;
	size_t			 size;
	FILE			*fp = open_memstream(&line, &size);

	if (fp == NULL)
		err(EX_OSERR, NULL);
	for (; e < end && e < all->list + NAMES_SHOWN; e++) {
		name = show_harmless(e->name, e->len);
		(void)fprintf(fp, "%s%s%s", e > all->list ? ", " : "", name,
		    e->host ? " (host)" : "");
		free(name);
	}
	if (e < end)
		(void)fprintf(fp, " and %zu more", (size_t)(end - e));
	if (fclose(fp) == EOF)
		err(EX_OSERR, NULL);
	return line;
}

static void
show_list(struct chat *c, const struct tcrp_answer *a)
{
	struct entries	 all;
	char		*line;

	if (json_entries(&all, a->payload, a->len) == -1) {
		show_error("the server's list cannot be read");
		return;
	}
	line = enumerate(&all);
	if (c->list_op == OP_MEMBERS)
		show_info("in %s: %s", c->room, line);
	else
		show_info("rooms: %s", all.count > 0 ? line : "none");
	free(line);
	entries_free(&all);
}

static void
on_list(const struct tcrp_answer *a, void *arg)
{
	struct chat	*c = arg;

	c->list_call = NULL;
	if (a->outcome == TCRP_OK)
		show_list(c, a);
	else
		(void)explain(c->opt, c->list_op, c->room, a);
}

static void
ask_list(struct chat *c, struct tcrp_question q)
{
	if (c->list_call != NULL)
		tcrp_cancel(c->list_call);
	c->list_op = q.op;
	c->list_call = tcrp_ask(c->base, &c->opt->server, &q, on_list, c);
}

void
chat_who(struct chat *c)
{
	if (c->lobby)
		show_info("the lobby keeps no list of who is there");
	else
		ask_list(c, session_question(c, OP_MEMBERS));
}

void
chat_rooms(struct chat *c)
{
	struct tcrp_question	q = session_question(c, OP_PORT_OR_LIST);

	q.room = "";
	q.payload_len = 0;
	ask_list(c, q);
}
