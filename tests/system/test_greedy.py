# SPDX-License-Identifier: ISC
"""Who asks for the longest lists without end and takes them as fast as they
come: nobody else waits for that, and roomd answers its supervisor.
"""

import contextlib
import multiprocessing
import select
import statistics
import time

from ocm import SLOW, Case
from tcrp import CREATE, JOIN, LIST, MEMBERS, OK, Talk, write_frame

IN_ROOM, ROOMS, GREEDY, OTHERS = 6000, 4000, 4, 60
MEDIAN, WORST = 0.1 * SLOW, 2.0 * SLOW  # seconds, on a busy machine
CHUNK, CONNECTIONS = 1 << 20, 10          # of each of them
forking = multiprocessing.get_context("fork")


def devour(address, ask, begun):
    """Asks ahead, as much as is taken, and reads whatever comes."""
    asks = ask * 1000
    said = {Talk(address).sock: 0 for _ in range(CONNECTIONS)}
    for sock in said:
        sock.setblocking(False)
    while True:
        readable, writable, _ = select.select(said, said, [])
        for sock in writable:
            with contextlib.suppress(BlockingIOError):
                said[sock] += sock.send(asks[said[sock] % len(asks):])
        for sock in readable:
            assert sock.recv(CHUNK), "a good question ended the connection"
            begun.set()


class Greedy(Case):
    def setUp(self):
        self.greedy = []

    def enter(self, server, op, room):
        """Creates or joins; the token."""
        with server.talk() as talk:
            self.assertEqual(talk.ask(op, room, "m").status(), OK)
            return talk.frame().payload

    def attack(self, server, ask):
        for _ in range(GREEDY):
            begun = forking.Event()
            one = forking.Process(target=devour, daemon=True,
                                  args=(server.rooms[0], ask, begun))
            one.start()
            self.addCleanup(one.join)
            self.addCleanup(one.kill)
            self.assertTrue(begun.wait(10 * SLOW), "no list")
            self.greedy.append(one)

    def beside(self, server, op, room):
        """Requests beside it, one after the other, are answered soon."""
        took = []
        for i in range(OTHERS):
            begin = time.monotonic()
            self.enter(server, op, room % i if op == CREATE else room)
            took.append(time.monotonic() - begin)
        self.assertEqual([p["restarts"] for p in server.status()[
            "processes"]], [0] * len(server.all_pids()))
        self.assertEqual([one.exitcode for one in self.greedy],
                         [None] * GREEDY)
        print("note requests took %.1f ms, at most %.1f" % (
            1000 * statistics.median(took), 1000 * max(took)))
        self.assertLess(statistics.median(took), MEDIAN)
        self.assertLess(max(took), WORST)

    def test_members(self):
        """Also where each join makes the list another one."""
        server = self.serve(join_rate=0)
        token = self.enter(server, CREATE, "large")
        for _ in range(IN_ROOM - 1):
            self.enter(server, JOIN, "large")
        self.attack(server, write_frame(MEMBERS, "large", token))
        server.member("host").create("small")
        self.beside(server, JOIN, "small")
        self.beside(server, JOIN, "large")

    def test_rooms(self):
        """Rooms that come make their list another one."""
        server = self.serve(join_rate=0)
        for i in range(ROOMS):
            self.enter(server, CREATE, ("%d" % i).rjust(250, '"'))
        self.attack(server, write_frame(LIST))
        self.beside(server, CREATE, "r%d")
