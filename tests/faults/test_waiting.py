# SPDX-License-Identifier: ISC
"""A relayd that begins while the table is half changed: until the next roomd
has mended it, what members say waits."""

import os
import signal

from faulty import DIE, Faulty
from ocm import Case
from tcrp import JOIN, Talk, fence, wait_until

SERIAL = True

COUNT = 100


class Waiting(Case):
    def test_nothing_said_is_lost(self):
        server = Faulty(notices=False, restart_limit=1, join_rate=0)
        self.addCleanup(server.finish)
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        fence(alice, bob)
        # Its next lives have to wait: 100 ms, 200 ms.
        for _ in range(3):
            server.kill("roomd")
        relayd = server.process("relayd")
        server.order("roomd", "tx_stored", DIE, 3)
        with Talk(server.rooms[0]) as talk:
            talk.ask(JOIN, "r", b"carol")
            wait_until(server.done, step=0.001)
        os.kill(relayd["pid"], signal.SIGKILL)
        server.wait_restart("relayd", relayd)
        self.assertFalse(server.process("roomd")["ready"], "too slow a test")
        for number in range(COUNT):
            alice.say("%d" % number)
        for number in range(COUNT):
            bob.expect("%d" % number, alice)
