# SPDX-License-Identifier: GPL-3.0-or-later
"""Real connections through a gateway that drops all that is not open, begun in the moment that the answer arrives."""
import os
import re
import socket
import subprocess
import sys
import time

import dns.message
import pytest

from authority import Nsd, zone
from client import Client, addresses, rcode
from firewall import FULL, given
from nftset import Nft
from procs import find_program, until
from server import merge

HERE = os.path.dirname(os.path.abspath(__file__))
COUNT = 20000 if FULL else 1500
INSIDE, OUTSIDE = "10.30.0.1", "203.0.113.1"
CLIENTS = [f"10.30.0.{last}" for last in range(10, 18)]

RULES = """
table inet lockdown {
	set update4 { type ipv4_addr; flags timeout; size 262144; }
	set client_service4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags timeout; size 65536; }
	set client4 { type ipv4_addr . ipv4_addr; flags timeout; }
	set service4 { type ipv4_addr . inet_proto . inet_service; flags timeout; }
	set client_service6 { type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags timeout; size 65536; }
	counter passed { }
	counter dropped { }
	chain forward {
		type filter hook forward priority filter; policy drop;
		iifname "out" accept
		tcp flags & (syn | ack) != syn accept
		ip daddr @update4 tcp dport 80 counter name passed accept
		ip saddr . ip daddr @client4 counter name passed accept
		ip daddr . meta l4proto . th dport @service4 counter name passed accept
		ip saddr . ip daddr . meta l4proto . th dport @client_service4 counter name passed accept
		ip6 saddr . ip6 daddr . meta l4proto . th dport @client_service6 counter name passed accept
		meta nfproto ipv6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		counter name dropped
		meta l4proto tcp reject with tcp reset
		reject
	}
}
"""


@pytest.fixture(scope="module")
def syn(tmp_path_factory):
    """The client in a hurry, compiled."""
    path = str(tmp_path_factory.mktemp("syn") / "syn")
    cc = find_program(os.environ.get("CC", "cc")) or find_program("gcc")
    if not cc:
        pytest.skip("no C compiler")
    subprocess.run([cc, "-O2", "-o", path, os.path.join(HERE, "syn.c")], check=True)
    return path


