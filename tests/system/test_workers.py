# SPDX-License-Identifier: ISC
"""One relayd and several: the same people, and whoever hears whom by which
of them makes no difference.  Each class below runs with 1, 2 and 4."""

import json
import os
import select
import signal
import time

from ocm import Case, Server, SharedCase
from tcrp import DENIED, MEMBERS, meet, settle, wait_until


def relays(server):
    """Counters of each relayd, in the order of their index."""
    return json.loads(server.ctl("stats", "-j"))["relayd"]


class Apart:
    """People of whom it is known which relayd hears them."""

    workers = 1

    def serve_workers(self, *args, **options):
        return self.serve(*args, workers=self.workers, **options)

    def worker_of(self, server, member):
        """Says something that only keeps alive, and looks who took it."""
        before = [r["keepalives"] for r in relays(server)]
        member.hello()

        def heard():
            for k, r in enumerate(relays(server)):
                if r["keepalives"] > before[k]:
                    return [k]
            return None
        return wait_until(heard)[0]

    def one_at_each(self, server, room, each=1):
        """[[members that relayd k hears] for k]; m0 is the host."""
        crowd = [[] for _ in range(self.workers)]
        n = 0
        while any(len(there) < each for there in crowd):
            one = server.member("m%d" % n)
            if n == 0:
                one.create(room, hello=False)
            else:
                one.join(room, hello=False)
            k = self.worker_of(server, one)
            if n == 0 or len(crowd[k]) < each:
                crowd[k].append(one)
            else:
                one.leave()
                one.close()
            n += 1
            assert n < 200, "the kernel does not spread them"
        return crowd


def everybody(crowd):
    return [one for there in crowd for one in there]


class Talk(Apart, Case):
    def test_everybody_hears_everybody_once(self):
        server = self.serve_workers()
        self.assertEqual(len(server.pids["relayd"]), self.workers)
        people = everybody(self.one_at_each(server, "部屋", 2))
        for one in people:
            one.say("こんにちは")
            for other in people:
                if other is not one:
                    other.expect("こんにちは", one)
        settle(*people)
        for one in people:
            self.assertEqual(one.drain(), [])
        used = [r["messages"] for r in relays(server)]
        self.assertNotIn(0, used)

    def test_order_of_each_sender(self):
        """All of what each one said, in the order in which it was said."""
        server = self.serve_workers()
        people = everybody(self.one_at_each(server, "r", 2))
        said = 150
        for i in range(said):
            for one in people:
                one.say("%d" % i)
        for one in people:
            heard = {str(p): [] for p in people if p is not one}
            for _ in range(said * (len(people) - 1)):
                got = one.recv()
                self.assertIsNotNone(got, "lost after %r" % {
                    who: len(what) for who, what in heard.items()})
                who, number = got.decode().split(": ")
                heard[who].append(int(number))
            for who, numbers in heard.items():
                self.assertEqual(numbers, list(range(said)), who)
            self.assertEqual(one.drain(), [])

    def test_heard_here_is_known_there(self):
        """Who was heard for the first time by one relayd gets the very next
        message of any other, and its token dies everywhere at once."""
        server = self.serve_workers()
        crowd = everybody(self.one_at_each(server, "r"))
        for i in range(60):
            new = server.member("new%d" % i).join("r", hello=False)
            speaker = crowd[i % len(crowd)]
            new.say("%d" % i)
            speaker.expect("%d" % i, new)
            speaker.say("welcome %d" % i)
            new.expect("welcome %d" % i, speaker)
            new.leave()
            new.say("too late")
            for _ in range(2):
                new.move().close()
                new.say("too late")
            self.assertEqual(new.request(MEMBERS).status(), DENIED)
            settle(*crowd)
            new.close()
        for one in crowd:
            self.assertEqual(one.drain(), [])

    def test_port_moves_to_another(self):
        """A member that begins to speak to another relayd is sent to where
        it is now by all of them, a second after the last time."""
        server = self.serve_workers()
        crowd = self.one_at_each(server, "r", 2)
        people = everybody(crowd)
        mover = crowd[0][1]
        others = [p for p in people if p is not mover]
        tried = set()

        def moved():
            old = mover.move()
            tried.add(self.worker_of(server, mover))

            def arrives():
                mover.hello()
                for one in others:
                    one.say("where?")
                return mover.recv(0.1)
            wait_until(arrives)
            settle(*people)
            while select.select([old], [], [], 0)[0]:
                old.recv(65536)
            for one in others:
                one.say("there?")
                mover.expect("there?", one)
            settle(*people)
            self.assertFalse(select.select([old], [], [], 0)[0])
            old.close()
            return len(tried) >= min(2, self.workers)
        wait_until(moved, 30)

    def test_a_port_moves_once_a_second(self):
        """Also where the old and the new one are heard by different ones."""
        server = self.serve_workers()
        crowd = everybody(self.one_at_each(server, "r"))
        one = crowd[0]

        def tried():
            before = server.stats()["ports_learned"]
            begin = time.monotonic()
            new = server.member("new").join("r")
            one.drain()
            old = []
            for i in range(12):
                old.append(new.move())
                new.say("%d" % i)
                one.expect("%d" % i, new)
            new.leave()
            for sock in old:
                sock.close()
            new.close()
            took = time.monotonic() - begin
            learned = server.stats()["ports_learned"] - before
            self.assertLessEqual(learned, 2 + int(took))
            return took < 1
        wait_until(tried, 20)


