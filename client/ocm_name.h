/* SPDX-License-Identifier: ISC */
/*
 * Which of a room's members we are: the server may have made our name unique.
 */
#ifndef OCM_NAME_OURS_H
#define OCM_NAME_OURS_H

#include <stdbool.h>
#include <stddef.h>

#include "ocm_json.h"

/*
 * The entry that is ours if we have just joined as `asked`: the newest of
 * those that the server could have made of that.  NULL where there is none.
 * *sure: there is no other.
 */
const struct entry *name_among(const struct entries *, const char *asked,
	    bool *sure);

#endif
