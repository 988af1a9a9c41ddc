# SPDX-License-Identifier: GPL-3.0-or-later
"""kind = socket: listeners of the test's own, and contrib/export/mirror.py."""
import json
import os
import pathlib
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest

from client import errors, rcode
from firewall import SET4, given
from nftset import Nft
from procs import Program, until

MIRROR = pathlib.Path(__file__).resolve().parents[2] / "contrib/export/mirror.py"
SETS = """
table inet lockdown {
	set update4 { type ipv4_addr; flags timeout; }
	set service4 { type ipv4_addr . inet_proto . inet_service; flags timeout; }
	set client4 { type ipv4_addr . ipv4_addr; flags timeout; }
}
"""


class Listener:
    """Writes down what it is told; `answer` makes the answer of a line, None: none."""

    def __init__(self, path):
        self.path, self.said, self.connections = path, [], 0
        self.answer = lambda one: {"seq": one["seq"], "ok": True}
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.socket.listen()
        self.conn = None
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                self.conn = self.socket.accept()[0]
            except OSError:
                return
            self.connections += 1
            try:
                for line in self.conn.makefile("rb"):
                    self.said.append(json.loads(line))
                    answer = self.answer(self.said[-1])
                    if answer:
                        self.conn.sendall(json.dumps(answer).encode() + b"\n")
            except OSError:
                pass

    def hang_up(self):
        if self.conn:
            try:
                self.conn.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.hang_up()
        os.unlink(self.path)

    def open(self, address):
        found = [one for one in self.said if one["address"] == address]
        return bool(found) and found[-1]["op"] == "add"


@pytest.fixture
def listen(scratch, ends):
    def make():
        listener = Listener(f"{scratch}/fw.sock")
        return listener
    os.chmod(scratch, 0o755)
    return make


def export(scratch, **keys):
    return {"kind": "socket", "path": f"{scratch}/fw.sock", "set4": "", "set6": "",
            **{key.replace("_", "-"): value for key, value in keys.items()}}


def test_listener_knows_before_the_client(gate, scratch, listen):
    listener = listen()
    place = gate(None)
    place.start(export(scratch, grace="60s", min_time="0s"))
    place.give("a.example.com", "198.51.100.1", "2001:db8::1")
    assert given(place.ask("a.example.com")) == ["198.51.100.1"]
    one = listener.said[0]
    assert 359 <= one.pop("seconds") <= 361
    assert one == {"seq": 0, "op": "add", "address": "198.51.100.1", "client": None, "ports": ["tcp/80", "tcp/443"],
                   "name": "a.example.com"}
    assert given(place.ask("a.example.com", "AAAA")) == ["2001:db8::1"]
    assert listener.said[1]["address"] == "2001:db8::1"
    for _ in range(3):
        place.ask("a.example.com")
    assert len(listener.said) == 2


def test_listener_that_is_not_there_yet(gate, scratch, listen):
    """Said once, of both families; the agent is not what is missing."""
    place = gate(None)
    place.start(export(scratch))
    place.give("a.example.com", "198.51.100.1")
    assert [text for code, text in errors(place.ask("a.example.com"))] == ["the firewall did not take the addresses"]
    said = place.server.output()
    assert said.count("fw.sock is not there yet") == 1 and said.count("fw.sock: No such file") == 1, said
    assert ": fails:" not in said and "agent is not running" not in said
    text = place.server.command("status").stdout
    for family in ("IPv4", "IPv6"):
        assert f"export lockdown: socket {scratch}/fw.sock {family}: not there" in text
    assert text.index("IPv4") < text.index("IPv6") and "nobody listens" in text, text
    assert [one["family"] for one in place.server.json("status")["sets"]] == [4, 6]
    listener = listen()
    until(lambda: given(place.ask("a.example.com")), "an answer")
    listener.stop()
    until(lambda: "fails: grants that need it are refused: nobody listens" in place.server.output(), "what is wrong")
    assert place.server.output().count(": fails:") == place.server.output().count("works again") == 1


def test_ports_that_join_are_told(gate, scratch, listen):
    listener = listen()
    place = gate(None)
    place.start(export(scratch, grace="60s"))
    place.give("a.example.com", "198.51.100.1")
    place.give("a.example.net", "198.51.100.1", ttl=100)
    assert given(place.ask("a.example.com")) and given(place.ask("a.example.net"))
    assert sorted(listener.said[-1]["ports"]) == ["tcp/443", "tcp/80", "udp/123"]
    # the lease of the first name is not shortened by the second
    assert listener.said[-1]["seconds"] >= 358


def test_services_are_leases_of_their_own(gate, scratch, listen):
    listener = listen()
    place = gate(None)
    place.start(export(scratch, key="service"))
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com"))
    assert sorted(one["ports"] for one in listener.said) == [["tcp/443"], ["tcp/80"]]


