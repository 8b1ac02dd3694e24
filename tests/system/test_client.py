# SPDX-License-Identifier: ISC
"""ocm, the chat client, in pipes: words, lines, JSON and exit statuses."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

from client_case import (EX_CANTCREAT, EX_DATAERR, EX_IOERR, EX_NOINPUT,
                         EX_NOPERM, EX_PROTOCOL, EX_TEMPFAIL, EX_UNAVAILABLE,
                         EX_USAGE, ClientCase, wait_ready)
from ocm import SLOW, pidfd
from programs import Program
from tcrp import DONE, JOIN, STATUS, fence, wait_until, write_frame

PIDFD_GETFD, UDP_GRO = 438, 104


def sockets_of(pid):
    """Copies of another process's sockets; Linux only."""
    libc, got = ctypes.CDLL(None, use_errno=True), []
    with pidfd(pid) as process:
        for fd in os.listdir("/proc/%d/fd" % pid):
            where = os.readlink("/proc/%d/fd/%s" % (pid, fd))
            if not where.startswith("socket:"):
                continue
            copy = libc.syscall(PIDFD_GETFD, process, int(fd), 0)
            if copy == -1:
                raise unittest.SkipTest("pidfd_getfd: %s" % os.strerror(
                    ctypes.get_errno()))
            got.append(socket.socket(fileno=copy))
    return got


