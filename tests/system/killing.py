# SPDX-License-Identifier: ISC
"""Two instruments of the kill loop, each a process of its own, so that what
they measure does not depend on what the others are doing.

The Killer ends children of ocmd and waits for the first answered request.
The Talkers speak in rooms all the while, in numbered messages, and notice
every one that does not arrive, arrives twice or arrives out of turn.
"""

import collections
import contextlib
import multiprocessing
import os
import random
import select
import signal
import socket
import sys
import time

from tcrp import BE, LIST, Member, Talk

now = time.monotonic
forking = multiprocessing.get_context("fork")
PATIENCE = 20.0         # seconds after which something hangs


class Instrument:
    """A process that is told things through a pipe."""

    def __init__(self):
        self.pipe, theirs = forking.Pipe()
        self.process = forking.Process(target=self.run, args=(theirs,),
                                       daemon=True)
        self.process.start()

    def run(self, pipe):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.pipe = pipe
        try:
            self.work()
        except (EOFError, BrokenPipeError):
            pass
        except Exception as why:        # told to whoever asks next
            pipe.send(why)

    def answer(self, seconds=PATIENCE):
        if not self.pipe.poll(seconds):
            raise AssertionError("%s: no answer within %d s" % (
                type(self).__name__, seconds))
        got = self.pipe.recv()
        if isinstance(got, Exception):
            raise got
        return got

    def end(self):
        self.pipe.close()
        self.process.join(PATIENCE)


# -- killing --

def children_of(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(word) for word in f.read().split()]


def role_of(pid):
    """The name of its program; "ocmd" where it has not executed one yet."""
    try:
        with open("/proc/%d/comm" % pid) as f:
            return f.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None


