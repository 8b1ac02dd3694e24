# SPDX-License-Identifier: ISC
"""Kills in the midst of work.  A change of the room table takes a few
microseconds, so a kill at any time seldom meets one.  An Aim makes a room,
then asks for many things at once, and the kill comes while roomd is busy with
them.  Afterwards everything must have happened wholly or not at all, and what
was answered must have happened.  Used by the Killer, in its process.
"""

import itertools
import select

from contradiction import Wrong
from oracle import Asker, entry
from tcrp import (BE, CREATE, DECIMAL, DENIED, DONE, EXISTS, JOIN, LEAVE,
                  NO_ROOM, OK, Deadline, Talk)

GUESTS, JOINS, LARGEST = 5, 5, 10
WAIT = 0.01             # seconds for the first answer
serial = itertools.count()


class Shot:
    """A request that is sent and not waited for."""

    def __init__(self, address, op, room, payload, codec=BE):
        self.op, self.room, self.payload = op, room, payload
        self.codec = codec
        self.talk = Talk(address)

    def fire(self):
        self.talk.ask(self.op, self.room, self.payload, self.codec)

    def answer(self):
        """The first frame, or None where the connection ended without."""
        try:
            return self.talk.frame()
        except (ConnectionError, AssertionError):
            return None
        finally:
            self.talk.close()

    def status(self):
        first = self.answer()
        return None if first is None else first.status()


class Aim:
    def __init__(self, address, chance, close):
        """close(name): the operator closes a room."""
        self.asker, self.chance, self.close = Asker(address), chance, close
        self.unanswered = 0     # requests
        self.silent = 0         # of them: done all the same

    # -- before the kill --

    def load(self):
        """Makes the room and all connections."""
        self.name = "aim %d" % next(serial)
        self.other = self.name + " too"
        self.password = self.chance.choice([None, "pw"])
        self.host = self.enter(CREATE, "host")
        self.guests = {name: self.enter(JOIN, name)
                       for name in ["g%d" % i for i in range(GUESTS)]}
        self.joiners = {entry("j%d" % i, self.password): "j%d" % i
                        for i in range(JOINS)}
        ask = [(JOIN, self.name, payload) for payload in self.joiners]
        ask += [(LEAVE, self.name, token)
                for token in list(self.guests.values())[1:]]
        ask.append((CREATE, self.other, entry("host", self.password)))
        if self.chance.random() < 0.5:
            ask.append((LEAVE, self.name, self.host))
        self.shots = [Shot(self.asker.address, *one) for one in ask]
        self.largest = [
            Shot(self.asker.address, CREATE, "%s %d" % (self.name, i),
                 b"host", DECIMAL) for i in range(LARGEST)]
        self.order = self.shots + self.largest
        self.chance.shuffle(self.order)

    def enter(self, op, name):
        status, token = self.asker.ask(op, self.name,
                                       entry(name, self.password))
        if status != OK or token is None:
            raise Wrong("%s: %s cannot enter: status %r" % (
                self.name, name, status))
        return token

    def fire(self):
        """Returns when the first answer comes."""
        for shot in self.order:
            shot.fire()
        # Awake: asleep, it would see the first answer after the last.
        poll = select.poll()
        for shot in self.order:
            poll.register(shot.talk.sock, select.POLLIN)
        deadline = Deadline(WAIT)
        while not poll.poll(0) and not deadline.over():
            pass

    # -- after it --

    def judge(self):
        self.judge_largest()
        done = {(shot.op, shot.payload): shot.status()
                for shot in self.shots}
        self.unanswered += sum(status is None for status in done.values())
        self.judge_other(done.pop((CREATE, entry("host", self.password))))
        names = self.listed(self.host)
        tokens = {name: self.listed(token)
                  for name, token in self.guests.items()}
        asked = (LEAVE, self.host) in done
        left = done.pop((LEAVE, self.host), None)
        if names is None:
            self.judge_closed(asked, left, tokens)
        elif left == OK:
            raise Wrong("%s: the host left and is here" % self.name)
        else:
            self.judge_open(done, names, tokens)

    def judge_largest(self):
        """Rooms with invites, the largest changes there are."""
        listed = self.asker.names()
        for shot in self.largest:
            told = shot.answer()
            if told is None:
                self.unanswered += 1
                self.silent += shot.room in listed
                if shot.room in listed:
                    self.close(shot.room)
            elif told.state != DONE:
                raise Wrong("%s: create: %r" % (shot.room, told))
            else:
                # Its connection's end may have ended it already.
                self.asker.sure(LEAVE, shot.room, told.payload)
        left = self.asker.names() & {shot.room for shot in self.largest}
        if left:
            raise Wrong("left and still listed: %r" % left)

    def listed(self, token):
        status, names = self.asker.members(self.name, token)
        if status not in (OK, DENIED):
            raise Wrong("%s: members: status %d" % (self.name, status))
        return names

    def judge_closed(self, asked, left, tokens):
        if not asked:
            raise Wrong("%s: closed, and nobody asked" % self.name)
        if any(seen is not None for seen in tokens.values()):
            raise Wrong("%s: its host is gone, its guests are not" %
                        self.name)
        self.silent += left is None
        self.nothing(self.name)

    def judge_open(self, done, names, tokens):
        """Each guest is there or gone, and all say the same."""
        here = {"host": True}
        for (op, payload), status in done.items():
            if op == JOIN:
                name = self.joiners[payload]
                if status == OK and name not in names:
                    raise Wrong("%s: %s joined and is gone" % (
                        self.name, name))
                self.silent += status is None and name in names
                here.update({name: False} if name in names else {})
        for name, seen in tokens.items():
            ask = LEAVE, self.guests[name]
            status = done.get(ask)
            if seen is not None and status == OK or \
                    seen is None and ask not in done:
                raise Wrong("%s: %s: leaving was answered %r, its token "
                            "sees %r" % (self.name, name, status, seen))
            self.silent += status is None and seen is None
            here.update({name: False} if seen is not None else {})
        for seen in [names] + [s for s in tokens.values() if s is not None]:
            if seen != here:
                raise Wrong("%s: members %r, not %r" % (
                    self.name, seen, here))
        # A repeated one may have been done already.
        self.asker.sure(LEAVE, self.name, self.host)
        self.nothing(self.name)

    def judge_other(self, answer):
        """The room that was made without waiting for the answer."""
        status, token = self.asker.sure(JOIN, self.other,
                                        entry("guest", self.password))
        if status == NO_ROOM and answer is None:
            self.nothing(self.other)
            return
        if status != OK:
            raise Wrong("%s: created (%r), join: status %d" % (
                self.other, answer, status))
        self.silent += answer is None
        status, _ = self.asker.sure(CREATE, self.other, b"nobody")
        names = self.asker.members(self.other, token)[1] if token else {}
        if status != EXISTS or token and names.get("host") is not True:
            raise Wrong("%s: second create: %d, members %r" % (
                self.other, status, names))
        if self.password is not None:
            status, _ = self.asker.sure(JOIN, self.other, b"nobody")
            if status != DENIED:
                raise Wrong("%s: joined without its password" % self.other)
        self.close(self.other)
        self.nothing(self.other)

    def nothing(self, name):
        status, _ = self.asker.sure(JOIN, name, b"nobody")
        if status != NO_ROOM or name in self.asker.names():
            raise Wrong("%s: it is gone, but join says %d" % (name, status))
