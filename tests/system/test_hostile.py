# SPDX-License-Identifier: ISC
"""Random and mutated frames and datagrams, while a room keeps chatting.

The numbers come from one seed, which is printed; OCM_SEED sets another.
SERIAL: every message of the room is counted.
"""

import contextlib
import json
import os
import random
import select
import socket

from ocm import SANITIZED, Case
from tcrp import (BE, CREATE, DECIMAL, DIGITS, INLINE, JOIN, LEAVE, MEMBERS,
                  Talk, fence, resident_kib, wait_until, write_frame)

SERIAL = True

SEED = int(os.environ.get("OCM_SEED", "20230814"))
DATAGRAMS = 80000
FRAMES = 20000


class Generator:
    """Things that nearly are what the server expects."""

    def __init__(self, seed, tokens, room):
        self.random = random.Random(seed)
        self.tokens, self.room = tokens, room

    def bytes(self, most):
        r = self.random
        return r.randbytes(r.choice((0, 1, 2, 3, 31, 32, 33,
                                     r.randrange(most + 1))))

    def name(self):
        r = self.random
        return r.choice((self.room, b"", b"x", "部屋".encode(), b"r" * 255,
                         b"\xff\xfe", b"a\0b", b"{}", b"12345", b" ",
                         self.bytes(255)))[:255]

    def token(self):
        r = self.random
        return r.choice((r.choice(self.tokens), r.choice(self.tokens)[:-1],
                         b"", b"A" * 32, b"A" * 16, self.bytes(255)))[:255]

    def mutated(self, data):
        r = self.random
        data = bytearray(data)
        for _ in range(r.choice((0, 1, 1, 2, 5))):
            if not data:
                break
            at = r.randrange(len(data))
            how = r.randrange(4)
            if how == 0:
                data[at] = r.randrange(256)
            elif how == 1:
                data[at] ^= 1 << r.randrange(8)
            elif how == 2:
                del data[at:at + r.randrange(1, 9)]
            else:
                data[at:at] = r.randbytes(r.randrange(1, 9))
        return bytes(data)

    def datagram(self):
        """One for the relay, from a stranger's or a member's address, whose
        token (if it is right at all) is never that of the chatting room."""
        r = self.random
        how = r.randrange(10)
        if how == 0:
            return r.randbytes(r.randrange(2000))
        if how == 1:
            return r.randbytes(r.choice((4095, 4096, 4097, 5000)))
        if how == 2:
            return b"\n\x0b" + json.dumps({
                "room_name": self.room.decode(), "token": "x",
                "message": "y" * r.randrange(50)}).encode()
        room, token = self.name(), self.token()
        data = bytes([len(room), len(token)]) + room + token + self.bytes(200)
        return self.mutated(data)

    def lobby(self):
        r = self.random
        name = self.name()
        return self.mutated(bytes([len(name)]) + name + self.bytes(200))

    def payload(self):
        r = self.random
        user = self.name()
        kinds = (
            user, user + r.randbytes(2), self.token(),
            self.token() + b" " + user,
            json.dumps({"username": "bob", "password": "x"}).encode(),
            json.dumps({"user_name": "b", "udp_port": r.randrange(70000)}
                       ).encode(),
            json.dumps({"user_name": "b", "user_address": ["127.0.0.1", 9]}
                       ).encode(),
            json.dumps({"user_name": "b", "udp_address": [[[]], {}]}
                       ).encode(),
            json.dumps("bob").encode(), b"[" * 2000, b'{"a":' * 500,
            b'{"username": "' + r.randbytes(20) + b'"}', b'"\\ud800"',
            b"1e999", b"-", self.bytes(4096))
        return r.choice(kinds)[:4096]

    def frame(self):
        r = self.random
        how = r.randrange(8)
        if how == 0:
            return r.randbytes(r.randrange(200))
        # Not the room that chats: its names and tokens are others'.
        room = r.choice((self.name(), b"fuzz%d" % r.randrange(50)))
        data = write_frame(
            r.choice((CREATE, CREATE, JOIN, JOIN, 3, LEAVE, MEMBERS,
                      r.randrange(256))),
            room, self.payload(),
            r.choice((BE, BE, BE, DIGITS, DECIMAL))
            if r.randrange(8) else BE,
            r.choice((0, 0, 0, 0, 1, 2, r.randrange(256))))
        if how == 1:
            data = write_frame(r.randrange(5), b"in", b"line", INLINE)
        return self.mutated(data)


