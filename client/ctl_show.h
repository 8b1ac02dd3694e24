/* SPDX-License-Identifier: ISC */
/*
 * Answers for people: tables whose columns stay aligned under CJK names, and
 * names that no terminal acts on.
 */
#ifndef OCM_CTL_SHOW_H
#define OCM_CTL_SHOW_H

#include <jansson.h>

void	show_status(const json_t *);
void	show_rooms(const json_t *);
void	show_members(const json_t *);
void	show_stats(const json_t *);
void	show_reload(const json_t *);
/* One line of JSON, for programs. */
void	show_json(const json_t *);
/* A text of the server's on standard error, after "ocmctl: ". */
void	show_error(const char *);

#endif
