# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of questions: fields, formats, rate, hostile names."""
import json
import os
import re
import socket
import time

import pytest

import wire
from procs import until
from upstream import by_name

CATALOGUE = {"test": "[g]\nallow = *.example.com\n"}
FIELDS = ["time", "client", "profile", "name", "type", "verdict", "reason", "link", "entry", "ms"]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture
def script(upstream):
    up = upstream()
    up.default = by_name
    up.on("bent.example.com", "A", [wire.record("bent.example.com", "CNAME", 300, "evil.example.org"),
                                    wire.record("evil.example.org", "A", 300, "198.51.1.1")])
    up.on("dead.example.com", "A", lambda question: question.reply(rcode=wire.SERVFAIL))
    return up


@pytest.fixture
def make(postern, script):
    def start(sections=None, **log):
        server = postern({"profile default": {"catalog": "test"}, "log": {"file": "queries.log", **log},
                          **(sections or {})}, CATALOGUE, script)
        server.queries = os.path.join(server.folder, "queries.log")
        return server
    return start


def lines_of(server, count):
    """The log's lines, once there are so many."""
    def read():
        with open(server.queries, "rb") as file:
            lines = file.read().split(b"\n")
        return lines[:-1] if len(lines) > count and not lines[-1] else None
    found = until(read, lambda: f"{count} lines in the log:\n{open(server.queries, encoding='latin-1').read()}")
    return [line.decode("ascii") for line in found]


def ask_each_kind(server):
    for name, rtype in (("good.example.com", "A"), ("good.example.com", "AAAA"), ("no.example.net", "A"),
                        ("bent.example.com", "A"), ("good.example.com", "SRV"), ("localhost", "A"),
                        ("dead.example.com", "A")):
        server.client.ask(name, rtype)


KINDS = {
    ("good.example.com", "A"): ("allowed", "listed", None, "*.example.com"),
    ("good.example.com", "AAAA"): ("allowed", "listed", None, "*.example.com"),
    ("no.example.net", "A"): ("blocked", "unlisted", None, None),
    ("bent.example.com", "A"): ("blocked", "chain", "evil.example.org", "*.example.com"),
    ("good.example.com", "SRV"): ("blocked", "type", None, "*.example.com"),
    ("localhost", "A"): ("allowed", "special", None, None),
    ("dead.example.com", "A"): ("failed", "failed", None, "*.example.com"),
}


