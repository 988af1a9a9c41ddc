# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients: raw datagrams and streams, and messages through dnspython."""
import itertools
import socket
import struct
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

import wire

PATIENCE = 8
idents = itertools.count(1)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def receive(sock, count):
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            break
        data += part
    return data


def frame(message):
    return struct.pack("!H", len(message)) + message


def read_frame(sock):
    """One message of a stream; None at its end."""
    length = receive(sock, 2)
    if len(length) < 2:
        return None
    (length,) = struct.unpack("!H", length)
    message = receive(sock, length)
    return message if len(message) == length else None


class Client:
    """Asks one server. source: the address to ask from; make: makes its sockets (in another namespace, say)."""

    def __init__(self, address, port, source=None, make=socket.socket):
        self.address, self.port, self.source, self.make = address, port, source, make

    def open(self, kind, patience=PATIENCE):
        sock = self.make(family_of(self.address), kind)
        sock.settimeout(patience)
        if self.source:
            sock.bind((self.source, 0))
        return sock

    def where(self):
        return socket.getaddrinfo(self.address, self.port, proto=socket.IPPROTO_UDP)[0][4]

    def connect(self, patience=PATIENCE):
        sock = self.open(socket.SOCK_STREAM, patience)
        sock.connect(self.where())
        return sock

    def raw(self, message, patience=PATIENCE):
        """The answer to a datagram; None: there was none in that time."""
        with self.open(socket.SOCK_DGRAM, patience) as sock:
            sock.connect(self.where())
            sock.send(message)
            try:
                return sock.recv(65535)
            except TimeoutError:
                return None

    def raw_tcp(self, message, patience=PATIENCE):
        """The answer over a connection of its own; None: it was closed."""
        with self.connect(patience) as sock:
            sock.sendall(frame(message))
            try:
                return read_frame(sock)
            except ConnectionResetError:
                return None

    def ask(self, name, rtype="A", tcp=False, patience=PATIENCE, edns=True, **kwargs):
        """A dns.message, checked to be the answer to this question."""
        query = dns.message.make_query(name, rtype, use_edns=0 if edns else False, payload=1232, **kwargs)
        query.id = next(idents) & 0xffff
        raw = (self.raw_tcp if tcp else self.raw)(query.to_wire(), patience)
        assert raw is not None, f"no answer to {name} {rtype}"
        answer = dns.message.from_wire(raw)
        assert query.is_response(answer), f"{answer}\nis no answer to\n{query}"
        return answer

    def silent(self, message, control):
        """Whether the message gets no answer, although one sent after it does (so nothing need be waited for)."""
        with self.open(socket.SOCK_DGRAM) as sock:
            sock.connect(self.where())
            sock.send(message)
            sock.send(control)
            return sock.recv(65535)[:2] == control[:2]


def addresses(answer):
    """The addresses of an answer, in any order."""
    return sorted(item.to_text() for rrset in answer.answer for item in rrset
                  if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA))


def types(answer):
    """The types of its answer section, a set of records each, in order."""
    return [dns.rdatatype.to_text(rrset.rdtype) for rrset in answer.answer]


def links(answer):
    """Its CNAMEs as (owner, target), spelt as they stand."""
    return [(rrset.name.to_text(), item.target.to_text()) for rrset in answer.answer
            if rrset.rdtype == dns.rdatatype.CNAME for item in rrset]


def rcode(answer):
    return dns.rcode.to_text(answer.rcode())


def errors(answer):
    """Its extended errors as (code, text)."""
    return [(int(option.code), option.text or "") for option in answer.options
            if isinstance(option, dns.edns.EDEOption)]


def refused(answer, link=""):
    """Whether it is the refusal of an unlisted name, or of a chain that leaves at `link`."""
    return rcode(answer) == "NXDOMAIN" and not answer.answer and errors(answer) == [(wire.EDE_BLOCKED, link)]


def timed(function, *args, **kwargs):
    began = time.monotonic()
    result = function(*args, **kwargs)
    return result, time.monotonic() - began
