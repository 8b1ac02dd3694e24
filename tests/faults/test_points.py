# SPDX-License-Identifier: ISC
"""Every fault point, dying there and hanging there, in each role, and pairs
of one point of each role: whatever happens where, what was acknowledged
holds, and the server serves again within seconds.

SERIAL: it measures times, and several servers run beside each other here.
"""

import os
import queue
import random
import threading
import time

import faulty
import ocm
from faulty import DIE, HANG, Faulty
from ocm import SLOW
from tcrp import CREATE, JOIN, Deadline, Refused

SERIAL = True

SEED = int(os.environ.get("OCM_SEED", "0") or 0) or int(time.time())
SERVERS = 6
BACK_S = 6 * SLOW               # service, after a fault
MOVES = 60                      # acknowledged, before they are checked
PAIRS_S = 15                    # as many pairs as fit

# What only one of the roles ever passes.
ONLY = {"roomd": ("tx_", "undo", "recover_"), "relayd": ("datagram_",)}
BIRTH = {"born", "started", "attached", "made", "sandboxed", "ready"}
TROUBLE = (AssertionError, ConnectionError, Refused, OSError)


def points(role):
    """The points of a role, poison apart."""
    other = ONLY["relayd" if role == "roomd" else "roomd"]
    return sorted(name for name in faulty.points_in_source()
                  if not name.startswith(other))


def prelude(role, name):
    """The fault that leads to a point which is not passed every day."""
    if name.startswith(("undo", "recover_")):
        return "roomd", "tx_stored", DIE, 3
    if name in BIRTH:
        return role, "release_idle", DIE, 1
    if name in ("acquire_missed", "acquire_parked"):
        if role == "roomd":
            return "relayd", "acquire_hold", HANG, 1
        # A relayd wants the lock where it sees that something changed.
        return "roomd", "tx_announced", HANG, 1
    return None


class Scene:
    """A server with a room in which nothing acknowledged may get lost."""

    PASSWORD = "秘密"

    def __init__(self, case):
        self.server = Faulty(notices=False, restart_limit=1000000,
                             hang_limit=2 if SLOW == 1 else 4,
                             join_rate=0, idle=0)
        case.addCleanup(self.server.finish)

    def settle(self):
        self.alice = self.server.member("alice").create(
            "keep", password=self.PASSWORD)
        self.bob = self.server.member("bob").join(
            "keep", password=self.PASSWORD)
        self.reach(self.alice, self.bob)
        self.number = 0

    def fault(self, *orders):
        """Gives orders, makes everything move until all were carried out;
        how long it took from the last one until all is well."""
        for at, (role, name, action, passes) in enumerate(orders):
            self.server.order(role, name, action, passes, at)
        deadline, again = Deadline(20 * SLOW), Deadline(3 * SLOW)
        acknowledged, gone = [], []
        while not all(self.server.done(at) for at in range(len(orders))):
            assert not deadline.over(), "never passed"
            self.move(acknowledged, gone)
            if again.over():    # what leads there may lead past it
                for at, (role, name, action, passes) in enumerate(orders):
                    if action == HANG and self.server.done(at):
                        self.server.order(role, name, action, passes, at)
                again = Deadline(3 * SLOW)
            if len(acknowledged) > MOVES:
                self.check(acknowledged, gone)
                acknowledged, gone = [], []
        begin = time.monotonic()
        for at in range(len(orders)):
            self.server.revoke(at)
        self.check(acknowledged, gone)
        return time.monotonic() - begin

    # -- moving --

    def attempt(self, what):
        try:
            return what()
        except TROUBLE:
            return None

    def enter(self, op, room, name):
        """A new member, or None."""
        one = self.server.member(name)
        if self.attempt(lambda: one.enter(
                op, room, password=self.PASSWORD)) is not None:
            return one
        one.close()
        self.server.people.remove(one)
        return None

    def move(self, acknowledged, gone):
        """A room comes, grows and shrinks, as far as the server goes.  Only
        newcomers speak: who is in hand at three deaths has to go."""
        self.number += 1
        room = "room %d" % self.number
        host = self.enter(CREATE, room, "host")
        if host is None:
            return
        acknowledged.append(host)
        guest = self.enter(JOIN, room, "guest")
        leaver = self.enter(JOIN, room, "leaver")
        if guest is not None:
            acknowledged.append(guest)
        if leaver is not None and self.attempt(
                lambda: leaver.leave() or True):
            gone.append(leaver)

    # -- checking --

    def reach(self, speaker, listener):
        """Who was heard before the fault need not say hello again."""
        deadline = Deadline(BACK_S)
        listener.drain()
        while True:
            speaker.say("are you there?")
            if listener.recv(0.05) is not None:
                break
            assert not deadline.over(), "%s is not heard by %s" % (
                speaker, listener)

    def answered(self, what):
        """What() as soon as it is answered at all."""
        deadline = Deadline(BACK_S)
        while True:
            try:
                return what()
            except (AssertionError, ConnectionError, OSError):
                assert not deadline.over(), "no answer"

    def refusal(self, what):
        try:
            self.answered(what)
        except Refused as why:
            return why.args[0]
        return None

    def check(self, acknowledged, gone):
        self.reach(self.alice, self.bob)
        self.reach(self.bob, self.alice)
        new = self.answered(lambda: self.server.member("new").join(
            "keep", password=self.PASSWORD))
        self.reach(new, self.alice)
        assert self.refusal(lambda: self.server.member("mallory").join(
            "keep", password="falsch")) == "status 3"
        listed = self.answered(self.alice.members)
        roles = {m["name"]: m["host"] for m in listed}
        assert roles["alice"] is True and roles["bob"] is False, roles
        for one in acknowledged:
            names = [m["name"] for m in self.answered(one.members)]
            assert str(one) in names, "%s is lost" % one
        for one in gone:
            assert self.refusal(one.members) is not None, "a dead token"
        for one in acknowledged:
            if str(one) == "host":
                self.answered(lambda one=one: self.left(one))
        self.answered(lambda: self.left(new))
        keep = {self.alice, self.bob}
        for one in self.server.people:
            if one not in keep:
                one.close()
        self.server.people[:] = [self.alice, self.bob]

    def left(self, one):
        """A leave whose answer was lost is a leave."""
        try:
            one.leave()
        except Refused:
            pass


