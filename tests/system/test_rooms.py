# SPDX-License-Identifier: ISC
"""Rooms over TCP: create, join, list, members, leave, names, passwords."""

import json

from ocm import Case, SharedCase
from tcrp import (BE, CREATE, DECIMAL, DENIED, DIGITS, DONE, EXISTS, JOIN,
                  LEAVE, LIST, MALFORMED, MEMBERS, NO_ROOM, OK, STATUS,
                  fence, wait_until, write_frame)


class Rooms(SharedCase):
    def test_token_has_32_characters_of_base64url(self):
        alice, bob = self.people("alice", "bob")
        for one in alice, bob:
            self.assertRegex(one.token, rb"\A[A-Za-z0-9_-]{32}\Z")
        self.assertNotEqual(alice.token, bob.token)

    def test_a_name_is_taken_once(self):
        self.people("alice")
        with self.refused(EXISTS):
            self.server.member("bob").create(self.room)

    def test_joining_what_is_not_there(self):
        with self.refused(NO_ROOM):
            self.server.member("bob").join("nowhere at all")

    def test_names_compare_byte_for_byte(self):
        """Room, ROOM and the two forms of が are four rooms."""
        for name in "Room-x", "ROOM-X", "\u304c", "\u304b\u3099":
            self.server.member("alice").create(name)

    def test_longest_names(self):
        room, user = "r" * 255, "\u3042" * 85
        alice = self.server.member(user).create(room)
        bob = self.server.member("bob").join(room)
        bob.say("x")
        alice.expect("x", bob)
        alice.say("y")
        bob.expect("y", user)

    def test_bad_room_names(self):
        for name in (b"\xff", b"a\x00b", b"a\nb", b"\x7f", b"\xc2\x80",
                     b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80",
                     b"\x1b[2J"):
            with self.subTest(name=name), self.refused(MALFORMED):
                self.server.member("alice").create(name)

    def test_bad_user_names(self):
        for name in (b"", b"\xff\xff\xff\xff", b"a\x1bb\x1b\x1b", b"a" * 300,
                     b"\xed\xa0\x80\xed\xa0\x80"):
            with self.subTest(name=name), self.server.talk() as talk:
                talk.ask(CREATE, self.room, name)
                self.assertEqual(talk.status(), MALFORMED)
                self.assertTrue(talk.ended())

    def test_equal_names_become_different(self):
        alice, *others = self.people("alice", "bob", "bob", "bob", "bob~2")
        names = [m["name"] for m in alice.members()]
        self.assertEqual(len(set(names)), 5)
        self.assertEqual(names[:4], ["alice", "bob", "bob~2", "bob~3"])
        others[1].say("私は二番目")
        alice.expect("私は二番目", "bob~2")

    def test_a_name_is_free_again_after_leaving(self):
        alice, bob = self.people("alice", "bob")
        bob.leave()
        self.server.member("bob").join(self.room)
        self.assertEqual([m["name"] for m in alice.members()],
                         ["alice", "bob"])

    def test_unique_name_of_255_bytes(self):
        """There is no room for ~2: shortened or refused, never doubled."""
        name = "n" * 255
        alice, bob = self.people(name, name)
        names = [m["name"] for m in alice.members()]
        self.assertEqual(len(set(names)), 2)
        self.assertTrue(all(len(n.encode()) <= 255 for n in names))
        bob.say("x")
        alice.expect("x", [n for n in names if n != name][0])

    def test_members(self):
        alice, bob, carol = self.people("アリス", "ボブ", "carol")
        expected = [{"name": "アリス", "host": True},
                    {"name": "ボブ", "host": False},
                    {"name": "carol", "host": False}]
        for one in alice, carol:
            self.assertEqual(one.members(), expected)
        told = self.server.members(self.room)
        self.assertEqual([(m["name"], m["host"]) for m in told],
                         [(m["name"], m["host"]) for m in expected])

    def test_members_needs_a_token(self):
        alice, _ = self.people("alice", "bob")
        alice.token = b"A" * 32
        for op in MEMBERS, LEAVE:
            got = alice.request(op)
            self.assertEqual((got.op, got.state, got.status()),
                             (op, STATUS, DENIED))

    def test_token_of_another_address_opens_nothing(self):
        alice, bob = self.people("alice", "bob")
        thief = self.server.member("thief", host="127.0.0.2")
        thief.room, thief.token = alice.room, alice.token
        for op in MEMBERS, LEAVE:
            self.assertEqual(thief.request(op).status(), DENIED)
        fence(alice, bob)

    def test_leave(self):
        alice, bob, carol = self.people("alice", "bob", "carol")
        bob.leave()
        self.assertEqual(bob.request(LEAVE).status(), DENIED)
        bob.say("gone")
        fence(alice, carol)
        self.assertIsNone(bob.recv_now())
        self.assertEqual(len(carol.members()), 2)

    def test_leave_by_word(self):
        alice, bob, carol = self.people("alice", "bob", "carol")
        bob.say("/exit")
        bob.say("I am not here")
        fence(alice, carol)
        wait_until(lambda: len(alice.members()) == 2)
        self.assertEqual(bob.request(MEMBERS).status(), DENIED)

    def test_other_leave_words_are_text(self):
        alice, bob = self.people("alice", "bob")
        for word in ("exit", "/quit", "__LEAVE__", "@quit", "/exit ",
                     "/exit now", "__REGISTER__", "@join"):
            bob.say(word)
            alice.expect(word, bob)

    def test_host_leaves(self):
        alice, bob, carol = self.people("alice", "bob", "carol")
        alice.leave()
        for one in bob, carol:
            one.expect_raw("room closed: the host left")
        # The name is free at once, and the old tokens open nothing.
        bob.say("still there?")
        dave = self.server.member("dave").create(self.room)
        erin = self.server.member("erin").join(self.room)
        carol.say("still there?")
        fence(dave, erin)
        self.assertEqual(carol.request(MEMBERS).status(), DENIED)
        self.assertEqual(bob.drain() + carol.drain(), [])

    def test_host_leaves_by_word(self):
        alice, bob = self.people("alice", "bob")
        alice.say("/exit")
        bob.expect_raw("room closed: the host left")
        wait_until(lambda: self.room not in [
            r["name"] for r in self.server.room_list()])
        self.server.member("dave").create(self.room)

    def test_list_forms(self):
        names = [self.room + " 一", self.room + " 二", self.room + ",\"3\\"]
        for name in names:
            self.server.member("alice").create(name)
        with self.server.talk() as talk:
            got = talk.ask(LIST).frame()
            self.assertEqual((got.op, got.state, got.room),
                             (LIST, DONE, b""))
            self.assertLessEqual(set(names), set(got.json()))
            self.assertTrue(talk.ended())
        with self.server.talk() as talk:
            got = talk.ask(JOIN).frame()
            self.assertEqual((got.op, got.state, got.room),
                             (JOIN, STATUS, b""))
            self.assertIn(names[0], got.payload.decode().split(","))
            # Its clients go on over the same connection.
            talk.ask(CREATE, self.room, "alice")
            self.assertEqual(talk.status(), OK)

    def test_members_of_different_rooms(self):
        """Nobody hears another room."""
        alice, bob = self.people("alice", "bob", room=self.room + "1")
        carol, dave = self.people("carol", "dave", room=self.room + "2")
        alice.say("一")
        carol.say("二")
        bob.expect("一", alice)
        dave.expect("二", carol)
        fence(bob, alice)
        fence(dave, carol)


