/* SPDX-License-Identifier: ISC */
/*
 * ocm: the chat client.  Reads the command line and runs its word; with no
 * word it asks at the terminal.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "ocm.h"
#include "ocm_ask.h"
#include "ocm_options.h"
#include "ocm_show.h"
#include "ocm_words.h"

static int	word_help(struct options *, const struct operands *);
static int	word_version(struct options *, const struct operands *);

enum rest { REST_NONE, REST_ONE, REST_TEXT };

static const struct word {
	const char	*name;
	bool		 needs_room;
	enum rest	 rest;
	const char	*usage;
	int		(*run)(struct options *, const struct operands *);
	const char	*help;
} words[] = {
	{ "create", true, REST_NONE, "create ROOM", word_create,
	    "makes a room, which closes when you leave" },
	{ "join", true, REST_NONE, "join ROOM", word_join,
	    "enters a room" },
	{ "lobby", false, REST_NONE, "lobby", word_lobby,
	    "enters the open room that needs no joining" },
	{ "rooms", false, REST_NONE, "rooms", word_rooms,
	    "lists the rooms of the server" },
	{ "who", true, REST_NONE, "who ROOM", word_who,
	    "lists who is in a room (joins it for a moment)" },
	{ "send", true, REST_TEXT, "send ROOM [TEXT...]", word_send,
	    "says a text, or the lines of its input" },
	{ "listen", true, REST_NONE, "listen [-c COUNT] ROOM", word_listen,
	    "shows what is said, or COUNT messages of it" },
	{ "version", false, REST_NONE, "version", word_version,
	    "says which version this is" },
	{ "help", false, REST_ONE, "help [WORD]", word_help,
	    "says what there is, or what a word does" },
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

static const struct word *
word_find(const char *name)
{
	size_t	i;

	for (i = 0; i < WORDS; i++)
		if (strcmp(words[i].name, name) == 0)
			return &words[i];
	return NULL;
}

static void
print_options(void)
{
	(void)printf(
	    "  -s HOST[:TCP[:UDP]]   the server (127.0.0.1:9001:9002)\n"
	    "  -n NAME               your name ($USER)\n"
	    "  -P                    ask for the room's password\n"
	    "  --password-file FILE  read it from a file\n"
	    "  --json                one JSON object per line of output\n"
	    "  --timeout SECONDS     how long an answer may take (5)\n"
	    "  --retry SECONDS       how long to look for a lost server (60)\n"
	    "  -c COUNT              of listen: stop after so many messages\n"
	    "  -h, -V                this help, the version\n");
}

static void
print_help(void)
{
	size_t	i;

	(void)printf("ocm                       asks where to go\n"
	    "ocm create kitchen        makes a room\n"
	    "ocm join kitchen          enters it, from another terminal\n"
	    "echo done | ocm send kitchen\n\nwords:\n");
	for (i = 0; i < WORDS; i++)
		(void)printf("  %-24s%s\n", words[i].usage, words[i].help);
	(void)printf("options, before or after the word:\n");
	print_options();
}

static void
print_word(const struct word *w)
{
	(void)printf("usage: ocm [options] %s\n%s %s\noptions:\n", w->usage,
	    w->name, w->help);
	print_options();
}

static int
word_help(struct options *o, const struct operands *ops)
{
	const struct word	*w;

	(void)o;
	if (ops->count == 0) {
		print_help();
		return EX_OK;
	}
	if ((w = word_find(ops->rest[0])) == NULL)
		usage_error("there is no word %s", ops->rest[0]);
	print_word(w);
	return EX_OK;
}

static int
word_version(struct options *o, const struct operands *ops)
{
	(void)o;
	(void)ops;
	(void)printf("ocm %s\n", OCM_VERSION);
	return EX_OK;
}

static void
read_room(struct operands *ops, const struct word *w, const char *room)
{
	const char	*wrong;

	if (room == NULL)
		usage_error("ROOM is missing: ocm %s", w->usage);
	if ((wrong = name_wrong(room)) != NULL)
		usage_error("that is no name for a room: %s", wrong);
	ops->room = room;
}

/* The operands of a word, and the options among them. */
static void
read_operands(struct operands *ops, const struct word *w, struct options *o,
    int argc, char **argv)
{
	const char	*next = options_operand(o, argc, argv);

	if (o->help || o->version)
		return;
	if (w->needs_room) {
		read_room(ops, w, next);
		next = options_operand(o, argc, argv);
	}
	if (next == NULL)
		return;
	ops->count = options_rest(argc, argv, &ops->rest) + 1;
	ops->rest--;
	if (w->rest == REST_NONE || (w->rest == REST_ONE && ops->count > 1))
		usage_error("too much: ocm %s", w->usage);
}

static int
run(struct options *o, int argc, char **argv)
{
	struct operands		 ops = { NULL, NULL, 0 };
	const struct word	*w = NULL;
	const char		*name = options_operand(o, argc, argv);

	if (name != NULL) {
		if ((w = word_find(name)) == NULL)
			usage_error("there is no word %s", name);
		read_operands(&ops, w, o, argc, argv);
	}
	if (o->version)
		return word_version(o, &ops);
	if (o->help && w != NULL)
		print_word(w);
	else if (o->help)
		print_help();
	if (o->help)
		return EX_OK;
	if (o->json)
		show_init(SHOW_JSON);
	ask_password(o);
	return w != NULL ? w->run(o, &ops) : word_bare(o);
}

/*
 * A standard descriptor that is closed would become somebody's socket.  What
 * takes its place can neither be read nor written where that one could.
 */
static void
keep_closed(void)
{
	static const int	how[] = { O_WRONLY, O_RDONLY, O_RDONLY };
	int			fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1)
			(void)open("/dev/null", how[fd]);
}

int
main(int argc, char **argv)
{
	struct options	o;
	int		status;

	keep_closed();
	(void)signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	options_init(&o);
	status = run(&o, argc, argv);
	/* An earlier line may have failed, and nothing be left to flush. */
	if ((fflush(stdout) == EOF || ferror(stdout)) && status == EX_OK) {
		show_error("standard output cannot be written");
		status = EX_IOERR;
	}
	return status;
}
