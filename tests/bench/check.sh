#!/bin/sh
# SPDX-License-Identifier: ISC
# That the load generator notices what a relay does wrong: bench_bare does it
# on purpose to every seventh message, and bench_relay must count just that.
# Called by run.sh.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/ocm-check-XXXXXX")
relay=
stop() {
	[ -z "$relay" ] || kill "$relay" 2>/dev/null || true
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' INT TERM HUP

# run WRONG: what bench_relay says of a relay that is wrong in this way.
run() {
	mkfifo "$dir/said"
	"$here/bench_bare.t" -x "$1" relay >"$dir/said" &
	relay=$!
	read -r address pid <"$dir/said"
	rm "$dir/said"
	status=0
	"$here/bench_relay.t" -p "$address" -P "$pid" -R 1 -N 10 -r 500 \
	    -d 0.4 -b 20 -j -v >"$dir/row" || status=$?
	kill "$relay"
	relay=
}

# figure NAME: the value of it in the row.
figure() {
	sed -n "s/.*\"$1\":\\([0-9]*\\).*/\\1/p" "$dir/row"
}

failed=0
# expect WRONG COUNTER...: these are not 0, all others are, and -v tells.
expect() {
	wrong=$1
	shift
	run "$wrong"
	want=$([ $# -eq 0 ] && echo 0 || echo 1)
	bad=
	[ "$status" -eq "$want" ] || bad=" status $status"
	for name in lost dup own wrong wrong_room; do
		case " $* " in
		*" $name "*)
			[ "$(figure $name)" -gt 0 ] || bad="$bad $name 0" ;;
		*)	[ "$(figure $name)" -eq 0 ] ||
			    bad="$bad $name $(figure $name)" ;;
		esac
	done
	[ -z "$bad" ] || {
		echo "check: a relay that does \"$wrong\":$bad" >&2
		failed=1
	}
}

expect nothing
expect alter wrong lost
expect cut wrong lost
expect lose lost
expect own own
expect repeat dup
[ "$failed" -eq 0 ]
