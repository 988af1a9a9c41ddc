# SPDX-License-Identifier: GPL-3.0-or-later
"""`postern leases`: what is open, and closing it."""
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import wire
from client import rcode
from firewall import SET4, SET6, given
from procs import until

KEYS = ["export", "set", "address", "client", "proto", "port", "name", "chain", "file", "line", "seconds"]
SERVICES = """
table inet lockdown {
	set update4 { type ipv4_addr . inet_proto . inet_service; flags timeout; size 65536; }
	set update6 { type ipv6_addr . inet_proto . inet_service; flags timeout; size 65536; }
}
"""
CLIENTS = """
table inet lockdown {
	set update4 { type ipv4_addr . ipv4_addr; flags timeout; size 65536; }
	set update6 { type ipv6_addr . ipv6_addr; flags timeout; size 65536; }
}
"""


@pytest.fixture
def door(gate):
    place = gate()
    place.start()
    place.give("a.example.com", "198.51.100.1", "2001:db8::1")
    return place


def cname(place, name, target, address):
    place.up.on(name, "A", [wire.record(name, "CNAME", 300, target), wire.record(target, "A", 300, address)])


def test_none(door):
    assert door.server.json("leases") == []
    done = door.server.command("leases")
    assert (done.returncode, done.stdout) == (0, "0 held\n")


def test_keys_and_values(door):
    cname(door, "b.example.com", "c.example.com", "198.51.100.2")
    assert given(door.ask("b.example.com")) == ["198.51.100.2"]
    [lease] = door.server.json("leases")
    assert list(lease) == KEYS
    # two seconds are the least, and one of grace
    assert 295 <= lease.pop("seconds") <= 302
    assert lease.pop("file") == os.path.join(door.server.zones, "test.ini")
    assert lease == {"export": "lockdown", "set": SET4, "address": "198.51.100.2", "client": None, "proto": None,
                     "port": None, "name": "b.example.com", "chain": ["c.example.com"], "line": 3}


def test_text(door):
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]
    lines = door.server.command("leases").stdout.splitlines()
    assert len(lines) == 2 and lines[1] == "1 held"
    assert re.fullmatch(r" +(29\d|30\d) s  198\.51\.100\.1 +\* +\* +lockdown: inet lockdown update4  a\.example\.com  "
                        r".*/test\.ini:3", lines[0]), lines[0]


def test_ports(gate):
    place = gate(SERVICES)
    place.start()
    place.give("a.example.com", "198.51.100.1")
    place.give("t.example.net", "198.51.100.1")
    assert given(place.ask("a.example.com")) and given(place.ask("t.example.net"))
    held = {(one["proto"], one["port"], one["name"]) for one in place.server.json("leases")}
    assert held == {("tcp", 80, "a.example.com"), ("tcp", 443, "a.example.com"), ("udp", 123, "t.example.net")}
    assert " tcp/443 " in place.server.command("leases").stdout


def test_client(gate):
    place = gate(CLIENTS)
    place.start()
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com")) == ["198.51.100.1"]
    assert [(one["client"], one["address"]) for one in place.server.json("leases")] == [("127.0.0.1", "198.51.100.1")]


def test_one_address(door):
    door.give("b.example.com", "198.51.100.2")
    assert given(door.ask("a.example.com")) and given(door.ask("a.example.com", "AAAA"))
    assert given(door.ask("b.example.com"))
    assert len(door.server.json("leases")) == 3
    assert [one["name"] for one in door.server.json("leases", "198.51.100.2")] == ["b.example.com"]
    # however it is written
    assert [one["set"] for one in door.server.json("leases", "2001:DB8:0:0::1")] == [SET6]
    assert door.server.json("leases", "198.51.100.9") == []


@pytest.mark.parametrize("word", ["a.example.com", "198.51.100", "198.51.100.1/32", "198.51.100.1@53", "", "json"])
@pytest.mark.parametrize("close", [[], ["--close"]])
def test_no_address(door, word, close):
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]
    done = door.server.command("leases", *close, word)
    assert done.returncode == 1 and "not an address" in done.stderr and not done.stdout, done
    assert door.nft.keys(SET4) == ["198.51.100.1"]


@pytest.mark.parametrize("args", [[], ["--json"], ["--close"], ["198.51.100.1"]])
def test_no_export(postern, args):
    server = postern({"profile default": {"catalog": ""}})
    done = server.command("leases", *args)
    assert done.returncode == 1 and "no export is configured" in done.stderr, done


def test_close_all(door):
    assert given(door.ask("a.example.com")) and given(door.ask("a.example.com", "AAAA"))
    asked = len(door.up.questions)
    done = door.server.command("leases", "--close")
    assert (done.returncode, done.stdout) == (0, "2 leases closed\n")
    assert door.nft.keys(SET4) == door.nft.keys(SET6) == door.server.json("leases") == []
    # the answer is gone with it: upstream is asked again, and it is open again
    assert given(door.ask("a.example.com")) == ["198.51.100.1"] and door.open("198.51.100.1")
    assert len(door.up.questions) > asked


