#!/bin/sh
# SPDX-License-Identifier: ISC
# Tests that need a server which fails on order: builds one with FAULTS=1 in
# a copy of this tree, shows that the ordinary programs have none of it, and
# runs the modules beside this script; or shows that they notice mutants,
# mistakes that this build makes on order.
#
# usage: run.sh points|mutants MAKE [ARG...]
#	(the ordinary programs are in build/)
set -u
cd "$(dirname "$0")/../.." || exit 1
what=$1
shift
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
programs='ocmctl ocm ocmd roomd relayd'
mutants=$(cat common/*.c ocmd/*.c roomd/*.c relayd/*.c |
    sed -n 's/.*MUTANT(\([a-z_]*\)).*/\1/p' | sort -u)

# Names that only a FAULTS build knows.
hooks()		# program
{
	nm "$1" | grep -c ' [TtWw] \(fault_\|__wrap_\|__real_\)'
	strings -a "$1" |
	    grep -cx "OCM_FAULTS\|OCM_MUTANT$(printf '\\|%s' $mutants)"
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
export OCM_BUILD="$tmp/tree/build"
case $what in
points)	tests/system/run -d tests/faults ;;
mutants)
	tests/faults/mutants ;;
esac
