/* SPDX-License-Identifier: ISC */
/*
 * Prints the attempts, for the test that makes them (test_attempts.py): the
 * number, how each must end for roomd, roomd if strict, relayd, relayd if
 * strict (negative: the signal), and what it is.
 */
#include <errno.h>
#include <stdio.h>

#include "attempts.h"

static int
ending(int answer, int strict)
{
	if (answer == UNKNOWN)
		return strict ? -SIGSYS : ENOSYS;
	return answer >= SIGNALLED ? SIGNALLED - answer : answer;
}

int
main(void)
{
	const struct attempt *a;
	unsigned i;

	for (i = 0; i < attempts_count; i++) {
		a = &attempts[i];
		printf("%u %d %d %d %d %s\n", i, ending(a->roomd, 0),
		    ending(a->roomd, 1), ending(a->relayd, 0),
		    ending(a->relayd, 1), a->what);
	}
	return 0;
}
