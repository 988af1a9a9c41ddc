# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose lease is whose: profiles, ports, names, exports; and what stays when a process ends."""
import os
import signal

import dns.name
import pytest

import wire
from client import addresses, rcode
from firewall import SET4, SET6, given
from procs import until

SERVICE = "inet lockdown s4"
SERVICES = "table inet lockdown { set s4 { type ipv4_addr . inet_proto . inet_service; flags timeout; }\n}\n"
BY_SERVICE = {"export lockdown": {"set4": SERVICE, "set6": ""}}


@pytest.fixture
def services(gate):
    return gate(SERVICES)


def test_each_profile_opens_the_ports_of_its_own_catalogue(services):
    """Of an answer that both have from the cache too; a shared address has the union."""
    services.server = services.postern(services.sections(sections={
        **BY_SERVICE, "profile other": {"clients": "127.0.0.9", "catalog": "other", "export": "lockdown"}}), {
            "test": "[g]\nports = tcp/80\nallow = *.example.com\n",
            "other": "[g]\nports = udp/443\nallow = *.example.com\n"},
        services.up, prefix=services.space.prefix)
    one, other = services.client(), services.client("127.0.0.9")
    services.give("a.example.com", "198.51.100.1")
    assert given(one.ask("a.example.com")) == ["198.51.100.1"]
    assert services.nft.keys(SERVICE) == ["198.51.100.1 . tcp . 80"]
    assert given(other.ask("a.example.com")) == ["198.51.100.1"]
    assert services.nft.keys(SERVICE) == ["198.51.100.1 . tcp . 80", "198.51.100.1 . udp . 443"]


def test_shared_address_has_the_ports_of_all_its_names(services):
    services.start(sections=BY_SERVICE)
    services.give("a.example.com", "198.51.100.1")
    services.give("a.example.net", "198.51.100.1")
    for name in ("a.example.com", "a.example.net"):
        assert given(services.ask(name))
    assert services.nft.keys(SERVICE) == [f"198.51.100.1 . {port}" for port in ("tcp . 443", "tcp . 80", "udp . 123")]


def test_reload_with_fewer_ports_closes_the_others(services):
    services.start(sections=BY_SERVICE)
    services.give("a.example.com", "198.51.100.1")
    assert given(services.ask("a.example.com"))
    services.server.write("zones/test.ini", "[web]\nports = tcp/443\nallow = *.example.com\n")
    assert services.server.reload().returncode == 0
    until(lambda: services.nft.keys(SERVICE) == ["198.51.100.1 . tcp . 443"], "the other port shut")
    services.server.write("zones/test.ini", "[web]\nports = tcp/443 tcp/8080\nallow = *.example.com\n")
    assert services.server.reload().returncode == 0
    assert given(services.ask("a.example.com"))
    assert services.nft.keys(SERVICE) == ["198.51.100.1 . tcp . 443", "198.51.100.1 . tcp . 8080"]


def test_name_that_was_led_to_keeps_the_ports_it_was_reached_with(services):
    services.start(sections=BY_SERVICE, catalogue="[g]\nports = tcp/443\nallow = www.example.com\nchain = *.example.org\n")
    services.up.on("www.example.com", "A", [wire.record("www.example.com", "CNAME", 300, "x.example.org."),
                                            wire.record("x.example.org", "A", 300, "198.51.100.1")])
    services.give("x.example.org", "198.51.100.2")
    assert rcode(services.ask("x.example.org")) == "NXDOMAIN"
    assert given(services.ask("www.example.com")) == ["198.51.100.1"]
    assert given(services.ask("x.example.org")) == ["198.51.100.2"]
    assert services.nft.keys(SERVICE) == ["198.51.100.1 . tcp . 443", "198.51.100.2 . tcp . 443"]


def test_exports_of_one_family_each_make_both(gate):
    place = gate()
    place.start(sections={"export lockdown": {"set6": ""}, "export six": {"set6": SET6},
                          "profile default": {"export": "lockdown six"}})
    place.give("a.example.com", "198.51.100.1", "2001:db8::1")
    assert given(place.ask("a.example.com")) == ["198.51.100.1"] and place.open("198.51.100.1")
    assert given(place.ask("a.example.com", "AAAA")) == ["2001:db8::1"] and place.open("2001:db8::1")


