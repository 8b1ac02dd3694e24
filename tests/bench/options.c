/* SPDX-License-Identifier: ISC */
/* See options.h. */
#include <unistd.h>

#include "load.h"
#include "options.h"

enum { LETTERS_MAX = 2 * 52 + 1 };

/* As getopt has it. */
static void
letters_of(const struct option_row *rows, size_t count,
    char letters[LETTERS_MAX])
{
	size_t i;

	for (i = 0; i < count; i++) {
		*letters++ = rows[i].letter;
		if (rows[i].kind != OPTION_FLAG)
			*letters++ = ':';
	}
	*letters = '\0';
}

static void
take(const struct option_row *row, const char *text)
{
	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)row->to = true;
		break;
	case OPTION_TEXT:
		*(const char **)row->to = text;
		break;
	case OPTION_WHOLE:
		*(unsigned *)row->to = (unsigned)load_number(text, row->min,
		    row->max);
		break;
	case OPTION_SIZE:
		*(size_t *)row->to = (size_t)load_number(text, row->min,
		    row->max);
		break;
	case OPTION_REAL:
		*(double *)row->to = load_number(text, row->min, row->max);
		break;
	}
}

void
options_take(const struct option_row *rows, size_t count, int argc,
    char **argv, void (*usage)(void))
{
	char letters[LETTERS_MAX];
	size_t i;
	int ch;

	letters_of(rows, count, letters);
	while ((ch = getopt(argc, argv, letters)) != -1) {
		for (i = 0; i < count && rows[i].letter != ch; i++)
			continue;
		if (i == count)
			usage();
		take(&rows[i], optarg);
	}
}
