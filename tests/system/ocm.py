# SPDX-License-Identifier: ISC
"""Real servers for the tests: start one, ask it, stop it, and look whether
it left anything behind.  Used by all test modules.

OCM_BUILD names the directory of the programs (default: build/ of the tree),
OCM_MUTANT a mistake that those of a FAULTS build then make.
Everything runs with OCM_SANDBOX=strict: a system call that the sandbox does
not know kills the child, and a dead child fails the test.
"""

import contextlib
import ctypes
import json
import os
import pwd
import re
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import tcrp

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("OCM_BUILD",
                                       os.path.join(ROOT, "build")))
PROGRAMS = ("ocmctl", "ocm", "ocmd", "roomd", "relayd")
AM_ROOT = os.geteuid() == 0
NOBODY = 65534

PR_SET_CHILD_SUBREAPER = 36


def sanitized():
    try:
        with open(os.path.join(BUILD, "relayd"), "rb") as f:
            return b"__asan_init" in f.read()
    except FileNotFoundError:
        return False


SANITIZED = sanitized()
SLOW = 4 if SANITIZED else 1
tcrp.patience = 5.0 * SLOW

# A daemon's parent becomes this process, which so learns how it ended.
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children():
    """Process ids of all children of this process."""
    found = set()
    for task in os.listdir("/proc/self/task"):
        with open("/proc/self/task/%s/children" % task) as f:
            found.update(int(pid) for pid in f.read().split())
    return found


def names(pid, word_):
    """Whether a process was called with this word."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return word_.encode() in f.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False


def running(pid):
    state = tcrp.process_field(pid, "State")
    return state is not None and state[0] not in "ZX"


def split_address(text):
    """("::1", 9001) of "[::1]:9001"."""
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def need_files(n):
    """Makes room for n descriptors, or skips the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    n += 200
    if soft < n:
        if hard < n and not AM_ROOT:
            raise unittest.SkipTest("%d descriptors are allowed" % hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (n, max(hard, n)))


def copy_programs(to, leave_out=()):
    """A build directory of its own, readable by everybody."""
    os.makedirs(to)
    for name in PROGRAMS:
        if name not in leave_out:
            shutil.copy2(os.path.join(BUILD, name), to)
    return to


