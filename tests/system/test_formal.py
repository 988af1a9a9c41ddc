# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes before any policy: other classes, opcodes and types, and all that is malformed."""
import os
import random
import socket
import struct

import dns.message
import pytest

import wire
from client import addresses, frame, rcode, read_frame

NAME = "www.example.com"
CONTROL = wire.query("control.example.com", ident=0x7777)
OPT = wire.opt(wire.option(100, b"x"))


@pytest.fixture
def server(postern, script):
    made = postern({"profile default": {"catalog": "test"}}, {"test": "[g]\nallow = *.example.com\n"}, script)
    # the control question is answered from the cache, and so at once
    made.client.ask("control.example.com")
    script.forget()
    return made


def code(reply):
    return reply[3] & 15


def short(ident, rcode_wanted, flags=0, section=b"", edns=b""):
    return wire.header(ident, wire.QR | wire.RA | flags | rcode_wanted, 1 if section else 0,
                       ar=1 if edns else 0) + section + edns


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("name", [NAME, "unlisted.example.net", "localhost"])
def test_any(server, script, name, tcp):
    """RFC 8482: one HINFO, whoever the name is."""
    send = server.client.raw_tcp if tcp else server.client.raw
    want = (wire.header(0x1234, wire.QR | wire.RD | wire.RA, an=1) + wire.question(name, "ANY") +
            wire.record(b"\xc0\x0c", "HINFO", 60, b"\7RFC8482\0"))
    assert send(wire.query(name, "ANY")) == want
    assert script.asked() == []


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("rtype", ["AXFR", "IXFR", "MAILA", "MAILB", "TKEY", "TSIG"])
def test_transfers_are_refused(server, script, rtype, tcp):
    send = server.client.raw_tcp if tcp else server.client.raw
    assert send(wire.query(NAME, rtype)) == short(0x1234, wire.REFUSED, wire.RD, wire.question(NAME, rtype))
    with_edns = send(wire.query(NAME, rtype, edns=wire.opt()))
    assert with_edns == short(0x1234, wire.REFUSED, wire.RD, wire.question(NAME, rtype), wire.opt())
    assert script.asked() == []


def test_ixfr_as_secondaries_ask_it(server):
    """With the SOA that they have in the authority section."""
    message = (wire.header(0x1234, 0, ns=1) + wire.question(NAME, "IXFR") +
               wire.record(NAME, "SOA", 0, "a. b. 1 2 3 4 5"))
    assert server.client.raw(message) == short(0x1234, wire.REFUSED, 0, wire.question(NAME, "IXFR"))


@pytest.mark.parametrize("qclass", [0, 2, wire.CH, 4, 254, 255, 65535])
def test_other_classes_are_refused(server, script, qclass):
    for name, rtype in (("version.bind", "TXT"), ("id.server", "TXT"), (NAME, "A")):
        section = wire.question(name, rtype, qclass)
        assert server.client.raw(wire.query(name, rtype, qclass=qclass)) == short(0x1234, wire.REFUSED, wire.RD, section)
    assert script.asked() == []


@pytest.mark.parametrize("rtype", ["OPT", "TYPE0"])
def test_types_that_nobody_has(server, rtype):
    assert code(server.client.raw(wire.query(NAME, rtype))) == wire.FORMERR


@pytest.mark.parametrize("opcode", [1, 2, 3, 4, 5, 6, 7, 15])
def test_other_opcodes(server, opcode):
    """IQUERY, STATUS, NOTIFY, UPDATE, DSO and those not given out: NOTIMP."""
    flags = opcode << 11
    bodies = [wire.question(NAME, "SOA"), b"", wire.question("example.com", "SOA") +
              wire.record("new.example.com", "A", 300, "198.51.100.1")]
    for body in bodies:
        message = wire.header(0x1234, flags, 1 if body else 0) + body
        for send in (server.client.raw, server.client.raw_tcp):
            assert send(message) == short(0x1234, wire.NOTIMP, flags)


COUNTS = [(0, 0, 0, 0), (2, 0, 0, 0), (3, 0, 0, 0), (65535, 0, 0, 0), (1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1),
          (1, 65535, 65535, 65535)]


@pytest.mark.parametrize("counts", COUNTS)
def test_counts_that_are_not_so(server, counts):
    reply = server.client.raw(wire.header(0x1234, wire.RD, *counts) + wire.question(NAME))
    assert reply[:2] == b"\x12\x34" and code(reply) == wire.FORMERR


def test_no_question_with_edns(server):
    """A bare OPT, as cookie probes send it (RFC 7873 5.4): we have no cookies."""
    reply = server.client.raw(wire.header(0x1234, wire.RD, 0, ar=1) + wire.opt())
    assert code(reply) == wire.FORMERR


def test_two_questions(server):
    both = wire.question(NAME) + wire.question("b.example.com")
    assert code(server.client.raw(wire.header(0x1234, wire.RD, 2) + both)) == wire.FORMERR


LONG = b"".join(b"\x3f" + b"a" * 63 for _ in range(4)) + b"\0"
NAMES = {
    "to-itself": b"\xc0\x0c",
    "to-the-next": b"\xc0\x0e\xc0\x0c",
    "label-then-itself": b"\1a\xc0\x0c",
    "to-the-header": b"\xc0\0",
    "beyond-the-end": b"\xc1\xff",
    "forward": b"\xc0\x12\0\0\0\0\1a\0",
    "label-type-64": b"\x41a\0",
    "label-type-128": b"\x81a\0",
    "256-bytes": LONG[:-1] + b"\0",
    "257-bytes": LONG[:-1] + b"\1a\0",
    "no-end": b"\3www",
    "longer-than-the-packet": b"\x3fwww",
}


