/* SPDX-License-Identifier: ISC */
/*
 * For the tests of ocmd's configuration: a file of their own, and reading it
 * with and without an override.
 */
#ifndef OCM_CONF_FIXTURE_H
#define OCM_CONF_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ocmd/conf.h"

static char dir[] = "/tmp/ocm-check-conf-XXXXXX";
static char path[64];

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/ocm.conf", dir);
}

static void
teardown(void)
{
	unlink(path);
	rmdir(dir);
}

static void
write_bytes(const char *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
}

/* Loads text as a file and up to one override; err may be wanted. */
static int
load(struct conf *c, const char *text, const char *override, char *err)
{
	static char unwanted[CONF_ERROR], copy[CONF_ERROR * 2];
	char *overrides[1] = { copy };
	struct conf_source from = { NULL, overrides, 0 };

	if (err == NULL)
		err = unwanted;
	err[0] = '\0';
	if (text != NULL) {
		write_bytes(text, strlen(text));
		from.file = path;
	}
	if (override != NULL) {
		snprintf(copy, sizeof(copy), "%s", override);
		from.count = 1;
	}
	return conf_load(c, &from, err);
}

static inline void
must_load(struct conf *c, const char *text, const char *override)
{
	char err[CONF_ERROR];

	ck_assert_msg(load(c, text, override, err) == 0, "%s", err);
}

#endif
