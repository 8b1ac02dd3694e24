/* SPDX-License-Identifier: ISC */
/*
 * The front end on a terminal.  Called by the words create, join and lobby.
 *
 * libedit is in command while a line is typed: it asks tty_getc() for each
 * character, and that runs the event loop until there is one.  So nothing
 * that libedit does in the middle of a key sequence, a search or a quoted
 * character can keep datagrams waiting.  Before anything is shown, the typed
 * line is taken off the screen; afterwards libedit draws it again.
 */
#include <sys/types.h>
#include <sys/ioctl.h>

#include <err.h>
#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include <wchar.h>

#include <event2/event.h>

#include "ocm_chat.h"
#include "ocm_command.h"
#include "ocm_show.h"
#include "ocm_term.h"
#include "ocm_tty.h"
#include "ocm_width.h"

enum { HISTORY_LINES = 500, INPUT_SIZE = 4096, COLUMNS = 80 };

static wchar_t	prompt[] = L"> ";

static struct {
	struct chat		*chat;
	struct event_base	*base;
	EditLine		*el;
	HistoryW		*history;
	bool			 reading;	/* a line is on the screen */
	bool			 cleared;	/* for the moment it is not */
	bool			 interrupted;	/* SIGINT came */
	bool			 eof;
	char			 buf[INPUT_SIZE];
	size_t			 have, used;
	mbstate_t		 state;
	struct event		*ev_in, *ev_int, *ev_stop, *ev_size;
} tty;

static wchar_t *
give_prompt(EditLine *el)
{
	(void)el;
	return prompt;
}

static unsigned
columns(void)
{
	struct winsize	size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == -1 || size.ws_col == 0)
		return COLUMNS;
	return size.ws_col;
}

/* Takes the line being typed off the screen; others write where it was. */
static void
clear_line(void)
{
	const LineInfoW	*line;
	unsigned	 row;

	if (!tty.reading || tty.cleared)
		return;
	tty.cleared = true;
	if (!term_moves()) {
		(void)fputc('\n', stdout);
		return;
	}
	line = el_wline(tty.el);
	row = width_cursor_row(columns(), (unsigned)wcslen(prompt),
	    line->buffer, (size_t)(line->lastchar - line->buffer),
	    (size_t)(line->cursor - line->buffer));
	(void)fputc('\r', stdout);
	if (row > 0)
		(void)printf("\033[%uA", row);
	(void)fputs("\033[J", stdout);
}

static void
restore_line(void)
{
	if (!tty.cleared)
		return;
	tty.cleared = false;
	(void)el_wset(tty.el, EL_REFRESH);
	(void)fflush(stdout);
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	ssize_t	n;

	(void)what;
	(void)arg;
	if (tty.used < tty.have)
		return;
	n = read(fd, tty.buf, sizeof(tty.buf));
	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return;
	tty.eof = n <= 0;
	tty.have = n > 0 ? (size_t)n : 0;
	tty.used = 0;
}

/* The next character of what was read; bytes that are none are skipped. */
static bool
next_character(wchar_t *out)
{
	size_t	n;

	while (tty.used < tty.have) {
		n = mbrtowc(out, tty.buf + tty.used, 1, &tty.state);
		tty.used++;
		if (n == 1 || n == 0)
			return true;
		if (n == (size_t)-1)
			memset(&tty.state, 0, sizeof(tty.state));
	}
	return false;
}

/* What libedit calls for each character: 1, or 0 for the end. */
static int
tty_getc(EditLine *el, wchar_t *out)
{
	(void)el;
	while (!chat_leaving(tty.chat) && !tty.eof) {
		/* Keys may have come together with a message. */
		restore_line();
		if (tty.interrupted) {
			tty.interrupted = false;
			*out = L'\003';
			return 1;
		}
		if (next_character(out))
			return 1;
		(void)event_add(tty.ev_in, NULL);
		(void)event_base_loop(tty.base, EVLOOP_ONCE);
	}
	return 0;
}

/* Control-C: the line is not meant; without one, it is the end. */
static unsigned char
interrupt_line(EditLine *el, int ch)
{
	const LineInfoW	*line = el_wline(el);

	(void)ch;
	if (line->lastchar == line->buffer)
		return CC_EOF;
	clear_line();
	tty.cleared = false;
	return CC_FATAL;	/* drops the line and draws the prompt */
}

static void
on_interrupt(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	(void)arg;
	tty.interrupted = true;
}

/*
 * Control-Z: the shell gets its terminal as it was.  Where there is none that
 * could have us go on, the kernel knows, and the signal stops nobody; so it is
 * raised again, as it would be without us.
 */
static void
on_stop(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	(void)arg;
	clear_line();
	(void)fflush(stdout);
	(void)el_wset(tty.el, EL_PREP_TERM, 0);
	(void)event_del(tty.ev_stop);
	(void)raise(SIGTSTP);
	(void)event_add(tty.ev_stop, NULL);
	(void)el_wset(tty.el, EL_PREP_TERM, 1);
	el_resize(tty.el);
}

