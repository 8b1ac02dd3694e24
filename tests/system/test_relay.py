# SPDX-License-Identifier: ISC
"""Chat inside rooms over UDP: who is heard, who is not, limits, notices."""

import contextlib
import select
import socket
import struct
import unittest

from dialects import Decimal
from ocm import AM_ROOT, Case, SharedCase
from tcrp import DENIED, MEMBERS, fence, meet, unanswered, wait_until


def readable(sock):
    return bool(select.select([sock], [], [], 0)[0])


class Chat(SharedCase):
    def test_three_people_in_japanese(self):
        people = self.people("アリス", "ボブ", "キャロル")
        lines = ["おはようございます", "元気ですか？", "𠮷野家で🍣を食べました",
                 "ｶﾞｷﾞｸﾞ が濁点です", "改行\nとタブ\t"]
        for text in lines:
            for one in people:
                one.say(text)
                for other in people:
                    if other is not one:
                        other.expect(text, one)
        # Nobody got his own message, nobody anything twice.
        for one in people:
            fence(one, *[p for p in people if p is not one])

    def test_bytes_pass_unchanged(self):
        """The relay carries text; it does not judge or change it."""
        alice, bob = self.people("alice", "bob")
        for message in (bytes(range(256)), b"\0", b"\xff" * 100, b" ",
                        b"{\"message\": \"x\"}", b"\x01\x01ab"):
            alice.say(message)
            bob.expect(message, alice)

    def test_empty_message_only_keeps_alive(self):
        alice, bob = self.people("alice", "bob")
        alice.say(b"")
        fence(alice, bob)

    def test_room_size_0(self):
        """The token alone names the room."""
        alice, bob = self.people("alice", "bob")
        alice.say("短い", room=b"")
        bob.expect("短い", alice)

    def test_silent_until_heard(self):
        """A port that is not known yet gets nothing; no message waits."""
        alice, bob = self.people("alice", "bob", hello=False)
        alice.say("nobody hears this")
        bob.hello()
        alice.say("this is heard")
        bob.expect("this is heard", alice)

    def test_wrong_token(self):
        alice, bob = self.people("alice", "bob")
        stranger = self.server.member("stranger")
        stranger.room = alice.room
        last = alice.token[-1:]
        bad = [b"", b"A" * 32, b"A" * 16, b"\0" * 32, b"=" * 32,
               alice.token[:-1], alice.token + b"A",
               alice.token[:-1] + (b"A" if last != b"A" else b"B"),
               alice.token.swapcase(), alice.token[::-1], b"\xff" * 255]
        # Slot and generation of a live token, the rest guessed.
        bad += [alice.token[:11] + b"A" * 21,
                bob.token[:11] + alice.token[11:]]
        for token in bad:
            stranger.say("wrong token", token=token)
            bob.say("wrong token", token=token)
        fence(alice, bob)
        fence(bob, alice)
        unanswered(stranger)

    def test_wrong_room(self):
        alice, bob = self.people("alice", "bob")
        carol, dave = self.people("carol", "dave", room=self.room + " 2")
        for room in (carol.room, b"nowhere", alice.room + b" ",
                     alice.room[:-1], b"r" * 200):
            alice.say("wrong room", room=room)
        fence(alice, bob)
        fence(carol, dave)

    def test_wrong_address(self):
        """A token from another host: nothing relayed, nothing answered,
        and the member's port stays where it is."""
        alice, bob = self.people("alice", "bob")
        thief = self.server.member("thief", host="127.0.0.2")
        before = self.server.stats()["drop_address"]
        for message in "stolen", "", "/exit":
            thief.say(message, room=alice.room, token=alice.token)
        fence(alice, bob)
        fence(bob, alice)
        unanswered(thief)
        self.assertEqual(self.server.stats()["drop_address"], before + 3)

    def test_same_host_other_port_is_the_member(self):
        """NAT rebinding: the port follows, the old one hears no more."""
        alice, bob = self.people("alice", "bob")
        old = bob.move()

        # A change is taken at most once a second, so it may need a while.
        def heard():
            bob.hello()
            alice.say("どこですか")
            return bob.recv(0.1)
        got = wait_until(heard)
        self.assertEqual(got.decode(), "alice: どこですか")
        bob.drain()
        while readable(old):
            old.recv(65536)
        fence(alice, bob)
        self.assertFalse(readable(old))
        old.close()

    def test_port_changes_at_most_once_a_second(self):
        """A second port right after the first: the first one is served."""
        alice, = self.people("alice")
        before = self.server.stats()["ports_held"]

        def held():
            bob = self.server.member("bob").join(self.room)
            fence(alice, bob)
            old = bob.move()
            bob.say("von hier")
            alice.expect("von hier", bob)
            alice.say("wohin?")
            there = bool(select.select([old], [], [], 0.2)[0])
            old.close()
            bob.leave()
            return there
        # Where the machine paused for a second it was right to move.
        wait_until(held)
        self.assertGreater(self.server.stats()["ports_held"], before)

    def test_message_from_new_port_counts_at_once(self):
        """Holding a port change back does not hold the message back."""
        alice, bob = self.people("alice", "bob")
        bob.move().close()
        bob.say("ここから")
        alice.expect("ここから", bob)

    def test_malformed_datagrams(self):
        alice, bob = self.people("alice", "bob")
        stranger = self.server.stranger(self.server.relay[0])
        good = alice.datagram("x")
        bad = [b"", b"\0", b"\0\0", b"\xff\xff", b"\xff" * 4096, b"{}",
               bytes(4096), b"\0\x20" + b"A" * 32,
               b"\0\0" + b'{"room_name": "r", "token": "", '
               b'"message": ""}', bytes([255, 255]) + good[2:]]
        # Cut anywhere before the end of the token.
        bad += [good[:n] for n in range(len(good) - 1)]
        for data in bad:
            stranger.send_raw(data)
        fence(alice, bob)
        unanswered(stranger)

    def test_a_room_talks_to_itself_alone(self):
        alice, = self.people("alice")
        bob = self.server.member("bob")
        alice.say("hello?")
        bob.join(self.room)
        fence(alice, bob)
        self.assertIsNone(alice.recv_now())


