/* SPDX-License-Identifier: ISC */
/*
 * The JSON that the client writes and reads: its requests, the server's
 * lists, and --json's lines.
 */
#ifndef OCM_JSON_H
#define OCM_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "ocm_text.h"

/*
 * {"username": ..., "password": ...} of create and join; no password where it
 * is "".  Both are UTF-8.  Returns a string to free(), or NULL (no memory).
 */
char	*json_request(const char *name, const char *password);

/* From now on lines hold only ASCII: no terminal acts on the escapes. */
void	json_ascii_only(bool);
/*
 * One line of --json without its newline: time, room, from, text.  room NULL
 * is the lobby, from NULL the server.  Bytes that are not UTF-8 become
 * U+FFFD, everything else stays exactly as it came.  Returns a string to
 * free(), or NULL (no memory).
 */
char	*json_line(const struct timespec *, const char *room,
	    const struct said *);

/* One entry of the lists; host is false in the list of rooms. */
struct entry {
	char	*name;
	size_t	 len;		/* the name may hold a NUL: use this */
	bool	 host;
	size_t	 place;		/* in the list as it came */
};
struct entries {
	struct entry	*list;
	size_t		 count;
};
/*
 * Reads ["room", ...] or [{"name": ..., "host": ...}, ...], sorted by name.
 * 0, or -1 where it is neither, or memory is short; free with entries_free.
 */
int	json_entries(struct entries *, const char *text, size_t len);
void	entries_free(struct entries *);
/* {"room": ..., "name": ..., "host": ...}, as json_line; name may be NULL. */
char	*json_entry(const char *room, size_t room_len, const struct entry *);

#endif