static void
on_size(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	(void)arg;
	clear_line();
	el_resize(tty.el);
}

/* The wire speaks UTF-8, so the terminal has to. */
static void
speak_utf8(void)
{
	(void)setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0 &&
	    setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		(void)setlocale(LC_CTYPE, "en_US.UTF-8");
}

/*
 * libedit inserts and deletes cells without a thought for characters that
 * have two of them; without these capabilities it writes the row anew.
 */
static void
no_cell_tricks(void)
{
	static const wchar_t	*const names[] = { L"im", L"ei", L"ic", L"IC",
				    L"dm", L"dc", L"DC", L"ed" };
	size_t			i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)el_wset(tty.el, EL_SETTC, names[i], L"", NULL);
}

static void
start_editor(void)
{
	HistEventW	event;

	tty.el = el_init("ocm", stdin, stdout, stderr);
	tty.history = history_winit();
	if (tty.el == NULL || tty.history == NULL)
		errx(EX_OSERR, "no line editor");
	no_cell_tricks();
	(void)history_w(tty.history, &event, H_SETSIZE, HISTORY_LINES);
	(void)history_w(tty.history, &event, H_SETUNIQUE, 1);
	(void)el_wset(tty.el, EL_PROMPT, give_prompt);
	(void)el_wset(tty.el, EL_EDITOR, L"emacs");
	(void)el_wset(tty.el, EL_HIST, history_w, tty.history);
	(void)el_wset(tty.el, EL_GETCFN, tty_getc);
	(void)el_wset(tty.el, EL_ADDFN, L"ocm-interrupt",
	    L"Discard the line, or leave", interrupt_line);
	(void)el_wset(tty.el, EL_BIND, L"^R", L"em-inc-search-prev", NULL);
	(void)el_source(tty.el, NULL);		/* ~/.editrc */
	(void)el_wset(tty.el, EL_BIND, L"^C", L"ocm-interrupt", NULL);
	(void)el_wset(tty.el, EL_BIND, L"-a", L"^C", L"ocm-interrupt", NULL);
}

static struct event *
signal_event(int number, event_callback_fn fn)
{
	struct event	*ev = evsignal_new(tty.base, number, fn, NULL);

	if (ev == NULL || event_add(ev, NULL) == -1)
		errx(EX_OSERR, "out of memory");
	return ev;
}

static void
start_events(void)
{
	tty.ev_in = event_new(tty.base, STDIN_FILENO, EV_READ, on_input, NULL);
	if (tty.ev_in == NULL)
		errx(EX_OSERR, "out of memory");
	tty.ev_int = signal_event(SIGINT, on_interrupt);
	tty.ev_stop = signal_event(SIGTSTP, on_stop);
	tty.ev_size = signal_event(SIGWINCH, on_size);
}

/* The typed line as UTF-8, without its newline; NULL at the end of input. */
static char *
read_line(void)
{
	const wchar_t	*line;
	char		*text;
	size_t		 size;
	int		 count;

	tty.reading = true;
	line = el_wgets(tty.el, &count);
	if (line == NULL) {
		clear_line();
		(void)fflush(stdout);
	}
	tty.reading = tty.cleared = false;
	if (line == NULL)
		return NULL;
	size = (size_t)count * MB_CUR_MAX + 1;
	if ((text = malloc(size)) == NULL)
		err(EX_OSERR, NULL);
	if (wcstombs(text, line, size) == (size_t)-1)
		*text = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return text;
}

static void
remember(const char *text)
{
	wchar_t		*copy;
	size_t		 size = strlen(text) + 1;
	HistEventW	 event;

	if (*text == '\0')
		return;
	if ((copy = calloc(size, sizeof(*copy))) == NULL)
		err(EX_OSERR, NULL);
	if (mbstowcs(copy, text, size) != (size_t)-1)
		(void)history_w(tty.history, &event, H_ENTER, copy);
	free(copy);
}

/* Lines until the chat is over or the person has enough of it. */
static void
read_lines(void)
{
	char	*text;

	while (!chat_leaving(tty.chat)) {
		if ((text = read_line()) == NULL)
			break;
		remember(text);
		command_line(tty.chat, text);
		free(text);
	}
}

static void
stop(void)
{
	show_before(NULL);
	el_end(tty.el);
	history_wend(tty.history);
	event_free(tty.ev_in);
	event_free(tty.ev_int);
	event_free(tty.ev_stop);
	event_free(tty.ev_size);
	term_restore();
}

void
tty_run(struct chat *chat, struct event_base *base)
{
	memset(&tty, 0, sizeof(tty));
	tty.chat = chat;
	tty.base = base;
	speak_utf8();
	term_save();
	start_editor();
	start_events();
	show_before(clear_line);
	show_info("/help lists commands, Control-D leaves");
	read_lines();
	stop();
	if (!chat_leaving(chat))
		chat_leave(chat, EX_OK);
	while (!chat_over(chat))
		(void)event_base_loop(base, EVLOOP_ONCE);
}
