# SPDX-License-Identifier: GPL-3.0-or-later
"""Real networks between namespaces: wildcard listening, profiles, foreign and link-local clients, and real client programs."""
import os
import re
import socket
import struct

import pytest

import wire
from client import Client, addresses, errors, rcode, timed
from procs import until
from upstream import Late, by_name

SERVER4, SERVER4B, SERVER6, SERVER6B = "10.30.0.1", "10.30.0.2", "fd00:30::1", "fd00:30::2"
HOSTS = {"plain": "10.30.0.10", "lab": "10.30.0.20", "lab-one": "10.30.0.21", "six": "fd00:30::10", "six-lab": "fd00:30:0:0:1::1",
         "foreign": "203.0.113.9", "foreign-six": "2001:db8::9"}
CATALOGUES = {
    "base": "[g]\nallow = *.example.com\n",
    "lab": "[g]\nallow = *.example.org\n",
    "one": "[g]\nallow = one.example.net\n",
}


class Lan:
    """A server and a client machine on one cable; the client has every address of HOSTS."""

    def __init__(self, namespace, upstream, postern):
        self.server_space, self.client_space = namespace(), namespace()
        self.server_space.link(self.client_space, "lan0", "eth0")
        self.server_space.address("lan0", f"{SERVER4}/24", f"{SERVER4B}/24", f"{SERVER6}/64", f"{SERVER6B}/64")
        for address in HOSTS.values():
            self.client_space.address("eth0", f"{address}/{64 if ':' in address else 24}")
        self.server_space.run("ip", "route", "add", "203.0.113.0/24", "dev", "lan0")
        self.server_space.run("ip", "-6", "route", "add", "2001:db8::/64", "dev", "lan0")
        self.upstream = upstream("127.0.0.1", 5353, make=self.server_space.socket)
        self.upstream.default = by_name
        self.postern = postern

    def start(self, sections=None, **kwargs):
        return self.postern({"server": {"listen": "0.0.0.0@53 ::@53"}, "profile default": {"catalog": "base"},
                             **(sections or {})}, CATALOGUES, self.upstream, prefix=self.server_space.prefix, **kwargs)

    def client(self, host, server=None):
        source = HOSTS[host]
        default = SERVER6 if ":" in source else SERVER4
        return Client(server or default, 53, source, self.client_space.socket)

    def run(self, *argv, **kwargs):
        return self.client_space.run(*argv, **kwargs)


@pytest.fixture
def lan(namespace, upstream, postern):
    return Lan(namespace, upstream, postern)


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_from_the_address_asked(lan, workers):
    """On wildcard sockets; at once, after upstream, and over TCP. Connected sockets take it from nowhere else."""
    lan.start({"server": {"listen": "0.0.0.0@53 ::@53", "workers": workers}})
    lan.upstream.on("slow.example.com", "A", lambda question: Late(0.1, by_name(question)))
    for host, servers in (("plain", (SERVER4, SERVER4B)), ("six", (SERVER6, SERVER6B))):
        for server in servers:
            client = lan.client(host, server)
            assert rcode(client.ask("x.example.net")) == "NXDOMAIN"
            assert addresses(client.ask("slow.example.com")) and addresses(client.ask("slow.example.com", tcp=True))
            assert addresses(client.ask(f"fresh{servers.index(server)}.example.com"))


def test_link_local_clients(lan):
    """fe80::/10 may ask by default, and the answer leaves by the interface that it came in by."""
    lan.start()
    ours, theirs = lan.client_space.link_local("eth0"), lan.server_space.link_local("lan0")
    index = interface(lan)
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with lan.client_space.socket(socket.AF_INET6, kind) as sock:
            sock.settimeout(5)
            sock.bind((ours, 0, 0, index))
            sock.connect((theirs, 53, 0, index))
            for name, code in (("www.example.com", 0), ("x.example.net", 3)):
                message = wire.query(name)
                sock.send(message if kind == socket.SOCK_DGRAM else struct.pack("!H", len(message)) + message)
                reply = sock.recv(512)
                reply = reply if kind == socket.SOCK_DGRAM else reply[2:] or sock.recv(512)
                assert reply[:2] == b"\x12\x34" and reply[3] & 15 == code


def interface(lan, device="eth0"):
    """Its index, in the client's namespace."""
    return int(lan.run("ip", "-o", "link", "show", device).stdout.split(":")[0])


