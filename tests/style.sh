#!/bin/sh
# SPDX-License-Identifier: ISC
# The house rules that need no compiler, and the manuals' grammar:
# one line per finding, exit status 1 if there is one.  `make check-style`.
set -u
cd "$(dirname "$0")/.." || exit 1
LC_ALL=C
export LC_ALL
list=$(mktemp) || exit 1
found=$(mktemp) || exit 1
trap 'rm -f "$list" "$found"' EXIT
trap 'exit 1' HUP INT TERM

find . -type d \( -name .git -o -name build -o -name __pycache__ \) -prune \
    -o -type f ! -name '*.[odt]' -print | sed 's|^\./||' | sort >"$list"
sources=$(grep '\.[ch]$' "$list")
scripts=$(grep '\.sh$\|^tests/.*/run$\|^\.ci/run$' "$list")
manuals=$(grep '\.[1-9]$' "$list")

# The first line of a source, the first or second of anything else.
spdx='SPDX-License-Identifier: ISC'
for f in $sources; do
	[ "$(head -n 1 "$f")" = "/* $spdx */" ] ||
	    echo "$f:1: the first line is not /* $spdx */"
done >>"$found"
for f in $scripts $manuals Makefile $(grep '\.py$' "$list"); do
	head -n 3 "$f" | grep -q "$spdx" || echo "$f:1: no $spdx"
done >>"$found"

# Columns, blanks, tabs, length of files and functions, words.
awk '
function say(text) { printf "%s:%d: %s\n", FILENAME, FNR, text }
function width(s,    i, n) {
	gsub(/[\200-\277]/, "", s)		# one column per character
	while ((i = index(s, "\t")) > 0) {
		n += i - 1
		n += 8 - n % 8
		s = substr(s, i + 1)
	}
	return n + length(s)
}
FNR == 1 { is_c = FILENAME ~ /\.[ch]$/; start = 0 }
/[ \t]$/ { say("blank at the end of the line") }
width($0) > 80 { say("longer than 80 columns") }
FNR == (FILENAME ~ /^tests/ ? 701 : 501) { say("too many lines") }
/ \t/ { say("blank before a tab") }
is_c && /^        / { say("blanks where a tab belongs") }
is_c && /^typedef (struct|union|enum)/ { say("typedef") }
/TO[D]O|FIX[M]E|(^|[^X])XX[X]([^X]|$)/ { say("left to do") }
is_c && /^{/ { start = FNR }
is_c && /^}/ {
	if (start > 0 && FNR - start - 1 > 100)
		say("function of more than 100 lines")
	else if (start > 0 && FNR - start - 1 > 60)
		long[FILENAME ":" FNR] = FNR - start - 1
	start = 0
}
END {
	for (f in long)
		printf "note: %s: function of %d lines\n", f, long[f] \
		    > "/dev/stderr"
}
' $sources $scripts >>"$found"

# Includes point downwards only: a role may use common and itself.
awk '
/^#include "/ {
	split($0, quoted, "\"")
	n = split(FILENAME, at, "/")
	dir = split(quoted[2], to, "/") > 1 ? to[1] : at[1]
	if (dir != at[1] && dir != "common")
		printf "%s:%d: %s must not include %s\n", FILENAME, FNR, \
		    at[1], quoted[2]
}
' $(printf '%s\n' $sources | grep -v '^tests/') >>"$found"

# Nothing of the machine it was written on.
xargs grep -nE '/wor[k]/|/tmp/w[-]|/roo[t]/|/home/[a-z]' /dev/null \
    <"$list" | sed 's/$/ (a path of some machine)/' >>"$found"

for f in $scripts; do
	case $(head -n 1 "$f") in
	*/sh)	sh -n "$f" 2>>"$found" ;;
	esac
done
if command -v mandoc >/dev/null; then
	# A page may name pages that this machine does not have.
	for f in $manuals; do
		mandoc -Tlint "$f" 2>/dev/null |
		    grep -v 'referenced manual not found'
	done >>"$found"
else
	echo "mandoc is missing: the manuals were not looked at" >>"$found"
fi

cat "$found"
n=$(wc -l <"$found")
echo "style: $(wc -l <"$list") files, $((n)) findings"
[ "$n" -eq 0 ]
