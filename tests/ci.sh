#!/bin/sh
# SPDX-License-Identifier: ISC
# Every build and every test, each configuration in a copy of its own, so
# that nothing depends on what lies in this tree and nothing is left in it.
# One line per step; the log of a step that failed; `N passed, N failed`.
# Called by `sh contrib/quickstart.sh test`.
#
# usage: tests/ci.sh [step...]      (default: all)
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL CC CFLAGS LDFLAGS CPPFLAGS SAN OCM_BUILD
unset OCM_SERVER OCM_NAME OCM_SANDBOX
tree=$PWD
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
passed=0
failed=0

# The committed and the new files, or all where there is no git.
files()
{
	if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git ls-files -co --exclude-standard
	else
		find . \( -name build -o -name .git \) -prune -o \
		    -type f ! -name '*.[odt]' -print
	fi | while read -r f; do
		[ -f "$f" ] && printf '%s\n' "$f"
	done
}

copy()		# name of a configuration
{
	mkdir "$tmp/$1" &&
	    tar -cf - -T "$tmp/files" | tar -xf - -C "$tmp/$1"
}

wanted()
{
	[ -z "$only" ] || case " $only " in
	*" $1 "*) ;;
	*)	return 1 ;;
	esac
}

# step NAME CONFIGURATION COMMAND...: the command, in that copy.
step()
{
	name=$1
	config=$2
	shift 2
	wanted "$name" || return
	begin=$(date +%s)
	log=$tmp/log
	status=0
	[ -d "$tmp/$config" ] || copy "$config"
	(cd "$tmp/$config" && exec timeout 1200 "$@") >"$log" 2>&1 </dev/null ||
	    status=$?
	took=$(($(date +%s) - begin))
	if [ "$status" -eq 0 ]; then
		passed=$((passed + 1))
		printf 'ok   %-24s %4d s  %s\n' "$name" "$took" \
		    "$(grep '[0-9] passed\|findings$' "$log" | tr '\n' ' ')"
		grep 'NOT TESTED\|NOT SEEN\|^skip' "$log" | sort -u |
		    sed 's/^/     /'
	else
		failed=$((failed + 1))
		printf 'FAIL %-24s %4d s  status %d\n' "$name" "$took" "$status"
		grep -v ' -c -o \|^ok  \|^skip' "$log" | tail -n 200 |
		    sed 's/^/     /'
	fi
}

only="$*"
files | sort >"$tmp/files"

# gcc and GNU make, with everything.
step gcc-build gcc make -j2 CC=gcc WERROR=-Werror all build-tests
step incremental gcc tests/incremental.sh make -j2 CC=gcc WERROR=-Werror
step gcc-unit gcc make -j2 CC=gcc WERROR=-Werror test-unit
step gcc-programs gcc make CC=gcc WERROR=-Werror test-programs
step gcc-system gcc make CC=gcc WERROR=-Werror test-system
step gcc-faults gcc make CC=gcc WERROR=-Werror test-faults
step gcc-sandbox gcc make CC=gcc WERROR=-Werror test-sandbox
step model gcc make test-model
step mutants gcc make CC=gcc WERROR=-Werror test-mutants

# clang, and BSD make.
step clang-build clang make -j2 CC=clang WERROR=-Werror all build-tests
step clang-unit clang make -j2 CC=clang WERROR=-Werror test-unit
step bmake-build bmake bmake -j2 WERROR=-Werror all build-tests
step bmake-incremental bmake tests/incremental.sh bmake -j2 WERROR=-Werror
step bmake-unit bmake bmake -j2 WERROR=-Werror test-unit

# AddressSanitizer and UndefinedBehaviorSanitizer, the same tests.
step san-build san make -j2 SAN=1 WERROR=-Werror all build-tests
step san-unit san make -j2 SAN=1 WERROR=-Werror test-unit
step san-system san make SAN=1 WERROR=-Werror test-system
step san-faults san make SAN=1 WERROR=-Werror test-faults
step fuzz-replay san make SAN=1 WERROR=-Werror test-fuzz

step style style make check-style

# The README's first command, without a terminal; as root also as a user.
step quickstart quick sh contrib/quickstart.sh
if [ "$(id -u)" -eq 0 ]; then
	copy user
	chmod 711 "$tmp"
	chown -R 65534:65534 "$tmp/user"
	step quickstart-user user setpriv --reuid 65534 --regid 65534 \
	    --clear-groups env HOME=/nonexistent USER=nobody \
	    sh contrib/quickstart.sh
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
