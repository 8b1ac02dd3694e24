#!/bin/sh
# SPDX-License-Identifier: ISC
# Installs into an empty directory, looks at every file, uninstalls, and
# looks that nothing is left.  `make test` calls it with its own MAKE.
# Usage: install.sh MAKE
set -u
make=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
passed=0

fail()
{
	echo "FAIL install: $*"
	failed=$((failed + 1))
}

expect()	# mode, path below the prefix
{
	if [ -n "$(find "$dir/usr/local/$2" -type f -perm "$1" 2>&-)" ]; then
		passed=$((passed + 1))
	else
		fail "no $2 with mode $1"
	fi
}

$make install DESTDIR="$dir" >"$dir.log" 2>&1 || {
	cat "$dir.log"
	fail "make install"
}
for program in bin/ocm bin/ocmctl sbin/ocmd libexec/ocm/roomd \
    libexec/ocm/relayd; do
	expect 755 "$program"
done
for page in man1/ocm.1 man5/ocm.conf.5 man7/ocm-protocol.7 man8/ocmd.8 \
    man8/ocmctl.8; do
	expect 644 "share/man/$page"
done
[ -z "$(find "$dir" -type f ! -path "$dir/usr/local/*")" ] ||
    fail "files outside of the prefix"
$make uninstall DESTDIR="$dir" >"$dir.log" 2>&1 || {
	cat "$dir.log"
	fail "make uninstall"
}
left=$(find "$dir" ! -type d; find "$dir" -type d -name '*ocm*' \
    ! -path "$dir")
[ -z "$left" ] || fail "left behind: $left"
rm -f "$dir.log"
passed=$((passed + 1))
echo "install: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
