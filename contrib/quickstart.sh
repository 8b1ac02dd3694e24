#!/bin/sh
# SPDX-License-Identifier: ISC
# From a fresh Debian or OpenBSD to a first conversation.
#
#   sh contrib/quickstart.sh         installs what is missing, builds, starts
#                                    a server if none runs, enters a room
#   sh contrib/quickstart.sh deps    only installs what the tests need too
#   sh contrib/quickstart.sh test    installs, builds, passes every test
#
# Without a terminal the first form lets one member say a line and a second
# one hear it, and ends with status 0 only if the line arrived.
set -u
cd "$(dirname "$0")/.." || exit 1
room=${OCM_ROOM:-lounge}
system=$(uname -s)

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf 'quickstart: %s\n' "$*" >&2
	exit 1
}

# ---- what is missing, by asking for the thing itself ----

need_program()	# program, Debian package, OpenBSD package
{
	command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
	command -v "$1" >/dev/null 2>&1 || missing_bsd="$missing_bsd ${3:-}"
}

need_library()	# pkg-config name, Debian package, OpenBSD package
{
	pkg-config --exists "$1" 2>/dev/null && return
	missing="$missing $2"
	missing_bsd="$missing_bsd ${3:-}"
}

find_missing()	# "run", or "test" for what the tests need as well
{
	missing=
	missing_bsd=
	need_program cc gcc
	need_program make make
	need_program pkg-config pkg-config
	echo '#include <stdio.h>' | cc -E - >/dev/null 2>&1 ||
	    missing="$missing libc6-dev"
	need_library libsodium libsodium-dev libsodium
	need_library libevent_core libevent-dev libevent
	need_library libconfuse libconfuse-dev libconfuse
	need_library jansson libjansson-dev jansson
	need_library libedit libedit-dev
	if [ "$system" = Linux ]; then
		need_library libbsd-overlay libbsd-dev
		need_library libseccomp libseccomp-dev
	fi
	[ "$1" = test ] || return
	need_library check check check
	need_program gcc gcc
	need_program bmake bmake bmake
	need_program clang clang
	need_program clang-tidy clang-tidy clang-tools-extra
	need_program cppcheck cppcheck cppcheck
	need_program mandoc mandoc
	need_program python3 python3 python3
	need_program readelf binutils
	need_program spin spin
	need_program xargs findutils
	need_program setpriv util-linux
	echo 'int main(void) { return 0; }' | clang -fsanitize=fuzzer-no-link \
	    -fsanitize=address -x c -o /dev/null - >/dev/null 2>&1 ||
	    missing="$missing libclang-rt-dev"
}

# ---- installing it ----

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif [ "$system" = OpenBSD ]; then
		doas "$@"
	else
		sudo "$@"
	fi
}

may_be_root()
{
	[ "$(id -u)" -eq 0 ] && return
	if [ "$system" = OpenBSD ]; then
		command -v doas >/dev/null && [ -t 0 ]
		return
	fi
	command -v sudo >/dev/null || return
	[ -t 0 ] || sudo -n true 2>/dev/null
}

install_packages()
{
	case $system in
	OpenBSD)
		as_root pkg_add $missing_bsd
		;;
	*)
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update &&
		    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q \
		    install -y --no-install-recommends $missing
		;;
	esac </dev/null
}

install_missing()	# "run" or "test"
{
	find_missing "$1"
	case $system in
	OpenBSD) packages=$missing_bsd; command="pkg_add$missing_bsd" ;;
	*)	packages=$missing; command="apt-get install$missing" ;;
	esac
	[ -n "$(echo $packages)" ] || return
	say "Missing:$packages"
	[ "$system" = OpenBSD ] || command -v apt-get >/dev/null ||
	    die "I can only install with apt-get or pkg_add." \
	    "Please install these yourself, then run this again."
	may_be_root || die "I may not install them. As root, run:" \
	    "$command   - and then this again."
	install_packages || die "installing them failed"
	find_missing "$1"
	[ -z "$missing" ] || die "still missing:$missing"
}

# ---- build, start, talk ----

build()
{
	say "Building ..."
	log=$(mktemp) || exit 1
	make -j 2 >"$log" 2>&1 || {
		cat "$log"
		rm -f "$log"
		die "the build failed"
	}
	rm -f "$log"
}

enter_room()
{
	# Anybody's server will do, also one that we may not control.
	build/ocm rooms >/dev/null 2>&1 || build/ocmctl start || exit 1
	if build/ocm rooms 2>/dev/null | grep -qx "$room"; then
		word=join
	else
		word=create
	fi
	cat <<-END

	You enter the room "$room".
	  A second terminal joins with:  build/ocm join $room
	  Leave with:                    /quit
	  Stop the server with:          build/ocmctl stop

	END
	exec build/ocm "$word" "$room"
}

# The first address of one kind, from `ocmctl status -j`.
address()
{
	build/ocmctl $socket -j status | tr -d ' \n' |
	    sed -n "s/.*\"$1\":\[\"\([^\"]*\)\".*/\1/p"
}

stop_demo()
{
	exec 3>&-
	[ -z "$socket" ] || build/ocmctl stop $socket >/dev/null 2>&1
	wait
	rm -rf "$tmp"
}

wait_for()	# seconds, command...
{
	tries=$(($1 * 10))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
}

member_is_there()
{
	build/ocmctl $socket members "$room" 2>/dev/null | grep -q "$1"
}

line_arrived()
{
	grep -q "$line" "$tmp/second"
}

# Two members without a terminal.  A server of its own takes free ports.
demonstrate()
{
	tmp=$(mktemp -d) || exit 1
	socket=
	trap stop_demo EXIT
	trap 'exit 1' HUP INT TERM
	if ! build/ocmctl status >/dev/null 2>&1; then
		socket="-s $tmp/ocm.sock"
		build/ocmctl start $socket -o rooms=127.0.0.1:0 \
		    -o relay=127.0.0.1:0 -o lobby=127.0.0.1:0 || exit 1
	fi
	rooms=$(address rooms)
	relay=$(address relay)
	OCM_SERVER="${rooms%:*}:${rooms##*:}:${relay##*:}"
	export OCM_SERVER
	room="quickstart-$$"
	line="hello from the first member, process $$"

	mkfifo "$tmp/first" || exit 1
	build/ocm -n first create "$room" <"$tmp/first" >/dev/null \
	    2>"$tmp/said" &
	exec 3>"$tmp/first"
	wait_for 10 member_is_there first ||
	    die "the room was not created: $(cat "$tmp/said")"
	build/ocm -n second -c 1 listen "$room" >"$tmp/second" \
	    2>"$tmp/said" &
	wait_for 10 member_is_there second ||
	    die "nobody could join: $(cat "$tmp/said")"
	say "first says:    $line"
	for _ in 1 2 3; do
		printf '%s\n' "$line" >&3
		wait_for 3 line_arrived && break
	done
	line_arrived || die "the line did not arrive"
	say "second hears:  $(head -n 1 "$tmp/second")"
}

case "${1:-}" in
deps)
	install_missing test
	say "Everything is installed."
	;;
test)
	install_missing test
	exec sh tests/ci.sh
	;;
"")
	install_missing run
	build
	if [ -t 0 ] && [ -t 1 ]; then
		enter_room
	else
		demonstrate
	fi
	;;
*)
	die "usage: sh contrib/quickstart.sh [deps | test]"
	;;
esac
