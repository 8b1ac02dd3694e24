# SPDX-License-Identifier: ISC
"""Every dialect: create, join, talk, leave, refusals, and one room with a
member of each.  The clients are in dialects.py."""

import functools
import itertools

import dialects
from dialects import (Decimal, Inline, JsonPort, JsonUdp, PlainJson,
                      PortSuffix, PortSuffixJoined)
from ocm import Case, SharedCase
from tcrp import (CREATE, DECIMAL, DENIED, DONE, EXISTS, JOIN, MALFORMED, MEMBERS,
                  NO_ROOM, PORT, Refused, fence, unanswered, wait_until,
                  write_frame)


rooms = itertools.count()


def each_dialect(test):
    """Runs a test for every dialect, each with a short room name."""
    @functools.wraps(test)
    def all_of_them(self):
        for kind in dialects.ALL:
            with self.subTest(dialect=kind.name):
                try:
                    test(self, kind, "r%d" % next(rooms))
                finally:
                    self.server.dismiss()
    return all_of_them


class One(SharedCase):
    """Each dialect among its own, and with a plain member."""

    @each_dialect
    def test_talk(self, kind, room):
        alice = kind(self.server, "alice").create(room)
        bob = kind(self.server, "bob").join(room, host=alice)
        for text in "おは", "hello", "?":
            alice.say(text)
            bob.expect(text, alice)
            bob.say(text)
            alice.expect(text, bob)

    @each_dialect
    def test_with_a_plain_member(self, kind, room):
        host = kind(self.server, "アリ").create(room)
        bob = self.server.member("bob").join(room)
        host.say("やあ")
        bob.expect("やあ", host.user)
        bob.say("はい")
        host.expect("はい", bob)

    @each_dialect
    def test_host_leaves(self, kind, room):
        alice = kind(self.server, "alice").create(room)
        bob = kind(self.server, "bob").join(room, host=alice)
        carol = self.server.member("carol").join(room)
        carol.say("x")
        alice.expect("x", carol)
        bob.expect("x", carol)
        alice.leave()
        if kind.keeps_room:
            wait_until(lambda: len(carol.members()) == 2)
            bob.say("weiter")
            carol.expect("weiter", "bob")
            return
        bob.expect_closed()
        carol.expect_raw("room closed: the host left")
        self.server.member("dave").create(room)

    @each_dialect
    def test_member_leaves(self, kind, room):
        alice = self.server.member("alice").create(room)
        host = alice
        if kind is Decimal:
            host = Decimal(self.server, "host").create(room + "d")
            room += "d"
            alice = self.server.member("alice").join(room)
        bob = kind(self.server, "bob").join(room, host=host)
        n = len(alice.members())
        bob.leave()
        wait_until(lambda: len(alice.members()) == n - 1)

    @each_dialect
    def test_leave_words_of_others_are_text(self, kind, room):
        words = {"/exit", "exit", "/quit", "__LEAVE__", "@quit"}
        alice = kind(self.server, "alice").create(room)
        bob = self.server.member("bob").join(room)
        mine = {kind.leave_word}
        if issubclass(kind, PortSuffix):
            mine = {"__LEAVE__", "@quit"}
        for word in sorted(words - mine):
            alice.say(word)
            bob.expect(word, "alice")

    @each_dialect
    def test_refusals(self, kind, room):
        alice = kind(self.server, "alice").create(room)
        status = self.refusal(kind, "create", room, alice)
        self.assertIn(status, (EXISTS, None))
        status = self.refusal(kind, "join", room + "?", alice)
        self.assertIn(status, (NO_ROOM, DENIED, None))
        if kind is Inline:
            return      # its size field would be none at all
        status = self.refusal(kind, "create", "\x07", alice)
        self.assertIn(status, (MALFORMED, None))

    def refusal(self, kind, verb, room, host):
        one = kind(self.server, "bob")
        with self.assertRaises(Refused) as caught:
            if verb == "create":
                one.create(room)
            else:
                one.join(room, host=host)
        one.close()
        return caught.exception.status

    def test_passwords(self):
        for kind in (PlainJson, JsonUdp):
            room = self.room + kind.name
            alice = kind(self.server, "alice").create(room, password="鍵")
            bob = kind(self.server, "bob").join(room, password="鍵")
            with self.assertRaises(Refused):
                kind(self.server, "eve").join(room, password="x")
            with self.assertRaises(Refused):
                PortSuffix(self.server, "eve").join(room)
            alice.say("geheim")
            bob.expect("geheim", alice)
            self.server.dismiss()

    @each_dialect
    def test_names(self, kind, room):
        """Digits, brackets and spaces, in every dialect."""
        for name in "12345", "{x}", "{}", "a b", "[", "'":
            if kind is Inline and len(room + name) > 14:
                continue
            host = kind(self.server, name).create(room + name)
            bob = self.server.member("bob").join(room + name)
            host.say("x")
            bob.expect("x", name)

    @each_dialect
    def test_longest_names(self, kind, room):
        if kind is Inline:
            return
        room = room.ljust(255, "r")
        user = "u" * 255
        host = kind(self.server, user).create(room)
        bob = self.server.member("bob").join(room)
        host.say("x")
        bob.expect("x", user)
        bob.say("y")
        host.expect("y", bob)


