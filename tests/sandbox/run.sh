#!/bin/sh
# SPDX-License-Identifier: ISC
# Proves the sandbox with the roles that `make test-sandbox` has built:
#
#   build/attempt	does on order what a captured role would try (role.c)
#   build/seen		writes down which system calls it makes (seen.c)
#
# Both consist of the ordinary programs' objects and one more; the ordinary
# programs have nothing of them, which is looked at first.
#
# usage: run.sh SANDBOX		(the Makefile's: linux, openbsd, none)
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ "$1" != linux ]; then
	echo "sandbox: NOT TESTED: built with SANDBOX=$1"
	exit 0
fi
passed=0
failed=0

verdict()	# what, status
{
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
	else
		echo "FAIL $1"
		failed=$((failed + 1))
	fi
}

hooks()		# program: how many names of ours, and wrapped ones, it has
{
	nm "$1" | grep -c ' \(__wrap_.*\|attempt_make\|act_.*\|seen_call\)$'
	strings -a "$1" | grep -c '^attempt %\|^never-made$'
}

for p in ocmctl ocm ocmd roomd relayd; do
	[ "$(hooks "build/$p" | tr '\n' ' ')" = '0 0 ' ]
	verdict "build/$p can be made to attempt something" $?
done
for p in roomd relayd; do
	case $(hooks "build/attempt/$p" | tr '\n' ' ') in
	0* | *' 0 ')	false ;;
	esac
	verdict "build/attempt/$p has nothing to attempt" $?
done
echo "hooks: $passed passed, $failed failed"

for p in ocmctl ocm ocmd; do
	ln -f "build/$p" "build/attempt/$p" &&
	    ln -f "build/$p" "build/seen/$p" || exit 1
done
build/attempt/filter ocmd/ocmd.8 >build/attempt/log
verdict "the filter" $?
grep -v '^note' build/attempt/log

OCM_BUILD=build/attempt tests/system/run -d tests/sandbox test_attempts
verdict "the attempts" $?

# The users of the roles must be able to write there.
mkdir -p build/seen/calls || exit 1
for p in roomd relayd; do
	head -c 4096 /dev/zero >"build/seen/calls/$p" &&
	    chmod 666 "build/seen/calls/$p" || exit 1
done
OCM_BUILD=build/seen tests/system/run -d tests/sandbox test_calls
verdict "the rare calls" $?
# Whether these pass is told elsewhere.
OCM_BUILD=build/seen tests/system/run test_rooms test_relay test_lobby \
    test_dialects test_control test_faults >build/seen/log 2>&1
build/attempt/filter ocmd/ocmd.8 build/seen/calls >build/attempt/log
verdict "the calls that are made" $?
grep -v '^note' build/attempt/log
# One that is never made is noticed: here, all of them.
mkdir -p build/seen/none || exit 1
for p in roomd relayd; do
	head -c 4096 /dev/zero >"build/seen/none/$p" || exit 1
done
build/attempt/filter ocmd/ocmd.8 build/seen/none >build/attempt/log
[ $? -eq 1 ] && grep -q 'roomd may make accept4 and never does' \
    build/attempt/log &&
    grep -q 'relayd may make recvmmsg and never does' build/attempt/log
verdict "calls that are never made are let pass" $?
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