class Server:
    """One running server in a directory of its own.

    Server("-F", idle=1, rooms="[::1]:0") passes arguments and options;
    a dash in an option's name is written as an underscore.
    """

    strict = True           # a system call that nobody knows kills

    def __init__(self, *args, build=BUILD, uid=None, start=True, **options):
        self.build, self.uid = build, uid
        self.dir = tempfile.mkdtemp(prefix="ocm-test-")
        if uid is not None:
            os.chown(self.dir, uid, uid)
        self.socket = os.path.join(self.dir, "ocm.sock")
        self.args = args
        self.options = {"rooms": "127.0.0.1:0", "relay": "127.0.0.1:0",
                        "lobby": "127.0.0.1:0"}
        if AM_ROOT and uid is None:
            self.options.update(unprivileged_users())
        self.options.update({name.replace("_", "-"): value
                             for name, value in options.items()})
        self.files = None       # descriptors that it may have
        self.people = []
        self.deaths = 0         # of children that the test brought about
        self.started = False
        self.supervisor = None  # process id of ocmd
        self.pids = {}
        self.seen = set()
        self.log_path = os.path.join(self.dir, "ocm.log")
        self.shm_before = shm_entries()
        if start:
            self.start()

    # -- running programs --

    def environment(self):
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(("OCM_", "XDG_")) or
               name == "OCM_MUTANT"}
        if self.strict:
            env["OCM_SANDBOX"] = "strict"
        return env

    def how(self):
        """Arguments of subprocess.run: as which user, with what limits."""
        how = {}
        if self.uid is not None:
            how.update(user=self.uid, group=self.uid, extra_groups=[])
        if self.files is not None:
            how.update(preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (self.files, self.files)))
        return how

    def command(self, verb, *args):
        return [os.path.join(self.build, "ocmctl"), verb, "-s", self.socket,
                *args]

    def start_command(self):
        options = []
        for name, value in self.options.items():
            if value is not None:
                options += ["-o", "%s=%s" % (name, word(value))]
        return self.command("start", *self.args, *options)

    def run(self, argv, timeout=10, **how):
        return subprocess.run(
            argv, env=self.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=timeout * SLOW, **{**self.how(), **how})

    def ctl(self, verb, *args, code=0):
        """Runs ocmctl, which must exit with code; its standard output."""
        got = self.run(self.command(verb, *args))
        assert got.returncode == code, "ocmctl %s: exit %d, %s%s" % (
            " ".join((verb,) + args), got.returncode, got.stdout, got.stderr)
        return got.stdout

    def try_start(self):
        """Starts, whatever comes of it: the finished `ocmctl start`."""
        got = self.run(self.start_command())
        self.started = got.returncode == 0
        return got

    def start(self):
        got = self.try_start()
        if not self.started:
            said = got.stdout + got.stderr + self.log()
            self.clear()
            raise AssertionError("no start: exit %d, %s" % (
                got.returncode, said))
        self.said = got.stdout
        self.look()
        return self

    def look(self):
        """Learns ports and process ids from `status -j`."""
        status = self.status()
        self.rooms = [split_address(a) for a in status["rooms"]]
        self.relay = [split_address(a) for a in status["relay"]]
        self.lobby = [split_address(a) for a in status["lobby"]]
        self.pids = {}
        for one in status["processes"]:
            self.pids.setdefault(one["role"], []).append(one["pid"])
        self.seen.update(self.all_pids())
        self.supervisor = self.pids["ocmd"][0]
        for one in status["processes"]:
            if one.get("ready") and "none" not in one["sandbox"]:
                assert self.strict == ("strict" in one["sandbox"]), \
                    "%s: sandbox %s" % (one["role"], one["sandbox"])
        return status

    # -- asking --

    def status(self):
        return json.loads(self.ctl("status", "-j"))

    def stats(self):
        """Every counter by name, over all processes."""
        return flat_counters(json.loads(self.ctl("stats", "-j")))

    def members(self, room):
        return json.loads(self.ctl("members", "-j", room))

    def wait_keepalives(self, n):
        """Until the relay has taken n empty datagrams since its start."""
        tcrp.wait_until(lambda: self.stats()["keepalives"] >= n)

    def room_list(self):
        return json.loads(self.ctl("rooms", "-j"))

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def process(self, role, index=0):
        return [p for p in self.status()["processes"]
                if p["role"] == role][index]

    def all_pids(self):
        return {pid for pids in self.pids.values() for pid in pids}

    # -- people --

    def member(self, name, host=None, via=0):
        return tcrp.Member(self, name, host, via)

    def lobby_client(self, name, host=None, via=0):
        return tcrp.LobbyClient(self, name, host, via)

    def stranger(self, to, host="127.0.0.1"):
        one = tcrp.Datagrams(host, to)
        self.people.append(one)
        return one

    def talk(self, via=0, source=None):
        return tcrp.Talk(self.rooms[via], source)

    def dismiss(self):
        for one in self.people:
            one.close()
        self.people.clear()

    # -- faults --

    def kill(self, role, index=0, signum=signal.SIGKILL):
        """Kills a child and waits until ocmd has another one ready."""
        before = self.process(role, index)
        self.deaths += 1
        os.kill(before["pid"], signum)
        self.wait_restart(role, before, index)

    def wait_restart(self, role, before, index=0):
        def again():
            now = self.process(role, index)
            return now["restarts"] > before["restarts"] and \
                now["pid"] != before["pid"] and now["ready"]
        tcrp.wait_until(again)
        self.look()

    # -- the end --

    def stop(self):
        """Stops it, within 2 s, and looks for what should not be."""
        problems = []
        restarts = sum(p["restarts"] for p in self.look()["processes"])
        if restarts != self.deaths:
            problems.append("%d deaths of children" % restarts)
        begin = time.monotonic()
        self.ctl("stop")
        problems += self.wait_end()
        took = time.monotonic() - begin
        if took > 2 * SLOW:
            problems.append("stopping took %.1f s" % took)
        return problems

    def wait_end(self):
        """The server is ending: waits for it, and looks what is left."""
        problems = []
        self.started = False
        with pidfd(self.supervisor) as fd:
            if not select.select([fd], [], [], 2 * SLOW)[0]:
                problems.append("ocmd has not ended")
                os.kill(self.supervisor, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.supervisor, 0)[1])
        if status != 0:
            problems.append("ocmd ended with %d" % status)
        problems += ["process %d lives on" % pid
                     for pid in sorted(self.seen) if running(pid)]
        return problems + self.residue()

    def residue(self):
        problems = []
        log = self.log()
        for word_ in ("Sanitizer", "runtime error:", "ssertion"):
            if word_ in log:
                problems.append("%r in the log" % word_)
        if os.path.exists(self.socket):
            problems.append("the control socket is still there")
        with contextlib.suppress(AssertionError):
            tcrp.wait_until(lambda: not shm_entries() - self.shm_before, 1)
        left = shm_entries() - self.shm_before
        if left:
            problems.append("shared memory left: %s" % sorted(left))
        return problems

    def finish(self):
        """The end of every test: stop, look, clear away."""
        problems = []
        self.dismiss()
        try:
            if self.started:
                problems = self.stop()
        finally:
            log = self.log()
            self.clear()
        if problems:
            raise AssertionError("%s\n%s" % ("; ".join(problems),
                                             log[-6000:]))

    def clear(self):
        """Ends what is left of it by force, and its directory."""
        for pid in children():
            if pid == self.supervisor or names(pid, self.socket):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        for pid in self.seen - {self.supervisor}:
            if self.started and running(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.dir, ignore_errors=True)


