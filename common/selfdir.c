/* SPDX-License-Identifier: ISC */
/* Where the other programs lie (see selfdir.h); used by ocmctl and ocmd. */
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "selfdir.h"

static bool
is_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return false;
	if (!S_ISREG(st.st_mode)) {
		errno = EACCES;
		return false;
	}
	return access(path, X_OK) == 0;
}

/* As the shell found it: false where argv0 is on no PATH. */
static bool
search_path(const char *argv0, char found[PATH_MAX])
{
	const char *p = getenv("PATH");
	size_t n;
	int len;

	while (p != NULL) {
		n = strcspn(p, ":");
		len = n == 0 ? snprintf(found, PATH_MAX, "./%s", argv0) :
		    snprintf(found, PATH_MAX, "%.*s/%s", (int)n, p, argv0);
		if (len > 0 && len < PATH_MAX && is_program(found))
			return true;
		p = p[n] == ':' ? p + n + 1 : NULL;
	}
	return false;
}

/* The directory of the running program, without links. */
static bool
own_directory(const char *argv0, char dir[PATH_MAX])
{
	char started[PATH_MAX], *slash;

	if (strchr(argv0, '/') != NULL) {
		if (strlcpy(started, argv0, sizeof(started)) >=
		    sizeof(started))
			return false;
	} else if (!search_path(argv0, started))
		return false;
	if (realpath(started, dir) == NULL)
		return false;
	if ((slash = strrchr(dir, '/')) == NULL)
		return false;
	*slash = '\0';
	return true;
}

char *
selfdir_find(const char *argv0, const char *name, const char *installed_dir,
    char *buf, size_t cap)
{
	char dir[PATH_MAX];
	int n;

	if (own_directory(argv0, dir)) {
		n = snprintf(buf, cap, "%s/%s", dir, name);
		if (n > 0 && (size_t)n < cap && is_program(buf))
			return buf;
	}
	n = snprintf(buf, cap, "%s/%s", installed_dir, name);
	if (n < 0 || (size_t)n >= cap) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return is_program(buf) ? buf : NULL;
}
