# SPDX-License-Identifier: GPL-3.0-or-later
"""mode = audit: what is recorded, how it is kept, and the catalogue that `postern suggest` makes of it."""
import os
import pwd
import random
import re
import socket
import time

import pytest

import chains
import wire
from client import Client, addresses, rcode, refused
from office import Day
from procs import until
from upstream import by_name, nxdomain, servfail

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
AUDIT = {"profile default": {"catalog": "", "mode": "audit"}, "log": {"queries": "none"}}
ENTRY = re.compile(r"^(?:allow   =|chain   =|         ) ([^;]+?) +;", re.M)


@pytest.fixture
def state(scratch):
    return os.path.join(scratch, "state")


@pytest.fixture
def make(postern, script, state):
    def start(sections=None, up=None, **kwargs):
        whole = {"server": {"state": state}, **AUDIT, **(sections or {})}
        return postern(whole, upstream=up or script, **kwargs)
    return start


def ask_as(server, client, name, rtype="A"):
    return Client("127.0.0.1", server.port, client).ask(name, rtype)


def suggest(server, *args):
    done = server.command("suggest", *args)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def entries(text):
    """Its patterns, a list a role, and a check that it loads without a warning."""
    roles = {"allow": [], "chain": []}
    role = None
    for line in text.splitlines():
        if line.startswith((";", "[")) or not line.strip():
            continue
        if not line.startswith(" "):
            role = line.split("=")[0].strip()
            line = line.split("=", 1)[1]
        if role in roles:
            roles[role] += line.split(" ;")[0].split()
    return roles


def adopt(server, text):
    """The suggestion as the catalogue of an enforcing profile."""
    server.write("zones/suggested.ini", text)
    done = server.command("check", "--strict", "suggested")
    assert done.returncode == 0 and done.stdout == "" and done.stderr == "", done
    server.change({"profile default": {"catalog": "suggested", "mode": "enforce"}})
    done = server.reload()
    assert done.returncode == 0, done


def links(*names):
    """A chain from each name to the next, and an address at its end, as records."""
    return [wire.record(owner, "CNAME", 60, target) for owner, target in zip(names, names[1:])] + \
        [wire.record(names[-1], "A", 60, "198.51.1.1")]


# A day of an office's.

@pytest.fixture
def office(make, upstream):
    """The first day, replayed in audit mode, and the suggestion adopted."""
    up = upstream()
    day = Day(1)
    up.default = day.serve
    server = make(up=up)
    for client, name, rtype in day.questions():
        ask_as(server, client, name, rtype)
    server.suggestion = suggest(server)
    adopt(server, server.suggestion)
    server.up = up
    return server


def passes(server, name):
    answer = server.client.ask(name)
    return rcode(answer) == "NOERROR" and bool(addresses(answer))


def test_office_everything_legitimate_passes(office):
    assert [name for name in Day(1).names if not passes(office, name)] == []


def test_office_of_the_next_day(office):
    """Other numbers, other random labels: where the scheme was seen they pass."""
    tomorrow = Day(2)
    assert len(set(tomorrow.names) - set(Day(1).names)) > 100
    office.up.default = tomorrow.serve
    office.flush()
    assert [name for name in tomorrow.names if not passes(office, name)] == []


def test_office_garbage_and_near_misses(office):
    day = Day(1)
    office.up.default = by_name
    wanted = set(entries(office.suggestion)["allow"])
    near = [f"x{pattern}" for pattern in wanted if "*" not in pattern]
    near += [f"x.{pattern}" for pattern in wanted if "*" not in pattern]
    near += ["tlu.dl.updates.contoso.com", "ximg1.pics.fabrikam.net", "img1.x.fabrikam.net", "events.northwind.com",
             "node1-dc3.mesh.litware.com", "x.events.fabrikam.net", "s1.dx1.voice.adatum.com"]
    near += [name for name, _ in day.tunnel] + [name for name, rtype in day.garbage if rtype == "A" and "." in name]
    assert [name for name in near if not refused(office.client.ask(name)) and
            name not in ("use-application-dns.net",)] == []


def test_office_nothing_of_everybodys_is_open(office):
    """Neither asked for nor led to: names that anybody can get beside those of the day."""
    office.up.default = by_name
    zones = ["trafficmanager.net", "cloudfront.net", "westeurope.cloudapp.azure.com", "edgekey.net", "edgesuite.net",
             "map.fastly.net", "akamai.net", "akamaiedge.net", "com", "net", "co.uk"]
    for zone in zones:
        for name in (f"evil.{zone}", f"e1.{zone}", f"a1.evil.{zone}", f"d0123456789abc.{zone}"):
            assert refused(office.client.ask(name)), name
            office.up.on("www.adatum.com", "A", links("www.adatum.com", name))
            office.flush()
            assert refused(office.client.ask("www.adatum.com"), name), name
    # what operators number is led to, and not asked for
    office.up.on("www.adatum.com", "A", links("www.adatum.com", "a4711.g.akamai.net"))
    office.flush()
    assert refused(office.client.ask("a4712.g.akamai.net"))
    assert addresses(office.client.ask("www.adatum.com"))


