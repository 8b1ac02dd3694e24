# SPDX-License-Identifier: ISC
# For GNU make and BSD make alike.
#
#   make                 everything into build/
#   make test            unit and system tests, hardening, install
#   make check-style     the house rules, manuals, linters, OpenBSD
#   make bench, fuzz     load and hostile input, for as long as you like
#   make soak KILLS=n SEED=s    kills by the thousand, and more of the model
#   make SAN=1 ...       the same with AddressSanitizer and UBSan
#   make FAULTS=1 ...    with points of failure for tests/faults
#   make WERROR=-Werror  as CI does

VERSION =	0.1.0
PREFIX =	/usr/local
BINDIR =	$(PREFIX)/bin
SBINDIR =	$(PREFIX)/sbin
LIBEXECDIR =	$(PREFIX)/libexec/ocm
MANDIR =	$(PREFIX)/share/man
SYSCONFDIR =	/etc
EXAMPLEDIR =	$(PREFIX)/share/ocm
BASHDIR =	$(PREFIX)/share/bash-completion/completions
EXAMPLES =	contrib/ocm.conf contrib/ocm.service contrib/ocm.rc

OS !=		uname -s
PKGS =		libsodium libevent_core libconfuse jansson
PKGS_Linux =	libbsd-overlay libseccomp
PKG_CFLAGS !=	pkg-config --cflags $(PKGS) $(PKGS_$(OS)) libedit
LIBS_COMMON !=	pkg-config --libs libsodium jansson $(PKGS_$(OS))
LIBS_EVENT !=	pkg-config --libs libevent_core
LIBS_CONF !=	pkg-config --libs libconfuse
LIBS_EDIT !=	pkg-config --libs libedit
LIBS_CHECK !=	pkg-config --libs check 2>/dev/null || true

# Platform files: common/*_linux.c, *_openbsd.c; sandbox_none.c by choice.
PLATFORM_Linux =	linux
PLATFORM_OpenBSD =	openbsd
PLATFORM =	$(PLATFORM_$(OS))
# The sanitizers' runtimes do what no filter allows, and say so.
SANDBOX_1 =	none
SANDBOX_ =	$(PLATFORM)
SANDBOX =	$(SANDBOX_$(SAN))

WARN =		-Wall -Wextra -Wpedantic -Wshadow -Wconversion \
		-Wstrict-prototypes -Wmissing-prototypes
HARDEN_ =	-D_FORTIFY_SOURCE=2
HARDEN =	-fstack-protector-strong -fPIE $(HARDEN_$(SAN))
SAN_1 =		-fsanitize=address,undefined -fno-omit-frame-pointer \
		-fno-sanitize-recover=undefined
SAN_FLAGS =	$(SAN_$(SAN))
CPPFLAGS_Linux =	-D_GNU_SOURCE
# Fault points, and calls that fail: never in what is installed.
FAULTS_CPP_1 =	-DOCM_FAULTS
FAULTS_LD_1 =	-Wl,--wrap=accept4,--wrap=send,--wrap=sendmsg \
		-Wl,--wrap=sendmmsg,--wrap=recv,--wrap=recvmsg \
		-Wl,--wrap=recvmmsg,--wrap=sem_shared_wait \
		-Wl,--wrap=mmap,--wrap=fork \
		-Wl,--wrap=pipe2,--wrap=socketpair,--wrap=event_new \
		-Wl,--wrap=event_add,--wrap=strdup $(FAULTS_LD_$(SAN)_SAN)
FAULTS_LD_1_SAN =	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
FAULTS_OBJ_1 =	tests/faults/fault.o tests/faults/calls.o
FAULTS_OBJ =	$(FAULTS_OBJ_$(FAULTS))

CFLAGS =	-O2 -g
OCM_CFLAGS =	-std=c11 $(CFLAGS) $(WARN) $(WERROR) $(HARDEN) $(SAN_FLAGS) \
		$(CPPFLAGS_$(OS)) $(FAULTS_CPP_$(FAULTS)) $(CPPFLAGS) \
		$(PKG_CFLAGS) -I. -Icommon -MMD -MP \
		-DOCM_VERSION='"$(VERSION)"' -DOCM_LIBEXECDIR='"$(LIBEXECDIR)"' \
		-DOCM_SBINDIR='"$(SBINDIR)"' -DOCM_SYSCONFDIR='"$(SYSCONFDIR)"'
