# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that are compared, a row each in PEERS at the end. To add one: a function that writes its configuration.

All get the same task: the patterns (each a domain with everything below it) resolve at one upstream, all else is
NXDOMAIN. Each has one thread and is tuned as its manual advises, but for what the manual itself calls less secure
(dnsmasq's query-port, for instance).
"""
import getpass
import os
import shutil

ECHO = "echo"
POSTERN = "postern"


class Site:
    """What a peer is given to serve: where, from where, which names, and a folder of its own. records: how many a cache
    must hold that is sized by their number."""

    def __init__(self, folder, port, upstream, patterns, records):
        self.folder, self.port, self.upstream, self.patterns = folder, port, upstream, patterns
        self.records = records
        os.makedirs(folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path


def echo(program, site):
    return [program, f"127.0.0.1@{site.port}", "900"]


def postern(program, site):
    names = site.write("bench.list", "".join(f".{domain}\n" for domain in site.patterns))
    config = site.write("postern.conf", f"""\
[server]
listen  = 127.0.0.1@{site.port}
zones   = {site.folder}
state   =
sandbox = on
[control]
socket  = {site.folder}/control.sock
[upstream]
address = 127.0.0.1@{site.upstream}
case    = keep
[limits]
udp-rate        = 0
client-inflight = 0
[log]
queries = none
[catalog bench]
file    = {names}
[profile default]
catalog = bench
""")
    return [program, "-c", config, "run"]


def dnsmasq(program, site):
    # A full cache makes each of its misses read all of it, hundreds of µs; records is such that it never fills.
    servers = "".join(f"server=/{domain}/127.0.0.1#{site.upstream}\n" for domain in site.patterns)
    config = site.write("dnsmasq.conf", f"""\
port={site.port}
listen-address=127.0.0.1
bind-interfaces
keep-in-foreground
user={getpass.getuser()}
pid-file={site.folder}/dnsmasq.pid
log-facility=-
no-resolv
no-hosts
no-poll
no-round-robin
cache-size={site.records}
dns-forward-max=10000
edns-packet-max=1232
address=/#/
{servers}""")
    return [program, "--conf-file=" + config]


def unbound(program, site):
    # It believes no forwarder beyond the first link of a chain and asks for the others anew: two more questions a miss.
    zones = "".join(f'  local-zone: "{domain}" always_transparent\n' for domain in site.patterns)
    config = site.write("unbound.conf", f"""\
server:
  interface: 127.0.0.1@{site.port}
  access-control: 127.0.0.0/8 allow
  chroot: ""
  username: ""
  directory: "{site.folder}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 0
  module-config: "iterator"
  do-not-query-localhost: no
  qname-minimisation: no
  minimal-responses: yes
  num-threads: 1
  so-rcvbuf: 4m
  so-sndbuf: 4m
  outgoing-range: 8192
  num-queries-per-thread: 4096
  msg-cache-slabs: 1
  rrset-cache-slabs: 1
  infra-cache-slabs: 1
  key-cache-slabs: 1
  msg-cache-size: 64m
  rrset-cache-size: 128m
  edns-buffer-size: 1232
  local-zone: "." always_nxdomain
{zones}remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{site.upstream}
""")
    return [program, "-d", "-c", config]


class Peer:
    def __init__(self, name, program, argv):
        self.name, self.program, self.argv = name, program, argv
        self.resolves = name != ECHO

    def find(self, given):
        """The program's path, or None. given: paths by name, for what is ours and stands in no PATH."""
        path = given.get(self.name)
        if path:
            return os.path.abspath(path) if os.access(path, os.X_OK) else None
        return shutil.which(self.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


PEERS = [
    Peer(ECHO, "echo", echo),
    Peer(POSTERN, "postern", postern),
    Peer("dnsmasq", "dnsmasq", dnsmasq),
    Peer("unbound", "unbound", unbound),
]
