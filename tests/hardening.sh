#!/bin/sh
# SPDX-License-Identifier: ISC
# Looks whether the linker did what the Makefile asks of it: each program is
# position independent, its relocations are read-only from the start, and no
# page of it is both writable and executable.  `make test` runs it.
set -u
passed=0
failed=0

verdict()	# program, what, 0 if it holds
{
	if [ "$3" -eq 0 ]; then
		passed=$((passed + 1))
	else
		echo "FAIL $1: $2"
		failed=$((failed + 1))
	fi
}

has()		# text, pattern
{
	printf '%s\n' "$1" | grep -q -e "$2"
}

for program in "$@"; do
	head=$(readelf -Wh "$program") && segments=$(readelf -Wl "$program") &&
	    dynamic=$(readelf -Wd "$program") &&
	    symbols=$(readelf -Ws "$program") || exit 1
	has "$head" 'Type: *DYN'
	verdict "$program" "position independent" $?
	has "$dynamic" 'FLAGS_1.*PIE'
	verdict "$program" "marked as a program (PIE)" $?
	has "$segments" '^ *GNU_RELRO'
	verdict "$program" "RELRO" $?
	has "$dynamic" 'BIND_NOW\|FLAGS_1.*NOW'
	verdict "$program" "BIND_NOW" $?
	has "$segments" '^ *GNU_STACK.* RW '
	verdict "$program" "stack is not executable" $?
	! has "$segments" ' RWE '
	verdict "$program" "no segment is writable and executable" $?
	! has "$dynamic" TEXTREL
	verdict "$program" "no relocation of code" $?
	! has "$dynamic" 'RPATH\|RUNPATH'
	verdict "$program" "no library path of its own" $?
	has "$symbols" __stack_chk_fail
	verdict "$program" "stack protector" $?
done
echo "hardening: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