class Walk(ocm.Case):
    def walk(self, jobs, limit=None):
        """Does jobs, lists of orders, on several servers at once."""
        work, took, bad = queue.SimpleQueue(), [], []
        end = time.monotonic() + (limit or 1e9)
        for job in jobs:
            work.put(job)

        def one_server():
            job, scene = "start", Scene(self)
            try:
                scene.settle()
                while not work.empty() and not bad and \
                        time.monotonic() < end:
                    job = work.get()
                    took.append((scene.fault(*job), job))
            except BaseException as why:
                bad.append((job, repr(why), scene.server.log()[-2000:]))
        threads = [threading.Thread(target=one_server)
                   for _ in range(SERVERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(bad, [])
        self.assertTrue(took)
        took.sort(key=lambda t: t[0])
        print("note %d faults, back after %.0f ms (median), %.0f ms (%s)" % (
            len(took), took[len(took) // 2][0] * 1000, took[-1][0] * 1000,
            took[-1][1]))
        self.assertLess(took[-1][0], BACK_S)
        return len(took)

    def jobs(self, action):
        for role in "roomd", "relayd":
            for name in points(role):
                before = prelude(role, name)
                last = role, name, action, 1
                yield [before, last] if before is not None else [last]

    def test_dying(self):
        jobs = list(self.jobs(DIE))
        self.assertGreater(len(jobs), 45)
        self.assertEqual(self.walk(jobs), len(jobs))

    def test_hanging(self):
        jobs = list(self.jobs(HANG))
        self.assertEqual(self.walk(jobs), len(jobs))

    def pairs(self, *actions):
        """One point of each role, in another order each time."""
        shuffle = random.Random(SEED)
        pairs = []
        for first in points("roomd"):
            for second in points("relayd"):
                how = shuffle.choice(actions)
                before = [p for p in (prelude("roomd", first),
                                      prelude("relayd", second))
                          if p is not None]
                if not any(p[2] == HANG for p in before):
                    pairs.append([*before, ("roomd", first, how[0], 1),
                                  ("relayd", second, how[1], 1)])
        print("note seed %d, %d pairs" % (SEED, len(pairs)))
        shuffle.shuffle(pairs)
        self.assertGreater(self.walk(pairs, PAIRS_S * SLOW), 20)

    def test_pairs_dying(self):
        self.pairs((DIE, DIE))

    def test_pairs_hanging(self):
        self.pairs((DIE, HANG), (HANG, DIE), (HANG, HANG))
