# SPDX-License-Identifier: GPL-3.0-or-later
"""An upstream that does what a test tells it, faults above all, and notes what it was asked."""
import heapq
import selectors
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

import dns.message

import wire
from client import family_of, frame


@dataclass
class Question:
    """A question as it came."""
    message: bytes
    name: str            # in lower case, without a final dot
    type: str
    spelt: str           # in the case it was asked in
    tcp: bool
    peer: tuple
    flags: int
    edns: bool
    options: list
    size: int
    dnssec_ok: bool
    time: float = field(default_factory=time.monotonic)

    @property
    def ident(self):
        return struct.unpack("!H", self.message[:2])[0]

    @property
    def section(self):
        end = 12
        while self.message[end]:
            end += self.message[end] + 1
        return self.message[12:end + 5]

    def reply(self, answers=(), authority=(), rcode=0, flags=0, ident=None, section=None, extra=()):
        """The answer to it; sections of records as bytes. The question stands as it was asked unless `section` is given."""
        section = self.section if section is None else section
        ident = self.ident if ident is None else ident
        return (wire.header(ident, wire.QR | wire.RD | wire.RA | flags | rcode, 1 if section else 0, len(answers),
                            len(authority), len(extra)) +
                section + b"".join(answers) + b"".join(authority) + b"".join(extra))


def parse(message, tcp, peer):
    query = dns.message.from_wire(message)
    asked = query.question[0]
    text = asked.name.to_text()
    text = text[:-1] if text != "." else text
    return Question(message, text.lower(), wire.dns.rdatatype.to_text(asked.rdtype), text, tcp, peer, query.flags,
                    query.edns >= 0, list(query.options), query.payload, bool(query.ednsflags & wire.DO))


@dataclass
class Late:
    """The reply comes only after so many seconds."""
    seconds: float
    message: bytes


@dataclass
class CutOff:
    """Over TCP: the connection is closed in the middle of this."""
    message: bytes


CLOSE = CutOff(b"")


class Upstream:
    """Serves UDP and TCP at one address. What on() was not told of gets `default`."""

    def __init__(self, address, port, make=socket.socket, tcp=True):
        self.address, self.port = address, port
        self.behaviours = {}
        self.default = nodata
        self.questions = []
        self.failure = None
        self.lock = threading.Lock()
        self.later = []
        self.connections = {}
        self.selector = selectors.DefaultSelector()
        self.udp = make(family_of(address), socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.udp.bind((address, port))
        self.selector.register(self.udp, selectors.EVENT_READ, self.read_udp)
        self.tcp = None
        if tcp:
            self.tcp = make(family_of(address), socket.SOCK_STREAM)
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.tcp.bind((address, port))
            self.tcp.listen(64)
            self.selector.register(self.tcp, selectors.EVENT_READ, self.accept)
        self.wake_out, self.wake_in = socket.socketpair()
        self.selector.register(self.wake_in, selectors.EVENT_READ, lambda sock: None)
        self.ending = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @property
    def at(self):
        return f"{self.address}@{self.port}"

    def on(self, name, rtype, behaviour):
        """behaviour: bytes-free table entry: a function of the question, that gives a message, a list of them, Late,
        CutOff or None (silence); or a list of records, the answer."""
        if not callable(behaviour):
            records = list(behaviour)
            self.behaviours[name.lower(), rtype] = lambda question: question.reply(records)
        else:
            self.behaviours[name.lower(), rtype] = behaviour

    def asked(self, name=None, rtype=None):
        with self.lock:
            return [question for question in self.questions
                    if (name is None or question.name == name.lower()) and rtype in (None, question.type)]

    def forget(self):
        with self.lock:
            self.questions.clear()

    def run(self):
        try:
            while not self.ending:
                pause = max(0, self.later[0][0] - time.monotonic()) if self.later else None
                for key, _ in self.selector.select(pause):
                    key.data(key.fileobj)
                while self.later and self.later[0][0] <= time.monotonic():
                    _, _, send, message = heapq.heappop(self.later)
                    send(message)
        except Exception as failure:      # shown by stop(): a thread's own trace would be lost
            self.failure = failure

    def read_udp(self, sock):
        message, peer = sock.recvfrom(65535)
        self.serve(message, False, peer, lambda reply: self.send_udp(reply, peer))

    def send_udp(self, message, peer):
        try:
            self.udp.sendto(message, peer)
        except ConnectionRefusedError:
            pass

    def accept(self, sock):
        connection, peer = sock.accept()
        self.connections[connection] = b""
        self.selector.register(connection, selectors.EVENT_READ, lambda conn: self.read_tcp(conn, peer))

    def drop(self, connection):
        if connection in self.connections:
            del self.connections[connection]
            self.selector.unregister(connection)
            connection.close()

    def read_tcp(self, connection, peer):
        try:
            data = connection.recv(65535)
        except ConnectionError:
            data = b""
        if not data:
            self.drop(connection)
            return
        self.connections[connection] += data
        while connection in self.connections:
            held = self.connections[connection]
            if len(held) < 2 or len(held) < 2 + struct.unpack("!H", held[:2])[0]:
                return
            length = struct.unpack("!H", held[:2])[0]
            self.connections[connection] = held[2 + length:]
            self.serve(held[2:2 + length], True, peer, lambda reply: self.send_tcp(connection, reply))

    def send_tcp(self, connection, message):
        if connection not in self.connections:
            return
        try:
            if isinstance(message, CutOff):
                if message.message:
                    connection.sendall(frame(message.message)[:2 + len(message.message) // 2])
                self.drop(connection)
            else:
                connection.sendall(frame(message))
        except ConnectionError:
            self.drop(connection)

    def serve(self, message, tcp, peer, send):
        question = parse(message, tcp, peer)
        with self.lock:
            self.questions.append(question)
        reply = self.behaviours.get((question.name, question.type), self.default)(question)
        for part in reply if isinstance(reply, list) else [reply]:
            if isinstance(part, Late):
                heapq.heappush(self.later, (time.monotonic() + part.seconds, id(part), send, part.message))
            elif part is not None:
                send(part)

    def stop(self):
        self.ending = True
        self.wake_out.send(b"x")
        self.thread.join(5)
        for connection in list(self.connections):
            connection.close()
        for sock in (self.udp, self.tcp, self.wake_in, self.wake_out):
            if sock:
                sock.close()
        if self.failure:
            raise self.failure


def soa(zone, ttl=300):
    return wire.record(zone, "SOA", ttl, "ns.example. nobody.example. 1 3600 1200 604800 60")


def nodata(question):
    return question.reply(authority=[soa(".")])


def nxdomain(question):
    return question.reply(authority=[soa(".")], rcode=wire.NXDOMAIN)


def servfail(question):
    return question.reply(rcode=wire.SERVFAIL)


def silent(question):
    return None


def number(question):
    """An address made from the name: the same name, the same address."""
    value = sum((i + 1) * byte for i, byte in enumerate(question.name.encode())) & 0xffff
    return f"198.51.{value >> 8}.{value & 0xff}"


def by_name(question):
    """Every name has one address, made from the name."""
    if question.type == "A":
        return question.reply([wire.record(question.spelt, "A", 300, number(question))])
    return nodata(question)
