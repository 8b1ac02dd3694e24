# SPDX-License-Identifier: ISC
"""What compare and peers have in common: our server on ports of its own, a
relay that is started and ended, a run of a load generator, medians, goals."""

import collections
import contextlib
import json
import os
import pwd
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("OCM_BUILD", os.path.join(HERE, "../../build"))
CTL = os.path.join(BUILD, "ocmctl")


def program(name):
    return os.path.join(HERE, name + ".t")


def have_user(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


# Runs when nothing else wants the processor, and as long as its parent does.
AWAKE = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
try:
    with open("/proc/self/autogroup", "w") as f:
        f.write("19")
except OSError:
    pass
while os.getppid() == int(sys.argv[2]):
    pass
"""


@contextlib.contextmanager
def awake():
    """No processor halts meanwhile.  Linux only."""
    loops = [subprocess.Popen([sys.executable, "-c", AWAKE, str(processor),
                               str(os.getpid())], start_new_session=True)
             for processor in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@contextlib.contextmanager
def server(options=()):
    """The server; gives the arguments that name it to bench_relay."""
    with tempfile.TemporaryDirectory(prefix="ocm-bench-") as there:
        socket = os.path.join(there, "ocm.sock")
        settings = ["join-rate=0", "notices=false"]
        for name, user in ("user-room", "nobody"), ("user-relay", "daemon"):
            if os.getuid() == 0 and not have_user("_ocm" + name[5:]):
                settings.append("%s=%s" % (name, user))
        for one in "rooms", "relay", "lobby":
            settings.append(one + "=127.0.0.1:0")
        command = [CTL, "start", "-s", socket]
        for setting in settings:
            command += ["-o", setting]
        subprocess.run(command + list(options), check=True,
                       stdout=subprocess.DEVNULL)
        try:
            yield ["-s", socket, "-c", CTL]
        finally:
            subprocess.run([CTL, "stop", "-s", socket], check=True,
                           stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def relay(command):
    """A relay that says its address, its process and, if it has rooms, where
    they are joined; gives the arguments that name it to bench_relay."""
    # A session of its own, as a server has: the scheduler may go by it.
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                             start_new_session=True)
    try:
        said = child.stdout.readline().split()
        yield [word for pair in zip(("-p", "-P", "-t"), said)
               for word in pair]
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def load(name, arguments, seconds):
    """What bench_relay or bench_stream has measured, by the names of its
    JSON."""
    out = subprocess.run([program(name), "-j", "-d", str(seconds)] +
                         list(arguments), stdout=subprocess.PIPE, text=True,
                         check=True).stdout
    return json.loads(out)


def middle(results, key):
    """The median of what the results have under a name, None if nothing."""
    values = [r[key] for r in results if key in r]
    return statistics.median(values) if values else None


# The work, what is compared, at least (1) or at most (-1), the goal, and the
# figure from one round's results.
Goal = collections.namedtuple("Goal", "work text sign goal figure")


def figures(goal, rounds):
    for one in rounds:
        try:
            yield goal.figure(one)
        except (KeyError, ZeroDivisionError):
            pass                # a row was left out, or nothing came


def show_goals(goals, rounds):
    """What was reached: the median of the rounds' own figures."""
    print("\n### Goals\n\n| work | figure | goal | reached | |\n"
          "|---|---|---|---|---|")
    for goal in goals:
        values = list(figures(goal, rounds))
        if not values:
            continue
        value = statistics.median(values)
        good = value >= goal.goal if goal.sign > 0 else value <= goal.goal
        print("| %s | %s | %s %g | %.4g | %s |" % (
            goal.work, goal.text, ">=" if goal.sign > 0 else "<=",
            goal.goal, value, "yes" if good else "no"))
