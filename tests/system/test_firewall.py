# SPDX-License-Identifier: GPL-3.0-or-later
"""What the firewall sees: an address is open before the client knows it, and exactly as long as it must be."""
import random
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

import wire
from client import addresses, errors, rcode, types
from firewall import CATALOGUE, HOST, SET4, SET6, given, table
from procs import until
from upstream import Late

REFRESH = ["update", "replace"]


@pytest.fixture
def door(gate):
    """A gate that is served."""
    place = gate()
    place.start()
    return place


def test_address_is_open_when_the_answer_arrives(door):
    """Cold and from the cache, over UDP and TCP; and each element bears the name that opened it."""
    for number, tcp in enumerate((False, True)):
        name = f"a{number}.example.com"
        found = [f"198.51.100.{number * 10 + last}" for last in range(3)]
        door.give(name, *found)
        assert not any(door.open(address) for address in found)
        for _ in range(2):
            assert given(door.ask(name, tcp=tcp)) == found
            assert all(door.open(address) for address in found)
        held = door.elements()
        assert all(held[address].comment == name for address in found)
        assert all(299 <= held[address].expires <= 302 for address in found), held


def test_lease_is_ttl_or_min_time_and_grace(gate):
    place = gate()
    place.start({"min-time": "60s", "grace": "100s"})
    for name, ttl, least, most in (("long.example.com", 500, 598, 600), ("short.example.com", 5, 158, 160)):
        place.give(name, f"198.51.100.{ttl % 250}", ttl=ttl)
        answer = place.ask(name)
        assert answer.answer[0].ttl == ttl
        # a second more, as TTLs are told in whole ones
        assert least <= place.left(given(answer)[0]) <= most + 1


def test_ttl_zero_is_open_for_min_time(gate):
    place = gate()
    place.start({"min-time": "60s", "grace": "10s"})
    place.give("zero.example.com", "198.51.100.1", ttl=0)
    assert given(place.ask("zero.example.com")) == ["198.51.100.1"]
    assert 68 <= place.left("198.51.100.1") <= 71


def test_ipv6_addresses_are_open(door):
    door.give("six.example.com", "2001:db8::1", "2001:db8::2")
    assert given(door.ask("six.example.com", "AAAA")) == ["2001:db8::1", "2001:db8::2"]
    assert door.open("2001:db8::1") and door.open("2001:db8::2") and not door.open("2001:db8::3")
    assert door.nft.keys(SET6) == ["2001:db8::1", "2001:db8::2"] and door.nft.keys(SET4) == []


def test_family_without_a_set_is_taken_out(gate):
    """Its addresses and its hints."""
    place = gate()
    place.start(sections={"export lockdown": {"set6": ""}})
    place.give("both.example.com", "198.51.100.1", "2001:db8::1")
    place.up.on("both.example.com", "HTTPS", [wire.record(
        "both.example.com", "HTTPS", 300, "1 . ipv4hint=198.51.100.2 ipv6hint=2001:db8::2")])
    assert given(place.ask("both.example.com")) == ["198.51.100.1"]
    assert not place.ask("both.example.com", "AAAA").answer
    text = place.ask("both.example.com", "HTTPS").answer[0].to_text()
    assert "198.51.100.2" in text and "2001" not in text
    assert place.open("198.51.100.2")


def test_hints_are_open_and_other_ports_are_not_given(door):
    name = "svc.example.com"
    door.up.on(name, "HTTPS", [
        wire.record(name, "HTTPS", 300, "1 . port=443 ipv4hint=198.51.100.1,198.51.100.2 ipv6hint=2001:db8::1"),
        wire.record(name, "HTTPS", 300, "2 . port=8443 ipv4hint=198.51.100.9 ipv6hint=2001:db8::9")])
    answer = door.ask(name, "HTTPS")
    assert types(answer) == ["HTTPS"] and len(answer.answer[0]) == 1 and "8443" not in answer.to_text()
    assert door.nft.keys(SET4) == ["198.51.100.1", "198.51.100.2"] and door.nft.keys(SET6) == ["2001:db8::1"]