def test_one_failing_export_of_two_holds_the_answer_back(gate):
    place = gate()
    place.start(sections={"export away": {"set4": "inet lockdown away4", "set6": ""},
                          "profile default": {"export": "lockdown away"}})
    place.give("a.example.com", "198.51.100.1")
    assert rcode(place.ask("a.example.com")) == "SERVFAIL"
    place.nft.load("table inet lockdown { set away4 { type ipv4_addr; flags timeout; }\n}\n")
    assert until(lambda: given(place.ask("a.example.com")), "an answer", 5) == ["198.51.100.1"]
    assert place.open("198.51.100.1") and place.nft.keys("inet lockdown away4") == ["198.51.100.1"]


NAMES = {
    "long": ".".join(["l" * 63] * 3 + ["m" * 40]) + ".example.com",
    "quote": r"a\"b.example.com",
    "newline": r"a\010b.example.com",
    "backslash": r"a\\b.example.com",
    "nothing": r"a\000b.example.com",
    "bytes": r"a\255\200b.example.com",
    "dot": r"a\.b.example.com",
}


@pytest.mark.parametrize("kind", NAMES)
def test_hostile_name_is_harmless_as_a_comment(gate, kind):
    """nft lists the set, and the next program knows the lease for its own."""
    place = gate()
    place.start()
    name = NAMES[kind]
    place.up.default = lambda question: question.reply([wire.record(
        dns.name.from_text(question.spelt).to_wire(), "A", 300, "198.51.100.1")])
    assert given(place.ask(name)) == ["198.51.100.1"]
    comment = place.elements()["198.51.100.1"].comment
    assert comment and len(comment) <= 127 and all(" " < char < "\x7f" and char != '"' for char in comment), comment
    assert "198.51.100.1" in place.nft("list", "ruleset")
    assert place.leases()[SET4, "198.51.100.1"]["name"]
    place.server.stop()
    place.server.start()
    assert until(lambda: place.leases().get((SET4, "198.51.100.1")), "the lease adopted")["name"]
    # it is ours: it moves on
    before = place.left("198.51.100.1")
    assert given(place.ask(name)) and place.left("198.51.100.1") >= before - 2
    assert place.server.command("leases", "--close").returncode == 0 and place.nft.keys(SET4) == []


def test_many_ports_and_addresses_fit(services):
    ports = [f"{proto}/{port}" for proto in ("tcp", "udp") for port in range(1000, 1100)]
    services.start(sections=BY_SERVICE, catalogue=f"[g]\nports = {' '.join(ports)}\nallow = *.example.com\n")
    found = [f"198.51.100.{last}" for last in range(1, 51)]
    services.give("a.example.com", *found)
    assert len(given(services.ask("a.example.com", tcp=True))) == 50
    assert len(services.nft.keys(SERVICE)) == 50 * 200