def test_link_local_listener(lan):
    """A listening address with a scope."""
    theirs = lan.server_space.link_local("lan0")
    ours = lan.client_space.link_local("eth0")
    lan.start({"server": {"listen": f"{theirs}%lan0@53"}})
    index = interface(lan)
    with lan.client_space.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind((ours, 0, 0, index))
        sock.connect((theirs, 53, 0, index))
        sock.send(wire.query("www.example.com"))
        assert sock.recv(512)[3] & 15 == 0


@pytest.mark.parametrize("host", ["foreign", "foreign-six"])
def test_foreign_clients(lan, host):
    """Nothing over UDP, a closed connection over TCP, whatever is asked; others are served beside them."""
    server = lan.start()
    client = lan.client(host)
    with client.open(socket.SOCK_DGRAM, 0.3) as sock:
        sock.connect(client.where())
        for message in (wire.query("www.example.com"), wire.query("x.example.net"), wire.query("www.example.com")[:-3],
                        wire.query("version.bind", "TXT", qclass=wire.CH)):
            sock.send(message)
        until(lambda: server.counters()["foreign-client"] == 4, "all four to be counted")
        with pytest.raises(TimeoutError):
            sock.recv(512)
    with client.connect() as sock:
        try:
            assert sock.recv(1) == b""
        except ConnectionResetError:
            pass
    assert server.counters()["foreign-client"] == 5
    assert addresses(lan.client("plain").ask("www.example.com"))
    assert server.json("blocked") == [] and len(lan.upstream.asked()) == 1


def test_clients_written(lan):
    """`clients` as the operator wrote it, and changed by a reload."""
    server = lan.start({"server": {"listen": "0.0.0.0@53 ::@53", "clients": "203.0.113.0/24 10.30.0.20"}})
    assert addresses(lan.client("foreign").ask("www.example.com"))
    assert addresses(lan.client("lab").ask("www.example.com"))
    assert lan.client("plain").raw(wire.query("www.example.com"), 0.3) is None
    server.change({"server": {"clients": "10.30.0.0/24"}})
    assert server.reload().returncode == 0
    assert lan.client("foreign").raw(wire.query("www.example.com"), 0.3) is None
    assert addresses(lan.client("plain").ask("www.example.com"))


def test_profiles_by_prefix(lan):
    """The longest prefix over all profiles wins; each has its catalogue and its way of refusing."""
    lan.start({
        "profile default": {"catalog": "base"},
        "profile lab": {"clients": "10.30.0.16/28 fd00:30:0:0:1::/80", "catalog": "lab", "block": "refused"},
        "profile one": {"clients": "10.30.0.21", "catalog": "one base", "block": "sinkhole"}})
    allowed = {"plain": {"www.example.com"}, "six": {"www.example.com"}, "lab": {"www.example.org"},
               "six-lab": {"www.example.org"}, "lab-one": {"one.example.net", "www.example.com"}}
    refusal = {"plain": "NXDOMAIN", "six": "NXDOMAIN", "lab": "REFUSED", "six-lab": "REFUSED", "lab-one": "NOERROR"}
    for _ in range(2):
        for host, names in allowed.items():
            for name in ("www.example.com", "www.example.org", "one.example.net"):
                for tcp in (False, True):
                    answer = lan.client(host).ask(name, tcp=tcp)
                    if name in names:
                        assert rcode(answer) == "NOERROR" and addresses(answer)[0].startswith("198.51."), (host, name)
                    else:
                        assert rcode(answer) == refusal[host] and errors(answer)[0][0] == wire.EDE_BLOCKED, (host, name)
                        assert addresses(answer) == (["0.0.0.0"] if host == "lab-one" else [])


def test_learned_names_are_the_profiles_own(lan):
    lan.upstream.on("www.example.com", "A", [wire.record("www.example.com", "CNAME", 300, "x.cdn.example"),
                                             wire.record("x.cdn.example", "A", 300, "198.51.1.1")])
    server = lan.start({"profile lab": {"clients": "10.30.0.20", "catalog": "base"}}, start=False)
    server.write("zones/base.ini", "[g]\nallow = *.example.com\nchain = *.cdn.example\n")
    server.start()
    lan.client("plain").ask("www.example.com")
    assert rcode(lan.client("lab").ask("x.cdn.example")) == "NXDOMAIN"
    assert rcode(lan.client("six").ask("x.cdn.example")) == "NOERROR"