def test_port_of_a_service_opens_nothing(gate):
    """Nothing but the entry opens a port."""
    place = gate("table inet lockdown { set s4 { type ipv4_addr . inet_proto . inet_service; flags timeout; }\n}\n")
    place.start(sections={"export lockdown": {"set4": "inet lockdown s4", "set6": ""}})
    name = "svc.example.com"
    place.up.on(name, "HTTPS", [wire.record(name, "HTTPS", 300, "1 . port=443 ipv4hint=198.51.100.1")])
    assert types(place.ask(name, "HTTPS")) == ["HTTPS"]
    assert place.nft.keys("inet lockdown s4") == ["198.51.100.1 . tcp . 443", "198.51.100.1 . tcp . 80"]


def test_chain_opens_its_end_with_the_ports_of_the_name_asked_for(gate):
    """And each element's time is bounded by what is told: a tail with a shorter TTL than its head."""
    place = gate("table inet lockdown { set s4 { type ipv4_addr . inet_proto . inet_service; flags timeout; }\n}\n")
    place.start(sections={"export lockdown": {"set4": "inet lockdown s4", "set6": ""}},
                catalogue="[g]\nports = tcp/443\nallow = www.example.com\nchain = *.example.org\n"
                          "[h]\nports = udp/123\nallow = ntp.example.com\n")
    for name, end in (("www.example.com", "198.51.100.1"), ("ntp.example.com", "198.51.100.2")):
        place.up.on(name, "A", [wire.record(name, "CNAME", 3600, f"x.{name[:3]}.example.org."),
                                wire.record(f"x.{name[:3]}.example.org", "A", 20, end)])
        assert given(place.ask(name)) == [end]
    assert place.nft.keys("inet lockdown s4") == ["198.51.100.1 . tcp . 443", "198.51.100.2 . udp . 123"]
    lease = place.leases("198.51.100.1")["inet lockdown s4", "198.51.100.1"]
    assert lease["name"] == "www.example.com" and "x.www.example.org" in str(lease["chain"]), lease


@pytest.mark.parametrize("refresh", REFRESH)
@pytest.mark.parametrize("cached", [True, False])
def test_shared_address_is_open_until_the_last_name_ends(gate, refresh, cached):
    """Names with TTL 300, 5 and 0 in any order and interleaving: the element's end only ever moves on."""
    place = gate()
    place.start({"refresh": refresh})
    dice = random.Random(cached)
    shared = ["198.51.100.1", "198.51.100.2"]
    ttls = {"long": 300, "short": 5, "zero": 0, "middle": 30}
    for name, ttl in ttls.items():
        place.give(f"{name}.example.com", *shared, ttl=ttl)
    order = list(ttls) * 5
    dice.shuffle(order)
    longest, seen = 0, dict.fromkeys(shared, 0)
    for name in order:
        if not cached:
            place.server.flush()
        assert given(place.ask(f"{name}.example.com")) == shared
        longest = max(longest, ttls[name])
        for address in shared:
            left = place.left(address)
            assert left is not None and left >= max(seen[address] - 2, longest - 2), (name, left, seen)
            seen[address] = left


@pytest.mark.parametrize("refresh", REFRESH)
def test_element_moves_on_when_its_name_is_resolved_again(gate, refresh):
    """The set never closes in between; and it does when nobody asks any more."""
    place = gate()
    place.start({"refresh": refresh, "min-time": "1s", "grace": "1s"})
    place.give("again.example.com", "198.51.100.1", ttl=1)
    place.give("other.example.com", "198.51.100.2", ttl=1)
    assert given(place.ask("again.example.com")) and given(place.ask("other.example.com"))

    def turned_over():
        assert given(place.ask("again.example.com")) == ["198.51.100.1"]
        assert place.open("198.51.100.1")
        return len(place.up.asked("again.example.com")) > 5
    until(turned_over, "its fifth resolution")
    assert place.open("198.51.100.1") and not place.open("198.51.100.2")
    until(lambda: not place.open("198.51.100.1"), "its end")
    assert place.leases() == {}