OCM_LDFLAGS =	-pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack $(SAN_FLAGS) \
		$(FAULTS_LD_$(FAULTS)) $(LDFLAGS)
OCM_LIBS =	$(LIBS_COMMON) -lpthread

COMMON_SRC !=	ls common/*.c | grep -v -e _linux.c -e _openbsd.c -e _none.c
PLATFORM_SRC !=	ls common/*_$(PLATFORM).c | grep -v sandbox_
OCMD_SRC !=	ls ocmd/*.c
ROOMD_SRC !=	ls roomd/*.c
RELAYD_SRC !=	ls relayd/*.c
# client/ocm*.c is the chat, client/ctl*.c is ocmctl.
OCM_SRC !=	ls client/ocm*.c
OCMCTL_SRC !=	ls client/ctl*.c
CHECK_SRC !=	ls tests/unit/check_*.c 2>/dev/null | \
		grep -v -e _linux.c -e _openbsd.c || true
CHECK_OWN !=	ls tests/unit/check_*_$(PLATFORM).c 2>/dev/null || true
BENCH_SRC !=	ls tests/bench/bench_*.c 2>/dev/null || true
BENCH_PARTS_SRC !=	ls tests/bench/*.c 2>/dev/null | grep -v /bench_ || true
FUZZ_SRC !=	ls tests/fuzz/fuzz_*.c 2>/dev/null | \
		grep -v -e _lock.c || true
# Only there the lock's word lies in the segment.
FUZZ_OWN_linux = tests/fuzz/fuzz_lock.c
# Only Linux has a filter to be tried out.
SANDBOX_SRC_linux =	tests/sandbox/acts.c tests/sandbox/attempts.c \
		tests/sandbox/filter.c tests/sandbox/list.c \
		tests/sandbox/program.c tests/sandbox/role.c \
		tests/sandbox/seen.c
SANDBOX_SRC =	$(SANDBOX_SRC_$(PLATFORM))

COMMON_OBJ =	$(COMMON_SRC:.c=.o) $(PLATFORM_SRC:.c=.o) \
		common/sandbox_$(SANDBOX).o $(FAULTS_OBJ)
OCMD_OBJ =	$(OCMD_SRC:.c=.o)
ROOMD_OBJ =	$(ROOMD_SRC:.c=.o)
RELAYD_OBJ =	$(RELAYD_SRC:.c=.o)
OCM_OBJ =	$(OCM_SRC:.c=.o)
OCMCTL_OBJ =	$(OCMCTL_SRC:.c=.o)
CHECK_OBJ =	$(CHECK_SRC:.c=.o) $(CHECK_OWN:.c=.o)
# What the load generators consist of besides their mains.
BENCH_PARTS =	$(BENCH_PARTS_SRC:.c=.o)
BENCH_OBJ =	$(BENCH_SRC:.c=.o) $(BENCH_PARTS)
# A main for the targets where libFuzzer's is not linked.
FUZZ_MAIN =	tests/fuzz/replay.o
FUZZ_OWN =	$(FUZZ_OWN_$(PLATFORM))
FUZZ_OBJ =	$(FUZZ_SRC:.c=.o) $(FUZZ_OWN:.c=.o) $(FUZZ_MAIN)
# Who attacks and who talks in the system tests: Linux tells the times.
SYSTEM_SRC_linux =	tests/system/flood.c tests/system/talkers.c
SYSTEM_SRC =	$(SYSTEM_SRC_$(PLATFORM))
SYSTEM_OBJ =	$(SYSTEM_SRC:.c=.o)
# Captured roles: what they are told to try, and that they do as told.
ATTEMPT_PARTS =	tests/sandbox/acts.o tests/sandbox/attempts.o
ATTEMPT_OBJ =	$(ATTEMPT_PARTS) tests/sandbox/role.o
COUNT =		tests/unit/count_path.t
ALL_OBJ =	$(COMMON_OBJ) $(OCMD_OBJ) $(ROOMD_OBJ) $(RELAYD_OBJ) \
		$(OCM_OBJ) $(OCMCTL_OBJ) $(CHECK_OBJ) $(BENCH_OBJ) \
		$(COUNT:.t=.o) \
		$(FUZZ_OBJ) $(SYSTEM_OBJ) $(SANDBOX_SRC:.c=.o)
CHECKS =	$(CHECK_OBJ:.o=.t)
BENCHES =	$(BENCH_SRC:.c=.t)
FUZZERS =	$(FUZZ_SRC:.c=.t) $(FUZZ_OWN:.c=.t)
SYSTEM_TOOLS =	$(SYSTEM_SRC:.c=.t)

ATTEMPT_LD =	-Wl,--wrap=ctl_recv,--wrap=seg_map,--wrap=sandbox_enter
SEEN_LD =	-Wl,--wrap=seccomp_enter
SANDBOX_TESTS_linux =	build/attempt/roomd build/attempt/relayd \
		build/attempt/list build/attempt/filter \
		build/seen/roomd build/seen/relayd

PROGRAMS =	build/ocmctl build/ocm build/ocmd build/roomd build/relayd
# A role without its main, for the tests of its modules.
ROLE_LIBS =	build/libroomd.a build/librelayd.a build/libocmd.a \
		build/libclient.a

# Objects depend on this file, which changes when the flags do.
STAMP !=	mkdir -p build; f='$(CC) $(OCM_CFLAGS) $(OCM_LDFLAGS) $(SANDBOX)'; \
		[ "`cat build/flags 2>/dev/null`" = "$$f" ] || echo "$$f" >build/flags
DEPENDS !=	cat common/*.d ocmd/*.d roomd/*.d relayd/*.d client/*.d \
		tests/*/*.d >build/depend 2>/dev/null || true

