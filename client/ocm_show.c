/* SPDX-License-Identifier: ISC */
/*
 * The only place that writes for people or for the next program of a pipe.
 * Called by everything in the client that has something to say.
 */
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "name.h"
#include "ocm_show.h"

static enum show_mode	mode = SHOW_PLAIN;
static bool		styled;
static void		(*before)(void);
static int		broken;		/* errno of stdout, 0 while it works */

void
show_init(enum show_mode m)
{
	const char	*term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	mode = m;
	styled = m == SHOW_TERMINAL && isatty(STDOUT_FILENO) &&
	    (no_color == NULL || *no_color == '\0') &&
	    term != NULL && strcmp(term, "dumb") != 0;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	json_ascii_only(isatty(STDOUT_FILENO));
}

void
show_before(void (*fn)(void))
{
	before = fn;
}

bool
show_broken(int *error)
{
	*error = broken;
	return broken != 0;
}

char *
show_harmless(const void *text, size_t len)
{
	char	*out = malloc(8 * len + 1);

	if (out == NULL)
		err(EX_OSERR, NULL);
	(void)text_harmless(out, 8 * len + 1, text, len);
	return out;
}

/* Styles begin and end in one line, so that a text cannot leak its own. */
static const char *
style(const char *sequence)
{
	return styled ? sequence : "";
}
#define BOLD	style("\033[1m")
#define FAINT	style("\033[2m")
#define NORMAL	style("\033[0m")

__attribute__((__format__(__printf__, 1, 2)))
static void
out(const char *format, ...)
{
	va_list	ap;

	if (before != NULL)
		before();
	va_start(ap, format);
	if (vprintf(format, ap) < 0 && broken == 0)
		broken = errno;
	va_end(ap);
}

/* Consumes the line; NULL is what jansson gives when memory is short. */
static void
out_json(char *line)
{
	if (line == NULL)
		errx(EX_OSERR, "out of memory");
	out("%s\n", line);
	free(line);
}

static void
said_json(const char *room, const struct said *said)
{
	struct timespec	now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	out_json(json_line(&now, room, said));
}

void
show_said(const char *room, const struct said *said)
{
	char	*from, *text;

	if (mode == SHOW_JSON) {
		said_json(room, said);
		return;
	}
	text = show_harmless(said->text, said->text_len);
	if (said->from != NULL) {
		from = show_harmless(said->from, said->from_len);
		out("%s%s%s: %s\n", BOLD, from, NORMAL, text);
		free(from);
	} else
		out("%s\n", text);
	free(text);
}

void
show_notice(const char *room, const void *bytes, size_t len)
{
	struct said	 said = { NULL, 0, bytes, len };
	char		*text;

	if (mode == SHOW_JSON) {
		said_json(room, &said);
		return;
	}
	text = show_harmless(bytes, len);
	show_info("%s", text);
	free(text);
}

void
show_room(const struct entry *e)
{
	char	*name;

	if (mode == SHOW_JSON) {
		out_json(json_entry(e->name, e->len, NULL));
		return;
	}
	name = show_harmless(e->name, e->len);
	out("%s\n", name);
	free(name);
}

void
show_member(const char *room, const struct entry *e)
{
	char	*name;

	if (mode == SHOW_JSON) {
		out_json(json_entry(room, strlen(room), e));
		return;
	}
	name = show_harmless(e->name, e->len);
	out("%s%s\n", name, e->host ? " (host)" : "");
	free(name);
}

/* On a terminal into the conversation, otherwise beside it. */
static void
own_words(const char *mark, const char *before_text, const char *format,
    va_list ap)
{
	char	*text;

	if (vasprintf(&text, format, ap) == -1)
		err(EX_OSERR, NULL);
	if (mode == SHOW_TERMINAL)
		out("%s%s%s%s\n", before_text, mark, text,
		    before_text[0] != '\0' ? NORMAL : "");
	else
		(void)fprintf(stderr, "ocm: %s\n", text);
	free(text);
}

void
show_info(const char *format, ...)
{
	va_list	ap;

	va_start(ap, format);
	own_words("* ", FAINT, format, ap);
	va_end(ap);
}

void
show_error(const char *format, ...)
{
	va_list	ap;

	va_start(ap, format);
	own_words("! ", "", format, ap);
	va_end(ap);
}