class Crossing:
    """A client machine, the gateway with postern, and an outside where every address answers."""

    def __init__(self, namespace, postern, scratch, ends, zones):
        self.inside, self.gateway, self.outside = namespace(), namespace(), namespace()
        self.postern = postern
        for space in (self.inside, self.gateway, self.outside):
            space.run("sh", "-c", "for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > $f; done")
        self.gateway.link(self.inside, "in", "eth0")
        self.gateway.link(self.outside, "out", "eth0")
        self.gateway.address("in", f"{INSIDE}/24", "fd30::1/64")
        self.gateway.address("out", "203.0.113.2/24", "2001:db8:113::2/64")
        self.outside.address("eth0", f"{OUTSIDE}/24", "2001:db8:113::1/64")
        self.inside.address("eth0", *(f"{one}/24" for one in CLIENTS), "fd30::10/64", "fd30::11/64")
        self.gateway.run("sh", "-c", "cd /proc/sys/net; echo 1 > ipv4/ip_forward; echo 1 > ipv6/conf/all/forwarding; "
                         "echo 0 > ipv4/icmp_ratelimit; echo 0 > ipv6/icmp/ratelimit")
        for space, ip, four, six in ((self.inside, "eth0", INSIDE, "fd30::1"),
                                     (self.gateway, "out", OUTSIDE, "2001:db8:113::1")):
            space.run("ip", "route", "add", "default", "via", four, "dev", ip)
            space.run("ip", "-6", "route", "add", "default", "via", six, "dev", ip)
        self.outside.run("ip", "route", "add", "10.30.0.0/24", "via", "203.0.113.2")
        self.outside.run("ip", "-6", "route", "add", "fd30::/64", "via", "2001:db8:113::2")
        self.outside.run("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "main")
        self.outside.run("ip", "-6", "route", "add", "local", "::/0", "dev", "lo", "table", "main")
        self.nft = Nft(self.gateway)
        self.nft.load(RULES)
        nsd = Nsd(find_program("nsd"), f"{scratch}/outside", OUTSIDE, 53, zones, self.outside.prefix)
        ends.callback(nsd.stop)
        self.scratch, self.ends = scratch, ends

    def start(self, export, sections=None, catalogue="[g]\nports = tcp/80\nallow = *.example.com\n"):
        self.server = self.postern(merge({
            "server": {"listen": f"{INSIDE} fd30::1"}, "upstream": {"address": OUTSIDE},
            "limits": {"udp-rate": "0", "client-inflight": "0"},
            "cache": {"size": "64M"},
            "export lockdown": export, "profile default": {"catalog": "test", "export": "lockdown"}}, sections or {}),
            {"test": catalogue}, prefix=self.gateway.prefix)
        return self.server

    def client(self, source=CLIENTS[0]):
        return Client("fd30::1" if ":" in source else INSIDE, 53, source, self.inside.socket)

    def count(self, name):
        return self.nft.counter(f"inet lockdown {name}")


@pytest.fixture
def crossing(namespace, postern, scratch, ends, need):
    for program in ("nft", "nsd"):
        need(program)
    return lambda zones: Crossing(namespace, postern, scratch, ends, zones)


def many(count):
    """n0, n1, … with three addresses each, no two the same."""
    lines = []
    for number in range(count):
        for which in range(3):
            at = number * 3 + which + 1
            lines.append(f"n{number} 300 IN A 45.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}")
    return zone("\n".join(lines))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_no_syn_is_dropped(crossing, syn, workers, proto):
    """Cold, and then from the cache: every connection to every address is let through at its first packet."""
    place = crossing({"example.com": many(COUNT)})
    listener = place.outside.start([syn, "listen", "80"], f"{place.scratch}/listen.log")
    place.ends.callback(listener.popen.wait)
    place.ends.callback(listener.popen.kill)
    listener.wait_for("ready")
    place.start({"set4": "inet lockdown update4"}, {"server": {"workers": workers}})
    for rounds in (1, 2):
        done = place.inside.run(syn, "ask", proto, INSIDE, "53", "example.com", str(COUNT), "64", "80", *CLIENTS,
                                check=False)
        found = {word: int(number) for word, number in re.findall(r"(\w+) (\d+)", done.stdout)}
        assert found.get("answers") == COUNT and found["bare"] == 0, (done, place.server.output())
        assert found["connected"] == 3 * COUNT, done
        assert place.count("dropped") == 0
        assert place.count("passed") == 3 * COUNT * rounds
    assert len(place.nft.keys("inet lockdown update4")) == 3 * COUNT


def reach(space, kind, source, address, port):
    """Whether a connection comes about, or a datagram is answered."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with space.socket(family, kind) as sock:
        sock.settimeout(3)
        sock.bind((source, 0))
        try:
            sock.connect((address, port))
            if kind == socket.SOCK_DGRAM:
                sock.send(b"x")
                return sock.recv(10) == b"x"
            return True
        except (ConnectionRefusedError, PermissionError):
            return False
        except OSError as failure:
            if failure.errno in (101, 113, 1, 13):
                return False
            raise


ECHO = """
import selectors, socket, sys
s = selectors.DefaultSelector()
for port in (80, 443, 123):
    s.register(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True), 1)
for spec in sys.argv[1:]:
    for port in (80, 443, 123):
        sock = socket.socket(socket.AF_INET6 if ":" in spec else socket.AF_INET, socket.SOCK_DGRAM)
        if ":" in spec:
            sock.setsockopt(socket.IPPROTO_IPV6, 78, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, 15, 1)
        sock.bind((spec, port))
        s.register(sock, 1)
print("ready", flush=True)
while True:
    for key, _ in s.select():
        if key.fileobj.type == socket.SOCK_DGRAM:
            data, peer = key.fileobj.recvfrom(100)
            key.fileobj.sendto(data, peer)
        else:
            key.fileobj.accept()[0].close()