class Hostile(Case):
    def test_room_chats_on(self):
        print("note seed %d" % SEED)
        server = self.serve(idle=300, join_rate=0, request_timeout=1,
                            half_open_per_source=64, max_rooms=500,
                            max_members=2000)
        alice = server.member("アリス").create("本当の部屋")
        bob = server.member("bob").join("本当の部屋")
        carol = server.member("carol").join("本当の部屋")
        self.people, self.said = [alice, bob, carol], 0
        # Tokens that are live, of a room that nobody minds.
        victims = [server.member("v0").create("victim")]
        victims += [server.member("v%d" % i).join("victim")
                    for i in range(1, 20)]
        make = Generator(SEED, [v.token for v in victims], b"victim")

        half = self.datagrams(server, make, DATAGRAMS // 2)
        half += self.frames(server, make, FRAMES // 2)
        before = {pid: resident_kib(pid) for pid in server.all_pids()}
        rest = self.datagrams(server, make, DATAGRAMS // 2)
        rest += self.frames(server, make, FRAMES // 2)
        self.assertEqual(half + rest, DATAGRAMS + FRAMES)

        status = server.status()
        self.assertEqual([p["restarts"] for p in status["processes"]],
                         [0] * len(status["processes"]))
        for pid, kib in before.items():
            print("note process %d: %d KiB, at half time %d" % (
                pid, resident_kib(pid), kib))
            if not SANITIZED:
                self.assertLess(resident_kib(pid), kib + 1024)
        self.assertEqual(len(alice.members()), 3)
        stats = server.stats()
        print("note " + " ".join("%s=%d" % i for i in sorted(stats.items())
                                 if i[1]))
        for name in ("drop_token", "drop_malformed", "drop_long",
                     "refused_malformed", "lobby_drop_malformed"):
            self.assertGreater(stats[name], 0, name)

    def chat(self):
        """The room says one thing more, and everybody hears it."""
        speaker = self.people[self.said % len(self.people)]
        self.said += 1
        fence(speaker, *[p for p in self.people if p is not speaker])

    def datagrams(self, server, make, count):
        """A few at a time, so that none is lost in a full queue: then a
        lost message could only be the server's fault."""
        source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        source.bind(("127.0.0.1", 0))
        for i in range(count):
            if i % 4 == 3:
                source.sendto(make.lobby(), server.lobby[0])
            else:
                source.sendto(make.datagram(), server.relay[0])
            if i % 40 == 39:
                self.chat()
                with contextlib.suppress(BlockingIOError):
                    while True:
                        source.recv(65536, socket.MSG_DONTWAIT)
        source.close()
        return count

    def frames(self, server, make, count):
        """One or two frames a connection, cut, closed or reset anywhere."""
        r = make.random
        talks = []
        done = 0
        while done < count:
            talk = Talk(server.rooms[0], "127.0.0.%d" % r.randrange(2, 250))
            data = b""
            for _ in range(r.choice((1, 1, 2))):
                data += make.frame()
                done += 1
            if r.randrange(10) == 0:
                data = data[:r.randrange(len(data) + 1)]
            with contextlib.suppress(ConnectionError):
                talk.send(data)
            talks.append(talk)
            if len(talks) > 100:
                old = talks.pop(r.randrange(100))
                if r.randrange(3) == 0:
                    old.reset()
                else:
                    old.close()
            if done % 20 == 0:
                self.chat()
        for talk in talks:
            talk.close()
        return min(done, count)

    def test_flood(self):
        """More than the server can take, from strangers at full speed: it
        may lose datagrams then, but it lives, and after it all is well."""
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        junk = [random.Random(SEED + i).randbytes(i % 600)
                for i in range(1000)]
        before = resident_kib(server.pids["relayd"][0])
        for i in range(100000):
            source.sendto(junk[i % 1000], server.relay[0])
        source.close()

        def heard():
            alice.say("still there?")
            return bob.recv(0.2) is not None
        wait_until(heard)
        bob.drain()
        if not SANITIZED:
            self.assertLess(resident_kib(server.pids["relayd"][0]),
                            before + 1024)

    def test_spoofed_sources_get_nothing(self):
        """Datagrams that claim to come from others: no answer to them, so
        the relay cannot be aimed at anybody."""
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        victims = [server.stranger(server.relay[0], "127.0.0.%d" % i)
                   for i in range(2, 30)]
        for one in victims:
            one.send_raw(alice.datagram("from elsewhere"))
            one.send_raw(alice.datagram("/exit"))
            one.send_raw(b"\x01\x01rx")
        fence(alice, bob)
        ready = select.select([v.udp for v in victims], [], [], 0)[0]
        self.assertEqual(ready, [])

    def test_control_frames_of_every_length(self):
        """Each prefix of a request, then the end of the stream."""
        server = self.serve(join_rate=0)
        ask = write_frame(CREATE, "r", "alice")
        for n in range(len(ask)):
            with server.talk() as talk:
                talk.send(ask[:n])
                talk.sock.shutdown(socket.SHUT_WR)
                self.assertTrue(talk.ended(), n)
        self.assertEqual(server.room_list(), [])
