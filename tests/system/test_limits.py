# SPDX-License-Identifier: ISC
"""Every limit of ocm-protocol(7) and every counter of `ocmctl stats`: what is
beyond a limit moves its own counter, by as much as it should, and no other
one.  PROVED says of each counter where that is shown, here or elsewhere.
"""

import contextlib
import os
import re
import socket

import ocm
from ocm import Case, SharedCase
from tcrp import (CREATE, DENIED, EXISTS, JOIN, MALFORMED, NO_ROOM, OK,
                  SLOW_DOWN, UNABLE, fence, unanswered, wait_until,
                  write_frame)

# What good clients move all the time.
TRAFFIC = {
    "accepted", "requests", "rooms_created", "rooms_closed", "joined", "left",
    "received", "messages", "deliveries", "keepalives", "bundles",
    "ports_learned", "lobby_received", "lobby_messages", "lobby_deliveries",
    "lobby_joined", "table_scans",
}

HERE = "tests/system/test_limits.py"
RELAY, ROOMS = "tests/system/test_relay.py", "tests/system/test_rooms.py"
LOBBY, EDGES = "tests/system/test_lobby.py", "tests/system/test_edges.py"
CALLS, POISON = "tests/faults/test_calls.py", "tests/faults/test_poison.py"

PROVED = {
    "refused_exists": HERE, "refused_no_room": HERE, "refused_denied": HERE,
    "refused_malformed": HERE, "refused_unable": HERE, "refused_rate": HERE,
    "closed_timeout": HERE, "closed_half_open": HERE, "closed_slow": HERE,
    "closed_answered": EDGES,
    "closed_error": HERE, "accept_failed": EDGES, "no_memory": CALLS,
    "removed_idle": RELAY, "removed_unreachable": RELAY,
    "removed_operator": HERE, "removed_harmful": POISON,
    "ports_registered": ROOMS, "queries_lost": CALLS,
    "recoveries": "tests/unit/check_attach.c", "bells_lost": CALLS,
    "drop_short": HERE, "drop_long": HERE, "drop_malformed": HERE,
    "drop_token": HERE, "drop_room": HERE, "drop_address": HERE,
    "drop_rate": HERE, "drop_stale": CALLS,
    "drop_own": "tests/unit/check_own.c",
    "drop_unread": "tests/unit/check_bundle.c",
    "drop_json": "tests/unit/check_relay_dialect.c",
    "answers_dropped": "tests/unit/check_relay_dialect.c",
    "drop_talker": "tests/unit/check_queue.c",
    "drop_busy": "tests/unit/check_queue.c",
    "drop_source": "tests/unit/check_queue.c",
    "lists_old": "tests/unit/check_lists.c",
    "bundles_split": "tests/unit/check_bundle.c", "copy_unsendable": CALLS,
    "copy_form": "tests/system/test_dialects.py", "copy_unknown_port": HERE,
    "receive_errors": CALLS, "send_errors": CALLS, "unreachable": RELAY,
    "ports_held": RELAY, "notices": "tests/unit/check_notice.c",
    "notices_dropped": "tests/unit/check_notice.c", "leave_words": HERE,
    "wishes_idle": "tests/unit/check_notice.c",
    "wishes_unreachable": "tests/unit/check_notice.c",
    "deaths_in_hand": POISON, "wishes_harmful": POISON,
    "lobby_drop_own": "tests/unit/check_own.c",
    "lobby_drop_malformed": HERE, "lobby_drop_full": HERE,
    "lobby_removed_idle": LOBBY, "lobby_removed_malformed": HERE,
    "lobby_removed_unreachable": LOBBY,
}


@contextlib.contextmanager
def moves(test, server, **expected):
    """What is done in the block moves these counters by so much, and no
    other but those of traffic; it may take a moment."""
    before = server.stats()
    yield
    moved = {}

    def settled():
        nonlocal moved
        moved = {name: n - before[name]
                 for name, n in server.stats().items()
                 if n != before[name] and name not in TRAFFIC}
        return moved == expected
    with contextlib.suppress(AssertionError):
        wait_until(settled)
    test.assertEqual(moved, expected)


