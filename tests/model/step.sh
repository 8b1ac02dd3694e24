#!/bin/sh
# SPDX-License-Identifier: ISC
# Steps the real table and lock through every instruction, as each compiler
# and optimisation makes them.  Usage: step.sh [OPERATIONS [SEED]]
set -u
ops=${1:-150}
seed=${2:-1}
root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT INT TERM
cd "$root" || exit 1

src="tests/model/step.c common/roomtab.c common/roomtab_reader.c
common/roomtab_tx.c common/roomtab_write.c common/roomtab_end.c
common/token.c common/name.c
common/cursor.c common/log.c common/counter.c common/shmlock.c
common/shmlock_linux.c"
flags="-std=c11 -g -D_GNU_SOURCE -I. -Icommon"
pkgs="libbsd-overlay libsodium"

passed=0
failed=0
for cc in gcc clang; do
	for opt in -O0 -O2; do
		# the lists are lists of words
		if ! $cc $flags $opt $(pkg-config --cflags $pkgs) \
		    -o "$tmp/step" $src $(pkg-config --libs $pkgs); then
			echo "FAIL $cc $opt does not build"
			failed=$((failed + 1))
			continue
		fi
		if out=$("$tmp/step" "$seed" "$ops" 2>&1); then
			echo "ok   $cc $opt: $out"
			passed=$((passed + 1))
		else
			echo "FAIL $cc $opt: $out"
			failed=$((failed + 1))
		fi
	done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
