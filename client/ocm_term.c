/* SPDX-License-Identifier: ISC */
/*
 * The terminal's own state.  Called by ocm_tty.c.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ocm_term.h"

static struct termios			saved;
static volatile sig_atomic_t		have_saved;

void
term_restore(void)
{
	if (have_saved)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}

/* SA_RESETHAND: raised again, it does what it always did. */
static void
on_fatal(int number)
{
	term_restore();
	(void)raise(number);
}

static void
catch_fatal(void)
{
	static const int	fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE,
				    SIGABRT, SIGSYS };
	struct sigaction	act;
	size_t			i;

	memset(&act, 0, sizeof(act));
	act.sa_handler = on_fatal;
	act.sa_flags = (int)SA_RESETHAND;
	(void)sigemptyset(&act.sa_mask);
	for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		(void)sigaction(fatal[i], &act, NULL);
}

void
term_save(void)
{
	if (have_saved || tcgetattr(STDIN_FILENO, &saved) == -1)
		return;
	have_saved = 1;
	(void)atexit(term_restore);
	catch_fatal();
}

bool
term_moves(void)
{
	const char	*term = getenv("TERM");

	return term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}