all: $(PROGRAMS)

.SUFFIXES: .c .o .t
.c.o:
	$(CC) $(OCM_CFLAGS) -c -o $@ $<
.o.t:
	$(CC) $(OCM_LDFLAGS) -o $@ $< $(ROLE_LIBS) build/libcommon.a \
	    $(LIBS_EVENT) $(LIBS_CONF) $(LIBS_CHECK) $(OCM_LIBS)

$(ALL_OBJ): build/flags

build/libcommon.a: $(COMMON_OBJ)
	rm -f $@ && $(AR) rcs $@ $(COMMON_OBJ)
build/libroomd.a: $(ROOMD_OBJ)
	rm -f $@ && $(AR) rcs $@ $(ROOMD_OBJ) && $(AR) d $@ main.o
build/librelayd.a: $(RELAYD_OBJ)
	rm -f $@ && $(AR) rcs $@ $(RELAYD_OBJ) && $(AR) d $@ main.o
build/libocmd.a: $(OCMD_OBJ)
	rm -f $@ && $(AR) rcs $@ $(OCMD_OBJ) && $(AR) d $@ main.o
build/libclient.a: $(OCM_OBJ) $(OCMCTL_OBJ)
	rm -f $@ && $(AR) rcs $@ $(OCM_OBJ) $(OCMCTL_OBJ) && \
	    $(AR) d $@ ocm.o ctl.o

build/ocmd: $(OCMD_OBJ) build/libcommon.a
	$(CC) $(OCM_LDFLAGS) -o $@ $(OCMD_OBJ) build/libcommon.a \
	    $(LIBS_EVENT) $(LIBS_CONF) $(OCM_LIBS)
build/roomd: $(ROOMD_OBJ) build/libcommon.a
	$(CC) $(OCM_LDFLAGS) -o $@ $(ROOMD_OBJ) build/libcommon.a \
	    $(LIBS_EVENT) $(OCM_LIBS)
build/relayd: $(RELAYD_OBJ) build/libcommon.a
	$(CC) $(OCM_LDFLAGS) -o $@ $(RELAYD_OBJ) build/libcommon.a $(OCM_LIBS)
build/ocm: $(OCM_OBJ) build/libcommon.a
	$(CC) $(OCM_LDFLAGS) -o $@ $(OCM_OBJ) build/libcommon.a \
	    $(LIBS_EVENT) $(LIBS_EDIT) $(OCM_LIBS)
build/ocmctl: $(OCMCTL_OBJ) build/libcommon.a
	$(CC) $(OCM_LDFLAGS) -o $@ $(OCMCTL_OBJ) build/libcommon.a $(OCM_LIBS)

$(CHECKS) $(COUNT): build/libcommon.a $(ROLE_LIBS)

