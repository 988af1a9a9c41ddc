# SPDX-License-Identifier: GPL-3.0-or-later
"""The EDNS compliance questions of the ISC (RFC 6891, 7873, 7871, 8914), answers compared byte for byte."""
import struct

import pytest

import wire
from upstream import nodata

TTL = 60
NAME = "www.example.com"
LOCAL = "box.corp.example"
ADDRESS = "198.51.100.7"
CASES = ["AbC.eXample.COM", NAME]
UNKNOWN = wire.option(100, b"postern")
CLIENT_COOKIE = wire.option(wire.COOKIE, b"\1\2\3\4\5\6\7\10")
MANY = (CLIENT_COOKIE + wire.option(wire.NSID) + wire.option(9) + wire.option(wire.PADDING, bytes(40)) +
        wire.option(wire.SUBNET, b"\0\1\30\0\300\0\2") + UNKNOWN)


@pytest.fixture
def script(upstream):
    up = upstream()
    up.default = nodata
    for name in (NAME, "abc.example.com"):
        up.on(name, "A", lambda question: question.reply([wire.record(b"\xc0\x0c", "A", 300, ADDRESS)]))
    up.on("big.example.com", "A", lambda question: question.reply(
        [wire.record(b"\xc0\x0c", "A", 300, f"198.51.100.{n}") for n in range(60)]))
    up.on("huge.example.com", "A", lambda question: question.reply(flags=wire.TC) if not question.tcp else
          question.reply([wire.record(b"\xc0\x0c", "A", 300, f"198.51.{n >> 8}.{n & 255}") for n in range(300)]))
    return up


@pytest.fixture
def server(postern, script):
    return postern({"profile default": {"catalog": "test"},
                    "records": {"record": [f"{LOCAL}. 300 IN A 198.51.100.9"] +
                                [f"many.corp.example. 300 IN A 198.51.100.{n}" for n in range(60)]}},
                   {"test": "[g]\nallow = *.example.com\n"}, script)


def answer(name, edns=None, flags=0, rcode=0, records=True, address=ADDRESS):
    """What must come back to a question with id 0x1234."""
    return (wire.header(0x1234, wire.QR | wire.RD | wire.RA | flags | (rcode & 15), an=1 if records else 0,
                        ar=1 if edns else 0) +
            wire.question(name) + (wire.record(b"\xc0\x0c", "A", 300, address) if records else b"") + (edns or b""))


# name: what is sent as OPT, header flags sent, what comes as OPT, header flags, rcode
QUESTIONS = {
    "plain": (None, wire.RD, None, 0, 0),
    "zflag": (None, wire.RD | wire.Z, None, 0, 0),
    "aflag": (None, wire.RD | wire.AA | wire.TC | wire.RA, None, 0, 0),
    "ad": (None, wire.RD | wire.AD, None, 0, 0),
    "cd": (None, wire.RD | wire.CD, None, wire.CD, 0),
    "edns0": (wire.opt(), wire.RD, wire.opt(), 0, 0),
    "edns0-cd-ad": (wire.opt(), wire.RD | wire.CD | wire.AD, wire.opt(), wire.CD, 0),
    "edns0-zflag": (wire.opt(), wire.RD | wire.Z, wire.opt(), 0, 0),
    "edns0-size-0": (wire.opt(size=0), wire.RD, wire.opt(), 0, 0),
    "edns0-size-512": (wire.opt(size=512), wire.RD, wire.opt(), 0, 0),
    "edns0-size-4096": (wire.opt(size=4096), wire.RD, wire.opt(), 0, 0),
    "edns0-size-65535": (wire.opt(size=65535), wire.RD, wire.opt(), 0, 0),
    "edns0-unknown-option": (wire.opt(UNKNOWN), wire.RD, wire.opt(), 0, 0),
    "edns0-unknown-flag": (wire.opt(flags=0x40), wire.RD, wire.opt(), 0, 0),
    "edns0-all-flags": (wire.opt(flags=0xffff), wire.RD, wire.opt(flags=wire.DO), 0, 0),
    "do": (wire.opt(flags=wire.DO), wire.RD, wire.opt(flags=wire.DO), 0, 0),
    "cookie": (wire.opt(CLIENT_COOKIE), wire.RD, wire.opt(), 0, 0),
    "cookie-server": (wire.opt(wire.option(wire.COOKIE, bytes(range(24)))), wire.RD, wire.opt(), 0, 0),
    "subnet": (wire.opt(wire.option(wire.SUBNET, b"\0\1\30\0\300\0\2")), wire.RD, wire.opt(), 0, 0),
    "option-list": (wire.opt(MANY), wire.RD, wire.opt(), 0, 0),
    "option-list-do-flag": (wire.opt(MANY, flags=wire.DO | 0x40), wire.RD, wire.opt(flags=wire.DO), 0, 0),
    "option-empty": (wire.opt(wire.option(65001)), wire.RD, wire.opt(), 0, 0),
    "extended-rcode-sent": (wire.opt(rcode=0x10), wire.RD, wire.opt(), 0, 0),
    "edns1": (wire.opt(version=1), wire.RD, wire.opt(rcode=wire.BADVERS), 0, wire.BADVERS),
    "edns1-unknown-option": (wire.opt(UNKNOWN, version=1), wire.RD, wire.opt(rcode=wire.BADVERS), 0, wire.BADVERS),
    "edns1-unknown-flag": (wire.opt(version=1, flags=0x40), wire.RD, wire.opt(rcode=wire.BADVERS), 0, wire.BADVERS),
    "edns1-do": (wire.opt(version=1, flags=wire.DO), wire.RD, wire.opt(flags=wire.DO, rcode=wire.BADVERS), 0,
                 wire.BADVERS),
    "edns100": (wire.opt(version=100), wire.RD, wire.opt(rcode=wire.BADVERS), 0, wire.BADVERS),
    "option-cut-short": (wire.opt(b"\0\x64\0\7post"), wire.RD, wire.opt(), 0, wire.FORMERR),
    "option-half-header": (wire.opt(b"\0\x64\0"), wire.RD, wire.opt(), 0, wire.FORMERR),
}


