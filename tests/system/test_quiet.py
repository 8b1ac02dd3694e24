# SPDX-License-Identifier: ISC
"""A server to which nothing happens sleeps.  Linux only: /proc tells how
often each process went to sleep."""

import time

from ocm import Case
from tcrp import meet, process_field

SECONDS = 5


def sleeps(server):
    """{(role, index): times}; a process that woke has slept again."""
    return {(role, i): int(process_field(pid, "voluntary_ctxt_switches")[0])
            for role, pids in server.pids.items()
            for i, pid in enumerate(pids)}


class Quiet(Case):
    def wakes(self, server):
        """That of each process in SECONDS, while nobody does anything."""
        before = sleeps(server)
        time.sleep(SECONDS)
        after = sleeps(server)
        return {who: after[who] - before[who] for who in before}

    def assert_quiet(self, server):
        """ocmd asks each child once a second whether it lives, and that is
        the only timer; one wake-up more where the second began before."""
        children = len(server.all_pids()) - 1
        for who, n in self.wakes(server).items():
            each = 1 + children if who[0] == "ocmd" else 1
            self.assertLessEqual(n, each * (SECONDS + 1), who)
            # Or what is measured here is not what it is taken for.
            self.assertGreater(n, 0, who)

    def test_nobody_there(self):
        server = self.serve(workers=2)
        # Until the kernel is through with how they began.
        time.sleep(1)
        self.assert_quiet(server)

    def test_members_who_say_nothing(self):
        """Rooms, a lobby and notices: no wheel turns, and nobody is looked
        after before it is time."""
        server = self.serve(workers=2, notices=True, idle=60)
        people = [server.member("host").create("r0")]
        people += [server.member("m%d" % i).join("r0") for i in range(8)]
        for i in range(1, 40):
            people.append(server.member("host").create("r%d" % i))
            server.member("guest").join("r%d" % i)
        lobby = [server.lobby_client("l%d" % i).hello() for i in range(5)]
        meet(*lobby)
        # Until the last notice is through.
        time.sleep(2.5)
        self.assert_quiet(server)

    def test_members_who_went(self):
        """What expired leaves nothing that ticks."""
        server = self.serve(idle=1, request_timeout=1)
        half = server.talk()
        half.send(b"\x01")
        server.member("host").create("r")
        server.member("guest").join("r")
        server.lobby_client("l").hello()
        time.sleep(3)
        self.assertEqual(server.status()["members"], 0)
        self.assert_quiet(server)
        half.close()
