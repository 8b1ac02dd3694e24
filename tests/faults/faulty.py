# SPDX-License-Identifier: ISC
"""A server that dies, hangs and fails on order.

The layout of the file of orders is that of orders.h.  Used by the tests
beside it, which need the programs of a FAULTS build.
"""

import mmap
import os
import re
import struct

import ocm
from ocm import SLOW, Server
from tcrp import wait_until

DIE, HANG, FAIL, PAUSE, SPIN = 1, 2, 3, 4, 5     # PAUSE: for 80 ms
ORDERS, SITES = 16, 2048
ORDER, SITE = struct.Struct("<IIII16s104s"), struct.Struct("<II16s104s")
COUNTDOWN, DONE = 4, 8          # offsets in an order
POISON = "!poison"


def text(data):
    return data.split(b"\0")[0].decode()


class Faulty(Server):
    order_at_start = None

    def prepare(self):
        """Makes the file of orders."""
        path = os.path.join(self.dir, "orders")
        with open(path, "w+b") as f:
            f.truncate(ORDERS * ORDER.size + SITES * SITE.size)
            self.shared = mmap.mmap(f.fileno(), 0)
        if self.uid is not None:
            os.chown(path, self.uid, self.uid)
        if self.order_at_start is not None:
            self.order(*self.order_at_start)
        return self

    def start(self):
        return super(Faulty, self.prepare()).start()

    def environment(self):
        return {**super().environment(),
                "OCM_FAULTS": os.path.join(self.dir, "orders")}

    # -- orders --

    def order(self, role, name, action, passes=1, at=0):
        """At the passes-th pass from now on, once."""
        self.revoke(at)
        ORDER.pack_into(self.shared, at * ORDER.size, 0, passes, 0, 0,
                        role.encode(), name.encode())
        struct.pack_into("<I", self.shared, at * ORDER.size, action)

    def revoke(self, at=0):
        struct.pack_into("<I", self.shared, at * ORDER.size, 0)

    def done(self, at=0):
        """How often it happened."""
        return struct.unpack_from("<I", self.shared,
                                  at * ORDER.size + DONE)[0]

    # -- what was passed --

    def passed(self):
        """{(role, name): passes} of every site."""
        found = {}
        for i in range(SITES):
            state, passes, role, name = SITE.unpack_from(
                self.shared, ORDERS * ORDER.size + i * SITE.size)
            if state == 0:
                break
            if state == 2:
                key = text(role), text(name)
                found[key] = found.get(key, 0) + passes
        return found

    # -- deaths --

    def stop(self):
        """Deaths were ordered: as many as there were are right."""
        self.deaths = sum(p["restarts"] for p in self.look()["processes"])
        return super().stop()

    def wait_ready(self):
        def ready():
            return all(p["ready"] for p in self.status()["processes"]
                       if p["role"] != "ocmd")
        wait_until(ready, 10 * SLOW)


def points_in_source():
    """Every name of a FAULT in the sources."""
    found = set()
    for folder in "common", "roomd", "relayd":
        where = os.path.join(ocm.ROOT, folder)
        for name in os.listdir(where):
            if name.endswith(".c"):
                with open(os.path.join(where, name)) as f:
                    found.update(re.findall(r"\bFAULT\((\w+)\)", f.read()))
    return found
