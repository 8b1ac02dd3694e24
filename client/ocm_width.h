/* SPDX-License-Identifier: ISC */
/*
 * Where the line editor left the cursor, so that its lines can be cleared
 * before a message is shown above them.
 */
#ifndef OCM_WIDTH_H
#define OCM_WIDTH_H

#include <stddef.h>
#include <wchar.h>

/*
 * The screen row, counted from the row of the prompt, of the cursor that
 * stands before text[cursor], when prompt_width columns come before the text
 * and a row has columns > 0 of them.  Lays out as libedit does: wide
 * characters are never split, control characters are ^X, others that cannot
 * be shown \U+hex.
 */
unsigned width_cursor_row(unsigned columns, unsigned prompt_width,
	    const wchar_t *text, size_t len, size_t cursor);

#endif
