/* SPDX-License-Identifier: ISC */
/* OpenBSD's <readpassphrase.h>; see ../check.sh. */
#ifndef OCM_OPENBSD_READPASSPHRASE_H
#define OCM_OPENBSD_READPASSPHRASE_H

#include <stddef.h>

enum {
	RPP_ECHO_OFF = 0x00,
	RPP_ECHO_ON = 0x01,
	RPP_REQUIRE_TTY = 0x02,
	RPP_FORCELOWER = 0x04,
	RPP_FORCEUPPER = 0x08,
	RPP_SEVENBIT = 0x10,
	RPP_STDIN = 0x20,
};

char	*readpassphrase(const char *, char *, size_t, int);

#endif
