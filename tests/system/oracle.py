# SPDX-License-Identifier: ISC
"""What was acknowledged, remembered outside the server.

An Actor makes, joins, leaves and closes rooms of its own, one thing after the
other, while others kill the server's children.  It remembers every answer.
Where no answer came, it finds out what has become of the request, which must
have happened wholly or not at all; from then on that is as good as an answer.
Anything that contradicts what is remembered raises Wrong.
"""

import collections
import itertools
import json
import random
import threading
import time

import inviting
from contradiction import PATIENCE, Wrong
from tcrp import (CREATE, DENIED, DONE, EXISTS, JOIN, LEAVE, LIST, MEMBERS,
                  NO_ROOM, OK, Datagrams, Deadline, Talk)

RESEND = 0.02           # a datagram may be lost with a relayd


class Lost(Exception):
    """The connection ended before the answer came."""


class Asker:
    """Requests as plain clients make them."""

    def __init__(self, address):
        self.address = address
        self.lost = 0

    def ask(self, op, room=b"", payload=b""):
        """(status, payload or None); raises Lost.  A status without what
        should follow is an answer, too: (OK, None)."""
        try:
            with Talk(self.address) as talk:
                first = talk.ask(op, room, payload).frame()
                if first is None:
                    raise ConnectionResetError
                if first.state == DONE:
                    return OK, first.payload
                status = first.status()
                if status != OK or op == LEAVE:
                    return status, None
                try:
                    second = talk.frame()
                except (ConnectionError, AssertionError):
                    second = None
                return OK, second and second.payload
        except TimeoutError:
            raise Wrong("operation %d: no answer, no end" % op) from None
        except (ConnectionError, AssertionError):
            self.lost += 1
            raise Lost from None

    def sure(self, op, room=b"", payload=b""):
        """The same, again and again until it is answered."""
        deadline = Deadline(PATIENCE)
        while not deadline.over():
            try:
                return self.ask(op, room, payload)
            except Lost:
                continue
        raise Wrong("operation %d: no answer in %d s" % (op, PATIENCE))

    def members(self, room, token):
        """(status, {name: is host} or None) as op 5 tells them."""
        status, payload = self.sure(MEMBERS, room, token)
        if status != OK:
            return status, None
        return status, {m["name"]: m["host"] for m in json.loads(payload)}

    def names(self):
        status, payload = self.sure(LIST)
        if status != OK:
            raise Wrong("the list of rooms: status %d" % status)
        return set(json.loads(payload))


class Seat(Datagrams):
    """A member whose token is known."""

    def __init__(self, server, room, name, token, is_host):
        super().__init__("127.0.0.1", server.relay[0])
        self.room, self.name, self.token = room, name, token
        self.is_host = is_host
        self.known = False      # the server has learned its port

    def say(self, text, token=None):
        token = token or self.token
        room = self.room.encode()
        self.send_raw(bytes([len(room), len(token)]) + room + token +
                      text.encode())


class Room:
    def __init__(self, name, password):
        self.name, self.password = name, password
        self.seats = {}         # by the member's name
        self.ghosts = {}        # name: is host, of tokens nobody got

    def listed(self):
        """What the list of members must be."""
        names = dict(self.ghosts)
        names.update((s.name, s.is_host) for s in self.seats.values())
        return names

    def host(self):
        return next((s for s in self.seats.values() if s.is_host), None)


def entry(name, password):
    if password is None:
        return name.encode()
    return json.dumps({"username": name, "password": password}).encode()


texts = itertools.count(1)


def reach(speaker, witness):
    """A message of the one arrives at the other, whoever is being killed.
    A witness that was heard before need not say hello again, ever."""
    deadline = Deadline(PATIENCE)
    key = "%s.%d" % (speaker.name, next(texts))
    while not deadline.over():
        if not witness.known:
            witness.say("")
        speaker.say(key)
        wait = Deadline(RESEND)
        while not wait.over():
            data = witness.recv(wait.left()) or b""
            if b"zombie" in data:
                raise Wrong("%s hears %r" % (witness.name, data))
            if data == ("%s: %s" % (speaker.name, key)).encode():
                speaker.known = witness.known = True
                return
    raise Wrong("room %r: %s does not hear %s" % (
        speaker.room, witness.name, speaker.name))


