# SPDX-License-Identifier: ISC
"""What roomd and relayd do only where much comes together: run.sh looks
whether every system call that they may make is made by some test.
"""

import os
import signal
import threading

import ocm
import tcrp
from tcrp import wait_until

RING = 4096                     # changes that a relay can be behind


class Rare(ocm.Case):
    def test_a_list_larger_than_the_heap_likes(self):
        """Blocks above 128 KiB are mapped."""
        server = self.serve(join_rate=0)
        names = ["%03d" % i + "n" * 252 for i in range(600)]
        for name in names:
            server.member("ann").create(name, hello=False)
        self.assertEqual(len(server.room_list()), len(names))

    def test_a_relay_falls_behind(self):
        """It says so, and reads the whole table once."""
        server = self.serve(hang_limit=0)
        ann = server.member("ann").create("tea")
        bob = server.member("bob").join("tea")
        tcrp.meet(ann, bob)
        relayd = server.pids["relayd"][0]
        scans = server.stats()["table_scans"]
        os.kill(relayd, signal.SIGSTOP)
        with server.talk() as talk:
            talk.ask(tcrp.CREATE, "old", "dan", codec=tcrp.DECIMAL)
            for _ in range(5):
                self.assertEqual(talk.frame().room, b"old")
            for port in range(RING + 10):
                talk.ask(tcrp.PORT, "old", "%d" % (40000 + port),
                         codec=tcrp.DECIMAL)
            wait_until(lambda: server.stats()["ports_registered"] > RING)
            os.kill(relayd, signal.SIGCONT)
            wait_until(lambda: server.stats()["table_scans"] > scans)
            self.assert_log(server, "relayd 0: more changes than")
            tcrp.fence(bob, ann)

    def test_the_lock_is_parked_while_all_want_it(self):
        """A relay dies again and again while roomd does nothing but change
        the table, and the other relay nothing but follow."""
        server = self.serve(workers=2, restart_limit=1000000)
        frames = tcrp.write_frame(tcrp.PORT, "old", "40000", tcrp.DECIMAL) + \
            tcrp.write_frame(tcrp.PORT, "old", "40001", tcrp.DECIMAL)
        stop = threading.Event()

        def change(talk):
            while not stop.is_set():
                talk.send(frames * 200)

        with server.talk() as talk:
            talk.ask(tcrp.CREATE, "old", "dan", codec=tcrp.DECIMAL)
            changer = threading.Thread(target=change, args=(talk,))
            changer.start()
            try:
                for _ in range(20):
                    server.kill("relayd", 1)
            finally:
                stop.set()
                changer.join()
        # Everybody got the lock again.
        ann = server.member("ann").create("tea")
        bob = server.member("bob").join("tea")
        tcrp.meet(ann, bob)
