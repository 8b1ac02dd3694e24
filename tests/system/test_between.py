# SPDX-License-Identifier: ISC
"""The sockets between the processes: one that is captured says there what it
may not, or the other end of it is closed.  Linux only: a descriptor of
another process is taken out of it.
"""

import ctypes
import os
import re
import socket
import unittest

from ocm import AM_ROOT, Case, pidfd
from tcrp import meet, wait_until

PIDFD_GETFD = 438       # of the system calls
# As in common/ctl.h.
FD_CTL, FD_PEERS = 3, 6
LIES = b"", b"x", b"\0" * 16, b"\xff" * 4096
libc = ctypes.CDLL(None, use_errno=True)


def socket_of(pid, number):
    """That socket of another process."""
    with pidfd(pid) as where:
        fd = libc.syscall(PIDFD_GETFD, where, number, 0)
    if fd == -1:
        raise unittest.SkipTest(os.strerror(ctypes.get_errno()))
    return socket.socket(fileno=fd)


@unittest.skipUnless(AM_ROOT, "needs root")
class Between(Case):
    def setUp(self):
        self.server = self.serve(workers=2)
        self.alice = self.server.member("alice").create("r")
        self.bob = self.server.member("bob").join("r")
        meet(self.alice, self.bob)

    def lie(self, pid, lies=LIES):
        """As whoever has captured it, to the other children."""
        with socket_of(pid, FD_PEERS) as one:
            for lie in lies:
                one.send(lie)

    def check(self):
        """Everybody lives as before, and hears of changes."""
        self.server.look()
        carol = self.server.member("carol").join("r")
        meet(self.alice, self.bob, carol)
        # A word to a relayd, of which roomd must hear.
        carol.say("/exit")
        wait_until(lambda: len(self.server.members("r")) == 2)

    def test_a_relayd_lies_to_roomd(self):
        before = self.server.pids
        for pid in before["relayd"]:
            self.lie(pid)
        self.assert_log(self.server, "roomd: a relayd sends what it may not")
        self.check()
        self.assertEqual(self.server.pids, before)
        # Once is enough for an operator.
        self.assertEqual(self.server.log().count("what it may not"), 1)

    def test_roomd_lies_to_a_relayd(self):
        before = self.server.pids
        # An empty one reads as the end, which roomd can make of it, too.
        self.lie(before["roomd"][0], LIES[1:])
        self.assert_log(self.server, "relayd 0: roomd's socket: a message it "
                        "may not send")
        self.check()
        self.assertEqual(self.server.pids, before)
        self.assertEqual(self.server.log().count("it may not send"), 1)

    def test_a_child_lies_to_ocmd(self):
        """It is killed for that, and nobody else is."""
        for role in "roomd", "relayd":
            for lie in LIES[1:]:
                before = self.server.process(role)
                with socket_of(before["pid"], FD_CTL) as one:
                    one.send(lie)
                self.server.deaths += 1
                self.server.wait_restart(role, before)
                self.check()
        self.assertEqual(len(re.findall("sent a bad control message; killing",
                                        self.server.log())), 6)

    def test_a_child_seems_gone(self):
        """One that speaks no more to ocmd, but does not end, is ended."""
        for role in "roomd", "relayd":
            before = self.server.process(role)
            with socket_of(before["pid"], FD_CTL) as one:
                one.shutdown(socket.SHUT_WR)
                self.server.deaths += 1
                self.server.wait_restart(role, before)
            self.check()
        self.assertEqual(self.server.log().count(
            "closed its control socket; killing it"), 2)

    def test_ocmd_seems_gone(self):
        """A child that hears no more of its supervisor leaves by itself,
        also where the kernel does not end it."""
        for role in "roomd", "relayd":
            before = self.server.process(role)
            with socket_of(before["pid"], FD_CTL) as one:
                # What ocmd hears of it comes second.
                one.shutdown(socket.SHUT_RD)
                self.server.deaths += 1
                wait_until(lambda: "%d died: exit status" % before["pid"]
                           in self.server.log())
            self.server.wait_restart(role, before)
            self.check()
