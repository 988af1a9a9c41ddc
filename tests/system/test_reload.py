# SPDX-License-Identifier: GPL-3.0-or-later
"""Reload: under load, with broken files, and what needs a restart."""
import os
import re
import threading
import time

import pytest

import wire
from client import addresses, refused
from load import Load, has_address, is_refused, mixed
from procs import memory, until
from server import BINARY
from upstream import Late, by_name

FULL = bool(os.environ.get("FULL"))
RELOADS = 1000 if FULL else 200
BROKEN = 300 if FULL else 60
WARM_UP = 40
GROWTH = 512 << 10
CATALOGUE = "[g]\nallow = *.example.com\nchain = *.cdn.example\n"


@pytest.fixture
def make(postern, script):
    def start(sections=None, catalogue=CATALOGUE, **kwargs):
        return postern({"profile default": {"catalog": "test"}, **(sections or {})}, {"test": catalogue}, script, **kwargs)
    return start


def generation(server):
    return server.json("status")["generation"]


def done(server):
    return len(re.findall(r"reload: done", server.output()))


def sanitized():
    with open(BINARY, "rb") as file:
        text = file.read()
    return any(mark in text for mark in (b"__asan_init", b"__tsan_init"))


def reload_once(server, number):
    """In turn by command, by signal, and by several signals at once."""
    kind = number % 4
    if kind in (1, 3):
        before = done(server)
        for _ in range(kind):
            server.hangup()
        until(lambda: done(server) > before, "a reload by signal")
        return
    result = server.reload()
    while result.returncode and "under way" in result.stderr:     # of a signal before
        result = server.reload()
    assert result.returncode == 0, result


@pytest.mark.parametrize("workers", [1, 2])
def test_reloads_under_load(make, script, workers):
    """No question lost, over UDP or a kept TCP connection; memory does not grow."""
    # a small cache, soon as full as it gets
    server = make({"server": {"workers": workers}, "log": {"queries": "none"}, "cache": {"size": "256K"}})
    loads = [Load(server.client, mixed("u")), Load(server.client, mixed("t"), tcp=True)]
    for load in loads:
        load.start()
    reloads = RELOADS if workers == 1 else RELOADS // 2
    for number in range(reloads):
        server.write("zones/test.ini", CATALOGUE + f"# {number}\n[g{number}]\nallow = n{number}.example.org\n")
        reload_once(server, number)
        script.forget()
        if number == WARM_UP:
            base = memory(server.pid)
    grown = memory(server.pid) - base
    for load in loads:
        assert load.finish() > reloads
    assert addresses(server.client.ask(f"n{reloads - 1}.example.org"))
    assert refused(server.client.ask("n0.example.org"))
    assert sanitized() or grown < GROWTH, f"{grown} bytes more after {reloads - WARM_UP} reloads"


def broken_files(server):
    """(path, text, what is said of it), each with its line."""
    config = open(server.config, encoding="ascii").read()
    lines = config.count("\n")
    return [
        ("zones/test.ini", "[g]\nallow = *.com\n", r"test\.ini:2: error: "),
        ("zones/test.ini", "[g]\n\nallow = good.example.com\n  http://x/\n", r"test\.ini:4: error: "),
        ("zones/test.ini", "[g]\nalow = a.example.com\n", r"test\.ini:2: error: .*did you mean"),
        ("zones/test.ini", b"\x00\xff\xfe binary", r"test\.ini: error: .*not text"),
        ("zones/test.ini", "", r"test\.ini.*(error|warning): "),
        ("postern.conf", config + "[cache]\nsize = lots\n", rf"postern\.conf:{lines + 2}: error: "),
        ("postern.conf", config + "[servr]\n", rf"postern\.conf:{lines + 1}: error: "),
        ("postern.conf", config.replace("catalog = test", "catalog = nowhere"), r"postern\.conf:\d+: error: .*nowhere"),
    ]