def test_refused_late_or_silent_is_servfail(gate, scratch, listen):
    listener = listen()
    place = gate(None)
    place.start(export(scratch, deadline="300ms"))
    place.give("a.example.com", "198.51.100.1")
    listener.answer = lambda one: {"seq": one["seq"], "ok": False, "error": "no such set: inet \"x\\y\"\n\x1b[2J"}
    assert rcode(place.ask("a.example.com")) == "SERVFAIL"
    said = r'export lockdown: the listener refused: no such set: inet "x\092y"\010\027[2J'
    until(lambda: said in place.server.output(), "what it said, harmless and readable")
    listener.answer = lambda one: None
    begun = time.monotonic()
    until(lambda: rcode(place.ask("a.example.com")) == "SERVFAIL", "a refusal")
    assert time.monotonic() - begun < 2
    listener.answer = lambda one: {"seq": one["seq"], "ok": True}
    until(lambda: given(place.ask("a.example.com")), "an answer again")


def test_all_live_leases_after_a_connect(gate, scratch, listen):
    listener = listen()
    place = gate(None)
    place.start(export(scratch))
    names = [f"a{number}.example.com" for number in range(20)]
    for number, name in enumerate(names):
        place.give(name, f"198.51.100.{number}")
        assert given(place.ask(name))
    listener.said.clear()
    listener.hang_up()
    until(lambda: len({one["address"] for one in listener.said}) == 20, "all leases again")
    assert listener.connections == 2
    # without a listener: nothing goes out, not even from the cache; with one all does
    listener.stop()
    until(lambda: rcode(place.ask(names[0])) == "SERVFAIL", "a refusal")
    listener = listen()
    until(lambda: len({one["address"] for one in listener.said}) == 20, "all leases again")
    assert given(place.ask(names[0]))


def test_without_a_listener_on_failure_answer(gate, scratch):
    place = gate(None)
    place.start(export(scratch, on_failure="answer"))
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com")) == ["198.51.100.1"]


def test_closed_is_deleted(gate, scratch, listen):
    listener = listen()
    place = gate(None)
    place.start(export(scratch))
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com"))
    place.server.command("leases", "--close", "198.51.100.1")
    until(lambda: not listener.open("198.51.100.1"), "a delete")
    assert given(place.ask("a.example.com")) and listener.open("198.51.100.1")


@pytest.mark.parametrize("args", [[], ["198.51.100.1"]])
def test_closed_without_a_listener_is_deleted_when_it_is_back(gate, scratch, listen, args):
    listener = listen()
    place = gate(None)
    place.start(export(scratch))
    place.give("a.example.com", "198.51.100.1")
    place.give("b.example.com", "198.51.100.2")
    assert given(place.ask("a.example.com")) and given(place.ask("b.example.com"))
    listener.stop()
    until(lambda: rcode(place.ask("a.example.com")) == "SERVFAIL", "a refusal")
    assert place.server.command("leases", "--close", *args).returncode == 0
    listener = listen()
    closed = args or ["198.51.100.1", "198.51.100.2"]
    until(lambda: {one["address"] for one in listener.said if one["op"] == "delete"} == set(closed),
          lambda: f"deletes: {listener.said}", 5)
    assert not any(one["op"] == "add" and one["address"] in closed for one in listener.said)
    # once is enough
    listener.hang_up()
    until(lambda: listener.connections == 2, "another connection")
    time.sleep(0.3)
    assert sum(one["op"] == "delete" for one in listener.said) == len(closed)
    assert given(place.ask("a.example.com")) and listener.open("198.51.100.1")


# mirror.py by itself

class Peer:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.settimeout(10)
        self.file, self.seq = self.socket.makefile("rb"), 0

    def say(self, *wishes):
        text = ""
        for wish in wishes:
            one = {"seq": self.seq, "op": "add", "address": "192.0.2.1", "client": None, "ports": ["tcp/443"],
                   "seconds": 60, "name": "www.example.com", **wish}
            text += json.dumps(one) + "\n"
            self.seq += 1
        self.socket.sendall(text.encode())
        return [json.loads(self.file.readline()) for _ in wishes]


