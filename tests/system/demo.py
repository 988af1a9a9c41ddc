#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: the laboratory of lab.py, step by step on the terminal. Exit status 0 if every step held."""
import contextlib
import re
import shutil
import signal
import sys
import tempfile
import time

import lab
from procs import until

ALLOWED = "download.windowsupdate.com"
BLOCKED = "www.example.org"
UNKNOWN = "198.51.100.80"
PATIENCE = ["-m", "4"]


class Failed(AssertionError):
    """A step did not hold."""


class Steps:
    """What is shown, and what each step needs from those before it."""

    def __init__(self, laboratory, say):
        self.lab, self.say = laboratory, say
        self.opened = []

    def shell(self, space, *argv, who):
        """Runs a command on one of the machines, and shows it."""
        self.say(f"  {who}$ " + " ".join(argv))
        began = time.monotonic()
        done = space.run(*argv, check=False)
        self.took = time.monotonic() - began
        for line in filter(None, map(str.strip, (done.stdout + done.stderr).splitlines())):
            self.say("    " + line)
        return done

    def client(self, *argv):
        return self.shell(self.lab.client, *argv, who="client")

    def fetch(self, where, who="client"):
        return self.shell(getattr(self.lab, who), "curl", "-sS", *PATIENCE, f"http://{where}/", who=who)

    def postern(self, *argv):
        self.say("  gateway$ postern " + " ".join(argv))
        done = self.lab.postern.command(*argv)
        for line in filter(None, map(str.strip, (done.stdout + done.stderr).splitlines())):
            self.say("    " + line)
        return done

    def show_set(self):
        self.say("  gateway$ nft list set inet lockdown client_service4")
        text = self.lab.set()
        body = text.split("elements = {")[1].rsplit("}\n\t}", 1)[0] if "elements" in text else "no elements"
        for line in body.strip().splitlines():
            self.say("    " + re.sub(r"\s+", " ", line.strip()))
        return self.lab.elements()

    def holds(self, condition, what):
        if not condition:
            raise Failed(what)
        self.say(f"  ok: {what}")

    # the steps, in order

    def has_what_dhcp_gave(self):
        """A client is plugged in. All it has is what DHCP gave it."""
        self.client("ip", "-4", "-brief", "address", "show", "dev", "eth0")
        servers = self.client("cat", "/etc/resolv.conf").stdout
        self.holds(servers.split("\n")[0] == f"nameserver {lab.GATEWAY}", "the gateway is its name server")

    def begins_closed(self):
        """Nothing was asked for, nothing is open."""
        self.holds(self.show_set() == [], "the set is empty")

    def unknown_address_fails(self):
        """An address that nobody resolved."""
        done = self.fetch(UNKNOWN)
        self.holds(done.returncode == 7 and self.took < 1, "refused, and at once")

    def blocked_name_fails(self):
        """A name that is in no catalogue. It exists: upstream has 198.51.100.7 for it."""
        done = self.fetch(BLOCKED)
        self.holds(done.returncode == 6 and self.took < 1, "no such name, and at once")

    def allowed_download_works(self):
        """A name of the catalogue windows-update."""
        done = self.fetch(ALLOWED)
        self.opened = sorted({element.split(" . ")[1] for element in self.lab.elements()})
        self.holds(done.returncode == 0 and done.stdout.endswith(f"you asked for {ALLOWED}\n"), "the download works")

    def set_fills(self):
        """The firewall had its address before the client did."""
        found = self.show_set()
        me = self.lab.address(self.lab.client)
        self.holds(found and all(element.startswith(f"{me} . ") for element in found),
                   "open for this client alone, at the ports of the catalogue, and each element says for which name")

    def says_why(self):
        """Why is that address open?"""
        done = self.postern("leases", self.opened[0])
        self.holds(done.returncode == 0 and ALLOWED in done.stdout and "windows-update.ini:" in done.stdout,
                   "name, client and catalogue entry are known")

    def other_port_is_shut(self):
        """The same address, at a port that the catalogue does not have."""
        done = self.fetch(f"{self.opened[0]}:8080")
        self.holds(done.returncode == 7, "refused")

    def neighbour_is_shut_out(self):
        """Another client tries the address that the first one resolved, and then asks for itself."""
        self.holds(self.fetch(self.opened[0], "neighbour").returncode == 7, "refused: it was opened for another client")
        self.holds(self.fetch(ALLOWED, "neighbour").returncode == 0, "open, now that it asked")

    def other_servers_are_postern(self):
        """A client that asks another name server, over UDP and TCP."""
        self.lab.client.run("dig", "+tries=1", "+time=2", f"@{lab.GATEWAY}", BLOCKED)
        before = self.lab.counter("redirected")
        self.lab.client.run("dig", "+tries=1", "+time=2", f"@{lab.GATEWAY}", BLOCKED)
        if self.lab.counter("redirected") != before:
            raise Failed("what was sent to the gateway itself is not redirected")
        for extra in ([], ["+tcp"]):
            done = self.client("dig", "+tries=1", "+time=2", "+noall", "+comments", *extra, "@8.8.8.8", BLOCKED)
            self.holds("NXDOMAIN" in done.stdout, "postern answered in its place")
        self.holds(self.lab.counter("redirected") > before, "the ruleset redirected it")

    def hidden_dns_is_refused(self):
        """DNS over TLS, and the address of a known resolver over HTTPS."""
        for where in ("9.9.9.9:853", "1.1.1.1:443"):
            done = self.fetch(where)
            self.holds(done.returncode == 7 and self.took < 1, "refused, and at once")

    def flushed_set_fills_again(self):
        """Somebody empties the set."""
        before = self.lab.elements()
        self.say("  gateway$ nft flush set inet lockdown client_service4")
        self.lab.nft("flush", "set", "inet", "lockdown", "client_service4")
        began = time.monotonic()
        until(lambda: set(self.lab.elements()) >= set(before) or not before, "the leases back in the set", 2)
        self.holds(before, f"every lease was back within {(time.monotonic() - began) * 1000:.0f} ms, as seen by nft")

    def set_empties(self):
        """Time passes (5 s here, minutes elsewhere), and the leases end."""
        until(lambda: not self.lab.elements(), "an empty set", 12)
        self.holds(self.show_set() == [], "the set is empty")
        self.holds(self.fetch(self.opened[0]).returncode == 7, "and what was open is shut")
        self.holds(self.fetch(ALLOWED).returncode == 0, "until it is asked for again")

    def all(self):
        return [self.has_what_dhcp_gave, self.begins_closed, self.unknown_address_fails, self.blocked_name_fails,
                self.allowed_download_works, self.set_fills, self.says_why, self.other_port_is_shut,
                self.neighbour_is_shut_out, self.other_servers_are_postern, self.hidden_dns_is_refused,
                self.flushed_set_fills_again, self.set_empties]


def run(laboratory, say):
    """All steps; the first that does not hold is raised."""
    steps = Steps(laboratory, say)
    for number, step in enumerate(steps.all(), 1):
        say(f"\n{number}. {step.__doc__}")
        step()


def interrupted(number, frame):
    raise KeyboardInterrupt


def main():
    reason = lab.why_not()
    if reason:
        sys.exit(f"demo: {reason}")
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    began = time.monotonic()
    folder = tempfile.mkdtemp(prefix="postern-demo-")
    try:
        with contextlib.ExitStack() as stack:
            print("Building the internet (nsd, unbound, a web server), a gateway (postern, contrib/nftables/lockdown.nft,\n"
                  "dnsmasq with contrib/dhcp/dnsmasq.conf) and two clients, each a network namespace…", flush=True)
            run(lab.Laboratory(folder, stack), lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        sys.exit("\ndemo: interrupted")
    except AssertionError as failure:
        sys.exit(f"  FAILED: {failure}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nEvery step held; {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
