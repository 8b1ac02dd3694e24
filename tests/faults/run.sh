#!/bin/sh
# SPDX-License-Identifier: ISC
# Tests that need a server which fails on order: builds one with FAULTS=1 in
# a copy of this tree, shows that the ordinary programs have none of it, and
# runs the modules beside this script.
#
# usage: run.sh MAKE [ARG...]	(the ordinary programs are in build/)
set -u
cd "$(dirname "$0")/../.." || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
programs='ocmctl ocm ocmd roomd relayd'

# Names that only a FAULTS build knows.
hooks()		# program
{
	nm "$1" | grep -c ' [TtWw] \(fault_\|__wrap_\|__real_\)'
	strings -a "$1" | grep -c OCM_FAULTS
}

mkdir "$tmp/tree" &&
    tar -cf - --exclude=./build --exclude=./.git --exclude='*.[odt]' . |
    tar -xf - -C "$tmp/tree" || exit 1
(cd "$tmp/tree" && "$@" FAULTS=1 all) >"$tmp/log" 2>&1 || {
	cat "$tmp/log"
	exit 1
}
passed=0
for p in $programs; do
	if [ "$(hooks "build/$p" | tr '\n' ' ')" != '0 0 ' ]; then
		echo "FAIL build/$p has fault points"
		exit 1
	fi
	passed=$((passed + 1))
done
for p in ocmd roomd relayd; do
	case $(hooks "$tmp/tree/build/$p" | tr '\n' ' ') in
	0* | *' 0 ')
		echo "FAIL $p with FAULTS=1 has no fault points"
		exit 1
		;;
	esac
	passed=$((passed + 1))
done
echo "hooks: $passed passed, 0 failed"
OCM_BUILD=$tmp/tree/build tests/system/run -d tests/faults
