#!/bin/sh
# SPDX-License-Identifier: ISC
# Compiles every source with OpenBSD's platform files and without what only
# Linux has, so that the port does not rot where nobody can run it: the
# C library shows only POSIX, include/ declares what OpenBSD adds to it, and
# names of Linux outside of *_linux.c are findings.  Nothing is linked.
set -u
cd "$(dirname "$0")/../.." || exit 1
cc=${CC:-cc}
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
passed=0

pkgs='libsodium libevent_core libconfuse jansson libedit'
# features.h comes first, since libevent's headers define _GNU_SOURCE.
flags="-fsyntax-only -std=c11 -O0 -Wall -Wextra -Wpedantic -Wshadow
-Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror
-D__OpenBSD__ -U__linux__ -U__linux -U__gnu_linux__
-D_XOPEN_SOURCE=700 -D_DEFAULT_SOURCE -include features.h
-isystem tests/openbsd/include -I. -Icommon
-DOCM_VERSION=\"0\" -DOCM_LIBEXECDIR=\"/\" -DOCM_SBINDIR=\"/\"
-DOCM_SYSCONFDIR=\"/\" $(pkg-config --cflags $pkgs)" || exit 1

sources=$(ls common/*.c ocmd/*.c roomd/*.c relayd/*.c client/*.c |
    grep -v '_linux\.c$')
for f in $sources; do
	if $cc $flags "$f" >"$out" 2>&1; then
		passed=$((passed + 1))
	else
		echo "FAIL openbsd: $f"
		cat "$out"
		failed=$((failed + 1))
	fi
done

# What the headers above would let through, as numbers or strings.
linux='epoll|eventfd|timerfd|signalfd|prctl|inotify|MSG_ERRQUEUE'
linux="$linux|IP_RECVERR|IPV6_RECVERR|SOL_UDP|UDP_SEGMENT|UDP_GRO"
linux="$linux|SO_PEERCRED|SO_INCOMING_CPU|O_PATH|memfd|getauxval"
linux="$linux|SYS_[a-z]|__NR_|sem_clockwait|unshare|landlock_|/proc/"
linux="$linux|MAP_POPULATE|MREMAP|CLOCK_BOOTTIME|gettid"
awk -v linux="$linux" '{
	code = $0
	sub(/\/\*.*/, "", code)
	if (code !~ /^ \*/ && code ~ linux)
		printf "%s:%d: %s\n", FILENAME, FNR, $0
}' $sources $(ls */*.h | grep -v '_linux\.h$') >"$out"
if [ -s "$out" ]; then
	sed 's/$/ (only on Linux)/' "$out"
	failed=$((failed + 1))
else
	passed=$((passed + 1))
fi
echo "openbsd: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 1 ]
