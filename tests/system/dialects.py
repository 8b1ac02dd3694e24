# SPDX-License-Identifier: ISC
"""Clients of every dialect of ocm-protocol(7), "Dialects": how they ask,
what they expect as answer, how they speak and what they hear.

A class per dialect; test_dialects.py lets them all meet in one room.
"""

import contextlib
import json
import time

from tcrp import (BE, CREATE, DECIMAL, DIGITS, DONE, INLINE, JOIN, LEAVE, OK,
                  PORT, REQUEST, STATUS, Datagrams, Refused, Talk, to_bytes,
                  write_frame)


class Dialect(Datagrams):
    """What they have in common: plain, but for what a class says."""

    name = "plain"
    codec = BE
    leave_word = "/exit"
    keeps_room = False
    has_password = False
    words = {}                  # status: what a refusal says

    def __init__(self, server, user):
        self.server, self.user = server, user
        self.token = self.room = b""
        self.talk = None
        super().__init__("127.0.0.1", server.relay[0])
        server.people.append(self)

    def __str__(self):
        return "%s (%s)" % (self.user, self.name)

    def close(self):
        if self.talk is not None:
            self.talk.close()
        super().close()

    # -- asking --

    def payload(self, password):
        return to_bytes(self.user)

    def enter(self, op, room, password=None):
        self.room = to_bytes(room)
        with Talk(self.server.rooms[0]) as talk:
            self.asked = time.monotonic()
            talk.ask(op, self.room, self.payload(password), self.codec)
            self.token = self.answer(op, talk)
            assert talk.ended(), "more after the token"
        assert self.token
        self.hello()
        return self

    def create(self, room, **how):
        return self.enter(CREATE, room, **how)

    def join(self, room, host=None, **how):
        return self.enter(JOIN, room, **how)

    def answer(self, op, talk):
        """Reads a whole answer: the token, or raises Refused."""
        first = self.frame(talk, op, STATUS)
        if first.status() != OK:
            raise Refused(first.status())
        return self.frame(talk, op, DONE).payload

    def frame(self, talk, op, state, room=None):
        got = talk.frame(self.codec == INLINE)
        assert got is not None, "closed without an answer"
        if room is None and self.codec != INLINE:
            room = self.room
        assert (got.op, got.state, got.room) == (op, state, room or b""), got
        return got

    def refuse_by_word(self, words, word):
        for status, text in words.items():
            if word == text:
                raise Refused(status)
        raise AssertionError("unknown refusal %r" % word)

    # -- talking --

    def datagram(self, text):
        return (bytes([len(self.room), len(self.token)]) + self.room +
                self.token + to_bytes(text))

    def hello(self):
        self.send_raw(self.datagram(b""))

    def say(self, text):
        self.send_raw(self.datagram(text))

    def form(self, text, user):
        """How this one hears what that user says."""
        return to_bytes(user) + b": " + to_bytes(text)

    def expect(self, text, who):
        user = who.user if isinstance(who, Dialect) else who.name
        self.expect_raw(self.form(text, user))

    def notice(self, text):
        return to_bytes(text)

    def closed(self):
        """What it hears when the host has left."""
        return self.notice("room closed: the host left")

    def expect_closed(self):
        self.expect_raw(self.closed())

    def leave(self):
        self.say(self.leave_word)


class Plain(Dialect):
    pass


class PlainJson(Dialect):
    name = "plain-json"
    has_password = True

    def payload(self, password):
        return json.dumps({"user_name": self.user, "password": password})


class Decimal(Dialect):
    """Seeds 001 and 004: invites, and the open connection is membership."""

    name = "decimal"
    codec = DECIMAL
    leave_word = None
    keeps_room = True

    def enter(self, op, room, password=None):
        self.room = to_bytes(room)
        self.talk = Talk(self.server.rooms[0])
        # Both at once, as the clients of the seeds do.
        self.talk.send(
            write_frame(op, room, self.payload(password), DECIMAL) +
            write_frame(PORT, room, b"%d" % self.port(), DECIMAL))
        first = self.talk.frame()
        assert first is not None, "closed without an answer"
        assert (first.op, first.room) == (op, self.room), first
        if first.state == STATUS:
            raise Refused(first.status())
        assert first.state == DONE, first
        self.token = first.payload
        if op == CREATE:
            self.invites = [self.frame(self.talk, CREATE, DONE).payload
                            for _ in range(4)]
        else:
            self.said = self.frame(self.talk, JOIN, REQUEST).payload
        return self

    def join(self, room, host=None, token=None, **how):
        self.ticket = to_bytes(token or host.token)
        return super().join(room, **how)

    def payload(self, password):
        ticket = getattr(self, "ticket", None)
        if ticket is None:
            return to_bytes(self.user)
        return ticket + b" " + to_bytes(self.user)

    def datagram(self, text):
        text = to_bytes(text)
        return bytes([len(self.room), len(text)]) + self.room + text

    def form(self, text, user):
        return self.datagram(text)

    def expect_closed(self):
        got = self.frame(self.talk, JOIN, REQUEST)
        assert got.payload == b"room closed: the host left", got

    def leave(self):
        self.talk.close()


class Inline(Dialect):
    """Seed 000: everything in 32 bytes."""

    name = "inline"
    codec = INLINE

    def answer(self, op, talk):
        first = self.frame(talk, op, STATUS)
        if int(first.payload) != OK:
            raise Refused(int(first.payload))
        token = self.frame(talk, op, DONE).payload
        assert len(token) == 16, token
        return token

    def receipt(self, status):
        return bytes([len(self.room), 0]) + self.room + b"%d" % status

    def hello(self):
        super().hello()
        self.expect_raw(self.receipt(OK))

    def say(self, text):
        super().say(text)
        self.expect_raw(self.receipt(OK))


