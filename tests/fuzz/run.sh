#!/bin/sh
# SPDX-License-Identifier: ISC
# Fuzzes every codec and every reader of what a hostile process may write,
# with libFuzzer, AddressSanitizer and UBSan, so many seconds each; what it
# learns stays in build/fuzz, what it finds fails.  `make fuzz` calls it.
#
# usage: CC=clang FUZZ_SECONDS=60 tests/fuzz/run.sh CFLAGS... -- LIBS...
# FUZZ_TARGETS='ctl udp' instead of all of them.
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

# The code under test, as libraries: a target may stand in for a module.
mkdir -p build/fuzz || exit 1
for part in relayd roomd common; do
	rm -rf "build/fuzz/$part" "build/fuzz/lib$part.a"
	mkdir "build/fuzz/$part" || exit 1
	for source in "$part"/*.c; do
		case $source in
		*/main.c | *_openbsd.c | *_none.c) continue ;;
		esac
		# shellcheck disable=SC2086
		$CC $flags -fsanitize=fuzzer-no-link,address,undefined -c -o \
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
	if "build/fuzz/$name" -max_total_time="$FUZZ_SECONDS" -max_len=4200 \
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
echo "$n passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$n" -gt 0 ]
