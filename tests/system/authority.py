# SPDX-License-Identifier: GPL-3.0-or-later
"""nsd serving zones from text, and unbound in front of it."""
import os
import socket

import dns.message
import dns.query

from procs import Program, until

LOCAL = "127.0.0.1"


def answers(address, port, make=socket.socket):
    def ask():
        try:
            with make(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                dns.query.udp(dns.message.make_query(".", "SOA"), LOCAL if address == "0.0.0.0" else address, port=port,
                              timeout=0.2, sock=sock)
            return True
        except (dns.exception.Timeout, OSError):
            return False
    return ask


class Nsd:
    """zones: {origin: text in zone-file syntax}."""

    def __init__(self, program, folder, address, port, zones, prefix=()):
        self.at = f"{address}@{port}"
        os.makedirs(folder)
        lines = [f"""\
server:
    ip-address: {address}@{port}
    zonesdir: "{folder}"
    username: ""
    chroot: ""
    pidfile: ""
    database: ""
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    logfile: ""
    server-count: 1
    rrl-ratelimit: 0
    minimal-responses: no
    refuse-any: no
remote-control:
    control-enable: no
"""]
        for number, (origin, text) in enumerate(zones.items()):
            with open(f"{folder}/{number}.zone", "w", encoding="ascii") as file:
                file.write(text)
            lines.append(f'zone:\n    name: "{origin}"\n    zonefile: "{number}.zone"\n')
        with open(f"{folder}/nsd.conf", "w", encoding="ascii") as file:
            file.write("".join(lines))
        self.program = Program([*prefix, program, "-d", "-c", f"{folder}/nsd.conf"], f"{folder}/nsd.log")
        self.program.wait_for("nsd started")

    def stop(self):
        self.program.stop()


class Unbound:
    """
    Asks the server at `to` for everything. options: further lines of its server clause; prefix: a command to run it in;
    make: makes sockets there.
    """

    def __init__(self, program, folder, address, port, to, options="", prefix=(), make=socket.socket):
        self.at = f"{address}@{port}"
        os.makedirs(folder)
        with open(f"{folder}/unbound.conf", "w", encoding="ascii") as file:
            file.write(f"""\
server:
    interface: {address}@{port}
    access-control: 127.0.0.0/8 allow
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
    module-config: "iterator"
    do-not-query-localhost: no
    num-threads: 1
    local-zone: "." nodefault
    {options}
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: {to}
""")
        self.program = Program([*prefix, program, "-d", "-c", f"{folder}/unbound.conf"], f"{folder}/unbound.log")
        until(answers(address, port, make), lambda: "unbound's first answer:\n" + self.program.output())

    def stop(self):
        self.program.stop()


SOA = "@ 300 IN SOA ns.example. nobody.example. 1 3600 1200 604800 60\n@ 300 IN NS ns.example.\n"


def zone(text):
    """A zone file: an SOA and what `text` says."""
    return "$TTL 300\n" + SOA + text + "\n"
