# SPDX-License-Identifier: ISC
"""ocmctl: the operator's verbs, and settings that change while running."""

import contextlib
import json
import os
import signal
import socket
import subprocess

from ocm import SLOW, Case, Server
from tcrp import DENIED, MEMBERS, fence, wait_until

CONNECTIONS = 32        # of ocmctl, at a time


class Operator(Case):
    def setUp(self):
        self.server = self.serve()

    def test_rooms_and_members(self):
        server = self.server
        server.member("アリス").create("部屋 一")
        server.member("bob").join("部屋 一")
        server.member("carol").create("二", password="x")
        rooms = {r["name"]: r for r in server.room_list()}
        self.assertEqual(set(rooms), {"部屋 一", "二"})
        self.assertEqual(rooms["部屋 一"]["members"], 2)
        self.assertIn("部屋 一", server.ctl("rooms"))
        names = [m["name"] for m in server.members("部屋 一")]
        self.assertEqual(names, ["アリス", "bob"])
        self.assertEqual(json.loads(server.ctl("members", "部屋 一", "-j")),
                         server.members("部屋 一"))
        text = server.ctl("members", "部屋 一")
        self.assertIn("アリス", text)
        self.assertIn("bob", text)

    def test_nothing_there(self):
        self.assertEqual(self.server.room_list(), [])
        for args in (("members", "nowhere"), ("close", "nowhere"),
                     ("kick", "nowhere", "nobody")):
            got = self.server.run(self.server.command(*args))
            self.assertNotEqual(got.returncode, 0, args)
            self.assertTrue(got.stderr, args)

    def test_kick(self):
        alice = self.server.member("alice").create("r")
        bob = self.server.member("ボブ").join("r")
        carol = self.server.member("carol").join("r")
        fence(alice, bob, carol)
        self.server.ctl("kick", "r", "ボブ")
        bob.expect_raw("disconnected: removed by the operator")
        bob.say("I am still here")
        fence(alice, carol)
        self.assertIsNone(bob.recv_now())
        self.assertEqual(bob.request(MEMBERS).status(), DENIED)
        got = self.server.run(self.server.command("kick", "r", "ボブ"))
        self.assertNotEqual(got.returncode, 0)

    def test_kick_the_host(self):
        alice = self.server.member("alice").create("r")
        bob = self.server.member("bob").join("r")
        fence(alice, bob)
        self.server.ctl("kick", "r", "alice")
        alice.expect_raw("disconnected: removed by the operator")
        bob.expect_raw("room closed: the host left")
        self.assertEqual(self.server.room_list(), [])

    def test_close(self):
        alice = self.server.member("alice").create("部屋")
        bob = self.server.member("bob").join("部屋")
        carol = self.server.member("carol").create("other")
        dave = self.server.member("dave").join("other")
        fence(alice, bob)
        self.server.ctl("close", "部屋")
        for one in alice, bob:
            got = one.recv()
            self.assertRegex(got.decode(), r"operator")
            self.assertIsNone(one.recv_now())
        self.server.member("erin").create("部屋")
        fence(carol, dave)

    def test_log(self):
        server = self.server
        server.ctl("log", "verbose")
        server.member("alice").create("詳しく")
        server.ctl("log", "brief")
        before = len(server.log())
        for i in range(20):
            server.member("bob").join("詳しく").leave()
        self.assertLess(len(server.log()) - before, 200)
        got = server.run(server.command("log", "loud"))
        self.assertNotEqual(got.returncode, 0)

    def test_stats(self):
        stats = self.server.stats()
        alice = self.server.member("alice").create("r")
        bob = self.server.member("bob").join("r")
        for _ in range(10):
            fence(alice, bob)
        # Bob has the last copy before the relay has counted it.
        wait_until(lambda: self.server.stats()["messages"] >=
                   stats["messages"] + 10)
        after = self.server.stats()
        delta = {k: after[k] - stats[k] for k in stats if after[k] != stats[k]}
        self.assertEqual(delta["rooms_created"], 1)
        self.assertEqual(delta["joined"], 1)
        self.assertEqual(delta["messages"], 10)
        self.assertEqual(delta["deliveries"], 10)
        self.assertEqual(delta["keepalives"], 2)
        self.assertEqual(delta["received"], 12)
        said = self.server.ctl("stats")
        self.assertIn("messages", said)
        for line in said.splitlines():
            self.assertRegex(
                line, r"^(roomd|relayd \d) +[a-z_]+ +\d+  [A-Za-z]+\W.*\w$")

    def test_counters_outlive_a_child(self):
        alice = self.server.member("alice").create("r")
        fence(alice)
        before = self.server.stats()
        self.server.kill("relayd")
        self.server.kill("roomd")
        after = self.server.stats()
        for name in "messages", "keepalives", "joined":
            self.assertGreaterEqual(after[name], before[name], name)

    def test_garbage_on_the_control_socket(self):
        """Its peers are trusted to be there, not to make sense."""
        for data in (b"", b"x", b"\0" * 10000, b"\xff" * 528, b"GET /\r\n"):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(5 * SLOW)
                peer.connect(self.server.socket)
                with contextlib.suppress(BrokenPipeError,
                                         ConnectionResetError):
                    peer.sendall(data)
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(4096):
                        pass
        hanging = [socket.socket(socket.AF_UNIX) for _ in range(20)]
        for one in hanging:
            self.addCleanup(one.close)
            one.connect(self.server.socket)
            one.send(b"1mco")
        self.server.status()

    def test_more_at_once_than_are_heard(self):
        """The others wait in the kernel until one of these has had its time:
        nobody else may keep an operator waiting for longer."""
        silent = [socket.socket(socket.AF_UNIX) for _ in range(50)]
        for one in silent:
            self.addCleanup(one.close)
            one.connect(self.server.socket)
            one.settimeout(5 * SLOW)
        answer = b"error the request did not come in time\n"
        for one in silent[:CONNECTIONS]:
            self.assertEqual(one.recv(len(answer), socket.MSG_WAITALL),
                             answer)
            self.assertEqual(one.recv(1), b"")
        self.server.status()

    def test_bad_usage(self):
        for args in (["frobnicate"], ["kick", "r"], ["close"], ["log"],
                     ["members"], ["status", "--nonsense"]):
            got = self.server.run(self.server.command(*args))
            self.assertNotEqual(got.returncode, 0, args)
            self.assertTrue(got.stderr, args)
        # What is wrong is said last but for one line, or it is not seen.
        got = self.server.run(self.server.command("frobnicate"))
        self.assertRegex(got.stderr, r'\Aocmctl: there is no word '
                         r'"frobnicate"\n[^\n]*ocmctl help\n\Z')
        for option in "--nonsense", "-x":
            got = self.server.run(self.server.command(option))
            self.assertIn("no option " + option, got.stderr)
        long = "x" * 300
        got = self.server.run(self.server.command("close", long))
        self.assertNotEqual(got.returncode, 0)

    def test_help_and_version(self):
        for option, seen in (("--help", "members room"), ("-h", "kick"),
                             ("--version", "ocmctl "), ("-V", "ocmctl ")):
            self.assertIn(seen, self.server.ctl(option))

    def test_answer_that_cannot_be_written(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            for word in "status", "rooms", "stats", "help":
                got = subprocess.run(
                    self.server.command(word), stdin=subprocess.DEVNULL,
                    stdout=full, stderr=subprocess.PIPE, check=False)
                self.assertEqual(got.returncode, 1, word)
                self.assertIn(b"standard output", got.stderr)


class Reload(Case):
    def conf(self, text):
        if not hasattr(self, "path"):
            place = Server(start=False)
            self.addCleanup(place.clear)
            self.path = os.path.join(place.dir, "ocm.conf")
        with open(self.path, "w") as f:
            f.write(text)
        return self.path

    def test_settings_change_while_members_talk(self):
        server = self.serve("-f", self.conf("idle = 300\n"))
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        alice.say("x")
        bob.expect("x", alice)
        self.conf("format = \"message\"\nmax-room-members = 2\n")
        server.ctl("reload")

        def changed():
            alice.say("text")
            return bob.recv() == b"text"
        wait_until(changed)
        with self.refused(5):
            server.member("carol").join("r")
        self.conf("idle = 1\n")
        server.ctl("reload")
        wait_until(lambda: server.status()["members"] == 0)

    def test_what_needs_a_restart_is_said(self):
        server = self.serve("-f", self.conf("idle = 300\n"))
        self.conf("idle = 200\nmax-rooms = 17\n")
        said = server.ctl("reload")
        self.assertIn("idle", said)
        self.assertRegex(said, r"(?s)max-rooms.*restart|restart.*max-rooms")

    def test_bad_file_changes_nothing(self):
        server = self.serve("-f", self.conf("format = \"message\"\n"))
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        path = self.conf("format = \"sender\"\nidle = x\n")
        got = server.run(server.command("reload"))
        self.assertNotEqual(got.returncode, 0)
        self.assertIn(path + ":2", got.stderr)
        alice.say("as before")
        bob.expect_raw("as before")

    def test_setting_survives_a_restarted_child(self):
        server = self.serve("-f", self.conf("idle = 300\n"))
        self.conf("format = \"message\"\n")
        server.ctl("reload")
        server.kill("relayd")
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        alice.say("reloaded")
        bob.expect_raw("reloaded")

    def test_hangup_signal_reloads(self):
        server = self.serve("-f", self.conf("idle = 300\n"))
        server.member("alice").create("r")
        self.conf("idle = 1\n")
        os.kill(server.supervisor, signal.SIGHUP)
        wait_until(lambda: server.status()["members"] == 0)