class All(Case):
    def test_one_room_of_all(self):
        """A member of every dialect; every ordered pair is checked."""
        server = self.serve()
        first = Decimal(server, "u00").create("全部")
        people = [first]
        for i, kind in enumerate(dialects.ALL):
            if kind is Inline:
                continue
            people.append(kind(server, "u%02d" % (i + 1)).join(
                "全部", host=first))
        people.append(Inline(server, "in").join("全部"))
        self.assertEqual(len(people), 12)
        for speaker in people:
            text = "やあ" if isinstance(speaker, Inline) else "皆さん、こんにちは"
            speaker.say(text)
            for listener in people:
                if listener is not speaker:
                    listener.expect(text, speaker)
        for speaker in people:
            speaker.say("#")
            for listener in people:
                if listener is not speaker:
                    listener.expect("#", speaker)
        for one in people:
            self.assertIsNone(one.recv_now(), str(one))
        told = server.members("全部")
        self.assertEqual(
            {m["dialect"] for m in told},
            {kind.name.split()[0] for kind in dialects.ALL})

    def test_what_a_form_cannot_carry(self):
        """300 bytes do not fit a one-byte length: that copy is counted,
        everybody else hears it, the sender is not punished."""
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        host = Decimal(server, "host").create("r2")
        carol = server.member("carol").join("r2")
        dave = server.member("dave").join("r2")
        carol.say("x" * 300)
        dave.expect("x" * 300, carol)
        carol.say("kurz")
        dave.expect("kurz", carol)
        host.expect("kurz", carol)
        self.assertEqual(server.stats()["copy_form"], 1)
        fence(alice, bob)

    def test_notices(self):
        server = self.serve(notices=True)
        for kind in dialects.ALL:
            if kind is Decimal:
                continue
            with self.subTest(dialect=kind.name):
                before = server.stats()["keepalives"]
                host = kind(server, "h").create("n" + kind.name[-6:])
                server.wait_keepalives(before + 1)
                server.member("bob").join("n" + kind.name[-6:])
                host.expect_raw(host.notice("bob joined"))
        host = Decimal(server, "h").create("decimal")
        server.member("bob").join("decimal")
        self.assertEqual(host.talk.frame().payload, b"bob joined")

    def test_dialects_setting(self):
        """Those that are not accepted are refused in their own codec."""
        server = self.serve(dialects="plain,plain-json")
        server.member("alice").create("r")
        PlainJson(server, "bob").join("r")
        for kind in dialects.ALL:
            if kind.name in ("plain", "plain-json"):
                continue
            with self.subTest(dialect=kind.name):
                with self.assertRaises(Refused) as caught:
                    kind(server, "x").create("r2")
                self.assertIn(caught.exception.status, (MALFORMED, None))
        self.assertEqual([r["name"] for r in server.room_list()], ["r"])


