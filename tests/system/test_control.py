# SPDX-License-Identifier: GPL-3.0-or-later
"""What asks the running server: status, blocked, flush, reload; and the control socket itself."""
import os
import re
import socket
import stat
import threading
import time

import pytest

import wire
from client import Client, addresses, refused
from procs import until
from upstream import Late, by_name

CATALOGUE = {"test": "[g]\nallow = *.example.com\nchain = *.cdn.example\n"}


@pytest.fixture
def server(postern, script):
    return postern({"profile default": {"catalog": "test"}, "log": {"queries": "none"}}, CATALOGUE, script)


def test_status(server, script):
    client = server.client
    for name in ("a.example.com", "a.example.com", "b.example.com", "x.example.net", "localhost"):
        client.ask(name)
    client.ask("a.example.com", tcp=True)
    client.raw(wire.query("a.example.com", qclass=wire.CH))
    client.raw(wire.query("a.example.com")[:-1])
    client.ask("a.example.com", "SRV")
    status = server.json("status")
    assert status["workers"] == 1 and status["generation"] == 1 and status["configuration"] == server.config
    assert re.fullmatch(r"\S+", status["version"]) and status["uptime"] >= 0
    assert status["cache"]["answers"] == 2 and 0 < status["cache"]["bytes"] < status["cache"]["limit"] == 32 << 20
    assert status["inflight"] == 0 and status["learned"] == 0
    (up,) = status["upstreams"]
    assert (up["up"], up["sent"], up["answered"], up["failed"]) == (True, 2, 2, 0) and up["ms"] > 0, up
    counters = status["counters"]
    wanted = {"udp": 8, "tcp": 1, "malformed": 1, "refused": 1, "local": 1, "cached": 2, "resolved": 2, "blocked": 1,
              "nodata": 1, "upstream-sent": 2, "failed": 0}
    assert {key: counters[key] for key in wanted} == wanted
    text = server.command("status").stdout
    assert f"upstream {script.at}: up" in text and all(re.search(rf"^{key}\s+{value}\s", text, re.M)
                                                      for key, value in wanted.items()), text


def test_status_of_learned_names_and_tcp(server, script):
    script.on("www.example.com", "A", [wire.record("www.example.com", "CNAME", 300, "x.cdn.example"),
                                       wire.record("x.cdn.example", "A", 300, "198.51.1.1")])
    server.client.ask("www.example.com")
    with server.client.connect():
        until(lambda: server.json("status")["tcp-clients"] == 1, "a TCP client")
    assert server.json("status")["learned"] == 1


def blocked(server):
    return {one["name"]: one for one in server.json("blocked")}


def test_blocked_counts_exactly(server, script):
    """Each refusal is counted, over UDP and TCP, in any case of letters; allowed names are not."""
    script.on("bent.example.com", "A", [wire.record("bent.example.com", "CNAME", 300, "evil.example.org"),
                                        wire.record("evil.example.org", "A", 300, "198.51.1.1")])
    assert server.json("blocked") == []
    assert server.command("blocked").stdout == "nothing was refused\n"
    for number in range(1, 31):
        for _ in range(number):
            server.client.ask(f"N{number}.Example.NET" if number % 2 else f"n{number}.example.net")
    for _ in range(7):
        server.client.ask("bent.example.com")
    other = Client("127.0.0.1", server.port, "127.0.0.9")
    other.ask("n30.example.net", tcp=True)
    server.client.ask("good.example.com")
    server.client.ask("good.example.com", "SRV")
    found = server.json("blocked")
    assert all(list(one) == ["name", "count", "client", "time", "link"] for one in found)
    counts = [one["count"] for one in found]
    assert counts == sorted(counts, reverse=True), "most refused first"
    by_names = blocked(server)
    assert set(by_names) == {f"n{number}.example.net" for number in range(1, 31)} | {"bent.example.com"}
    for number in range(1, 30):
        assert by_names[f"n{number}.example.net"]["count"] == number
    assert (by_names["n30.example.net"]["count"], by_names["n30.example.net"]["client"]) == (31, "127.0.0.9")
    assert by_names["n29.example.net"]["client"] == "127.0.0.1" and by_names["n29.example.net"]["link"] is None
    assert (by_names["bent.example.com"]["count"], by_names["bent.example.com"]["link"]) == (7, "evil.example.org")
    when = time.strptime(found[0]["time"], "%Y-%m-%dT%H:%M:%SZ")
    assert abs(time.mktime(when) - time.mktime(time.gmtime())) < 60
    lines = server.command("blocked").stdout.splitlines()
    assert len(lines) == 31 and re.match(r"\s+31 .* n30\.example\.net$", lines[0]), lines[0]


