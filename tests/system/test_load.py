# SPDX-License-Identifier: ISC
"""Many at once: a room of 1000, 500 rooms of 10, thousands of connections.

SERIAL: these tests count every message, so nothing runs beside them.
"""

import contextlib
import gc
import select
import socket
import time

from ocm import SANITIZED, Case, need_files
from tcrp import (CREATE, MALFORMED, OK, Deadline, Talk, descriptors, fence,
                  resident_kib, wait_until, write_frame)

SERIAL = True


class Crowd:
    """Members of many rooms, all heard by one epoll loop; every message has
    a number, and every member keeps count of what it heard."""

    def __init__(self, server, rooms, size):
        self.rooms = []
        self.heard = {}         # descriptor -> next expected numbers
        self.by_fd = {}
        self.poll = select.epoll()
        self.wrong = []
        for i in range(rooms):
            name = "部屋%d" % i
            room = [server.member("h").create(name, hello=False)]
            room += [server.member("m%d" % j).join(name, hello=False)
                     for j in range(1, size)]
            self.rooms.append(room)
            for one in room:
                fd = one.udp.fileno()
                one.number, one.heard, one.index = i, 0, len(self.by_fd)
                self.by_fd[fd] = one
                self.poll.register(fd, select.EPOLLIN)
        self.said = [[] for _ in self.rooms]    # who said message n
        self.delivered = 0
        for one in self.by_fd.values():
            one.hello()

    def close(self):
        self.poll.close()

    def say(self, room):
        n = len(self.said[room])
        speaker = self.rooms[room][n % len(self.rooms[room])]
        self.said[room].append(speaker)
        speaker.say("%d こんにちは" % n)

    def listen(self, timeout):
        for fd, _ in self.poll.poll(timeout):
            one = self.by_fd[fd]
            said = self.said[one.number]
            while True:
                try:
                    data = one.udp.recv(4096)
                except BlockingIOError:
                    break
                n = one.heard
                if n < len(said) and said[n] is one:
                    n += 1      # its own
                if n >= len(said) or data != b"%s: %d %s" % (
                        said[n].name.encode(), n, "こんにちは".encode()):
                    self.wrong.append((one.name, n, data[:80]))
                    continue
                one.heard = n + 1
                self.delivered += 1

    def expected(self):
        return sum(len(said) * (len(room) - 1)
                   for said, room in zip(self.said, self.rooms))

    def talk(self, rate, seconds):
        """Every room says rate messages a second, evenly spread."""
        total = int(rate * seconds * len(self.rooms))
        begin = time.monotonic()
        for i in range(total):
            due = begin + i * seconds / total
            self.listen(0)
            while True:
                left = due - time.monotonic()
                if left <= 0:
                    break
                self.listen(left)
            self.say(i % len(self.rooms))
        deadline = Deadline()
        while self.delivered < self.expected() and not deadline.over():
            self.listen(0.05)


class Load(Case):
    def crowd(self, rooms, size, rate, seconds):
        need_files(rooms * size)
        server = self.serve(join_rate=0)
        crowd = Crowd(server, rooms, size)
        self.addCleanup(crowd.close)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        crowd.talk(rate, seconds)
        memory = sum(resident_kib(pid) for pid in server.all_pids())
        print("note %d rooms of %d: %d deliveries, %d expected, %d KiB" % (
            rooms, size, crowd.delivered, crowd.expected(), memory))
        self.assertEqual(crowd.wrong[:5], [])
        self.assertEqual(crowd.delivered, crowd.expected())
        if not SANITIZED:
            self.assertLess(memory, 20 * 1024)
        # And not one more.
        crowd.listen(0)
        self.assertEqual(crowd.delivered, crowd.expected())
        return server, crowd

    def test_room_of_1000(self):
        """10 messages a second for 10 s: every one to every member."""
        server, crowd = self.crowd(1, 1000, 10, 10)
        # The host leaves: a thousand are told.
        crowd.rooms[0][0].leave()
        for one in crowd.rooms[0][1:]:
            one.expect_raw("room closed: the host left")
        wait_until(lambda: server.status()["members"] == 0)

    def test_500_rooms_of_10(self):
        self.crowd(500, 10, 2, 4)


