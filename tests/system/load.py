# SPDX-License-Identifier: GPL-3.0-or-later
"""A steady client: keeps questions outstanding, checks every answer, and counts those that never come."""
import itertools
import select
import socket
import struct
import threading
import time

import wire
from client import frame, read_frame

WINDOW = 24
LAST_ANSWERS = 5


class Load(threading.Thread):
    """names: (name, check) in turn, where check(reply) says whether it is right. Over UDP, or one TCP connection."""

    def __init__(self, client, names, tcp=False):
        super().__init__(daemon=True)
        self.sock = client.connect() if tcp else client.open(socket.SOCK_DGRAM)
        if not tcp:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self.sock.connect(client.where())
        self.tcp = tcp
        self.names = itertools.cycle(names) if isinstance(names, list) else names
        self.numbers = itertools.count()
        self.waiting = {}
        self.answers = 0
        self.wrong = []
        self.failure = None
        self.ending = threading.Event()

    def send(self):
        name, check = next(self.names)
        ident = next(self.numbers) & 0xffff
        message = wire.query(name, ident=ident)
        self.waiting[ident] = (name, check)
        self.sock.sendall(frame(message) if self.tcp else message)

    def receive(self):
        reply = read_frame(self.sock) if self.tcp else self.sock.recv(4096)
        if reply is None:
            raise ConnectionError("the connection was closed")
        name, check = self.waiting.pop(struct.unpack("!H", reply[:2])[0])
        self.answers += 1
        if not check(reply):
            self.wrong.append((name, reply))

    def run(self):
        try:
            while not self.ending.is_set():
                while len(self.waiting) < WINDOW:
                    self.send()
                if select.select([self.sock], [], [], 0.1)[0]:
                    self.receive()
            deadline = time.monotonic() + LAST_ANSWERS
            while self.waiting and time.monotonic() < deadline:
                if select.select([self.sock], [], [], 0.1)[0]:
                    self.receive()
        except Exception as failure:        # told by finish(), in the test's own thread
            self.failure = failure

    def finish(self):
        """Stops asking, waits for the last answers and fails if one was lost or wrong. Gives their number."""
        self.ending.set()
        self.join(LAST_ANSWERS + 5)
        self.sock.close()
        if self.failure:
            raise self.failure
        assert not self.wrong, f"{len(self.wrong)} wrong answers, the first: {self.wrong[0]}"
        assert not self.waiting, f"{len(self.waiting)} of {self.answers} lost: {list(self.waiting.values())[:3]}"
        assert self.answers > 100, f"only {self.answers} answers"
        return self.answers


def has_address(reply):
    return reply[3] & 15 == wire.NOERROR and reply[7] == 1


def is_refused(reply):
    return reply[3] & 15 == wire.NXDOMAIN


def mixed(prefix):
    """Names from the cache, names never asked before, and refused ones (few: the table of them grows to its bound)."""
    for number in itertools.count():
        yield f"warm{number % 20}.example.com", has_address
        yield f"{prefix}{number}.example.com", has_address
        yield f"x{number % 50}.example.net", is_refused