$(FUZZERS): $(FUZZ_OBJ) build/libcommon.a build/librelayd.a build/libroomd.a
	$(CC) $(OCM_LDFLAGS) -o $@ $(@:.t=.o) $(FUZZ_MAIN) \
	    build/librelayd.a build/libroomd.a build/libcommon.a \
	    $(LIBS_EVENT) $(OCM_LIBS)

# The roles' own objects and one more: tests/sandbox/run.sh says what for.
build/attempt/roomd: $(ROOMD_OBJ) $(ATTEMPT_OBJ) build/libcommon.a
	mkdir -p build/attempt
	$(CC) $(OCM_LDFLAGS) $(ATTEMPT_LD) -o $@ $(ROOMD_OBJ) $(ATTEMPT_OBJ) \
	    build/libcommon.a $(LIBS_EVENT) $(OCM_LIBS)
build/attempt/relayd: $(RELAYD_OBJ) $(ATTEMPT_OBJ) build/libcommon.a
	mkdir -p build/attempt
	$(CC) $(OCM_LDFLAGS) $(ATTEMPT_LD) -o $@ $(RELAYD_OBJ) $(ATTEMPT_OBJ) \
	    build/libcommon.a $(OCM_LIBS)
build/attempt/list: tests/sandbox/list.o $(ATTEMPT_PARTS) build/libcommon.a
	mkdir -p build/attempt
	$(CC) $(OCM_LDFLAGS) -o $@ tests/sandbox/list.o $(ATTEMPT_PARTS) \
	    build/libcommon.a $(OCM_LIBS)
build/attempt/filter: tests/sandbox/filter.o tests/sandbox/program.o \
	    build/libcommon.a
	mkdir -p build/attempt
	$(CC) $(OCM_LDFLAGS) -o $@ tests/sandbox/filter.o \
	    tests/sandbox/program.o build/libcommon.a $(OCM_LIBS)
build/seen/roomd: $(ROOMD_OBJ) tests/sandbox/seen.o build/libcommon.a
	mkdir -p build/seen
	$(CC) $(OCM_LDFLAGS) $(SEEN_LD) -o $@ $(ROOMD_OBJ) \
	    tests/sandbox/seen.o build/libcommon.a $(LIBS_EVENT) $(OCM_LIBS)
build/seen/relayd: $(RELAYD_OBJ) tests/sandbox/seen.o build/libcommon.a
	mkdir -p build/seen
	$(CC) $(OCM_LDFLAGS) $(SEEN_LD) -o $@ $(RELAYD_OBJ) \
	    tests/sandbox/seen.o build/libcommon.a $(OCM_LIBS)

# They speak the protocol from outside and link nothing of the server.
$(BENCHES): $(BENCH_OBJ) build/libcommon.a
	$(CC) $(OCM_LDFLAGS) -o $@ $(@:.t=.o) $(BENCH_PARTS) \
	    build/libcommon.a $(OCM_LIBS)

$(SYSTEM_TOOLS): $(SYSTEM_OBJ) build/libcommon.a
	$(CC) $(OCM_LDFLAGS) -o $@ $(@:.t=.o) build/libcommon.a $(OCM_LIBS)

test: test-unit test-fuzz test-programs test-system test-faults test-sandbox
build-tests: $(CHECKS) $(BENCHES) $(FUZZERS) $(SYSTEM_TOOLS)
test-unit: $(CHECKS)
	tests/unit/run $(CHECKS)
