# SPDX-License-Identifier: ISC
"""Every call that can fail, failing once, at every place that makes it: over
a short life of a server with all that its users do.  Nobody crashes, hangs
or loses a descriptor, and a counter or a line of the log tells of it.

A site is "calloc@roomd+1a2b": what is called, and where in which file the
call returns to.  SERIAL: several servers run beside each other here.
"""

import contextlib
import os
import queue
import re
import subprocess
import threading

import ocm
from dialects import Decimal
from faulty import FAIL, Faulty
from ocm import SLOW
from tcrp import (BE, LIST, STATUS, Deadline, Refused, descriptors,
                  wait_until)

SERIAL = True
SERVERS = 4
ROLES = "ocmd", "roomd", "relayd"
TROUBLE = (AssertionError, ConnectionError, Refused, OSError)

# Counters that say that something could not be done.
TELLING = {
    "no_memory", "accept_failed", "refused_unable", "closed_error",
    "bells_lost", "copy_unsendable", "send_errors", "drop_stale",
    "receive_errors", "queries_lost", "closed_timeout",
}
# What costs nobody anything, so that there is nothing to be told, and why.
SILENT = {
    "sem_shared_wait": "the lock is tried for again",
    "in recv_one": "poll tells again that there is a control message",
    "in next_error": "poll tells again that there is an error to be read",
    "in deadline": "a deadline that cannot be set is over at once",
    "@libc.so": "libc has another way for what it asks for itself",
    "@libnss_": "the name service asks the next one of its modules",
    "@ld-linux": "a module of the name service that cannot be loaded",
    "calloc@libevent_core": "without epoll libevent waits with poll; roomd, "
                            "whose filter has no poll, dies of it",
    "malloc@libseccomp": "a copy of the rules, to undo the next one faster; "
                         "every rule that cannot be added is an error",
}


def where(site):
    """Function and line of a site of the build under test."""
    call, place = site.split("@")
    file, offset = place.rsplit("+", 1)
    path = os.path.join(ocm.BUILD, file.split(" ")[0])
    if not os.path.exists(path):
        return site
    got = subprocess.run(
        ["addr2line", "-sfe", path, hex(int(offset, 16) - 1)],
        stdout=subprocess.PIPE, text=True, check=False).stdout.split()
    return "%s in %s (%s)" % (call, *got[:2]) if len(got) >= 2 else site


class Mortal(Faulty):
    """A process that ends of it need not give its memory back first."""

    def environment(self):
        return {**super().environment(), "ASAN_OPTIONS": "detect_leaks=0"}


def configured(server):
    """Has a file of settings, too, which reload reads again."""
    path = os.path.join(server.dir, "ocm.conf")
    with open(path, "w") as f:
        f.write("# settings\nmember-rate = 50\nrooms = { \"[::1]:0\" }\n")
    server.args = ("-f", path)
    return server