class Passwords(SharedCase):
    def test_password_room(self):
        alice = self.server.member("alice").create(self.room,
                                                   password="秘密")
        for wrong in "", "秘", "秘密 ", "x" * 255:
            with self.refused(DENIED):
                self.server.member("mallory").join(self.room, password=wrong)
        with self.refused(DENIED):
            self.server.member("mallory").join(self.room)
        bob = self.server.member("bob").join(self.room, password="秘密")
        fence(alice, bob)

    def test_room_without_password_takes_any(self):
        """An empty password is none, as in clients that always send one."""
        self.server.member("alice").create(self.room, password="")
        self.server.member("bob").join(self.room, password="")
        self.server.member("carol").join(self.room)

    def test_shapes_of_the_request(self):
        """Both field names, null passwords, unknown fields, escapes."""
        for i, ask in enumerate((
                '{"username": "alice"}', '{"user_name": "alice"}',
                '{"user_name": "alice", "password": null}',
                '{"password": "", "username": "alice", "x": [1, {}]}',
                ' {"username": "\\u0061lice"} ')):
            with self.subTest(ask=ask), self.server.talk() as talk:
                room = "%s %d" % (self.room, i)
                talk.ask(CREATE, room, ask)
                self.assertEqual(talk.status(), OK)
                self.assertEqual(len(talk.frame().payload), 32)
                self.assertEqual(self.server.members(room)[0]["name"],
                                 "alice")

    def test_malformed_json(self):
        for ask in ('{"username": ""}', '{"username": 7}', "{'username': 7}",
                    '{"username": "a\\u0000b"}', '{"username": "a\\nb"}',
                    '{"username": "a", "password": 3}',
                    json.dumps({"username": "a", "password": "p" * 256})):
            with self.subTest(ask=ask), self.server.talk() as talk:
                talk.ask(CREATE, self.room, ask)
                self.assertEqual(talk.status(), MALFORMED)
                self.assertTrue(talk.ended())