# Every seed through every target; `make fuzz` goes on from there.
test-fuzz: $(FUZZERS)
	for t in $(FUZZERS); do n=$${t##*/fuzz_}; \
	    $$t tests/fuzz/corpus/$${n%.t} || exit 1; done
test-programs: all
	tests/hardening.sh $(PROGRAMS)
	tests/install.sh $(MAKE)
test-system: all $(SYSTEM_TOOLS)
	tests/system/run

# A build of its own, in a copy, that dies, hangs and fails on order.
test-faults: all
	tests/faults/run.sh points $(MAKE) CC='$(CC)' CFLAGS='$(CFLAGS)' \
	    WERROR='$(WERROR)' SAN='$(SAN)'

# Mistakes in the real code, on order: what proves recovery notices each.
test-mutants: all
	sh tests/model/step.sh -m 15
	tests/faults/run.sh mutants $(MAKE) CC='$(CC)' CFLAGS='$(CFLAGS)' \
	    WERROR='$(WERROR)'

# Captured roles try what they must not; SANDBOX=none has nothing to try.
test-sandbox: all $(SANDBOX_TESTS_$(SANDBOX))
	tests/sandbox/run.sh $(SANDBOX)

# The lock's model by spin, and the real code instruction by instruction.
STEP_OPERATIONS = 50
test-model:
	sh tests/model/run.sh
	sh tests/model/step.sh $(STEP_OPERATIONS)

# Recovery, proved for as long as you like: KILLS of real children, then
# SOAK_OPERATIONS single-stepped, then the model with one kill more.
KILLS =	10000
SOAK_OPERATIONS =	1000
SEED =
soak: all
	seed='$(SEED)'; seed=$${seed:-`date +%s`}; \
	    tests/system/kill_loop --kills $(KILLS) --seed $$seed && \
	    sh tests/model/step.sh $(SOAK_OPERATIONS) $$seed && \
	    sh tests/model/run.sh 4

check-style:
	tests/style.sh
	tests/openbsd/check.sh
	CC='$(CC)' tests/lint.sh $(OCM_CFLAGS)

# BENCH='-d 5 1x1000-10/s': seconds, options of the server, rows.
BENCH =
bench: all $(BENCHES)
	tests/bench/run.sh $(BENCH)
# Beside the kernel's ceiling and plainer relays: COMPARE='-r 5 -d 3'; -a keeps
# the processors awake.
COMPARE =
bench-compare: all $(BENCHES)
	tests/bench/compare $(COMPARE)
# Beside other servers, which it installs and starts: PEERS='-r 3 -d 2'.
PEERS =
bench-peers: all $(BENCHES)
	tests/bench/peers $(PEERS)

# Instructions per datagram and per copy, by valgrind.
bench-count: $(COUNT)
	tests/bench/count_path

# FUZZ_SECONDS for each target.
FUZZ_CC =	clang
FUZZ_SECONDS =	60
fuzz:
	CC='$(FUZZ_CC)' FUZZ_SECONDS='$(FUZZ_SECONDS)' tests/fuzz/run.sh \
	    -std=c11 $(CPPFLAGS_$(OS)) $(CPPFLAGS) $(PKG_CFLAGS) -I. -Icommon \
	    -- $(LIBS_EVENT) $(LIBS_COMMON)

install: all
	mkdir -p $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) \
	    $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(MANDIR)/man1 \
	    $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man7 \
	    $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(EXAMPLEDIR) \
	    $(DESTDIR)$(BASHDIR)
	install -m 755 build/ocm build/ocmctl $(DESTDIR)$(BINDIR)
	install -m 755 build/ocmd $(DESTDIR)$(SBINDIR)
	install -m 755 build/roomd build/relayd $(DESTDIR)$(LIBEXECDIR)
	install -m 644 client/ocm.1 $(DESTDIR)$(MANDIR)/man1
	install -m 644 ocmd/ocm.conf.5 $(DESTDIR)$(MANDIR)/man5
	install -m 644 common/ocm-protocol.7 $(DESTDIR)$(MANDIR)/man7
	install -m 644 ocmd/ocmd.8 client/ocmctl.8 $(DESTDIR)$(MANDIR)/man8
	install -m 644 $(EXAMPLES) $(DESTDIR)$(EXAMPLEDIR)
	install -m 644 contrib/ocm.bash $(DESTDIR)$(BASHDIR)/ocm
	install -m 644 contrib/ocm.bash $(DESTDIR)$(BASHDIR)/ocmctl

uninstall:
	cd $(DESTDIR)$(BINDIR) && rm -f ocm ocmctl
	cd $(DESTDIR)$(SBINDIR) && rm -f ocmd
	cd $(DESTDIR)$(MANDIR) && rm -f man1/ocm.1 man5/ocm.conf.5 \
	    man7/ocm-protocol.7 man8/ocmd.8 man8/ocmctl.8
	cd $(DESTDIR)$(BASHDIR) && rm -f ocm ocmctl
	rm -rf $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(EXAMPLEDIR)

clean:
	rm -rf build
	rm -f */*.o */*.d tests/*/*.o tests/*/*.d tests/*/*.t

.PHONY: all build-tests test test-unit test-programs test-system test-model \
	test-faults test-fuzz test-mutants test-sandbox soak check-style bench \
	bench-compare bench-peers bench-count fuzz clean install uninstall

-include build/depend
