# SPDX-License-Identifier: ISC
"""What the tests of ocm, the chat client, have in common."""

import json
import os
import select
import subprocess

from ocm import BUILD, SLOW, Case
from programs import Program, Terminal
from tcrp import wait_until

EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_UNAVAILABLE = 64, 65, 66, 69
EX_CANTCREAT, EX_IOERR, EX_TEMPFAIL, EX_PROTOCOL, EX_NOPERM = 73, 74, 75, 76, 77

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
