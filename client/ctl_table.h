/* SPDX-License-Identifier: ISC */
/* A table of text with aligned columns; used by ctl_show.c. */
#ifndef OCM_CTL_TABLE_H
#define OCM_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct table;

/* columns > 0; memory failures end the program. */
struct table *table_new(unsigned columns);
/* The next cell, row by row; text of others is made harmless. */
void	table_add(struct table *, const char *text);
void	table_add_number(struct table *, long long);
/* "3 s", "2 min", "5 h 4 min", "12 d 3 h". */
void	table_add_seconds(struct table *, long long);
/* This column's cells, all of them, stand at its right edge. */
void	table_right(struct table *, unsigned column);
/* Prints it and frees it. */
void	table_print(struct table *);
/* Columns of a terminal that a harmless text takes. */
size_t	table_width(const char *text);
/* A duration as table_add_seconds writes it; returns buf. */
char	*table_duration(char *buf, size_t cap, long long seconds);

#endif