class Actor(threading.Thread):
    """Owns rooms; `turn` is held while it is in the midst of something."""

    ROOMS, SEATS, NAMES, GRAVES = 6, 5, 9, 60

    def __init__(self, server, number, seed):
        super().__init__(daemon=True)
        self.server, self.number = server, number
        self.random = random.Random(seed * 1000 + number)
        self.asker = Asker(server.rooms[0])
        self.turn = threading.Lock()
        self.rooms = {}
        self.graves = collections.deque(maxlen=self.GRAVES)
        self.serial = itertools.count()
        self.told = collections.Counter()       # what has happened
        self.wrong = None
        self.stopping = False
        self.actions = [(4, self.create), (6, self.join_room), (3, self.leave),
                        (2, self.close), (5, self.talk), (1, self.invite)]

    def run(self):
        while not self.stopping and self.wrong is None:
            with self.turn:
                try:
                    self.act()
                except Exception as why:
                    self.wrong = why
            time.sleep(self.random.uniform(0, 0.004))

    def act(self):
        weights = [weight for weight, _ in self.actions]
        self.random.choices(self.actions, weights)[0][1]()

    def fresh(self):
        return "p%d.%d" % (self.number, next(self.serial))

    def some_room(self):
        names = sorted(self.rooms)
        return self.rooms[self.random.choice(names)] if names else None

    def expect(self, got, wanted, what, room):
        if got != wanted:
            raise Wrong("room %r: %s: %r, not %r" % (
                room.name, what, got, wanted))

    # -- create --

    def create(self):
        if len(self.rooms) >= self.ROOMS:
            return
        free = {"r%d.%d 部屋" % (self.number, i) for i in range(self.NAMES)}
        name = self.random.choice(sorted(free - set(self.rooms)))
        room = Room(name, self.random.choice([None, "秘密%d" % next(texts)]))
        host = self.fresh()
        try:
            status, token = self.asker.ask(CREATE, name,
                                           entry(host, room.password))
        except Lost:
            self.create_unanswered(room, host)
            return
        self.expect(status, OK, "create", room)
        self.rooms[name] = room
        self.told["created"] += 1
        if token is not None:
            self.sit(room, host, token, True)
        else:
            room.ghosts[host] = True
            self.enter(room)
            self.check(room)

    def create_unanswered(self, room, host):
        """It is there with all that belongs to it, or not at all."""
        self.told["create unanswered"] += 1
        if room.name not in self.asker.names():
            self.gone(room.name, "a create that did not happen")
            return
        self.told["create happened"] += 1
        self.rooms[room.name] = room
        room.ghosts[host] = True
        self.enter(room)
        self.check(room)

    # -- join --

    def sit(self, room, name, token, is_host=False):
        room.seats[name] = Seat(self.server, room.name, name, token, is_host)
        return room.seats[name]

    def seat_or_ghost(self, room, name, token):
        if token is None:
            room.ghosts[name] = False
        else:
            self.sit(room, name, token)

    def ask_to_join(self, room, unanswered):
        guest = self.fresh()
        try:
            status, token = self.asker.ask(JOIN, room.name,
                                           entry(guest, room.password))
        except Lost:
            self.told["join unanswered"] += 1
            unanswered.append(guest)
            return
        self.expect(status, OK, "join", room)
        self.told["joined"] += 1
        self.seat_or_ghost(room, guest, token)

    def enter(self, room):
        """One more, whose token is known."""
        deadline, unanswered, before = Deadline(PATIENCE), [], len(room.seats)
        while len(room.seats) == before:
            if deadline.over():
                raise Wrong("room %r: nobody can join" % room.name)
            self.ask_to_join(room, unanswered)
        self.settle(room, unanswered)

    def join_room(self):
        room = self.some_room()
        if room is not None and len(room.seats) < self.SEATS and \
                len(room.listed()) < 4 * self.SEATS:
            unanswered = []
            self.ask_to_join(room, unanswered)
            self.settle(room, unanswered)

    def settle(self, room, unanswered):
        """Of those who asked to join and got no answer, who is there now
        stays; who is not never comes."""
        if not unanswered:
            return
        if not room.seats:
            self.enter(room)
        listed = self.members(next(iter(room.seats.values())))
        for name in unanswered:
            if name in listed:
                self.told["join happened"] += 1
                room.ghosts[name] = False

    # -- leave, close --

    def members(self, seat):
        status, names = self.asker.members(seat.room, seat.token)
        if status != OK:
            raise Wrong("room %r: the token of %s: status %d" % (
                seat.room, seat.name, status))
        return names

    def alive(self, seat):
        status, _ = self.asker.members(seat.room, seat.token)
        if status not in (OK, DENIED):
            raise Wrong("room %r: the token of %s: status %d" % (
                seat.room, seat.name, status))
        return status == OK

    def bury(self, seat):
        self.graves.append((seat.room, seat.name, seat.token))
        seat.close()

    def depart(self, seat):
        """By operation 4 or by the word; True once it is gone."""
        if self.random.random() < 0.3:
            deadline = Deadline(PATIENCE)
            while self.alive(seat):
                if deadline.over():
                    raise Wrong("room %r: %s is not let go" % (
                        seat.room, seat.name))
                seat.say("/exit")
                seat.recv(RESEND)
            self.told["left by word"] += 1
            return True
        try:
            status, _ = self.asker.ask(LEAVE, seat.room, seat.token)
        except Lost:
            self.told["leave unanswered"] += 1
            if self.alive(seat):
                return False
            self.told["leave happened"] += 1
            return True
        if status != OK:
            raise Wrong("room %r: %s leaves: status %d" % (
                seat.room, seat.name, status))
        self.told["left"] += 1
        return True

    def leave(self):
        room = self.some_room()
        guests = [s for s in room.seats.values() if not s.is_host] \
            if room is not None else []
        # Where the host is a ghost, one must stay who can ask.
        if len(guests) < (1 if room and room.host() else 2):
            return
        seat = self.random.choice(guests)
        if self.depart(seat):
            del room.seats[seat.name]
            self.bury(seat)
            self.check_graves(room, 1)
        else:
            self.check(room)

    def close(self):
        """The host takes the room along; the operator closes others."""
        room = self.some_room()
        if room is None:
            return
        host = room.host()
        if host is None:
            self.close_by_operator(room.name)
        elif not self.depart(host):
            self.check(room)
            return
        self.told["closed"] += 1
        del self.rooms[room.name]
        for seat in room.seats.values():
            self.bury(seat)
        self.gone(room.name, "a closed room")
        self.check_graves(room, len(room.seats))

    def close_by_operator(self, name):
        deadline = Deadline(PATIENCE)
        while self.server.run(self.server.command(
                "close", name)).returncode != 0 and \
                name in self.asker.names():
            if deadline.over():
                raise Wrong("room %r: cannot be closed" % name)
        self.told["closed by the operator"] += 1

    def invite(self):
        inviting.Inviting(self, "d%d 招待" % self.number).live()
        self.told["rooms by invitation"] += 1

    # -- talk and checks --

    def talk(self):
        room = self.some_room()
        if room is not None and len(room.seats) > 1:
            reach(*self.random.sample(list(room.seats.values()), 2))

    def gone(self, name, what):
        if name in self.asker.names():
            raise Wrong("room %r is listed: %s" % (name, what))
        status, _ = self.asker.sure(JOIN, name, b"nobody")
        if status != NO_ROOM:
            raise Wrong("room %r: join %s: status %d" % (name, what, status))

    def check_graves(self, room, last=0, some=0):
        """Tokens of the dead open nothing; the last ones, and some."""
        graves = list(self.graves)
        chosen = graves[len(graves) - min(last, len(graves)):]
        chosen += self.random.sample(graves, min(some, len(graves)))
        for name, who, token in chosen:
            status, _ = self.asker.sure(MEMBERS, name, token)
            if status != DENIED:
                raise Wrong("room %r: the token of %s, who is gone: "
                            "status %d" % (name, who, status))

    def check(self, room):
        """All that was acknowledged of a room holds."""
        self.told["rooms checked"] += 1
        seats = list(room.seats.values())
        seat = self.random.choice(seats)
        for one in {seat, room.host() or seat}:
            self.expect(self.members(one), room.listed(),
                        "members as %s sees them" % one.name, room)
        if room.name not in self.asker.names():
            raise Wrong("room %r is not listed" % room.name)
        self.expect(self.asker.sure(CREATE, room.name, b"nobody")[0],
                    EXISTS, "a second create", room)
        if room.password is not None:
            for bad in None, room.password + "x":
                self.expect(self.asker.sure(JOIN, room.name,
                                            entry("nobody", bad))[0],
                            DENIED, "join with password %r" % bad, room)
        if len(room.seats) < 2:
            self.enter(room)
            seats = list(room.seats.values())
        speaker, witness = self.random.sample(seats, 2) \
            if len(seats) > 1 else (seats[0], seats[0])
        if speaker is not witness:
            if self.graves:
                speaker.say("zombie", self.random.choice(self.graves)[2])
            reach(speaker, witness)
            reach(witness, speaker)
        self.check_graves(room, 0, 1)

    def check_all(self):
        for room in list(self.rooms.values()):
            self.check(room)
            for seat in list(room.seats.values()):
                self.expect(self.members(seat).get(seat.name), seat.is_host,
                            "%s's own token and role" % seat.name, room)
        self.check_graves(None, 0, len(self.graves))

    def dismiss(self):
        for room in self.rooms.values():
            for seat in room.seats.values():
                seat.close()