class DecimalRules(SharedCase):
    def test_invites_are_good_once(self):
        host = Decimal(self.server, "host").create(self.room)
        self.assertEqual(len(set(host.invites)), 4)
        for i, invite in enumerate(host.invites):
            guest = Decimal(self.server, "g%d" % i).join(
                self.room, token=invite)
            self.assertNotIn(guest.token, host.invites)
            with self.refused(DENIED):
                Decimal(self.server, "late").join(self.room, token=invite)
        # The host's own token lets in any number.
        for i in range(6):
            Decimal(self.server, "m%d" % i).join(self.room, host=host)
        self.assertEqual(len(self.server.members(self.room)), 11)

    def test_wrong_tickets(self):
        host = Decimal(self.server, "host").create(self.room)
        other = Decimal(self.server, "other").create(self.room + "2")
        guest = Decimal(self.server, "guest").join(self.room, host=host)
        for token in ("A" * 32, "x", other.invites[0], other.token,
                      guest.token):
            with self.assertRaises(Refused):
                Decimal(self.server, "eve").join(self.room, token=token)

    def test_invites_are_no_members(self):
        host = Decimal(self.server, "host").create(self.room)
        self.assertEqual([m["name"] for m in self.server.members(self.room)],
                         ["host"])
        guest = self.server.member("thief")
        guest.room, guest.token = host.room, host.invites[0]
        guest.say("I have an invite")
        self.assertEqual(guest.request(MEMBERS).status(), DENIED)
        bob = self.server.member("bob").join(self.room)
        fence(bob)
        host.say("weiter")
        bob.expect("weiter", host.user)

    def test_close_removes_only_itself(self):
        host = Decimal(self.server, "host").create(self.room)
        one = Decimal(self.server, "one").join(self.room, host=host)
        two = Decimal(self.server, "two").join(self.room, host=host)
        host.talk.reset()
        wait_until(lambda: len(self.server.members(self.room)) == 2)
        one.say("ohne host")
        two.expect("ohne host", one)
        # A socket that is gone speaks for nobody, though its port does.
        host.say("still here?")
        two.say("x")
        one.expect("x", two)
        one.leave()
        two.leave()
        wait_until(lambda: self.room not in [
            r["name"] for r in self.server.room_list()])

    def test_port_operation_alone(self):
        """Operation 3 registers on its own connection only."""
        with self.server.talk() as talk:
            talk.send(write_frame(PORT, self.room, b"12345", DECIMAL))
            self.assertIn(talk.frame().status(), (DENIED, MALFORMED))

    def test_pipelined_byte_by_byte(self):
        one = Decimal(self.server, "bytewise")
        one.room = self.room.encode()
        with self.server.talk() as talk:
            for byte in (write_frame(CREATE, self.room, "host", DECIMAL) +
                         write_frame(PORT, self.room, b"%d" % one.port(),
                                     DECIMAL)):
                talk.send(bytes([byte]))
            for _ in range(5):
                self.assertEqual(talk.frame().state, DONE)
            bob = self.server.member("bob").join(self.room)
            wait_until(lambda: (bob.say("probe"),
                                one.recv(0.05))[1] is not None)

    def test_bad_ports(self):
        for port in b"0", b"65536", b"-1", b"", b"9001x", b"99999999999":
            with self.subTest(port=port), self.server.talk() as talk:
                room = self.room + port.decode()
                talk.send(write_frame(CREATE, room, "host", DECIMAL) +
                          write_frame(PORT, room, port, DECIMAL))
                for _ in range(5):
                    self.assertEqual(talk.frame().state, DONE)
                self.assertEqual(talk.frame().status(), MALFORMED)

    def test_plain_members_in_its_room(self):
        """A room of this dialect has no host whose leaving closes it."""
        host = Decimal(self.server, "host").create(self.room)
        alice = self.server.member("alice").join(self.room)
        bob = self.server.member("bob").join(self.room)
        host.leave()
        wait_until(lambda: len(alice.members()) == 2)
        fence(alice, bob)


class Returning(Case):
    """A client whose connection is gone comes back with the same socket."""

    def names(self):
        return sorted(m["name"] for m in self.server.members("r"))

    def begin(self):
        self.server = self.serve()
        self.host = Decimal(self.server, "host").create("r")
        self.carol = self.server.member("carol").join("r")
        self.bob = Decimal(self.server, "bob").join("r", host=self.host)
        wait_until(lambda: self.server.stats()["ports_registered"] == 2)

    def assert_bob_is(self, name):
        for i in range(3):
            self.bob.say("ich %d" % i)
            self.carol.expect("ich %d" % i, name)
            self.host.expect("ich %d" % i, self.bob)
            self.host.say("du %d" % i)
            self.carol.expect("du %d" % i, self.host.user)
            self.bob.expect("du %d" % i, self.host)
        unanswered(self.bob, self.host, self.carol)

    def test_after_the_death_of_roomd(self):
        self.begin()
        for life in 2, 3:
            self.server.kill("roomd")
            self.bob.talk.close()
            self.bob.join("r", host=self.host)
            # Its name is still taken when it asks, and free again after.
            name = "bob~2" if life == 2 else "bob"
            wait_until(lambda: self.names() == [name, "carol", "host"])
            self.assert_bob_is(name)

    def test_while_the_old_connection_seems_open(self):
        self.begin()
        old = self.bob.talk
        self.addCleanup(old.close)
        self.bob.join("r", host=self.host)
        wait_until(lambda: self.server.stats()["ports_registered"] == 3)
        self.bob.say("ich bin's")
        self.carol.expect("ich bin's", "bob~2")
        # Both are members there, so far: one speaks, and the other hears it.
        for one in self.host, self.bob:
            one.expect("ich bin's", self.bob)
        old.close()
        wait_until(lambda: self.names() == ["bob~2", "carol", "host"])
        self.assert_bob_is("bob~2")


