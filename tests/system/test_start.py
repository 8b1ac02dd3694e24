# SPDX-License-Identifier: ISC
"""Starting and its failures, status, stopping, users and sandboxes."""

import contextlib
import grp
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

import ocm
from dialects import Decimal
from ocm import AM_ROOT, NOBODY, SANITIZED, SLOW, Case, Server
from tcrp import fence, process_field, wait_until


class Start(Case):
    def test_says_where_it_listens(self):
        server = self.serve()
        for host, port in server.rooms + server.relay + server.lobby:
            self.assertIn("%s:%d" % (host, port), server.said)
        # Loopback only: how others could come in is said.
        self.assertRegex(server.said, r"(?i)loopback|this machine|network")

    def test_status_json(self):
        server = self.serve(workers=2)
        server.member("alice").create("部屋")
        server.member("bob").join("部屋")
        status = server.status()
        self.assertRegex(status["version"], r"\A[0-9]+\.[0-9]+")
        self.assertLess(status["uptime"], 60)
        self.assertEqual((status["members"], status["open_rooms"]), (2, 1))
        roles = sorted(p["role"] for p in status["processes"])
        self.assertEqual(roles, ["ocmd", "relayd", "relayd", "roomd"])
        for one in status["processes"]:
            self.assertTrue(ocm.running(one["pid"]))
            self.assertEqual(one["restarts"], 0)
            self.assertEqual(int(process_field(one["pid"], "Uid")[1]),
                             one["uid"])
            if one["role"] != "ocmd" and not SANITIZED:
                self.assertIn("seccomp", one["sandbox"])

    def test_workers_auto(self):
        """One relayd for each processor, as status tells."""
        server = self.serve(workers="auto")
        relays = [p["index"] for p in server.status()["processes"]
                  if p["role"] == "relayd"]
        self.assertEqual(relays, list(range(min(os.cpu_count(), 16))))
        for i in relays:
            self.assertRegex(server.ctl("status"), r"(?m)^relayd %d " % i)

    def test_socket_buffers(self):
        """What is asked for and what the kernel gives is told."""
        server = self.serve(socket_buffer=64)
        self.assertEqual(server.status()["buffers"], {
            "receive": 64, "receive_wanted": 64,
            "send": 64, "send_wanted": 64})
        self.assertIn("64 KiB to receive, 64 KiB to send",
                      server.ctl("status"))
        self.assertNotIn("Bursts", server.said)
        self.assertNotIn("bursts", server.log())

    @unittest.skipUnless(AM_ROOT, "needs root to become somebody else")
    def test_refused_socket_buffers(self):
        place = Server(start=False)
        self.addCleanup(place.clear)
        build = ocm.copy_programs(os.path.join(place.dir, "build"))
        os.chmod(place.dir, 0o755)
        server = self.serve(build=build, uid=NOBODY, socket_buffer=524288)
        got = server.status()["buffers"]
        for side, limit in ("receive", "rmem_max"), ("send", "wmem_max"):
            with open("/proc/sys/net/core/" + limit) as f:
                allowed = int(f.read()) // 1024
            self.assertEqual(got[side], allowed)
            self.assertEqual(got[side + "_wanted"], 524288)
            line = (r"%d of 524288 KiB of %s buffer \(raise net\.core\.%s" %
                    (allowed, side, limit))
            self.assertRegex(server.said, "Bursts may be lost: .*" + line)
            self.assertRegex(server.log(), "bursts may be lost: .*" + line)
            self.assertIn("%d of 524288 KiB to %s" % (allowed, side),
                          server.ctl("status"))
        self.assertEqual(server.log().count("bursts may"), 1)

    def test_status_text(self):
        server = self.serve()
        text = server.ctl("status")
        for word in ("roomd", "relayd", "ocmd",
                     "127.0.0.1:%d" % server.rooms[0][1]):
            self.assertIn(word, text)

    def test_exit_codes_of_status(self):
        server = self.serve()
        server.ctl("status", code=0)
        socket_path = server.socket
        server.stop()
        server.ctl("status", code=3)
        server.ctl("status", "-j", code=3)
        # A directory in its place cannot be asked.
        os.mkdir(socket_path)
        server.ctl("status", code=4)
        os.rmdir(socket_path)

    def test_status_of_a_stale_socket(self):
        """A socket file that nobody listens on: not running."""
        server = Server(start=False)
        self.addCleanup(server.finish)
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(server.socket)
        stale.close()
        server.ctl("status", code=3)
        # And the next start takes its place.
        server.start()

    def test_status_of_one_that_does_not_answer(self):
        server = Server(start=False)
        self.addCleanup(server.finish)
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.bind(server.socket)
            deaf.listen()
            server.ctl("status", code=4)
        os.unlink(server.socket)

    def test_two_servers_side_by_side(self):
        one, two = self.serve(), self.serve()
        a1 = one.member("alice").create("同じ名前")
        b1 = one.member("bob").join("同じ名前")
        a2 = two.member("alice").create("同じ名前")
        b2 = two.member("bob").join("同じ名前")
        fence(a1, b1)
        # A token is worth nothing at the other one.
        b2.send_raw(b1.datagram("wrong server"))
        fence(a2, b2)
        self.assertEqual(one.stop(), [])
        fence(b2, a2)

    def test_twice_on_one_socket(self):
        server = self.serve()
        again = server.run(server.start_command())
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("running", again.stderr)
        alice = server.member("alice").create("r")
        fence(server.member("bob").join("r"), alice)

    def failing(self, *words, build=ocm.BUILD, args=(), **options):
        """A start that must fail in time and say these words."""
        server = Server(*args, build=build, start=False, **options)
        self.addCleanup(server.finish)
        begin = time.monotonic()
        got = server.try_start()
        self.assertLess(time.monotonic() - begin, 10 * SLOW)
        self.assertNotEqual(got.returncode, 0, got.stdout)
        for one in words:
            self.assertIn(one, got.stderr)
        server.ctl("status", code=3)
        # Nothing of it runs on; nothing of it is left.
        wait_until(lambda: self.no_orphans(server))
        self.assertEqual(server.residue(), [])
        return got

    def no_orphans(self, server):
        for pid in ocm.children():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        return not ocm.children()

    def test_port_in_use(self):
        for option, kind in (("rooms", socket.SOCK_STREAM),
                             ("relay", socket.SOCK_DGRAM),
                             ("lobby", socket.SOCK_DGRAM)):
            with self.subTest(option=option), \
                    socket.socket(socket.AF_INET, kind) as taken:
                taken.bind(("127.0.0.1", 0))
                if kind == socket.SOCK_STREAM:
                    taken.listen()
                where = "127.0.0.1:%d" % taken.getsockname()[1]
                self.failing(where, "in use", **{option: where})

    def test_address_of_another_machine(self):
        self.failing("192.0.2.1", rooms="192.0.2.1:0")

    def test_bad_configuration(self):
        cases = (("idle = 300\nidle = abc\n", 2), ("# x\n\nnonsense = 1\n", 3),
                 ("idle = 3\nrooms = { \"127.0.0.1:99999\" }\n", 2),
                 ("rooms = { \"localhost\" }\n", 1), ("idle = -1\n", 1),
                 ("# x\n// y\n/* z\n */ idle = no # w\n", 4),
                 ("idle = 3 # x\n\nidle = \"1,\"\n", 3), ("/* x\n", 1),
                 ("workers = 0\n", 1), ("format = \"loud\"\n", 1),
                 ("idle = \"\n", None), ("max-rooms = 99999999999\n", 1))
        for text, line in cases:
            with self.subTest(text=text):
                path = self.file(text)
                got = self.failing(path, args=("-f", path))
                if line is not None:
                    self.assertRegex(got.stderr, r":%d\b" % line)

    def file(self, text):
        server = Server(start=False)
        self.addCleanup(server.clear)
        path = os.path.join(server.dir, "ocm.conf")
        with open(path, "w") as f:
            f.write(text)
        return path

    def test_bad_options(self):
        for name, value in (("idle", "abc"), ("idle", ""), ("nonsense", "1"),
                            ("workers", "999999"), ("format", "loud"),
                            ("rooms", "127.0.0.1:65536"),
                            ("rooms", "x:1"), ("relay", ""),
                            ("max-rooms", "0")):
            with self.subTest(name=name, value=value):
                self.failing(name, **{name: value})

    def test_missing_configuration(self):
        self.failing("/nonexistent.conf", args=("-f", "/nonexistent.conf"))

    def test_few_descriptors(self):
        server = Server(start=False)
        self.addCleanup(server.finish)
        server.files = 64
        got = server.try_start()
        self.assertEqual(got.returncode, 1)
        self.assertIn("64 open files are too few", got.stderr)
        self.assertEqual(server.residue(), [])

    @unittest.skipUnless(AM_ROOT, "mounts")
    def test_little_shared_memory(self):
        small = ["unshare", "-m", "sh", "-c",
                 "mount -t tmpfs -o size=1m small /dev/shm && exec \"$@\"",
                 "sh"]
        if subprocess.run(small + ["true"], stderr=subprocess.DEVNULL,
                          check=False).returncode != 0:
            self.skipTest("no mounts here")
        server = Server(start=False)
        self.addCleanup(server.finish)
        got = server.run(small + server.start_command())
        self.assertEqual(got.returncode, 1)
        self.assertIn("shared memory: No space", got.stderr)
        self.assertEqual(server.residue(), [])

    def test_missing_child(self):
        for name in "relayd", "roomd", "ocmd":
            with self.subTest(name=name):
                place = Server(start=False)
                self.addCleanup(place.clear)
                build = ocm.copy_programs(
                    os.path.join(place.dir, "build"), [name])
                self.failing(name, build=build)

    def test_child_that_never_gets_ready(self):
        """Something else under the child's name: said, and in time."""
        place = Server(start=False)
        self.addCleanup(place.clear)
        build = ocm.copy_programs(os.path.join(place.dir, "build"))
        shutil.copy2("/bin/true", os.path.join(build, "relayd"))
        self.failing("relayd", build=build)
        # In the foreground, too, where the log is somewhere else.
        self.failing("relayd", build=build, args=("-F",),
                     log=os.path.join(place.dir, "log"))

    def test_check(self):
        good = self.file("idle = 60\nrooms = { \"127.0.0.1:0\", \"[::1]:0\" }\n"
                         "format = \"message\"\nworkers = auto\n")
        bad = self.file("idle = 60\nidle = x\n")
        server = Server(start=False)
        self.addCleanup(server.finish)
        got = server.run([os.path.join(ocm.BUILD, "ocmctl"), "check", "-f",
                          good])
        self.assertEqual(got.returncode, 0, got.stderr)
        got = server.run([os.path.join(ocm.BUILD, "ocmctl"), "check", "-f",
                          bad])
        self.assertNotEqual(got.returncode, 0)
        self.assertRegex(got.stderr, re.escape(bad) + r":2\b")

    def test_configuration_file(self):
        """The file counts, and -o counts more."""
        path = self.file("format = \"message\"\nidle = 77\n"
                         "max-room-members = 2\n")
        server = self.serve("-f", path, max_room_members=3)
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        server.member("carol").join("r")
        with self.refused(5):
            server.member("dave").join("r")
        alice.say("only this")
        bob.expect_raw("only this")

    def foreground(self, **how):
        server = Server("-F", start=False)
        self.addCleanup(server.finish)
        process = subprocess.Popen(
            server.start_command(), env=server.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, **how)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        wait_until(lambda: server.run(
            server.command("status")).returncode == 0)
        server.look()
        return server, process

    def test_foreground(self):
        """-F stays, logs to standard error, and ends on SIGTERM."""
        server, process = self.foreground()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        fence(alice, bob)
        process.send_signal(signal.SIGTERM)
        bob.expect_raw("server is shutting down")
        self.assertEqual(process.wait(2 * SLOW), 0)
        self.assertIn("relayd", process.stderr.read())
        self.assertEqual([p for p in server.seen if ocm.running(p)], [])

    def test_nobody_reads_what_it_says(self):
        """A pager that waits for a key: all goes on, and lines are lost."""
        server, process = self.foreground(pipesize=16384)
        server.ctl("log", "verbose")
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        for i in range(60):
            server.member("x" * 255).create(("r%d" % i).ljust(255))
        server.kill("roomd")
        fence(alice, bob)
        os.read(process.stderr.fileno(), 16384)
        server.ctl("stop")
        self.assertEqual(process.wait(2 * SLOW), 0)
        self.assertRegex(process.stderr.read(),
                         r"(?m)^\S+Z ocmd: lines lost here, since nobody took "
                         r"them: [1-9]\d*\n\S+Z ocmd: stopping\n")

    def test_signals_it_inherits(self):
        """Whatever is blocked or ignored then, it hears what it has to."""
        def deafen():
            for signum in signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM:
                signal.signal(signum, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        path = self.file("idle = 300\n")
        server = Server("-f", path, start=False)
        self.addCleanup(server.finish)
        got = server.run(server.start_command(), preexec_fn=deafen)
        self.assertEqual(got.returncode, 0, got.stderr)
        server.started = True
        server.look()
        alice = server.member("alice").create("r")
        for role in "roomd", "relayd":
            server.kill(role)
        fence(alice, server.member("bob").join("r"))
        with open(path, "w") as f:
            f.write("idle = 200\n")
        os.kill(server.supervisor, signal.SIGHUP)
        wait_until(lambda: "reload: idle applied" in server.log())
        os.kill(server.supervisor, signal.SIGTERM)
        self.assertEqual(server.wait_end(), [])

    def begin(self, ignored=()):
        """A server that will never be READY, and who waits for it."""
        def disposition():
            for signum in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
                signal.signal(signum, signal.SIG_IGN if signum in ignored
                              else signal.SIG_DFL)
        place = Server(start=False)
        self.addCleanup(place.clear)
        build = ocm.copy_programs(os.path.join(place.dir, "build"),
                                  leave_out=("roomd",))
        with open(os.path.join(build, "roomd"), "w") as f:
            f.write("#!/bin/sh\nexec sleep 60\n")
        os.chmod(os.path.join(build, "roomd"), 0o755)
        server = Server(build=build, start=False)
        self.addCleanup(server.finish)
        process = subprocess.Popen(
            server.start_command(), env=server.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, preexec_fn=disposition)
        wait_until(lambda: "relayd 0: ready" in server.log())
        return server, process

    def interrupt(self, server, process, signum):
        process.send_signal(signum)
        said = process.communicate(timeout=5 * SLOW)[1]
        self.assertEqual(process.returncode, 1)
        self.assertIn("stopped before it was ready", said)
        self.assertEqual(server.run(
            server.command("status")).returncode, 3)
        wait_until(lambda: not [
            pid for pid in ocm.children()
            if ocm.names(pid, server.socket) and ocm.running(pid)])

    def test_interrupted_start(self):
        """^C before it is READY ends what was begun."""
        for signum in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            self.interrupt(*self.begin(), signum)

    def test_start_under_nohup(self):
        """Who was told to ignore a signal does."""
        hang_up, end = signal.SIGHUP, signal.SIGTERM
        server, process = self.begin(ignored=(signal.SIGINT, hang_up))
        ignored = int(process_field(process.pid, "SigIgn")[0], 16)
        for signum in signal.SIGINT, hang_up:
            self.assertTrue(ignored >> (signum - 1) & 1)
            process.send_signal(signum)
        self.assertFalse(ignored >> (end - 1) & 1)
        self.interrupt(server, process, end)

    def test_start_is_quick(self):
        """READY within 200 ms, status within 50 ms: the middle of five."""
        starts, asks = [], []
        for _ in range(5):
            server = Server(start=False)
            self.addCleanup(server.finish)
            begin = time.monotonic()
            server.try_start()
            starts.append(time.monotonic() - begin)
            self.assertTrue(server.started)
            begin = time.monotonic()
            server.ctl("status")
            asks.append(time.monotonic() - begin)
        print("note start %.0f ms, status %.0f ms" % (
            sorted(starts)[2] * 1000, sorted(asks)[2] * 1000))
        if not SANITIZED:
            self.assertLess(sorted(starts)[2], 0.2)
            self.assertLess(sorted(asks)[2], 0.05)


class Stop(Case):
    def test_members_are_told(self):
        server = self.serve()
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        carol = server.member("carol").create("r2")
        fence(alice, bob)
        self.assertEqual(server.stop(), [])
        for one in alice, bob, carol:
            one.expect_raw("server is shutting down")
        for one in alice, bob, carol:
            self.assertEqual(one.drain(), [])

    def test_those_who_listen_on_tcp_are_told(self):
        server = self.serve(notices=False)
        alice = Decimal(server, "alice").create("r")
        bob = Decimal(server, "bob").join("r", host=alice)
        self.addCleanup(alice.close)
        self.addCleanup(bob.close)
        self.assertEqual(server.stop(), [])
        for one in alice, bob:
            self.assertEqual(one.talk.frame().payload,
                             b"server is shutting down")

    def test_while_clients_hang_on(self):
        """Open connections and half requests do not hold it up."""
        server = self.serve()
        talks = [server.talk() for _ in range(50)]
        for talk in talks:
            talk.send(b"\x04\x01")
        self.assertEqual(server.stop(), [])
        for talk in talks:
            self.assertTrue(talk.ended())
            talk.close()

    def test_many_members(self):
        server = self.serve(join_rate=0)
        host = server.member("host").create("r")
        people = [server.member("m%d" % i).join("r") for i in range(200)]
        fence(host, *people)
        self.assertEqual(server.stop(), [])
        for one in people:
            one.expect_raw("server is shutting down")

    def test_while_a_child_starts_anew(self):
        """It may still be starting: its members are told all the same."""
        for _ in range(10):
            server = self.serve()
            alice = server.member("alice").create("r")
            bob = server.member("bob").join("r")
            fence(alice, bob)
            os.kill(server.pids["relayd"][0], signal.SIGKILL)
            wait_until(lambda: " died: killed" in server.log())
            server.ctl("stop")
            self.assertEqual(server.wait_end(), [])
            bob.expect_raw("server is shutting down")
            self.assertNotIn("bad control message", server.log())

    def test_while_a_child_waits_for_its_next_start(self):
        """A relayd or the roomd that died too often is not waited for."""
        for role in "relayd", "roomd":
            server = self.serve(restart_limit=0)
            alice = server.member("alice").create("r")
            bob = server.member("bob").join("r")
            fence(alice, bob)
            deaths = 0
            while "starts again in" not in server.log():
                pid = server.process(role)["pid"]
                if pid:
                    os.kill(pid, signal.SIGKILL)
                    deaths += 1
                    wait_until(lambda pid=pid: not ocm.running(pid))
                    wait_until(lambda: server.log().count(
                        " died: killed") == deaths)
            self.assertEqual(server.process(role)["pid"], 0)
            begin = time.monotonic()
            server.ctl("stop")
            self.assertEqual(server.wait_end(), [])
            self.assertLess(time.monotonic() - begin, 2 * SLOW)

    def test_by_signal(self):
        for signum in signal.SIGTERM, signal.SIGINT:
            server = self.serve()
            alice = server.member("alice").create("r")
            fence(server.member("bob").join("r"), alice)
            os.kill(server.supervisor, signum)
            alice.expect_raw("server is shutting down")
            self.assertEqual(server.wait_end(), [])

    def test_stop_of_nothing(self):
        server = Server(start=False)
        self.addCleanup(server.finish)
        got = server.run(server.command("stop"))
        self.assertIn("not running", got.stdout + got.stderr)


@unittest.skipUnless(AM_ROOT, "needs root")
class Users(Case):
    def test_children_change_their_uid(self):
        server = self.serve()
        seen = {}
        for role in "roomd", "relayd":
            pid = server.pids[role][0]
            uids = process_field(pid, "Uid")
            self.assertEqual(len(set(uids)), 1, "%s: %s" % (role, uids))
            self.assertNotEqual(uids[0], "0")
            self.assertEqual(len(set(process_field(pid, "Gid"))), 1)
            self.assertLessEqual(set(process_field(pid, "Groups")),
                                 set(process_field(pid, "Gid")))
            for name in "CapPrm", "CapEff", "CapInh", "CapAmb":
                self.assertEqual(int(process_field(pid, name)[0], 16), 0)
            seen[role] = uids[0]
        self.assertNotEqual(seen["roomd"], seen["relayd"])
        self.assertEqual(server.process("ocmd")["uid"], 0)

    def test_unprivileged_start(self):
        place = Server(start=False)
        self.addCleanup(place.clear)
        build = ocm.copy_programs(os.path.join(place.dir, "build"))
        os.chmod(place.dir, 0o755)
        server = self.serve(build=build, uid=NOBODY)
        for pid in server.all_pids():
            self.assertEqual(set(process_field(pid, "Uid")), {str(NOBODY)})
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        fence(alice, bob)
        server.kill("relayd")
        server.kill("roomd")
        fence(bob, alice)

    def test_strangers_do_not_control(self):
        """Another user may not stop the server."""
        server = self.serve()
        os.chmod(server.dir, 0o755)
        place = Server(start=False)
        self.addCleanup(place.clear)
        os.chmod(place.dir, 0o755)
        build = ocm.copy_programs(os.path.join(place.dir, "build"))
        got = server.run([os.path.join(build, "ocmctl"), "stop", "-s",
                          server.socket], user=NOBODY, group=NOBODY,
                         extra_groups=[])
        self.assertNotEqual(got.returncode, 0)
        server.status()

    @unittest.skipUnless(AM_ROOT, "only root reads what others were given")
    def test_environment_of_the_children(self):
        """What whoever starts it has in there is nobody's business."""
        server = Server(start=False)
        self.addCleanup(server.finish)
        env = {**server.environment(), "SECRET": "of the shell",
               "OCM_SANDBOX_": "no name of ours"}
        server.environment = lambda: env
        server.start()
        for role in "roomd", "relayd":
            with open("/proc/%d/environ" % server.pids[role][0], "rb") as f:
                given = f.read().decode().split("\0")
            names = {one.split("=")[0] for one in given if one}
            self.assertIn("OCM_SANDBOX", names)
            self.assertEqual({name for name in names if not re.fullmatch(
                r"OCM_(SANDBOX|FAULTS|MUTANT)|[A-Z]+SAN_OPTIONS", name)},
                             set())

    @unittest.skipUnless(AM_ROOT, "needs a second user")
    def test_who_may_ask(self):
        """With no group of that name, an open socket opens nothing."""
        with contextlib.suppress(KeyError):
            self.skipTest("there is a group ocm: %d" %
                          grp.getgrnam("ocm").gr_gid)
        server = self.serve()
        server.build = ocm.copy_programs(os.path.join(server.dir, "build"))
        os.chmod(server.dir, 0o755)
        os.chmod(server.socket, 0o666)
        for verb in "status", "stop":
            got = server.run(server.command(verb), user=NOBODY, group=NOBODY,
                             extra_groups=[])
            self.assertNotEqual(got.returncode, 0)
            self.assertIn("permission denied", got.stderr)
        server.status()

    def test_socket_mode(self):
        server = self.serve()
        mode = os.stat(server.socket)
        self.assertEqual(mode.st_mode & 0o777, 0o660)
        with contextlib.suppress(KeyError):
            self.assertEqual(mode.st_gid, grp.getgrnam("ocm").gr_gid)


# What ocmd as root keeps: common/sandbox_linux.c says what for.
KEPT = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "KILL": 5, "SETGID": 6,
        "SETUID": 7, "SYS_CHROOT": 18, "SYS_ADMIN": 21}


