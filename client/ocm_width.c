/* SPDX-License-Identifier: ISC */
/*
 * Where the line editor left the cursor.  Called by ocm_tty.c before each
 * message that arrives while a line is being typed.
 */
#include <wchar.h>
#include <wctype.h>

#include "ocm_width.h"

enum { TAB_STOP = 8 };

struct place {
	unsigned	row, column, columns;
};

/* Advances over cells of one character, as many as are not split. */
static void
put(struct place *p, unsigned cells)
{
	if (p->column + cells > p->columns && p->column > 0) {
		p->row++;
		p->column = 0;
	}
	p->column += cells;
	if (p->column >= p->columns) {
		p->row++;
		p->column = 0;
	}
}

/* A character that is shown as several of one cell each. */
static void
put_each(struct place *p, unsigned count)
{
	while (count-- > 0)
		put(p, 1);
}

static void
put_char(struct place *p, wchar_t c)
{
	int	width = wcwidth(c);

	if (c == L'\t') {
		do
			put(p, 1);
		while (p->column % TAB_STOP != 0);
	} else if (c == L'\n') {
		p->row++;
		p->column = 0;
	} else if (c < 0x100 && iswcntrl((wint_t)c)) {
		put_each(p, 2);			/* ^X */
	} else if (!iswprint((wint_t)c) || width < 0) {
		put_each(p, c > 0xffff ? 8 : 7);	/* \U+12345 */
	} else if (width > 0)
		put(p, (unsigned)width);
}

unsigned
width_cursor_row(unsigned columns, unsigned prompt_width, const wchar_t *text,
    size_t len, size_t cursor)
{
	struct place	p = { 0, 0, columns };
	size_t		i;

	put_each(&p, prompt_width);
	for (i = 0; i < cursor && i < len; i++)
		put_char(&p, text[i]);
	/* Before a wide character that did not fit, it is on the next row. */
	if (i < len && wcwidth(text[i]) > 1 &&
	    p.column + (unsigned)wcwidth(text[i]) > p.columns)
		p.row++;
	return p.row;
}