class Life:
    """A short life, again and again, in which everything may fail."""

    def __init__(self, kind=Faulty):
        self.server = configured(kind(
            start=False, notices=True, restart_limit=1000000, join_rate=0,
            idle=0, hang_limit=2 if SLOW == 1 else 4)).start()
        self.alice = self.server.member("alice").create("keep")
        self.bob = self.server.member("bob").join("keep")
        self.number = self.told = 0

    def attempt(self, what):
        """A refusal tells whom it concerns."""
        try:
            return what()
        except Refused:
            self.told += 1
        except TROUBLE:
            pass
        return None

    def order(self, code, *verb):
        """ocmctl, which tells by its exit code what it could not do."""
        got = self.server.run(self.server.command(*verb))
        if got.returncode != code and got.stderr:
            self.told += 1

    def live(self):
        """Everything once; false where any of it did not go well."""
        server, attempt = self.server, self.attempt
        self.number += 1
        room = "r%d" % self.number
        host = attempt(lambda: server.member("host").create(
            room, password="p"))
        guest = attempt(lambda: server.member("guest").join(
            room, password="p"))
        json_guest = attempt(lambda: server.member("js").join(
            room, password="p", as_json=True))
        xavier = server.lobby_client("xavier").hello()
        xavier.say("hello")
        for verb in ("status", "-j"), ("rooms",), ("members", room), \
                ("stats",), ("log", "verbose"), ("log", "brief"), \
                ("reload",), ("kick", room, "js"):
            self.order(0, *verb)
        self.order(1, "members", "none")
        if guest is not None:
            attempt(lambda: guest.say("hello"))
            attempt(guest.members)
            attempt(guest.leave)
        attempt(lambda: self.on_tcp(room + "d"))
        attempt(self.list)
        if host is not None:
            attempt(host.leave)
        self.order(1, "close", room)
        for one in server.people[2:]:
            one.close()
        del server.people[2:], json_guest

    def on_tcp(self, room):
        """Those who live by their connection, with invites."""
        dan, eve = (Decimal(self.server, name) for name in ("dan", "eve"))
        try:
            dan.create(room)
            eve.join(room, host=dan)
            eve.say("hello")
        finally:
            dan.close()
            eve.close()

    def list(self):
        with self.server.talk() as talk:
            got = talk.ask(LIST, codec=BE).frame()
        if got is not None and got.state == STATUS:
            raise Refused(got.status())

    def check(self):
        """Everybody is still there, and everything works."""
        deadline = Deadline(5 * SLOW)
        while True:
            self.bob.drain()
            self.alice.hello()
            self.bob.hello()
            self.alice.say("x")
            if self.bob.recv(0.1) is not None:
                break
            assert not deadline.over(), "alice is not heard"
        new = self.server.member("new").join("keep")
        names = {m["name"] for m in new.members()}
        assert {"alice", "bob", "new"} <= names, names
        new.leave()
        new.close()
        self.server.people.remove(new)
        self.server.ctl("status")