class Frames(SharedCase):
    options = {"request_timeout": 1}

    def test_split_at_every_byte(self):
        """A create arrives in two pieces, cut at each byte."""
        ask = write_frame(CREATE, self.room + " 00", "アリス")
        for cut in range(1, len(ask)):
            room = "%s %02d" % (self.room, cut)
            ask = write_frame(CREATE, room, "アリス")
            with self.server.talk() as talk:
                talk.send(ask[:cut])
                # The server has taken the piece once it has answered
                # somebody who came later.
                with self.server.talk() as other:
                    self.assertIsNotNone(other.ask(LIST).frame())
                talk.send(ask[cut:])
                self.assertEqual(talk.status(), OK, cut)
                self.assertEqual(talk.frame().state, DONE)

    def test_byte_by_byte(self):
        with self.server.talk() as talk:
            for byte in write_frame(CREATE, self.room, "alice"):
                talk.send(bytes([byte]))
            self.assertEqual(talk.status(), OK)

    def test_pipelined_frames(self):
        """Several frames in one segment are served one after the other."""
        with self.server.talk() as talk:
            talk.send(write_frame(LIST) + write_frame(JOIN, "nowhere", "a") +
                      write_frame(LIST) + write_frame(JOIN) +
                      write_frame(CREATE, self.room, "アリス"))
            said = [(f.op, f.state) for f in talk.frames()]
            self.assertEqual(said, [(LIST, DONE), (JOIN, STATUS),
                                    (LIST, DONE), (JOIN, STATUS),
                                    (CREATE, STATUS), (CREATE, DONE)])

    def test_answers_use_the_codec_of_the_request(self):
        self.people("alice")
        for codec in BE, DIGITS, DECIMAL:
            with self.subTest(codec=codec), self.server.talk() as talk:
                got = talk.ask(LIST, codec=codec).frame()
                self.assertEqual((got.codec, got.state), (codec, DONE))
                self.assertIn(self.room, got.json())

    def test_oversize_is_refused_from_the_header_alone(self):
        for size in 4097, 2 ** 24, 2 ** 29, 2 ** 32 - 1:
            with self.subTest(size=size), self.server.talk() as talk:
                talk.send(bytes([4, CREATE, 0]) + size.to_bytes(29, "big"))
                self.assertEqual(talk.status(), MALFORMED)
                self.assertTrue(talk.ended())

    def test_oversize_in_the_decimal_codecs(self):
        for field in (b"4097".ljust(29, b"\0"), b"999999999".ljust(29),
                      b"%029d" % 4097, b"9" * 29):
            with self.subTest(field=field), self.server.talk() as talk:
                talk.send(bytes([4, CREATE, 0]) + field)
                self.assertEqual(talk.status(), MALFORMED)
                self.assertTrue(talk.ended())

    def test_largest_payload(self):
        """4096 bytes are read whole, and judged for what they are."""
        ask = json.dumps({"username": "alice", "x": ""})
        ask = ask.replace('"x": ""', '"x": "%s"' % ("x" * (4096 - len(ask))))
        self.assertEqual(len(ask), 4096)
        with self.server.talk() as talk:
            talk.ask(CREATE, self.room, ask)
            self.assertEqual(talk.status(), OK)

    def test_no_size_at_all(self):
        """Rule 5 of the size field: refused in the BE codec."""
        for field in b"\xff" * 29, b"\0" * 24 + b"\1" + b"\0" * 4:
            with self.subTest(field=field), self.server.talk() as talk:
                talk.send(bytes([4, CREATE, 0]) + field)
                got = talk.frame()
                self.assertEqual((got.codec, got.state, got.status()),
                                 (BE, STATUS, MALFORMED))
                self.assertTrue(talk.ended())

    def test_unknown_operations_and_states(self):
        for op, state in ((0, 0), (6, 0), (0x70, 0), (255, 0), (CREATE, 1),
                          (CREATE, 2), (JOIN, 3), (JOIN, 255)):
            with self.subTest(op=op, state=state), \
                    self.server.talk() as talk:
                talk.send(write_frame(op, self.room, "alice", state=state))
                self.assertEqual(talk.status(), MALFORMED)
                self.assertTrue(talk.ended())
        self.assertEqual([r for r in self.server.room_list()
                          if r["name"] == self.room], [])

    def test_request_timeout(self):
        """Half a request is not waited for longer than the limit, however
        its bytes drip in; the answer is a closed connection."""
        with self.server.talk() as silent, self.server.talk() as half, \
                self.server.talk() as drip:
            half.send(write_frame(CREATE, self.room, "alice")[:40])
            rest = iter(write_frame(CREATE, self.room, "a" * 200))
            drip.send(bytes([next(rest)]))

            def still_open():
                try:
                    drip.send(bytes([next(rest)]))
                except (BrokenPipeError, ConnectionResetError):
                    return True
                return False
            wait_until(still_open, step=0.05)
            self.assertTrue(silent.ended())
            self.assertTrue(half.ended())
        self.assertGreaterEqual(self.server.stats()["closed_timeout"], 3)

    def test_trailing_port(self):
        """Two bytes and the end of the stream after the token: where the
        client listens, without it ever having sent a datagram."""
        alice, = self.people("alice")
        bob = self.server.member("bob")
        with self.server.talk() as talk:
            talk.ask(JOIN, self.room, "bob")
            self.assertEqual(talk.status(), OK)
            bob.room, bob.token = alice.room, talk.frame().payload
            self.assertTrue(talk.ended())
            talk.send(bob.port().to_bytes(2, "big"))
        wait_until(lambda: self.server.stats()["ports_registered"] >= 1)
        alice.say("聞こえますか")
        bob.expect("聞こえますか", alice)

    def test_port_beats_learning(self):
        """A registered port is not changed by where datagrams come from."""
        alice, = self.people("alice")
        bob = self.server.member("bob")
        with self.server.talk() as talk:
            talk.ask(JOIN, self.room, "bob")
            self.assertEqual(talk.status(), OK)
            bob.room, bob.token = alice.room, talk.frame().payload
            before = self.server.stats()["ports_registered"]
            talk.send(bob.port().to_bytes(2, "big"))
        wait_until(
            lambda: self.server.stats()["ports_registered"] > before)
        listening = bob.move()
        bob.say("from elsewhere")
        alice.expect("from elsewhere", bob)
        elsewhere, bob.udp = bob.udp, listening
        fence(alice, bob)
        elsewhere.close()

    def test_odd_trailing_bytes_are_ignored(self):
        for extra in b"x", b"xyz", b"/exit/exit" * 50:
            with self.subTest(extra=extra), self.server.talk() as talk:
                room = "%s %d" % (self.room, len(extra))
                talk.ask(CREATE, room, "alice")
                self.assertEqual(talk.status(), OK)
                talk.frame()
                self.assertTrue(talk.ended())
                before = self.server.stats()["ports_registered"]
                talk.send(extra)
                talk.close()
                for _ in range(5):
                    self.assertEqual(len(self.server.members(room)), 1)
                self.assertEqual(self.server.stats()["ports_registered"],
                                 before)