@pytest.mark.parametrize("kind", NAMES)
def test_broken_question_names(server, kind):
    for tail in (b"\0\1\0\1", b"\0\1\0\1" + OPT, b""):
        message = wire.header(0x1234, ar=1 if tail.endswith(OPT) else 0) + NAMES[kind] + tail
        for send in (server.client.raw, server.client.raw_tcp):
            reply = send(message)
            assert reply[:2] == b"\x12\x34" and code(reply) == wire.FORMERR and reply[2] & 0x80


def test_longest_names_are_taken(server):
    """255 bytes; labels of 63; 127 labels."""
    wide = "a" * 63
    for name in (f"{wide}.{wide}.{wide}.{'b' * 49}.example.com", "a." * 121 + "example.com"):
        assert addresses(server.client.ask(name)), name


def test_pointer_in_later_records(server):
    """Compression behind the question is nothing wrong; a loop there is."""
    record = struct.pack("!HHIH", 1, 1, 0, 4) + b"\1\2\3\4"
    good = wire.header(0x1234, ar=1) + wire.question(NAME) + b"\xc0\x0c" + record
    assert code(server.client.raw(good)) == wire.NOERROR


def test_every_truncation(server):
    """No header: silence. Less than was promised: FORMERR. Over UDP and TCP."""
    whole = wire.query(NAME, ident=0x1234, edns=OPT)
    for length in range(1, 12):
        assert server.client.silent(whole[:length], CONTROL), length
        assert server.client.raw_tcp(whole[:length]) is None, length
    for length in range(12, len(whole)):
        for send in (server.client.raw, server.client.raw_tcp):
            reply = send(whole[:length])
            assert reply[:2] == b"\x12\x34" and code(reply) == wire.FORMERR, length
    assert code(server.client.raw(whole)) == wire.NOERROR


def test_every_truncation_without_edns(server):
    whole = wire.query(NAME, ident=0x1234)
    for length in range(12, len(whole)):
        assert code(server.client.raw(whole[:length])) == wire.FORMERR


def test_empty_datagram(server):
    assert server.client.silent(b"", CONTROL)


def test_responses_get_no_answer(server, script):
    """Or two servers would talk for ever."""
    for flags in range(0, 0x8000, 0x777):
        message = wire.query(NAME, flags=wire.QR | flags)
        assert server.client.silent(message, CONTROL)
    with server.client.connect() as sock:
        sock.sendall(frame(wire.query(NAME, flags=wire.QR | wire.RD)) + frame(CONTROL))
        assert read_frame(sock)[:2] == CONTROL[:2]
    assert script.asked() == []


def test_long_datagrams(server):
    """Trailing bytes, up to a datagram that no question can be."""
    for size in (513, 1233, 4096, 4097, 9000, 65000):
        message = wire.query(NAME, ident=0x1234)
        message += bytes(size - len(message))
        reply = server.client.silent(message, CONTROL) if size > 4096 else server.client.raw(message)
        assert reply is True if size > 4096 else reply[:2] == b"\x12\x34", size


def test_frames_that_hold_nothing(server):
    for stream in (b"\0\0", b"\0\0\0\0", b"\0\1x", b"\0\x0b" + bytes(11)):
        with server.client.connect() as sock:
            sock.sendall(stream)
            assert read_frame(sock) is None
    server.still_alive()


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp_packet(source_port, target_port, payload):
    length = 8 + len(payload)
    address = socket.inet_aton("127.0.0.1")
    pseudo = address + address + struct.pack("!BBH", 0, 17, length)
    head = struct.pack("!HHHH", source_port, target_port, length, 0)
    return head[:6] + struct.pack("!H", checksum(pseudo + head + payload) or 0xffff) + payload


@pytest.mark.skipif(os.geteuid() != 0, reason="a raw socket needs root")
def test_source_port_0(server, script):
    """Nobody can be answered there; the batch that it came in is answered all the same."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw, \
         server.client.open(socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        for number in range(100):
            ask = NAME if number % 2 else f"slow{number}.example.com"
            raw.sendto(udp_packet(0, server.port, wire.query(ask)), ("127.0.0.1", 0))
            # the same way, but from a port: so these packets do arrive
            control = udp_packet(sock.getsockname()[1], server.port, wire.query(f"x{number}.example.com", ident=number))
            raw.sendto(control, ("127.0.0.1", 0))
            assert sock.recv(512)[:2] == struct.pack("!H", number)
    server.still_alive()
    assert len(script.asked()) == 100 and all(question.name.startswith("x") for question in script.asked())


def test_noise(server):
    """A few thousand packets that are nearly questions: an answer or none, and alive afterwards."""
    dice = random.Random(5)
    seeds = [wire.query(NAME, edns=OPT), wire.query("a.b.example.com", "HTTPS"), wire.query("x.example.net"),
             wire.header(1, 0x2000) + wire.question(NAME, "SOA"), wire.query(NAME, "ANY", edns=wire.opt(flags=0x8000))]
    with server.client.open(socket.SOCK_DGRAM) as sock:
        sock.connect(server.client.where())
        sock.setblocking(False)
        for _ in range(4000):
            packet = bytearray(dice.choice(seeds))
            for _ in range(dice.randrange(1, 6)):
                packet[dice.randrange(len(packet))] = dice.randrange(256)
            sock.send(bytes(packet[:dice.randrange(len(packet) + 1)] if dice.random() < .3 else packet))
            try:
                while True:
                    reply = sock.recv(65535)
                    if not reply[2] & 0x78:     # dnspython knows not every opcode
                        dns.message.from_wire(reply)
            except BlockingIOError:
                pass
    assert rcode(server.client.ask(NAME)) == "NOERROR"
    server.still_alive()
