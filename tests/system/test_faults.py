# SPDX-License-Identifier: ISC
"""Children that die: rooms and tokens live on in the segment, the sockets
with ocmd, and ocmd starts the dead one again."""

import os
import select
import signal
import threading
import time

import ocm
from ocm import SLOW, Case
from tcrp import (MEMBERS, OK, descriptors, fence, resident_kib,
                  wait_until)


class KillIdle(Case):
    def check(self, role):
        server = self.serve()
        alice = server.member("アリス").create("部屋", password="秘密")
        bob = server.member("bob").join("部屋", password="秘密")
        fence(alice, bob)
        xavier = server.lobby_client("xavier").hello()
        yvonne = server.lobby_client("yvonne").hello()
        fence(xavier, yvonne)
        server.kill(role)
        # Tokens and learned ports: nobody has to say hello again.
        fence(alice, bob)
        fence(bob, alice)
        fence(xavier, yvonne)
        self.assertEqual([m["name"] for m in bob.members()],
                         ["アリス", "bob"])
        with self.refused(3):
            server.member("mallory").join("部屋", password="falsch")
        carol = server.member("carol").join("部屋", password="秘密")
        fence(carol, alice, bob)
        alice.leave()
        for one in bob, carol:
            one.expect_raw("room closed: the host left")
        server.member("dave").create("部屋")
        self.assert_log(server, r"%s.*signal 9" % role)

    def test_roomd(self):
        self.check("roomd")

    def test_relayd(self):
        self.check("relayd")

    def test_both_many_times(self):
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        for round_ in range(4):
            for role in "relayd", "roomd":
                server.kill(role)
                fence(alice, bob)
                fence(bob, alice)
                server.member("m%d" % round_).join("r")
        names = [m["name"] for m in alice.members()]
        self.assertEqual(len(names), 2 + 8)
        self.assertEqual(len(set(names)), len(names))

    def test_both_at_once(self):
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        before = {role: server.process(role) for role in ("roomd", "relayd")}
        server.deaths += 2
        for one in before.values():
            os.kill(one["pid"], signal.SIGKILL)
        for role, one in before.items():
            server.wait_restart(role, one)
        fence(alice, bob)
        server.member("carol").join("r")

    def test_one_of_two_workers(self):
        server = self.serve(workers=2)
        people = [server.member("p0").create("r")]
        people += [server.member("p%d" % i).join("r") for i in range(1, 7)]
        for index in 0, 1:
            server.kill("relayd", index)
            for one in people:
                fence(one, *[p for p in people if p is not one])

    def test_port_is_kept_by_a_new_relay(self):
        """Ports given over TCP and ports learned are both still known."""
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        bob.move().close()

        def moved():
            bob.hello()
            alice.say("x")
            return bob.recv(0.1) is not None
        wait_until(moved)
        bob.drain()
        server.kill("relayd")
        fence(alice, bob)

    def test_left_and_closed_stay_so(self):
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        carol = server.member("carol").create("r2")
        dave = server.member("dave").join("r2")
        fence(carol, dave)
        bob.leave()
        carol.leave()
        dave.expect_raw("room closed: the host left")
        for role in "roomd", "relayd":
            server.kill(role)
        self.assertNotEqual(bob.request(MEMBERS).status(), OK)
        self.assertNotEqual(dave.request(MEMBERS).status(), OK)
        bob.say("zombie")
        dave.say("zombie")
        erin = server.member("erin").join("r")
        fence(alice, erin)
        self.assertEqual([r["name"] for r in server.room_list()], ["r"])

    def test_last_seen_outlives_a_relayd(self):
        """Its death makes nobody idle later, or earlier."""
        idle = 4
        server = self.serve(idle=idle)
        silent = server.member("silent").create("r")
        spoke = server.member("spoke").create("r2")
        fence(silent)
        begin = time.monotonic()
        time.sleep(idle / 2)
        spoke.hello()
        server.wait_keepalives(3)
        server.kill("relayd")
        wait_until(lambda: server.status()["members"] == 1, 2 * idle)
        took = time.monotonic() - begin
        self.assertGreater(took, idle - 0.5)
        self.assertLess(took, idle + 1)
        self.assertEqual([r["name"] for r in server.room_list()], ["r2"])
        wait_until(lambda: server.status()["members"] == 0, 2 * idle)
        took = time.monotonic() - begin
        self.assertGreater(took, 1.5 * idle - 0.5)
        self.assertLess(took, 1.5 * idle + 1)

    def test_idle_expiry_goes_on(self):
        server = self.serve(idle=2)
        server.member("alice").create("r")
        server.kill("relayd")
        server.kill("roomd")
        wait_until(lambda: server.status()["members"] == 0)