def text_of(place):
    with open(os.path.join(ocm.ROOT, place)) as f:
        return f.read()


class Counters(SharedCase):
    def test_every_counter_is_proved(self):
        """A counter that is new wants a test, and to be named above."""
        names = set(self.server.stats())
        self.assertEqual(names - TRAFFIC, set(PROVED))
        self.assertLessEqual(TRAFFIC, names)
        for name, place in PROVED.items():
            text = text_of(place)
            if place == HERE:
                text = text[text.index("class Counters"):]
            self.assertIsNotNone(re.search(r"(\b|[LR]C_)%s\b" % name, text),
                                 "%s is not in %s" % (name, place))

    def test_refusals(self):
        self.server.member("a").create(self.room, password="p")
        for op, room, password, status, name in (
                (CREATE, self.room, None, EXISTS, "refused_exists"),
                (JOIN, "nowhere", None, NO_ROOM, "refused_no_room"),
                (JOIN, self.room, None, DENIED, "refused_denied"),
                (JOIN, self.room, "q", DENIED, "refused_denied"),
                (CREATE, "\x01", None, MALFORMED, "refused_malformed")):
            with moves(self, self.server, **{name: 1}), self.refused(status):
                self.server.member("b").enter(op, room, password=password)

    def test_payload(self):
        ask = '{"username": "alice", "x": "%s"}'
        for size, status, moved in (4096, OK, {}), (
                4097, MALFORMED, {"refused_malformed": 1}):
            with moves(self, self.server, **moved), \
                    self.server.talk() as talk:
                talk.ask(CREATE, self.room, ask % ("x" * (
                    size - len(ask) + 2)))
                self.assertEqual(talk.status(), status)

    def test_half_a_request(self):
        with moves(self, self.server, closed_error=1):
            with self.server.talk() as talk:
                talk.send(write_frame(CREATE, self.room, "a")[:-1])

    def test_datagrams(self):
        alice, bob = self.people("alice", "bob")
        other = self.server.member("carol").create(self.room + " 2")
        stranger = self.server.stranger(self.server.relay[0], "127.0.0.2")
        token = alice.token
        for name, source, data in (
                ("drop_short", stranger, b""),
                ("drop_short", stranger, b"\0"),
                ("drop_long", stranger, b"x" * 4097),
                ("drop_long", alice, alice.datagram(b"").ljust(4097)),
                ("drop_malformed", stranger, b"\xff\xff"),
                ("drop_malformed", stranger, alice.datagram("")[:-1]),
                ("drop_token", stranger, alice.datagram("", token=b"A" * 32)),
                ("drop_token", alice, alice.datagram(
                    "", token=token[:-1] + b"!")),
                ("drop_token", alice, alice.datagram(
                    "", token=token[:11] + b"A" * 21)),
                ("drop_room", alice, alice.datagram("", room=other.room)),
                ("drop_address", stranger, alice.datagram(""))):
            with self.subTest(name=name, data=data[:40]), \
                    moves(self, self.server, **{name: 1}):
                source.send_raw(data)
                fence(bob, alice)
        unanswered(stranger)

    def test_never_heard(self):
        """Who has said nothing yet cannot be told anything."""
        alice, = self.people("alice")
        bob = self.server.member("bob").join(self.room, hello=False)
        carol = self.server.member("carol").join(self.room)
        fence(carol, alice)
        with moves(self, self.server, copy_unknown_port=1):
            alice.say("hello?")
            carol.expect("hello?", alice)
        self.assertIsNone(bob.recv_now())

    def test_word_of_leaving(self):
        alice, bob = self.people("alice", "bob")
        with moves(self, self.server, leave_words=1):
            bob.say("/exit")
        self.assertEqual(len(alice.members()), 1)

    def test_operator(self):
        self.people("alice", "bob")
        with moves(self, self.server, removed_operator=1, notices=1):
            self.server.ctl("kick", self.room, "bob")


