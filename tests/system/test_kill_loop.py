# SPDX-License-Identifier: ISC
"""The kill loop, as long as the normal suite can wait for it, and what the
supervisor makes of deaths."""

import os
import re
import signal
import subprocess
import sys
import unittest

import ocm
from ocm import SLOW, Case
from tcrp import fence, wait_until

SERIAL = True           # it measures times

HERE = os.path.dirname(os.path.abspath(__file__))
KILLS, LIMIT, LEAST = 1000, 90, 100


class KillLoop(Case):
    def test_nothing_acknowledged_is_lost(self):
        loop = subprocess.run(
            [sys.executable, os.path.join(HERE, "kill_loop"),
             "--kills", str(KILLS), "--limit", str(LIMIT)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
            timeout=3 * LIMIT)
        for line in loop.stdout.splitlines():
            print("note " + line)
        self.assertEqual(loop.returncode, 0, loop.stdout)
        kills = int(re.search(r"(\d+) kills in", loop.stdout).group(1))
        self.assertGreaterEqual(kills, LEAST, "too slow")


class Deaths(Case):
    def deaths(self, server, role, count):
        for _ in range(count):
            server.kill(role)

    def test_ten_deaths_are_no_loop(self):
        """Each next life begins at once; the eleventh death is a loop."""
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        self.deaths(server, "relayd", 10)
        self.assertNotIn("starts again in", server.log())
        fence(alice, bob)
        self.deaths(server, "relayd", 1)
        self.assert_log(server, r"relayd 0: died 11 times in 10 s")
        self.assert_log(server, r"relayd 0: starts again in 100 ms")
        self.deaths(server, "relayd", 1)
        self.assert_log(server, r"relayd 0: starts again in 200 ms")
        # The other role is no worse for it.
        self.deaths(server, "roomd", 1)
        self.assertNotRegex(server.log(), r"roomd: starts again in")
        fence(alice, bob)

    def test_limit_can_be_set_and_reloaded(self):
        server = self.serve(restart_limit=0)
        self.deaths(server, "roomd", 1)
        self.assert_log(server, r"roomd: starts again in 100 ms")
        server = self.serve(restart_limit=1000)
        self.deaths(server, "roomd", 12)
        self.assertNotIn("starts again in", server.log())


class SupervisorDies(Case):
    def check(self, *stopped):
        """kill -9 of ocmd: its children leave at once, and the next start
        with the same socket and the same ports finds nothing in its way."""
        server = self.serve()
        server.member("alice").create("r")
        server.options["rooms"] = "127.0.0.1:%d" % server.rooms[0][1]
        server.options["relay"] = "127.0.0.1:%d" % server.relay[0][1]
        server.options["lobby"] = "127.0.0.1:%d" % server.lobby[0][1]
        for role in stopped:
            os.kill(server.pids[role][0], signal.SIGSTOP)
        os.kill(server.supervisor, signal.SIGKILL)
        os.waitpid(server.supervisor, 0)
        server.started = False
        wait_until(lambda: not [p for p in server.seen if ocm.running(p)],
                   0.5 * SLOW)
        for pid in ocm.children() & server.seen:
            os.waitpid(pid, 0)
        server.start()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        fence(alice, bob)

    def test_alone(self):
        self.check()

    @unittest.skipIf(ocm.SANITIZED, "without a sandbox, no death signal")
    def test_while_a_child_hangs(self):
        self.check("roomd")
        self.check("roomd", "relayd")
