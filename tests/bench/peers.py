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


class Sets:
    """Two nftables sets that exist, of table inet TABLE, for what is resolved."""

    def __init__(self, table, four, six, size):
        self.table, self.four, self.six, self.size = table, four, six, size


class Site:
    """What a peer is given to serve: where, from where, which names, and a folder of its own. records: how many a cache
    must hold that is sized by their number. sets: what to open, or None."""

    def __init__(self, folder, port, upstream, patterns, records, sets=None):
        self.folder, self.port, self.upstream, self.patterns = folder, port, upstream, patterns
        self.records, self.sets = records, sets
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
    opens = site.sets and f"""\
export  = bench
[export bench]
kind    = nftables
set4    = inet {site.sets.table} {site.sets.four}
set6    = inet {site.sets.table} {site.sets.six}
"""
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
{opens or ""}""")
    return [program, "-c", config, "run"]


def dnsmasq(program, site):
    # A full cache makes each of its misses read all of it, hundreds of µs; records is such that it never fills.
    servers = "".join(f"server=/{domain}/127.0.0.1#{site.upstream}\n" for domain in site.patterns)
    if site.sets:
        servers += "".join(f"nftset=/{domain}/4#inet#{site.sets.table}#{site.sets.four},"
                           f"6#inet#{site.sets.table}#{site.sets.six}\n" for domain in site.patterns)
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


def smartdns(program, site):
    # What is not listed has no server to go to, and fails: this version has no rule for all names.
    rules = "".join(f"nameserver /{domain}/listed\n" for domain in site.patterns)
    if site.sets:
        # Not `nftset-timeout yes`: it deletes each element first, and one that is not there stalls it for milliseconds.
        rules += "".join(
            f"nftset /{domain}/#4:inet#{site.sets.table}#{site.sets.four},#6:inet#{site.sets.table}#{site.sets.six}\n"
            for domain in site.patterns)
    config = site.write("smartdns.conf", f"""\
bind 127.0.0.1:{site.port}
server 127.0.0.1:{site.upstream} -group listed -exclude-default-group
user {getpass.getuser()}
cache-size {site.records}
cache-persist no
prefetch-domain no
serve-expired no
speed-check-mode none
response-mode fastest-response
dualstack-ip-selection no
log-level fatal
log-size 0
{rules}""")
    return [program, "-f", "-x", "-c", config, "-p", f"{site.folder}/smartdns.pid"]


def dnsdist(program, site):
    names = ", ".join(f'"{domain}."' for domain in site.patterns)
    config = site.write("dnsdist.conf", f"""\
setLocal("127.0.0.1:{site.port}")
newServer({{address="127.0.0.1:{site.upstream}", healthCheckMode="up"}})
getPool(""):setCache(newPacketCache({site.records}, {{maxTTL=86400, numberOfShards=1}}))
setMaxUDPOutstanding(65535)
setSecurityPollSuffix("")
allowed = newSuffixMatchNode()
allowed:add({{{names}}})
addAction(NotRule(SuffixMatchNodeRule(allowed)), RCodeAction(DNSRCode.NXDOMAIN))
""")
    return [program, "--supervised", "--disable-syslog", "-C", config]


def kresd(program, site):
    names = ", ".join(f"'{domain}'" for domain in site.patterns)
    config = site.write("kresd.conf", f"""\
net.listen('127.0.0.1', {site.port}, {{ kind = 'dns' }})
modules.unload('ta_update')
modules.unload('ta_signal_query')
modules.unload('priming')
modules.unload('detect_time_jump')
modules.unload('detect_time_skew')
trust_anchors.remove('.')
cache.size = 256 * MB
policy.add(policy.suffix(policy.STUB('127.0.0.1@{site.upstream}'), policy.todnames({{{names}}})))
policy.add(policy.all(policy.DENY))
""")
    return [program, "-n", "-q", "-c", config, site.folder]


def recursor(program, site):
    zone = "".join(f"{domain} CNAME rpz-passthru.\n*.{domain} CNAME rpz-passthru.\n" for domain in site.patterns)
    rpz = site.write("allowed.rpz", f"$TTL 60\n@ SOA . . 1 60 60 60 60\n@ NS localhost.\n{zone}* CNAME .\n")
    lua = site.write("recursor.lua", f'rpzFile("{rpz}", {{policyName="allowed"}})\n')
    site.write("recursor.conf", f"""\
local-address=127.0.0.1
local-port={site.port}
socket-dir={site.folder}
forward-zones-recurse=.=127.0.0.1:{site.upstream}
lua-config-file={lua}
dnssec=off
threads=1
pdns-distributes-queries=no
security-poll-suffix=
max-cache-entries={10 * site.records}
max-packetcache-entries={site.records}
dont-query=
quiet=yes
daemon=no
disable-syslog=yes
write-pid=no
""")
    return [program, f"--config-dir={site.folder}"]


class Peer:
    """opens: it can fill nftables sets; timeouts: with elements that end by themselves; refusal: the rcode that what it
    blocks gets."""

    def __init__(self, name, program, argv, opens=False, timeouts=False, refusal=3):
        self.name, self.program, self.argv = name, program, argv
        self.opens, self.timeouts, self.refusal = opens, timeouts, refusal
        self.resolves = name != ECHO

    def find(self, given):
        """The program's path, or None. given: paths by name, for what is ours and stands in no PATH."""
        path = given.get(self.name)
        if path:
            return os.path.abspath(path) if os.access(path, os.X_OK) else None
        return shutil.which(self.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


PEERS = [
    Peer(ECHO, "echo", echo),
    Peer(POSTERN, "postern", postern, opens=True, timeouts=True),
    Peer("dnsmasq", "dnsmasq", dnsmasq, opens=True),
    Peer("unbound", "unbound", unbound),
    Peer("dnsdist", "dnsdist", dnsdist),
    Peer("kresd", "kresd", kresd),
    Peer("recursor", "pdns_recursor", recursor),
    Peer("smartdns", "smartdns", smartdns, opens=True, refusal=2),
]