def word(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def flat_counters(value):
    """{"name": sum} of counters, however deep they lie."""
    total = {}
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, bool):
                continue
            if isinstance(inner, int):
                total[name] = total.get(name, 0) + inner
                continue
            for key, n in flat_counters(inner).items():
                total[key] = total.get(key, 0) + n
    elif isinstance(value, list):
        for inner in value:
            for key, n in flat_counters(inner).items():
                total[key] = total.get(key, 0) + n
    return total


def unprivileged_users():
    """Options naming users that exist, where the default ones do not."""
    options = {}
    for name, default, other in (("user-room", "_ocmroom", "nobody"),
                                 ("user-relay", "_ocmrelay", "daemon")):
        try:
            pwd.getpwnam(default)
        except KeyError:
            options[name] = other
    return options


def shm_entries():
    try:
        return set(os.listdir("/dev/shm"))
    except FileNotFoundError:
        return set()


@contextlib.contextmanager
def pidfd(pid):
    fd = os.pidfd_open(pid)
    try:
        yield fd
    finally:
        os.close(fd)


class Case(unittest.TestCase):
    """A test case with servers of its own."""

    maxDiff = 2000

    def serve(self, *args, **options):
        # Joined and left notices only where a test is about them.
        options.setdefault("notices", False)
        server = Server(*args, **options)
        self.addCleanup(server.finish)
        return server

    def refused(self, status):
        return Refusal(self, status)

    def assert_log(self, server, pattern):
        """Until the log has a line that matches."""
        with contextlib.suppress(AssertionError):
            tcrp.wait_until(lambda: re.search(pattern, server.log()))
        self.assertRegex(server.log(), pattern)

    def assert_no_children(self):
        self.assertEqual(children(), set())


class Refusal:
    """with self.refused(status): a request that must be answered so."""

    def __init__(self, case, status):
        self.case, self.expected = case, status

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.case.assertIs(kind, tcrp.Refused, "was not refused")
        self.case.assertEqual(value.status, self.expected)
        return True


class SharedCase(Case):
    """Test methods that share one server; rooms are named apart."""

    options = {}

    @classmethod
    def setUpClass(cls):
        options = dict(cls.options)
        options.setdefault("notices", False)
        cls.server = Server(**options)
        cls.addClassCleanup(cls.server.finish)

    def setUp(self):
        # A name that no other test of the class has.
        self.room = self._testMethodName[5:]
        self.addCleanup(self.server.dismiss)

    def people(self, *names, room=None, hello=True):
        """Members of the test's room; the first one is the host."""
        room = self.room if room is None else room
        first, *others = names
        host = self.server.member(first).create(room, hello=hello)
        rest = [self.server.member(name).join(room, hello=hello)
                for name in others]
        if hello and rest:
            # Now the relay has heard them all: what is asked over TCP
            # cannot overtake a hello.
            tcrp.fence(host, *rest)
        return [host] + rest
