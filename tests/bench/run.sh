#!/bin/sh
# SPDX-License-Identifier: ISC
# The standard measurements, on a server of their own: whether the generator
# sees mistakes, start and status times, then one table row per load.  Called
# by `make bench`.
#
# usage: tests/bench/run.sh [-d seconds] [-o name=value]... [row...]
#
# OCM_BUILD names the directory of the programs (default: build/).
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${OCM_BUILD:-$root/build}
bench=$root/tests/bench/bench_relay.t
ctl=$build/ocmctl
seconds=10
options=

usage() {
	sed -n 's/^# usage: /usage: /p' "$0" >&2
	exit 64
}

while getopts d:o: flag; do
	case $flag in
	d)	seconds=$OPTARG ;;
	o)	options="$options -o $OPTARG" ;;
	*)	usage ;;
	esac
done
shift $((OPTIND - 1))

dir=$(mktemp -d "${TMPDIR:-/tmp}/ocm-bench-XXXXXX")
socket=$dir/ocm.sock
stop() {
	"$ctl" stop -s "$socket" >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' INT TERM HUP

user() {
	if [ "$(id -u)" -eq 0 ] && ! id "$2" >/dev/null 2>&1; then
		options="$options -o $1=$3"
	fi
}
user user-room _ocmroom nobody
user user-relay _ocmrelay daemon

start() {
	# The options are words without blanks.
	# shellcheck disable=SC2086
	"$ctl" start -s "$socket" -o rooms=127.0.0.1:0 \
	    -o relay=127.0.0.1:0 -o lobby=127.0.0.1:0 -o join-rate=0 \
	    -o notices=false $options >"$dir/said"
}

# Milliseconds of one command; the middle of several is what counts.
milliseconds() {
	from=$(date +%s%N)
	"$@"
	echo $((($(date +%s%N) - from) / 10000)) |
	    sed -e 's/^\(.\)$/0\1/' -e 's/\(..\)$/.\1/' -e 's/^\./0./'
}
status() {
	"$ctl" status -s "$socket" >/dev/null
}
middle() {
	sort -n "$1" | sed -n "$((($(wc -l <"$1") + 1) / 2))p"
}

times_of_control() {
	for _ in 1 2 3 4 5 6 7; do
		milliseconds start >>"$dir/start"
		milliseconds status >>"$dir/status"
		"$ctl" stop -s "$socket" >/dev/null
	done
	echo "start to READY $(middle "$dir/start") ms," \
	    "status $(middle "$dir/status") ms (middle of 7)"
}

# row LABEL ARGUMENTS...: one line of the table, on a fresh server.
wanted=$*
header=-H
row() {
	label=$1
	shift
	case " $wanted " in
	"  "|*" $label "*) ;;
	*)	return 0 ;;
	esac
	start
	"$bench" -s "$socket" -c "$ctl" $header -l "$label" -d "$seconds" "$@"
	header=
	"$ctl" stop -s "$socket" >/dev/null
}

# Figures count only from a generator that notices what is wrong.
sh "$root/tests/bench/check.sh"
times_of_control
row 1x1000-10/s -R 1 -N 1000 -r 10 -b 100
row 500x10-2/s -R 500 -N 10 -r 2 -b 100
row 1x10-1000/s -R 1 -N 10 -r 1000 -b 100
row 1x1000-saturated -R 1 -N 1000 -w 256 -b 200
row 1x1000-bundles -R 1 -N 1000 -w 256 -b 200 -g
row 100x10-saturated -R 100 -N 10 -w 16 -b 200