@unittest.skipIf(SANITIZED, "sanitizers run without a sandbox")
class Sandbox(Case):
    def test_none_of_these_tests_runs_without_strict(self):
        """Every server of the suite is looked at when it has started."""
        server = Server(start=False)
        self.addCleanup(server.clear)
        env = server.environment()
        del env["OCM_SANDBOX"]
        server.environment = lambda: env
        with self.assertRaisesRegex(AssertionError, "roomd: sandbox"):
            server.start()
        server.strict = False
        server.look()
        self.assertEqual(server.stop(), [])

    def test_the_supervisor_drops_what_it_needs_no_more(self):
        """Once it has started; and it can still do what it must."""
        server = self.serve()
        pid = server.supervisor
        self.assertEqual(process_field(pid, "Seccomp"), ["2"])
        self.assertEqual(process_field(pid, "NoNewPrivs"), ["1"])
        kept = sum(1 << bit for bit in KEPT.values()) if AM_ROOT else 0
        for name in "CapPrm", "CapEff":
            self.assertEqual(int(process_field(pid, name)[0], 16), kept)
        for name in "CapInh", "CapAmb":
            self.assertEqual(int(process_field(pid, name)[0], 16), 0)
        if AM_ROOT:
            self.assertEqual(int(process_field(pid, "CapBnd")[0], 16), kept)
            # Its memory is nobody's but root's.
            self.assertEqual(os.stat("/proc/%d/mem" % pid).st_uid, 0)
        for role in "roomd", "relayd":
            server.kill(role)
        server.ctl("reload")

    def test_every_child_is_confined(self):
        server = self.serve(workers=2)
        for role in "roomd", "relayd":
            for pid in server.pids[role]:
                self.assertEqual(process_field(pid, "Seccomp"), ["2"])
                self.assertEqual(process_field(pid, "NoNewPrivs"), ["1"])

    def test_still_confined_after_a_restart(self):
        server = self.serve()
        for role in "roomd", "relayd":
            server.kill(role)
            pid = server.pids[role][0]
            self.assertEqual(process_field(pid, "Seccomp"), ["2"])
