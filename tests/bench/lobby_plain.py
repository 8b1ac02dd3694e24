# SPDX-License-Identifier: ISC
"""A plain relay of the lobby's protocol, as one writes it first: a socket,
a set of addresses, a loop.  Something to compare with; see compare.
Prints its address and its process."""

import os
import socket

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
sock.bind(("127.0.0.1", 0))
print("127.0.0.1:%d %d" % (sock.getsockname()[1], os.getpid()), flush=True)
clients = set()
while True:
    data, address = sock.recvfrom(4096)
    clients.add(address)
    if len(data) <= 1 + data[0]:
        continue
    for client in clients:
        if client != address:
            sock.sendto(data, client)