def test_broken_files_under_load(make):
    """At each reload: it says what and where, and the old policy serves on."""
    server = make({"log": {"queries": "none"}})
    good = {"zones/test.ini": CATALOGUE, "postern.conf": open(server.config, encoding="ascii").read()}
    kinds = [kind for kind in broken_files(server) if kind[1] != ""]
    load = Load(server.client, mixed("b"))
    load.start()
    for number in range(BROKEN):
        path, text, said = kinds[number % len(kinds)]
        server.write(path, text)
        # the command reads the configuration too, for the socket: so for that a signal
        before = server.output().count("reload: refused")
        if path == "postern.conf":
            server.hangup()
            until(lambda before=before: server.output().count("reload: refused") > before, "the refusal")
            report = server.output()
        else:
            result = server.reload()
            assert result.returncode == 1, result
            report = result.stderr
        assert re.search(said, report), f"{said} is not in:\n{report}"
        server.write(path, good[path])
    load.finish()
    assert generation(server) == 1
    assert addresses(server.client.ask("new.example.com")) and refused(server.client.ask("good.example.net"))
    assert server.reload().returncode == 0 and generation(server) == 2


def test_all_errors_are_said_at_once(make):
    server = make()
    server.write("zones/test.ini", "[g]\nallow = *.com\n  .org\n  http://x\nports = tcp/0\n")
    said = server.reload().stderr
    assert [int(line) for line in re.findall(r"test\.ini:(\d+): error", said)] == [2, 3, 4, 5], said


def test_missing_catalogue(make):
    server = make()
    os.unlink(os.path.join(server.zones, "test.ini"))
    result = server.reload()
    assert result.returncode == 1 and re.search(r"postern\.conf:\d+: error: ", result.stderr), result
    assert addresses(server.client.ask("www.example.com"))


FIXED = {
    "listen": {"server": {"listen": "127.0.0.1@1 127.0.0.1@2"}},
    "workers": {"server": {"workers": "3"}},
    "user": {"server": {"user": "nobody"}},
    "state": {"server": {"state": "/nowhere/else"}},
    "sandbox": {"server": {"sandbox": "off"}},
    "[control] socket": {"control": {"socket": "/nowhere/else.sock"}},
}


@pytest.mark.parametrize("key", FIXED)
def test_what_needs_a_restart(make, key):
    """Refused by name, with all else that changed beside it."""
    server = make()
    server.change({**FIXED[key], "profile default": {"catalog": ""}})
    server.hangup()
    until(lambda: "reload: refused" in server.output(), "the refusal")
    wanted = [line for line in server.lines() if "restart" in line]
    assert len(wanted) == 1 and f"{key}: " in wanted[0] and "needs a restart" in wanted[0], wanted
    assert addresses(server.client.ask("www.example.com"))


def test_all_that_needs_a_restart_at_once(make):
    server = make()
    for change in FIXED.values():
        server.change(change)
    server.hangup()
    until(lambda: "reload: refused" in server.output(), "the refusal")
    assert len([line for line in server.lines() if "needs a restart" in line]) == len(FIXED)


def test_everything_else_is_taken(make, upstream, script):
    other = upstream()
    other.default = lambda question: question.reply([wire.record(question.spelt, "A", 7, "198.51.77.7")])
    server = make()
    first = addresses(server.client.ask("www.example.com"))
    server.change({"upstream": {"address": other.at}, "cache": {"size": "1M", "block-ttl": "7s"},
                   "log": {"queries": "all", "format": "json"}, "profile default": {"catalog": "test more"},
                   "records": {"record": "a.example.net. 60 IN A 198.51.100.200"}, "limits": {"tcp-idle": "1s"},
                   "forward corp.test": {"address": script.at}})
    server.write("zones/more.list", "more.example.org\n")
    assert server.reload().returncode == 0
    assert addresses(server.client.ask("www.example.com")) == ["198.51.77.7"] != first
    assert addresses(server.client.ask("more.example.org")) == ["198.51.77.7"]
    assert addresses(server.client.ask("a.example.net")) == ["198.51.100.200"]
    assert addresses(server.client.ask("x.corp.test")) != ["198.51.77.7"]
    assert server.client.ask("x.example.net").authority[0].ttl == 7
    status = server.json("status")
    assert status["cache"]["limit"] == 1 << 20 and status["generation"] == 2


