# SPDX-License-Identifier: ISC
"""A plain server of rooms and tokens, as one writes it first: dictionaries,
a thread for TCP, a loop for UDP, one sendto for each copy.  It speaks the
plain dialects of ocm-protocol(7), without passwords.  Something to compare
with; see compare and peers.  Prints its relay's address, its process and the
address where rooms are made."""

import json
import os
import secrets
import socket
import threading
import time

HEADER = 32
CREATE, JOIN = 1, 2
REQUEST, STATUS, DONE = 0, 1, 2
OK, EXISTS, NO_ROOM, MALFORMED = 0, 1, 2, 4
IDLE = 300

rooms = {}                      # name: Room
lock = threading.Lock()


class Member:
    def __init__(self, name, host):
        self.name = name
        self.host = host        # its token counts only from there
        self.address = None     # of its UDP socket, once it has spoken
        self.seen = time.monotonic()


class Room:
    def __init__(self, owner):
        self.owner = owner      # the token of who made it
        self.members = {}       # token: Member


def receive_all(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ConnectionError("cut short")
        data += more
    return data


def answer(connection, room, operation, state, payload):
    head = bytes([len(room), operation, state])
    connection.sendall(head + len(payload).to_bytes(29, "big") + room +
                       payload)


def enter(operation, name, user, host):
    """(status, token) of a request."""
    token = secrets.token_urlsafe(24).encode()
    with lock:
        if operation == CREATE:
            if name in rooms:
                return EXISTS, None
            rooms[name] = Room(token)
        elif name not in rooms:
            return NO_ROOM, None
        taken = {m.name for m in rooms[name].members.values()}
        unique, number = user, 2
        while unique in taken:
            unique, number = user + b"~%d" % number, number + 1
        rooms[name].members[token] = Member(unique, host)
    return OK, token


def user_of(payload):
    """The name, as it is or in JSON; empty if there is none."""
    if not payload.startswith(b"{"):
        return payload
    try:
        asked = json.loads(payload)
        return str(asked.get("username") or asked["user_name"]).encode()
    except (ValueError, KeyError):
        return b""


def handle_request(connection, host):
    head = receive_all(connection, HEADER)
    size = int.from_bytes(head[3:], "big")
    room, user = b"", b""
    if head[0] > 0 and 0 < size <= 255:
        room = receive_all(connection, head[0])
        user = user_of(receive_all(connection, size))
    operation = head[1]
    if not user or operation not in (CREATE, JOIN) or head[2] != REQUEST:
        answer(connection, room, operation, STATUS, bytes([MALFORMED]))
        return
    status, token = enter(operation, room, user, host)
    answer(connection, room, operation, STATUS, bytes([status]))
    if token is not None:
        answer(connection, room, operation, DONE, token)


def serve_rooms(listener):
    while True:
        connection, address = listener.accept()
        with connection:
            connection.settimeout(5)
            try:
                handle_request(connection, address[0])
            except OSError:
                pass            # its own affair


def leave(relay, name, room, token):
    with lock:
        del room.members[token]
        if token != room.owner:
            return
        del rooms[name]
    for member in room.members.values():
        if member.address:
            relay.sendto(b"room closed: the host left", member.address)


def relay_message(relay, data, address):
    if len(data) < 2 or len(data) < 2 + data[0] + data[1]:
        return
    token_at = 2 + data[0]
    text_at = token_at + data[1]
    name, token = data[2:token_at], data[token_at:text_at]
    room = rooms.get(name)
    sender = room.members.get(token) if room else None
    if sender is None or sender.host != address[0]:
        return
    sender.address = address
    sender.seen = time.monotonic()
    text = data[text_at:]
    if text == b"/exit":
        leave(relay, name, room, token)
    elif text:
        message = sender.name + b": " + text
        with lock:              # nobody enters meanwhile
            for member in room.members.values():
                if member is not sender and member.address:
                    relay.sendto(message, member.address)


def forget_idle(relay):
    old = time.monotonic() - IDLE
    for name, room in list(rooms.items()):
        for token, member in list(room.members.items()):
            if member.seen < old and token in room.members:
                if member.address:
                    relay.sendto(b"disconnected: idle for 300 s",
                                 member.address)
                leave(relay, name, room, token)


def serve_relay(relay):
    look = time.monotonic()
    while True:
        data, address = relay.recvfrom(4096)
        relay_message(relay, data, address)
        if time.monotonic() > look + 1:
            look = time.monotonic()
            forget_idle(relay)


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    relay.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    relay.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    relay.bind(("127.0.0.1", 0))
    threading.Thread(target=serve_rooms, args=(listener,),
                     daemon=True).start()
    print("127.0.0.1:%d %d 127.0.0.1:%d" % (
        relay.getsockname()[1], os.getpid(), listener.getsockname()[1]),
        flush=True)
    serve_relay(relay)


if __name__ == "__main__":
    main()