@pytest.mark.parametrize("tail", ["example.net", ".".join(["long" * 15] * 3 + ["x" * 40, "example.net"])], ids=["short", "long"])
def test_blocked_is_exact_at_speed(server, tail):
    """Close to 10,000 refusals a second, of short names and of the longest."""
    count, rate = 9000, 9000
    messages = [wire.query(f"fast{number % 500:03}.{tail}", ident=number) for number in range(count)]
    with server.client.open(socket.SOCK_DGRAM) as sock:
        sock.connect(server.client.where())
        due = time.monotonic()
        for message in messages:
            while time.monotonic() < due:
                pass
            # never faster, not even to catch up
            due = time.monotonic() + 1 / rate
            sock.send(message)
            sock.recv(512)
    found = blocked(server)
    assert server.counters()["log-lost"] == 0
    assert len(found) == 500
    assert [one for one in found.values() if one["count"] != count // 500] == []


def test_blocked_is_sampled_in_a_flood(server):
    """Far more than 10,000 refusals in a second: what is told is a sample, weighted so that the counts are still right."""
    message = wire.query("flood.example.net")
    with server.client.open(socket.SOCK_DGRAM) as sock:
        sock.connect(server.client.where())
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            for _ in range(64):
                sock.send(message)
    refusals = server.json("status")["counters"]["blocked"]
    assert refusals > 60_000, "not a flood"
    told = blocked(server)["flood.example.net"]["count"]
    assert told != refusals and 0.85 * refusals < told < 1.15 * refusals



def test_blocked_escapes_hostile_names(server):
    """Names are hostile text."""
    for name in (r"a\010b.example.net", r"\027[31m.example.net", r"a\"b.example.net", r"a\\b.example.net",
                 r"a\.b.example.net", r"\255\000.example.net"):
        server.client.ask(name)
    assert set(blocked(server)) == {
        r"a\010b.example.net", r"\027\09131m.example.net", r"a\034b.example.net", r"a\092b.example.net",
        r"a\046b.example.net", r"\255\000.example.net"}
    text = server.command("blocked").stdout
    assert text.isascii() and text.replace("\n", "").isprintable() and '"' not in text


def test_blocked_is_bounded(server):
    """More names than the table holds: those refused most stay."""
    for _ in range(3):
        for number in range(20):
            server.client.ask(f"often{number}.example.net")
    with server.client.open(socket.SOCK_DGRAM) as sock:
        sock.connect(server.client.where())
        for number in range(20000):
            sock.send(wire.query(f"once{number}.example.net", ident=number & 0xffff))
            sock.recv(512)
    found = server.json("blocked")
    assert 4000 < len(found) <= 10000
    assert {one["name"] for one in found[:20]} == {f"often{number}.example.net" for number in range(20)}


def test_flush(server, script):
    """Of a name and below, or all; never learned names."""
    script.on("www.example.com", "A", [wire.record("www.example.com", "CNAME", 300, "x.cdn.example"),
                                       wire.record("x.cdn.example", "A", 300, "198.51.1.1")])
    names = ["www.example.com", "a.sub.example.com", "b.sub.example.com", "sub.example.com", "xsub.example.com"]
    for name in names:
        server.client.ask(name)
    script.forget()

    def asked_anew():
        for name in names:
            server.client.ask(name)
        anew = {question.name for question in script.asked()}
        script.forget()
        return anew
    assert asked_anew() == set()
    server.flush("Sub.Example.COM")
    assert asked_anew() == {"a.sub.example.com", "b.sub.example.com", "sub.example.com"}
    server.flush("a.sub.example.com.")
    assert asked_anew() == {"a.sub.example.com"}
    server.flush("example.net")
    assert asked_anew() == set()
    server.flush()
    assert asked_anew() == set(names)
    server.flush()
    assert addresses(server.client.ask("x.cdn.example")), "learned names stay"


@pytest.mark.parametrize("name", ["a..b", "x" * 64, "", "a\nstatus", "a" * 3000])
def test_flush_of_what_is_no_name(server, name):
    server.client.ask("www.example.com")
    done = server.command("flush", name)
    assert done.returncode == 1 and done.stderr and done.stdout == "", done
    assert server.json("status")["cache"]["answers"] == 1


def test_flush_while_a_question_is_out(server, script):
    script.on("slow.example.com", "A", lambda question: Late(0.3, by_name(question)))
    got = []
    asking = threading.Thread(target=lambda: got.append(server.client.ask("slow.example.com")))
    asking.start()
    until(lambda: script.asked("slow.example.com"), "the question upstream")
    server.flush()
    asking.join(5)
    assert addresses(got[0])


@pytest.mark.parametrize("workers", [1, 2])
def test_commands_reach_every_worker(postern, script, workers):
    server = postern({"server": {"workers": workers}, "profile default": {"catalog": "test"}}, CATALOGUE, script)
    clients = [Client("127.0.0.1", server.port, f"127.0.0.{number}") for number in range(2, 30)]
    for client in clients:
        client.ask("www.example.com")
        client.ask("www.example.net")
    assert server.counters()["udp"] == 2 * len(clients)
    assert server.json("status")["cache"]["answers"] == workers
    assert blocked(server)["www.example.net"]["count"] == len(clients)
    server.flush()
    assert server.json("status")["cache"]["answers"] == 0
    server.write("zones/test.ini", "[g]\nallow = *.example.org\n")
    assert server.reload().returncode == 0
    assert all(refused(client.ask("www.example.com")) for client in clients)


def test_socket_mode(server):
    mode = os.stat(server.socket).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660


def test_socket_goes_with_the_server(postern, script):
    server = postern({"profile default": {"catalog": "test"}}, CATALOGUE, script)
    path = server.socket
    server.stop()
    assert not os.path.exists(path)


def talk(path, data, shut=True):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(15)
        sock.connect(path)
        try:
            sock.sendall(data)
            if shut:
                sock.shutdown(socket.SHUT_WR)
            reply = b""
            while part := sock.recv(65536):
                reply += part
            return reply
        except (BrokenPipeError, ConnectionResetError):
            return b""


def test_hostile_requests(server):
    """Whatever is written to the control socket: an error or nothing, and it lives."""
    for data in (b"nonsense\n", b"\n", b"", b"\0\0\0\n", b"status" * 1000 + b"\n", b"x" * 100000, b"flush \xff\xfe\n",
                 b"status\nstatus\n", b"status json extra\n", b"reload now please"):
        talk(server.socket, data)
    assert talk(server.socket, b"nonsense\n").startswith(b"error\n")
    server.still_alive()


def test_many_that_say_nothing(server):
    """Connections that only stand there keep nobody else from asking; very many are closed, and no client notices."""
    idle = []

    def more(count):
        for _ in range(count):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(server.socket)
            idle.append(sock)
    more(40)
    server.still_alive()
    more(400)
    assert addresses(server.client.ask("www.example.com"))
    for sock in idle:
        sock.close()
    until(lambda: server.command("status").returncode == 0, "the socket to answer again")