def heard(path):
    """Its socket is there a moment before it listens."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


@pytest.fixture
def mirror(scratch, ends):
    def make(*args, prefix=()):
        path = f"{scratch}/fw.sock"
        program = Program([*prefix, sys.executable, str(MIRROR), "--socket", path, "--mode", "666", *args], f"{scratch}/mirror.log")
        ends.callback(program.stop)
        until(lambda: heard(path), "a listener")
        os.chmod(scratch, 0o755)
        return path, program
    return make


@pytest.mark.parametrize("args,mode", [([], 0o666), (["--mode", "600"], 0o600)])
def test_mirror_socket_is_whose_it_is_said_to_be(mirror, args, mode):
    """And that somebody removed it is no reason to fail at the end."""
    path, program = mirror("--group", "65534", *args, "--dry-run", "pf", "--table", "update")
    held = os.stat(path)
    assert (stat.S_IMODE(held.st_mode), held.st_gid) == (mode, 65534)
    os.unlink(path)
    program.stop()
    assert "Traceback" not in program.output()


def test_mirror_group_that_is_not_there(scratch):
    done = subprocess.run([sys.executable, MIRROR, "--socket", f"{scratch}/fw.sock", "--group", "no-such-group", "pf",
                           "--table", "update"], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1 and "no-such-group" in done.stderr and "Traceback" not in done.stderr, done


def test_mirror_pf(mirror):
    path, program = mirror("--dry-run", "pf", "--table", "update")
    peer = Peer(path)
    assert peer.say({}, {"address": "2001:db8::1"}, {"address": "192.0.2.2", "seconds": 1}) == [
        {"seq": number, "ok": True} for number in range(3)]
    program.wait_for("pfctl -q -t update -T add 192.0.2.1 2001:db8::1 192.0.2.2")
    program.wait_for("pfctl -q -t update -T delete 192.0.2.2")
    assert peer.say({"op": "delete"})[0]["ok"]
    program.wait_for("pfctl -q -t update -T delete 192.0.2.1")
    assert not peer.say({"client": "10.0.0.1"})[0]["ok"]


@pytest.mark.parametrize("wish", [
    {"address": "192.0.2.1; reboot"}, {"name": "a\"; flush ruleset"}, {"ports": ["tcp/443 }"]},
    {"ports": ["tcp/99999"]}, {"seconds": -1}, {"seconds": "x"}, {"op": "flush"}, {"client": 7}, {"address": None}])
def test_mirror_trusts_nothing(mirror, wish):
    path, program = mirror("--dry-run", "pf", "--table", "update")
    assert Peer(path).say(wish, {}) == [{"seq": 0, "ok": False, "error": "not understood"}, {"seq": 1, "ok": True}]
    assert program.output().count("pfctl") == 1


def test_mirror_nft(mirror, namespace):
    space = namespace()
    nft = Nft(space)
    nft.load(SETS)
    path, program = mirror("nft", "--set4", "inet lockdown service4", "--key", "service", prefix=space.prefix)
    peer = Peer(path)
    assert all(one["ok"] for one in peer.say({}, {"ports": ["udp/53"]}, {"seconds": 600}))
    held = nft.elements("inet lockdown service4")
    assert sorted(held) == ["192.0.2.1 . tcp . 443", "192.0.2.1 . udp . 53"]
    assert held["192.0.2.1 . tcp . 443"].expires > 590 and held["192.0.2.1 . tcp . 443"].comment == "www.example.com"
    # one that cannot be done leaves the others
    answers = peer.say({"address": "2001:db8::1"}, {"address": "192.0.2.7"}, {"op": "delete"}, {"op": "delete"})
    assert [one["ok"] for one in answers] == [False, True, True, True]
    assert sorted(nft.elements("inet lockdown service4")) == ["192.0.2.1 . udp . 53", "192.0.2.7 . tcp . 443"]
    nft("delete", "table", "inet", "lockdown")
    answer = peer.say({})[0]
    assert not answer["ok"] and "No such file" in answer["error"]


def test_gateway_behind_the_mirror(gate, scratch, mirror, namespace):
    """The whole way: what postern resolves is open in another gateway before the client knows."""
    other = namespace()
    nft = Nft(other)
    nft.load(SETS)
    mirror("nft", "--set4", SET4, prefix=other.prefix)
    place = gate(None)
    place.start(export(scratch, deadline="3s"))
    for number in range(5):
        place.give(f"a{number}.example.com", f"198.51.100.{number}")
        assert given(place.ask(f"a{number}.example.com")) == [f"198.51.100.{number}"]
        assert nft.elements(SET4)[f"198.51.100.{number}"].comment == f"a{number}.example.com"


def test_mirror_for_an_account(gate, scratch, mirror):
    """The agent is not root: it reaches the socket by its group, and reaches it again."""
    for program in (None, "again"):
        path, running = mirror("--mode", "660", "--group", "65534", "--dry-run", "nft", "--set4", SET4)
        if not program:
            place = gate(None)
            place.start(export(scratch), sections={"server": {"user": "nobody"}})
            place.give("a.example.com", "198.51.100.1")
        until(lambda: given(place.ask("a.example.com")) == ["198.51.100.1"], "an answer")
        running.stop()
        until(lambda: rcode(place.ask("a.example.com")) == "SERVFAIL", "a refusal")
    assert not os.path.exists(path)
