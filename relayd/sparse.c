/* SPDX-License-Identifier: ISC */
/*
 * Sparse tables (see sparse.h).  Called by the modules of relayd that have
 * tables, once each, before the sandbox.
 */
#include <sys/mman.h>

#include <stdint.h>

#include "log.h"
#include "sparse.h"

/* Address space alone is reserved, where the system can tell the two apart. */
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

void *
sparse_array(size_t count, size_t size)
{
	size_t len;
	void *p;

	if (count == 0)
		count = 1;
	if (size > SIZE_MAX / count)
		fatalx("a table of %zu times %zu bytes", count, size);
	len = count * size;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		fatal("a table of %zu bytes", len);
#ifdef MADV_NOHUGEPAGE
	/* One member must not cost a huge page in each of the tables. */
	(void)madvise(p, len, MADV_NOHUGEPAGE);
#endif
	return p;
}