def test_address_that_comes_later(lan):
    """Bound before it is there: DHCP, VLANs, VPNs."""
    lan.start({"server": {"listen": "10.30.0.77@53 fd00:30::77@53"}})
    lan.server_space.address("lan0", "10.30.0.77/24", "fd00:30::77/64")
    assert addresses(lan.client("plain", "10.30.0.77").ask("www.example.com"))
    assert addresses(lan.client("six", "fd00:30::77").ask("www.example.com", tcp=True))


def test_upstream_that_no_route_leads_to(lan):
    """At once the next, and with none SERVFAIL."""
    lan.start({"upstream": {"address": "192.0.2.1 127.0.0.1@5353"}})
    answer, took = timed(lan.client("plain").ask, "www.example.com")
    assert addresses(answer) and took < 1


def test_only_upstream_without_a_route(lan):
    lan.start({"upstream": {"address": "192.0.2.1 2001:db8:9::1"}})
    answer, took = timed(lan.client("plain").ask, "www.example.com")
    assert rcode(answer) == "SERVFAIL" and errors(answer) == [(wire.EDE_NO_REACHABLE, "")] and took < 1


def test_fragmented_question(lan):
    """Padded beyond the cable's MTU."""
    lan.start()
    opt = wire.opt(wire.option(wire.PADDING, bytes(3500)))
    for host in ("plain", "six"):
        reply = lan.client(host).raw(wire.query("www.example.com", edns=opt))
        assert reply is not None and reply[3] & 15 == 0 and reply[7] == 1


def test_clients_that_went_away(lan):
    """Their machines answer with ICMP: of no interest to the others."""
    server = lan.start()
    lan.upstream.on("slow.example.com", "A", lambda question: Late(0.2, by_name(question)))
    for number in range(100):
        with lan.client("plain").open(socket.SOCK_DGRAM) as sock:
            sock.connect((SERVER4, 53))
            sock.send(wire.query("slow.example.com", ident=number))
    assert addresses(lan.client("lab").ask("slow.example.com"))
    server.still_alive()


