# SPDX-License-Identifier: GPL-3.0-or-later
"""Private and special addresses are never opened, whatever form they come in."""
import ipaddress
import socket

import pytest

from client import addresses, rcode
from firewall import SET4, SET6, given
from procs import until

RANGES4 = ["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
           "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "203.0.113.0/24"]
RANGES6 = ["::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "2001:db8:100::/40"]
PUBLIC4, PUBLIC6 = "198.51.100.77", "2001:db8:ff00::77"


def ends(prefix):
    """Its first and last address, and one between."""
    network = ipaddress.ip_network(prefix)
    return {str(network[index]) for index in {0, network.num_addresses // 2, network.num_addresses - 1}}


def inside6(address):
    """The IPv6 forms that carry it."""
    raw = socket.inet_aton(address)
    inverted = bytes(byte ^ 0xff for byte in raw)

    def at(head, body, length=16):
        return str(ipaddress.IPv6Address((head + body).ljust(length, b"\x01")))
    last = {"::ffff:0:0": "::ffff:0:0", "::": "::", "64:ff9b::": "64:ff9b::", "64:ff9b:1::": "64:ff9b:1::"}
    forms = {str(ipaddress.IPv6Address(ipaddress.IPv6Address(base).packed[:12] + raw)) for base in last.values()}
    forms.add(at(bytes.fromhex("2002"), raw))
    forms.add(at(bytes.fromhex("20010000"), raw))
    forms.add(str(ipaddress.IPv6Address(bytes.fromhex("20010000") + b"\x08\x08\x08\x08" + b"\x01" * 4 + inverted)))
    return forms


PRIVATE4 = sorted(set().union(*(ends(prefix) for prefix in RANGES4)))
PRIVATE6 = sorted(set().union(*(ends(prefix) for prefix in RANGES6), *(inside6(one) for one in PRIVATE4)))


def test_forms_are_many():
    assert len(PRIVATE4) >= 30 and len(PRIVATE6) >= 200


def ask_all(place, name, rtype, found, step=12):
    """Asks for names that have them, a few each beside a public one; gives all that was given."""
    public = PUBLIC4 if rtype == "A" else PUBLIC6
    got = set()
    for start in range(0, len(found), step):
        place.give(f"{name}{start}.example.com", *found[start:start + step], public)
        answer = place.ask(f"{name}{start}.example.com", rtype, tcp=True)
        assert rcode(answer) == "NOERROR", answer
        got |= set(addresses(answer))
    return got


def same(found):
    return sorted(str(ipaddress.ip_address(one)) for one in found)


@pytest.fixture
def place(gate):
    return gate()


PRIVATE = {"server": {"private": "203.0.113.0/24 2001:db8:100::/40"}}


def test_guard_keeps_them_from_answers_and_sets(place):
    place.start(sections=PRIVATE)
    assert ask_all(place, "a", "A", PRIVATE4) == {PUBLIC4}
    assert ask_all(place, "b", "AAAA", PRIVATE6) == {PUBLIC6}
    assert place.nft.keys(SET4) == [PUBLIC4] and place.nft.keys(SET6) == [PUBLIC6]


def test_upstream_that_may_give_them_opens_none(place):
    """They are given, and not opened; the public one beside them is."""
    place.start(sections={**PRIVATE, "upstream": {"private": "yes"}})
    assert same(ask_all(place, "a", "A", PRIVATE4)) == same(PRIVATE4 + [PUBLIC4])
    assert same(ask_all(place, "b", "AAAA", PRIVATE6)) == same(PRIVATE6 + [PUBLIC6])
    assert place.nft.keys(SET4) == [PUBLIC4] and place.nft.keys(SET6) == [PUBLIC6]


def test_export_may_take_them_when_it_says_so(place):
    place.start({"private": "yes"}, {**PRIVATE, "upstream": {"private": "yes"}})
    ask_all(place, "a", "A", PRIVATE4)
    assert same(place.nft.keys(SET4)) == same(PRIVATE4 + [PUBLIC4])


def test_own_public_networks_are_private(place):
    """[server] private: the neighbour prefix is not."""
    place.start(sections=PRIVATE)
    place.give("own.example.com", "203.0.113.5", "203.0.112.5")
    assert given(place.ask("own.example.com")) == ["203.0.112.5"]
    assert place.nft.keys(SET4) == ["203.0.112.5"]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("change", [{"export lockdown": {"private": "no"}}, {"server": {"private": "203.0.113.0/24 198.51.100.0/24"},
                                    "export lockdown": {"private": "no"}}])
def test_what_was_open_before_it_was_private_is_closed(place, restart, change):
    """By a reload, and by a start that finds it in the set; a flush does not bring it back."""
    place.start({"private": "yes"}, {"upstream": {"private": "yes"}})
    place.give("own.example.com", "10.0.0.5", "198.51.100.5", "192.0.2.5")
    assert len(given(place.ask("own.example.com"))) == 3
    # somebody else's stays
    place.nft("add", "element", *SET4.split(), "{ 10.0.0.6 timeout 1h }")
    left = ["10.0.0.6", "192.0.2.5"] + ([] if "server" in change else ["198.51.100.5"])
    if restart:
        place.server.stop()
    place.server.change(change)
    if restart:
        place.server.start()
    else:
        assert place.server.reload().returncode == 0
    until(lambda: place.nft.keys(SET4) == left, lambda: f"{left} and not {place.nft.keys(SET4)}")
    place.nft("flush", "set", *SET4.split())
    until(lambda: place.nft.keys(SET4) == left[1:], "the others back")
    assert {address for _, address in place.leases()} == set(left[1:])
