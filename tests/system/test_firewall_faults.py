# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall's side gone wrong: no address is given out that is not open, and all recovers by itself."""
import ctypes
import os
import random
import signal
import socket
import threading
import time

import pytest

import wire
from client import errors, rcode
from firewall import FULL, SET4, given, table
from procs import memory, until
from server import ini

KILLS = 100 if FULL else 10
PIDFD_GETFD = 438


def refused_by_firewall(answer):
    """SERVFAIL with an extended error that says so."""
    return rcode(answer) == "SERVFAIL" and not answer.answer and [code for code, text in errors(answer) if text] == [
        wire.EDE_OTHER]


@pytest.fixture
def door(gate):
    place = gate()
    place.start()
    return place


def test_permanent_element_of_an_admin_is_untouched(door):
    """It counts as held for ever, and stays so for names that share it."""
    door.nft("add", "element", *SET4.split(), '{ 198.51.100.1 comment "mine" }')
    for name, ttl in (("a.example.com", 300), ("b.example.com", 5)):
        door.give(name, "198.51.100.1", "198.51.100.2", ttl=ttl)
        assert given(door.ask(name)) == ["198.51.100.1", "198.51.100.2"]
    element = door.elements()["198.51.100.1"]
    assert (element.timeout, element.comment) == (None, "mine")
    # nor is it closed
    assert door.server.command("leases", "--close").returncode == 0
    assert door.nft.keys(SET4) == ["198.51.100.1"]


@pytest.mark.parametrize("when", ["before the start", "while it serves"])
def test_longer_timeout_of_another_program_is_untouched(gate, when):
    place = gate()
    if when != "before the start":
        place.start()
    place.nft("add", "element", *SET4.split(), '{ 198.51.100.1 timeout 2h comment "theirs" }')
    if when == "before the start":
        place.start()
    place.give("a.example.com", "198.51.100.1", ttl=300)
    assert given(place.ask("a.example.com")) == ["198.51.100.1"]
    element = place.elements()["198.51.100.1"]
    assert (element.timeout, element.comment) == (7200, "theirs") and element.expires > 7100


@pytest.mark.parametrize("refresh", ["update", "replace"])
def test_shorter_timeout_of_another_program_does_not_close_early(gate, refresh):
    """Either it was moved, or the TTL told is within it. It is never deleted."""
    place = gate()
    place.start({"refresh": refresh})
    place.nft("add", "element", *SET4.split(), '{ 198.51.100.1 timeout 20s comment "theirs" }')
    place.give("a.example.com", "198.51.100.1", ttl=300)
    answer = place.ask("a.example.com")
    element = place.elements()["198.51.100.1"]
    assert element.comment == "theirs"
    assert rcode(answer) == "SERVFAIL" or answer.answer[0].ttl <= element.expires


def test_refresh_of_a_reload_is_that_of_a_set_that_stays(gate):
    """Under `replace` another's element that is too short is left as it is, under `update` it gets its time."""
    place = gate()
    place.start({"refresh": "replace"})
    place.nft("add", "element", *SET4.split(), '{ 198.51.100.1 timeout 20s, 198.51.100.2 timeout 20s }')
    for last, refresh in (("1", "update"), ("2", "replace")):
        place.server.change({"export lockdown": {"refresh": refresh}})
        assert place.server.reload().returncode == 0
        place.give(f"{last}.example.com", f"198.51.100.{last}", ttl=300)
        place.ask(f"{last}.example.com")
        assert (place.left(f"198.51.100.{last}") > 20) == (refresh == "update")


def test_element_that_another_deletes_is_put_back(door):
    door.give("a.example.com", "198.51.100.1")
    assert given(door.ask("a.example.com"))
    door.nft("delete", "element", *SET4.split(), "{ 198.51.100.1 }")
    until(lambda: door.open("198.51.100.1"), "the element back")
    assert door.left("198.51.100.1") > 290


def test_element_that_another_shortens_is_put_right(door):
    door.give("a.example.com", "198.51.100.1")
    assert given(door.ask("a.example.com"))
    door.nft.load("delete element inet lockdown update4 { 198.51.100.1 }\n"
                  "add element inet lockdown update4 { 198.51.100.1 timeout 3s }\n")
    until(lambda: (door.left("198.51.100.1") or 0) > 290, "its own time again")


