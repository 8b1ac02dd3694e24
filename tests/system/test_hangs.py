# SPDX-License-Identifier: ISC
"""Children that hang: ocmd notices their silence and has them begin again."""

import os
import signal
import time

import ocm
from ocm import SLOW, Case
from killing import children_of, role_of
from tcrp import fence, wait_until

SERIAL = True           # it measures times
LIMIT = 2               # seconds: the default of hang-limit


class Hangs(Case):
    def stop(self, server, *roles):
        """Stops children until ocmd kills them; how many seconds it took."""
        before = {role: server.process(role) for role in roles}
        begin = time.monotonic()
        for one in before.values():
            server.deaths += 1
            os.kill(one["pid"], signal.SIGSTOP)
        for role, one in before.items():
            server.wait_restart(role, one)
        return time.monotonic() - begin

    def check(self, *roles):
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        fence(alice, bob)
        took = self.stop(server, *roles)
        self.assertLess(took, LIMIT + 0.5 * SLOW)
        for role in roles:
            self.assert_log(server, r"%s.* does not answer for 2 s" % role)
        fence(alice, bob)
        fence(server.member("carol").join("r"), alice, bob)

    def test_roomd(self):
        self.check("roomd")

    def test_relayd(self):
        self.check("relayd")

    def test_both(self):
        self.check("roomd", "relayd")

    def test_before_it_is_ready(self):
        """One that hangs in its first moments."""
        server = self.serve()
        alice = server.member("alice").create("r")
        for role in "roomd", "relayd":
            before = server.process(role)
            server.deaths += 1
            os.kill(before["pid"], signal.SIGKILL)
            born = wait_until(
                lambda: [pid for pid in children_of(server.supervisor)
                         if pid not in server.seen and
                         role_of(pid) not in (None, "ocmd")], step=0)[0]
            os.kill(born, signal.SIGSTOP)
            begin = time.monotonic()
            if not server.process(role)["ready"]:
                server.deaths += 1
                wait_until(lambda: server.process(role)["ready"])
                self.assertLess(time.monotonic() - begin, LIMIT + SLOW)
            else:                       # it was faster than this test
                os.kill(born, signal.SIGCONT)
            server.look()
            server.member("bob").join("r")
        alice.leave()

    def test_the_living_are_let_be(self):
        """Neither a silent ocmd nor a limit of 0 ends a child."""
        server, other = self.serve(), self.serve(hang_limit=0)
        pid = other.pids["relayd"][0]
        os.kill(server.supervisor, signal.SIGSTOP)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(LIMIT + 1)
        os.kill(server.supervisor, signal.SIGCONT)
        self.assertTrue(ocm.running(pid))
        os.kill(pid, signal.SIGCONT)
        alice = other.member("alice").create("r")
        fence(alice, other.member("bob").join("r"))
        # Until ocmd has felt a pulse or two again; stop() counts deaths.
        time.sleep(LIMIT + 0.5)
