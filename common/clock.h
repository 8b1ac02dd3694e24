/* SPDX-License-Identifier: ISC */
/* The monotonic clock: the same in every process, whatever the calendar. */
#ifndef OCM_CLOCK_H
#define OCM_CLOCK_H

#include <stdint.h>

uint64_t clock_ms(void);	/* milliseconds */
uint64_t clock_us(void);	/* microseconds */

#endif
