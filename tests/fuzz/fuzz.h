/* SPDX-License-Identifier: ISC */
/*
 * What every fuzz target is: one function, which libFuzzer (`make fuzz`) or
 * replay.c (`make test-fuzz`) calls with bytes it owns.
 */
#ifndef OCM_FUZZ_H
#define OCM_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* A property that no input may break; not compiled out as assert is. */
#define MUST(x) ((x) ? (void)0 : abort())

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#endif