"""
WEB, NTP, WEB6 = "45.0.0.1", "45.0.0.2", "2a00::1"
ZONE = {"example.com": zone(f"web 300 IN A {WEB}\nweb 300 IN AAAA {WEB6}\nntp 300 IN A {NTP}\nntp 300 IN AAAA 2a00::2\n")}
BOTH = "[web]\nports = tcp/80 tcp/443\nallow = web.example.com\n[ntp]\nports = udp/123\nallow = ntp.example.com\n"
ONE, OTHER = CLIENTS[0], CLIENTS[1]
TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM


@pytest.fixture
def town(crossing):
    """The crossing with servers of every kind at the addresses of ZONE."""
    place = crossing(ZONE)
    echo = place.outside.start([sys.executable, "-c", ECHO, WEB, NTP, WEB6, "2a00::2"], f"{place.scratch}/echo.log")
    place.ends.callback(echo.popen.wait)
    place.ends.callback(echo.popen.kill)
    echo.wait_for("ready")
    return place


def seen(place, source, address=WEB):
    """What of that address the client reaches."""
    return {(kind, port) for kind in (TCP, UDP) for port in (80, 443, 123)
            if reach(place.inside, kind, source, address, port)}


def test_set_keyed_by_client_protocol_and_port(town):
    """The others stay shut; each client that asks gets its own opening, from the cache too."""
    town.start({"set4": "inet lockdown client_service4", "set6": "inet lockdown client_service6"}, catalogue=BOTH)
    assert seen(town, ONE) == set()
    assert given(town.client(ONE).ask("web.example.com")) == [WEB]
    assert given(town.client(ONE).ask("ntp.example.com")) == [NTP]
    assert seen(town, ONE) == {(TCP, 80), (TCP, 443)} and seen(town, ONE, NTP) == {(UDP, 123)}
    assert seen(town, OTHER) == set() and seen(town, OTHER, NTP) == set()
    for tcp in (False, True):
        other = CLIENTS[1 + tcp]
        assert given(town.client(other).ask("web.example.com", tcp=tcp)) == [WEB]
        assert seen(town, other) == {(TCP, 80), (TCP, 443)} and seen(town, other, NTP) == set()
    assert given(town.client(ONE).ask("web.example.com")) == [WEB]


def test_client_keyed_set_takes_the_family_that_was_asked_over(town):
    """The other family's addresses are taken out of the answer, from the cache too."""
    town.start({"set4": "inet lockdown client_service4", "set6": "inet lockdown client_service6"}, catalogue=BOTH)
    for _ in range(2):
        assert given(town.client(ONE).ask("web.example.com")) == [WEB]
        assert given(town.client(ONE).ask("web.example.com", "AAAA")) == []
        assert given(town.client("fd30::10").ask("web.example.com")) == []
        assert given(town.client("fd30::10").ask("web.example.com", "AAAA")) == [WEB6]
    assert seen(town, "fd30::10", WEB6) == {(TCP, 80), (TCP, 443)} and seen(town, "fd30::11", WEB6) == set()
    assert seen(town, ONE) == {(TCP, 80), (TCP, 443)}


def test_link_local_client_gets_no_address_that_is_keyed_by_client(town):
    """It could be told apart on its own cable only."""
    town.start({"set4": "inet lockdown client_service4", "set6": "inet lockdown client_service6"},
               {"server": {"listen": "0.0.0.0 ::"}}, catalogue=BOTH)
    ours, theirs = town.inside.link_local("eth0"), town.gateway.link_local("in")
    with open(f"/proc/{town.inside.pid}/net/if_inet6", encoding="ascii") as file:
        index = next(int(line.split()[1], 16) for line in file if line.split()[-1] == "eth0")
    for rtype in ("A", "AAAA"):
        query = dns.message.make_query("web.example.com", rtype)
        with town.inside.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.bind((ours, 0, 0, index))
            sock.connect((theirs, 53, 0, index))
            sock.send(query.to_wire())
            answer = dns.message.from_wire(sock.recv(4096))
        assert rcode(answer) == "NOERROR" and addresses(answer) == [], answer
    assert town.nft.keys("inet lockdown client_service6") == []


