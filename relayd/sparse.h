/* SPDX-License-Identifier: ISC */
/*
 * Tables for the worst case that cost only what is used: zeroed memory whose
 * pages come into being when they are first written.  All of relayd's tables
 * are made with it, before the sandbox; nothing is allocated afterwards.
 */
#ifndef RELAYD_SPARSE_H
#define RELAYD_SPARSE_H

#include <stddef.h>

/* count * size zeroed bytes, page-aligned, for the life of the process;
 * fatal where they cannot be had. */
void	*sparse_array(size_t count, size_t size);

#endif
