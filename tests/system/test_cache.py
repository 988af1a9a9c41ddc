# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer cache: TTLs, views, and its bound in memory."""
import socket
import time

import pytest

import wire
from client import Client, addresses, rcode, types
from procs import memory, until
from server import BINARY
from upstream import nodata, number

CATALOGUE = {"test": "[g]\nallow = *.example.com\n", "other": "[g]\nallow = *.example.com\n  *.example.org\n"}
PROFILE = {"profile default": {"catalog": "test"}, "log": {"queries": "none"}}
CONSTANT = 4 << 20          # what the service needs besides its cache, more than at start
PER_ANSWER = 60


def fill(client, names, rtype="A"):
    """Asks for many names with a window of questions outstanding; each must be answered."""
    names = iter(names)
    with client.open(socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.connect(client.where())
        out = ident = 0
        done = False
        while out or not done:
            while out < 32 and not done:
                name = next(names, None)
                done = name is None
                if not done:
                    sock.send(wire.query(name, rtype, ident=ident & 0xffff, edns=wire.opt()))
                    ident += 1
                    out += 1
            if out:
                assert sock.recv(2048)[3] & 15 == 0
                out -= 1


def sanitized():
    with open(BINARY, "rb") as file:
        return b"__asan_init" in file.read()


@pytest.mark.parametrize("megabytes, workers", [(1, 1), (2, 2)])
def test_memory_stays_bounded(postern, script, megabytes, workers):
    """Three times more answers than fit; what is asked for all the time stays."""
    body = [wire.record(b"\xc0\x0c", "A", 3600, f"198.51.100.{n}") for n in range(PER_ANSWER)]
    script.default = lambda question: question.reply(body)
    server = postern({"cache": {"size": f"{megabytes}M"}, "server": {"workers": workers}, **PROFILE}, CATALOGUE, script)
    clients = [Client("127.0.0.1", server.port, f"127.0.0.{n}") for n in (2, 3, 4, 5)]
    used = [f"used{n}.example.com" for n in range(10)]
    for client in clients:
        fill(client, used)
    start = memory(server.pid)
    count = 3 * megabytes * (1 << 20) // (PER_ANSWER * 16)
    for turn in range(0, count, 100):
        fill(clients[turn // 100 % 4], (f"n{turn + n}.example.com" for n in range(100)))
        for client in clients:
            fill(client, used)
    assert sanitized() or memory(server.pid) < start + (megabytes << 20) + CONSTANT
    usage = server.json("status")["cache"]
    assert usage["limit"] == megabytes << 20 and usage["limit"] // 2 < usage["bytes"] <= usage["limit"], usage
    assert usage["answers"] < count / 2
    assert max(len(script.asked(name)) for name in used) <= workers, "they were never asked for again"


def test_least_cache(postern, script):
    server = postern({"cache": {"size": "64K"}, **PROFILE}, CATALOGUE, script)
    fill(server.client, (f"n{n}.example.com" for n in range(3000)))
    usage = server.json("status")["cache"]
    assert usage["bytes"] <= 65536 and usage["answers"] > 50


def test_ttl_counts_down(postern, script):
    script.on("www.example.com", "A", [wire.record("www.example.com", "A", 100, "198.51.1.1")])
    client = postern(PROFILE, CATALOGUE, script).client
    first = client.ask("www.example.com").answer[0].ttl
    assert first == 100
    until(lambda: client.ask("www.example.com").answer[0].ttl == 98, "two seconds less", 4)
    assert len(script.asked()) == 1


def test_expired_is_asked_anew(postern, script):
    script.on("www.example.com", "A", [wire.record("www.example.com", "A", 1, "198.51.1.1")])
    client = postern(PROFILE, CATALOGUE, script).client
    began = time.monotonic()

    def asked_twice():
        answer = client.ask("www.example.com")
        assert addresses(answer) == ["198.51.1.1"] and answer.answer[0].ttl <= 1
        return len(script.asked()) == 2
    until(asked_twice, "the answer to expire", 4)
    assert 0.9 < time.monotonic() - began < 2


def test_ttl_zero_is_never_kept(postern, script):
    script.on("www.example.com", "A", [wire.record("www.example.com", "A", 0, "198.51.1.1")])
    client = postern(PROFILE, CATALOGUE, script).client
    for _ in range(3):
        assert client.ask("www.example.com").answer[0].ttl == 0
    assert len(script.asked()) == 3


def test_min_and_max_ttl(postern, script):
    for name, ttl in (("short", 1), ("long", 500000), ("middle", 100)):
        script.on(f"{name}.example.com", "A", [wire.record(f"{name}.example.com", "A", ttl, "198.51.1.1")])
    client = postern({"cache": {"min-ttl": "30s", "max-ttl": "1h"}, **PROFILE}, CATALOGUE, script).client
    ttls = [client.ask(f"{name}.example.com").answer[0].ttl for name in ("short", "long", "middle")]
    assert ttls == [30, 3600, 100]


@pytest.mark.parametrize("code", [wire.NOERROR, wire.NXDOMAIN])
def test_negative_answers(postern, script, code):
    """RFC 2308: for as long as the SOA says; without one not at all."""
    soa = wire.record("example.com", "SOA", 600, "a. b. 1 2 3 4 60")
    script.on("with.example.com", "A", lambda question: question.reply(authority=[soa], rcode=code))
    script.on("without.example.com", "A", lambda question: question.reply(rcode=code))
    client = postern(PROFILE, CATALOGUE, script).client
    for _ in range(3):
        answer = client.ask("with.example.com")
        assert answer.rcode() == code and answer.authority[0].ttl == 60 and not answer.answer
        assert client.ask("without.example.com").rcode() == code
    assert len(script.asked("with.example.com")) == 1 and len(script.asked("without.example.com")) == 3


def test_views_are_apart(postern, script):
    """Of profiles, of types, and of those who set DO."""
    server = postern({"profile lab": {"clients": "127.0.0.9", "catalog": "other"}, **PROFILE}, CATALOGUE, script)
    lab = Client("127.0.0.1", server.port, "127.0.0.9")
    for _ in range(2):
        for client in (server.client, lab):
            for rtype in ("A", "AAAA"):
                for do in (False, True):
                    client.ask("www.example.com", rtype, want_dnssec=do)
    assert len(script.asked("www.example.com")) == 8
    assert addresses(lab.ask("www.example.org")) and rcode(server.client.ask("www.example.org")) == "NXDOMAIN"


def test_case_of_a_cached_name_is_the_askers(postern, script):
    client = postern(PROFILE, CATALOGUE, script).client
    for spelt in ("www.example.com", "WWW.example.COM", "wWw.ExAmPlE.cOm"):
        answer = client.ask(spelt)
        assert answer.question[0].name.to_text() == spelt + "." and addresses(answer)
    assert len(script.asked()) == 1


def test_filtered_answer_is_remembered(postern, script):
    """An address that the rebinding guard took out stays out, and is not asked for each time."""
    script.on("www.example.com", "A", [wire.record("www.example.com", "A", 300, "192.168.1.1")])
    script.on("half.example.com", "A", [wire.record("half.example.com", "A", 300, "192.168.1.1"),
                                        wire.record("half.example.com", "A", 300, "198.51.1.1")])
    client = postern(PROFILE, CATALOGUE, script).client
    for _ in range(3):
        answer = client.ask("www.example.com")
        assert rcode(answer) == "NOERROR" and not answer.answer
        assert addresses(client.ask("half.example.com")) == ["198.51.1.1"]
    assert len(script.asked()) == 2


def test_answers_through_unbound(postern, nsd, unbound):
    """Cached or not, the same answer, from real servers."""
    records = "".join(f"n{n} A 198.51.100.{n}\n" for n in range(50))
    real = nsd({"example.com": f"$TTL 300\n@ SOA a. b. 1 2 3 4 60\n@ NS a.\n{records}"})
    server = postern({"upstream": {"address": unbound(real.at).at}, **PROFILE}, CATALOGUE)
    for _ in range(2):
        for n in range(50):
            assert addresses(server.client.ask(f"n{n}.example.com")) == [f"198.51.100.{n}"]
        assert rcode(server.client.ask("none.example.com")) == "NXDOMAIN"
    assert server.counters()["cached"] == 51


def test_signed_answers_keep_their_signatures(postern, script):
    """For those who set DO, and only them; records that were taken out take theirs along."""
    sig = "{} 13 3 300 20300101000000 20200101000000 1 example.com. AAAA"
    for name, address in (("good", "198.51.1.1"), ("private", "10.0.0.1")):
        script.on(f"{name}.example.com", "A", lambda question, address=address: question.reply(
            [wire.record(question.spelt, "A", 300, address)] +
            ([wire.record(question.spelt, "RRSIG", 300, sig.format("A"))] if question.dnssec_ok else [])))
    client = postern(PROFILE, CATALOGUE, script).client
    assert types(client.ask("good.example.com", want_dnssec=True)) == ["A", "RRSIG"]
    assert types(client.ask("good.example.com")) == ["A"]
    assert client.ask("private.example.com", want_dnssec=True).answer == []


def test_numbers_are_told_apart(postern, script):
    """Each name has the address of its own: no answer is given for another's question."""
    client = postern(PROFILE, CATALOGUE, script).client
    for _ in range(2):
        for n in range(300):
            name = f"name{n}.example.com"
            (address,) = addresses(client.ask(name))
            assert address == number(type("Asked", (), {"name": name}))
    script.default = nodata
    assert not client.ask("another.example.com").answer