def test_office_is_short_enough_to_review(office):
    day = Day(1)
    seen = {*day.names, *day.links.values()}
    found = entries(office.suggestion)
    assert len(found["allow"]) < len(day.names) / 2
    assert len(ENTRY.findall(office.suggestion)) < len(seen) / 2
    assert len(office.suggestion.splitlines()) < len(seen) * 2 / 3
    assert max(map(len, office.suggestion.splitlines())) < 240
    for pattern in ("*.tlu.dl.updates.contoso.com", "img*.pics.fabrikam.net", "node*-dc2.mesh.litware.com",
                    "s*.dc*.voice.adatum.com", "*.events.northwind.com", "*.rum.wingtip.com"):
        assert pattern in found["allow"], pattern
    assert {"a*.g.akamai.net", "e*.dscd.akamaiedge.net", "pics*.fabrikam.net.edgesuite.net"} <= set(found["chain"])
    assert not [pattern for pattern in found["allow"] if "akamai" in pattern or "edge" in pattern]
    assert re.search(r"^\*\.tlu\.dl\S+ +; \d+ names as \d+\.tlu\.dl\.updates\.contoso\.com, \d+ times, \d+ clients, "
                     r"20\d\d-\d\d-\d\d", office.suggestion.replace("allow   = ", "").replace("          ", ""), re.M)
    assert "exfil" not in "".join(found["allow"]) and "a tunnel looks like that" in office.suggestion


def test_office_is_not_suggested_again(office):
    """What the catalogue has by now is left out."""
    text = suggest(office)
    assert entries(text) == {"allow": [], "chain": []}
    assert re.search(rf"that the catalogue has, .* \({len(Day(1).names)}\)$", text, re.M)


# What is recorded.

def test_counts_clients_and_days(make):
    server = make()
    for client, times in (("127.0.0.1", 3), ("127.0.0.9", 2)):
        for _ in range(times):
            ask_as(server, client, "WWW.Example.net")
    ask_as(server, "127.0.0.9", "other.example.net", "AAAA")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    text = suggest(server)
    assert re.search(rf"www\.example\.net +; 5 times, 2 clients, {today}$", text, re.M), text
    assert re.search(rf"other\.example\.net +; 1 time, 127\.0\.0\.9, {today}$", text, re.M), text
    assert re.search(rf"^source = audit record of {today}, 2 clients$", text, re.M), text
    status = server.json("status")["audit"]
    assert (status["names"], status["pairs"], status["clients"], status["dropped"]) == (2, 3, 2, 0)


def test_only_what_enforcing_refuses(make, script):
    """Allowed names, records, special names, and profiles that enforce are not in it; a link that is not listed is."""
    server = make({"profile default": {"catalog": "test", "mode": "audit"},
                   "profile strict": {"clients": "127.0.0.9", "catalog": "test"},
                   "records": {"record": "here.example.net. 60 IN A 198.51.100.1"}},
                  catalogues={"test": "[g]\nallow = *.good.example\nchain = a.cdn.example\n"})
    script.on("x.good.example", "A", links("x.good.example", "a.cdn.example", "b.cdn.example"))
    for name in ("www.good.example", "here.example.net", "localhost", "x.local", "use-application-dns.net"):
        server.client.ask(name)
    assert refused(ask_as(server, "127.0.0.9", "no.example.net"))
    assert entries(suggest(server)) == {"allow": [], "chain": []}
    server.client.ask("x.good.example")
    found = suggest(server)
    assert entries(found) == {"allow": [], "chain": ["b.cdn.example"]}
    server.write("zones/more.ini", found)
    server.change({"profile default": {"catalog": "test more", "mode": "enforce"}})
    assert server.reload().returncode == 0
    assert addresses(server.client.ask("x.good.example"))


def test_links_from_the_cache_and_of_services(make, script):
    """Who is answered from the cache counts; targets of service records are links too."""
    script.on("www.example.net", "A", links("www.example.net", "e1.g.akamaiedge.net"))
    script.on("www.example.net", "HTTPS", [wire.record("www.example.net", "HTTPS", 60, "1 svc.example.org. alpn=h2")])
    script.on("old.example.net", "A", [wire.record("example.net", "DNAME", 60, "example.com"),
                                       wire.record("old.example.com", "A", 60, "198.51.1.1")])
    server = make()
    for client in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
        ask_as(server, client, "www.example.net")
    server.client.ask("www.example.net", "HTTPS")
    server.client.ask("old.example.net")
    assert len(script.asked("www.example.net", "A")) == 1
    text = suggest(server)
    assert re.search(r"www\.example\.net +; 4 times, 3 clients", text), text
    assert sorted(entries(text)["chain"]) == ["e1.g.akamaiedge.net", "old.example.com", "svc.example.org"]
    adopt(server, text)
    assert addresses(server.client.ask("www.example.net")) and addresses(server.client.ask("old.example.net"))
    assert server.client.ask("www.example.net", "HTTPS").answer