class Capacity(Case):
    def test_tables_full(self):
        server = self.serve(max_rooms=3, max_members=6, max_room_members=3)
        for i in range(3):
            server.member("host").create("r%d" % i)
        with self.refused(5):
            server.member("host").create("r3")
        server.member("a").join("r0")
        server.member("b").join("r0")
        with self.refused(5):
            server.member("c").join("r0")
        dave = server.member("d").join("r1")
        with self.refused(5):
            server.member("e").join("r2")
        # What one gives back another can have.
        dave.leave()
        server.member("e").join("r2")
        self.assertEqual(server.status()["members"], 6)
        self.assertEqual(server.status()["open_rooms"], 3)

    def test_a_closed_rooms_places_are_free_again(self):
        """Rooms of a full table are opened and closed many times over."""
        server = self.serve(max_rooms=2, max_members=200, join_rate=0)
        for round_ in range(20):
            host = server.member("host").create("r", hello=False)
            for i in range(150):
                server.member("m%d" % i).join("r", hello=False)
            host.leave()
            wait_until(lambda: server.status()["members"] == 0)
            server.dismiss()

    def test_smaller_payload_by_setting(self):
        server = self.serve(max_payload=256)
        for size, status in (256, OK), (257, MALFORMED):
            ask = '{"username": "alice", "x": ""}'
            ask = ask[:-2] + "x" * (size - len(ask)) + ask[-2:]
            with server.talk() as talk:
                talk.ask(CREATE, "r", ask)
                self.assertEqual(talk.status(), status)
