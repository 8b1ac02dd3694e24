#!/bin/sh
# SPDX-License-Identifier: ISC
# Fuzzes every codec and every reader of what a hostile process may write,
# with libFuzzer, AddressSanitizer and UBSan, so many seconds each; what it
# learns stays in build/fuzz, what it finds fails.  `make fuzz` calls it:
#
#	make fuzz				all of them, a minute each
#	make fuzz FUZZ_SECONDS=600 FUZZ_TARGETS='follow ctl'
#	make fuzz FUZZ_RUNS=10000000 FUZZ_SECONDS=0	so many inputs each
#
# Hostile memory: follow (regions R and L, by relayd), recover (R and its
# journal, by a new roomd), wishes (L, by roomd), lock (C, by everybody), ctl
# (control messages).
# From the network: dialect, name, tcrp, udp.
#
# usage: CC=clang FUZZ_SECONDS=60 tests/fuzz/run.sh CFLAGS... -- LIBS...
# FUZZ_MERGE=1 instead brings tests/fuzz/corpus up to what was learnt.
set -u
cd "$(dirname "$0")/../.." || exit 1
flags=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	flags="$flags $1"
	shift
done
shift
failed=0
n=0
flags="$flags -g -O1 -fno-omit-frame-pointer
    -fno-sanitize-recover=undefined"
# What freed memory is remembered for so long only makes a new page of each.
ASAN_OPTIONS=quarantine_size_mb=8${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export ASAN_OPTIONS

# The readers of foreign memory tell of each load, so that what they read can
# change under their eyes (hostile.h), if the compiler knows how.
loads=-fsanitize-coverage=trace-loads
echo 'int x;' | $CC -fsanitize=fuzzer-no-link $loads -x c -c -o /dev/null - \
    2>/dev/null || loads=

# The code under test, as libraries: a target may stand in for a module.
mkdir -p build/fuzz || exit 1
for part in relayd roomd common; do
	rm -rf "build/fuzz/$part" "build/fuzz/lib$part.a"
	mkdir "build/fuzz/$part" || exit 1
	for source in "$part"/*.c; do
		case $source in
		*/main.c | *_openbsd.c | *_none.c) continue ;;
		common/roomtab.c | common/roomtab_reader.c | common/live.c)
			watch=$loads ;;
		*)	watch= ;;
		esac
		# shellcheck disable=SC2086
		$CC $flags -fsanitize=fuzzer-no-link,address,undefined \
		    $watch -c -o \
		    "build/fuzz/$part/$(basename "$source" .c).o" "$source" ||
		    exit 1
	done
	ar rcs "build/fuzz/lib$part.a" "build/fuzz/$part"/*.o || exit 1
done

for target in ${FUZZ_TARGETS:-$(ls tests/fuzz/fuzz_*.c |
    sed 's/.*fuzz_\(.*\)\.c$/\1/')}; do
	name=fuzz_$target
	learnt=build/fuzz/corpus/$target
	mkdir -p "$learnt" || exit 1
	# shellcheck disable=SC2086
	$CC $flags -fsanitize=fuzzer,address,undefined \
	    -o "build/fuzz/$name" "tests/fuzz/$name.c" \
	    build/fuzz/librelayd.a build/fuzz/libroomd.a \
	    build/fuzz/libcommon.a "$@" || exit 1
	# An input that changes memory need not be as long as a datagram.
	case $target in
	follow | recover | wishes) longest=512 ;;
	*)	longest=4200 ;;
	esac
	if [ -n "${FUZZ_MERGE:-}" ]; then
		"build/fuzz/$name" -merge=1 "tests/fuzz/corpus/$target" \
		    "$learnt" >"build/fuzz/$name.log" 2>&1 || exit 1
		continue
	fi
	if "build/fuzz/$name" -max_total_time="$FUZZ_SECONDS" \
	    -runs="${FUZZ_RUNS:--1}" -max_len=$longest \
	    -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
	    -dict=tests/fuzz/words -artifact_prefix="build/fuzz/$target-" \
	    "$learnt" "tests/fuzz/corpus/$target" \
	    >"build/fuzz/$name.log" 2>&1; then
		n=$((n + 1))
		echo "ok   $name: $(sed -n \
		    's/^stat::number_of_executed_units: *//p' \
		    "build/fuzz/$name.log") inputs"
	else
		failed=$((failed + 1))
		echo "FAIL $name"
		tail -n 60 "build/fuzz/$name.log"
	fi
done
[ -n "${FUZZ_MERGE:-}" ] && exit 0
echo "$n passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$n" -gt 0 ]
