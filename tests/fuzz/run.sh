#!/bin/sh
# SPDX-License-Identifier: ISC
# Fuzzes every codec with libFuzzer, AddressSanitizer and UBSan, so many
# seconds each; what it learns stays in build/fuzz, what it finds fails.
# `make fuzz` calls it.
#
# usage: CC=clang FUZZ_SECONDS=60 tests/fuzz/run.sh CFLAGS... -- LIBS...
set -u
cd "$(dirname "$0")/../.." || exit 1
flags=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	flags="$flags $1"
	shift
done
shift
codecs='common/cursor.c common/name.c common/wire_tcp.c common/wire_udp.c
    common/wire_udp_json.c common/dialect.c common/dialect_json.c
    common/dialect_answer.c common/dialect_form.c'
failed=0
n=0

for source in tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	target=${name#fuzz_}
	learnt=build/fuzz/corpus/$target
	mkdir -p "$learnt" || exit 1
	# shellcheck disable=SC2086
	$CC $flags -g -O1 -fno-omit-frame-pointer \
	    -fsanitize=fuzzer,address,undefined \
	    -fno-sanitize-recover=undefined -o "build/fuzz/$name" \
	    "$source" $codecs "$@" || exit 1
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