def resolv_conf(lan, scratch, *lines):
    """The client machine's own."""
    path = os.path.join(scratch, "client-resolv.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write("".join(line + "\n" for line in lines))
    if not getattr(lan, "bound", False):
        lan.client_space.bind(path, "/etc/resolv.conf")
        lan.bound = True


@pytest.fixture
def home(lan, scratch):
    """www.example.com is the server machine itself, where a web server answers."""
    lan.upstream.on("www.example.com", "A", [wire.record("www.example.com", "CNAME", 300, "site.cdn.example"),
                                             wire.record("site.cdn.example", "A", 300, SERVER4B)])
    lan.upstream.on("www.example.com", "AAAA", [wire.record("www.example.com", "CNAME", 300, "site.cdn.example"),
                                                wire.record("site.cdn.example", "AAAA", 300, SERVER6B)])
    server = lan.start({"upstream": {"address": "127.0.0.1@5353", "private": "yes"}}, start=False)
    server.write("zones/base.ini", "[g]\nallow = *.example.com\nchain = *.cdn.example\n")
    server.start()
    return lan


@pytest.mark.parametrize("options", ["", "options edns0", "options use-vc", "options edns0 trust-ad use-vc",
                                     "options single-request", "options rotate timeout:1"])
def test_glibc(home, scratch, options):
    """getent, through every way that glibc asks: A and AAAA at once from one socket, too."""
    resolv_conf(home, scratch, f"nameserver {SERVER4}", f"nameserver {SERVER6}", options)
    done = home.run("getent", "ahosts", "www.example.com")
    assert {line.split()[0] for line in done.stdout.splitlines()} == {SERVER4B, SERVER6B}
    assert home.run("getent", "ahostsv4", "www.example.com").stdout.split()[0] == SERVER4B
    assert home.run("getent", "hosts", "www.example.com").stdout.split()[0] == SERVER6B
    for name in ("www.example.net", "bent.windowsupdate.com"):
        assert home.run("getent", "ahosts", name, check=False).returncode == 2


def test_glibc_with_mixed_case_and_search(home, scratch):
    resolv_conf(home, scratch, "search corp.test example.com", f"nameserver {SERVER4}")
    for name in ("WWW.Example.COM", "www"):
        assert home.run("getent", "ahostsv4", name).stdout.split()[0] == SERVER4B


def test_curl(home, scratch, need):
    """A page by its name, over both families; nothing where the name is refused."""
    need("curl")
    pages = os.path.join(scratch, "pages")
    os.makedirs(pages)
    with open(os.path.join(pages, "index.html"), "w", encoding="ascii") as file:
        file.write("the page\n")
    for number, address in enumerate((SERVER4B, SERVER6B)):
        web = home.server_space.start(["/usr/bin/python3", "-u", "-m", "http.server", "-d", pages, "-b", address, "80"],
                                      os.path.join(scratch, f"web{number}.log"))
        web.wait_for("Serving HTTP")
    resolv_conf(home, scratch, f"nameserver {SERVER4}")
    for family in ("-4", "-6"):
        assert home.run("curl", "-sS", family, "--max-time", "10", "http://www.example.com/").stdout == "the page\n"
    done = home.run("curl", "-sS", "--max-time", "10", "http://www.example.net/", check=False)
    assert done.returncode == 6 and "resolve" in done.stderr


def dig(lan, *args):
    return lan.run("dig", f"@{SERVER4}", "+tries=1", "+time=5", *args).stdout


def test_dig(lan, need):
    """What an administrator types, and what it shows."""
    need("dig")
    lan.start()
    for options in ([], ["+tcp"], ["+dnssec"], ["+noedns"], ["+cookie"], ["+subnet=192.0.2.0/24"], ["+nsid", "+expire"],
                    ["+padding=128"], ["+bufsize=512"], ["+norec"], ["+cdflag", "+adflag"], ["+ednsopt=100:ff"],
                    ["+ednsflags=0x80"], ["+zflag"], ["+keepalive", "+tcp"]):
        text = dig(lan, *options, "www.example.com")
        assert "status: NOERROR" in text and re.search(r"www\.example\.com\.\s+\d+\s+IN\s+A\s+198\.51\.", text), options
        assert "WARNING" not in text, text
        text = dig(lan, *options, "www.example.net")
        assert "status: NXDOMAIN" in text and ("EDE: 15 (Blocked)" in text) == ("+noedns" not in options), text
    assert "status: BADVERS" in dig(lan, "+edns=1", "+noednsnegotiation", "www.example.com")
    assert "status: NOERROR" in dig(lan, "+edns=1", "www.example.com"), "negotiated down"
    assert "RFC8482" in dig(lan, "www.example.com", "ANY", "+notcp")
    assert "Transfer failed" in dig(lan, "example.com", "AXFR")
    assert "status: REFUSED" in dig(lan, "version.bind", "CH", "TXT")
    for opcode in ("status", "notify", "update"):
        assert "status: NOTIMP" in dig(lan, f"+opcode={opcode}", "www.example.com")
    assert dig(lan, "+short", "www.example.com").startswith("198.51.")
    text = dig(lan, "+tcp", "+keepopen", "a.example.com", "b.example.com", "c.example.net")
    assert text.count("status: NOERROR") == 2 and text.count("status: NXDOMAIN") == 1


def test_kdig(lan, need):
    need("kdig")
    lan.start()
    many = [f"n{number}.example.com" for number in range(30)]
    for options in ([], ["+tcp"], ["+tcp", "+keepopen"], ["+dnssec"], ["+edns"], ["+nsid"], ["+padding"]):
        text = lan.run("kdig", f"@{SERVER6}", *options, *many, "x.example.net").stdout
        assert text.count("status: NOERROR") == 30 and text.count("status: NXDOMAIN") == 1, options


def test_dnsmasq_behind(lan, scratch, need):
    """A resolver of another make asks us, as a home router would."""
    dnsmasq = need("dnsmasq")
    lan.start()
    router = lan.client_space.start(
        [dnsmasq, "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--port=5353",
         "--listen-address=127.0.0.1", "--bind-interfaces", "--log-facility=-", "--user=root", "--pid-file=",
         f"--server={SERVER4}"], os.path.join(scratch, "dnsmasq.log"))
    try:
        router.wait_for("using nameserver")
        client = Client("127.0.0.1", 5353, make=lan.client_space.socket)
        assert addresses(client.ask("www.example.com")) == addresses(lan.client("plain").ask("www.example.com"))
        assert rcode(client.ask("www.example.net")) == "NXDOMAIN"
    finally:
        router.stop()
