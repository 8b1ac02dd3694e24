/* SPDX-License-Identifier: ISC */
/* What the server looks like, for `ocmctl status`; called by control.c. */
#ifndef OCMD_STATUS_H
#define OCMD_STATUS_H

#include <jansson.h>

struct server;

/*
 * A new JSON object, or NULL when memory is short.  "members" and
 * "open_rooms" are null: only roomd knows them, and ocmctl asks it.  The
 * "pid" of a process that is dead is 0.
 */
json_t	*status_json(const struct server *);
/*
 * Appends a new value to a new array; NULL, and nothing of them is left,
 * where memory is short or either of them is NULL.
 */
json_t	*status_append(json_t *array, json_t *value);

#endif