class Calls(ocm.Case):
    def sites(self):
        """Sites passed by starting, and those passed by a life."""
        life = Life()
        self.addCleanup(life.server.finish)
        for _ in range(2):
            before = life.server.passed()
            life.live()
        after = life.server.passed()
        alive = sorted(key for key, n in after.items() if "@" in key[1] and
                       key[0] in ROLES and n > before.get(key, 0))
        return [key for key in after if "@" in key[1] and key[0] in ROLES
                ], alive

    def each(self, sites, make, do):
        """do(make(), role, site) for all of them, on several threads."""
        work, bad = queue.SimpleQueue(), []
        for site in sites:
            work.put(site)

        def thread():
            life = make()
            while not work.empty():
                with contextlib.suppress(queue.Empty):
                    role, site = work.get_nowait()
                    try:
                        do(life, role, site)
                    except BaseException as why:
                        bad.append("%s: %s: %r" % (role, where(site), why))
                        life = make()
        threads = [threading.Thread(target=thread) for _ in range(SERVERS)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        if bad:
            self.fail("\n".join(bad))

    def mortal_life(self):
        return self.new_life(Mortal)

    def new_life(self, kind=Faulty):
        life = Life(kind)
        self.addCleanup(life.server.finish)
        life.live()
        return life

    def told(self, server, before, log):
        """Whether a counter or the log tells more than it did."""
        # A roomd that has just died does not answer.
        wait_until(lambda: server.run(
            server.command("stats")).returncode == 0)
        after = server.stats()
        if any(after.get(n, 0) > before.get(n, 0) for n in TELLING):
            return True
        return re.search(r"(?i)cannot|memory|lost|fail|too many|buffer",
                         server.log()[log:]) is not None

    def silent(self, role, site):
        """Notes a failure of which nobody was told; some need not be."""
        place = where(site)
        if not any(word in place for word in SILENT):
            self.untold.append("%s: %s" % (role, place))

    def each_told(self, sites, make, do):
        self.untold = []
        self.each(sites, make, do)
        if self.untold:
            self.fail("nothing tells of\n" + "\n".join(sorted(self.untold)))

    def test_alive(self):
        """Nobody dies of it."""
        _, alive = self.sites()
        self.assertGreater(len(alive), 20)
        missed = []

        def fail(life, role, site):
            server = life.server
            pids = server.all_pids()
            before, log = server.stats(), len(server.log())
            life.told = 0
            fds = {pid: descriptors(pid) for pid in pids}
            server.order(role, site, FAIL)
            for _ in range(2):
                life.live()
                if server.done():
                    break
            server.revoke()
            life.check()
            if not server.done():
                missed.append(site)
                return
            server.look()
            assert server.all_pids() == pids, "somebody died"
            wait_until(lambda: all(descriptors(pid) <= fds[pid]
                                   for pid in pids), 3 * SLOW)
            if not life.told and not self.told(server, before, log):
                self.silent(role, site)
        self.each_told(alive, self.new_life, fail)
        print("note %d of %d calls failed" % (
            len(alive) - len(missed), len(alive)))
        self.assertLess(len(missed), len(alive) // 4, missed)

    def test_born_again(self):
        """A child that cannot be born is born again."""
        every, _ = self.sites()
        died, missed = [], []

        def fail(life, role, site):
            server = life.server
            before, stats = server.process(role), server.stats()
            log = len(server.log())
            server.order(role, site, FAIL)
            os.kill(before["pid"], 9)
            server.wait_restart(role, before)
            server.wait_ready()
            server.revoke()
            life.check()
            if not server.done():
                missed.append(site)
            elif server.process(role)["restarts"] > before["restarts"] + 1:
                died.append(site)       # and the log says so
                self.assertGreater(len(re.findall(
                    role + r".* died: ", server.log()[log:])), 1)
            elif not self.told(server, stats, log):
                self.silent(role, site)
        self.each_told([s for s in every if s[0] != "ocmd"],
                       self.mortal_life, fail)
        print("note %d calls, %d lives ended with one, %d were not made" % (
            len(every), len(died), len(missed)))

    def fail_accept(self, server, accept):
        """One connection finds no descriptor, and is served a bit later."""
        server.order("roomd", accept, FAIL, at=1)
        return server.member("m").join("keep")

    def test_accepting_again(self):
        """Whatever fails after a pause in accepting, nobody stays deaf."""
        life = self.new_life(Mortal)
        server = life.server
        before = server.passed()
        accept = next(name for role, name in before
                      if role == "roomd" and name.startswith("accept4@"))
        self.fail_accept(server, accept).leave()
        sites = [name for role, name in server.passed().keys() - before.keys()
                 if "(listener.c" in where(name)]
        deaths = 0
        for site in sites:
            for passes in 1, 2:     # it may be inlined, and then two sites
                died = server.process("roomd")
                server.order("roomd", site, FAIL, passes)
                with contextlib.suppress(*TROUBLE):
                    self.fail_accept(server, accept).leave()
                if not server.done():
                    continue
                server.wait_restart("roomd", died)
                self.assertRegex(server.log(), "cannot go on accepting")
                life.check()
                deaths += 1
        self.assertGreaterEqual(deaths, 2, sites)

    def test_start(self):
        """A start succeeds, or says what failed; the next one succeeds."""
        every, _ = self.sites()
        # Not those of libc itself, whose name service does not survive it.
        every = [s for s in every if "@libc.so" not in s[1]]
        started = []

        def fail(_, role, site):
            server = configured(Mortal(start=False))
            server.order_at_start = role, site, FAIL
            try:
                got = server.prepare().try_start()
                if not server.done():
                    return
                if got.returncode == 0:
                    started.append(site)
                    if not got.stderr and " died: " not in server.log() \
                            and not self.told(server, {}, 0):
                        self.silent(role, site)
                else:
                    assert got.stderr, "no word about it, exit %d" % (
                        got.returncode)
                    again = server.try_start()
                    assert again.returncode == 0, again.stderr
                server.look()
                problems = server.stop()
                assert not problems, problems
            finally:
                server.clear()
        self.each_told(every, lambda: None, fail)
        print("note %d calls, %d starts went well nevertheless" % (
            len(every), len(started)))
