# SPDX-License-Identifier: ISC
"""Paths that carry less than a message: the loopback device of a network
namespace of its own, with the MTU of Ethernet and the least of IPv6.  Needs
root for the namespace.  Linux only."""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import unittest

from ocm import AM_ROOT, Case
from tcrp import wait_until

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, SIOCSIFMTU = 0x8914, 0x8922
IFF_UP, IFF_RUNNING = 1, 0x40
ROUNDS, LISTENERS, WAITING = 6, 12, 20
COPIES = ROUNDS * LISTENERS * WAITING


def make_loopback(mtu):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCSIFMTU, struct.pack("16si12x", b"lo", mtu))
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack(
            "16sh14x", b"lo", IFF_UP | IFF_RUNNING))


@unittest.skipUnless(AM_ROOT, "needs root for a network namespace")
class Ethernet(Case):
    mtu = 1500

    @classmethod
    def setUpClass(cls):
        # The process of this class alone; its servers inherit it.
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            raise unittest.SkipTest("no network namespace: %s" %
                                    os.strerror(ctypes.get_errno()))
        make_loopback(cls.mtu)

    def talk(self, host, size, **options):
        """Several messages wait each time, so that they are bundled where
        they can be; all arrive, in order.  The counters that grew."""
        server = self.serve(rooms=host + ":0", relay=host + ":0",
                            lobby=host + ":0", **options)
        alice = server.member("alice").create("r")
        others = [server.member("m%d" % i).join("r")
                  for i in range(LISTENERS)]
        server.wait_keepalives(1 + LISTENERS)
        relayd = server.process("relayd")["pid"]
        for _ in range(ROUNDS):
            texts = [b"%03d" % i + b"x" * (size - 10) for i in range(WAITING)]
            os.kill(relayd, signal.SIGSTOP)
            for text in texts:
                alice.say(text)
            os.kill(relayd, signal.SIGCONT)
            for one in others:
                for text in texts:
                    one.expect(text, alice)
        # The last copies arrive before they are counted.
        wait_until(lambda: server.stats()["deliveries"] >= COPIES)
        return server.stats()

    def check(self, host):
        head = 48 if ":" in host else 28
        fits = self.talk(host, self.mtu - head)
        self.assertEqual(fits["deliveries"], COPIES)
        self.assertEqual(fits["bundles_split"], 0)
        self.assertGreaterEqual(fits["bundles"], ROUNDS * LISTENERS)
        for size in self.mtu - head + 1, 4000:
            got = self.talk(host, size)
            self.assertEqual(got["deliveries"], COPIES)
            self.assertEqual(got["send_errors"], 0)
            self.assertEqual(got["copy_unsendable"], 0)
            # Tried once, and not with every receiver each time.
            self.assertGreater(got["bundles_split"], 0)
            self.assertLess(got["bundles_split"], 3 * LISTENERS)
        plain = self.talk(host, 4000, bundle=False)
        self.assertEqual(plain["deliveries"], COPIES)
        self.assertEqual(plain["bundles"], 0)
        self.assertEqual(plain["bundles_split"], 0)

    def test_ipv4(self):
        self.check("127.0.0.1")

    def test_ipv6(self):
        self.check("[::1]")


class Least(Ethernet):
    mtu = 1280
