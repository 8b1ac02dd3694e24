#!/bin/sh
# SPDX-License-Identifier: ISC
# Checks the lock's model with spin, and that spin refutes each mutant of it.
# Usage: run.sh [KILLS [OPS]]      (default 3 kills, 2 operations)
set -u
kills=${1:-3}
ops=${2:-2}
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT INT TERM

mutants="NO_SECOND_LOOK NO_PARK NO_QUIET POST_IF_HELD STORE_BEFORE_COUNT
ARM_FIRST NO_SEQ SEQ_FIRST NO_UNDO UNDO_FORWARD ANSWER_EARLY RESTART_UNREAPED"

# check NAME PAN-FLAGS RUN-FLAGS SPIN-FLAGS...: 0 when no error was found, 1
# when the model is wrong; whatever else goes wrong ends the script.
check()
{
	d=$tmp/$1 pan=$2 run=$3
	mkdir "$d" && cd "$d" || exit 1
	shift 3
	spin -a "$@" "$here/lock.pml" >spin.out 2>&1 ||
	    { cat spin.out; exit 1; }
	# $pan and $run are lists of words
	cc -O2 -w $pan -DCOLLAPSE -DMEMLIM=4096 -o pan pan.c || exit 1
	./pan $run -m5000000 >pan.out 2>&1
	grep -q 'max search depth too small\|out of memory' pan.out &&
	    { cat pan.out; exit 1; }
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.out)
	grep -q 'errors: 0$' pan.out && return 0
	grep -q 'assertion violated\|acceptance cycle' pan.out && return 1
	cat pan.out
	exit 1
}

failed=0
passed=0
safety="-DSAFETY -DNOCLAIM"
if check model "$safety" "" -DKILLS="$kills" -DOPS="$ops"; then
	echo "ok   model: $kills kills anywhere, $ops operations:" \
	    "$states states, no error"
	passed=1
else
	echo "FAIL model: $kills kills, $ops operations"
	tail -n 20 "$tmp/model/pan.out"
	failed=1
fi
if check live "" "-a -f" -DLIVE -DKILLS=1 -DOPS=1; then
	echo "ok   no lost wake-up: 1 kill anywhere: $states states"
	passed=$((passed + 1))
else
	echo "FAIL a role waits for ever"
	tail -n 20 "$tmp/live/pan.out"
	failed=$((failed + 1))
fi
if check live_mutant "" "-a -f" -DLIVE -DKILLS=1 -DOPS=1 -DM_POST_IF_HELD \
    -DM_UNCHECKED; then
	echo "FAIL mutant POST_IF_HELD: no lost wake-up found"
	failed=$((failed + 1))
else
	echo "ok   mutant POST_IF_HELD: a role waits for ever"
	passed=$((passed + 1))
fi
for m in $mutants; do
	if check "$m" "$safety" "" -DKILLS="$kills" -DOPS="$ops" -DM_"$m"; then
		echo "FAIL mutant $m: $states states and no error found"
		failed=$((failed + 1))
	else
		echo "ok   mutant $m: refuted:" \
		    "$(sed -n 's/^pan:1: //p' "$tmp/$m/pan.out" | head -n 1)"
		passed=$((passed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
