# SPDX-License-Identifier: ISC
"""A room of the decimal dialect, from its first to its last moment: its four
invites let in one each, however often roomd dies meanwhile.  Used by the
oracle's actors.
"""

import contextlib

from contradiction import PATIENCE, Wrong
from tcrp import (CREATE, DECIMAL, DENIED, DONE, JOIN, OK, Deadline, Talk)

TOKENS = 5              # the host's, then the invites


class Inviting:
    def __init__(self, actor, name):
        self.actor, self.name = actor, name
        self.asker = actor.asker

    def live(self):
        # Members of this dialect leave when their connection ends.
        with contextlib.ExitStack() as self.talks:
            tokens = self.create()
            if self.name not in self.asker.names():
                if tokens:
                    self.wrong("created and not listed")
                self.actor.gone(self.name, "a create that did not happen")
                return
            for invite in tokens[1:]:
                self.spend(invite)
            for invite in tokens[1:]:
                if self.knock(invite) not in (DENIED, None):
                    self.wrong("an invite opens twice")
            for host in tokens[:1]:
                if self.knock(host) not in (OK, None):
                    self.wrong("the host's token lets nobody in")
            self.actor.close_by_operator(self.name)
        self.actor.gone(self.name, "a closed room")

    def wrong(self, what):
        raise Wrong("room %r: %s" % (self.name, what))

    def ask(self, op, payload):
        """The payloads of state 2, or a status; as far as they came."""
        talk = self.talks.enter_context(Talk(self.asker.address))
        told = []
        try:
            talk.ask(op, self.name, payload, DECIMAL)
            while len(told) < (TOKENS if op == CREATE else 1):
                got = talk.frame()
                if got is None:
                    break
                if got.state != DONE:
                    return got.status()
                told.append(got.payload)
        except (ConnectionError, AssertionError):
            pass
        return told

    def create(self):
        told = self.ask(CREATE, self.actor.fresh().encode())
        if isinstance(told, int):
            self.wrong("create: status %d" % told)
        return told

    def knock(self, token):
        """Joins with a token: the status, or None without an answer."""
        told = self.ask(JOIN, token + b" " + self.actor.fresh().encode())
        if isinstance(told, int):
            return told
        return OK if told else None

    def spend(self, invite):
        deadline, maybe = Deadline(PATIENCE), False
        while not deadline.over():
            status = self.knock(invite)
            if status == OK or status == DENIED and maybe:
                return
            if status is not None:
                self.wrong("an unused invite: status %d" % status)
            maybe = True
        self.wrong("an invite opens nothing")