@pytest.mark.parametrize("who", ["server", "supervisor"])
def test_nothing_is_left_when_one_of_the_three_is_killed(gate, who):
    """It can be started again at once; leases go on."""
    place = gate()
    place.start()
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com"))
    found = place.processes()
    three = [found.supervisor, found.server(), found.agent()]
    os.kill(three[who == "server"], signal.SIGKILL)

    def gone(pid):
        try:
            return found.status(pid, "State")[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True
    until(lambda: all(gone(pid) for pid in three), "the end of all three", 5)
    place.server.kill()
    assert place.open("198.51.100.1")
    place.server.start()
    assert given(place.ask("a.example.com")) == ["198.51.100.1"]


def test_without_a_profile_that_uses_it_an_export_is_still_looked_after(gate):
    """Adopted leases of an earlier configuration end at their time, nobody's element is touched."""
    place = gate()
    place.nft("add", "element", *SET4.split(), "{ 198.51.100.9 }")
    place.start(sections={"profile default": {"export": ""}})
    place.give("a.example.com", "198.51.100.1")
    assert addresses(place.ask("a.example.com")) == ["198.51.100.1"]
    assert place.nft.keys(SET4) == ["198.51.100.9"]


def test_set_of_another_size_later_is_used(gate):
    """The table is deleted and made anew with another key: what is live goes in by the new one."""
    place = gate()
    place.start()
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com"))
    place.nft.load("delete table inet lockdown\ntable inet lockdown { set update4 { type ipv4_addr . inet_proto . "
                   "inet_service; flags timeout; }\nset update6 { type ipv6_addr; flags timeout; }\n}\n")

    def both():
        answer = place.ask("a.example.com")
        return given(answer) and place.nft.keys(SET4) == ["198.51.100.1 . tcp . 443", "198.51.100.1 . tcp . 80"]
    until(both, lambda: f"elements by the new key: {place.nft.keys(SET4)}", 5)


def test_all_of_it_works_for_an_account_without_rights(gate):
    """The agent that is started anew has its one capability too, and may read what it needs for a reload."""
    place = gate()
    place.start(sections={"server": {"user": "nobody"}})
    found = place.processes()
    first = found.agent()
    assert {found.status(pid, "Uid").split()[1] for pid in (found.supervisor, found.server(), first)} == {"65534"}
    place.give("a.example.com", "198.51.100.1")
    place.give("b.example.com", "198.51.100.2")
    assert given(place.ask("a.example.com"))
    os.kill(first, signal.SIGKILL)
    assert until(lambda: given(place.ask("b.example.com")), "an answer", 5) and place.open("198.51.100.2")
    assert place.server.reload().returncode == 0
    assert place.agree()


def test_start_closes_what_nothing_allows_any_more(gate):
    """What an entry takes that is only led to may have been learned: nobody knows, and it ends at its time."""
    catalogue = "[web]\nports = tcp/443\nallow = a.example.com\n%schain = *.example.org\n"
    place = gate()
    place.start(catalogue=catalogue % "allow = b.example.com\n")
    place.give("a.example.com", "198.51.100.1")
    place.give("b.example.com", "198.51.100.2", "2001:db8::2")
    place.give("x.example.org", "198.51.100.4")
    assert given(place.ask("a.example.com")) and given(place.ask("b.example.com"))
    assert given(place.ask("b.example.com", "AAAA"))
    place.up.on("a.example.com", "A", [wire.record("a.example.com", "CNAME", 300, "x.example.org."),
                                       wire.record("x.example.org", "A", 300, "198.51.100.3")])
    place.server.flush()
    assert given(place.ask("a.example.com")) == ["198.51.100.3"]
    assert given(place.ask("x.example.org")) == ["198.51.100.4"]
    place.nft("add", "element", *SET4.split(), "{ 198.51.100.9 timeout 1h }")
    place.server.stop()
    assert len(place.elements()) == 5
    place.server.write("zones/test.ini", catalogue % "")
    place.server.start()
    stay = ["198.51.100.1", "198.51.100.3", "198.51.100.4", "198.51.100.9"]
    until(lambda: sorted(place.elements()) == stay and not place.elements(SET6), lambda: f"shut: {place.elements()}", 5)
    place.server.wait_for("start: 2 leases closed that nothing allows any more")
    # nor does a reload that changes nothing close them
    assert place.server.reload().returncode == 0 and sorted(place.elements()) == stay
    # and a new agent has nothing to close
    os.kill(place.processes().agent(), signal.SIGKILL)
    place.server.wait_for("started anew")
    assert given(place.ask("x.example.org")) == [] and sorted(place.elements()) == stay
    assert "any more" not in place.server.output().split("start: 2 leases", 1)[1].split("\n", 1)[1]


def test_log_says_what_closed_and_what_is_put_back(gate):
    place = gate()
    place.start()
    for last in range(1, 21):
        place.give(f"n{last}.example.com", f"198.51.100.{last}")
        assert given(place.ask(f"n{last}.example.com"))
    place.nft("delete", "element", *SET4.split(), "{ 198.51.100.1 }")
    place.server.wait_for(f"set {SET4}: 1 element taken out or shortened by others put back")
    for last in range(2, 11):
        place.nft("delete", "element", *SET4.split(), f"{{ 198.51.100.{last} }}")
    until(lambda: len(place.elements()) == 20, "all of them back")

    def told():
        return [int(line.split(f"{SET4}: ")[1].split()[0]) for line in place.server.lines() if "by others put back" in line]
    until(lambda: sum(told()) == 10, lambda: f"ten of them told: {told()}", 5)
    assert len(told()) <= 3
    assert place.server.command("leases", "--close", "198.51.100.1").returncode == 0
    place.server.wait_for("leases --close: 198.51.100.1: 1 closed")
    assert place.server.command("leases", "--close").returncode == 0
    place.server.wait_for("leases --close: all: 19 closed")
    assert given(place.ask("n1.example.com"))
    place.server.change({"export lockdown": {"set4": "inet lockdown other"}})
    place.nft("add", "set", "inet", "lockdown", "other", "{ type ipv4_addr; flags timeout; }")
    assert place.server.reload().returncode == 0
    place.server.wait_for(f"set {SET4}: no export has it any more: 1 lease closed")
    assert "by others" not in place.server.output().split("all: 19 closed", 1)[1]
