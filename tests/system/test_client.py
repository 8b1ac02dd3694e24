# SPDX-License-Identifier: ISC
"""ocm, the chat client: in pipes and on a terminal."""

import json
import os
import select
import signal
import socket
import subprocess
import threading
import time

from ocm import BUILD, SLOW, Case
from programs import Program, Terminal
from tcrp import fence, wait_until

EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_UNAVAILABLE = 64, 65, 66, 69
EX_CANTCREAT, EX_TEMPFAIL, EX_PROTOCOL, EX_NOPERM = 73, 75, 76, 77

OCM = os.path.join(BUILD, "ocm")


class ClientCase(Case):
    def setUp(self):
        self.server = self.serve(notices=False)
        self.where = "%s:%d:%d" % (*self.server.rooms[0],
                                   self.server.relay[0][1])

    def argv(self, *args):
        return [OCM, "-s", self.where, *args]

    def environment(self):
        env = self.server.environment()
        env.update(USER="tester", LC_ALL="C.UTF-8")
        return env

    def ocm(self, *args, text="", code=0):
        """Runs it to its end; its standard output."""
        got = subprocess.run(
            self.argv(*args), env=self.environment(), input=text,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8", timeout=20 * SLOW)
        self.assertEqual(got.returncode, code, got.stderr)
        self.said = got.stderr
        if code != 0:
            self.assertTrue(got.stderr, "failed without a word")
        return got.stdout

    def spawn(self, *args):
        program = Program(self.argv(*args), self.environment())
        self.addCleanup(program.close)
        return program

    def terminal(self, *args, argv=None):
        terminal = Terminal(argv or self.argv(*args), self.environment())
        self.addCleanup(terminal.close)
        return terminal

    def names(self, room):
        got = self.server.run(self.server.command("members", "-j", room))
        if got.returncode != 0:
            return []
        return [m["name"] for m in json.loads(got.stdout)]

    def wait_member(self, room, name):
        wait_until(lambda: name in self.names(room))

    def hears(self, speaker, *programs):
        """Until each program has heard the speaker; a client says its hello
        on its own time.  What is said here is read away."""
        deaf = list(programs)

        def all_hear():
            speaker.say("hörst du?")
            deaf[:] = [p for p in deaf
                       if not wait_ready(p.process.stdout, 0.02)]
            return not deaf
        wait_until(all_hear)
        speaker.say("gut")
        for one in programs:
            while "gut" not in one.line():
                pass


def wait_ready(stream, seconds):
    return select.select([stream], [], [], seconds)[0]


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


class OnTerminal(ClientCase):
    def enter(self, name="alice", verb="join"):
        host = self.server.member("host").create("r")
        terminal = self.terminal("-n", name, verb, "r")
        self.wait_member("r", name)
        terminal.until_text("host: da?", lambda: host.say("da?"))
        # What is typed before the prompt is there is echoed by the tty.
        terminal.until(lambda lines: [x for x in lines if x][-1] == ">")
        return host, terminal

    @staticmethod
    def typed(text):
        """The cursor's row ends with what has been typed so far."""
        return lambda lines: any(line.endswith(text) for line in lines)

    def test_line_being_typed_survives_a_message(self):
        host, terminal = self.enter()
        terminal.type("halbe Ze")
        terminal.until(self.typed("halbe Ze"))
        host.say("ich störe 邪魔")
        terminal.until_text("host: ich störe 邪魔")

        def both(lines):
            last = [line for line in lines if line][-1]
            return last.endswith("halbe Ze") and "störe" not in last
        terminal.until(both)
        screen = terminal.screen
        self.assertTrue(screen.lines()[screen.row].endswith("halbe Ze"))
        terminal.type("ile\n")
        host.expect("halbe Zeile", "alice")

    def test_typing_japanese_and_correcting(self):
        host, terminal = self.enter("アリス")
        terminal.type("おはよよ")
        terminal.until(self.typed("おはよよ"))
        terminal.type("\x7fう\n")
        host.expect("おはよう", "アリス")
        self.assertTrue(terminal.until(
            lambda lines: any("おはよう" in line for line in lines)))

    def test_history(self):
        host, terminal = self.enter()
        terminal.type("noch einmal\n")
        host.expect("noch einmal", "alice")
        terminal.type("\x1b[A")
        terminal.until(self.typed("noch einmal"))
        terminal.type("\n")
        host.expect("noch einmal", "alice")

    def test_who_rooms_help(self):
        host, terminal = self.enter()
        self.server.member("carol").create("zweites")
        terminal.type("/who\n")
        terminal.until(lambda lines: any(
            "alice" in line and "host" in line for line in lines))
        terminal.type("/rooms\n")
        terminal.until_text("zweites")
        terminal.type("/help\n")
        terminal.until_text("/quit")
        # None of these were messages.
        terminal.type("ende\n")
        host.expect("ende", "alice")

    def test_quit(self):
        _, terminal = self.enter()
        terminal.type("/quit\n")
        self.assertEqual(terminal.wait(), 0)
        wait_until(lambda: self.names("r") == ["host"])
        self.assertTrue(terminal.echo(), "the terminal is left broken")

    def test_end_of_input(self):
        _, terminal = self.enter()
        terminal.type("\x04")
        self.assertEqual(terminal.wait(), 0)
        wait_until(lambda: self.names("r") == ["host"])

    def test_interrupt_restores_the_terminal(self):
        _, terminal = self.enter()
        terminal.type("\x03")
        terminal.wait()
        self.assertTrue(terminal.echo())
        wait_until(lambda: self.names("r") == ["host"])

    def test_room_closes(self):
        host, terminal = self.enter()
        host.leave()
        terminal.until_text("the host left")

    def test_kicked(self):
        _, terminal = self.enter()
        self.server.ctl("kick", "r", "alice")
        terminal.until_text("removed by the operator")

    def test_escape_sequences_of_others(self):
        host, terminal = self.enter()
        before = len(terminal.raw)
        host.say("böse \x1b[2J\x1b[31m\x07\x9b?25l ende")
        terminal.until_text("ende")
        for bad in b"\x1b[2J", b"\x1b[31m", b"\x07", b"\x9b?25l":
            self.assertNotIn(bad, terminal.raw[before:])

    def test_rejoin_after_idle(self):
        """A token that was lost is no reason to stop."""
        server = self.server = self.serve(idle=1)
        self.where = "%s:%d:%d" % (*server.rooms[0], server.relay[0][1])
        stop = threading.Event()
        host = server.member("host").create("r")

        def keep():
            while not stop.wait(0.2):
                host.hello()
        thread = threading.Thread(target=keep)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        terminal = self.terminal("-n", "alice", "join", "r")
        self.wait_member("r", "alice")
        terminal.until_text("idle")
        terminal.until_text("host: wieder da?",
                            lambda: host.say("wieder da?"))

    def test_password_is_not_echoed(self):
        self.server.member("host").create("r", password="geheim7")
        terminal = self.terminal("-n", "alice", "-P", "join", "r")
        terminal.until(lambda lines: any(
            "assword" in line for line in lines))
        wait_until(lambda: not terminal.echo())
        terminal.type("geheim7\n")
        self.wait_member("r", "alice")
        self.assertNotIn(b"geheim7", terminal.raw)

    def test_bare_asks_for_everything(self):
        terminal = self.terminal(argv=[OCM])
        terminal.until(lambda lines: any(
            "erver" in line for line in lines))
        terminal.type(self.where + "\n")
        terminal.until(lambda lines: any(
            "ame" in line for line in lines))
        terminal.type("fragender\n")
        terminal.until(lambda lines: any(
            "oom" in line for line in lines))
        terminal.type("neu\n")
        self.wait_member("neu", "fragender")
        terminal.type("/quit\n")
        self.assertEqual(terminal.wait(), 0)
