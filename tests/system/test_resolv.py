# SPDX-License-Identifier: GPL-3.0-or-later
"""/etc/resolv.conf: its servers where [upstream] names none, and its changes; in a mount namespace of the test's own."""
import os

import pytest

import wire
from client import Client, addresses, rcode
from procs import until
from upstream import Late, by_name

CATALOGUE = {"test": "[g]\nallow = *.example.com\n"}
FIRST, SECOND = "127.0.1.1", "127.0.1.2"


class Machine:
    """postern in a namespace, two upstreams there at port 53, and the resolv.conf of the namespace."""

    def __init__(self, space, folder, postern, upstream):
        self.etc = os.path.join(folder, "etc")
        self.ups = {}
        for number, address in enumerate((FIRST, SECOND)):
            self.ups[address] = upstream(address, 53, make=space.socket)
            self.ups[address].default = self.answer(f"198.51.{number}.1")
        self.names = iter(range(10000))
        self.server = postern({"server": {"listen": "127.0.0.1@5300"}, "profile default": {"catalog": "test"}},
                              CATALOGUE, start=False, prefix=space.prefix)
        self.client = Client("127.0.0.1", 5300, make=space.socket)

    @staticmethod
    def answer(address):
        return lambda question: question.reply([wire.record(question.spelt, "A", 60, address)])

    def text(self, *servers):
        return "# a comment\nsearch example.com\n" + "".join(f"nameserver {server}\n" for server in servers)

    def put(self, name, *servers):
        """Writes a file aside, as those do who then rename it."""
        path = os.path.join(self.etc, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(self.text(*servers))
        return path

    def who_answers(self):
        """The upstream that a new question goes to, by its answer."""
        answer = self.client.ask(f"n{next(self.names)}.example.com")
        return {"198.51.0.1": FIRST, "198.51.1.1": SECOND}.get((addresses(answer) or [None])[0])

    def waits_for(self, server):
        until(lambda: self.who_answers() == server, lambda: f"{server} to be asked:\n{self.server.output()}")

    def path(self, name="resolv.conf"):
        return os.path.join(self.etc, name)


@pytest.fixture
def machine(fresh, scratch, postern, upstream):
    return Machine(fresh, scratch, postern, upstream)


def test_changed_by_rename(machine):
    """As editors, dhclient and resolvconf do."""
    machine.put("resolv.conf", FIRST)
    machine.server.start()
    machine.waits_for(FIRST)
    for server in (SECOND, FIRST, SECOND):
        os.rename(machine.put("resolv.conf.new", server), machine.path())
        machine.waits_for(server)


def test_changed_in_place(machine):
    machine.put("resolv.conf", FIRST)
    machine.server.start()
    machine.waits_for(FIRST)
    machine.put("resolv.conf", SECOND)
    machine.waits_for(SECOND)


def test_symlink_switched(machine):
    """As NetworkManager and systemd-resolved do: another target, and then the target's file itself."""
    machine.put("one/resolv.conf", FIRST)
    machine.put("two/resolv.conf", SECOND)
    os.symlink("one/resolv.conf", machine.path())
    machine.server.start()
    machine.waits_for(FIRST)
    os.symlink("/etc/two/resolv.conf", machine.path("new"))
    os.rename(machine.path("new"), machine.path())
    machine.waits_for(SECOND)
    os.rename(machine.put("two/new", FIRST), machine.path("two/resolv.conf"))
    machine.waits_for(FIRST)


def test_folder_of_the_target_switched(machine):
    """A link on the way."""
    machine.put("one/resolv.conf", FIRST)
    machine.put("two/resolv.conf", SECOND)
    os.symlink("one", machine.path("current"))
    os.symlink("current/resolv.conf", machine.path())
    machine.server.start()
    machine.waits_for(FIRST)
    os.symlink("two", machine.path("new"))
    os.rename(machine.path("new"), machine.path("current"))
    machine.waits_for(SECOND)


def test_comes_late(machine):
    """Not there at start: SERVFAIL until it is."""
    machine.server.start()
    assert machine.who_answers() is None
    assert rcode(machine.client.ask("www.example.net")) == "NXDOMAIN"
    os.rename(machine.put("new", FIRST), machine.path())
    machine.waits_for(FIRST)


def test_dangling_link_comes_alive(machine):
    os.symlink("../run/net/resolv.conf", machine.path())
    machine.server.start()
    assert machine.who_answers() is None
    machine.put("../run/net/resolv.conf", SECOND)
    machine.waits_for(SECOND)


def test_gone_or_emptied_keeps_the_last(machine):
    """For a moment there is no file while others write it: the servers known serve on."""
    machine.put("resolv.conf", FIRST)
    machine.server.start()
    machine.waits_for(FIRST)
    os.unlink(machine.path())
    for _ in range(20):
        assert machine.who_answers() == FIRST
    machine.put("resolv.conf")
    for _ in range(20):
        assert machine.who_answers() == FIRST
    machine.put("resolv.conf", SECOND)
    machine.waits_for(SECOND)


def test_our_own_address_is_passed_over(machine):
    """Once resolv.conf points at us: no loop."""
    machine.server.change({"server": {"listen": "127.0.0.1@5300 127.0.0.53@53"}})
    machine.put("resolv.conf", "127.0.0.53", SECOND)
    machine.server.start()
    for _ in range(20):
        assert machine.who_answers() == SECOND
    assert [one["address"] for one in machine.server.json("status")["upstreams"]] == [f"{SECOND}@53"]


def test_cached_answers_and_questions_in_flight_live_on(machine):
    machine.put("resolv.conf", FIRST)
    machine.server.start()
    machine.ups[FIRST].on("www.example.com", "A", by_name)
    before = addresses(machine.client.ask("www.example.com"))
    machine.ups[FIRST].on("slow.example.com", "A", lambda question: Late(0.5, by_name(question)))
    with machine.client.open(2) as sock:
        sock.connect(machine.client.where())
        sock.send(wire.query("slow.example.com", ident=99))
        until(lambda: machine.ups[FIRST].asked("slow.example.com"), "the slow question")
        os.rename(machine.put("new", SECOND), machine.path())
        machine.waits_for(SECOND)
        assert sock.recv(512)[:2] == b"\0\x63"
    assert addresses(machine.client.ask("www.example.com")) == before
    assert len(machine.ups[FIRST].asked("www.example.com")) == 1


def test_written_upstream_is_not_touched(machine):
    machine.server.change({"upstream": {"address": f"{FIRST}@53"}})
    machine.put("resolv.conf", SECOND)
    machine.server.start()
    assert machine.who_answers() == FIRST
    os.rename(machine.put("new", SECOND), machine.path())
    for _ in range(20):
        assert machine.who_answers() == FIRST