class Digits(Dialect):
    name = "digits"
    codec = DIGITS

    def payload(self, password):
        return "%s,%d" % (self.user, self.port())

    def answer(self, op, talk):
        got = talk.frame()
        assert got is not None, "closed without an answer"
        assert (got.op, got.room) == (op, self.room), got
        if got.state == STATUS:
            raise Refused(got.status())
        assert got.state == DONE, got
        return got.payload


class Lengthened(Dialect):
    """They hear names as bytes with a length."""

    def form(self, text, user):
        user = to_bytes(user)
        return bytes([len(user)]) + user + to_bytes(text)

    def notice(self, text):
        return b"\0" + to_bytes(text)


class JsonString(Lengthened):
    name = "json-string"
    leave_word = "__LEAVE__"

    def payload(self, password):
        return json.dumps(self.user)

    def answer(self, op, talk):
        first = self.frame(talk, op, STATUS).json()
        if first["success"] != 1:
            raise Refused(first["status"])
        return self.frame(talk, op, DONE).json()["token"].encode()

    def hello(self):
        self.say("__REGISTER__")

    def closed(self):
        return b"__ROOM_CLOSED__"


class JsonAddress(Dialect):
    name = "json-address"
    leave_word = "exit"

    def payload(self, password):
        # What address it names is its own affair: the peer's counts.
        return json.dumps({"user_name": self.user,
                           "user_address": ["192.0.2.7", self.port()]})

    def answer(self, op, talk):
        got = talk.frame()
        assert got is not None, "closed without an answer"
        assert (got.op, got.room) == (op, b""), got
        said = got.json()
        if said["status"] != 202:
            assert (got.state, said["status"]) == (REQUEST, 400), got
            raise Refused(None)
        assert got.state == DONE, got
        return said["token"].encode()


class JsonPort(Dialect):
    """Sends from another socket than it listens on."""

    name = "json-port"
    leave_word = "/quit"

    def __init__(self, server, user):
        super().__init__(server, user)
        self.mouth = Datagrams(self.host, self.to)

    def close(self):
        self.mouth.close()
        super().close()

    def send_raw(self, data):
        self.mouth.send_raw(data)

    def payload(self, password):
        return json.dumps({"user_name": self.user, "udp_port": self.port()})

    def answer(self, op, talk):
        said = self.frame(talk, op, DONE).json()
        if said["status"] != "success":
            assert said["status"] == "error", said
            raise Refused(None)
        assert said["user_name"] == self.user, said
        return said["token"].encode()

    def form(self, text, user):
        return b"[" + to_bytes(user) + b"]: " + to_bytes(text)

    def notice(self, text):
        return b"[system]: " + to_bytes(text)


class JsonUdp(Dialect):
    name = "json-udp"
    leave_word = None
    has_password = True

    def payload(self, password):
        return json.dumps({"user_name": self.user, "password": password,
                           "udp_address": ["127.0.0.1", self.port()]})

    def answer(self, op, talk):
        self.frame(talk, 0, STATUS, b"").json()
        got = talk.frame()
        if got is None:
            raise Refused(None)
        # Its clients read one frame per recv.
        assert time.monotonic() - self.asked >= 0.02, "the frames stick"
        assert (got.op, got.state, got.room) == (0, DONE, b""), got
        return got.json()["token"].encode()

    def datagram(self, text):
        return bytes([len(self.room), len(self.token)]) + json.dumps({
            "room_name": self.room.decode(), "token": self.token.decode(),
            "message": to_bytes(text).decode()}).encode()

    def form(self, text, user):
        return json.dumps({"message": to_bytes(text).decode()},
                          ensure_ascii=False).encode()

    def expect_raw(self, data):
        """JSON may be written in more than one way."""
        got = self.recv()
        assert got is not None, "%s got nothing, not %r" % (self, data)
        assert json.loads(got) == json.loads(data), (str(self), got, data)

    def notice(self, text):
        return self.form(text, None)

    def leave(self):
        with Talk(self.server.rooms[0]) as talk:
            got = talk.ask(LEAVE, self.room, self.token).frame()
            assert got.status() == OK, got


class PortSuffix(Dialect):
    name = "port-suffix"
    leave_word = "__LEAVE__"
    WORDS = {1: b"ROOM_EXISTS", 2: b"ROOM_NOT_FOUND", 3: b"INVALID_PASSWORD",
             4: b"INVALID_REQUEST"}

    def payload(self, password):
        # Two bytes that could end a name would make it a plain client.
        with contextlib.suppress(UnicodeDecodeError):
            while self.port().to_bytes(2, "big").decode():
                self.move().close()
        return to_bytes(self.user) + self.port().to_bytes(2, "big")

    def answer(self, op, talk):
        word = self.frame(talk, op, STATUS, b"").payload
        if word != b"OK":
            self.refuse_by_word(self.WORDS, word)
        return self.frame(talk, op, DONE, b"").payload


class PortSuffixJoined(Lengthened, PortSuffix):
    """After @join it hears names as bytes with a length."""

    name = "port-suffix after @join"
    leave_word = "@quit"

    def hello(self):
        self.say("@join")

    def closed(self):
        return b"ROOM_CLOSED: " + self.room


ALL = (Plain, PlainJson, Decimal, Inline, Digits, JsonString, JsonAddress,
       JsonPort, JsonUdp, PortSuffix, PortSuffixJoined)
