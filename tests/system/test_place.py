# SPDX-License-Identifier: ISC
"""Starting where the server has no place in the file system: one line that
names the path, what was tried and what helps."""

import os
import subprocess
import unittest

import ocm
from ocm import AM_ROOT, NOBODY, Case, Server

# Runs a command where a directory is a file system of its own.
MOUNTED = ["unshare", "-m", "sh", "-c",
           "mount -t tmpfs -o \"$0\" none \"$1\" && shift && exec \"$@\""]


def can_mount():
    return AM_ROOT and subprocess.run(
        MOUNTED + ["ro", "/tmp", "true"], stderr=subprocess.DEVNULL,
        check=False).returncode == 0


class Refused(Case):
    def refuse(self, said, server, before=(), **environment):
        """One line, the same in the foreground and the background."""
        self.addCleanup(server.finish)
        for args in (), ("-F",):
            server.args = args
            argv = ["env"] + ["%s=%s" % e for e in environment.items()]
            argv += server.start_command()
            if "XDG_RUNTIME_DIR" in environment:
                at = argv.index("-s")
                del argv[at:at + 2]
            got = server.run(list(before) + argv)
            self.assertEqual((got.returncode, got.stdout), (1, ""))
            self.assertEqual(got.stderr.count("\n"), 1, got.stderr)
            self.assertIn("ocmd: " + said, got.stderr)


class Place(Refused):
    def server(self, path="", **options):
        """A server that is not started, of this user or of nobody."""
        server = Server(start=False, **options)
        self.addCleanup(server.clear)
        if AM_ROOT:
            os.chmod(server.dir, 0o755)
            server.build = ocm.copy_programs(
                os.path.join(server.dir, "build"))
            server.uid = NOBODY
        server.closed = os.path.join(server.dir, "closed")
        os.mkdir(server.closed, 0o555)
        server.socket = os.path.join(server.dir, path, "ocm.sock")
        return server

    def test_directory_is_missing(self):
        server = self.server("none")
        self.refuse("%s/none: cannot make a socket here: No such file or "
                    "directory; make what is missing, or use another control "
                    "socket (-s)" % server.dir, server)

    def test_directory_is_a_file(self):
        server = self.server("file")
        with open(os.path.join(server.dir, "file"), "w"):
            pass
        self.refuse("%s/file: cannot make a socket here: Not a directory; "
                    "use another control socket (-s)" % server.dir, server)

    def test_directory_is_closed(self):
        server = self.server("closed")
        self.refuse("%s: cannot make a socket here: Permission denied; use "
                    "another control socket (-s)" % server.closed, server)

    def test_runtime_directory_is_missing(self):
        server = self.server()
        self.refuse("%s/none/ocm: cannot make this directory: No such file "
                    "or directory; make what is missing, or use another "
                    "control socket (-s)" % server.dir, server,
                    XDG_RUNTIME_DIR=server.dir + "/none")

    def test_runtime_directory_is_closed(self):
        server = self.server()
        self.refuse("%s/ocm: cannot make this directory: Permission denied; "
                    "use another control socket (-s)" % server.closed, server,
                    XDG_RUNTIME_DIR=server.closed)

    def test_log_cannot_be_opened(self):
        server = self.server()
        if AM_ROOT:
            os.chown(server.dir, NOBODY, NOBODY)
        server.options["log"] = server.closed + "/log"
        self.refuse("%s/log: cannot open the log: Permission denied; name "
                    "another (-o log=), or stderr or syslog" % server.closed,
                    server)


@unittest.skipUnless(can_mount(), "mounts")
class Mounted(Refused):
    """The same, as root: nobody forbids it, but the file system cannot."""

    def server(self, path="", **options):
        server = Server(start=False, **options)
        server.socket = os.path.join(server.dir, path, "ocm.sock")
        return server

    def test_run_is_read_only(self):
        self.refuse("/run/ocm: cannot make this directory: Read-only file "
                    "system; use another control socket (-s)",
                    self.server(), MOUNTED + ["ro", "/run"],
                    XDG_RUNTIME_DIR="")

    def test_directory_is_read_only(self):
        server = self.server()
        self.refuse("%s: cannot make a socket here: Read-only file system; "
                    "use another control socket (-s)" % server.dir, server,
                    MOUNTED + ["ro", server.dir])

    def test_directory_is_full(self):
        server = self.server(log="syslog")
        self.refuse("%s.lock: cannot make the lock: No space left on device; "
                    "use another control socket (-s)" % server.socket, server,
                    MOUNTED + ["nr_inodes=1", server.dir])