def test_links_that_are_asked_for_too(make, script):
    """What is only led to may not be asked for; what is both stands once, with and without stars."""
    script.on("www.example.net", "A", links("www.example.net", "both.example.org", "a7.pool.example.org", "end.example.org"))
    server = make()
    for name in ("www.example.net", "both.example.org", "a1.pool.example.org", "a2.pool.example.org"):
        server.client.ask(name)
    text = suggest(server)
    assert entries(text) == {"allow": ["www.example.net", "a*.pool.example.org", "both.example.org"],
                             "chain": ["end.example.org"]}, text
    adopt(server, text)
    assert refused(server.client.ask("end.example.org"))
    assert addresses(server.client.ask("www.example.net")) and addresses(server.client.ask("both.example.org"))


def test_types_get_a_group_of_their_own(make, script):
    script.on("current.av.example.net", "TXT", [wire.record("current.av.example.net", "TXT", 60, '"0.103"')])
    script.on("none.av.example.net", "TXT", nxdomain)
    server = make()
    for name, rtype in (("current.av.example.net", "TXT"), ("current.av.example.net", "A"),
                        ("none.av.example.net", "TXT"), ("odd.av.example.net", "TYPE65400")):
        server.client.ask(name, rtype)
    text = suggest(server)
    assert re.search(r"^\[types-TXT\]\n(?:.*\n)*types   = TXT\nallow   = current\.av\.example\.net ", text, re.M), text
    assert entries(text) == {"allow": ["current.av.example.net"], "chain": []}
    adopt(server, text)
    assert server.client.ask("current.av.example.net", "TXT").answer
    assert addresses(server.client.ask("current.av.example.net"))


def test_hostile_names(make, script):
    """They cannot be patterns; nothing of them gets into a line of the catalogue but as an escaped comment."""
    script.on("www.example.net", "A",
              [wire.record("www.example.net", "CNAME", 60, b"\x0ballow = *.x\x07example\x03net\0"),
               wire.record(b"\x0ballow = *.x\x07example\x03net\0", "CNAME", 60, b"\x01*\x02lb\x07example\x03net\0"),
               wire.record(b"\x01*\x02lb\x07example\x03net\0", "CNAME", 60, b"\x01*\x0acloudfront\x03net\0"),
               wire.record(b"\x01*\x0acloudfront\x03net\0", "A", 60, "198.51.1.1")])
    server = make()
    hostile = [b"a\n[evil]\nallow = *.evil.example.net", b"; x", b"\\", b"x y", b"*", b"\xff\x00", b"a.b", b"#", b"%s%n"]
    for label in hostile:
        server.client.raw(wire.header(1) + bytes([len(label)]) + label + b"\x07example\x03net\0\0\1\0\1")
    for name in ("www.example.net", ".", "net"):
        server.client.ask(name)
    text = suggest(server)
    assert entries(text) == {"allow": ["www.example.net"], "chain": ["*.lb.example.net"]}, text
    assert f"for which no pattern can be written ({len(hostile)})" in text
    assert all(ord(char) < 127 and (char >= " " or char == "\n") for char in text)
    assert ";     allow\\032" in text
    server.write("zones/suggested.ini", text)
    assert server.command("check", "--strict", "suggested").stdout == ""


def test_private_answers_are_told(make, script):
    script.on("inside.example.net", "A", [wire.record("inside.example.net", "A", 60, "192.168.1.1")])
    server = make()
    server.client.ask("inside.example.net")
    text = suggest(server)
    assert entries(text) == {"allow": [], "chain": []}
    assert re.search(r"with private addresses alone.* \(1\)\n;     inside\.example\.net  1 time, 1 client", text), text


def test_nothing_recorded(make):
    server = make()
    text = suggest(server)
    assert entries(text) == {"allow": [], "chain": []} and "[catalog]" in text
    server.write("zones/suggested.ini", text)
    assert server.command("check", "--strict", "suggested").stdout == ""


# How it is kept.

def names_of(server):
    return sorted(entries(suggest(server))["allow"])


