# SPDX-License-Identifier: ISC
"""Lives that do not go well: one that runs in a circle, one that ends again
and again before it has begun, and a reader of the configuration that hangs.

SERIAL: it measures times.
"""

import os
import re
import signal
import subprocess
import time

import ocm
from faulty import DIE, HANG, ORDERS, SPIN, Faulty
from killing import children_of
from ocm import SLOW
from tcrp import JOIN, Deadline, fence, meet, process_field, wait_until

SERIAL = True

LIMIT = 2               # seconds: the default of hang-limit


class Lives(ocm.Case):
    def serve_faulty(self, **options):
        server = Faulty(notices=False, join_rate=0, **options)
        self.addCleanup(server.finish)
        self.alice = server.member("alice").create("部屋")
        self.bob = server.member("bob").join("部屋")
        meet(self.alice, self.bob)
        return server

    def check_endless(self, role, point, act):
        server = self.serve_faulty()
        before = server.process(role)
        server.order(role, point, SPIN)
        act(server)
        wait_until(server.done, step=0.001)
        begin = time.monotonic()
        self.assertEqual(process_field(before["pid"], "State")[0], "R")
        wait_until(lambda: "does not answer for 2 s" in server.log(),
                   (LIMIT + 1) * SLOW)
        server.wait_restart(role, before)
        self.assertLess(time.monotonic() - begin, LIMIT + 0.5 * SLOW)
        self.assert_log(server, role + ".* does not answer for 2 s")
        fence(self.alice, self.bob)
        fence(server.member("carol").join("部屋"), self.alice, self.bob)

    def test_endless_relayd(self):
        """Between two datagrams: it keeps nobody from anything else."""
        self.check_endless("relayd", "datagram_handled",
                           lambda server: self.alice.say("x"))

    def test_endless_roomd(self):
        """After a change, without the lock."""
        def join(server):
            talk = server.talk()
            self.addCleanup(talk.close)
            talk.ask(JOIN, "部屋", b"nobody")
        self.check_endless("roomd", "tx_over", join)

    def test_one_that_cannot_live(self):
        """It dies at each birth; ocmd says so and tries ever more rarely,
        the other role serves as ever, and at last all is well again."""
        server = self.serve_faulty()
        for at in range(ORDERS):
            server.order("relayd", "born", DIE, at=at)
        begin = time.monotonic()
        server.deaths += 1
        os.kill(server.pids["relayd"][0], signal.SIGKILL)
        served, longest, deadline = 0, 0, Deadline(20 * SLOW)
        while not server.done(ORDERS - 1):
            self.assertFalse(deadline.over(), "it lives")
            asked = time.monotonic()
            guest = server.member("guest").join("部屋", hello=False)
            guest.members()
            guest.leave()
            guest.close()
            server.people.remove(guest)
            served += 1
            longest = max(longest, time.monotonic() - asked)
        # The last of these lives waited for all but the slowest step.
        self.assertGreater(time.monotonic() - begin, 6.2)
        print("note %d joined and left while relayd could not live, %.0f ms "
              "at the longest" % (served, longest * 1000))
        self.assertGreater(served, 20)
        self.assertLess(longest, 0.5 * SLOW)
        self.assert_log(server, r"relayd 0: died 11 times in 10 s; it waits "
                        r"ever longer, up to 5 s")
        self.assert_log(server, "starts again in 5000 ms")
        waits = re.findall(r"relayd 0: starts again in (\d+) ms",
                           server.log())
        self.assertEqual(waits, ["100", "200", "400", "800", "1600", "3200",
                                 "5000"])
        self.assertNotIn("roomd: process", server.log())
        wait_until(lambda: server.process("relayd")["ready"], 6 * SLOW)
        server.look()
        fence(self.alice, self.bob)
        fence(self.bob, self.alice)


class Reload(ocm.Case):
    def serve_file(self):
        self.server = server = Faulty(notices=False, join_rate=0, start=False)
        self.addCleanup(server.finish)
        self.path = os.path.join(server.dir, "ocm.conf")
        self.conf("")
        server.args = ("-f", self.path)
        return server.start()

    def conf(self, text):
        with open(self.path, "w") as f:
            f.write(text)

    def hanging_reload(self, server):
        """Who asked for it, and the reader that hangs."""
        server.order("ocmd", "conf_reading", HANG)
        asked = subprocess.Popen(
            server.command("reload"), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(server.done)
        reader, = set(children_of(server.supervisor)) - server.seen
        return asked, reader

    def test_a_reader_that_hangs(self):
        """ocmd goes on with everything else, and the reader has an end."""
        server = self.serve_file()
        asked, reader = self.hanging_reload(server)
        self.assertEqual(set(os.listdir("/proc/%d/fd" % reader)),
                         {"0", "1", "2", "3"})
        got = server.run(server.command("reload"))
        self.assertEqual(got.returncode, 1)
        self.assertIn("another reload is going on", got.stderr)
        alice = server.member("alice").create("r")
        for role in "roomd", "relayd":
            server.kill(role)
        fence(alice, server.member("bob").join("r"))
        self.conf("member-rate = 77\n")
        os.kill(server.supervisor, signal.SIGHUP)
        server.status()
        self.assertTrue(ocm.running(reader))
        self.assertIsNone(asked.poll(), "all of that was in the meantime")
        said = asked.communicate(timeout=6 * SLOW)[1]
        self.assertEqual(asked.returncode, 1)
        self.assertIn("its reader took too long, and was killed", said)
        self.assertFalse(os.path.exists("/proc/%d" % reader))
        # Who hung up had a reload of its own, after that one.
        wait_until(lambda: "reload: member-rate applied" in server.log())
        self.conf("")
        self.assertIn("member-rate", server.ctl("reload"))

    def test_a_reader_that_dies(self):
        server = self.serve_file()
        server.order("ocmd", "conf_reading", DIE)
        got = server.run(server.command("reload"))
        self.assertEqual(got.returncode, 1)
        self.assertIn("its reader died: exit status 70", got.stderr)
        server.ctl("reload")

    def test_the_end_while_a_reader_hangs(self):
        """Who waits for the reload is told, and nothing is left."""
        server = self.serve_file()
        asked, reader = self.hanging_reload(server)
        self.assertEqual(server.stop(), [])
        said = asked.communicate(timeout=6 * SLOW)[1]
        self.assertEqual(asked.returncode, 1)
        self.assertIn("its reader was given up", said)
        wait_until(lambda: not ocm.running(reader))
