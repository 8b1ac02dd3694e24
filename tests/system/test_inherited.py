# SPDX-License-Identifier: ISC
"""What a server inherits from whoever starts it, and what it leaves behind:
descriptors, file modes, links in its place.  Linux only: /proc.
"""

import fcntl
import os
import platform
import socket
import stat
import subprocess
import tempfile
import unittest

from ocm import AM_ROOT, Case, Server
from tcrp import fence, wait_until


def opened(pid):
    """{number: what it is} of the descriptors of a process."""
    where = "/proc/%d/fd" % pid
    return {int(fd): os.readlink(os.path.join(where, fd))
            for fd in os.listdir(where)}


# nanosleep and clock_nanosleep.
NAPS = {"x86_64": (35, 230), "aarch64": (101, 115)}.get(platform.machine())


def waits_in(pid):
    """The number of the system call that a process waits in, or None."""
    try:
        with open("/proc/%d/syscall" % pid) as f:
            word = f.read().split()[0]
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return None
    return int(word) if word.isdigit() else None


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class Inherited(Case):
    def begin(self, **how):
        server = Server(start=False, notices=False)
        self.addCleanup(server.finish)
        got = server.run(server.start_command(), **how)
        self.assertEqual(got.returncode, 0, got.stderr)
        server.started = True
        server.look()
        return server

    @unittest.skipUnless(AM_ROOT, "only root sees what others have open")
    def test_descriptors(self):
        """The children have what is theirs, and nothing of a shell's."""
        with tempfile.NamedTemporaryFile() as file:
            # Beyond the numbers that theirs have.
            fd = fcntl.fcntl(file, fcntl.F_DUPFD, 100)
            self.addCleanup(os.close, fd)
            server = self.begin(pass_fds=(fd,))
            for _ in range(2):
                for role in "roomd", "relayd":
                    has = opened(server.pids[role][0])
                    self.assertGreater(len(has), 3)
                    self.assertNotIn(file.name, has.values(), role)
                    server.kill(role)

    def test_no_standard_descriptors(self):
        """Closed ones do not become sockets that somebody writes to."""
        server = self.begin(preexec_fn=lambda: os.closerange(0, 3))
        has = opened(server.supervisor) if AM_ROOT else {}
        for number in has.keys() & {0, 1, 2}:
            self.assertEqual(has[number], "/dev/null")
        alice = server.member("alice").create("r")
        bob = server.member("bob").join("r")
        for role in "roomd", "relayd":
            server.kill(role)
            fence(alice, bob)
        self.assert_log(server, "relayd 0: process .* died")

    def test_terminal(self):
        """The keys of the terminal, ^Z too, are for ocmd alone."""
        server = self.begin()
        for role in "roomd", "relayd":
            pid = server.pids[role][0]
            self.assertEqual(os.getsid(pid), pid)

    @unittest.skipUnless(AM_ROOT and NAPS, "only root sees what it waits for")
    def test_ports_of_a_dead_one(self):
        """Its children hold them for a moment more, and are waited for."""
        server = Server(start=False, notices=False)
        self.addCleanup(server.finish)
        lock = server.socket + ".lock"
        with open(lock, "w") as f:
            f.write("0\n")
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            server.options["rooms"] = "127.0.0.1:%d" % holder.getsockname()[1]
            process = subprocess.Popen(
                server.start_command(), env=server.environment(),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True)

            def waits():
                with open(lock) as f:
                    pid = f.read().strip()
                return pid not in ("", "0") and \
                    waits_in(int(pid)) in NAPS
            wait_until(waits, step=0.001)
        self.assertEqual(process.communicate()[1], "")
        self.assertEqual(process.returncode, 0)
        server.started = True
        server.look()

    def test_modes(self):
        """Whatever the mask of a shell: nobody else reads the log."""
        for mask in 0, 0o077:
            server = self.begin(umask=mask)
            self.assertEqual(mode(server.log_path), 0o640)
            self.assertEqual(mode(server.socket), 0o660)
            self.assertEqual(mode(server.socket + ".lock"), 0o600)

    def test_file_where_the_socket_belongs(self):
        """A dead one's socket goes; what is none stays as it is."""
        server = Server(start=False, notices=False)
        self.addCleanup(server.clear)
        with open(server.socket, "w") as f:
            f.write("of somebody\n")
        got = server.try_start()
        self.assertEqual(got.returncode, 1)
        self.assertIn("exists and is not a socket", got.stderr)
        with open(server.socket) as f:
            self.assertEqual(f.read(), "of somebody\n")
        os.unlink(server.socket)
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(server.socket)
        server.start()
        self.assertEqual(server.stop(), [])

    def test_log_that_is_a_link(self):
        """Nothing is written to where somebody else wants it."""
        server = Server(start=False)
        self.addCleanup(server.clear)
        other = os.path.join(server.dir, "other")
        with open(other, "w") as f:
            f.write("of somebody\n")
        os.symlink(other, server.log_path)
        got = server.try_start()
        self.assertNotEqual(got.returncode, 0)
        self.assertIn("cannot open the log", got.stderr)
        with open(other) as f:
            self.assertEqual(f.read(), "of somebody\n")
