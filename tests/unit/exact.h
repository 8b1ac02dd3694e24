/* SPDX-License-Identifier: ISC */
/*
 * Input at the very end of its memory, for the tests of codecs; `teardown`
 * is theirs.  Included by check_dialect.c and check_wire_udp.c.
 */
#ifndef EXACT_H
#define EXACT_H

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *copy;

/* A copy of exactly len bytes, so that a sanitizer sees one too many read. */
static const uint8_t *
exact(const void *bytes, size_t len)
{
	copy = calloc(1, len == 0 ? 1 : len);
	ck_assert_ptr_nonnull(copy);
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

static void
teardown(void)
{
	free(copy);
	copy = NULL;
}

#endif
