/* SPDX-License-Identifier: ISC */
/*
 * ocmctl: starts the server and gives it orders.  One table of words; each
 * has one function that does it and returns the exit status.
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl_ask.h"
#include "ctl_show.h"
#include "selfdir.h"

enum {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,
	EXIT_NOT_RUNNING = 3,
	EXIT_UNKNOWN = 4,
};

struct call {
	const struct word	*word;
	const char		*argv0;
	char			*socket;	/* as -s said, or the default */
	bool			 socket_given;
	bool			 json;
	int			 argc;		/* what follows the word */
	char			**argv;
};

struct word {
	const char	*name;
	int		(*run)(const struct call *);
	int		 least, most;		/* arguments; -1: its own */
	const char	*arguments, *help;
};

static int do_start(const struct call *), do_check(const struct call *),
    do_stop(const struct call *), do_status(const struct call *),
    do_rooms(const struct call *), do_members(const struct call *),
    do_close(const struct call *), do_kick(const struct call *),
    do_stats(const struct call *), do_reload(const struct call *),
    do_log(const struct call *), do_version(const struct call *),
    do_help(const struct call *);

static const struct word words[] = {
	{ "start", do_start, -1, -1, "[-F] [-f file] [-o name=value] ...",
	    "start the server; -F: stay in the foreground" },
	{ "stop", do_stop, 0, 0, "", "tell every member, and end it" },
	{ "status", do_status, 0, 0, "", "addresses, processes, numbers" },
	{ "rooms", do_rooms, 0, 0, "", "all open rooms" },
	{ "members", do_members, 1, 1, "room", "the members of a room" },
	{ "close", do_close, 1, 1, "room", "close a room" },
	{ "kick", do_kick, 2, 2, "room name", "remove a member" },
	{ "stats", do_stats, 0, 0, "", "every counter" },
	{ "reload", do_reload, 0, 0, "", "read the configuration again" },
	{ "log", do_log, 1, 1, "brief | verbose", "how much is logged" },
	{ "check", do_check, -1, -1, "[-f file] [-o name=value] ...",
	    "test a configuration" },
	{ "version", do_version, 0, 0, "", "print the version" },
	{ "help", do_help, 0, 0, "", "print this" },
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

static void
print_help(FILE *f)
{
	unsigned i;

	(void)fprintf(f, "usage: ocmctl [-j] [-s socket] word "
	    "[argument ...]\n");
	for (i = 0; i < WORDS; i++)
		(void)fprintf(f, "  %s%s%s\n\t%s\n", words[i].name,
		    words[i].arguments[0] != '\0' ? " " : "",
		    words[i].arguments, words[i].help);
	(void)fprintf(f, "-j: answer in JSON.  Manual: ocmctl(8)\n");
}

static void __attribute__((__noreturn__))
usage(const struct word *w)
{
	/* The whole help would push what is wrong out of sight. */
	if (w == NULL)
		(void)fprintf(stderr, "usage: ocmctl [-j] [-s socket] word "
		    "[argument ...]; the words: ocmctl help\n");
	else
		(void)fprintf(stderr, "usage: ocmctl [-j] [-s socket] %s%s%s\n",
		    w->name, w->arguments[0] != '\0' ? " " : "",
		    w->arguments);
	exit(EX_USAGE);
}

/* ---- words that become ocmd ---- */

static int
become_ocmd(const struct call *c, bool check)
{
	static char option_n[] = "-n", option_s[] = "-s";
	char path[1024], **argv;
	int n = 0, i;

	if (selfdir_find(c->argv0, "ocmd", OCM_SBINDIR, path,
	    sizeof(path)) == NULL) {
		(void)fprintf(stderr, "ocmctl: %s: %s\n", path,
		    strerror(errno));
		return EXIT_REFUSED;
	}
	argv = calloc((size_t)c->argc + 5, sizeof(*argv));
	if (argv == NULL)
		return EXIT_REFUSED;
	argv[n++] = path;
	if (check)
		argv[n++] = option_n;
	if (c->socket_given) {
		argv[n++] = option_s;
		argv[n++] = c->socket;
	}
	for (i = 0; i < c->argc; i++)
		argv[n++] = c->argv[i];
	(void)execv(path, argv);
	free(argv);
	(void)fprintf(stderr, "ocmctl: %s: %s\n", path, strerror(errno));
	return EXIT_REFUSED;
}

static int
do_start(const struct call *c)
{
	return become_ocmd(c, false);
}

static int
do_check(const struct call *c)
{
	return become_ocmd(c, true);
}

/* ---- words that ask ---- */

/* What went wrong, said once; the exit status for it. */
static int
complain(const struct call *c, enum ask_result result,
    const struct ask_answer *a)
{
	if (result == ASK_NOT_RUNNING) {
		(void)fprintf(stderr, "ocmctl: not running (nobody listens on "
		    "%s)\n", c->socket);
		return EXIT_NOT_RUNNING;
	}
	show_error(a->error != NULL ? a->error : "out of memory");
	return result == ASK_REFUSED ? EXIT_REFUSED : EXIT_UNKNOWN;
}

/* show: for people; NULL where there is nothing to show. */
static int
ask_and_show(const struct call *c, const struct control_request *r,
    int timeout_ms, void (*show)(const json_t *))
{
	struct ask_answer a;
	enum ask_result result = ask(c->socket, r, timeout_ms, &a);
	int code = EXIT_DONE;

	if (result != ASK_OK)
		code = complain(c, result, &a);
	else if (c->json)
		show_json(a.json);
	else if (show != NULL)
		show(a.json);
	ask_free(&a);
	return code;
}

static int
ask_roomd(const struct call *c, enum control_verb verb,
    void (*show)(const json_t *))
{
	struct control_request r;
	const char *room = c->argc > 0 ? c->argv[0] : "";
	const char *member = c->argc > 1 ? c->argv[1] : "";

	if (strlen(room) > NAME_MAX_BYTES || strlen(member) > NAME_MAX_BYTES) {
		(void)fprintf(stderr, "ocmctl: a name has at most %d bytes\n",
		    NAME_MAX_BYTES);
		return EXIT_REFUSED;
	}
	ask_request(&r, verb, room, member);
	return ask_and_show(c, &r, ASK_ROOMD_MS, show);
}

static int
do_rooms(const struct call *c)
{
	return ask_roomd(c, CONTROL_ROOMS, show_rooms);
}

static int
do_members(const struct call *c)
{
	return ask_roomd(c, CONTROL_MEMBERS, show_members);
}

static int
do_close(const struct call *c)
{
	return ask_roomd(c, CONTROL_CLOSE, NULL);
}

static int
do_kick(const struct call *c)
{
	return ask_roomd(c, CONTROL_KICK, NULL);
}

static int
do_stats(const struct call *c)
{
	return ask_roomd(c, CONTROL_STATS, show_stats);
}

static int
do_reload(const struct call *c)
{
	struct control_request r;

	ask_request(&r, CONTROL_RELOAD, "", "");
	return ask_and_show(c, &r, ASK_ORDER_MS, show_reload);
}

static int
do_log(const struct call *c)
{
	struct control_request r;

	ask_request(&r, CONTROL_LOG, "", "");
	if (strcmp(c->argv[0], "verbose") == 0)
		r.flag = 1;
	else if (strcmp(c->argv[0], "brief") != 0)
		usage(c->word);
	return ask_and_show(c, &r, ASK_STATUS_MS, NULL);
}

/* Stopping what does not run is done already, as systemctl(1) has it. */
static int
do_stop(const struct call *c)
{
	struct control_request r;
	int code;

	ask_request(&r, CONTROL_STOP, "", "");
	code = ask_and_show(c, &r, ASK_ORDER_MS, NULL);
	return code == EXIT_NOT_RUNNING ? EXIT_DONE : code;
}

/*
 * ocmd tells what it knows, roomd the numbers; a status without them is
 * better than none while roomd is dead or hung.
 */
static int
do_status(const struct call *c)
{
	struct control_request r;
	struct ask_answer a, counts;
	enum ask_result result;
	int code = EXIT_DONE;

	ask_request(&r, CONTROL_STATUS, "", "");
	result = ask(c->socket, &r, ASK_STATUS_MS, &a);
	if (result != ASK_OK || !json_is_object(a.json)) {
		code = complain(c, result, &a);
		/* Refused, it runs; but how can no longer be told. */
		if (code != EXIT_NOT_RUNNING)
			code = EXIT_UNKNOWN;
		ask_free(&a);
		return code;
	}
	ask_request(&r, CONTROL_COUNTS, "", "");
	if (ask(c->socket, &r, ASK_COUNTS_MS, &counts) == ASK_OK)
		(void)json_object_update_existing(a.json, counts.json);
	ask_free(&counts);
	if (c->json)
		show_json(a.json);
	else
		show_status(a.json);
	ask_free(&a);
	return code;
}

/* ---- the rest ---- */

static int
do_version(const struct call *c)
{
	(void)c;
	(void)printf("ocmctl %s\n", OCM_VERSION);
	return EXIT_DONE;
}

static int
do_help(const struct call *c)
{
	(void)c;
	print_help(stdout);
	return EXIT_DONE;
}

/* The options from argv[optind] on, up to what is none. */
static void
take_options(struct call *c, int argc, char *argv[])
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	opterr = 0;		/* we say it in our own words */
	while ((o = getopt_long(argc, argv, "+hjs:V", long_options,
	    NULL)) != -1) {
		switch (o) {
		case 'h':
			exit(do_help(c));
		case 'j':
			c->json = true;
			break;
		case 's':
			c->socket = optarg;
			c->socket_given = true;
			break;
		case 'V':
			exit(do_version(c));
		default:
			if (optopt == 's')
				(void)fputs("ocmctl: -s needs a path\n",
				    stderr);
			else
				(void)fprintf(stderr, "ocmctl: there is no "
				    "option %s\n", argv[optind - 1]);
			usage(c->word);
		}
	}
}

