/* SPDX-License-Identifier: ISC */
/* Tables for people (see ctl_table.h). */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "ctl_table.h"
#include "name.h"

enum { COLUMNS_MAX = 16, GAP = 2 };

struct table {
	unsigned	 columns;
	size_t		 cells, cap;
	char		**cell;
	size_t		 width[COLUMNS_MAX];
	bool		 right[COLUMNS_MAX];
};

struct table *
table_new(unsigned columns)
{
	struct table *t;

	if (columns == 0 || columns > COLUMNS_MAX)
		errx(1, "a table of %u columns", columns);
	if ((t = calloc(1, sizeof(*t))) == NULL)
		err(1, NULL);
	t->columns = columns;
	return t;
}

size_t
table_width(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t left = strlen(text), width = 0, n;
	uint32_t cp;
	int w;

	while (left > 0) {
		n = utf8_decode(p, left, &cp);
		w = n == 0 ? 1 : wcwidth((wchar_t)cp);
		if (n == 0)
			n = 1;
		width += w < 0 ? 1 : (size_t)w;
		p += n;
		left -= n;
	}
	return width;
}

void
table_right(struct table *t, unsigned column)
{
	t->right[column] = true;
}

void
table_add(struct table *t, const char *text)
{
	size_t len = strlen(text), cap = 8 * len + 1, width;
	unsigned column = (unsigned)(t->cells % t->columns);
	char *harmless;

	if (t->cells == t->cap) {
		t->cap = t->cap == 0 ? 64 : 2 * t->cap;
		t->cell = reallocarray(t->cell, t->cap, sizeof(*t->cell));
		if (t->cell == NULL)
			err(1, NULL);
	}
	if ((harmless = malloc(cap)) == NULL)
		err(1, NULL);
	(void)text_harmless(harmless, cap, text, len);
	if ((width = table_width(harmless)) > t->width[column])
		t->width[column] = width;
	t->cell[t->cells++] = harmless;
}

void
table_add_number(struct table *t, long long n)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld", n);
	table_add(t, text);
}

char *
table_duration(char *buf, size_t cap, long long s)
{
	if (s < 60)
		(void)snprintf(buf, cap, "%lld s", s);
	else if (s < 3600)
		(void)snprintf(buf, cap, "%lld min", s / 60);
	else if (s < 86400)
		(void)snprintf(buf, cap, "%lld h %lld min", s / 3600,
		    s % 3600 / 60);
	else
		(void)snprintf(buf, cap, "%lld d %lld h", s / 86400,
		    s % 86400 / 3600);
	return buf;
}

void
table_add_seconds(struct table *t, long long s)
{
	char text[64];

	table_add(t, table_duration(text, sizeof(text), s));
}

static void
print_cell(const struct table *t, size_t i)
{
	unsigned column = (unsigned)(i % t->columns);
	bool last = column + 1 == t->columns;
	size_t fill = t->width[column] - table_width(t->cell[i]);

	if (t->right[column])
		(void)printf("%*s%s", (int)fill, "", t->cell[i]);
	else
		(void)printf("%s%*s", t->cell[i], last ? 0 : (int)fill, "");
	(void)printf("%*s%s", last ? 0 : GAP, "", last ? "\n" : "");
}

void
table_print(struct table *t)
{
	size_t i;

	for (i = 0; i < t->cells; i++) {
		print_cell(t, i);
		free(t->cell[i]);
	}
	free(t->cell);
	free(t);
}
