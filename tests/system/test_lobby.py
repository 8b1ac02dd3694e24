# SPDX-License-Identifier: ISC
"""The lobby: one open room over UDP without tokens."""

import socket

from ocm import Case
from tcrp import fence, unanswered, wait_until


class Lobby(Case):
    def test_everybody_hears_everybody(self):
        server = self.serve()
        people = [server.lobby_client(name).hello()
                  for name in ("アリス", "ボブ", "carol")]
        for one in people:
            one.say("こんにちは")
            for other in people:
                if other is not one:
                    other.expect("こんにちは", one)
        for one in people:
            fence(one, *[p for p in people if p is not one])

    def test_the_first_good_datagram_enters(self):
        """Before it one hears nothing; it may carry a message itself."""
        server = self.serve()
        alice = server.lobby_client("alice").hello()
        bob = server.lobby_client("bob")
        alice.say("too early for bob")
        bob.say("hello")
        alice.expect("hello", bob)
        alice.say("now")
        bob.expect("now", alice)

    def test_empty_messages_are_not_relayed(self):
        server = self.serve()
        alice = server.lobby_client("alice").hello()
        bob = server.lobby_client("bob").hello()
        for _ in range(3):
            bob.hello()
        fence(bob, alice)
        fence(alice, bob)

    def test_relayed_as_it_came(self):
        """Bytes are unchanged up to 4096; longer ones are dropped whole."""
        server = self.serve()
        alice = server.lobby_client("a").hello()
        bob = server.lobby_client("b").hello()
        for message in (b"\0", bytes(range(256)), b"\xff" * 50, b"exit",
                        b"x" * 4094):
            alice.say(message)
            bob.expect(message, alice)
        alice.say(b"x" * 4095)
        fence(alice, bob)

    def test_one_host_may_be_several_clients(self):
        """Clients are told apart by address and port, not by name."""
        server = self.serve()
        one = server.lobby_client("same").hello()
        two = server.lobby_client("same").hello()
        one.say("me")
        two.expect("me", one)

    def test_strangers_malformed_datagrams(self):
        server = self.serve()
        alice = server.lobby_client("alice").hello()
        bob = server.lobby_client("bob").hello()
        stranger = server.stranger(server.lobby[0])
        for data in (b"", b"\0", b"\0hello", b"\x05", b"\x05abcd", b"\xff",
                     b"\xff" * 200, b"\x02\xff\xfe hi", b"\x03a\nb hi",
                     b"\x01\x1bhi"):
            stranger.send_raw(data)
        fence(alice, bob)
        unanswered(stranger)
        self.assertGreaterEqual(
            server.stats()["lobby_drop_malformed"], 10)

    def test_three_malformed_in_a_row_remove(self):
        server = self.serve()
        alice = server.lobby_client("alice").hello()
        bob = server.lobby_client("bob").hello()
        carol = server.lobby_client("carol").hello()
        bad = b"\x09bob"
        # Two, and a good one: still here.
        for _ in range(3):
            bob.send_raw(bad)
            bob.send_raw(bad)
            bob.hello()
        fence(alice, bob, carol)
        for _ in range(3):
            bob.send_raw(bad)
        wait_until(
            lambda: server.stats()["lobby_removed_malformed"] == 1)
        bob.drain()
        fence(alice, carol)
        self.assertIsNone(bob.recv_now())
        # A good datagram lets him in again.
        bob.hello()
        fence(alice, bob, carol)

    def test_three_unreachable_remove(self):
        server = self.serve()
        alice = server.lobby_client("alice").hello()
        bob = server.lobby_client("bob").hello()
        carol = server.lobby_client("carol").hello()
        bob.close()

        def gone():
            alice.say("まだ？")
            carol.expect("まだ？", alice)
            return server.stats()["lobby_removed_unreachable"] == 1
        wait_until(gone)

    def test_idle(self):
        server = self.serve(idle=1)
        alice = server.lobby_client("alice").hello()
        bob = server.lobby_client("bob").hello()

        def gone():
            alice.hello()
            bob.recv(0.1)
            return server.stats()["lobby_removed_idle"] == 1
        wait_until(gone)
        bob.drain()
        carol = server.lobby_client("carol").hello()
        fence(alice, carol)
        self.assertIsNone(bob.recv_now())

    def test_full(self):
        """The client after the last place is not heard, and not told."""
        server = self.serve(max_lobby=3)
        people = [server.lobby_client("p%d" % i).hello() for i in range(3)]
        late = server.lobby_client("late").hello()
        late.say("let me in")
        fence(people[0], people[1], people[2])
        unanswered(late)
        self.assertEqual(server.stats()["lobby_drop_full"], 2)
        # A place that is given back can be had.
        people[2].close()

        def free():
            people[0].say("anyone?")
            people[1].recv()
            return server.stats()["lobby_removed_unreachable"] == 1
        wait_until(free)
        late.hello()
        fence(people[0], people[1], late)

    def test_room_members_do_not_hear_the_lobby(self):
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        xavier = server.lobby_client("xavier").hello()
        yvonne = server.lobby_client("yvonne").hello()
        xavier.say("lobby")
        yvonne.expect("lobby", xavier)
        fence(alice, bob)
        fence(yvonne, xavier)

    def test_told_when_the_server_stops(self):
        server = self.serve()
        alice = server.lobby_client("alice").hello()
        fence(server.lobby_client("bob").hello(), alice)
        self.assertEqual(server.stop(), [])
        alice.expect_raw(b"\x06serverserver is shutting down")

    def test_from_a_mapped_address(self):
        server = self.serve()
        alice = server.lobby_client("alice").hello()
        dual = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.addCleanup(dual.close)
        dual.sendto(b"\x03bobhi", ("::ffff:127.0.0.1", server.lobby[0][1]))
        alice.expect_raw(b"\x03bobhi")
