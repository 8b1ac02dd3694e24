# SPDX-License-Identifier: ISC
"""The protocol as its clients see it, written from ocm-protocol(7).

Frames over TCP in every size codec, room and lobby datagrams over UDP, and
the people of the tests: Member, LobbyClient.  Every wait has a deadline and
ends with the event it waits for.  Used by all test modules.
"""

import itertools
import json
import os
import re
import select
import socket
import struct
import time

OK, EXISTS, NO_ROOM, DENIED, MALFORMED, UNABLE, SLOW_DOWN = range(7)
CREATE, JOIN, LIST, LEAVE, MEMBERS = range(1, 6)
PORT = 3
REQUEST, STATUS, DONE = range(3)
BE, DIGITS, DECIMAL, INLINE = "be", "digits", "decimal", "inline"

SO_RCVBUFFORCE = 33             # beyond net.core.rmem_max, for root
RECEIVE_BUFFER = 4 << 20

# Seconds that an answer may take; ocm.py raises it for slow builds.
patience = 5.0


class Refused(Exception):
    """A request was answered with a status other than 0."""

    def __init__(self, status):
        super().__init__("status %r" % (status,))
        self.status = status


class Deadline:
    def __init__(self, seconds=None):
        self.end = time.monotonic() + (
            patience if seconds is None else seconds)

    def left(self):
        return max(self.end - time.monotonic(), 0.0)

    def over(self):
        return time.monotonic() >= self.end


def to_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def write_size(codec, n):
    """The 29-byte size field."""
    if codec == DIGITS:
        return b"%029d" % n
    if codec == DECIMAL:
        return (b"%d" % n).ljust(29, b"\0")
    return n.to_bytes(29, "big")


def read_size(field):
    """(codec, size) of a size field; (INLINE, None) where it holds none."""
    if field[:25] == bytes(25):
        return BE, int.from_bytes(field[25:], "big")
    if re.fullmatch(rb"[0-9]{29}", field):
        return DIGITS, int(field)
    if re.fullmatch(rb"[0-9]{1,9}[\0 ]+", field):
        return DECIMAL, int(field.rstrip(b"\0 "))
    return INLINE, None


def write_frame(op, room=b"", payload=b"", codec=BE, state=REQUEST):
    room, payload = to_bytes(room), to_bytes(payload)
    head = bytes([len(room), op, state])
    if codec == INLINE:
        return head + (room + payload).ljust(29, b"\0")
    return head + write_size(codec, len(payload)) + room + payload


class Frame:
    def __init__(self, op, state, codec, room, payload):
        self.op, self.state, self.codec = op, state, codec
        self.room, self.payload = room, payload

    def status(self):
        """The status of a state 1 frame: a byte, or ASCII decimal."""
        if self.codec == BE:
            assert len(self.payload) == 1, self
            return self.payload[0]
        return int(self.payload)

    def json(self):
        return json.loads(self.payload)

    def __repr__(self):
        return "Frame(op=%d state=%d %s room=%r payload=%r)" % (
            self.op, self.state, self.codec, self.room, self.payload)


