# SPDX-License-Identifier: ISC
"""Corners: large answers, slow readers, stopped processes, starved ones,
one socket in two rooms, ports that change hands."""

import contextlib
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time

import ocm
from dialects import Decimal
from ocm import SLOW, Case
from tcrp import (CREATE, DECIMAL, DONE, JOIN, LIST, MALFORMED, OK,
                  Deadline, fence, meet, wait_until, write_frame)

SPARE = 64              # descriptors of roomd that are no connections


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


FIN_WAIT1 = 4


def tcp_state(here, there):
    """The state of the IPv4 connection at its end `here`, or None."""
    def text(address):
        return "%08X:%04X" % (int.from_bytes(
            socket.inet_aton(address[0]), sys.byteorder), address[1])
    with open("/proc/net/tcp") as f:
        for line in f:
            fields = line.split()
            if fields[1:3] == [text(here), text(there)]:
                return int(fields[3], 16)
    return None


class Answers(Case):
    def test_long_lists(self):
        """Thousands of rooms with long names: whole, to a slow reader too,
        and nobody else waits for him."""
        server = self.serve(join_rate=0)
        names = {("%04d" % i).ljust(255, "x") for i in range(2000)}
        for name in names:
            server.member("m").create(name, hello=False).close()
        slow = socket.socket()
        self.addCleanup(slow.close)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(server.rooms[0])
        slow.sendall(write_frame(LIST))
        with server.talk() as talk:
            self.assertEqual(set(talk.ask(LIST).frame().json()), names)
        with server.talk() as talk:
            got = talk.ask(JOIN).frame().payload.decode()
            self.assertEqual(set(got.split(",")), names)
        self.assertEqual({r["name"] for r in server.room_list()}, names)
        slow.settimeout(5 * SLOW)
        size = 0
        while True:
            data = slow.recv(16384)
            if not data:
                break
            size += len(data)
        self.assertGreater(size, 255 * 2000)

    def test_long_member_list(self):
        server = self.serve(join_rate=0)
        host = server.member("h").create("r", hello=False)
        for i in range(1500):
            server.member("m" * 200 + "%d" % i).join(
                "r", hello=False).close()
        names = [m["name"] for m in host.members()]
        self.assertEqual(len(set(names)), 1501)
        self.assertEqual([m["name"] for m in server.members("r")], names)

    def test_operator_who_does_not_read(self):
        """An ocmctl that is stopped holds up nobody."""
        server = self.serve(join_rate=0)
        for i in range(1000):
            server.member("m").create("%04d" % i + "x" * 200,
                                      hello=False).close()
        lazy = []
        for verb in (4, 8, 0):          # rooms, stats, status
            one = socket.socket(socket.AF_UNIX)
            self.addCleanup(one.close)
            one.connect(server.socket)
            one.sendall((0x6f636d31).to_bytes(4, "little") +
                        verb.to_bytes(4, "little") + bytes(524))
            lazy.append(one)
        begin = time.monotonic()
        server.status()
        server.member("a").create("quick")
        self.assertEqual(len(server.room_list()), 1001)
        self.assertLess(time.monotonic() - begin, 2 * SLOW)

    def test_request_and_end_of_stream_at_once(self):
        """Who closes his side after asking is answered all the same."""
        server = self.serve()
        for op, room in (CREATE, "r"), (JOIN, "r"):
            with server.talk() as talk:
                talk.ask(op, room, "alice")
                talk.sock.shutdown(socket.SHUT_WR)
                self.assertEqual(talk.status(), OK)
                self.assertEqual(len(talk.frame().payload), 32)
                self.assertTrue(talk.ended())
        with server.talk() as talk:
            talk.ask(LIST)
            talk.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(talk.frame().json(), ["r"])
            self.assertTrue(talk.ended())

    def test_empty_requests(self):
        server = self.serve()
        for op, room in (CREATE, "r"), (JOIN, "r"), (CREATE, ""):
            with server.talk() as talk:
                talk.ask(op, room, b"" if room else b"x")
                self.assertEqual(talk.status(), MALFORMED)

    def test_nothing_is_left_of_a_room_that_does_not_fit(self):
        """A create that needs five places and finds three."""
        server = self.serve(max_members=8)
        Decimal(server, "one").create("first")
        with self.refused(5):
            Decimal(server, "two").create("second")
        self.assertEqual([r["name"] for r in server.room_list()], ["first"])
        server.member("a").create("third")
        server.member("b").join("third")
        server.member("c").join("third")
        with self.refused(5):
            server.member("d").join("third")