def test_restart(make, state):
    server = make()
    server.client.ask("a.example.net")
    server.stop()
    assert os.listdir(state) == ["audit"] and os.stat(os.path.join(state, "audit")).st_mode & 0o777 == 0o640
    # without a server the file is read
    assert names_of(server) == ["a.example.net"]
    server.start()
    server.client.ask("b.example.net")
    assert names_of(server) == ["a.example.net", "b.example.net"]
    # asked for, it is on its way to the file
    until(lambda: b"b.example.net" in open(os.path.join(state, "audit"), "rb").read(), "the record in its file")
    server.kill()
    server.start()
    server.client.ask("a.example.net")
    text = suggest(server)
    assert re.search(r"a\.example\.net +; 2 times", text) and re.search(r"b\.example\.net +; 1 time,", text), text


def test_memory_only(make):
    server = make({"server": {"state": ""}})
    server.client.ask("a.example.net")
    assert names_of(server) == ["a.example.net"]
    server.stop()
    done = server.command("suggest")
    assert done.returncode == 1 and done.stdout == "" and "state is empty" in done.stderr


def test_reload_keeps_it(make, state):
    server = make()
    server.client.ask("a.example.net")
    server.change({"cache": {"size": "16M"}})
    assert server.reload().returncode == 0
    server.client.ask("b.example.net")
    assert names_of(server) == ["a.example.net", "b.example.net"]
    server.stop()
    assert names_of(server) == ["a.example.net", "b.example.net"]


def checksum(text):
    value = 0xcbf29ce484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return f"{value:016x}"


def record(lines, dropped=0):
    body = "\n".join(["postern-audit 1", f"since 1790000000 dropped {dropped}", *lines, ""])
    names, pairs = (sum(line.startswith(word) for line in lines) for word in ("name ", "by "))
    return body + f"end {names} {pairs} {checksum(body)}\n"


def put_record(server, state, text):
    os.makedirs(state, exist_ok=True)
    server.write(os.path.join(state, "audit"), text)


