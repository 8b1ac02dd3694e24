# SPDX-License-Identifier: ISC
"""Every attempt of attempts.c, made by the real roomd and relayd from inside
their sandbox, on the order of an ordinary ocmd: one that does not end as its
row says fails.  Then the people who were there before still talk.

The order is a setting in the configuration that `ocmctl reload` takes; what
came of it stands in the log.
"""

import os
import re
import subprocess
import time

import ocm
import tcrp

LIST = os.path.join(ocm.BUILD, "list")
FILTER = os.path.join(ocm.BUILD, "filter")
MANUAL = os.path.join(ocm.ROOT, "ocmd", "ocmd.8")
# As in role.c.
ORDER = {"roomd": 900000, "relayd": 910000}
ALLOCATIONS, KEYS, BETRAY = 9000, 9001, 9002
FLOOD = 20000
PUNISHED = -9
SEGMENT = "/dev/shm/ocm-"


def attempts():
    """(number, {role: (not strict, strict)}, what) of every row."""
    out = subprocess.run([LIST], stdout=subprocess.PIPE, text=True,
                         check=True).stdout
    for line in out.splitlines():
        number, a, b, c, d, what = line.split(" ", 5)
        yield int(number), {"roomd": (int(a), int(b)),
                            "relayd": (int(c), int(d))}, what


def memory(pid):
    """All that a process can write to, and so could have kept."""
    held = []
    with open("/proc/%d/maps" % pid) as maps, \
            open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            span, may = line.split()[:2]
            low, high = (int(n, 16) for n in span.split("-"))
            if may.startswith("rw"):
                mem.seek(low)
                held.append(mem.read(high - low))
    return b"\0".join(held)


class Captured(ocm.Server):
    """A server whose children do as they are ordered."""

    def __init__(self, strict=True, **options):
        self.strict = strict
        super().__init__(start=False, workers=2, hang_limit=0,
                         restart_limit=1000000, max_rooms=64,
                         max_members=512, max_lobby=16, notices=False,
                         **options)
        self.conf = os.path.join(self.dir, "ocm.conf")
        self.read = 0
        self.order(1)
        self.args = ("-f", self.conf)
        self.start()

    def order(self, number):
        with open(self.conf, "w") as f:
            f.write("member-burst = %d\n" % number)
        os.chmod(self.conf, 0o644)

    def wait_log(self, pattern):
        """The next match in the log, which is then read up to it."""
        deadline = tcrp.Deadline()
        while True:
            log = self.log()
            found = re.compile(pattern).search(log, self.read)
            if found:
                self.read = found.end()
                return found
            if deadline.over():
                raise AssertionError("no %r in %s" % (pattern,
                                                      log[self.read:]))
            time.sleep(0.002)

    def told(self, role, number):
        """What a role answers to an order that it survives."""
        self.order(ORDER[role] + number)
        self.ctl("reload")
        return int(self.wait_log(r"attempt %d: ended with (\d+)\n" %
                                 number)[1])

    def attempt(self, role, number):
        """How it ended: an errno or 0, or the signal, negative."""
        child = role if role == "roomd" else "relayd 0"
        self.order(ORDER[role] + number)
        self.ctl("reload")
        self.wait_log(r"%s: attempt %d: begins\n" % (child, number))
        begin = self.read
        found = self.wait_log(
            r"%s: (?:attempt %d: ended with (\d+)\n|process \d+ died: "
            r"(?:killed by signal (\d+))?)" % (child, number))
        if found[1] is not None:
            return int(found[1])
        self.deaths += 1
        self.wait_log(r"%s: ready" % child)
        if found[2] is None:
            return "exit"
        if -int(found[2]) == PUNISHED and \
                "bad control message" not in self.log()[begin:self.read]:
            return "killed, nobody knows why"
        return -int(found[2])


class Case(ocm.Case):
    def server(self, **how):
        server = Captured(**how)
        self.addCleanup(server.finish)
        if "none" in server.process("roomd")["sandbox"]:
            self.skipTest("NOT TESTED: built with SANDBOX=none")
        return server

    def people(self, server):
        ann = server.member("ann").create("tea")
        people = [ann] + [server.member(name).join("tea")
                          for name in ("bob", "cat")]
        tcrp.meet(*people)
        return people

    def talk(self, people, text):
        for one in people:
            one.say(text)
            for other in people:
                if other is not one:
                    other.expect(text, one)

    def nobody_build(self):
        """The programs, where a user without rights finds them."""
        if not ocm.AM_ROOT:
            self.skipTest("then none of the tests was root's")
        place = ocm.Server(start=False)
        self.addCleanup(place.clear)
        os.chmod(place.dir, 0o755)
        return ocm.copy_programs(os.path.join(place.dir, "build"))

    def all_of(self, role, strict, **how):
        server = self.server(strict=strict, **how)
        people = self.people(server)
        self.talk(people, "before")
        done = 0
        for number, ends, what in attempts():
            got = server.attempt(role, number)
            with self.subTest(attempt=what):
                self.assertEqual(got, ends[role][strict])
            done += 1
        self.assertGreaterEqual(done, 40)
        # Nobody has lost anything by it.
        tcrp.meet(*people)
        self.talk(people, "after")
        server.member("dan").join("tea")
        print("note: %s: %d attempts, %d of them deadly" % (
            role, done, server.deaths))