class Talk:
    """One TCP connection to the rooms port."""

    def __init__(self, address, source=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(patience)
        if source is not None:
            self.sock.bind((source, 0))
        self.sock.connect(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Vanishes: the peer gets RST, not FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def ask(self, op, room=b"", payload=b"", codec=BE):
        self.send(write_frame(op, room, payload, codec))
        return self

    def read(self, n, deadline):
        """Exactly n bytes, or fewer at the end of the stream."""
        data = b""
        while len(data) < n:
            self.sock.settimeout(max(deadline.left(), 0.001))
            try:
                more = self.sock.recv(n - len(data))
            except (ConnectionResetError, BrokenPipeError):
                more = b""
            if not more:
                break
            data += more
        return data

    def frame(self, inline=False):
        """The next frame, or None at the end of the stream.  inline: its
        32 bytes are all, whatever the size field looks like."""
        deadline = Deadline()
        head = self.read(32, deadline)
        if not head:
            return None
        assert len(head) == 32, "cut header %r" % head
        codec, size = (INLINE, None) if inline else read_size(head[3:])
        if codec == INLINE:
            return Frame(head[1], head[2], codec,
                         b"", head[3:].rstrip(b"\0 "))
        body = self.read(head[0] + size, deadline)
        assert len(body) == head[0] + size, "cut body %r" % (head + body)
        return Frame(head[1], head[2], codec, body[:head[0]], body[head[0]:])

    def frames(self):
        """Every frame until the server ends its side."""
        return list(iter(self.frame, None))

    def ended(self, seconds=None):
        """Whether the very next thing is the end of the stream."""
        return self.read(1, Deadline(seconds)) == b""

    def status(self):
        """The status that answers a request, and nothing else before it."""
        got = self.frame()
        assert got is not None, "closed without an answer"
        assert got.state == STATUS, got
        return got.status()


def roomy(udp):
    """A test that has to wait for the processor loses nothing by it."""
    try:
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except PermissionError:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


class Datagrams:
    """A UDP socket of its own, and what a test does with one.

    It is connected: only what comes from the address that it speaks to is
    heard.  An earlier owner of its port may still be talked to by another
    server on this machine.
    """

    def __init__(self, host, to):
        self.host, self.to = host, to
        self.udp = self.open(0)

    def open(self, port):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.bind((self.host, port))
        udp.connect(self.to)
        udp.setblocking(False)
        roomy(udp)
        return udp

    def close(self):
        self.udp.close()

    def port(self):
        return self.udp.getsockname()[1]

    def move(self):
        """Speaks from another port from now on; returns the old socket."""
        old = self.udp
        self.udp = self.open(0)
        return old

    def send_raw(self, data):
        try:
            self.udp.send(data)
        except ConnectionRefusedError:
            # That was about an earlier one; this one has not left yet.
            self.udp.send(data)

    def recv(self, seconds=None):
        """The next datagram; None when the deadline passes."""
        deadline = Deadline(seconds)
        while True:
            try:
                return self.udp.recv(65536)
            except (BlockingIOError, ConnectionRefusedError):
                pass
            ready = select.select([self.udp], [], [], deadline.left())[0]
            if not ready:
                return None

    def recv_now(self):
        """A datagram that is already here, or None."""
        return self.recv(0)

    def expect_raw(self, data):
        data = to_bytes(data)
        got = self.recv()
        if got != data:
            raise AssertionError("%s got %s, not %s" % (
                self, shorten(got), shorten(data)))

    def drain(self):
        """Takes what is here already."""
        return list(iter(self.recv_now, None))


def shorten(data):
    if data is None:
        return "nothing"
    if len(data) <= 200:
        return repr(data)
    return "%r... (%d bytes)" % (data[:200], len(data))


fence_numbers = itertools.count(1)


class Member(Datagrams):
    """Somebody in a room, in the plain or plain-json dialect."""

    def __init__(self, server, name, host=None, via=0):
        self.server, self.name, self.via = server, name, via
        self.room = self.token = b""
        super().__init__(host or server.rooms[via][0], server.relay[via])
        server.people.append(self)

    def __str__(self):
        return self.name

    def payload(self, password, as_json):
        if password is None and not as_json:
            return to_bytes(self.name)
        ask = {"username": self.name}
        if password is not None:
            ask["password"] = password
        return json.dumps(ask).encode()

    def enter(self, op, room, password=None, as_json=False, codec=BE,
              hello=True):
        self.room = to_bytes(room)
        with Talk(self.server.rooms[self.via], self.host) as talk:
            talk.ask(op, self.room, self.payload(password, as_json), codec)
            first = talk.frame()
            assert first is not None, "closed without an answer"
            assert (first.op, first.room) == (op, self.room), first
            assert (first.codec, first.state) == (codec, STATUS), first
            if first.status() != OK:
                assert talk.ended()
                raise Refused(first.status())
            done = talk.frame()
            assert done is not None, "closed before the token"
            assert (done.op, done.room) == (op, self.room), done
            assert (done.codec, done.state) == (codec, DONE), done
            assert talk.ended(), "more after the token"
        self.token = done.payload
        if hello:
            self.hello()
        return self

    def create(self, room, **how):
        return self.enter(CREATE, room, **how)

    def join(self, room, **how):
        return self.enter(JOIN, room, **how)

    def datagram(self, message, room=None, token=None):
        room = self.room if room is None else to_bytes(room)
        token = self.token if token is None else to_bytes(token)
        return (bytes([len(room), len(token)]) + room + token +
                to_bytes(message))

    def hello(self):
        """The empty message: the server learns the port."""
        self.say(b"")
        return self

    def say(self, message, **instead):
        self.send_raw(self.datagram(message, **instead))

    def expect(self, message, who):
        """The next datagram is this message of that member, as text."""
        self.expect_raw(to_bytes(str(who)) + b": " + to_bytes(message))

    def request(self, op):
        """Operation 4 or 5 with this member's token; the answer's frame."""
        with Talk(self.server.rooms[self.via], self.host) as talk:
            got = talk.ask(op, self.room, self.token).frame()
        assert got is not None, "closed without an answer"
        return got

    def leave(self):
        status = self.request(LEAVE).status()
        if status != OK:
            raise Refused(status)

    def members(self):
        got = self.request(MEMBERS)
        if got.state != DONE:
            raise Refused(got.status())
        return got.json()


class LobbyClient(Datagrams):
    def __init__(self, server, name, host=None, via=0):
        self.name = name
        super().__init__(host or server.lobby[via][0], server.lobby[via])
        server.people.append(self)

    def __str__(self):
        return self.name

    def datagram(self, message):
        name = to_bytes(self.name)
        return bytes([len(name)]) + name + to_bytes(message)

    def say(self, message):
        self.send_raw(self.datagram(message))

    def hello(self):
        self.say(b"")
        return self

    def expect(self, message, who):
        self.expect_raw(who.datagram(message))


def fence(speaker, *listeners):
    """Shows that the listeners got nothing up to now: a message sent after
    all else through the good path is the next one that each of them gets."""
    text = "fence %d" % next(fence_numbers)
    speaker.say(text)
    for one in listeners:
        one.expect(text, speaker)


def unanswered(*sockets):
    """To be called after a fence: the server has worked through everything
    that these had sent before it, so an answer would be here."""
    for one in sockets:
        got = one.recv_now()
        assert got is None, "%s was answered: %s" % (one, shorten(got))


def meet(*members):
    """Until each of them hears each other one, where several sockets or
    workers may take their datagrams in any order; nothing is left unread."""
    deadline = Deadline()
    by_name = {str(m).encode(): m for m in members}
    deaf = {(a, b) for a in members for b in members if a is not b}
    while deaf:
        assert not deadline.over(), "no contact: %r" % [
            (str(a), str(b)) for a, b in deaf]
        for one in members:
            one.say("meet %s" % one)
        select.select([m.udp for m in members], [], [], 0.1)
        for one in members:
            for data in one.drain():
                speaker = by_name[data.rsplit(b"meet ", 1)[1]]
                deaf.discard((one, speaker))
    settle(*members)


def settle(*members):
    """Reads away everything that was said before now."""
    for one in members:
        last = "settle %d" % next(fence_numbers)
        one.say(last)
        for other in members:
            while other is not one:
                got = other.recv()
                assert got is not None, "%s hears no %s" % (other, one)
                if got.endswith(last.encode()):
                    break


def wait_until(what, seconds=None, step=0.01):
    """Until what() is true, where no event tells; its value."""
    deadline = Deadline(seconds)
    while True:
        value = what()
        if value:
            return value
        assert not deadline.over(), "waited in vain for %s" % what
        select.select([], [], [], step)


def process_field(pid, name):
    """A line of /proc/PID/status, split, or None."""
    try:
        with open("/proc/%d/status" % pid) as f:
            for line in f:
                if line.startswith(name + ":"):
                    return line.split()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None


def resident_kib(pid):
    return int(process_field(pid, "VmRSS")[0])


def descriptors(pid):
    """How many it has open; 0 where only root may know."""
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except PermissionError:
        return 0
