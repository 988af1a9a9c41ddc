# SPDX-License-Identifier: GPL-3.0-or-later
"""
The laboratory: a small internet, a gateway with the ruleset and the DHCP configuration of contrib as they are, and clients
that have nothing but what DHCP gave them. Network namespaces; all of it ends with `stack`.

    internet  203.0.113.1 eth0 -- eth0 gateway vlan30 -- eth0 client
    (and every other address)     203.0.113.2  10.30.0.1   '- eth0 neighbour
"""
import os
import re
import shutil
import sys

import chains
from authority import Nsd, Unbound, zone
from netns import Namespace, why_not as no_namespaces
from nftset import Nft
from procs import find_program
from server import ROOT, ZONES, Postern

HERE = os.path.dirname(os.path.abspath(__file__))
RULESET = os.path.join(ROOT, "contrib/nftables/lockdown.nft")
DHCP = os.path.join(ROOT, "contrib/dhcp/dnsmasq.conf")
GATEWAY = "10.30.0.1"
PROGRAMS = ("nft", "nsd", "unbound", "dnsmasq", "udhcpc", "curl", "dig")

# What udhcpc runs with what it was given.
LEASE = """\
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
ip route add default via "$router"
for server in $dns; do echo "nameserver $server"; done > /etc/resolv.conf
echo "options timeout:1 attempts:1" >> /etc/resolv.conf
"""

CONFIGURATION = {
    "server": {"listen": f"{GATEWAY} fd30:0:0:30::1", "zones": ZONES, "clients": "10.30.0.0/24 fd30:0:0:30::/64"},
    "upstream": {"address": "203.0.113.1"},
    "cache": {"max-ttl": "5s"},
    # a lease is short here, so that its end can be waited for
    "export lockdown": {"set4": "inet lockdown client_service4", "set6": "inet lockdown client_service6",
                        "min-time": "5s", "grace": "2s"},
    "profile default": {"catalog": "windows-update", "export": "lockdown"},
}


def why_not():
    """Why there can be no laboratory here; None: there can."""
    missing = [program for program in PROGRAMS if not find_program(program)]
    return no_namespaces() or (f"not installed: {' '.join(missing)}" if missing else None)


class Laboratory:
    def __init__(self, folder, stack, configuration=None):
        self.folder, self.stack = folder, stack
        self.internet, self.gateway, self.client, self.neighbour = (self.space() for _ in range(4))
        self.wire()
        self.start_internet()
        self.start_gateway(configuration or CONFIGURATION)
        for name in ("client", "neighbour"):
            self.lease(name, getattr(self, name))

    def space(self):
        space = Namespace()
        self.stack.callback(space.stop)
        space.run("sh", "-c", "for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > $f; done")
        return space

    def wire(self):
        gateway = self.gateway
        gateway.link(self.internet, "eth0", "eth0")
        gateway.address("eth0", "203.0.113.2/24", "2001:db8:113::2/64")
        self.internet.address("eth0", "203.0.113.1/24", "2001:db8:113::1/64")
        gateway.run("ip", "link", "add", "vlan30", "type", "bridge", "forward_delay", "0")
        gateway.run("ip", "link", "set", "vlan30", "up")
        gateway.address("vlan30", f"{GATEWAY}/24", "fd30:0:0:30::1/64")
        for port, space in (("port1", self.client), ("port2", self.neighbour)):
            gateway.link(space, port, "eth0")
            gateway.run("ip", "link", "set", port, "master", "vlan30")
        gateway.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")
        gateway.run("ip", "route", "add", "default", "via", "203.0.113.1")
        gateway.run("ip", "-6", "route", "add", "default", "via", "2001:db8:113::1")
        # what a provider would have delegated: there is no NAT for IPv6
        self.internet.run("ip", "-6", "route", "add", "fd30:0:0:30::/64", "via", "2001:db8:113::2")
        # every address there is lives here
        self.internet.run("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "main")
        self.internet.run("ip", "-6", "route", "add", "local", "::/0", "dev", "lo", "table", "main")

    def start_internet(self):
        """nsd with the chains on record, unbound in front of it at every address, and a web server at every address."""
        table, _ = chains.read()
        records, self.chains = chains.as_zone(table)
        prefix = self.internet.prefix
        authority = Nsd(find_program("nsd"), f"{self.folder}/nsd", "127.0.0.1", 5353,
                        {".": zone(records + "www.example.org. 300 IN A 198.51.100.7\n")}, prefix)
        self.stack.callback(authority.stop)
        resolver = Unbound(find_program("unbound"), f"{self.folder}/unbound", "0.0.0.0", 53, authority.at,
                           "interface-automatic: yes\n    access-control: 0.0.0.0/0 allow", prefix, self.internet.socket)
        self.stack.callback(resolver.stop)
        web = self.internet.start([sys.executable, f"{HERE}/lab_web.py", "80", "443", "853", "8080"],
                                  f"{self.folder}/web.log")
        self.stack.callback(web.stop)
        web.wait_for("ready")

    def start_gateway(self, configuration):
        self.nft = Nft(self.gateway)
        self.nft("-f", RULESET)
        dhcp = self.gateway.start([find_program("dnsmasq"), "--no-daemon", "-C", DHCP, "--user=root", "--pid-file=",
                                   f"--dhcp-leasefile={self.folder}/leases", "--no-ping"], f"{self.folder}/dnsmasq.log")
        self.stack.callback(dhcp.stop)
        dhcp.wait_for("DHCP, IP range")
        self.postern = Postern(f"{self.folder}/postern", self.gateway.prefix)
        self.stack.callback(self.postern.stop)
        self.postern.configure(configuration)
        self.postern.start()

    def lease(self, name, space):
        """A machine that was just plugged in: no address, no name server."""
        etc = f"{self.folder}/{name}"
        os.makedirs(etc)
        for file in ("passwd", "group", "ld.so.cache", "ld.so.conf"):
            if os.path.exists(f"/etc/{file}"):
                shutil.copy(f"/etc/{file}", etc)
        for file, text in (("resolv.conf", ""), ("nsswitch.conf", "hosts: files dns\n"), ("hosts", ""), ("lease", LEASE)):
            with open(f"{etc}/{file}", "w", encoding="ascii") as out:
                out.write(text)
        os.chmod(f"{etc}/lease", 0o755)
        space.bind(etc, "/etc")
        space.run(find_program("udhcpc"), "-i", "eth0", "-n", "-q", "-f", "-t", "5", "-T", "1", "-s", "/etc/lease")

    def address(self, space):
        return re.search(r"inet (10\.30\.0\.\d+)/", space.run("ip", "-4", "address", "show", "dev", "eth0").stdout).group(1)

    def set(self, name="client_service4"):
        """What nft says of the set."""
        return self.nft("list", "set", "inet", "lockdown", name)

    def elements(self, name="client_service4"):
        """Its elements' keys."""
        return self.nft.keys(f"inet lockdown {name}")

    def counter(self, name):
        return self.nft.counter(f"inet lockdown {name}")
