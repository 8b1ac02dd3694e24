/* SPDX-License-Identifier: ISC */
/*
 * Lines typed in a chat.  Called by ocm_tty.c.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "ocm_chat.h"
#include "ocm_command.h"
#include "ocm_show.h"

static void	help(struct chat *);

static void
leave(struct chat *c)
{
	chat_leave(c, EX_OK);
}

static const struct command {
	const char	*word;
	void		(*run)(struct chat *);
	const char	*help;
} commands[] = {
	{ "/help", help, "this list" },
	{ "/who", chat_who, "who is in the room" },
	{ "/rooms", chat_rooms, "which rooms there are" },
	{ "/leave", leave, "leaves the room, as Control-D does" },
	{ "/quit", leave, "the same" },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void
help(struct chat *c)
{
	size_t	i;

	(void)c;
	for (i = 0; i < COMMANDS; i++)
		show_info("%-8s %s", commands[i].word, commands[i].help);
	show_info("%-8s %s", "//TEXT", "says /TEXT");
}

static void
say(struct chat *c, const char *text)
{
	size_t		len = strlen(text);
	enum unsendable	bad = chat_check(c, text, len);
	char		why[128];

	if (bad == TEXT_EMPTY)
		return;
	if (bad != TEXT_FITS)
		show_error("not sent: %s", text_why(bad, chat_limit(c), why,
		    sizeof(why)));
	else if (chat_say(c, text, len) == -1)
		show_error("not sent: %s", errno == EAGAIN ?
		    "the server is away" : strerror(errno));
}

static void
command(struct chat *c, const char *line)
{
	size_t	i, len = strcspn(line, " ");
	char	*harmless;

	for (i = 0; i < COMMANDS; i++)
		if (strlen(commands[i].word) == len &&
		    memcmp(commands[i].word, line, len) == 0) {
			commands[i].run(c);
			return;
		}
	harmless = show_harmless(line, len);
	show_error("there is no command %s; not sent (//... says a text with "
	    "a slash)", harmless);
	free(harmless);
}

void
command_line(struct chat *c, const char *line)
{
	if (line[0] != '/')
		say(c, line);
	else if (line[1] == '/')
		say(c, line + 1);
	else
		command(c, line);
}