def test_question_in_flight_is_judged_by_what_it_began_with(make, script):
    """And what it brings is not remembered for those who come after."""
    server = make()
    script.on("slow.example.com", "A", lambda question: Late(0.4, by_name(question)))
    got = []
    asking = threading.Thread(target=lambda: got.append(server.client.ask("slow.example.com")))
    asking.start()
    until(lambda: script.asked("slow.example.com"), "the question upstream")
    server.write("zones/test.ini", "[g]\nallow = other.example.com\n")
    assert server.reload().returncode == 0
    assert not got
    assert refused(server.client.ask("slow.example.com"))
    asking.join(5)
    assert addresses(got[0])
    assert refused(server.client.ask("slow.example.com"))


def test_answer_judged_by_the_old_policy_is_not_kept(make, script):
    """The name stays allowed, but not where it leads to: neither the answer nor the names in it outlive the question."""
    server = make()
    led = [wire.record("slow.example.com", "CNAME", 300, "x.cdn.example"), wire.record("x.cdn.example", "A", 300, "198.51.1.1")]
    script.on("slow.example.com", "A", lambda question: Late(0.4, question.reply(led)))
    got = []
    asking = threading.Thread(target=lambda: got.append(server.client.ask("slow.example.com")))
    asking.start()
    until(lambda: script.asked("slow.example.com"), "the question upstream")
    server.write("zones/test.ini", "[g]\nallow = *.example.com\n")
    assert server.reload().returncode == 0
    asking.join(5)
    assert addresses(got[0]) == ["198.51.1.1"]
    assert refused(server.client.ask("x.cdn.example"))
    assert refused(server.client.ask("slow.example.com"), "x.cdn.example")


def test_cache_of_the_old_policy_is_gone(make):
    server = make()
    assert addresses(server.client.ask("www.example.com"))
    server.write("zones/test.ini", "[g]\nallow = other.example.com\n")
    assert server.reload().returncode == 0
    assert refused(server.client.ask("www.example.com"))


def test_learned_names_follow_their_entries(make, script):
    """Those of an entry that is gone are forgotten, those that another still allows stay."""
    for name in ("one", "two"):
        script.on(f"{name}.example.com", "A", lambda question, name=name: question.reply(
            [wire.record(question.spelt, "CNAME", 300, f"{name}.cdn.example"),
             wire.record(f"{name}.cdn.example", "A", 300, "198.51.1.1")]))
    chain = "chain = *.cdn.example\n"
    server = make(catalogue="[g]\nallow = one.example.com two.example.com\n" + chain)
    for name in ("one", "two"):
        server.client.ask(f"{name}.example.com")
        assert addresses(server.client.ask(f"{name}.cdn.example"))
    server.write("zones/test.ini", "[h]\nallow = *.example.net\n  two.example.com\n" + chain)
    assert server.reload().returncode == 0
    assert refused(server.client.ask("one.cdn.example"))
    assert addresses(server.client.ask("two.cdn.example"))


def test_log_file_is_opened_anew(make, scratch):
    """As log rotation wants it."""
    path = os.path.join(scratch, "queries.log")
    server = make({"log": {"file": path}})
    server.client.ask("first.example.net")
    until(lambda: "first.example.net" in open(path, encoding="ascii").read(), "the first line")
    os.rename(path, path + ".1")
    assert server.reload().returncode == 0
    server.client.ask("second.example.net")
    until(lambda: "second.example.net" in open(path, encoding="ascii").read(), "the second line in the new file")
    assert "second" not in open(path + ".1", encoding="ascii").read()


def test_no_signal_is_lost(make):
    """One that comes while a reload runs, for files that the running one has read already."""
    server = make({"server": {"workers": "2"}})
    for number in range(RELOADS // 2):
        for letter in "ab":
            server.write("zones/test.ini", CATALOGUE + f"[{letter}]\nallow = {letter}{number}.example.org\n")
            server.hangup()
            time.sleep(number % 40 / 40000)      # so that the second comes at each moment of the first
        until(lambda number=number: addresses(server.client.ask(f"b{number}.example.org")),
              lambda number=number: f"the policy of signal {number}", 2)


def test_a_tap_of_reloads_at_once(make):
    """Many commands at the same time: each is told how it went, and the server lives."""
    server = make()
    load = Load(server.client, [("www.example.com", has_address), ("x.example.net", is_refused)])
    load.start()
    results = []
    threads = [threading.Thread(target=lambda: results.append(server.reload())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.finish()
    assert len(results) == 16 and any(result.returncode == 0 for result in results)
    assert all(result.returncode == 0 or "under way" in result.stderr for result in results)