def test_close_one(door):
    door.give("b.example.com", "198.51.100.2")
    assert given(door.ask("a.example.com")) and given(door.ask("b.example.com"))
    asked = len(door.up.questions)
    assert door.server.command("leases", "--close", "198.51.100.1").stdout == "1 lease closed\n"
    assert door.nft.keys(SET4) == ["198.51.100.2"]
    assert given(door.ask("b.example.com")) == ["198.51.100.2"] and len(door.up.questions) == asked
    assert given(door.ask("a.example.com")) == ["198.51.100.1"] and len(door.up.questions) > asked


def test_close_where_two_names_have_the_address(door):
    """Whichever is asked for again opens it again, before it is told."""
    door.give("b.example.com", "198.51.100.1")
    assert given(door.ask("a.example.com")) and given(door.ask("b.example.com"))
    assert door.server.command("leases", "--close", "198.51.100.1").returncode == 0
    assert door.nft.keys(SET4) == []
    for name in ("a.example.com", "b.example.com"):
        assert given(door.ask(name)) == ["198.51.100.1"] and door.open("198.51.100.1")


def test_close_forgets_the_answers_of_all_names(door):
    """Of those too that are not the one that the lease names."""
    door.give("b.example.com", "198.51.100.1")
    assert given(door.ask("a.example.com")) and given(door.ask("b.example.com"))
    assert door.server.command("leases", "--close", "198.51.100.1").returncode == 0
    for name in ("a.example.com", "b.example.com"):
        door.give(name, "198.51.100.2")
    for name in ("a.example.com", "b.example.com"):
        assert given(door.ask(name)) == ["198.51.100.2"]
    assert door.nft.keys(SET4) == ["198.51.100.2"]


@pytest.mark.parametrize("args", [[], ["198.51.100.2"]])
def test_close_forgets_learned_names(gate, args):
    place = gate()
    place.start(catalogue="[web]\nports = tcp/443\nallow = a.example.com\nchain = *.edge.org\n")
    cname(place, "a.example.com", "x.edge.org", "198.51.100.2")
    place.give("x.edge.org", "198.51.100.2")
    assert rcode(place.ask("x.edge.org")) == "NXDOMAIN"
    assert given(place.ask("a.example.com")) == ["198.51.100.2"]
    assert given(place.ask("x.edge.org")) == ["198.51.100.2"]
    # of the two, the name asked for last is the one that is shown: both are to go
    assert given(place.ask("a.example.com")) == ["198.51.100.2"]
    assert place.server.command("leases", "--close", *args).returncode == 0
    assert place.nft.keys(SET4) == []
    assert rcode(place.ask("x.edge.org")) == "NXDOMAIN"


def test_close_leaves_elements_of_others(door):
    door.nft("add", "element", *SET4.split(), "{ 198.51.100.7 }")
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]
    assert door.server.command("leases", "--close").returncode == 0
    assert door.nft.keys(SET4) == ["198.51.100.7"]


def test_adopted(door):
    """Of an earlier start the name is known."""
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]
    door.server.stop()
    door.server.start()
    [lease] = door.server.json("leases")
    assert (lease["address"], lease["name"]) == ("198.51.100.1", "a.example.com")
    assert (lease["file"], lease["line"]) == (None, None)
    assert lease["chain"] == []
    assert door.server.command("leases", "--close").stdout == "1 lease closed\n"
    assert door.nft.keys(SET4) == []


def test_many(door):
    """Whole, and in time for whoever asks something else meanwhile."""
    names = [f"n{i}.example.com" for i in range(400)]
    for i, name in enumerate(names):
        door.give(name, *[f"198.51.{100 + i // 50}.{i % 50 * 5 + k}" for k in range(5)])
    for name in names:
        assert given(door.ask(name)), name
    held = door.server.json("leases")
    assert len(held) == 2000 and len({one["address"] for one in held}) == 2000
    assert {one["address"] for one in held} == set(door.elements())
    text = door.server.command("leases").stdout.splitlines()
    assert len(text) == 2001 and text[-1] == "2000 held"
    assert door.server.command("leases", "--close").stdout == "2000 leases closed\n"
    until(lambda: not door.elements(), "an empty set", 2)


def test_agent_that_does_not_answer(door):
    """It is said, in a few seconds; and later all of it is as it was."""
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]
    agent = door.processes().agent()
    os.kill(agent, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with ThreadPoolExecutor() as pool:
            for done in pool.map(lambda args: door.server.command(*args), (["leases"], ["leases", "--close"], ["reload"])):
                assert done.returncode == 1 and "the agent does not answer" in done.stderr, done
        assert 4 < time.monotonic() - began < 9
    finally:
        os.kill(agent, signal.SIGCONT)
    assert until(lambda: door.server.command("leases").returncode == 0, "a list")
    assert door.server.reload().returncode == 0 and door.agree()
