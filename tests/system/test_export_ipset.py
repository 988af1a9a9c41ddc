# SPDX-License-Identifier: GPL-3.0-or-later
"""kind = ipset: the kernel's sets, as ipset(8) sees them."""
import time

import pytest

from client import rcode
from firewall import given
from procs import find_program, until

SET4, SET6 = "update4", "update6"


class Ipset:
    def __init__(self, space):
        self.space, self.program = space, find_program("ipset")
        if not self.program:
            pytest.skip("ipset is not installed")

    def __call__(self, *args, check=True):
        return self.space.run(self.program, *args, check=check)

    def create(self, name, kind, *more):
        done = self("create", name, *kind.split(), "timeout", "0", *more, check=False)
        if done.returncode:
            pytest.skip(f"this kernel has no {kind}: {done.stderr.strip()}")

    def elements(self, name):
        """{element: (seconds, comment)}; None: there is no such set."""
        done = self("save", name, check=False)
        if done.returncode:
            return None
        found = {}
        for line in done.stdout.splitlines():
            if line.startswith("add "):
                words = line.split()
                comment = line.split(' comment "')[1][:-1] if " comment " in line else ""
                found[words[2]] = (int(words[4]), comment)
        return found

    def has(self, name, element):
        return self("test", name, element, check=False).returncode == 0


@pytest.fixture
def door(gate):
    """A gate with sets of a type, served; key and more: of the export."""
    def make(kind="hash:ip", key="address", create=True, **export):
        place = gate(None)
        place.ipset = Ipset(place.space)
        if create:
            place.ipset.create(SET4, f"{kind} family inet", "comment")
            place.ipset.create(SET6, f"{kind} family inet6", "comment")
        place.start({"kind": "ipset", "set4": SET4, "set6": SET6, "key": key, "grace": "60s",
                     **{name.replace("_", "-"): value for name, value in export.items()}})
        return place
    return make


def test_open_before_the_answer(door):
    place = door()
    for number in range(20):
        name, address = f"a{number}.example.com", f"198.51.100.{number}"
        place.give(name, address, f"2001:db8::{number + 1:x}")
        assert given(place.ask(name)) == [address]
        assert place.ipset.has(SET4, address)
        assert given(place.ask(name, "AAAA")) and place.ipset.has(SET6, f"2001:db8::{number + 1:x}")
    seconds, comment = place.ipset.elements(SET4)["198.51.100.0"]
    assert 355 <= seconds <= 361 and comment == "postern a0.example.com"


@pytest.mark.parametrize("kind, key, wanted", [
    ("hash:ip,port", "service", ["198.51.100.1,tcp:443", "198.51.100.1,tcp:80"]),
    ("hash:ip,port,ip", "client-service", ["127.0.0.1,tcp:443,198.51.100.1", "127.0.0.1,tcp:80,198.51.100.1"]),
    ("hash:net,net", "client", ["127.0.0.1,198.51.100.1"])])
def test_types(door, kind, key, wanted):
    """What the set is counts, whatever `key` says."""
    for said in ("address", key):
        place = door(kind, said)
        place.give("a.example.com", "198.51.100.1")
        assert given(place.ask("a.example.com")) == ["198.51.100.1"]
        assert sorted(place.ipset.elements(SET4)) == wanted
        place.server.stop()


def test_flush_destroy_and_swap_are_put_right(door):
    place = door()
    for number in range(10):
        place.give(f"a{number}.example.com", f"198.51.100.{number}")
        assert given(place.ask(f"a{number}.example.com"))
    place.ipset("flush", SET4)
    until(lambda: len(place.ipset.elements(SET4)) == 10, "the refill")
    place.ipset("del", SET4, "198.51.100.3")
    until(lambda: len(place.ipset.elements(SET4)) == 10, "the element")
    place.ipset("create", "other", "hash:ip", "timeout", "0", "comment")
    place.ipset("swap", SET4, "other")
    until(lambda: len(place.ipset.elements(SET4)) == 10, "the refill after a swap")
    place.ipset("destroy", SET4)
    time.sleep(0.01)
    assert rcode(place.ask("a1.example.com")) == "SERVFAIL"
    place.ipset("create", SET4, "hash:ip", "timeout", "0", "comment")
    until(lambda: len(place.ipset.elements(SET4)) == 10, "the refill of the new set")
    assert given(place.ask("a1.example.com"))


def test_warm_answer_after_a_flush(door):
    """5 ms after somebody flushed, no answer leaves whose address is not open."""
    place = door()
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com"))
    for _ in range(20):
        place.ipset("flush", SET4)
        time.sleep(0.005)
        assert given(place.ask("a.example.com")) == ["198.51.100.1"]
        assert place.ipset.has(SET4, "198.51.100.1")


def test_others_elements_stay(door):
    place = door()
    place.ipset("add", SET4, "198.51.100.1")
    place.ipset("add", SET4, "198.51.100.2", "timeout", "3000", "comment", "mine")
    place.ipset("add", SET4, "198.51.100.3", "timeout", "20", "comment", "mine")
    place.give("a.example.com", "198.51.100.1", "198.51.100.2", "198.51.100.3")
    assert len(given(place.ask("a.example.com"))) == 3
    held = place.ipset.elements(SET4)
    assert held["198.51.100.1"] == (0, "")
    assert held["198.51.100.2"][0] > 2900 and held["198.51.100.2"][1] == "mine"
    assert held["198.51.100.3"][0] > 300 and held["198.51.100.3"][1] == "mine"
    place.server.command("leases", "--close")
    assert sorted(place.ipset.elements(SET4)) == ["198.51.100.1", "198.51.100.2", "198.51.100.3"]


def test_adopted_after_a_restart(door):
    place = door()
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com"))
    place.server.stop()
    assert place.ipset.has(SET4, "198.51.100.1")
    place.server.start()
    until(lambda: (SET4, "198.51.100.1") in place.leases(), "the adopted lease")
    assert place.leases()[SET4, "198.51.100.1"]["name"] == "a.example.com"


def test_unfit_set_is_an_error(gate):
    place = gate(None)
    ipset = Ipset(place.space)
    ipset("create", SET4, "hash:ip")
    server = place.postern(place.sections({"kind": "ipset", "set4": SET4, "set6": ""}), {"test": ""}, place.up,
                           prefix=place.space.prefix, start=False)
    done = server.fails()
    assert "ipset create update4 hash:ip family inet timeout 0 comment maxelem 65536" in str(done)


def test_missing_set_fails_closed_or_is_made(door):
    place = door(create=False)
    place.give("a.example.com", "198.51.100.1")
    assert rcode(place.ask("a.example.com")) == "SERVFAIL"
    place.ipset.create(SET4, "hash:ip", "comment")
    until(lambda: given(place.ask("a.example.com")), "an answer")
    assert place.ipset.has(SET4, "198.51.100.1")


def test_create(gate):
    place = gate(None)
    ipset = Ipset(place.space)
    place.start({"kind": "ipset", "set4": SET4, "set6": SET6, "key": "service", "create": "yes", "size": "1000"})
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com"))
    assert sorted(ipset.elements(SET4)) == ["198.51.100.1,tcp:443", "198.51.100.1,tcp:80"]
    assert "maxelem 1000" in ipset("save", SET6).stdout
