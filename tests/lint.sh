#!/bin/sh
# SPDX-License-Identifier: ISC
# clang-tidy and cppcheck over every source of this platform, in the words
# of .clang-tidy; any finding fails.  `make check-style` calls it with the
# compiler's flags.
set -u
cd "$(dirname "$0")/.." || exit 1
for tool in clang-tidy cppcheck; do
	command -v "$tool" >/dev/null || {
		echo "lint: $tool is missing"
		exit 1
	}
done
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
trap 'exit 1' HUP INT TERM

case $(uname -s) in
Linux)	other=openbsd ;;
*)	other=linux ;;
esac
sources=$(ls common/*.c ocmd/*.c roomd/*.c relayd/*.c client/*.c \
    tests/*/*.c 2>/dev/null | grep -v "_$other\.c\$")
failed=0

# The flags as they are, less what only gcc or the build's own files need.
n=$#
while [ "$n" -gt 0 ]; do
	flag=$1
	shift
	n=$((n - 1))
	case $flag in
	-MMD | -MP | -fsanitize=*) ;;
	*) set -- "$@" "$flag" ;;
	esac
done
printf '%s\n' $sources |
    xargs -P 2 -I '{}' clang-tidy --quiet '{}' -- "$@" >"$out" 2>&1 ||
    failed=1
grep -v '^[0-9]* warnings\{0,1\} generated\.$' "$out"

# Its own idea of the system's headers lacks the list macros.
queue=/usr/include/bsd/sys/queue.h
[ -f $queue ] || queue=/usr/include/sys/queue.h
cppcheck --quiet --std=c11 --enable=warning,performance,portability \
    --inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem \
    --suppress=funcArgOrderDifferent \
    --include=$queue -j 2 -I. -Icommon -D_GNU_SOURCE -D__linux__ \
    $sources || failed=1
echo "lint: $(printf '%s\n' $sources | wc -l) files, status $failed"
exit $failed
