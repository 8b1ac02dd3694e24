# SPDX-License-Identifier: ISC
"""The layers of the sandbox that `ocmctl status` names, each as the kernel
sees it from outside.  What they are good for is tried in tests/sandbox; but
most of that the system call filter would prevent alone.  Linux only: /proc.
"""

import os
import re
import unittest

import ocm
from ocm import AM_ROOT, NOBODY, SANITIZED, Case, Server
from tcrp import process_field

# These a kernel may lack.
OPTIONAL = {"namespaces", "landlock"}
ALWAYS = {"dumpable", "deathsig", "rlimits", "no-new-privs", "seccomp",
          "capabilities", "strict"}
SPACES = ("net", "mnt", "ipc", "uts")
CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapAmb")
LIMITS = ("file size", "processes", "core file size")


def link(pid, name):
    return os.readlink("/proc/%d/%s" % (pid, name))


@unittest.skipIf(SANITIZED, "sanitizers run without a sandbox")
class Layers(Case):
    def roles(self, server):
        """(role, pid, its layers, its uid) of each child."""
        for role in "roomd", "relayd":
            child = server.process(role)
            yield role, child["pid"], set(child["sandbox"]), child["uid"]

    def check_limits(self, pid):
        with open("/proc/%d/limits" % pid) as f:
            text = f.read()
        for name in LIMITS:
            found = re.search(r"Max %s +(\w+) +(\w+)" % name, text)
            self.assertEqual(found.groups(), ("0", "0"), name)

    def check(self, server, layers):
        for role, pid, held, uid in self.roles(server):
            with self.subTest(role=role):
                self.assertEqual(held - OPTIONAL, layers)
                self.check_limits(pid)
                self.assertEqual(process_field(pid, "NoNewPrivs"), ["1"])
                self.assertEqual(process_field(pid, "Uid"), [str(uid)] * 4)
                # Its memory is nobody's but root's.
                self.assertNotEqual(uid, 0)
                self.assertEqual(os.stat("/proc/%d/mem" % pid).st_uid, 0)
                if "namespaces" not in held:
                    print("note: NOT SEEN: namespaces")
                elif AM_ROOT:
                    for name in SPACES:
                        self.assertNotEqual(
                            link(pid, "ns/" + name),
                            link(server.supervisor, "ns/" + name))
                for name in CAPABILITIES:
                    self.assertEqual(int(process_field(pid, name)[0], 16), 0,
                                     name)

    @unittest.skipUnless(AM_ROOT, "needs root")
    def test_as_root(self):
        server = Server(start=False)
        self.addCleanup(server.finish)
        # Groups that somebody who became root has kept.
        server.how = lambda: {"extra_groups": [NOBODY, NOBODY - 1]}
        server.start()
        self.assertEqual(len(process_field(server.supervisor, "Groups")), 2)
        self.check(server, ALWAYS | {"uid", "chroot"})
        for role, pid, _, _ in self.roles(server):
            self.assertEqual(process_field(pid, "Groups"), [], role)
            cage = link(pid, "root")
            self.assertEqual(link(pid, "cwd"), cage)
            self.assertEqual(os.listdir(cage), [])

    def test_without_root(self):
        place = Server(start=False)
        self.addCleanup(place.clear)
        build = ocm.copy_programs(os.path.join(place.dir, "build"))
        os.chmod(place.dir, 0o755)
        self.check(self.serve(build=build, uid=NOBODY if AM_ROOT else None),
                   ALWAYS)

    @unittest.skipUnless(AM_ROOT, "needs root")
    def test_root_is_no_user_of_theirs(self):
        for option in "user_room", "user_relay":
            server = Server(start=False, **{option: "root"})
            self.addCleanup(server.clear)
            got = server.try_start()
            self.assertEqual(got.returncode, 1)
            self.assertIn('user "root" is root: choose another', got.stderr)
