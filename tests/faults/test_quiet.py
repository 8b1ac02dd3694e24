# SPDX-License-Identifier: ISC
"""Quiet before the lock is made anew: who is not idle 50 ms after a park is
killed, and where that happens twice in a row, everybody is.

No heartbeat here: nothing else would notice who hangs.  SERIAL: it measures
times.
"""

import ctypes
import os
import re
import signal
import time

import ocm
from faulty import HANG, PAUSE, Faulty
from ocm import SLOW
from tcrp import JOIN, Talk, fence, meet, wait_until

SERIAL = True

QUIET = 0.05            # seconds that a child has to become idle
SLACK = 0.25 * SLOW     # to notice, reap and start anew


class Tracer:
    """With Tracer(pid): the process cannot end before the block has."""

    SEIZE, TRACEE_EXITS = 0x4206, 0x40

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.ptrace(self.SEIZE, self.pid, None, self.TRACEE_EXITS) == -1:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __exit__(self, *why):
        libc = ctypes.CDLL(None)
        os.kill(self.pid, signal.SIGKILL)       # where nobody has
        os.waitpid(self.pid, 0)         # at its exit: PTRACE_EVENT_EXIT
        libc.ptrace(17, self.pid, None, None)   # PTRACE_DETACH


class Quiet(ocm.Case):
    def serve_faulty(self, **options):
        server = Faulty(notices=False, hang_limit=0, join_rate=0, **options)
        self.addCleanup(server.finish)
        self.alice = server.member("alice").create("部屋")
        self.bob = server.member("bob").join("部屋")
        meet(self.alice, self.bob)
        return server

    def ask_to_join(self, server):
        """A change that nobody waits for."""
        talk = Talk(server.rooms[0])
        self.addCleanup(talk.close)
        talk.ask(JOIN, "部屋", b"carol")

    def order(self, server, role, name, action, at=0):
        """And waits until somebody does so."""
        server.order(role, name, action, at=at)
        self.ask_to_join(server)
        wait_until(lambda: server.done(at), step=0.001)

    def killed_for(self, server):
        return re.findall(r"(roomd|relayd \d): kept the lock for 50 ms",
                          server.log())

    def check(self, server):
        """All is well, and nobody has said hello again."""
        for at in range(4):
            server.revoke(at)
        server.wait_ready()
        server.look()
        fence(self.alice, self.bob)
        fence(server.member("dave").join("部屋"), self.alice, self.bob)

    def end(self, server, role, index=0):
        """Kills one; how long until everybody was brought to rest."""
        before, victim = server.all_pids(), server.pids[role][index]
        begin = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: "process %d died" % victim in server.log(),
                   step=0.001)
        server.look()
        return time.monotonic() - begin, len(before - server.all_pids())

    def test_roomd_keeps_it(self):
        for name in "tx_locked", "tx_stored", "release_post":
            with self.subTest(point=name):
                server = self.serve_faulty()
                self.order(server, "roomd", name, HANG)
                took, dead = self.end(server, "relayd")
                self.assertEqual(self.killed_for(server), ["roomd"])
                self.assertEqual(dead, 2)
                self.assertGreaterEqual(took, QUIET)
                self.assertLess(took, QUIET + SLACK)
                print("note at rest after %.0f ms" % (took * 1000))
                self.check(server)

    def test_relayd_keeps_it(self):
        server = self.serve_faulty()
        self.order(server, "relayd", "acquire_hold", HANG)
        took, dead = self.end(server, "roomd")
        self.assertEqual(self.killed_for(server), ["relayd 0"])
        self.assertEqual(dead, 2)
        self.assertLess(took, QUIET + SLACK)
        self.check(server)

    def test_nobody_died(self):
        """Who waits for the lock in vain tells ocmd, which then looks."""
        server = self.serve_faulty()
        before = server.process("roomd")
        self.order(server, "roomd", "tx_announced", HANG)
        wait_until(lambda: self.killed_for(server))
        server.wait_restart("roomd", before)
        self.assertEqual(self.killed_for(server), ["roomd"])
        self.assert_log(server, "relayd 0: cannot get the lock")
        self.check(server)

    def test_dies_late(self):
        """One that keeps the lock is killed, but does not end, as where its
        kernel waits for a disk; here somebody who traces it has to look
        first.  The others go on, and it begins again when it has ended."""
        for role, name, victim in (("relayd", "acquire_hold", "roomd"),
                                   ("roomd", "tx_stored", "relayd")):
            with self.subTest(role=role):
                server = self.serve_faulty()
                self.order(server, role, name, HANG)
                before = server.process(role)
                with Tracer(before["pid"]):
                    os.kill(server.pids[victim][0], signal.SIGKILL)
                    self.assert_log(server, "%s( 0)?: killed, but does not "
                                    "end; the others go on" % role)
                    # Neither ocmd nor the other role waits for it.
                    wait_until(lambda: server.process(victim)["ready"])
                    self.assertFalse(server.process(role)["ready"])
                    self.assertEqual(server.process(role)["pid"],
                                     before["pid"])
                server.wait_restart(role, before)
                self.assertEqual(server.process(role)["restarts"], 1)
                self.check(server)

    def test_the_idle_are_let_be(self):
        server = self.serve_faulty(workers=3)
        for role in "roomd", "relayd":
            _, dead = self.end(server, role)
            self.assertEqual(dead, 1)
        self.assertEqual(self.killed_for(server), [])
        self.check(server)

    def test_not_quiet_twice(self):
        """One relay hangs, and is killed; another one, which has had a nap
        so far, hangs when ocmd looks again; then the third one, which did
        nothing, begins anew as well."""
        server = self.serve_faulty(workers=3)
        before = server.all_pids() - {server.supervisor}
        self.order(server, "relayd", "acquire_want", HANG, at=0)
        server.order("ocmd", "repair_killed", PAUSE, at=2)
        self.order(server, "relayd", "acquire_begin", PAUSE, at=1)
        os.kill(server.pids["roomd"][0], signal.SIGKILL)
        wait_until(lambda: "roomd: process" in server.log(), step=0.001)
        server.order("relayd", "acquire_want", HANG, at=3)
        wait_until(lambda: len(self.killed_for(server)) > 1, step=0.001)
        self.assertEqual(server.done(3), 1)
        wait_until(lambda: all(
            p["pid"] > 0 for p in server.status()["processes"]))
        self.assertEqual(sorted(self.killed_for(server)),
                         ["relayd 0", "relayd 1", "relayd 2"])
        server.look()
        self.assertEqual(before & server.all_pids(), set())
        self.check(server)