class Rates(Apart, Case):
    def test_rate_of_a_member_at_all_of_them(self):
        """Who speaks from several ports, which several relayds hear, says
        no more for that."""
        server = self.serve_workers(member_rate=1, member_burst=8)
        crowd = everybody(self.one_at_each(server, "r"))
        loud = server.member("loud").join("r")

        def handled(server):
            now = server.stats()
            return now["messages"] + now["drop_rate"]
        begin = time.monotonic()
        for i in range(40):
            loud.move().close()
            loud.say("%d" % i)
        wait_until(lambda: handled(server) == 40)
        got = crowd[0].drain()
        most = 8 + 1 + int(time.monotonic() - begin)
        # Two that hear it in the same instant may count one too few.
        self.assertLessEqual(len(got), most + self.workers - 1)
        self.assertGreaterEqual(len(got), 8)


class Endings(Apart, Case):
    def test_notices_once(self):
        server = self.serve_workers(notices=True)
        crowd = everybody(self.one_at_each(server, "r"))
        # Until the notices about them are through, one a second.
        wait_until(lambda: not any([one.recv(1.2) for one in crowd]), 20)
        new = server.member("zoe").join("r", hello=False)
        for one in crowd:
            one.expect_raw("zoe joined")
        new.leave()
        for one in crowd:
            one.expect_raw("zoe left")
        host, = [one for one in crowd if str(one) == "m0"]
        host.leave()
        for one in crowd:
            if one is not host:
                one.expect_raw("room closed: the host left")
        settle_by_counts(server)
        for one in crowd:
            self.assertEqual(one.drain(), [])

    def test_idle_is_who_speaks_to_nobody(self):
        """Who is active at any relayd stays, and nobody else."""
        server = self.serve_workers(idle=2)
        crowd = everybody(self.one_at_each(server, "r"))
        silent = server.member("silent").join("r")

        def told():
            for one in crowd:
                one.hello()
            return silent.recv(0.2)
        got = wait_until(told, 20)
        self.assertEqual(got.decode(), "disconnected: idle for 2 s")
        # As long again: none of the others goes.
        end = time.monotonic() + 3
        while time.monotonic() < end:
            self.assertIsNone(told())
        self.assertEqual(len(server.members("r")), len(crowd))
        self.assertEqual(server.stats()["removed_idle"], 1)

    def test_closed_ports(self):
        """Unreachable answers count, whoever sent what they are about."""
        server = self.serve_workers()
        crowd = everybody(self.one_at_each(server, "r"))
        gone = server.member("gone").join("r")
        meet(gone, *crowd)
        gone.close()

        def removed():
            for one in crowd:
                one.say("まだ？")
            return len(server.members("r")) == len(crowd)
        wait_until(removed, 10)
        self.assertEqual(server.stats()["removed_unreachable"], 1)

    def test_stop_is_told_once(self):
        """The goodbye also reaches who was heard by another one only, while
        the one that says it slept."""
        server = self.serve_workers()
        crowd = everybody(self.one_at_each(server, "r"))
        late = server.member("late").join("r", hello=False)
        late.hello()
        server.wait_keepalives(len(crowd) + 1)
        server.ctl("stop")
        self.assertEqual(server.wait_end(), [])
        for one in crowd + [late]:
            one.expect_raw("server is shutting down")
            self.assertEqual(one.drain(), [])

    def test_reload(self):
        """All of them take a new setting."""
        place = Server(start=False)
        self.addCleanup(place.clear)
        path = os.path.join(place.dir, "ocm.conf")
        with open(path, "w") as f:
            f.write('format = "sender"\n')
        server = self.serve_workers("-f", path)
        crowd = everybody(self.one_at_each(server, "r", 2))
        with open(path, "w") as f:
            f.write('format = "message"\n')
        self.assertIn("format", server.ctl("reload"))
        listener = crowd[-1]

        def bare(one):
            one.say("本文")
            return listener.recv().decode() == "本文"
        for one in crowd[:-1]:
            wait_until(lambda one=one: bare(one))