class Sockets(Case):
    def test_one_socket_in_two_rooms(self):
        """Both rooms are heard; a closed port costs both memberships."""
        server = self.serve()
        one = server.member("alice").create("r1")
        two = server.member("alice")
        two.udp.close()
        two.udp = one.udp
        two.create("r2")
        bob = server.member("bob").join("r1")
        carol = server.member("carol").join("r2")
        bob.say("in r1")
        one.expect("in r1", bob)
        carol.say("in r2")
        one.expect("in r2", carol)
        one.say("a")
        two.say("b")
        bob.expect("a", one)
        carol.expect("b", two)
        one.close()

        def both_closed():
            for other in bob, carol:
                other.say("?")
            return server.room_list() == []
        wait_until(both_closed)

    def test_a_port_changes_hands(self):
        """bob goes, carol gets his port: what was his is not hers."""
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        fence(alice, bob)
        port = bob.port()
        bob.close()
        carol = server.member("carol")
        carol.udp.close()
        carol.udp = carol.open(port)
        carol.join("r")
        fence(carol, alice)
        # bob's membership is still there, and so is his address.
        server.ctl("kick", "r", "bob")
        got = carol.recv()
        while got != b"disconnected: removed by the operator":
            self.assertIsNotNone(got)
            got = carol.recv()
        self.assertEqual(len(alice.members()), 2)
        fence(alice, carol)

    def test_leaving_and_coming_back_with_the_same_socket(self):
        server = self.serve(join_rate=0)
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        for _ in range(50):
            fence(alice, bob)
            bob.leave()
            bob.join("r")
        fence(bob, alice)
        self.assertEqual(len(alice.members()), 2)

    def test_reopened_rooms(self):
        """One name, opened and closed again and again, with old tokens
        speaking all the while."""
        server = self.serve(join_rate=0)
        old = []
        for i in range(60):
            host = server.member("h%d" % i).create("r")
            guest = server.member("g%d" % i).join("r")
            for one in old[-6:]:
                one.say("from the past")
            fence(host, guest)
            fence(guest, host)
            host.leave()
            guest.expect_raw("room closed: the host left")
            old += [host, guest]

    def test_udp_ports_are_not_shared_with_another_server(self):
        """Workers share a port among themselves, with nobody else."""
        one = self.serve(workers=2)
        for option, where in (("relay", one.relay[0]),
                              ("lobby", one.lobby[0])):
            for workers in 1, 2:
                with self.subTest(option=option, workers=workers):
                    two = ocm.Server(start=False, workers=workers,
                                     **{option: "%s:%d" % where})
                    self.addCleanup(two.finish)
                    got = two.try_start()
                    self.assertNotEqual(got.returncode, 0)
                    self.assertIn("in use", got.stderr)
        people = [one.member("p0").create("r")]
        people += [one.member("p%d" % i).join("r") for i in range(1, 5)]
        meet(*people)


