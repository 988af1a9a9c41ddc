# SPDX-License-Identifier: GPL-3.0-or-later
"""
A ruleset that is flushed, deleted and loaded all the time, under load. Whether an address is open is asked of the kernel
by a datagram in the moment the answer is there: with the sets of TABLE, it is EPERM where the address is not in the set.
"""
import os
import random
import signal
import threading
import time

import pytest

import wire
from firewall import FULL, SET4, given, table
from nftset import Library
from procs import memory, until

SECONDS = 30 if FULL else 3
PAUSE = 0.1
AWAY = 0.03
LATE = 0.005                # by which a warm answer may miss that its set was emptied
NAMES = 60


class Storm(threading.Thread):
    """Changes the ruleset; notes from when to when each step of it was under way."""

    def __init__(self, place, changes):
        super().__init__(daemon=True)
        self.changes = changes
        self.nft = Library(place.space)
        self.times, self.count, self.failure = [], 0, None
        self.ending = threading.Event()

    def run(self):
        dice = random.Random(4)
        try:
            while not self.ending.wait(PAUSE):
                for step in dice.choice(self.changes):
                    if step is None:
                        time.sleep(AWAY)
                        continue
                    self.times.append([time.monotonic(), None])
                    self.nft.load(step)
                    self.times[-1][1] = time.monotonic()
                self.count += 1
        except Exception as failure:
            self.failure = failure

    def quiet(self, since, until_now, margin):
        """Whether nothing was changed in this span, nor in the margin before it."""
        return all(end is not None and end < since - margin or began > until_now for began, end in self.times[-20:])

    def stop(self):
        self.ending.set()
        self.join(20)
        if self.failure:
            raise self.failure


# each a list of what is done in turn; None: nothing for a moment, with the sets away
CHANGES = {
    "flush set": [["flush set inet lockdown update4\n"]],
    "delete table and load": [["delete table inet lockdown\n" + table()], ["delete table inet lockdown\n", None, table()]],
    "flush ruleset and load": [["flush ruleset\n" + table()], ["flush ruleset\n", table()]],
}
CHANGES["any of them"] = sum(CHANGES.values(), [])


@pytest.mark.parametrize("change", CHANGES if FULL else ["any of them"])
def test_no_answer_outruns_the_firewall_while_it_changes(gate, change):
    place = gate()
    place.start()
    for number in range(NAMES):
        place.give(f"warm{number}.example.com", f"45.0.0.{number + 1}", ttl=300)
        # never from the cache: each is resolved and asked of the firewall
        place.give(f"cold{number}.example.com", f"45.0.1.{number + 1}", ttl=0)
    for number in range(NAMES):
        assert given(place.ask(f"warm{number}.example.com"))
    found = place.processes()
    agent, server = found.agent(), found.server()
    storm = Storm(place, CHANGES[change])
    wrong, answers, number, flat = [], {"warm": 0, "cold": 0}, 0, None
    began = time.monotonic()
    storm.start()
    try:
        while time.monotonic() < began + SECONDS:
            number = (number + 1) % NAMES
            for kind, margin in (("warm", LATE), ("cold", 0)):
                asked = time.monotonic()
                answer = place.ask(f"{kind}{number}.example.com")
                held = all(place.open(address) for address in given(answer))
                seen = time.monotonic()
                if given(answer):
                    answers[kind] += 1
                    if not held and storm.quiet(asked, seen, margin):
                        wrong.append((kind, number, asked))
            if flat is None and time.monotonic() > began + 1:
                flat = memory(agent), memory(server)
    finally:
        storm.stop()
    assert not wrong, (wrong, storm.times)
    assert storm.count > SECONDS * 4 and min(answers.values()) > 50 * SECONDS, (answers, storm.count)
    until(place.agree, lambda: f"set and lease table equal: {place.leases().keys()} {place.nft.keys(SET4)}")
    assert len(place.nft.keys(SET4)) >= NAMES
    now = memory(agent), memory(server)
    assert now[0] < flat[0] + (2 << 20) and now[1] < flat[1] + (2 << 20), (flat, now)
    assert found.agent() == agent