class Deaths(Apart, Case):
    def test_one_dies_and_the_others_serve(self):
        """What comes to a dead relayd waits in its socket for the next life,
        and nobody else notices."""
        server = self.serve_workers()
        crowd = self.one_at_each(server, "r", 2)
        for k in range(self.workers):
            there, here = crowd[k][0], crowd[k - 1][1]
            others = [p for there_ in crowd for p in there_]
            before = server.process("relayd", k)
            # Stopped, it takes nothing: what is said now is for its heir.
            os.kill(before["pid"], signal.SIGSTOP)
            texts = ["%d of %d" % (i, k) for i in range(100)]
            for text in texts:
                there.say(text)
            if self.workers > 1:
                here.say("meanwhile")
                for one in others:
                    if one is not here:
                        one.expect("meanwhile", here)
            server.deaths += 1
            os.kill(before["pid"], signal.SIGKILL)
            for one in others:
                if one is not there:
                    for text in texts:
                        one.expect(text, there)
            server.wait_restart("relayd", before, k)
        people = everybody(crowd)
        for one in people:
            one.say("again")
            for other in people:
                if other is not one:
                    other.expect("again", one)
        for one in people:
            self.assertEqual(one.drain(), [])

    def test_roomd_dies(self):
        server = self.serve_workers()
        crowd = everybody(self.one_at_each(server, "r"))
        server.kill("roomd")
        new = server.member("new").join("r")
        people = crowd + [new]
        meet(*people)
        new.leave()
        for one in crowd:
            one.say("who is there?")
            for other in crowd:
                if other is not one:
                    other.expect("who is there?", one)
        self.assertIsNone(new.recv_now())


def settle_by_counts(server):
    """Until the notices that were sent are no more after a second look."""
    def same():
        first = server.stats()["notices"]
        select.select([], [], [], 0.1)
        return server.stats()["notices"] == first
    wait_until(same)


class TalkOfTwo(Talk):
    workers = 2


class TalkOfFour(Talk):
    workers = 4


class RatesOfTwo(Rates):
    workers = 2


class RatesOfFour(Rates):
    workers = 4


class EndingsOfTwo(Endings):
    workers = 2


class EndingsOfFour(Endings):
    workers = 4


class DeathsOfTwo(Deaths):
    workers = 2


class DeathsOfFour(Deaths):
    workers = 4


class Chat(SharedCase):
    """The lobby is one, whoever has the rooms."""

    options = {"workers": 4}

    def test_lobby(self):
        people = [self.server.lobby_client("p%d" % i).hello()
                  for i in range(6)]
        meet(*people)
        for one in people:
            one.say("みなさん")
            for other in people:
                if other is not one:
                    other.expect("みなさん", one)
        for one in people:
            self.assertEqual(one.drain(), [])