class Limits(Case):
    def test_tables(self):
        server = self.serve(max_rooms=2, max_members=4, max_room_members=2)
        for op, room, moved in (
                (CREATE, "one", 0), (CREATE, "two", 0), (CREATE, "three", 1),
                (JOIN, "one", 0), (JOIN, "one", 1), (JOIN, "two", 0)):
            with moves(self, server, **{"refused_unable": 1} if moved else
                       {}), self.refused(UNABLE) if moved else \
                    contextlib.nullcontext():
                server.member("m").enter(op, room)

    def test_members_in_all(self):
        server = self.serve(max_members=2)
        server.member("a").create("one")
        server.member("b").join("one")
        with moves(self, server, refused_unable=1), self.refused(UNABLE):
            server.member("c").create("two")

    def test_half_open(self):
        """Of one source, and in all: then the busiest source gives way."""
        server = self.serve(half_open=6, half_open_per_source=4,
                            request_timeout=60)
        talks = []

        def begin(host, count):
            for _ in range(count):
                talks.append(server.talk(source=host))
                talks[-1].send(b"\x05")
        self.addCleanup(lambda: [talk.close() for talk in talks])
        with moves(self, server):
            begin("127.0.0.2", 4)
        with moves(self, server, closed_half_open=1):
            begin("127.0.0.2", 1)
        self.assertTrue(talks[0].ended())
        with moves(self, server):
            begin("127.0.0.3", 2)
        with moves(self, server, closed_half_open=1):
            begin("127.0.0.4", 1)
        self.assertTrue(talks[1].ended())

    def test_request_timeout(self):
        server = self.serve(request_timeout=1)
        with moves(self, server, closed_timeout=1), server.talk() as talk:
            talk.send(b"\x05")
            self.assertTrue(talk.ended())

    def test_unread_answers(self):
        """Who asks on and on and reads nothing is not waited for."""
        server = self.serve(request_timeout=1, join_rate=0)
        for i in range(60):
            server.member("m").create("%02d" % i + "x" * 250, hello=False)
        lazy = socket.socket()
        self.addCleanup(lazy.close)
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        lazy.connect(server.rooms[0])
        lazy.setblocking(False)
        with moves(self, server, closed_slow=1), \
                contextlib.suppress(BlockingIOError, ConnectionError):
            asks = write_frame(3) * 4000
            while asks:
                asks = asks[lazy.send(asks):]

    def test_joins_of_a_source(self):
        server = self.serve(join_rate=1, join_burst=3)
        talks = [server.talk() for _ in range(5)]
        with moves(self, server, refused_rate=2):
            for i, talk in enumerate(talks):
                talk.ask(CREATE, "r%d" % i, "m")
            self.assertEqual([talk.status() for talk in talks],
                             [OK] * 3 + [SLOW_DOWN] * 2)
        for talk in talks:
            talk.close()

    def test_messages_of_a_member(self):
        server = self.serve(member_rate=1, member_burst=5)
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        fence(bob, alice)
        with moves(self, server, drop_rate=15):
            for i in range(20):
                alice.say("%d" % i)
        self.assertEqual(len(bob.drain()), 5)

    def test_lobby(self):
        server = self.serve(max_lobby=2)
        alice, bob = [server.lobby_client(n).hello() for n in ("a", "b")]
        fence(alice, bob)
        with moves(self, server, lobby_drop_full=1):
            late = server.lobby_client("c").hello()
        with moves(self, server, lobby_drop_malformed=2):
            late.send_raw(b"\xff")
            bob.send_raw(b"\x09bob")
        with moves(self, server, lobby_drop_malformed=2,
                   lobby_removed_malformed=1):
            bob.send_raw(b"\x09bob")
            bob.send_raw(b"\x09bob")
        unanswered(late)