@pytest.mark.parametrize("refresh", ["update", "replace"])
def test_permanent_elements_that_are_given_an_end(gate, refresh):
    """Cached answers that counted on them do not go out when they have ended."""
    place = gate()
    place.start({"refresh": refresh})
    found = {f"{name}.example.com": f"198.51.100.{name}" for name in range(1, 5)}
    for name, address in found.items():
        place.nft("add", "element", *SET4.split(), f"{{ {address} }}")
        place.give(name, address, ttl=300)
        assert given(place.ask(name)) == [address]
    # at whatever time the leases are looked at in turn, one of them ends well before
    for i, address in enumerate(found.values()):
        place.nft("add", "element", *SET4.split(), f"{{ {address} timeout {1000 + 250 * i}ms }}")
    for _ in range(25):
        for name, address in found.items():
            assert not given(place.ask(name)) or place.open(address)
        time.sleep(0.1)
    assert all(given(place.ask(name)) for name in found)


@pytest.mark.parametrize("when", ["at the start", "later"])
def test_missing_table_fails_closed_and_recovers(gate, when):
    place = gate(None if when == "at the start" else table())
    place.start()
    place.give("a.example.com", "198.51.100.1")
    place.give("b.example.com", "198.51.100.2")
    if when == "later":
        assert given(place.ask("a.example.com"))
        place.nft("delete", "table", "inet", "lockdown")
    assert rcode(place.ask("x.example.org")) == "NXDOMAIN"
    for name in ("a.example.com", "b.example.com"):
        assert refused_by_firewall(place.ask(name)), name
    place.nft.load(table())
    for name in ("a.example.com", "b.example.com"):
        answer = until(lambda name=name: given(place.ask(name)), f"an answer to {name}", 5)
        assert all(place.open(address) for address in answer)


def test_answer_goes_out_unopened_only_where_asked_for(gate):
    """on-failure = answer"""
    place = gate(None)
    place.start({"on-failure": "answer"})
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com")) == ["198.51.100.1"]


def test_full_set_fails_closed_and_recovers(gate):
    place = gate(table("flags timeout; size 4;"))
    place.start()
    for number in range(6):
        place.give(f"n{number}.example.com", f"198.51.100.{number + 1}")
    results = [rcode(place.ask(f"n{number}.example.com")) for number in range(6)]
    assert results == ["NOERROR"] * 4 + ["SERVFAIL"] * 2
    assert refused_by_firewall(place.ask("n5.example.com"))
    # what is held is still given, and renewed
    assert given(place.ask("n0.example.com")) == ["198.51.100.1"]
    place.server.command("leases", "--close", "198.51.100.2")
    assert until(lambda: given(place.ask("n5.example.com")), "room", 5) == ["198.51.100.6"]
    assert place.open("198.51.100.6")


def test_answer_of_which_a_part_does_not_fit_is_not_given(gate):
    """And what was not given is not left open for long, and nobody else's is lost."""
    place = gate(table("flags timeout; size 4;"))
    place.start()
    place.give("one.example.com", "198.51.100.1")
    place.give("many.example.com", *(f"198.51.100.{last}" for last in range(10, 16)))
    assert given(place.ask("one.example.com"))
    assert refused_by_firewall(place.ask("many.example.com"))
    assert place.open("198.51.100.1")


