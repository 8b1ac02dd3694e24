# SPDX-License-Identifier: ISC
"""ocm on a terminal: the line being typed, its words, and what it leaves."""

import signal
import threading

from client_case import OCM, ClientCase
from tcrp import wait_until


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

    def test_message_and_keys_at_the_same_moment(self):
        """The prompt is drawn again before what was typed."""
        host, terminal = self.enter()
        for word in "eins", "zwei", "drei":
            terminal.process.send_signal(signal.SIGSTOP)
            host.say("zugleich")
            terminal.type(word)
            terminal.process.send_signal(signal.SIGCONT)
            terminal.until(lambda lines: "> " + word in lines)
            terminal.type("\n")
            host.expect(word, "alice")
            terminal.until(lambda lines: [x for x in lines if x][-1] == ">")

    def test_long_line_survives_a_message(self):
        """Two and a half rows of it, with characters of two columns."""
        host, terminal = self.enter()
        text = "長い行" * 16 + "narrow " * 14 + "末尾"
        terminal.type(text)
        terminal.until_text("末尾")
        host.say("dazwischen")
        terminal.until_text("host: dazwischen")

        def intact(lines):
            at = [i for i, x in enumerate(lines) if x.startswith("> 長")]
            joined = "".join(x.ljust(80) if x.isascii() else x
                             for x in lines[at[-1]:]) if at else ""
            return len(at) == 1 and joined.replace(" ", "") == (
                "> " + text).replace(" ", "")
        terminal.until(intact)
        terminal.type("\n")
        host.expect(text, "alice")

    def test_pasted_lines(self):
        """Many lines at once are as many messages, in order."""
        host, terminal = self.enter()
        lines = ["eingefügt %d 貼り付け" % i for i in range(30)]
        terminal.type("\n".join(lines) + "\n")
        for line in lines:
            terminal.read(0.01)
            host.expect(line, "alice")

    def test_commands_that_are_none(self):
        """A mistyped command is not said to the room."""
        host, terminal = self.enter()
        terminal.type("/qiut\n")
        terminal.until_text("! ")
        terminal.type("/help\n")
        terminal.until_text("/quit")
        terminal.type("da\n")
        host.expect("da", "alice")

    def test_too_long_a_line(self):
        host, terminal = self.enter()
        for _ in range(5):
            terminal.type("x" * 900)
            seen = -1
            while seen != len(terminal.raw):
                seen = len(terminal.raw)
                terminal.read(0.1)
        terminal.type("\n")
        terminal.until_text("bytes")
        terminal.type("kurz\n")
        host.expect("kurz", "alice")

    def test_server_children_die(self):
        """Neither daemon's death is any of the client's business."""
        host, terminal = self.enter()
        for role in "relayd", "roomd", "relayd":
            self.server.kill(role)
            terminal.type("nach %s\n" % role)
            host.expect("nach %s" % role, "alice")
            host.say("auch nach %s" % role)
            terminal.until_text("host: auch nach %s" % role)

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

    def test_stop_where_nobody_could_go_on(self):
        """Control-Z without a shell, as under ssh: it would stay stopped."""
        host, terminal = self.enter()
        for key in "\x1a", None:
            if key is None:
                terminal.process.send_signal(signal.SIGTSTP)
            else:
                terminal.type(key)
            terminal.type("weiter")
            terminal.until(self.typed("> weiter"))
            terminal.type("\n")
            host.expect("weiter", "alice")

    def test_stop_for_a_shell(self):
        """The shell has its terminal as it was, and gives it back."""
        self.server.member("host").create("r")
        shell = self.terminal(argv=["sh", "-i"])
        shell.type("PS1=; set -m; exec 2>&1\n")
        shell.type(" ".join(self.argv("-n", "alice", "join", "r")) + "\n")
        shell.until(lambda lines: [x for x in lines if x][-1:] == [">"])
        shell.type("\x1a")
        shell.until(lambda lines: any("topped" in x for x in lines))
        shell.type("stty -a | grep -q -e -icanon; echo raw: $?\n")
        shell.until(lambda lines: "raw: 1" in lines)
        shell.type("fg\n")
        shell.until(lambda lines: [x for x in lines if x][-1:] == [">"])
        shell.type("/quit\n")
        wait_until(lambda: self.names("r") == ["host"])
        shell.type("exit\n")

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