/*
 * The arguments of the word, which move to the front of argv; options may
 * stand among them, up to a "--".
 */
static void
take_arguments(struct call *c, int argc, char *argv[])
{
	c->argv = argv + optind;
	c->argc = 0;
	for (;;) {
		take_options(c, argc, argv);
		if (optind == argc)
			break;
		if (strcmp(argv[optind - 1], "--") == 0) {
			while (optind < argc)
				c->argv[c->argc++] = argv[optind++];
			break;
		}
		c->argv[c->argc++] = argv[optind++];
	}
	if (c->argc < c->word->least || c->argc > c->word->most)
		usage(c->word);
}

static void
take_word(struct call *c, const char *name)
{
	unsigned i;

	for (i = 0; i < WORDS; i++)
		if (strcmp(words[i].name, name) == 0)
			c->word = &words[i];
	if (c->word != NULL)
		return;
	(void)fprintf(stderr, "ocmctl: there is no word \"%s\"\n", name);
	usage(NULL);
}

/* Widths of characters are known in a UTF-8 locale only. */
static void
choose_locale(void)
{
	(void)setlocale(LC_CTYPE, "");
	if (MB_CUR_MAX == 1)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
}

int
main(int argc, char *argv[])
{
	char path[1024];
	struct call c = { .argv0 = argv[0] };
	int code;

	choose_locale();
	take_options(&c, argc, argv);
	if (optind == argc) {
		print_help(stderr);
		exit(EX_USAGE);
	}
	take_word(&c, argv[optind++]);
	if (c.word->least >= 0)
		take_arguments(&c, argc, argv);
	else {
		c.argc = argc - optind;
		c.argv = argv + optind;
	}
	if (c.socket == NULL &&
	    (c.socket = control_default_path(path, sizeof(path))) == NULL) {
		(void)fprintf(stderr, "ocmctl: control socket: %s\n",
		    strerror(errno));
		return EXIT_UNKNOWN;
	}
	code = c.word->run(&c);
	if ((fflush(stdout) == EOF || ferror(stdout)) && code == EXIT_DONE) {
		(void)fputs("ocmctl: cannot write standard output\n",
		    stderr);
		return EXIT_REFUSED;
	}
	return code;
}