class Pipes(ClientCase):
    def test_create_join_and_talk(self):
        alice = self.spawn("-n", "アリス", "create", "部屋")
        self.wait_member("部屋", "アリス")
        bob = self.spawn("-n", "ボブ", "join", "部屋")
        self.wait_member("部屋", "ボブ")
        carol = self.server.member("carol").join("部屋")
        self.hears(carol, alice, bob)
        alice.type("こんにちは\n")
        self.assertEqual(bob.line(), "アリス: こんにちは")
        carol.expect("こんにちは", "アリス")
        bob.type("一行目\n二行目\n")
        self.assertEqual(alice.line(), "ボブ: 一行目")
        self.assertEqual(alice.line(), "ボブ: 二行目")
        # The end of the input is leaving, and the host's leaving the end.
        alice.end_input()
        self.assertEqual(alice.wait(), 0)
        wait_until(lambda: self.server.room_list() == [])
        self.assertNotEqual(bob.wait(), None)
        self.assertIn("host left", bob.everything())

    def test_who_we_are(self):
        """The name is the one that the server gave, or is not promised."""
        alice = self.spawn("-n", "alice", "create", "r")
        self.assertRegex(alice.error_line(), r' as alice$')
        first = self.spawn("-n", "bob", "join", "r")
        self.assertRegex(first.error_line(), r' as bob$')
        second = self.spawn("-n", "bob", "listen", "r")
        self.assertRegex(second.error_line(), r', probably as bob~2$')
        self.assertEqual(self.names("r"), ["alice", "bob", "bob~2"])

    def test_who_we_are_in_a_large_room(self):
        """A long list is not waited for; then no name is said."""
        self.server.member("host").create("r")
        for i in range(1000):
            self.server.member("%s%d" % ("x" * 250, i)).join("r", hello=False)
        client = self.spawn("-n", "bob", "join", "r")
        self.assertRegex(client.error_line(), r'^ocm: joined room "r" on [^ ]*$')
        self.assertIn("bob", self.names("r"))

    def test_false_ending(self):
        """A text that anybody can type is shown after a question, and then
        without one."""
        alice = self.server.member("alice").create("r")
        clients = [self.spawn("-n", "l%d" % i, "listen", "r")
                   for i in range(3)]
        for i in range(3):
            self.wait_member("r", "l%d" % i)
        self.hears(alice, *clients)
        liar = self.server.member("room closed").join("r")
        for questions in 3, 0:
            before = self.server.stats()["requests"]
            liar.say("the host left")
            for one in clients:
                self.assertEqual(one.line(), "room closed: the host left")
            self.assertEqual(self.server.stats()["requests"] - before,
                             questions)

    def test_who_we_are_is_not_worth_a_wait(self):
        """A server that lets us in, but does not say who is there."""
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            self.where = "127.0.0.1:%d" % server.getsockname()[1]
            client = self.spawn("-n", "bob", "join", "r")
            with server.accept()[0] as peer:
                peer.recv(4096)
                peer.sendall(
                    write_frame(JOIN, b"r", b"\0", state=STATUS) +
                    write_frame(JOIN, b"r", b"t" * 32, state=DONE))
                with server.accept()[0]:
                    self.assertRegex(client.error_line(),
                                     r'^ocm: joined room "r" on [^ ]*$')

    def test_last_line_without_newline(self):
        host = self.server.member("host").create("r")
        self.ocm("-n", "bob", "join", "r", text="eins\nzwei")
        host.expect("eins", "bob")
        host.expect("zwei", "bob")
        self.assertEqual(self.names("r"), ["host"])

    def test_many_lines(self):
        """A file is not faster than the buffers on its way."""
        host = self.server.member("host").create("r")
        lines = ["zeile %d" % i for i in range(1500)]
        heard = []
        thread = threading.Thread(target=lambda: self.ocm(
            "-n", "bob", "join", "r", text="\n".join(lines)))
        thread.start()
        while len(heard) < len(lines):
            got = host.recv()
            self.assertIsNotNone(got, "lost after %d" % len(heard))
            heard.append(got.decode())
        thread.join()
        self.assertEqual(heard, ["bob: " + line for line in lines])

    def test_lines_in_bundles(self):
        """What waited is one piece to the kernel, and lines to the client."""
        host = self.server.member("host").create("r")
        listener = self.spawn("-n", "ear", "listen", "r")
        self.wait_member("r", "ear")
        self.hears(host, listener)
        relayd = self.server.process("relayd")["pid"]
        texts = ["%d %s" % (i, "x" * (i % 7 // 5 * 40)) for i in range(120)]
        os.kill(relayd, signal.SIGSTOP)
        for text in texts:
            host.say(text)
        os.kill(relayd, signal.SIGCONT)
        for text in texts:
            self.assertEqual(listener.line(), "host: " + text)
        self.assertGreater(self.server.stats()["bundles"], 0)

    def test_asks_for_bundles(self):
        """Linux: the kernel is asked not to take bundles apart (UDP_GRO)."""
        host = self.server.member("host").create("r")
        listener = self.spawn("-n", "ear", "listen", "r")
        self.wait_member("r", "ear")
        self.hears(host, listener)      # so its socket is there
        asked = []
        for one in sockets_of(listener.pid()):
            with one:
                if one.type == socket.SOCK_DGRAM:
                    asked.append(one.getsockopt(socket.IPPROTO_UDP, UDP_GRO))
        self.assertEqual(asked, [1])

    def test_send(self):
        host = self.server.member("host").create("部屋")
        self.ocm("-n", "bot", "send", "部屋", "終わりました", "はい")
        host.expect("終わりました はい", "bot")
        self.ocm("-n", "bot", "send", "部屋", text="von stdin\n")
        host.expect("von stdin", "bot")
        self.assertEqual(self.names("部屋"), ["host"])

    def test_listen(self):
        host = self.server.member("host").create("r")
        listener = self.spawn("-n", "ear", "listen", "r")
        self.wait_member("r", "ear")
        self.hears(host, listener)
        host.say("hör zu")
        self.assertEqual(listener.line(), "host: hör zu")
        listener.process.send_signal(signal.SIGTERM)
        listener.wait()
        wait_until(lambda: self.names("r") == ["host"])

    def test_listen_for_some(self):
        host = self.server.member("host").create("r")
        listener = self.spawn("-n", "ear", "listen", "-c", "3", "r")
        self.wait_member("r", "ear")

        def ended():
            host.say("noch eins")
            return listener.process.poll() is not None
        wait_until(ended)
        self.assertEqual(listener.wait(), 0)
        lines = listener.process.stdout.read().decode().splitlines()
        self.assertEqual(len(lines), 3)

    def test_json(self):
        host = self.server.member("ホスト").create("部屋")
        listener = self.spawn("--json", "-n", "ear", "listen", "部屋")
        self.wait_member("部屋", "ear")
        self.hears(host, listener)
        host.say("\"引用\" \\ \x1b[2J")
        got = json.loads(listener.line())
        self.assertEqual(got["room"], "部屋")
        self.assertEqual(got["from"], "ホスト")
        self.assertEqual(got["text"], "\"引用\" \\ \x1b[2J")
        self.assertRegex(got["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")

    def test_rooms_and_who(self):
        self.assertEqual(self.ocm("rooms"), "")
        self.server.member("アリス").create("部屋")
        self.server.member("bob").join("部屋")
        self.server.member("carol").create("other")
        self.assertEqual(sorted(self.ocm("rooms").splitlines()),
                         ["other", "部屋"])
        rooms = [json.loads(line)
                 for line in self.ocm("--json", "rooms").splitlines()]
        self.assertEqual(sorted(r["room"] for r in rooms),
                         ["other", "部屋"])
        who = self.ocm("who", "部屋")
        self.assertIn("アリス", who)
        self.assertIn("bob", who)
        # Who asks was there only for the question.
        self.assertEqual(self.names("部屋"), ["アリス", "bob"])

    def test_exit_codes(self):
        self.server.member("host").create("r")
        self.server.member("host").create("geheim", password="x")
        self.ocm("create", "r", code=EX_CANTCREAT)
        self.ocm("join", "nowhere", code=EX_NOINPUT)
        self.ocm("join", "geheim", code=EX_NOPERM)
        self.ocm("who", "nowhere", code=EX_NOINPUT)
        self.ocm("frobnicate", code=EX_USAGE)
        self.ocm("join", code=EX_USAGE)
        self.ocm("join", "", code=EX_USAGE)
        self.ocm("join", "x" * 256, code=EX_USAGE)
        self.ocm("-n", "a\nb", "join", "r", code=EX_USAGE)
        self.ocm("--nonsense", code=EX_USAGE)
        with open("/dev/full", "w", encoding="ascii") as full:
            for args in ["rooms"], ["who", "r"], ["--json", "rooms"]:
                got = subprocess.run(
                    self.argv(*args), env=self.environment(),
                    stdin=subprocess.DEVNULL, stdout=full,
                    stderr=subprocess.PIPE, check=False)
                self.assertEqual(got.returncode, EX_IOERR, args)
                self.assertTrue(got.stderr)

    def test_closed_descriptors(self):
        """What it was started without does not become one of its sockets:
        nothing is said or read there."""
        host = self.server.member("host").create("r")
        for closed, code, *args in (
                (">&-", EX_IOERR, "rooms"),
                ("<&- >&-", EX_IOERR, "rooms"),
                ("<&- 2>&-", 0, "rooms"),
                ("<&- >&- 2>&-", EX_IOERR, "who", "r"),
                ("<&- 2>&-", 0, "send", "r", "da"),
                ("<&-", EX_NOINPUT, "join", "r"),
                ("<&- >&- 2>&-", EX_NOINPUT, "join", "r")):
            got = subprocess.run(
                ["sh", "-c", 'exec "$@" ' + closed, "sh", *self.argv(*args)],
                env=self.environment(), stdout=subprocess.DEVNULL,
                timeout=10 * SLOW, check=False)
            self.assertEqual(got.returncode, code, (closed, args))
        host.expect("da", "tester")

    def test_ignored_signals(self):
        """What nohup(1), or a shell in the background, ignores for it."""
        host = self.server.member("host").create("r")
        program = Program(["sh", "-c", "trap '' HUP INT QUIT; exec \"$@\"",
                           "sh", *self.argv("-n", "bob", "listen", "r")],
                          self.environment())
        self.addCleanup(program.close)
        self.wait_member("r", "bob")
        for number in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT:
            program.process.send_signal(number)
            self.hears(host, program)
        program.process.send_signal(signal.SIGTERM)
        self.assertEqual(program.wait(), -signal.SIGTERM)

    def test_told_to_slow_down(self):
        self.server = self.serve(join_rate=1, join_burst=1)
        self.where = "%s:%d" % self.server.rooms[0]
        self.server.member("m").create("r")
        self.ocm("create", "r2", code=EX_TEMPFAIL)

    def test_bare_without_a_terminal_does_not_ask(self):
        self.ocm(code=EX_USAGE)

    def test_no_server(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.where = "127.0.0.1:%d" % free.getsockname()[1]
        self.ocm("join", "r", code=EX_UNAVAILABLE)

    def test_a_server_that_never_answers(self):
        """The one who asks is told after a bounded time."""
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            self.where = "127.0.0.1:%d" % deaf.getsockname()[1]
            begin = time.monotonic()
            self.ocm("--timeout", "1", "create", "r", code=EX_UNAVAILABLE)
            self.assertLess(time.monotonic() - begin, 3 * SLOW)
        self.assertIn("no answer", self.said)

    def test_something_else_answers(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            self.where = "127.0.0.1:%d" % other.getsockname()[1]

            def answer():
                peer = other.accept()[0]
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4)
                peer.recv(4096)
                peer.close()
            thread = threading.Thread(target=answer)
            thread.start()
            self.ocm("create", "r", code=EX_PROTOCOL)
            thread.join()

    def test_password_file(self):
        path = os.path.join(self.server.dir, "password")
        with open(path, "w") as f:
            f.write("秘密\n")
        os.chmod(path, 0o600)
        host = self.server.member("host").create("r", password="秘密")
        self.ocm("-n", "bob", "--password-file", path, "send", "r", "da")
        host.expect("da", "bob")
        with open(path, "w") as f:
            f.write("falsch\n")
        self.ocm("--password-file", path, "send", "r", "da", code=EX_NOPERM)
        self.ocm("--password-file", path + "x", "send", "r", "da",
                 code=EX_NOINPUT)
        longest = "あ" * 85
        open_to = self.server.member("host").create("l", password=longest)
        for end in "", "\n", "\r\n", "\nmore":
            with open(path, "w", newline="") as f:
                f.write(longest + end)
            self.ocm("-n", "bob", "--password-file", path, "send", "l", "da")
            open_to.expect("da", "bob")
        for wrong in "", "\n", longest + "x":
            with open(path, "w") as f:
                f.write(wrong)
            self.ocm("--password-file", path, "send", "l", "da",
                     code=EX_DATAERR)
        # One without an end, or that cannot be read.
        self.ocm("--password-file", "/dev/zero", "send", "l", "da",
                 code=EX_DATAERR)
        self.ocm("--password-file", ".", "send", "l", "da", code=EX_NOINPUT)

    def test_too_long_is_refused_not_cut(self):
        host = self.server.member("host").create("r")
        watcher = self.server.member("watcher").join("r")
        self.ocm("-n", "bob", "join", "r", code=EX_DATAERR,
                 text="kurz\n" + "x" * 5000 + "\nauch kurz\n")
        self.assertRegex(self.said, r"[0-9]{4}")
        host.expect("kurz", "bob")
        host.expect("auch kurz", "bob")
        fence(watcher, host)
        # The longest that is taken arrives whole.
        limit = 4096 - 2 - 1 - 32
        self.ocm("-n", "b", "send", "r", "y" * (limit - 100))
        host.expect("y" * (limit - 100), "b")

    def test_names_of_others_are_harmless(self):
        """A terminal's control characters do not come through as text."""
        host = self.server.member("host").create("r")
        listener = self.spawn("-n", "ear", "listen", "r")
        self.wait_member("r", "ear")
        self.hears(host, listener)
        host.say("\x1b]0;böse\x07\x9b2J\rüberschrieben\u202e")
        line = listener.line()
        for bad in "\x1b\x07\x9b\r\u202e":
            self.assertNotIn(bad, line)
        self.assertIn("böse", line)

    def test_lobby(self):
        self.where = "%s:%d:%d" % (*self.server.lobby[0],
                                   self.server.relay[0][1])
        xavier = self.server.lobby_client("xavier").hello()
        client = self.spawn("-n", "ボブ", "lobby")

        def met():
            xavier.say("da?")
            return wait_ready(client.process.stdout, 0.05)
        wait_until(met)
        self.assertIn("xavier: da?", client.line())
        client.type("ja\n")
        got = xavier.recv()
        self.assertEqual(got, bytes([6]) + "ボブja".encode())
        client.end_input()
        self.assertEqual(client.wait(), 0)

    def test_server_stops(self):
        self.server.member("host").create("r")
        client = self.spawn("-n", "bob", "--retry", "1", "listen", "r")
        self.wait_member("r", "bob")
        self.assertEqual(self.server.stop(), [])
        self.assertNotEqual(client.wait(), 0)
        self.assertTrue(client.error_line())

    def test_ipv6(self):
        server = self.serve(rooms="[::1]:0", relay="[::1]:0",
                            lobby="[::1]:0")
        host = server.member("host").create("r")
        self.where = "[::1]:%d:%d" % (server.rooms[0][1], server.relay[0][1])
        self.ocm("-n", "bob", "send", "r", "über v6")
        host.expect("über v6", "bob")