DAMAGED = {
    "cut": record(["name a.example.net 1:2", "by 10.0.0.1 1 5 5 32"])[:-9],
    "changed": record(["name a.example.net 1:2", "by 10.0.0.1 1 5 5 32"]).replace("a.example", "b.example"),
    "foreign": "[catalog]\ntitle = no record\n",
    "empty": "",
    "binary": bytes(range(256)) * 100,
    "newer": record([]).replace("postern-audit 1", "postern-audit 2"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_record(make, state, damage):
    """It is said, kept aside and not written over; a new one begins."""
    server = make(start=False)
    put_record(server, state, DAMAGED[damage])
    done = server.command("suggest")
    assert done.returncode == 1 and done.stdout == "" and "audit record cannot be read" in done.stderr, done
    server.start()
    assert re.search(rf"warning: state {state}/audit: .*kept as audit\.bad", server.output()), server.output()
    server.client.ask("c.example.net")
    assert names_of(server) == ["c.example.net"]
    server.stop()
    wanted = DAMAGED[damage] if isinstance(DAMAGED[damage], bytes) else DAMAGED[damage].encode()
    with open(os.path.join(state, "audit.bad"), "rb") as file:
        assert file.read() == wanted
    assert names_of(server) == ["c.example.net"]


def test_odd_line_costs_that_line(make, state):
    """A record that is whole, with a line that makes no sense: it is said, and the rest is taken over."""
    server = make(start=False)
    put_record(server, state, record(["name bare.example.net", "by 10.0.0.1 1 5 5 32", "name a.example.net 1:2",
                                      "by 10.0.0.1 3 5 5 32", "by nobody 1 5 5 32"]))
    server.start()
    assert re.search(rf"warning: state {state}/audit: line 3: a name without a type: left out, as 2 in all$",
                     server.output(), re.M), server.output()
    assert re.search(r"a\.example\.net +; 3 times, 10\.0\.0\.1", suggest(server))
    assert names_of(server) == ["a.example.net"] and not os.path.exists(os.path.join(state, "audit.bad"))


def test_folder_in_the_way(make, state):
    """What to do is said once, and then it is written without a restart."""
    server = make()
    os.mkdir(os.path.join(state, "audit.new"))
    warning = f"warning: state {state}/audit.new: the audit record cannot be written, it is in the way: remove it"
    server.client.ask("a.example.net")

    def tried(text):
        suggest(server)
        return text in server.output()
    until(lambda: tried(warning), "a warning")
    for name in ("b.example.net", "c.example.net", "d.example.net"):
        server.client.ask(name)
        suggest(server)
    os.rmdir(os.path.join(state, "audit.new"))
    until(lambda: tried("the audit record is written again"), "a record that is written")
    assert server.output().count("in the way") == 1
    server.kill()
    assert names_of(server) == ["a.example.net", "b.example.net", "c.example.net", "d.example.net"]


def read_all(sock):
    return b"".join(iter(lambda: sock.recv(65536), b""))


def test_dumps_are_bounded(make, state):
    """Who asks for the record and does not read it is one of four; others are told so, or served, at once."""
    server = make(start=False)
    lines = []
    for number in range(20000):
        lines += [f"name n{number}.{'x' * 60}.example.net 1:2", "by 10.0.0.1 1 5 5 32"]
    put_record(server, state, record(lines))
    server.start()
    socks = [request(server, b"audit") for _ in range(50)]
    began = time.monotonic()
    assert server.json("status")["audit"]["names"] == 20000
    assert time.monotonic() - began < 3
    done = server.command("suggest")
    assert (done.returncode, done.stdout) == (1, "") and "busy" in done.stderr, done
    texts = []
    for sock in socks:
        sock.settimeout(10)
        texts.append(read_all(sock))
        sock.close()
    assert sum(text.startswith(b"ok\npostern-audit") for text in texts) == 4
    assert sum(text.startswith(b"error\nbusy") for text in texts) == 46
    assert "20000 names as n0.xxx" in suggest(server)
    # and so when they go away without reading
    for _ in range(3):
        for sock in [request(server, b"audit") for _ in range(4)]:
            sock.close()
    until(lambda: server.command("suggest").returncode == 0, "a free place")


def request(server, line):
    """Sends a request to the control socket and does not wait for what comes."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(server.socket)
    sock.sendall(line + b"\n")
    return sock


def test_killed_while_it_writes(make, state):
    """The file is a whole record, the old one or the new one, and what was left half written is in nobody's way."""
    server = make(start=False)
    lines = []
    for number in range(6000):
        lines += [f"name n{number}.many.example.net 1:2", f"link l{number}.example.org",
                  f"by 10.0.0.{number % 250} 1 5 5 32"]
    put_record(server, state, record(lines))
    half = os.path.join(state, "audit.new")
    for turn in range(6):
        server.start()
        assert server.json("status")["audit"]["names"] >= 6000 and "warning" not in server.output()
        server.client.ask(f"turn{turn}.example.net")
        before = os.stat(os.path.join(state, "audit")).st_ino
        with request(server, b"audit"):
            until(lambda: os.path.exists(half) or os.stat(os.path.join(state, "audit")).st_ino != before, "a writing")
            server.kill()
    server.write(half, "postern-audit 1\nsince")
    server.start()
    server.client.ask("last.example.net")
    server.stop()
    assert os.listdir(state) == ["audit"]
    assert "last.example.net" in names_of(server)


SINCE = 1794700800      # 2026-11-15T00:00 UTC


@pytest.fixture
def old(make, state):
    """No server, but a record of several days and clients."""
    server = make(start=False)
    put_record(server, state, record([
        "name early.example.net 1:2", f"by 10.0.0.1 4 {SINCE - 90000} {SINCE - 1} 32",
        "name late.example.net 1:2", f"by 10.0.1.1 2 {SINCE - 90000} {SINCE} 32", f"by 10.0.0.1 1 {SINCE - 9} {SINCE - 9} 32",
        "name six.example.net 1:2", f"by fd00::1 1 {SINCE + 5} {SINCE + 5} 32"], dropped=3))
    return server


@pytest.mark.parametrize("args, wanted", [
    ([], "early late six"), (["--client", "10.0.0.0/24"], "early late"), (["--client", "10.0.1.1"], "late"),
    (["--client", "fd00::/8"], "six"), (["--client", "192.168.0.0/16"], ""), (["--since", "2026-11-15"], "late six"),
    (["--since", "2026-11-15T00:00"], "late six"), (["--since", "2026-11-15T00:01"], ""),
    (["--since", "2026-11-14T23:59"], "early late six"), (["--since", "2026-11-15", "--client", "10.0.0.0/16"], "late"),
    (["--since", "3d"], ""), (["--since", "36500d"], "early late six")])
def test_client_and_since(old, args, wanted):
    if args[-1:] == ["3d"] and time.time() < SINCE + 4 * 86400:
        pytest.skip("the clock stands before the record's days")
    text = suggest(old, *args)
    assert sorted(entries(text)["allow"]) == [f"{name}.example.net" for name in sorted(wanted.split())], text
    assert "3 times a client's name gave way" in text


def test_since_counts_who_asked_since(old):
    text = suggest(old, "--since", "2026-11-15")
    assert re.search(r"late\.example\.net +; 2 times, 10\.0\.1\.1, 2026-11-13 to 2026-11-15$", text, re.M), text


@pytest.mark.parametrize("args", [
    ["--client", "10.0.0.1/8"], ["--client", "nobody"], ["--client", ""], ["--since", "yesterday"], ["--since", "7"],
    ["--since", ""], ["--since", "-1d"], ["--since", "2026-02-30"], ["--since", "2026-13-01"], ["--since", "2026-11-15T24:00"],
    ["--since", "2026-11-15 00:00"], ["--since", "99999999999999999999d"], ["--since"], ["extra"]])
def test_bad_words(old, args):
    done = old.command("suggest", *args)
    assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1, done


def test_scan_is_summed_up(make, state):
    """Hundreds of names of one domain, each asked for once, are not written line by line; others are."""
    server = make(start=False)
    words = [a + b for a in ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibis", "jay", "kiwi", "lynx",
                             "mole", "newt", "owl", "pug", "quail") for b in
             ("ash", "bay", "cob", "den", "elm", "fen", "glen", "hay", "ivy", "jet", "kin", "lea", "moss", "nut", "oak",
              "pea", "rye")]
    lines = []
    for word in words:
        lines += [f"name {word}.example.org 1:2", "by 10.0.0.66 1 5 5 32"]
    lines += ["name www.example.org 1:2", "by 10.0.0.1 7 5 9 32", "name one.example.net 1:2", "by 10.0.0.1 1 5 9 32"]
    put_record(server, state, record(lines))
    text = suggest(server)
    assert sorted(entries(text)["allow"]) == ["one.example.net", "www.example.org"]
    assert re.search(rf"of domains of which one client asked for hundreds.* \({len(words)}\)", text)


def seeded(alphabet, length, number):
    """Labels that are always the same."""
    draw = random.Random(f"{alphabet} {length}")
    return list(dict.fromkeys("".join(draw.choice(alphabet) for _ in range(length)) for _ in range(number)))


def asked_by(names, clients, times=1):
    """Lines of a record: each name of one client in turn."""
    return [line for number, name in enumerate(names) for line in
            (f"name {name} 1:2", f"by 10.0.0.{7 + number % clients} {times} {SINCE} {SINCE} 32")]


def joined(length, number):
    words = "alpha beta gamma delta omega kappa sigma tango lima kilo hotel echo bravo oscar papa romeo zulu".split()
    draw = random.Random(5)
    return list(dict.fromkeys("-".join(draw.choice(words) for _ in range(16))[:length].strip("-") for _ in range(number)))


BASE32, BASE36, HEX = "abcdefghijklmnopqrstuvwxyz234567", "abcdefghijklmnopqrstuvwxyz0123456789", "0123456789abcdef"
TUNNELS = {
    "digits": [f"{label}.t.evil.example" for label in seeded("0123456789", 60, 1000)],
    "digits below the domain": [f"{label}.evil.example" for label in seeded("0123456789", 60, 1000)],
    "hex": [f"{label}.t.evil.example" for label in seeded(HEX, 62, 300)],
    "base32": [f"{label}.evil.example" for label in seeded(BASE32, 60, 1000)],
    "base36, short": [f"{label}.t.evil.example" for label in seeded(BASE36, 38, 300)],
    "base26": [f"{label}.t.evil.example" for label in seeded("abcdefghijklmnopqrstuvwxyz", 24, 300)],
    "two labels": [f"{a}.{b}.t.evil.example" for a, b in zip(seeded(HEX, 30, 300), seeded(BASE36, 30, 300))],
    "few": [f"{label}.t.evil.example" for label in seeded(BASE36, 60, 45)],
    "words": [f"{label}.t.evil.example" for label in joined(62, 300)],
    "numbers behind a word": [f"x{a}-{b}.evil.example" for a, b in zip(seeded("123456789", 19, 300),
                                                                       seeded("123456789", 18, 300))],
    "short, but much": [f"{number}.t.evil.example" for number in range(100000, 102000)],
}


@pytest.mark.parametrize("times", [1, 9])
@pytest.mark.parametrize("kind", TUNNELS)
def test_tunnels_stay_shut(make, state, kind, times):
    """Data carried in names become no entry, whatever they are written in and however often each is asked for."""
    server = make(start=False)
    put_record(server, state, record(asked_by(TUNNELS[kind], 1, times) + asked_by(["www.example.net"], 1)))
    text = suggest(server)
    assert entries(text) == {"allow": ["www.example.net"], "chain": []}, text
    assert re.search(rf"look like data carried in them: .*\({len(TUNNELS[kind])}\)\n;     .*evil\.example.* all from 10\.0\.0\.7, ",
                     text), text
    assert len(text.splitlines()) < 40 and max(map(len, text.splitlines())) < 300


SERVICES = {
    "leaves of a content network": ([f"a{number}.g.example.net" for number in range(100, 700)], 1, "a*.g.example.net"),
    "devices": ([f"{a}7x{b}.device.example.com" for a, b in zip(seeded("abcdef", 4, 90), seeded("2345", 4, 90))], 1,
                "*.device.example.com"),
    "mirrors": ([f"{number}.tlu.dl.delivery.example.com" for number in range(1, 900)], 1, "*.tlu.dl.delivery.example.com"),
    "push hosts": ([f"{label}12{label[::-1]}.wns.example.com" for label in seeded("abcdefgh", 2, 40)], 3, "*.wns.example.com"),
    "uuids of several": ([f"{a}-{b}-4e2a-8c7f-{a}{b}.events.example.com" for a, b in
                          zip(seeded(HEX, 8, 200), seeded(HEX, 4, 200))], 6, "*.events.example.com"),
    "some uuids of one": ([f"{a}-{b}-4e2a-8c7f-{a}{b}.events.example.com" for a, b in
                           zip(seeded(HEX, 8, 40), seeded(HEX, 4, 40))], 1, "*.events.example.com"),
    "words of several": ([f"{a}.zoo.example.com" for a in seeded("bcdfgaeiou", 6, 90)], 3, "*.zoo.example.com"),
}


@pytest.mark.parametrize("kind", SERVICES)
def test_services_do_not_look_like_tunnels(make, state, kind):
    names, clients, pattern = SERVICES[kind]
    server = make(start=False)
    put_record(server, state, record(asked_by(names, clients)))
    assert entries(suggest(server)) == {"allow": [pattern], "chain": []}


def test_one_client_opens_no_zone(make, state):
    """Twenty names of its choosing stay twenty names, as those of everybody's zones do."""
    words = seeded("bcdfgaeiou", 6, 20)
    names = [f"{word}.shared.example.com" for word in words] + [f"{number}.example.net" for number in range(40)]
    services = "sqs sns sts logs monitoring ec2 kms ssm s3 lambda rds dynamodb kinesis events ecr ecs glue athena".split()
    names += [f"{service}.eu-west-1.amazonaws.com" for service in services]
    server = make(start=False)
    put_record(server, state, record(asked_by(names, 1, 9)))
    assert sorted(entries(suggest(server))["allow"]) == sorted(names)
    put_record(server, state, record(asked_by(names, 9, 9)))
    text = suggest(server)
    assert sorted(entries(text)["allow"]) == sorted(["*.shared.example.com", "*.example.net"] + names[60:])
    assert re.search(r"\*\.example\.net +; .*TAKES ALL OF ITS DOMAIN, look twice$", text, re.M), text


def test_flood_is_bounded(make, state):
    """However often, what many clients want stays; the rest is a line. No entry takes what another does."""
    server = make(start=False)
    stems = seeded("bcdfghjklmnp", 6, 20000)
    flood = asked_by([f"{stem}{number}.evil.example" for stem in stems for number in (1, 2)], 1, 900)
    wanted = [line for name in ("www.evil.example", "bcd.evil.example") for line in
              [f"name {name} 1:2"] + [f"by 10.0.1.{client} 1 5 5 32" for client in range(5)]]
    flood[1:1] = [f"link l{number}.{stem}.evil-links.example" for number, stem in enumerate(stems[:60])]
    put_record(server, state, record(flood + wanted))
    began = time.monotonic()
    text = suggest(server)
    assert time.monotonic() - began < 8, "more than some times what it takes"
    allow = entries(text)["allow"]
    assert len(allow) == 128 and {"www.evil.example", "bcd.evil.example"} <= set(allow)
    left = re.search(r"more entries than one can look at, .*\((\d+)\)\n;     evil\.example: (\d+) names, .* all from 10\.0\.0\.7,", text)
    assert left and left[1] == left[2] and int(left[1]) > 39000, text[-2000:]
    assert len(text.splitlines()) < 250
    server.write("zones/suggested.ini", text)
    assert server.command("check", "--strict", "suggested").stdout == ""


def test_links_are_bounded_and_quick(make, state):
    """Forty links for each of thousands of names, all of one domain and of no common form."""
    server = make(start=False)
    lines = []
    words = iter(seeded("ghjklmnpoiuv", 6, 81500))
    for number in range(2000):
        lines += [f"name s.evil{number}.example 1:2"]
        lines += [f"link {next(words)}{link % 9}.b{link % 7}.c{number % 5}.links.example" for link in range(40)]
        lines += [f"by 10.0.0.7 9 {SINCE} {SINCE} 32"]
    put_record(server, state, record(lines))
    began = time.monotonic()
    text = suggest(server)
    assert time.monotonic() - began < 8, "more than some times what it takes"
    found = entries(text)
    assert len(found["allow"]) == 2000 and len(found["chain"]) <= 128
    assert re.search(r"^; Led to, and left out.*\n.*\n;     links\.example: \d+ names, \d+ patterns", text, re.M), text[-2000:]


def test_unanswered_is_told(make, script):
    """What upstream had no answer for is recorded, from its cache of failures as well."""
    script.on("dead.example.net", "A", servfail)
    server = make()
    for client in ("127.0.0.1", "127.0.0.2"):
        assert rcode(ask_as(server, client, "dead.example.net")) == "SERVFAIL"
    server.client.ask("www.example.net")
    text = suggest(server)
    assert entries(text) == {"allow": ["www.example.net"], "chain": []}
    assert re.search(r"upstream had no answer for \(1\)\n;     dead\.example\.net  2 times, 2 clients\n", text), text
    # an answer later makes it an entry
    script.on("dead.example.net", "A", [wire.record("dead.example.net", "A", 60, "198.51.1.1")])
    server.flush()
    assert addresses(server.client.ask("dead.example.net"))
    assert sorted(entries(suggest(server))["allow"]) == ["dead.example.net", "www.example.net"]


def test_large_record_is_quick(make, state):
    """As many pairs as it may hold: over the socket and from the file."""
    server = make(start=False)
    lines = []
    for number in range(20000):
        lines += [f"name host{number}.d{number % 997}.example.net 1:2", f"link e{number}.dscd.akamaiedge.net"]
        lines += [f"by 10.0.{client}.{number % 200} {number + 1} 5 99999 32" for client in range(3)]
    put_record(server, state, record(lines))
    server.start()
    assert server.json("status")["audit"]["pairs"] == 60000
    began = time.monotonic()
    over_socket = suggest(server)
    assert time.monotonic() - began < 10
    server.stop()
    assert entries(suggest(server)) == entries(over_socket)
    assert entries(over_socket) == {"allow": ["host*.d*.example.net"], "chain": ["e*.dscd.akamaiedge.net"]}


# Where it is kept.

def test_written_state_that_is_no_folder(make, scratch):
    path = os.path.join(scratch, "file")
    with open(path, "w", encoding="ascii") as file:
        file.write("no folder")
    status, text = make({"server": {"state": path}}, start=False).fails()
    assert status == 1 and re.search(rf"state {path}: Not a directory", text), text


@ROOT_ONLY
def test_written_state_that_is_not_ours(make, state):
    """Another account's folder, which root without its privileges cannot write to."""
    os.mkdir(state, 0o755)
    os.chown(state, pwd.getpwnam("nobody").pw_uid, -1)
    status, text = make(start=False).fails()
    assert status == 1 and re.search(rf"state {state}: Permission denied", text), text


@ROOT_ONLY
def test_state_of_another_account(make, state):
    """Made as root, kept as nobody, over restarts."""
    server = make({"server": {"state": state, "user": "nobody"}})
    server.client.ask("a.example.net")
    server.stop()
    assert os.stat(os.path.join(state, "audit")).st_uid == pwd.getpwnam("nobody").pw_uid
    server.start()
    server.client.ask("b.example.net")
    server.stop()
    assert names_of(server) == ["a.example.net", "b.example.net"]


@ROOT_ONLY
def test_state_that_cannot_be_written_any_more(make, state):
    """It is said, and the record stays in memory."""
    server = make()
    server.client.ask("a.example.net")
    os.chown(state, pwd.getpwnam("nobody").pw_uid, -1)
    assert names_of(server) == ["a.example.net"]
    server.client.ask("b.example.net")
    assert names_of(server) == ["a.example.net", "b.example.net"]
    server.program.stop()
    assert re.search(rf"warning: state {state}: the audit record cannot be written: Permission denied", server.output())
    assert os.listdir(state) == []


# Chains seen in the wild.

def shown(answer):
    return rcode(answer), {(rrset.name.to_text().lower(), item.to_text().lower()) for rrset in answer.answer
                           for item in rrset}


def ask_chains(server, up, every):
    """What the server makes of each chain, from upstream."""
    found = {}
    for number, one in enumerate(every):
        up.on(one.query, one.type, one.serve)
        server.flush(one.query)
        found[number] = shown(server.client.ask(one.query, one.type))
    return found


def test_real_chains_come_through_again(make, upstream):
    """Recorded in audit mode and fed back, every real answer passes as it did; bent at its end none does."""
    up = upstream()
    up.default = nxdomain
    every = [one for one in chains.rows() if one.rcode != wire.SERVFAIL and one.steps]
    server = make(up=up)
    recorded = ask_chains(server, up, every)
    text = suggest(server)
    adopt(server, text)
    enforced = ask_chains(server, up, every)
    lost = [str(one) for number, one in enumerate(every) if recorded[number] != enforced[number] and recorded[number][1]]
    assert lost == []
    assert len(ENTRY.findall(text)) < len({step.owner.lower() for one in every for step in one.steps}) * 3 / 4
    bent = 0
    for one in every:
        if not one.links:
            continue
        up.on(one.query, one.type, lambda question, one=one: question.reply(
            [wire.record(one.query, "CNAME", 60, "evil.trafficmanager.net"),
             wire.record("evil.trafficmanager.net", "A", 60, "198.51.1.1")]))
        server.flush(one.query)
        assert refused(server.client.ask(one.query, one.type), "evil.trafficmanager.net"), one
        bent += 1
    assert bent > 100