class Limits(SharedCase):
    def test_4096_bytes(self):
        """The largest datagram passes whole; one byte more is dropped
        whole and counted."""
        alice, bob = self.people("a", "b")
        room = alice.datagram(b"")
        before = self.server.stats()["drop_long"]
        message = (b"0123456789abcdef" * 256)[:4096 - len(room)]
        self.assertEqual(len(alice.datagram(message)), 4096)
        alice.say(message)
        bob.expect(message, alice)
        alice.say(message + b"x")
        alice.say(b"x" * 60000)
        fence(alice, bob)
        self.assertEqual(self.server.stats()["drop_long"], before + 2)

    def test_4094_bytes_to_receivers(self):
        """`user: msg` is delivered up to 4094 bytes; beyond, the message
        goes out alone, uncut."""
        room = "x"
        # R = 1, T = 32: up to 4061 bytes of message.
        fits = self.server.member("u" * 31).create(room)
        over = self.server.member("v" * 32).join(room)
        bob = self.server.member("bob").join(room)
        message = b"m" * 4061
        fits.say(message)
        self.assertEqual(len(bob.recv()), 4094)
        over.recv()
        over.say(message)
        bob.expect_raw(message)
        fits.expect_raw(message)
        over.say(message[1:])
        bob.expect(message[1:], over)

    def test_255_byte_user(self):
        user = "\u3042" * 85
        alice, bob = self.people(user, "bob")
        alice.say(b"m" * (4094 - 255 - 2))
        self.assertEqual(len(bob.recv()), 4094)
        alice.say(b"m" * (4094 - 255 - 1))
        bob.expect_raw(b"m" * (4094 - 255 - 1))


class Format(Case):
    def test_message_only(self):
        server = self.serve(format="message")
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        alice.say("本文だけ")
        bob.expect_raw("本文だけ")


class Notices(Case):
    def test_joined_and_left(self):
        server = self.serve(notices=True)
        alice = server.member("alice").create("部屋")
        server.wait_keepalives(1)
        bob = server.member("bob").join("部屋")
        alice.expect_raw("bob joined")
        bob.say("こんにちは")
        alice.expect("こんにちは", bob)
        bob.leave()
        alice.expect_raw("bob left")

    def test_one_a_second_with_several_names(self):
        server = self.serve(notices=True)
        alice = server.member("alice").create("r")
        server.wait_keepalives(1)
        names = ["m%02d" % i for i in range(20)]
        for name in names:
            server.member(name).join("r", hello=False)
        said = []
        while not all(any(name in text for text in said) for name in names):
            got = alice.recv()
            self.assertIsNotNone(got, "names missing in %r" % said)
            said.append(got.decode())
        self.assertLessEqual(len(said), 4, said)
        for text in said:
            self.assertRegex(text, r"joined\Z")

    def test_not_in_large_rooms(self):
        server = self.serve(notices=True)
        alice = server.member("alice").create("r")
        for i in range(70):
            server.member("m%02d" % i).join("r", hello=False)
        # Until the notices of the first 64 are through.
        last = server.member("m70").join("r")
        deaf = wait_until(lambda: (
            last.say("still?"), alice.recv(0.2))[1] == b"m70: still?")
        self.assertTrue(deaf)
        alice.drain()
        zoe = server.member("zoe").join("r")
        zoe.say("hello")
        # A second later nothing was said about zoe either.
        got = alice.recv(1.2)
        said = []
        while got is not None:
            said.append(got)
            got = alice.recv(1.2)
        self.assertIn(b"zoe: hello", said)
        self.assertFalse([s for s in said if b"joined" in s], said)