def test_ten_thousand_leases_are_back_at_once(gate):
    """Within 100 ms of the moment in which nft had flushed them; small: 1000, and time enough."""
    count, patience = (10000, 0.1) if FULL else (1000, 1)
    place = gate()
    place.start()
    # 100 addresses an answer, over TCP
    for start in range(0, count, 100):
        place.give(f"n{start}.example.com", *(f"45.{at >> 8}.{at & 255}.1" for at in range(start, start + 100)))
        assert len(given(place.ask(f"n{start}.example.com", tcp=True))) == 100
    keys = [f"45.{at >> 8}.{at & 255}.1" for at in range(count)]
    assert all(place.open(key) for key in keys)
    nft, dice = Library(place.space), random.Random(5)
    for change in ["flush set inet lockdown update4\n", "flush ruleset\n" + table()] * (5 if FULL else 1):
        nft.load(change)
        after = time.monotonic()
        # a sample is looked at until it is there: to look at all of them takes as long as to put them back
        for key in dice.sample(keys, 200):
            while not place.open(key):
                assert time.monotonic() < after + patience, f"{key}, {time.monotonic() - after:.3f} s after {change!r}"
                time.sleep(0.001)
        assert all(place.open(key) for key in keys)
    assert place.agree()


@pytest.mark.parametrize("refresh", ["update", "replace"])
def test_every_promise_is_kept(gate, refresh):
    """
    Names that share addresses, with TTLs that change with every resolution, 0 among them, from the cache or not: whoever
    was told an address may go there for as long as he was told, and grace beyond.
    """
    grace, seconds = 1, 30 if FULL else 4
    place = gate()
    place.start({"refresh": refresh, "min-time": "1s", "grace": f"{grace}s"})
    dice = random.Random(refresh)
    pool = [f"45.1.0.{last}" for last in range(1, 40)]

    def resolve(question):
        found = random.Random(question.name).sample(pool, 3)
        return question.reply([wire.record(question.spelt, "A", ttl, one)
                               for ttl in [dice.choice((0, 1, 1, 2, 4))] for one in found])
    place.up.default = resolve
    promises, broken, answers = dict.fromkeys(pool, 0), [], 0
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        asked = time.monotonic()
        answer = place.ask(f"n{dice.randrange(30)}.example.com", tcp=dice.random() < 0.2)
        assert len(given(answer)) == 3, answer
        answers += 1
        for address in given(answer):
            promises[address] = max(promises[address], asked + answer.answer[0].ttl + grace)
        for address in pool:
            until_now = time.monotonic()
            if not place.open(address) and until_now < promises[address]:
                broken.append((address, promises[address] - until_now))
    assert not broken and answers > 100 * seconds, (answers, broken)
    until(lambda: not any(place.open(address) for address in pool), "the end of all leases")
    assert place.leases() == {}


def test_events_lost_in_a_flood_are_made_up_for(gate):
    """More changes than the agent's socket holds, while it does not read: then it compares."""
    place = gate(table() + "table inet other { set many { type ipv4_addr; }\n}\n")
    place.start()
    place.give("a.example.com", "198.51.100.1", "198.51.100.2")
    place.give("b.example.com", "198.51.100.3")
    for name in ("a.example.com", "b.example.com"):
        assert given(place.ask(name))
    nft = Library(place.space)
    agent = place.processes().agent()
    flood = ", ".join(f"45.{at >> 8}.{at & 255}.{last}" for at in range(1000) for last in range(40))
    os.kill(agent, signal.SIGSTOP)
    try:
        for _ in range(10 if FULL else 4):
            nft.load(f"add element inet other many {{ {flood} }}\n")
            nft.load(f"delete element inet other many {{ {flood} }}\n")
        # the last event that it would hear of
        nft.load("delete element inet lockdown update4 { 198.51.100.1 }\n"
                 "delete element inet lockdown update4 { 198.51.100.3 }\n")
    finally:
        os.kill(agent, signal.SIGCONT)
    until(lambda: place.open("198.51.100.1") and place.open("198.51.100.3"), "what was taken out", 5)
    assert place.agree() and place.processes().agent() == agent
    assert "lost" in place.server.output(), "the flood was too small to mean something"