def test_json(make):
    """Every field of every kind of line."""
    server = make(queries="all", format="json")
    ask_each_kind(server)
    found = [json.loads(line) for line in lines_of(server, len(KINDS))]
    assert len(found) == len(KINDS) and all(list(one) == FIELDS for one in found)
    for one in found:
        kind = (one["verdict"], one["reason"], one["link"], one["entry"])
        assert kind == KINDS[one["name"], one["type"]], one
        assert one["client"] == "127.0.0.1" and one["profile"] == "default" and one["ms"] >= 0
        assert re.fullmatch(TIME, one["time"])
        assert abs(time.mktime(time.strptime(one["time"], "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.gmtime())) < 60


def test_text(make):
    server = make(queries="all", format="text")
    ask_each_kind(server)
    found = lines_of(server, len(KINDS))
    for line in found:
        match = re.fullmatch(rf"{TIME} (\w+) 127\.0\.0\.1 default (\S+) (\w+) ([\w-]+)(?: link=(\S+))?"
                             r"(?: entry=(\S+))? \d+\.\d{3} ms", line)
        assert match, line
        verdict, name, rtype, reason, link, entry = match.groups()
        assert (verdict, reason, link, entry) == KINDS[name, rtype], line


def test_blocked_only(make):
    """The default: refusals, and nothing of what is allowed."""
    server = make()
    ask_each_kind(server)
    names = {re.split(" ", line)[4] for line in lines_of(server, 3)}
    assert names == {"no.example.net", "bent.example.com", "good.example.com"}


def test_none(make):
    server = make(queries="none")
    ask_each_kind(server)
    assert len(server.json("blocked")) == 2
    assert open(server.queries, encoding="ascii").read() == ""


def test_standard_error_is_the_default(postern, script):
    server = postern({"profile default": {"catalog": "test"}}, CATALOGUE, script)
    server.client.ask("no.example.net")
    server.wait_for("blocked 127.0.0.1 default no.example.net A unlisted")


@pytest.mark.parametrize("form", ["text", "json"])
def test_rate(make, form):
    """What is beyond it is counted, and the count written: every refusal is accounted for."""
    server = make(format=form, rate="10")
    count = 500
    with server.client.open(socket.SOCK_DGRAM) as sock:
        sock.connect(server.client.where())
        for ident in range(count):
            sock.send(wire.query(f"n{ident}.example.net", ident=ident))
            sock.recv(512)
    time.sleep(1.1)          # into the next second, whose first line says what the last left out
    server.client.ask("last.example.net")

    def tally():
        with open(server.queries, encoding="ascii") as file:
            text = file.read()
        left_out = [int(number) for number in re.findall(r'"unwritten":(\d+)| (\d+) more not written', text)
                    for number in number if number]
        written = len(re.findall(r"example\.net", text))
        return (written, left_out) if "last.example.net" in text else None
    written, left_out = until(tally, "the last line")
    assert written + sum(left_out) == count + 1, (written, left_out)
    assert left_out and written <= 10 * 4


@pytest.mark.parametrize("form", ["text", "json"])
def test_hostile_names(make, form):
    """One line each, whatever the name; nothing but letters, digits, - _ . and \\DDD of it."""
    server = make(format=form, queries="all")
    names = [r"a\010b.example.net", r"\027[2J.example.com", r"x\"\,y\".example.net", r"a\\b.example.net", r"a\032b.example.com",
             r"\255\254\000.example.net", r"a\.b.example.com", r"link=x.example.net"]
    for name in names:
        server.client.ask(name)
    found = lines_of(server, len(names))
    assert len(found) == len(names)
    shown = {r"a\010b.example.net", r"\027\0912j.example.com", r"x\034\044y\034.example.net", r"a\092b.example.net",
             r"a\032b.example.com", r"\255\254\000.example.net", r"a\046b.example.com", r"link\061x.example.net"}
    if form == "json":
        assert {json.loads(line)["name"] for line in found} == shown
    else:
        assert {line.split(" ")[4] for line in found} == shown


def test_hostile_link(make, script):
    """The link comes from upstream, which is no friend either."""
    script.on("hostile.example.com", "A", lambda question: question.reply(
        [wire.record(question.spelt, "CNAME", 60, r"evil\010\"name.example.org")]))
    server = make(format="json")
    answer = server.client.ask("hostile.example.com")
    assert [option.text for option in answer.options] == [r"evil\010\034name.example.org"]
    (line,) = lines_of(server, 1)
    assert json.loads(line)["link"] == r"evil\010\034name.example.org"


def test_audit(make):
    """Resolved, and recorded as what would have been blocked; the rebinding guard stays."""
    server = make({"profile default": {"catalog": "test", "mode": "audit"}}, format="json")
    assert server.client.ask("no.example.net").answer
    assert server.client.ask("bent.example.com").answer
    found = {one["name"]: one for one in map(json.loads, lines_of(server, 2))}
    assert (found["no.example.net"]["verdict"], found["no.example.net"]["reason"]) == ("audited", "unlisted")
    assert (found["bent.example.com"]["verdict"], found["bent.example.com"]["reason"],
            found["bent.example.com"]["link"]) == ("audited", "chain", "evil.example.org")


def test_profiles_in_the_log(make):
    server = make({"profile lab": {"clients": "127.0.0.1", "catalog": "test"}}, format="json")
    server.client.ask("no.example.net")
    (line,) = lines_of(server, 1)
    assert json.loads(line)["profile"] == "lab"


def test_levels(postern, script):
    """-q leaves out what is well, -v says more."""
    quiet = postern({"profile default": {"catalog": "test"}}, CATALOGUE, script, start=False)
    quiet.start("-q", wait=False)
    until(lambda: quiet.command("status").returncode == 0, "it to serve")
    assert quiet.output() == ""
    loud = postern({"profile default": {"catalog": "test"}}, CATALOGUE, script, args=["-v"])
    assert f"serving on 127.0.0.1@{loud.port}" in loud.output()
