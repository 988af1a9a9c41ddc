# SPDX-License-Identifier: GPL-3.0-or-later
"""kind = file: the files hold what is open before the client knows it, whole at any time."""
import json
import os
import threading

import pytest

from client import rcode
from firewall import SET4, SET6, TABLE, given
from nftset import Nft
from procs import until


@pytest.fixture
def folder(scratch):
    """One that the agent's account may write to, whoever that is."""
    path = f"{scratch}/rules"
    os.mkdir(path)
    os.chmod(path, 0o777)
    os.chmod(scratch, 0o755)
    return path


def read(path):
    with open(path, encoding="ascii") as file:
        return json.load(file)


def held(path):
    return {lease["address"]: lease for lease in read(path)["leases"]}


def test_script_and_json(gate, folder, namespace):
    place = gate(None)
    script = f"{folder}/rules.nft"
    place.start({"kind": "file", "path": script, "grace": "60s"})
    until(lambda: os.path.exists(script), "the first files")
    assert read(f"{script}.json")["leases"] == []
    place.give("a.example.com", "198.51.100.1", "198.51.100.2", "2001:db8::1")
    assert len(given(place.ask("a.example.com"))) == 2
    found = held(f"{script}.json")
    assert sorted(found) == ["198.51.100.1", "198.51.100.2"]
    assert 358 <= found["198.51.100.1"].pop("seconds") <= 361
    assert found["198.51.100.1"] == {"set": SET4, "address": "198.51.100.1", "client": None,
                                     "ports": ["tcp/80", "tcp/443"], "name": "a.example.com"}
    assert given(place.ask("a.example.com", "AAAA"))
    # what it is for: another gateway loads it, twice as well as once
    nft = Nft(namespace())
    nft.load(TABLE)
    for _ in range(2):
        nft("-f", script)
        assert nft.keys(SET4) == ["198.51.100.1", "198.51.100.2"] and nft.keys(SET6) == ["2001:db8::1"]
    element = nft.elements(SET4)["198.51.100.1"]
    assert element.comment == "a.example.com" and element.expires >= 357


def test_json_alone_both_families(gate, folder):
    place = gate(None)
    path = f"{folder}/open.json"
    place.start({"kind": "file", "path": path, "set4": "", "set6": "", "key": "service"})
    place.give("a.example.com", "198.51.100.1", "2001:db8::1")
    assert given(place.ask("a.example.com")) and given(place.ask("a.example.com", "AAAA"))
    leases = sorted((lease["address"], *lease["ports"]) for lease in read(path)["leases"])
    assert leases == [(address, port) for address in ("198.51.100.1", "2001:db8::1") for port in ("tcp/443", "tcp/80")]
    assert os.listdir(folder) == ["open.json"]


def test_always_whole(gate, folder):
    """Whoever reads at any moment reads a whole file, and never less than before."""
    place = gate(None)
    path = f"{folder}/open.json"
    place.start({"kind": "file", "path": path, "set4": "", "set6": ""})
    until(lambda: os.path.exists(path), "the first file")
    stop, seen, wrong = threading.Event(), [0], []

    def watch():
        while not stop.is_set():
            try:
                seen.append(len(read(path)["leases"]))
            except ValueError as why:
                wrong.append(why)
    reader = threading.Thread(target=watch)
    reader.start()
    for number in range(200):
        place.give(f"a{number}.example.com", f"198.51.100.{number}")
        assert given(place.ask(f"a{number}.example.com")) == [f"198.51.100.{number}"]
        assert f"198.51.100.{number}" in held(path)
    stop.set()
    reader.join()
    assert not wrong and seen == sorted(seen)


def test_ended_and_closed_leave(gate, folder):
    place = gate(None)
    path = f"{folder}/open.json"
    place.start({"kind": "file", "path": path, "set4": "", "set6": "", "min-time": "0s", "grace": "0s"})
    place.give("short.example.com", "198.51.100.1", ttl=2)
    place.give("long.example.com", "198.51.100.2")
    assert given(place.ask("short.example.com")) and given(place.ask("long.example.com"))
    until(lambda: sorted(held(path)) == ["198.51.100.2"], "the short one's end")
    place.server.command("leases", "--close", "198.51.100.2")
    until(lambda: not held(path), "the close")


def test_not_written_is_not_given(gate, folder):
    place = gate(None)
    path = f"{folder}/open.json"
    place.start({"kind": "file", "path": path, "set4": "", "set6": ""})
    place.give("a.example.com", "198.51.100.1")
    place.give("b.example.com", "198.51.100.2")
    assert given(place.ask("a.example.com"))
    os.mkdir(f"{folder}/.open.json.new")
    assert rcode(place.ask("b.example.com")) == "SERVFAIL"
    assert sorted(held(path)) == ["198.51.100.1"]
    os.rmdir(f"{folder}/.open.json.new")
    until(lambda: given(place.ask("b.example.com")), "an answer")
    assert "198.51.100.2" in held(path)