@pytest.mark.parametrize("name", [NAME, LOCAL])
@pytest.mark.parametrize("kind", QUESTIONS)
def test_question(server, kind, name):
    """Over UDP from upstream, over UDP and TCP from the cache, and of a local record, always the same bytes."""
    opt, sent, back, flags, rcode = QUESTIONS[kind]
    message = wire.query(name, flags=sent, edns=opt)
    want = answer(name, back, flags, rcode, records=not rcode, address=ADDRESS if name == NAME else "198.51.100.9")
    for turn in range(2):
        assert server.client.raw(message) == want, turn
        assert server.client.raw_tcp(message) == want, turn


def test_case_is_given_back(server):
    for name in CASES:
        assert server.client.raw(wire.query(name, edns=wire.opt())) == answer(name, wire.opt())


def test_rd_clear_is_answered_like_rd_set(server):
    want = bytearray(answer(NAME))
    want[2] &= 0xfe
    assert server.client.raw(wire.query(NAME, flags=0)) == bytes(want)


@pytest.mark.parametrize("kind", [kind for kind in QUESTIONS if not QUESTIONS[kind][4]])
def test_refusal(server, kind):
    """An unlisted name: with EDNS it has EDE 15, without it has not."""
    opt, sent, _, flags, _ = QUESTIONS[kind]
    flags_back = wire.DO if opt and struct.unpack("!H", opt[7:9])[0] & wire.DO else 0
    edns = wire.opt(wire.ede(wire.EDE_BLOCKED), flags=flags_back) if opt else b""
    want = (wire.header(0x1234, wire.QR | wire.RD | wire.RA | flags | wire.NXDOMAIN, ns=1, ar=1 if opt else 0) +
            wire.question("x.example.net") + wire.block_soa(TTL) + edns)
    message = wire.query("x.example.net", flags=sent, edns=opt)
    assert server.client.raw(message) == want
    assert server.client.raw_tcp(message) == want


@pytest.mark.parametrize("records", ["two", "not-root", "in-answer", "in-authority"])
def test_misplaced_opt_is_malformed(server, records):
    opt = wire.opt()
    bodies = {"two": ((0, 0, 2), opt + opt), "not-root": ((0, 0, 1), b"\1x" + opt), "in-answer": ((1, 0, 0), opt),
              "in-authority": ((0, 1, 0), opt)}
    (an, ns, ar), body = bodies[records]
    reply = server.client.raw(wire.header(0x1234, an=an, ns=ns, ar=ar) + wire.question(NAME) + body)
    assert reply[:2] == b"\x12\x34" and reply[2] & 0x80 and reply[3] & 15 == wire.FORMERR
    assert reply[6:8] == b"\0\0"


SIZES = [(None, 512), (0, 512), (511, 512), (512, 512), (600, 600), (1232, 1232), (4096, 1232), (65535, 1232)]


@pytest.mark.parametrize("name, count", [("big.example.com", 60), ("huge.example.com", 300), ("many.corp.example", 60)])
@pytest.mark.parametrize("size, limit", SIZES)
def test_small_buffer(server, name, count, size, limit):
    """What does not fit is cut to an empty answer with TC; over TCP all of it comes."""
    opt = None if size is None else wire.opt(size=size)
    back = None if size is None else wire.opt()
    whole = 12 + len(wire.question(name)) + count * 16 + len(back or b"")
    message = wire.query(name, edns=opt)
    head = struct.pack("!H", 0x1234)
    for _ in range(2):
        reply = server.client.raw(message)
        if whole > limit:
            assert reply == answer(name, back, wire.TC, records=False)
        else:
            assert reply[:4] == head + struct.pack("!H", wire.QR | wire.RD | wire.RA)
            assert struct.unpack("!H", reply[6:8])[0] == count and len(reply) == whole
        over_tcp = server.client.raw_tcp(message)
        assert len(over_tcp) == whole and struct.unpack("!H", over_tcp[6:8])[0] == count
        assert not over_tcp[2] & 2


def test_upstream_sees_none_of_it(server, script):
    """Our own EDNS goes up: version 0, our size, no option, DO where the client had it, CD and AD never."""
    everything = wire.opt(MANY, flags=0xffff)
    server.client.raw(wire.query("abc.example.com", flags=wire.RD | wire.CD | wire.AD | wire.Z, edns=everything))
    server.client.raw(wire.query("abc.example.com", flags=wire.RD | wire.CD | wire.AD))
    with_do, without = script.asked("abc.example.com")
    for question in (with_do, without):
        assert question.flags == wire.RD and question.edns and not question.options and question.size == 1232
    assert with_do.dnssec_ok and not without.dnssec_ok
    assert with_do.message[-11:] == wire.opt(flags=wire.DO) and without.message[-11:] == wire.opt()
