/* SPDX-License-Identifier: ISC */
/* The table of all settings; private to conf.c and conf_value.c. */
#ifndef OCMD_CONF_VALUE_H
#define OCMD_CONF_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "conf.h"

enum {
	SETTING_LIVE = 1 << 0,		/* a reload applies it */
	SETTING_LIST = 1 << 1,		/* takes any number of values */
};

struct setting {
	const char	*name;
	const char	*standard;	/* default, as if it were written */
	/* Stores the values in the field: 0, or -1 and what is wrong. */
	int		(*take)(const struct setting *, void *field,
			    const char *const *values, unsigned n,
			    char why[CONF_ERROR]);
	size_t		 offset, size;	/* of its field in struct conf */
	uint32_t	 min, max;	/* addresses: fewest, default port */
	unsigned	 flags;
};

enum { SETTINGS_MAX = 64 };
extern const struct setting settings[];
extern const unsigned settings_count;

/* NULL where there is none. */
const struct setting *setting_find(const char *name, size_t len);
/* 0, or -1 and in `why` what would be right. */
int	setting_take(struct conf *, const struct setting *,
	    const char *const *values, unsigned n, char why[CONF_ERROR]);
/* Writes why; returns -1. */
int	setting_refuse(char why[CONF_ERROR], const char *, ...)
	    __attribute__((__format__(__printf__, 2, 3)));

#endif