class Connections(Case):
    def hosts(self):
        """Source addresses, as many as are wanted."""
        for net in range(1, 250):
            for host in range(1, 255):
                yield "127.1.%d.%d" % (net, host)

    def test_thousands_of_half_requests(self):
        """More than may be half-open, from many sources: the oldest go,
        and one who asks properly is served at once."""
        need_files(3000)
        server = self.serve(request_timeout=30, join_rate=0)
        pid = server.pids["roomd"][0]
        before = resident_kib(pid)
        piece = write_frame(CREATE, "never whole", "x" * 4000)[:100]
        talks = []
        sources = self.hosts()
        for i in range(3000):
            if i % 50 == 0:
                source = next(sources)
            talk = Talk(server.rooms[0], source)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                talk.send(piece)
            talks.append(talk)
            if i % 500 == 499:
                begin = time.monotonic()
                server.member("m%d" % i).create("r%d" % i)
                took = time.monotonic() - begin
                self.assertLess(took, 2)
        stats = server.stats()
        self.assertGreaterEqual(stats["closed_half_open"], 3000 - 1024 - 10)
        grown = resident_kib(pid) - before
        print("note 3000 connections: roomd grew by %d KiB" % grown)
        if not SANITIZED:
            self.assertLess(grown, 16 * 1024)
        poll = select.poll()
        for talk in talks:
            poll.register(talk.sock, select.POLLIN)
        self.assertGreaterEqual(len(poll.poll(0)), 3000 - 1024 - 10)
        for talk in talks:
            talk.close()
        wait_until(lambda: descriptors(pid) < 40)

    def test_half_open_of_one_source(self):
        """64 of one source; the 65th costs the oldest its place."""
        server = self.serve(request_timeout=30)
        talks = [server.talk() for _ in range(64)]
        for talk in talks:
            talk.send(b"\x05")
        other = server.talk(source="127.0.0.2")
        other.send(b"\x05")
        late = server.talk()
        late.send(b"\x05")
        self.assertTrue(talks[0].ended())
        for i, talk in enumerate(talks[1:] + [other, late]):
            talk.send(write_frame(CREATE, b"r%04d" % i, "m")[1:])
            self.assertEqual(talk.status(), OK, i)
            talk.close()

    def test_clients_that_vanish(self):
        """RST at every stage of a request, thousands of times."""
        server = self.serve(join_rate=0)
        ask = write_frame(CREATE, "r", "alice")
        for i in range(3000):
            talk = server.talk()
            cut = i % (len(ask) + 1)
            talk.send(ask[:cut])
            talk.reset()
        # A room is there, or not, as its last request came through whole.
        for room in server.room_list():
            self.assertEqual(room["name"], "r")
        server.member("bob").create("after")
        wait_until(lambda: descriptors(server.pids["roomd"][0]) < 40)

    def test_one_who_does_not_read(self):
        """A peer that asks for lists and never reads them is dropped."""
        server = self.serve(join_rate=0)
        for i in range(40):
            server.member("m").create("%02d" % i + "あ" * 80, hello=False)
        lazy = socket.socket()
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        lazy.connect(server.rooms[0])
        lazy.setblocking(False)
        asks = write_frame(3) * 2000
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while asks:
                asks = asks[lazy.send(asks):]
        server.member("bob").create("quick")
        lazy.close()

    def test_requests_one_after_the_other(self):
        """5000 connections in a row leave nothing behind."""
        server = self.serve(join_rate=0)
        pid = server.pids["roomd"][0]

        def ask(n):
            for _ in range(n):
                with server.talk() as talk:
                    talk.ask(9, "r")
                    self.assertEqual(talk.status(), MALFORMED)
        ask(500)
        before = resident_kib(pid)
        ask(4500)
        if not SANITIZED:
            self.assertLess(resident_kib(pid), before + 256)
        server.member("alice").create("r")
        fence(server.member("bob").join("r"))