class Stopped(Case):
    """Processes that are held, by SIGSTOP or for want of descriptors."""

    def test_status_while_roomd_is_stopped(self):
        server = self.serve()
        pid = server.pids["roomd"][0]
        os.kill(pid, signal.SIGSTOP)
        try:
            begin = time.monotonic()
            got = server.run(server.command("status", "-j"))
            self.assertLess(time.monotonic() - begin, 5 * SLOW)
            self.assertIn(got.returncode, (0, 4))
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(server.status()["members"], 0)

    def test_stop_while_children_are_stopped(self):
        for role in "roomd", "relayd":
            with self.subTest(role=role):
                server = self.serve()
                os.kill(server.pids[role][0], signal.SIGSTOP)
                begin = time.monotonic()
                server.ctl("stop")
                self.assertEqual(server.wait_end(), [])
                self.assertLess(time.monotonic() - begin, 2.5 * SLOW)

    def test_stop_under_load(self):
        server = self.serve()
        alice = server.member("alice").create("r")
        people = [server.member("p%d" % i).join("r") for i in range(50)]
        fence(alice, *people)
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(OSError):
                while True:
                    alice.udp.send(alice.datagram("x" * 1000))
            os._exit(0)
        try:
            begin = time.monotonic()
            server.ctl("stop")
            self.assertEqual(server.wait_end(), [])
            self.assertLess(time.monotonic() - begin, 2.5 * SLOW)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def few(self, files, **options):
        """A server that may have so many descriptors a process."""
        server = ocm.Server(start=False, request_timeout=60, join_rate=0,
                            half_open_per_source=1000, **options)
        self.addCleanup(server.finish)
        server.files = files
        return server.start()

    def test_no_descriptors(self):
        """Without descriptors roomd neither dies nor spins, and serves
        again when there are some."""
        home = tempfile.mkdtemp(prefix="ocm-test-")
        self.addCleanup(shutil.rmtree, home)
        os.chmod(home, 0o755)
        # Its limits are its own user's to change.
        server = self.few(
            400, build=ocm.copy_programs(os.path.join(home, "build")),
            uid=ocm.NOBODY if ocm.AM_ROOT else None)
        pid = server.pids["roomd"][0]

        def allow(files):
            got = server.run(["prlimit", "--pid=%d" % pid,
                              "--nofile=%d:" % files])
            self.assertEqual((got.returncode, got.stderr), (0, ""))
        allow(0)
        begun = time.monotonic()
        talk = server.talk().ask(LIST)
        self.assert_log(server, "cannot accept beside 0 connections")
        before = cpu_seconds(pid)
        deadline = Deadline(1)
        while not deadline.over():
            select.select([], [], [], deadline.left())
        self.assertLess(cpu_seconds(pid) - before, 0.3)
        allow(400)
        self.assertEqual(talk.frame().json(), [])
        talk.close()
        # It was tried ten times a second, and is told once in ten.
        failed = server.stats()["accept_failed"]
        took = time.monotonic() - begun
        self.assertGreater(failed, 2)
        self.assertLessEqual(failed, 2 + took * 10)
        self.assertLessEqual(server.log().count("cannot accept beside"),
                             1 + took // 10)
        server.member("alice").create("r")
        fence(server.member("bob").join("r"))

    def test_few_descriptors(self):
        """One takes every place that is to be had, but not for long where
        another wants it; only members by an open connection may stay."""
        server = self.few(200)
        def talk():
            talks.append(server.talk(source="127.0.0.2"))
            return talks[-1]
        talks, seated = [], 0
        while talk().ask(CREATE, "d%d" % seated, "m", DECIMAL).frame(
                ).state == DONE:
            seated += 1
        for i in range(300):
            talk()
            if i % 2:
                self.assertIsNotNone(talks[-1].ask(LIST).frame())
            if i % 50 == 0:
                server.member("bob").create("r%d" % i).leave()
        stats = server.stats()
        self.assertEqual(stats["accept_failed"], 0)
        self.assertGreater(stats["closed_half_open"], 100)
        self.assertGreater(stats["closed_answered"], 100)
        self.assertEqual(seated, (200 - SPARE) * 3 // 4)
        self.assertEqual(server.status()["members"], seated)
        for one in talks:
            one.close()

    def test_few_descriptors_for_those_who_say_nothing(self):
        """They have half of what there is, whatever else is configured."""
        server = self.few(200)
        talks = [server.talk() for _ in range(100)]
        closed = 100 - (200 - SPARE) // 2
        wait_until(lambda: server.stats()["closed_half_open"] >= closed)
        # A round of the loop later, all that came has been looked at.
        server.room_list()
        self.assertEqual(server.stats()["closed_half_open"], closed)
        for talk in talks:
            talk.close()

    def test_answered_and_left_open(self):
        """One address asks for many lists, has every answer, and closes
        nothing; another one is served at once all the same."""
        ocm.need_files(1500)
        server = self.few(220)
        talks = []
        for i in range(1500):
            talks.append(server.talk(source="127.0.0.2").ask(LIST))
            self.assertEqual(talks[-1].frame().json(), [])
            if i % 200 == 199:
                begin = time.monotonic()
                server.member("m").create("r%d" % i).leave()
                self.assertLess(time.monotonic() - begin, 0.5 * SLOW)
        stats = server.stats()
        self.assertEqual(stats["accept_failed"], 0)
        # Of those that nobody waits for some may be over before.
        self.assertGreater(stats["closed_answered"], 100)
        for talk in talks:
            self.assertTrue(talk.ended())
            talk.close()

    def test_slow_reader_gives_way(self):
        """Its place goes to another one, and it has its answer whole."""
        server = self.few(200)
        for i in range(100):
            server.member("m").create(("%d" % i).ljust(200, "x"))
        slow = socket.socket()
        self.addCleanup(slow.close)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.bind(("127.0.0.2", 0))
        slow.connect(server.rooms[0])
        slow.sendall(write_frame(LIST))
        # All is sent as far as roomd is concerned: the kernel has the rest.
        wait_until(lambda: tcp_state(server.rooms[0], slow.getsockname()) ==
                   FIN_WAIT1)
        talks = []
        for _ in range(200):
            talks.append(server.talk(source="127.0.0.2").ask(LIST))
            self.assertEqual(len(talks[-1].frame().json()), 100)
        self.assertGreater(server.stats()["closed_answered"], 0)
        size = 0
        slow.settimeout(5 * SLOW)
        while data := slow.recv(1000):
            size += len(data)
        with server.talk() as talk:
            self.assertEqual(size, 32 + len(talk.ask(LIST).frame().payload))
        for talk in talks:
            talk.close()

    def test_workers_auto(self):
        server = self.serve(workers="auto")
        people = [server.member("p0").create("r")]
        people += [server.member("p%d" % i).join("r") for i in range(1, 5)]
        meet(*people)
        self.assertGreaterEqual(len(server.pids["relayd"]), 1)

    def test_roomd_dies_under_open_memberships(self):
        """A member by an open connection loses that with roomd, and is
        removed as idle at the latest; the others stay."""
        server = self.serve(idle=2)
        host = Decimal(server, "host").create("r")
        alice = server.member("alice").join("r")
        bob = server.member("bob").join("r")
        fence(alice, bob)
        server.kill("roomd")
        self.assertTrue(host.talk.ended())

        def gone():
            fence(alice, bob)
            fence(bob, alice)
            return [m["name"] for m in alice.members()] == ["alice", "bob"]
        wait_until(gone)