class Confusion(SharedCase):
    """Datagrams with two readings take the documented one."""

    def test_unregistered_source_has_no_bare_form(self):
        host = Decimal(self.server, "host").create(self.room)
        bob = self.server.member("bob").join(self.room)
        stranger = self.server.stranger(self.server.relay[0])
        stranger.send_raw(host.datagram("ich bin host"))
        fence(bob)
        host.say("nur ich")
        bob.expect("nur ich", host.user)
        unanswered(stranger)

    def test_registered_source_speaks_for_itself_alone(self):
        one = Decimal(self.server, "one").create(self.room)
        Decimal(self.server, "two").join(self.room, host=one)
        other = Decimal(self.server, "other").create(self.room + "2")
        bob = self.server.member("bob").join(self.room)
        carol = self.server.member("carol").join(self.room + "2")
        # With the other room's name: not his room, nothing.
        one.send_raw(other.datagram("falscher Raum"))
        one.say("richtig")
        bob.expect("richtig", one.user)
        other.say("auch")
        carol.expect("auch", other.user)

    def test_bare_reading_comes_first(self):
        """From a registered port: a pasted token is only text."""
        host = Decimal(self.server, "host").create(self.room)
        bob = self.server.member("bob").join(self.room)
        text = bob.token
        host.say(text)
        bob.expect(text, host.user)
        # R, T = 32, room, token: the length fits the bare form.
        self.assertEqual(host.datagram(text),
                         bytes([len(host.room), 32]) + host.room + text)

    def test_bare_datagrams_of_other_lengths(self):
        host = Decimal(self.server, "host").create(self.room)
        bob = self.server.member("bob").join(self.room)
        good = host.datagram("text")
        for data in (good + b"x", good[:-1], b"", good[:2]):
            host.send_raw(data)
        host.say("nur das")
        bob.expect("nur das", host.user)

    def test_plain_datagram_that_is_json(self):
        """A plain member's JSON is text; a json-udp member's is not."""
        alice = self.server.member("alice").create(self.room)
        jay = JsonUdp(self.server, "jay").join(self.room)
        text = '{"room_name": "%s", "token": "x", "message": "m"}' % self.room
        alice.say(text)
        jay.expect(text, alice)
        jay.say(text)
        alice.expect(text, jay.user)

    def test_json_with_a_foreign_token(self):
        alice = self.server.member("alice").create(self.room)
        jay = JsonUdp(self.server, "jay").join(self.room)
        bob = self.server.member("bob").join(self.room)
        eve = JsonUdp(self.server, "eve")
        eve.room, eve.token = jay.room, b"A" * 32
        eve.say("wer bin ich")
        fence(alice, bob)
        unanswered(eve)

    def test_json_port_source_is_not_learned(self):
        alice = self.server.member("alice").create(self.room)
        jay = JsonPort(self.server, "jay").join(self.room)
        jay.say("von woanders")
        alice.expect("von woanders", jay.user)
        alice.say("dorthin")
        jay.expect("dorthin", alice)
        self.assertIsNone(jay.mouth.recv_now())

    def test_address_in_the_payload_is_not_believed(self):
        """json-address names 192.0.2.7: the TCP peer's address counts."""
        alice = self.server.member("alice").create(self.room)
        ask = ('{"user_name": "eve", "user_address": ["127.0.0.9", %d]}')
        victim = self.server.stranger(self.server.relay[0], "127.0.0.9")
        with self.server.talk() as talk:
            talk.ask(JOIN, self.room, ask % victim.port())
            self.assertEqual(talk.frame().json()["status"], 202)
        bob = self.server.member("bob").join(self.room)
        fence(alice, bob)
        unanswered(victim)

    def test_joined_form_begins_with_the_word(self):
        """Before @join text, after it names with a length."""
        alice = self.server.member("alice").create(self.room)
        one = PortSuffix(self.server, "one").join(self.room)
        two = PortSuffixJoined(self.server, "two").join(self.room)
        alice.say("x")
        one.expect_raw(b"alice: x")
        two.expect_raw(b"\x05alicex")
        one.say("@join")
        alice.say("y")
        one.expect_raw(b"\x05alicey")