WRONG = {
    "no timeout": "set update4 { type ipv4_addr; }",
    "interval": "set update4 { type ipv4_addr; flags interval, timeout; }",
    "other type": "set update4 { type ether_addr; flags timeout; }",
    "other family": "set update4 { type ipv6_addr; flags timeout; }",
    "a map": "map update4 { type ipv4_addr : verdict; flags timeout; }",
    "constant": "set update4 { type ipv4_addr; flags constant; elements = { 192.0.2.1 } }",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_set_is_refused_with_the_command_that_makes_a_right_one(gate, wrong):
    """By run and by check; and what is printed is a command that nft takes."""
    place = gate("table inet lockdown { %s\n}\n" % WRONG[wrong])
    place.server = place.postern(place.sections({"set6": ""}), {"test": "[g]\nallow = *.example.com\n"}, place.up,
                                 prefix=place.space.prefix, start=False)
    status, text = place.server.fails()
    assert status == 1 and "update4" in text and "nft " in text, text
    done = place.server.command("check")
    assert done.returncode == 1 and "postern.conf:" in done.stdout and "nft " in done.stdout, done.stdout
    command = done.stdout[done.stdout.index("nft "):].splitlines()[0]
    assert "timeout" in command and "ipv4_addr" in command, command
    # with a rule that names the set, nft calls it busy
    assert "once no rule names it" in done.stdout, done.stdout
    # as it is printed, pasted
    place.space.run("sh", "-c", command)
    assert place.server.command("check").returncode == 0
    place.server.client = place.client()
    place.server.start()
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com")) == ["198.51.100.1"] and place.nft.keys(SET4) == ["198.51.100.1"]


def test_reload_to_a_wrong_set_is_refused(gate):
    place = gate(table() + "table inet lockdown { set bad { type ipv4_addr; }\n}\n")
    place.start()
    place.give("a.example.com", "198.51.100.1")
    place.server.change({"export lockdown": {"set4": "inet lockdown bad"}})
    done = place.server.reload()
    assert done.returncode == 1 and "bad" in done.stdout + done.stderr, done
    assert given(place.ask("a.example.com")) == ["198.51.100.1"] and place.open("198.51.100.1")


def test_without_permission_no_address_is_given(gate, need):
    """CAP_NET_ADMIN gone from the bounding set: it does not start, or fails closed."""
    place = gate()
    place.server = place.postern(place.sections(), {"test": "[g]\nallow = *.example.com\n"}, place.up,
                                 prefix=[*place.space.prefix, need("setpriv"), "--bounding-set", "-net_admin"], start=False)
    place.server.client = place.client()
    place.give("a.example.com", "198.51.100.1")
    status, text = place.server.fails()
    assert status == 1 and ("CAP_NET_ADMIN" in text or "ermi" in text), text


class Asker(threading.Thread):
    """Asks for new names without end; notes answers whose addresses are not open, and how others went."""

    def __init__(self, place, limit=None):
        super().__init__(daemon=True)
        self.place, self.limit = place, limit
        self.client = place.client()
        self.bad, self.good, self.failed, self.failure = [], 0, 0, None
        self.ending = False

    def run(self):
        number = 0
        try:
            while not self.ending:
                number += 1
                answer = self.client.ask(f"q{number % self.limit if self.limit else number}.example.com")
                for address in given(answer):
                    if not self.place.open(address):
                        self.bad.append((time.monotonic(), address))
                if given(answer):
                    self.good += 1
                else:
                    self.failed += 1
        except Exception as failure:
            self.failure = failure

    def stop(self):
        self.ending = True
        self.join(20)
        if self.failure:
            raise self.failure


def by_number(question):
    """qN has an address that is its own."""
    number = int(question.name[1:].split(".")[0])
    return question.reply([wire.record(question.spelt, question.type, 60,
                                       f"45.{number >> 16}.{number >> 8 & 255}.{number & 255}")])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_killed_agent_comes_back(gate):
    """SIGKILL at random moments under load: what is given is open, answers come again within a second, nothing leaks."""
    place = gate()
    place.up.default = by_number
    place.start()
    place.give("kept.example.com", "198.51.100.1")
    assert given(place.ask("kept.example.com"))
    found = place.processes()
    server, first = found.server(), found.agent()
    dice = random.Random(9)
    asker = Asker(place)
    asker.start()
    before = None
    for kill in range(KILLS):
        good = asker.good
        until(lambda good=good: asker.good > good + dice.randrange(40), "answers", 5)
        agent = found.agent()
        os.kill(agent, signal.SIGKILL)
        began, good = time.monotonic(), asker.good
        until(lambda agent=agent: found.find(True) not in (None, agent), "another agent", 5)
        until(lambda good=good: asker.good > good + 1 or asker.failure, "answers again", 5)
        assert time.monotonic() - began < 1.5
        if kill == 2:
            before = (descriptors(server), descriptors(found.supervisor))
    asker.stop()
    assert not asker.bad and found.agent() != first and found.server() == server
    # counted under load, before may hold a question's socket
    until(lambda: descriptors(server) <= before[0] and descriptors(found.supervisor) == before[1], "nothing left open")
    # adopted: the lease of before the first kill, by its name
    assert place.leases("198.51.100.1")[SET4, "198.51.100.1"]["name"] == "kept.example.com"
    until(place.agree, "set and lease table equal")
    assert memory(server) < 60 << 20


def test_names_that_need_no_lease_are_answered_without_an_agent(gate):
    """And a warm answer whose lease covers it."""
    place = gate()
    place.start(sections={"records": {"record": "plain.example.org. 300 IN A 192.0.2.1"}})
    place.give("warm.example.com", "198.51.100.1")
    place.give("cold.example.com", "198.51.100.2")
    assert given(place.ask("warm.example.com"))
    agent = place.processes().agent()
    os.kill(agent, signal.SIGSTOP)
    try:
        assert given(place.ask("plain.example.org")) == ["192.0.2.1"]
        assert rcode(place.ask("x.example.org")) == "NXDOMAIN"
        assert given(place.ask("warm.example.com")) == ["198.51.100.1"]
        assert refused_by_firewall(place.ask("cold.example.com"))
    finally:
        os.kill(agent, signal.SIGCONT)
    until(lambda: given(place.ask("cold.example.com")), "an answer", 5)
    assert place.open("198.51.100.2")


def test_slow_agent_costs_a_deadline_and_no_more(gate):
    """The answer is SERVFAIL after the deadline, not late, and not forgotten."""
    place = gate()
    place.start({"deadline": "200ms"})
    place.give("cold.example.com", "198.51.100.2")
    assert rcode(place.ask("x.example.org")) == "NXDOMAIN"
    agent = place.processes().agent()
    os.kill(agent, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert refused_by_firewall(place.ask("cold.example.com"))
        assert 0.15 < time.monotonic() - began < 2
    finally:
        os.kill(agent, signal.SIGCONT)


def test_each_removal_is_told(gate):
    """Also the second, a moment after the set was made anew; and a full set is said to be full."""
    place = gate(table(probes=""))
    place.start()
    place.give("a.example.com", "198.51.100.1")
    place.give("b.example.com", "198.51.100.2", "198.51.100.3")
    fails = f"set {SET4}: fails: grants that need it are refused: "
    for size in ("", "size 1;"):
        assert given(place.ask("a.example.com"))
        place.nft("delete", "set", *SET4.split())
        assert refused_by_firewall(place.ask("a.example.com"))
        place.nft("add", "set", *SET4.split(), "{ type ipv4_addr; flags timeout; %s }" % size)
        until(lambda: given(place.ask("a.example.com")), "an answer again")
    text = place.server.output()
    assert text.count(fails + "there is no such set") == text.count(f"set {SET4}: works again") == 2, text
    assert refused_by_firewall(place.ask("b.example.com"))
    until(lambda: fails + "the set is full" in place.server.output(), "why")
    assert [one["error"] for one in place.server.json("status")["sets"] if one["set"] == SET4] == ["the set is full"]


def test_wrong_set_closes_itself_alone_for_a_new_agent(gate):
    """What worked before is no reason for an agent not to start; at the first start it is."""
    place = gate(table(probes=""))
    place.start()
    place.give("a.example.com", "198.51.100.1", "2001:db8::1")
    assert given(place.ask("a.example.com")) and given(place.ask("a.example.com", "AAAA"))
    place.nft("delete", "set", *SET4.split())
    place.nft("add", "set", *SET4.split(), "{ type inet_service; flags timeout; }")
    found = place.processes()
    agent = found.agent()
    os.kill(agent, signal.SIGKILL)
    until(lambda: found.find(True) not in (None, agent), "another agent", 5)
    assert until(lambda: given(place.ask("a.example.com", "AAAA")), "an answer", 5) == ["2001:db8::1"]
    assert refused_by_firewall(place.ask("a.example.com"))
    place.nft("delete", "set", *SET4.split())
    place.nft("add", "set", *SET4.split(), "{ type ipv4_addr; flags timeout; }")
    assert until(lambda: given(place.ask("a.example.com")), "an answer", 5) == ["198.51.100.1"]
    assert place.nft.keys(SET4) == ["198.51.100.1"]


def test_worker_that_has_lost_the_agent_gets_another(gate):
    """Its channel is shut while both processes live."""
    place = gate()
    place.start()
    place.give("a.example.com", "198.51.100.1")
    found = place.processes()
    agent = found.agent()
    libc = ctypes.CDLL(None, use_errno=True)
    ends = [int(fd) for fd in os.listdir(f"/proc/{agent}/fd")
            if os.readlink(f"/proc/{agent}/fd/{fd}").startswith("socket")]
    pid = os.pidfd_open(agent)
    channels = []
    for fd in sorted(ends):
        mine = libc.syscall(PIDFD_GETFD, pid, fd, 0)
        assert mine >= 0, os.strerror(ctypes.get_errno())
        one = socket.socket(fileno=mine)
        if one.type == socket.SOCK_SEQPACKET:
            channels.append(one)
    # the main thread's comes first
    assert len(channels) == 2
    channels[1].shutdown(socket.SHUT_RDWR)
    os.close(pid)
    for one in channels:
        one.close()
    until(lambda: found.find(True) not in (None, agent), "another agent", 5)
    assert until(lambda: given(place.ask("a.example.com")), "an answer", 5) == ["198.51.100.1"]
    assert place.server.json("status")["agent"]["restarts"] == 1


def test_ended_server_ends_all(gate):
    place = gate()
    place.start()
    found = place.processes()
    both = [found.agent(), found.server()]
    place.server.stop()
    until(lambda: not any(os.path.exists(f"/proc/{pid}") and found.status(pid, "State")[0] != "Z" for pid in both),
          "the end of all three")


def test_configuration_broken_meanwhile_does_not_hurt_a_new_agent(gate):
    """It works by what was committed last."""
    place = gate()
    place.start()
    place.give("a.example.com", "198.51.100.1")
    found = place.processes()
    place.server.write("postern.conf", ini({"server": {"listen": "nonsense"}}))
    agent = found.agent()
    os.kill(agent, signal.SIGKILL)
    until(lambda: found.find(True) not in (None, agent), "another agent", 5)
    assert until(lambda: given(place.ask("a.example.com")), "an answer", 5) == ["198.51.100.1"]
    assert place.open("198.51.100.1")
