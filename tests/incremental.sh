#!/bin/sh
# SPDX-License-Identifier: ISC
# In a tree that is built: a second make does nothing, a touched header and
# another flag rebuild what depends on them.
# usage: incremental.sh MAKE [ARG...]
set -u

# How many objects a make compiles.  BSD make compares times by the second,
# so what came before has to be in an earlier one.
built()
{
	sleep 1
	"$@" all 2>&1 | grep -c -- ' -c -o '
}

expect()	# what, test...
{
	what=$1
	shift
	if [ "$@" ]; then
		echo "ok   $what"
	else
		echo "FAIL $what: not [ $* ]"
		exit 1
	fi
}

expect "nothing to do the second time" "$(built "$@")" -eq 0
sleep 1
touch common/log.h
n=$(built "$@")
expect "a header makes its users anew ($n)" "$n" -gt 5
all=$(ls common/*.c ocmd/*.c roomd/*.c relayd/*.c client/*.c | wc -l)
expect "and nobody else" "$n" -lt "$all"
n=$(built "$@" CFLAGS=-O1)
expect "another flag makes everything anew ($n)" "$n" -ge "$((all - 8))"
n=$(built "$@")
expect "and back ($n)" "$n" -ge "$((all - 8))"
expect "then there is nothing to do" "$(built "$@")" -eq 0
echo "6 passed, 0 failed"
