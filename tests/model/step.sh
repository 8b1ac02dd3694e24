#!/bin/sh
# SPDX-License-Identifier: ISC
# Steps the real table and lock through every instruction, as each compiler
# and optimisation makes them.  Usage: step.sh [OPERATIONS [SEED]]
#
# step.sh -m: the same with mutants, mistakes that the code makes on order;
# one that passes fails.
set -u
mutants=
stride=7		# where this is no more than a check of the checks
if [ "${1:-}" = -m ]; then
	mutants='answer_early store_before_count commit_early no_undo
	    undo_forward leave_odd close_in_halves no_remake no_park
	    no_second_look'
	shift
fi
ops=${1:-150}
seed=${2:-1}
root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT INT TERM
cd "$root" || exit 1

src="common/roomtab.c common/roomtab_reader.c common/roomtab_tx.c
common/roomtab_write.c common/roomtab_end.c common/token.c common/name.c
common/cursor.c common/log.c common/counter.c common/shmlock.c
common/shmlock_linux.c"
flags="-std=c11 -g -D_GNU_SOURCE -I. -Icommon"
pkgs="libbsd-overlay libsodium"
passed=0
failed=0
[ -z "$mutants" ] || {
	flags="$flags -DOCM_FAULTS"
	src="$src tests/faults/fault.c"
}

# build CC FLAG: both programs; the lists are lists of words.
build()
{
	all="$flags $2 $(pkg-config --cflags $pkgs)"
	for p in step park; do
		$1 $all -o "$tmp/$p" tests/model/$p.c $src \
		    $(pkg-config --libs $pkgs) || {
			echo "FAIL $1 $2 $p does not build"
			failed=$((failed + 1))
			return 1
		}
	done
}

good()		# what, command...
{
	what=$1
	shift
	if out=$("$@" 2>&1); then
		echo "ok   $what: $out"
		passed=$((passed + 1))
	else
		echo "FAIL $what: $out"
		failed=$((failed + 1))
	fi
}

# It must exit with 1 and a word about it: not crash, not hang.
bad()		# mutant
{
	status=0
	out=$(OCM_MUTANT=$1 timeout 60 "$tmp/step" "$seed" "$ops" 2>&1) ||
	    status=$?
	[ "$status" -ne 0 ] ||
	    out=$(OCM_MUTANT=$1 timeout 60 "$tmp/park" $stride 2>&1) ||
	    status=$?
	if [ "$status" -eq 1 ]; then
		echo "ok   mutant $1: refuted: $out"
		passed=$((passed + 1))
	else
		echo "FAIL mutant $1: status $status: $out"
		failed=$((failed + 1))
	fi
}

if [ -n "$mutants" ]; then
	build cc -O2 || exit 1
	good "no mutant" "$tmp/step" "$seed" "$ops"
	good "no mutant" "$tmp/park" $stride
	for m in $mutants; do
		bad "$m"
	done
else
	for cc in gcc clang; do
		for opt in -O0 -O2; do
			build $cc $opt || continue
			good "$cc $opt" "$tmp/step" "$seed" "$ops"
			good "$cc $opt" "$tmp/park"
		done
	done
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