@contextlib.contextmanager
def hurry():
    """Before everybody else, where that is allowed, while a moment is to be
    hit: on a busy machine it would be over when our turn comes."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK,
                              os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def live(seconds):
    """Awake: a sleep would last too long."""
    end = now() + seconds
    while now() < end:
        pass


class Killer(Instrument):
    """Carries out plans: {"roles": names, "stop": seconds or None,
    "newborn": [seconds of life, ...], "aim": seconds or None}."""

    def __init__(self, server, aim):
        self.supervisor, self.rooms = server.supervisor, server.rooms[0]
        self.aim = aim
        super().__init__()

    def kill(self, plan):
        """Returns [(when it was ordered, when it was seen, role), ...] of
        the deaths, if roomd was among them how many seconds after the last
        order it answered again, and what the Aim has counted."""
        self.pipe.send(plan)
        return self.answer()

    def work(self):
        while True:
            plan = self.pipe.recv()
            if plan["aim"] is not None:
                self.aim.load()
            deaths = self.carry_out(plan)
            service = None
            if "roomd" in plan["roles"]:
                service = self.probe() - deaths[-1][0]
            if plan["aim"] is not None:
                self.aim.judge()
            self.pipe.send((deaths, service, self.aim.unanswered,
                            self.aim.silent))

    def find(self, role):
        end = now() + PATIENCE
        while now() < end:
            found = [pid for pid in children_of(self.supervisor)
                     if role_of(pid) == role]
            if found:
                return random.choice(found)
        raise AssertionError("there is no %s" % role)

    def carry_out(self, plan):
        victims = [(self.find(role), role) for role in plan["roles"]]
        known = set(children_of(self.supervisor))
        dying = []
        with hurry():
            if plan["aim"] is not None:
                self.aim.fire()
                live(plan["aim"])
            if plan["stop"] is not None:
                for pid, _ in victims:
                    os.kill(pid, signal.SIGSTOP)
                time.sleep(plan["stop"])
            for pid, role in victims:
                dying.append(self.end_one(pid, role))
            deaths = [self.seen(*one) for one in dying]
        for life in plan["newborn"]:
            pid = self.newborn(known)
            known.add(pid)
            live(life)
            role = role_of(pid)
            if role not in ("roomd", "relayd"):
                role = "+".join(plan["roles"])
            deaths.append(self.seen(*self.end_one(pid, role)))
        return deaths

    def end_one(self, pid, role):
        """Who was in the midst of a system call goes on with it until its
        turn on a processor comes, and dies then."""
        watch = os.pidfd_open(pid)
        ordered = now()
        os.kill(pid, signal.SIGKILL)
        return ordered, watch, role

    def seen(self, ordered, watch, role):
        dead, _, _ = select.select([watch], [], [], PATIENCE)
        os.close(watch)
        if not dead:
            raise AssertionError("a %s that was killed lives on" % role)
        return ordered, now(), role

    def newborn(self, known):
        end = now() + PATIENCE
        while now() < end:
            for pid in children_of(self.supervisor):
                if pid not in known:
                    return pid
        raise AssertionError("nobody is born")

    def probe(self):
        """The time of the first answer to a request over TCP."""
        end = now() + PATIENCE
        while now() < end:
            try:
                with Talk(self.rooms) as talk:
                    if talk.ask(LIST, codec=BE).frame() is not None:
                        return now()
            except (ConnectionError, AssertionError):
                continue
        raise AssertionError("no request is answered")


# -- talking --

SO_RCVBUFFORCE, SO_MEMINFO = 33, 55
BUFFER = 4 << 20


def drops_at(port):
    """What the kernel dropped because the buffer of a UDP socket, of another
    process, was full; None where the list changed while it was read."""
    found = []
    with open("/proc/net/udp") as f:
        for line in f:
            words = line.split()
            if words[1].endswith(":%04X" % port):
                found.append(int(words[-1]))
    return sum(found) if found else None


def drops_of(sock):
    """The same of a socket of ours."""
    info = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)
    return int.from_bytes(info[32:36], sys.byteorder)


class Ear:
    """Somebody who listens, and the number that must come next."""

    def __init__(self, member, room):
        self.member, self.room = member, room
        self.next = self.drops = self.excuse = 0
        for option in socket.SO_RCVBUF, SO_RCVBUFFORCE:
            with contextlib.suppress(PermissionError):
                member.udp.setsockopt(socket.SOL_SOCKET, option, BUFFER)


class Speaker:
    RING = 1 << 16

    def __init__(self, member):
        self.member, self.number = member, 0
        self.sent = [0.0] * self.RING

    def speak(self):
        self.sent[self.number % self.RING] = now()
        self.member.say(b"%d" % self.number)
        self.number += 1

    def when(self, number):
        return self.sent[number % self.RING]


class Talkers(Instrument):
    """Rooms in which one speaks and the others listen, for ever."""

    STEP = 0.001        # between two messages of a room

    def __init__(self, server, rooms=2, ears=2):
        self.speakers, self.ears = [], []
        self.relay_port = server.relay[0][1]
        for room in range(rooms):
            name = "talk %d" % room
            self.speakers.append(
                Speaker(Member(server, "speaker").create(name)))
            self.ears += [
                Ear(Member(server, "ear %d" % i).join(name), room)
                for i in range(ears)]
        self.names = {"talk %d" % room for room in range(rooms)}
        self.members = rooms * (1 + ears)
        super().__init__()

    def service(self, since):
        """When the first message that was sent after `since` arrived."""
        self.pipe.send(since)
        return self.answer()

    def finish(self):
        """What it found: {"said", "heard", "wrong", "gaps", "drops"}; a gap
        is (first one's sending time, next one's arrival, room, numbers);
        drops: datagrams for which a socket had no room, because the machine
        had no time for relayd or for an ear."""
        self.pipe.send(None)
        return self.answer()

    # in the process

    def work(self):
        self.heard, self.wrong, self.gaps = 0, [], []
        self.asked = None       # since when somebody wants to be told
        self.recent = collections.deque(maxlen=20000)
        self.ending = False
        poll = select.epoll()
        by_fd = {}
        for ear in self.ears:
            by_fd[ear.member.udp.fileno()] = ear
            poll.register(ear.member.udp, select.EPOLLIN)
        poll.register(self.pipe, select.EPOLLIN)
        tick = now()
        while not (self.ending and self.all_heard()):
            if now() >= tick:
                for speaker in self.speakers:
                    speaker.speak()
                tick = max(tick + self.STEP, now())
            for fd, _ in poll.poll(max(tick - now(), 0)):
                if fd in by_fd:
                    self.listen(by_fd[fd])
                else:
                    self.command(self.pipe.recv())
        self.pipe.send({"said": sum(s.number for s in self.speakers),
                        "heard": self.heard, "wrong": self.wrong,
                        "gaps": self.gaps,
                        "drops": self.relay_drops() + sum(
                            drops_of(ear.member.udp) for ear in self.ears)})

    def relay_drops(self):
        while True:
            drops = drops_at(self.relay_port)
            if drops is not None:
                return drops

    def command(self, since):
        if since is None:
            self.ending = True
            self.last = [speaker.number for speaker in self.speakers]
        else:
            self.asked = since
            for sent, arrived in self.recent:
                if sent >= since:
                    self.tell(arrived)
                    break

    def all_heard(self):
        return all(ear.next > self.last[ear.room] for ear in self.ears)

    def listen(self, ear):
        speaker = self.speakers[ear.room]
        for data in ear.member.drain():
            arrived = now()
            word = data.rpartition(b": ")[2]
            if not word.isdigit():
                if b" joined" not in data or ear.next > 2000:
                    self.wrong.append("%s heard %r" % (ear.member, data))
                continue
            number = int(word)
            if number < ear.next:
                self.wrong.append("%s heard %d after %d" % (
                    ear.member, number, ear.next - 1))
                continue
            missed = speaker.when(ear.next)
            if number > ear.next and not self.excused(ear, missed):
                self.gaps.append((missed, arrived, ear.room,
                                  range(ear.next, number)))
            ear.next = number + 1
            self.heard += 1
            self.recent.append((speaker.when(number), arrived))
            if self.asked is not None and \
                    speaker.when(number) >= self.asked:
                self.tell(arrived)

    def excused(self, ear, sent):
        """Drops that are counted by now may show as gaps later, but only of
        what was sent before now."""
        drops = self.relay_drops() + drops_of(ear.member.udp)
        if drops > ear.drops:
            ear.drops, ear.excuse = drops, now()
        return sent <= ear.excuse

    def tell(self, arrived):
        self.pipe.send(arrived)
        self.asked = None