class Attempts(Case):
    """What a system call that nobody knows gets is ENOSYS."""

    def test_roomd(self):
        self.all_of("roomd", False)

    def test_relayd(self):
        self.all_of("relayd", False)


class StrictAttempts(Case):
    """It kills."""

    def test_roomd(self):
        self.all_of("roomd", True)

    def test_relayd(self):
        self.all_of("relayd", True)


class AttemptsOfNobody(Case):
    """Without root there are other namespaces, and no chroot."""

    def test_roomd(self):
        self.all_of("roomd", False, uid=ocm.NOBODY, build=self.nobody_build())

    def test_relayd(self):
        self.all_of("relayd", False, uid=ocm.NOBODY, build=self.nobody_build())


class Memory(Case):
    """What is mapped, what is left open and what is remembered."""

    def live(self, server):
        """All that relayd has to do with, and floods of it."""
        people = self.people(server)
        lobby = [server.lobby_client("guest%d" % i) for i in range(8)]
        for one in lobby:
            one.hello()
        for turn in range(20):
            self.talk(people, "turn %d" % turn)
            lobby[turn % 8].say("turn %d" % turn)
            for one in lobby:
                if one is not lobby[turn % 8]:
                    one.expect("turn %d" % turn, lobby[turn % 8])
        others = [server.member("m%d" % i).create("room %d" % i)
                  for i in range(40)]
        for i, one in enumerate(others):
            server.member("guest").join("room %d" % i)
            one.leave()
        self.flood(server, people)
        server.ctl("log", "verbose")
        server.ctl("stats")
        tcrp.meet(*people)
        self.talk(people, "at last")

    def flood(self, server, people):
        """By strangers, by a member, and by joins."""
        strangers = [server.stranger(server.relay[0]) for _ in range(4)]
        token = people[0].token
        for n in range(FLOOD):
            one = strangers[n % 4]
            one.send_raw((b"nonsense", b"", b"\x03\x20tea" + token + b"x",
                          os.urandom(40))[n // 4 % 4])
            if n % 4 == 0:
                people[1].say("%d" % n)
        for one in people:
            tcrp.wait_until(lambda one=one: not one.drain())
        for n in range(200):
            server.member("m%d" % n).join("tea").leave()

    def check_allocations(self, **how):
        server = self.server(**how)
        self.live(server)
        self.assertEqual(server.told("relayd", ALLOCATIONS), 0)
        self.assertGreater(server.told("roomd", ALLOCATIONS), 0)
        self.assertGreater(server.stats()["received"], FLOOD)
        server.dismiss()
        log, stop = server.log_path, server.stop()
        self.assertEqual(stop, [])
        with open(log) as f:
            found = re.findall(r"(\w+)[ \d]*: attempts: (\d+) allocations",
                               f.read())
        self.assertEqual([n for role, n in found if role == "relayd"],
                         ["0", "0"])
        # The counting does count.
        self.assertEqual([int(n) > 0 for role, n in found
                          if role == "roomd"], [True])
        print("note: allocations from READY to the end: %s" % found)

    def test_no_allocation_after_start(self):
        """Whatever relayd is asked to do, it has what it needs.  That it
        asks the kernel for none either is the filter's business: it may
        make neither brk nor mmap, and dies of both here."""
        self.check_allocations()

    def test_no_allocation_without_root(self):
        self.check_allocations(uid=ocm.NOBODY, build=self.nobody_build())

    def test_keys_lie_where_they_are_needed(self):
        """How many were sent, and three digits: copies of the keys of
        tokens, buckets, passwords.  The message that brought them is wiped;
        two of them are not even in the one to relayd."""
        server = self.server()
        server.member("ann").create("tea", password="secret")
        server.member("bob").join("tea", password="secret")
        self.assertEqual(server.told("roomd", KEYS), 3111)
        self.assertEqual(server.told("relayd", KEYS), 1100)

    def test_secrets_seen_from_outside(self):
        """Tokens, passwords and keys in the memory of every process, as one
        sees it who may read all of it."""
        if not ocm.AM_ROOT:
            self.skipTest("NOT SEEN without root: /proc/PID/mem of others")
        server = self.server()
        password = "a password that is nowhere else"
        people = [server.member("ann").create("tea", password=password)]
        people += [server.member("bob").join("tea", password=password)]
        tcrp.meet(*people)
        people.append(server.member("cat").join("tea", password=password))
        for one in people:
            one.members()
        server.order(ORDER["roomd"] + BETRAY)
        server.ctl("reload")
        keys = [bytes.fromhex(key) for key in server.wait_log(
            r"attempts: the keys (\w+) (\w+) (\w+)\n").groups()]
        self.assertEqual([len(set(key)) > 8 for key in keys], [True] * 3)
        pids = {role: memory(server.process(role)["pid"])
                for role in ("ocmd", "roomd", "relayd")}
        # ocmd needs them for the next roomd, roomd needs them itself.
        self.assertEqual({role: [held.count(key) for key in keys]
                          for role, held in pids.items()},
                         {"ocmd": [1, 1, 1], "roomd": [1, 1, 1],
                          "relayd": [1, 0, 0]})
        for role, held in pids.items():
            self.assertEqual(held.count(password.encode()), 0, role)
            for one in people:
                if role != "relayd":
                    self.assertEqual(held.count(one.token), 0, role)
        # Who has not spoken yet has no token in relayd either.
        self.assertIn(b"cat", pids["relayd"])
        dan = server.member("dan").join("tea", password=password,
                                        hello=False)
        self.assertNotIn(dan.token,
                         memory(server.process("relayd")["pid"]))

    def mappings(self, pid):
        """(permissions, pages) of each part of the segment, and whether
        anything can be written and executed."""
        shared, both = [], False
        with open("/proc/%d/maps" % pid) as f:
            for line in f:
                span, may, _, _, _, *name = line.split(None, 5)
                both = both or may[1:3] == "wx"
                if name and name[0].startswith(SEGMENT):
                    low, high = (int(n, 16) for n in span.split("-"))
                    shared.append((may, (high - low) // 4096))
        return shared, both

    def test_regions_are_mapped_as_designed(self):
        if not ocm.AM_ROOT:
            self.skipTest("NOT SEEN without root: /proc/PID/maps of others")
        server = self.server()
        for role, index, want in (
                ("roomd", 0, ["rw-s", "rw-s", "r--s", "r--s"]),
                ("relayd", 0, ["r--s", "r--s", "rw-s", "rw-s"]),
                ("relayd", 1, ["r--s", "r--s", "rw-s", "rw-s"])):
            pid = server.process(role, index)["pid"]
            shared, both = self.mappings(pid)
            self.assertFalse(both, "writable code in " + role)
            self.assertEqual(sorted(may for may, _ in shared), sorted(want))
            if role == "relayd":
                # Of one size, and only one of the two is its own.
                table = max(pages for may, pages in shared)
                self.assertIn(("r--s", table), shared)
                self.assertNotIn(("rw-s", table), shared)

    def test_the_segment_is_closed(self):
        if not ocm.AM_ROOT:
            self.skipTest("NOT SEEN without root: /proc/PID/fd of others")
        server = self.server()
        for role in ("roomd", "relayd"):
            where = "/proc/%d/fd" % server.process(role)["pid"]
            opened = [os.readlink(os.path.join(where, fd))
                      for fd in os.listdir(where)]
            self.assertGreater(len(opened), 3)
            for path in opened:
                self.assertFalse(path.startswith("/") and
                                 path != "/dev/null", path)

    def test_no_core(self):
        server = self.server()
        for role in ("ocmd", "roomd", "relayd"):
            with open("/proc/%d/limits" % server.process(role)["pid"]) as f:
                limit = re.search(r"Max core file size +(\d+) +(\d+)",
                                  f.read())
            self.assertEqual(limit.groups(), ("0", "0"))

    def test_capabilities_are_those_of_the_filter_test(self):
        """filter.c compares other masks with the manual otherwise."""
        server = self.server()
        said = subprocess.run([FILTER, MANUAL], stdout=subprocess.PIPE,
                              text=True, check=True).stdout
        for role in ("roomd", "relayd"):
            pattern = r"%s.*? has capabilities (0x[0-9a-f]+)" % role
            self.assertEqual(re.search(pattern, server.log())[1],
                             re.search(pattern, said)[1])
