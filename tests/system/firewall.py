# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways for the tests of what the firewall sees."""
import os
import socket

import wire
from client import Client, addresses, rcode
from nftset import Nft
from procs import until
from server import merge

FULL = bool(os.environ.get("FULL"))     # the large versions of what takes long
HOST = "127.0.0.1"
SET4, SET6 = "inet lockdown update4", "inet lockdown update6"
PROBE = 9

# They make a set's contents visible to a process: a datagram to an address that is not open is EPERM at once. In a table
# of their own, so that without the sets nothing is open.
PROBES = """
	chain probe {
		type filter hook output priority filter; policy accept;
		udp dport 9 ip daddr @update4 meta mark set 1
		udp dport 9 ip6 daddr @update6 meta mark set 1
	}
}
table inet probe {
	chain probe {
		type filter hook output priority filter + 10; policy accept;
		udp dport 9 meta mark != 1 drop
	}
"""


def table(options="flags timeout; size 65536;", probes=PROBES):
    return f"""
table inet lockdown {{
	set update4 {{ type ipv4_addr; {options} }}
	set update6 {{ type ipv6_addr; {options} }}
	{probes}
}}
"""


TABLE = table()
CATALOGUE = """\
[web]
ports = tcp/80 tcp/443
allow = *.example.com
[time]
ports = udp/123
allow = *.example.net
"""
EXPORT = {"set4": SET4, "set6": SET6, "min-time": "2s", "grace": "1s"}


def given(answer):
    """Its addresses; an answer that is not NOERROR has none."""
    return addresses(answer) if rcode(answer) == "NOERROR" else []


class Processes:
    """The three that `run` is, told apart by what they may do."""

    def __init__(self, pid):
        self.supervisor = pid

    @staticmethod
    def status(pid, key):
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return line.split(":", 1)[1].strip()
        return None

    def children(self):
        try:
            with open(f"/proc/{self.supervisor}/task/{self.supervisor}/children", encoding="ascii") as file:
                return [int(word) for word in file.read().split()]
        except FileNotFoundError:
            return []

    def find(self, admin):
        for child in self.children():
            try:
                effective = int(self.status(child, "CapEff"), 16)
            except (FileNotFoundError, ProcessLookupError, TypeError):
                continue
            if bool(effective) == admin and (not admin or effective == 1 << 12):
                return child
        return None

    def agent(self):
        return until(lambda: self.find(True), "an agent")

    def server(self):
        return until(lambda: self.find(False), "a server")


class Gate:
    """A machine with nft, a scripted upstream and postern; its clients are on it too."""

    def __init__(self, space, upstream, postern, ruleset=TABLE):
        self.space, self.postern = space, postern
        self.nft = Nft(space)
        if ruleset:
            self.nft.load(ruleset)
        # so that a datagram to anywhere goes somewhere
        space.run("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "main")
        space.run("ip", "-6", "route", "add", "local", "::/0", "dev", "lo", "table", "main")
        self.up = upstream(HOST, 5353, make=space.socket)
        self.probes = {family: space.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)}
        self.server = None

    def sections(self, export=None, sections=None):
        base = {"server": {"listen": "127.0.0.1@53 ::1@53"},
                "limits": {"udp-rate": "0", "client-inflight": "0"},
                "export lockdown": {**EXPORT, **(export or {})},
                "profile default": {"catalog": "test", "export": "lockdown"}}
        return merge(base, sections or {})

    def start(self, export=None, sections=None, catalogue=CATALOGUE, **kwargs):
        self.server = self.postern(self.sections(export, sections), {"test": catalogue}, self.up,
                                   prefix=self.space.prefix, **kwargs)
        self.server.client = self.client()
        return self.server

    def client(self, source=None, server=HOST):
        return Client(server, 53, source, self.space.socket)

    def processes(self):
        return Processes(self.server.pid)

    def give(self, name, *found, ttl=300):
        """Lets upstream have these addresses for it, of either family."""
        for rtype, four in (("A", True), ("AAAA", False)):
            self.up.on(name, rtype, [wire.record(name, rtype, ttl, one) for one in found if (":" not in one) == four])

    def ask(self, name, rtype="A", **kwargs):
        return self.server.client.ask(name, rtype, **kwargs)

    def open(self, address):
        """Whether the kernel lets a packet to it through, now."""
        six = ":" in address
        try:
            self.probes[socket.AF_INET6 if six else socket.AF_INET].sendto(b"x", (address, PROBE))
        except PermissionError:
            return False
        return True

    def elements(self, where=SET4):
        return self.nft.elements(where)

    def left(self, address, where=SET4):
        """Seconds that its element has left; None: it is not there."""
        found = self.elements(where).get(address)
        return found and found.expires

    def leases(self, *args):
        """{(set, address): lease}"""
        return {(lease["set"], lease["address"]): lease for lease in self.server.json("leases", *args)}

    def agree(self, where=SET4):
        """The kernel's set and the lease table say the same."""
        held = {address for (name, address) in self.leases() if name == where}
        return held == set(self.elements(where) or ())