class KillTalking(Case):
    """A room talks while a child is killed.  What the dead relay held in its
    hands may be lost; nothing may arrive twice, changed, or out of turn."""

    COUNT = 3000

    def talk_through(self, role, lossless):
        server = self.serve()
        alice = server.member("alice").create("r")
        people = [server.member("p%d" % i).join("r") for i in range(4)]
        heard = {one: [] for one in people}
        fds = {one.udp.fileno(): one for one in people}
        poll = select.epoll()
        for fd in fds:
            poll.register(fd, select.EPOLLIN)

        def listen(timeout):
            for fd, _ in poll.poll(timeout):
                heard[fds[fd]] += fds[fd].drain()
        before = server.process(role)
        server.deaths += 1
        for i in range(self.COUNT):
            if i == self.COUNT // 3:
                os.kill(before["pid"], signal.SIGKILL)
            alice.say("%d" % i)
            listen(0.0005)
        server.wait_restart(role, before)
        alice.say("end")
        deadline = [0]

        def ended():
            listen(0.05)
            deadline[0] += 1
            return all(h and h[-1] == b"alice: end" for h in heard.values())
        wait_until(ended)
        for one, said in heard.items():
            numbers = [int(s.split(b": ")[1]) for s in said[:-1]]
            self.assertEqual(numbers, sorted(set(numbers)), str(one))
            lost = self.COUNT - len(numbers)
            print("note %s killed: %s lost %d of %d" % (
                role, one, lost, self.COUNT))
            self.assertLessEqual(lost, 0 if lossless else 128)
        poll.close()

    def test_roomd(self):
        """The relay needs no roomd to relay: nothing is lost."""
        self.talk_through("roomd", lossless=True)

    def test_relayd(self):
        self.talk_through("relayd", lossless=False)

    def test_stopped_roomd_does_not_stop_the_room(self):
        server = self.serve(hang_limit=0)
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        pid = server.pids["roomd"][0]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(self.resume, pid)
        for _ in range(200):
            fence(alice, bob)
            fence(bob, alice)
        os.kill(pid, signal.SIGCONT)
        server.member("carol").join("r")

    def resume(self, pid):
        if ocm.running(pid):
            os.kill(pid, signal.SIGCONT)

    def test_requests_during_a_restart_are_answered(self):
        """A connection that comes while roomd is dead waits its turn."""
        server = self.serve(join_rate=0)
        server.member("host").create("r")
        results, stop = [], threading.Event()

        def join():
            while not stop.is_set():
                try:
                    server.member("m").join("r", hello=False)
                    results.append(True)
                except (AssertionError, OSError) as why:
                    results.append(why)
        thread = threading.Thread(target=join)
        thread.start()
        try:
            for _ in range(3):
                server.kill("roomd")
        finally:
            stop.set()
            thread.join()
        broken = [r for r in results if r is not True]
        # The one that was in its hands, each time.
        self.assertLessEqual(len(broken), 3, broken)
        self.assertGreater(len(results), 6)
        answered = len([r for r in results if r is True])
        listed = len(server.members("r")) - 1
        self.assertGreaterEqual(listed, answered)
        self.assertLessEqual(listed, answered + 3)


class Supervisor(Case):
    def test_children_do_not_outlive_it(self):
        """kill -9 of ocmd: no child stays, the next start just works."""
        server = self.serve()
        server.member("alice").create("r")
        os.kill(server.supervisor, signal.SIGKILL)
        os.waitpid(server.supervisor, 0)
        server.started = False
        wait_until(lambda: not [p for p in server.seen if ocm.running(p)])
        wait_until(lambda: self.reaped())
        server.ctl("status", code=3)
        server.start()
        server.member("alice").create("r")

    def reaped(self):
        for pid in ocm.children():
            os.waitpid(pid, os.WNOHANG)
        return not ocm.children()

    def test_no_descriptor_is_lost(self):
        """Ten deaths later ocmd has as many descriptors as before."""
        server = self.serve()
        server.kill("relayd")
        server.kill("roomd")
        before = descriptors(server.supervisor)
        memory = resident_kib(server.supervisor)
        for _ in range(5):
            server.kill("relayd")
            server.kill("roomd")
        wait_until(lambda: descriptors(server.supervisor) <= before)
        if not ocm.SANITIZED:
            self.assertLess(resident_kib(server.supervisor), memory + 512)

    def test_one_that_keeps_dying_is_slowed_down(self):
        """Backoff: a child that dies at once does not take the machine."""
        server = self.serve()
        deaths = 0
        pause = threading.Event()
        for _ in range(100):
            one = server.process("relayd")
            if one["pid"] > 0 and ocm.running(one["pid"]):
                os.kill(one["pid"], signal.SIGKILL)
                deaths += 1
            pause.wait(0.02)
        self.assertLess(server.process("relayd")["restarts"], 60)
        self.assertLessEqual(server.process("relayd")["restarts"], deaths)
        wait_until(lambda: ocm.running(server.process("relayd")["pid"]),
                   20 * SLOW)
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")

        def talking():
            bob.hello()
            alice.say("x")
            return bob.recv(0.2) is not None
        wait_until(talking, 20 * SLOW)
        server.deaths = server.process("relayd")["restarts"]

    def test_log_names_the_dead(self):
        server = self.serve()
        server.kill("relayd", signum=signal.SIGABRT)
        self.assert_log(server, r"relayd.*signal 6")
        server.kill("roomd", signum=signal.SIGSYS)
        self.assert_log(server, r"roomd.*signal 31")
