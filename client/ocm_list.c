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
show_list(const struct list *l, const struct tcrp_answer *a)
{
	struct entries	 all;
	char		*line;

	if (json_entries(&all, a->payload, a->len) == -1) {
		show_error("the server's list cannot be read");
		return;
	}
	line = enumerate(&all);
	if (l->op == OP_MEMBERS)
		show_info("in %s: %s", l->chat->room, line);
	else
		show_info("rooms: %s", all.count > 0 ? line : "none");
	free(line);
	entries_free(&all);
}

static void
on_list(const struct tcrp_answer *a, void *arg)
{
	struct list	*l = arg;

	l->call = NULL;
	if (a->outcome == TCRP_OK)
		show_list(l, a);
	else
		(void)explain(l->chat->opt, l->op, l->chat->room, a);
}

/* The same question again, while it is unanswered, has the same answer. */
static void
ask_list(struct chat *c, struct list *l, struct tcrp_question q)
{
	if (l->call != NULL)
		return;
	l->chat = c;
	l->op = q.op;
	l->call = tcrp_ask(c->base, &c->opt->server, &q, on_list, l);
}

void
chat_who(struct chat *c)
{
	if (c->lobby)
		show_info("the lobby keeps no list of who is there");
	else
		ask_list(c, &c->who, session_question(c, OP_MEMBERS));
}

void
chat_rooms(struct chat *c)
{
	struct tcrp_question	q = session_question(c, OP_PORT_OR_LIST);

	q.room = "";
	q.payload_len = 0;
	ask_list(c, &c->rooms, q);
}