class Idle(Case):
    def test_idle_member(self):
        """Who is silent goes, and is told; who keeps alive stays."""
        server = self.serve(idle=1)
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")

        def told():
            alice.hello()
            return bob.recv(0.2)
        got = wait_until(told)
        self.assertRegex(got.decode(), r"\Adisconnected: idle for 1 s")
        wait_until(lambda: [m["name"] for m in alice.members()] == ["alice"])
        bob.say("too late")
        self.assertEqual(bob.request(MEMBERS).status(), DENIED)
        self.assertEqual(server.stats()["removed_idle"], 1)

    def test_idle_host_closes_the_room(self):
        server = self.serve(idle=2)
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")

        def told():
            bob.hello()
            return bob.recv(0.2)
        got = wait_until(told)
        self.assertEqual(got, b"room closed: the host left")
        self.assertRegex(alice.recv().decode(), r"\Adisconnected: idle for 2")
        server.member("carol").create("r")

    def test_never_heard_counts_from_the_join(self):
        server = self.serve(idle=1)
        server.member("alice").create("r", hello=False)
        wait_until(lambda: server.status()["members"] == 0)
        wait_until(lambda: server.room_list() == [])


def icmp_about(kind, code, source, to):
    """An ICMP message about a datagram between two ports of 127.0.0.1."""
    here = socket.inet_aton("127.0.0.1")
    udp = struct.pack(">HHHH", source, to, 8, 0)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 28, 0, 0, 64,
                     socket.IPPROTO_UDP, 0) + here + here
    body = struct.pack(">I", 0) + ip + udp
    words = struct.unpack(">%dH" % (len(body) // 2), body)
    total = sum(words) + (kind << 8 | code)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack(">BBH", kind, code, ~total & 0xffff) + body


class Unreachable(Case):
    def test_closed_port(self):
        self.check_closed_port(self.serve())

    def test_closed_port_of_ipv6(self):
        self.check_closed_port(self.serve(rooms="[::1]:0", relay="[::1]:0"))

    @unittest.skipUnless(AM_ROOT, "needs root")
    def test_other_answers(self):
        """A host or a network that cannot be reached now is no closed port,
        of which only the machine itself can know."""
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        fence(alice, bob)
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                            socket.IPPROTO_ICMP)
        self.addCleanup(raw.close)

        def answer(kind, code):
            raw.sendto(icmp_about(kind, code, server.relay[0][1], bob.port()),
                       ("127.0.0.1", 0))
        for kind, code in (3, 0), (3, 1), (3, 2), (3, 13), (11, 0):
            for _ in range(3):
                answer(kind, code)
        fence(alice, bob)
        self.assertEqual(server.stats()["unreachable"], 0)
        answer(3, 3)
        wait_until(lambda: server.stats()["unreachable"] == 1)
        fence(alice, bob)

    def check_closed_port(self, server):
        """Three answers "port unreachable" in a row remove a member."""
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        carol = server.member("carol").join("r")
        bob.close()
        for text in "一", "二", "三":
            alice.say(text)
            carol.expect(text, alice)

        def gone():
            alice.say("まだ？")
            carol.expect("まだ？", alice)
            return len(alice.members()) == 2
        wait_until(gone)
        self.assertEqual(server.stats()["removed_unreachable"], 1)

    def test_a_sign_of_life_starts_the_count_again(self):
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        port = bob.port()
        for _ in range(4):
            bob.udp.close()
            for text in "一", "二":
                before = server.stats()["unreachable"]
                alice.say(text)
                wait_until(
                    lambda: server.stats()["unreachable"] > before)
            bob.udp = bob.open(port)
            fence(bob, alice)
            fence(alice, bob)
        self.assertEqual(len(alice.members()), 2)


class Addresses(Case):
    def test_ipv6(self):
        server = self.serve(rooms="[::1]:0", relay="[::1]:0",
                            lobby="[::1]:0")
        self.assertEqual(server.rooms[0][0], "::1")
        alice = server.member("アリス").create("部屋")
        bob = server.member("ボブ").join("部屋")
        fence(alice, bob)
        fence(bob, alice)
        xavier = server.lobby_client("xavier").hello()
        yvonne = server.lobby_client("yvonne").hello()
        fence(xavier, yvonne)

    def test_several_addresses(self):
        """One room, members over IPv4, over another IPv4, over IPv6."""
        three = "127.0.0.1:0,127.0.0.3:0,[::1]:0"
        server = self.serve(rooms=three, relay=three, lobby=three)
        self.assertEqual([host for host, _ in server.rooms],
                         ["127.0.0.1", "127.0.0.3", "::1"])
        alice = server.member("alice").create("r")
        bob = server.member("bob", via=1).join("r")
        carol = server.member("carol", via=2).join("r")
        people = [alice, bob, carol]
        meet(*people)
        for one in people:
            fence(one, *[p for p in people if p is not one])
        lobby = [server.lobby_client("l%d" % i, via=i).hello()
                 for i in range(3)]
        meet(*lobby)
        for one in lobby:
            fence(one, *[p for p in lobby if p is not one])

    def test_mapped_ipv4(self):
        """An address of a dual-stack socket is the IPv4 address it is."""
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        dual = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        dual.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        dual.sendto(bob.datagram("map"),
                    ("::ffff:127.0.0.1", server.relay[0][1]))
        alice.expect("map", bob)
        dual.close()


class Circles(Case):
    """Members whose registered port is one of the server's own."""

    def circle(self, **how):
        server = self.serve(**how)
        host = Decimal(server, "host").create("r")
        carol = server.member("carol").join("r")
        own = 3 * [server.relay[0][1], server.lobby[0][1]]
        for port in own:
            one = Decimal(server, "m")
            one.port = lambda port=port: port
            one.join("r", host=host)
        server.wait_keepalives(1)
        wait_until(lambda: server.stats()["ports_registered"] == 1 + len(own))
        before = server.stats()
        host.say("once")
        carol.expect("once", host.user)
        xavier = server.lobby_client("xavier").hello()
        yvonne = server.lobby_client("yvonne").hello()
        fence(xavier, yvonne)
        expected = {"received": 1, "messages": 1, "deliveries": 1,
                    "copy_unknown_port": len(own), "lobby_joined": 2,
                    "lobby_received": 3, "lobby_messages": 1,
                    "lobby_deliveries": 1}
        moved = {}

        def settled():
            nonlocal moved
            moved = {name: n - before[name]
                     for name, n in server.stats().items()
                     if n != before[name]}
            return moved == expected
        with contextlib.suppress(AssertionError):
            wait_until(settled)
        self.assertEqual(moved, expected)

    def test_bound_to_one_address(self):
        self.circle()

    def test_bound_to_every_address(self):
        self.circle(relay="*:0", lobby="*:0")

    def test_two_workers(self):
        self.circle(workers=2)


class Workers(Case):
    def test_two_workers(self):
        """Members on both workers hear each other and nothing twice."""
        server = self.serve(workers=2)
        self.assertEqual(len(server.pids["relayd"]), 2)
        people = [server.member("p0").create("r")]
        people += [server.member("p%d" % i).join("r") for i in range(1, 9)]
        meet(*people)
        for one in people:
            fence(one, *[p for p in people if p is not one])
        for one in people:
            self.assertIsNone(one.recv_now())
        people[0].leave()
        for one in people[1:]:
            one.expect_raw("room closed: the host left")
        for one in people[1:]:
            self.assertEqual(one.drain(), [])

    def test_lobby_of_two_workers(self):
        server = self.serve(workers=2)
        people = [server.lobby_client("p%d" % i).hello() for i in range(6)]
        meet(*people)
        for one in people:
            fence(one, *[p for p in people if p is not one])
        for one in people:
            self.assertIsNone(one.recv_now())


class Rates(Case):
    def test_joins_of_one_source(self):
        server = self.serve(join_rate=1, join_burst=3)
        for i in range(3):
            server.member("m").create("r%d" % i)
        with self.refused(6):
            server.member("m").create("r3")
        # Another source is not its neighbour's keeper.
        server.member("m", host="127.0.0.2").create("r4")

        def again():
            try:
                return server.member("m").create("r5")
            except Exception:
                return None
        wait_until(again, step=0.1)

    def test_messages_of_one_member(self):
        server = self.serve(member_rate=1, member_burst=5)
        alice = server.member("alice").create("r", hello=False)
        bob = server.member("bob").join("r")
        carol = server.member("carol").join("r")
        for i in range(20):
            alice.say("%d" % i)
        fence(carol, alice)
        got = bob.drain()
        self.assertEqual(got[:5], [b"alice: %d" % i for i in range(5)])
        self.assertIn(len([g for g in got if g.startswith(b"alice")]),
                      (5, 6))
        self.assertGreaterEqual(server.stats()["drop_rate"], 14)
