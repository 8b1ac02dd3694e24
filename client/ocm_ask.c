/* SPDX-License-Identifier: ISC */
/*
 * Questions to the person at the terminal, before the chat begins.  Called
 * by main and by the words that enter a room.
 */
#include <err.h>
#include <errno.h>
#include <readpassphrase.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "name.h"
#include "ocm_ask.h"
#include "ocm_options.h"
#include "ocm_show.h"

bool
ask_possible(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* An answer, or the default for an empty line; the end of input ends us. */
static void
ask(const char *question, const char *preset, char *answer, size_t cap)
{
	char	*line = NULL;
	size_t	 size = 0;

	for (;;) {
		(void)printf("%s [%s]: ", question, preset);
		(void)fflush(stdout);
		if (getline(&line, &size, stdin) == -1) {
			(void)putchar('\n');
			exit(EX_OK);
		}
		line[strcspn(line, "\r\n")] = '\0';
		if (strlcpy(answer, *line != '\0' ? line : preset, cap) < cap)
			break;
		(void)printf("that is too long\n");
	}
	free(line);
}

static void
ask_server(struct options *o)
{
	char		 preset[SERVER_TEXT], answer[SERVER_TEXT];
	const char	*wrong;

	(void)server_text(&o->server, preset);
	if (o->server.tcp == WIRE_TCP_PORT && o->server.udp == WIRE_RELAY_PORT)
		(void)strlcpy(preset, o->server.host, sizeof(preset));
	for (;;) {
		struct server	given;

		ask("Server", preset, answer, sizeof(answer));
		if (strcmp(answer, preset) == 0)
			return;
		if ((wrong = server_parse(&given, answer)) == NULL) {
			o->server = given;
			return;
		}
		(void)printf("%s\n", wrong);
	}
}

static void
ask_name(const char *question, const char *preset,
    char name[NAME_MAX_BYTES + 1])
{
	const char	*wrong;

	for (;;) {
		ask(question, preset, name, NAME_MAX_BYTES + 1);
		if ((wrong = name_wrong(name)) == NULL)
			return;
		(void)printf("that is no name: %s\n", wrong);
	}
}

void
ask_everything(struct options *o, char room[NAME_MAX_BYTES + 1])
{
	char	preset[NAME_MAX_BYTES + 1];

	if (!o->server_given)
		ask_server(o);
	if (!o->name_given) {
		(void)strlcpy(preset, o->name[0] != '\0' ? o->name : "guest",
		    sizeof(preset));
		ask_name("Your name", preset, o->name);
	}
	ask_name("Room (a new name makes it)", "lobby", room);
}

/* The first line of the file, without its end; of any file no more is read. */
static void
read_password(struct options *o)
{
	char	 line[sizeof(o->password) + sizeof("\r\n") - 1];
	FILE	*fp = fopen(o->password_file, "re");

	if (fp == NULL)
		err(EX_NOINPUT, "%s", o->password_file);
	/* No copy of it stays in a buffer. */
	(void)setvbuf(fp, NULL, _IONBF, 0);
	line[0] = '\0';
	if (fgets(line, sizeof(line), fp) == NULL && ferror(fp) != 0)
		err(EX_NOINPUT, "%s", o->password_file);
	line[strcspn(line, "\r\n")] = '\0';
	if (line[0] == '\0')
		errx(EX_DATAERR, "%s: no password in it", o->password_file);
	if (strlcpy(o->password, line, sizeof(o->password)) >=
	    sizeof(o->password))
		errx(EX_DATAERR, "%s: the password is longer than %d bytes",
		    o->password_file, NAME_MAX_BYTES);
	explicit_bzero(line, sizeof(line));
	(void)fclose(fp);
}

bool
ask_password_now(struct options *o)
{
	errno = 0;
	return readpassphrase("Password: ", o->password, sizeof(o->password),
	    RPP_REQUIRE_TTY) != NULL && o->password[0] != '\0';
}

void
ask_password(struct options *o)
{
	if (o->password_file != NULL)
		read_password(o);
	else if (o->ask_password && !ask_password_now(o) && errno == ENOTTY)
		usage_error("-P needs a terminal; scripts use "
		    "--password-file FILE");
	if (!utf8_valid(o->password, strlen(o->password)))
		errx(EX_DATAERR, "the password is not UTF-8");
}
