#!/bin/sh
# SPDX-License-Identifier: ISC
# Installs into an empty directory, looks at every file and at what bash
# completes, uninstalls, and looks that nothing is left.  `make test` calls it
# with its own MAKE.
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

# What bash offers after these words, a line each.
offered()	# command, word ...
{
	bash -c '
		compopt() { :; }
		. "$0"
		COMP_WORDS=("$@" "") COMP_CWORD=$#
		"_$1"
		printf "%s\n" "${COMPREPLY[@]}"
	' "$dir/usr/local/share/bash-completion/completions/$1" "$@"
}

# Nothing that a command knows may be missing in what is completed.
offers()	# what there is, command, word ...
{
	there=$1
	shift
	offered "$@" >"$dir.offered"
	missing=$(echo "$there" | grep -vxF -f "$dir.offered")
	if [ -n "$there" ] && [ -z "$missing" ]; then
		passed=$((passed + 1))
	else
		fail "bash does not complete $*: $missing"
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
for command in ocm ocmctl; do
	expect 644 "share/bash-completion/completions/$command"
done
[ -z "$(find "$dir" -type f ! -path "$dir/usr/local/*")" ] ||
    fail "files outside of the prefix"
if command -v bash >/dev/null; then
	bin=$dir/usr/local/bin
	offers "$("$bin/ocmctl" help | sed -n 's/^  \([a-z]*\).*/\1/p')" ocmctl
	offers "$(sed -n 's/^#\([a-z-]* *=\).*/\1/p' contrib/ocm.conf |
	    tr -d ' ')" ocmctl start -o
	offers "$("$bin/ocm" help |
	    sed -n '/^words/,/^options/s/^  \([a-z]*\).*/\1/p')" ocm
	offers "$("$bin/ocm" help | sed -n 's/^  \(--*[a-zA-Z-]*\).*/\1/p')" \
	    ocm listen
fi
$make uninstall DESTDIR="$dir" >"$dir.log" 2>&1 || {
	cat "$dir.log"
	fail "make uninstall"
}
left=$(find "$dir" ! -type d; find "$dir" -type d -name '*ocm*' \
    ! -path "$dir")
[ -z "$left" ] || fail "left behind: $left"
rm -f "$dir.log" "$dir.offered"
passed=$((passed + 1))
echo "install: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