def test_lease_is_kept_while_a_connection_lives(crossing, need):
    """follow = conntrack: past its own end, and no longer than the connection."""
    place = crossing({"example.com": zone(f"held 1 IN A {WEB}\nfree 1 IN A {NTP}\n")})
    place.nft.load("table inet track { chain every { type filter hook prerouting priority -150\n"
                   "meta nfproto ipv4 ct state invalid counter\n}\n}\n")
    with place.outside.socket(socket.AF_INET, TCP) as listener:
        listener.bind(("0.0.0.0", 80))
        listener.listen()
        place.start({"set4": "inet lockdown client_service4", "min-time": "1s", "grace": "2s", "follow": "conntrack"})
        assert given(place.client(ONE).ask("held.example.com")) == [WEB]
        assert given(place.client(OTHER).ask("held.example.com")) == [WEB]
        with place.inside.socket(socket.AF_INET, TCP) as flow:
            flow.bind((ONE, 0))
            flow.connect((WEB, 80))
            served, _ = listener.accept()
            held = f"{ONE} . {WEB} . tcp . 80"
            # the other client's is the same but for a connection
            until(lambda: place.nft.keys("inet lockdown client_service4") == [held], "the end of the other's lease")
            ends = time.monotonic() + 3
            until(lambda: place.nft.keys("inet lockdown client_service4") != [held] or time.monotonic() > ends, "")
            assert place.nft.keys("inet lockdown client_service4") == [held]
            # a pooled client: the next connection without another question
            assert reach(place.inside, TCP, ONE, WEB, 80) and not reach(place.inside, TCP, OTHER, WEB, 80)
            listener.accept()[0].close()
            served.close()
        until(lambda: place.nft.keys("inet lockdown client_service4") == [], "its end, after the connection's")


def test_set_keyed_by_client(town):
    town.start({"set4": "inet lockdown client4"}, catalogue=BOTH)
    assert given(town.client(ONE).ask("web.example.com")) == [WEB]
    assert (TCP, 80) in seen(town, ONE) and seen(town, OTHER) == set()
    assert given(town.client(OTHER).ask("web.example.com")) == [WEB]
    assert (TCP, 80) in seen(town, OTHER)
    assert town.nft.keys("inet lockdown client4") == [f"{ONE} . {WEB}", f"{OTHER} . {WEB}"]


def test_set_keyed_by_service(town):
    town.start({"set4": "inet lockdown service4"}, catalogue=BOTH)
    assert given(town.client(ONE).ask("web.example.com")) == [WEB]
    for client in (ONE, OTHER):
        assert seen(town, client) == {(TCP, 80), (TCP, 443)} and seen(town, client, NTP) == set()


def test_flush_of_a_client_keyed_set_gives_each_client_its_own_back(town):
    town.start({"set4": "inet lockdown client_service4"}, catalogue=BOTH)
    for client in CLIENTS:
        assert given(town.client(client).ask("web.example.com")) == [WEB]
    before = town.nft.keys("inet lockdown client_service4")
    assert len(before) == 2 * len(CLIENTS)
    town.nft("flush", "set", "inet", "lockdown", "client_service4")
    until(lambda: town.nft.keys("inet lockdown client_service4") == before, "all of them back")


def test_two_exports_are_both_open(town):
    """A profile with several: the answer waits for each."""
    town.start({"set4": "inet lockdown update4"}, {
        "export close": {"set4": "inet lockdown client_service4"}, "profile default": {"export": "lockdown close"}},
        catalogue=BOTH)
    assert given(town.client(ONE).ask("ntp.example.com")) == [NTP]
    assert town.nft.keys("inet lockdown update4") == [NTP]
    assert town.nft.keys("inet lockdown client_service4") == [f"{ONE} . {NTP} . udp . 123"]
