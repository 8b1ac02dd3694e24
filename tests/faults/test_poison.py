# SPDX-License-Identifier: ISC
"""The packet of death: a message that kills relayd costs its sender the
membership, after the third time, and nobody else anything."""

import ocm
from faulty import DIE, HANG, POISON, Faulty
from tcrp import fence, meet, wait_until


class Poison(ocm.Case):
    def room(self, **options):
        server = Faulty(notices=False, **options)
        self.addCleanup(server.finish)
        people = [server.member("alice").create("部屋")]
        people += [server.member(name).join("部屋")
                   for name in ("bob", "mallory")]
        meet(*people)
        return server, *people

    def kill(self, server, member, action=DIE):
        before = server.process("relayd")
        server.order("relayd", "poison", action)
        member.say(POISON)
        server.wait_restart("relayd", before)

    def test_third_death_removes_the_member(self):
        server, alice, bob, mallory = self.room()
        for n in 1, 2:
            self.kill(server, mallory)
            fence(alice, bob, mallory)
            fence(mallory, alice, bob)
            self.assertEqual(server.stats()["deaths_in_hand"], n)
        self.kill(server, mallory)
        mallory.expect_raw("disconnected: removed")
        wait_until(lambda: len(server.members("部屋")) == 2)
        self.assert_log(server, r"relayd 0: died on a datagram of \d+ bytes "
                        r'of member slot \d+ of room "部屋" from 127\.0\.0\.1')
        self.assert_log(server, r"3 deaths within 60 s; it has to go")
        stats = server.stats()
        self.assertEqual(stats["wishes_harmful"], 1)
        self.assertEqual(stats["removed_harmful"], 1)
        # The room goes on, and the token is dead.
        fence(alice, bob)
        fence(bob, alice)
        before = server.process("relayd")["restarts"]
        server.order("relayd", "poison", DIE)
        for _ in range(10):
            mallory.say(POISON)
            fence(alice, bob)
        self.assertEqual(server.process("relayd")["restarts"], before)
        server.revoke()
        server.member("mallory").join("部屋")

    def test_harmful_host(self):
        """It is removed like anybody, and its room closes as ever."""
        server, alice, bob, mallory = self.room()
        for _ in range(3):
            self.kill(server, alice)
        bob.expect_raw("room closed: the host left")
        mallory.expect_raw("room closed: the host left")
        self.assertEqual(server.room_list(), [])

    def test_others_are_counted_apart(self):
        server, alice, bob, mallory = self.room()
        for one in alice, bob, mallory, mallory, bob, alice:
            self.kill(server, one)
        self.assertEqual(len(server.members("部屋")), 3)
        fence(alice, bob, mallory)

    def test_kills_from_outside_blame_nobody(self):
        """With a datagram in hand each time, and no fault of its sender."""
        server, alice, bob, mallory = self.room(hang_limit=0)
        for _ in range(4):
            server.order("relayd", "poison", HANG)
            mallory.say(POISON)
            wait_until(server.done)
            server.revoke()
            server.kill("relayd")
        fence(alice, bob, mallory)
        self.assertEqual(server.stats()["deaths_in_hand"], 0)
        self.assertNotIn("died on", server.log())

    def test_hanging_counts_too(self):
        server, alice, bob, mallory = self.room(hang_limit=1)
        for _ in range(3):
            self.kill(server, mallory, HANG)
        mallory.expect_raw("disconnected: removed")
        fence(alice, bob)

    def test_strangers_are_never_blamed(self):
        """A death before token, room and address agreed is nobody's."""
        server, alice, bob, mallory = self.room()
        thief = server.stranger(server.relay[0], "127.0.0.2")
        for _ in range(4):
            before = server.process("relayd")
            server.order("relayd", "datagram_in_hand", DIE)
            thief.send_raw(alice.datagram("x"))
            server.wait_restart("relayd", before)
        self.assert_log(server, r"whose sender was not known yet")
        self.assertEqual(server.stats()["deaths_in_hand"], 0)
        fence(alice, bob, mallory)

    def test_two_workers_count_together(self):
        server, alice, bob, mallory = self.room(workers=2)
        deaths = 0
        while deaths < 3:
            server.order("relayd", "poison", DIE)
            mallory.move().close()
            mallory.say(POISON)
            wait_until(server.done)
            wait_until(lambda: sum(p["restarts"] for p in
                                   server.status()["processes"]) > deaths)
            server.wait_ready()
            deaths += 1
        wait_until(lambda: len(server.members("部屋")) == 2)