@pytest.mark.parametrize("refresh", REFRESH)
def test_warm_answer_renews_a_lease_that_is_short(gate, refresh):
    """The lease of another name's making covers less than what is told from the cache: it is renewed first."""
    place = gate()
    place.start({"refresh": refresh, "min-time": "1s", "grace": "1s"})
    place.give("warm.example.com", "198.51.100.1", ttl=300)
    place.ask("warm.example.com")
    place.nft("delete", "element", *SET4.split(), "{ 198.51.100.1 }")
    assert given(place.ask("warm.example.com")) == ["198.51.100.1"]
    assert place.open("198.51.100.1") and place.left("198.51.100.1") > 295
    assert len(place.up.asked("warm.example.com")) == 1


FAMILIES = {
    "inet": ("inet", SET4, SET6),
    "ip": ("ip", "ip own four", ""),
    "ip6": ("ip6", "", "ip6 own six"),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_create_makes_what_is_missing(gate, family):
    place = gate(None)
    _, set4, set6 = FAMILIES[family]
    place.start({"create": "yes", "set4": set4, "set6": set6, "key": "service", "size": "1000"})
    place.give("www.example.com", "198.51.100.1", "2001:db8::1")
    for rtype, where, address in (("A", set4, "198.51.100.1"), ("AAAA", set6, "2001:db8::1")):
        answer = place.ask("www.example.com", rtype)
        assert rcode(answer) == "NOERROR"
        assert addresses(answer) == ([address] if where else [])
        if where:
            assert place.nft.keys(where) == [f"{address} . tcp . 443", f"{address} . tcp . 80"]
            assert "size 1000" in place.nft("list", "set", *where.split())


def test_created_set_is_made_again_when_it_is_deleted(gate):
    place = gate(None)
    place.start({"create": "yes"})
    place.give("www.example.com", "198.51.100.1")
    place.ask("www.example.com")
    place.nft("flush", "ruleset")
    until(lambda: place.nft.keys(SET4) == ["198.51.100.1"], "the lease in a new set")


@pytest.mark.parametrize("change", ["flush set inet lockdown update4", "flush ruleset", "delete table inet lockdown",
                                    "flush ruleset, in one transaction"])
def test_emptied_set_is_refilled(door, change):
    """With every live lease; the log says who it was."""
    found = [f"198.51.100.{last}" for last in range(1, 200)]
    for number in range(0, len(found), 10):
        door.give(f"n{number}.example.com", *found[number:number + 10])
        assert given(door.ask(f"n{number}.example.com"))
    before = door.nft.keys(SET4)
    assert len(before) == len(found)
    command, _, whole = change.partition(", ")
    if whole:
        door.nft.load(command + "\n" + table())
    else:
        door.nft(*command.split())
        if "set" not in command.split():
            door.nft.load(table())
    until(lambda: door.nft.keys(SET4) == before, "every lease in the set")
    assert given(door.ask("n0.example.com")) == sorted(found[:10])
    until(lambda: "nft" in door.server.output(), lambda: "the name of the program that did it:\n" + door.server.output())
    assert all(element.expires > 250 for element in door.elements().values())


def test_reload_closes_what_no_entry_allows_any_more(door):
    """Shared addresses stay, and so does what another entry still allows."""
    shared, own, kept = "198.51.100.1", "198.51.100.2", "198.51.100.3"
    door.give("gone.example.com", shared, own)
    door.give("stays.example.net", shared, kept)
    for name in ("gone.example.com", "stays.example.net"):
        assert given(door.ask(name))
    assert door.nft.keys(SET4) == [shared, own, kept]
    door.server.write("zones/test.ini", "[time]\nports = udp/123\nallow = .example.net\n")
    assert door.server.reload().returncode == 0
    until(lambda: door.nft.keys(SET4) == [shared, kept], lambda: f"one closed lease: {door.nft.keys(SET4)}")
    assert rcode(door.ask("gone.example.com")) == "NXDOMAIN"
    assert given(door.ask("stays.example.net")) == [shared, kept]
    assert door.agree()


def test_closed_lease_is_forgotten_with_its_answer(door):
    door.give("one.example.com", "198.51.100.1", "198.51.100.2")
    door.give("two.example.com", "198.51.100.3")
    for name in ("one.example.com", "two.example.com"):
        assert given(door.ask(name))
    done = door.server.command("leases", "--close", "198.51.100.1")
    assert done.returncode == 0, done
    assert not door.open("198.51.100.1") and door.open("198.51.100.3")
    assert given(door.ask("one.example.com")) == ["198.51.100.1", "198.51.100.2"]
    assert door.open("198.51.100.1")
    assert len(door.up.asked("one.example.com")) == 2
    assert door.server.command("leases", "--close").returncode == 0
    assert door.nft.keys(SET4) == [] and door.leases() == {}


LEASE = {"export", "set", "address", "client", "proto", "port", "name", "chain", "file", "line", "seconds"}


def test_leases_say_why(door):
    door.give("why.example.com", "198.51.100.1")
    door.ask("why.example.com")
    assert all(set(lease) == LEASE for lease in door.server.json("leases"))
    lease = door.leases("198.51.100.1")[SET4, "198.51.100.1"]
    assert (lease["name"], lease["export"], lease["line"]) == ("why.example.com", "lockdown", 3), lease
    assert lease["file"].endswith("test.ini") and 299 <= lease["seconds"] <= 302, lease
    text = door.server.command("leases", "198.51.100.1").stdout
    assert "why.example.com" in text and "test.ini:3" in text
    assert door.leases("198.51.100.9") == {}


def test_records_and_forwarded_names_are_open_with_ports_only(gate):
    place = gate()
    place.start(sections={
        "records": {"record": ["listed.example.com. 300 IN A 198.51.100.1", "bare.example.org. 300 IN A 198.51.100.2"]},
        "forward corp.example.org": {"address": place.up.at, "ports": "tcp/445"},
        "forward dark.example.org": {"address": place.up.at}})
    place.give("x.corp.example.org", "198.51.100.3")
    place.give("x.dark.example.org", "198.51.100.4")
    for name in ("listed.example.com", "bare.example.org", "x.corp.example.org", "x.dark.example.org"):
        assert len(given(place.ask(name))) == 1, name
    assert place.nft.keys(SET4) == ["198.51.100.1", "198.51.100.3"]


def test_reload_to_another_set_opens_there(gate):
    """Warm answers too; the old set is left with nothing of ours."""
    place = gate(table() + "table inet lockdown { set other4 { type ipv4_addr; flags timeout; }\n}\n")
    place.start()
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com"))
    place.server.change({"export lockdown": {"set4": "inet lockdown other4"}})
    assert place.server.reload().returncode == 0
    assert given(place.ask("a.example.com")) == ["198.51.100.1"]
    assert place.nft.keys("inet lockdown other4") == ["198.51.100.1"]
    until(lambda: place.nft.keys(SET4) == [], "the old set empty")


@pytest.mark.parametrize("export, catalogue, a, b", [
    ("other", CATALOGUE, [], ["198.51.100.1"]), ("", CATALOGUE, [], []), ("lockdown", "[g]\nallow = b.example.com\n", [], [])])
def test_question_in_flight_over_a_reload(gate, export, catalogue, a, b):
    """What it is told is open in the sets of now, and nothing is opened that nothing allows any more."""
    place = gate(table() + "table inet lockdown { set other4 { type ipv4_addr; flags timeout; }\n}\n")
    place.start(sections={"export other": {"set4": "inet lockdown other4", "set6": SET6.replace("update", "other")}})
    answer = wire.record("a.example.com", "A", 300, "198.51.100.1")
    place.up.on("a.example.com", "A", lambda question: Late(0.5, question.reply([answer])))
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(place.ask, "a.example.com")
        until(lambda: place.up.asked("a.example.com"), "the question")
        place.server.write("zones/test.ini", catalogue)
        place.server.change({"profile default": {"export": export}})
        assert place.server.reload().returncode == 0
        found = given(asked.result())
    assert found == (["198.51.100.1"] if catalogue is CATALOGUE else [])
    assert (place.nft.keys(SET4), place.nft.keys("inet lockdown other4")) == (a, b)


def test_first_export_needs_a_restart(gate):
    place = gate()
    place.start(sections={"export lockdown": None, "profile default": {"export": ""}})
    place.server.change({"export lockdown": {"set4": SET4}, "profile default": {"export": "lockdown"}})
    done = place.server.reload()
    assert done.returncode == 1 and "restart" in done.stdout + done.stderr, done


def test_status_tells_of_every_set(door):
    door.give("a.example.com", "198.51.100.1")
    door.ask("a.example.com")
    lines = [line for line in door.server.command("status").stdout.splitlines() if "inet lockdown update" in line]
    assert len(lines) == 2 and "1 leases" in next(line for line in lines if "update4" in line), lines
    door.nft("delete", "set", *SET6.split(), check=False)
    door.nft("delete", "table", "inet", "lockdown")
    assert rcode(door.ask("six.example.com")) in ("NOERROR", "SERVFAIL")
    gone = next(line for line in door.server.command("status").stdout.splitlines() if SET4 in line)
    assert ": not there," in gone, gone


def test_profile_without_export_opens_nothing(gate):
    place = gate()
    place.start(sections={"profile free": {"clients": "127.0.0.9", "catalog": "test"}})
    place.give("free.example.com", "198.51.100.1")
    assert given(place.client("127.0.0.9").ask("free.example.com")) == ["198.51.100.1"]
    assert place.nft.keys(SET4) == []
    # from the cache too, each way
    assert given(place.ask("free.example.com")) == ["198.51.100.1"] and place.open("198.51.100.1")


def test_leases_outlive_the_program(gate):
    """They are in the kernel; the next one adopts them, and knows their names from the comments."""
    place = gate()
    place.start()
    place.give("old.example.com", "198.51.100.1")
    place.ask("old.example.com")
    place.server.stop()
    assert place.open("198.51.100.1")
    place.server.start()
    lease = until(lambda: place.leases().get((SET4, "198.51.100.1")), "the lease adopted")
    assert lease["name"] == "old.example.com" and lease["seconds"] > 290
    place.nft("flush", "set", *SET4.split())
    until(lambda: place.open("198.51.100.1"), "the adopted lease put back")


def test_stale_answers_are_open_too(gate):
    place = gate()
    place.start({"min-time": "1s", "grace": "1s"}, {"cache": {"stale": "1h"}, "upstream": {"timeout": "100ms"}})
    place.give("stale.example.com", "198.51.100.1", ttl=1)
    assert given(place.ask("stale.example.com"))
    place.up.on("stale.example.com", "A", lambda question: None)
    until(lambda: not place.open("198.51.100.1"), "the lease's end")
    answer = place.ask("stale.example.com")
    assert given(answer) == ["198.51.100.1"] and errors(answer)[0][0] == wire.EDE_STALE
    assert place.open("198.51.100.1")


def test_processes_may_do_what_they_must(door):
    """The agent may write to the firewall and nothing else, the supervisor may only hand that on, the server nothing."""
    found = door.processes()
    admin, none = f"{1 << 12:016x}", f"{0:016x}"
    assert [found.status(found.agent(), key) for key in ("CapEff", "CapPrm", "CapBnd")] == [admin, admin, none]
    assert [found.status(found.server(), key) for key in ("CapEff", "CapPrm", "CapInh", "CapAmb")] == [none] * 4
    assert found.status(found.supervisor, "CapEff") == none and found.status(found.supervisor, "CapPrm") == admin
    assert all(found.status(pid, "NoNewPrivs") == "1" for pid in (found.agent(), found.server(), found.supervisor))


def test_probe_itself_sees_the_set(gate):
    """So that the tests mean something."""
    place = gate()
    assert not place.open("198.51.100.1") and not place.open("2001:db8::1")
    place.nft("add", "element", *SET4.split(), "{ 198.51.100.1 }")
    place.nft("add", "element", *SET6.split(), "{ 2001:db8::1 }")
    assert place.open("198.51.100.1") and place.open("2001:db8::1")
    assert place.space.socket(socket.AF_INET, socket.SOCK_DGRAM).close() is None and HOST
