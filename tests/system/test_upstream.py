# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstreams that fail: what clients get, and how soon."""
import random
import socket
import time

import pytest

import wire
from client import addresses, errors, links, rcode, timed
from procs import free_port, until
from upstream import CLOSE, CutOff, Late, by_name, nodata, silent

CATALOGUE = {"test": "[g]\nallow = *.example.com\nchain = *.cdn.example\n"}
TIMEOUT = 0.25
FAILED = [(wire.EDE_NO_REACHABLE, "")]
GOOD = "198.51.100.1"


@pytest.fixture
def make(postern):
    """A server with some upstreams, by address; each try has TIMEOUT."""
    def start(*servers, **more):
        upstream = {"address": " ".join(getattr(server, "at", server) for server in servers),
                    "timeout": f"{int(TIMEOUT * 1000)}ms", **more.pop("upstream", {})}
        return postern({"upstream": upstream, "profile default": {"catalog": "test"}, **more}, CATALOGUE)
    return start


def good(question):
    return question.reply([wire.record(question.spelt, "A", 300, GOOD)])


@pytest.fixture
def two(upstream):
    """A bad server and a good one. Which is asked first is for the program to say: it tries both."""
    bad, well = upstream(), upstream()
    well.default = good
    return bad, well


def fails(server, name="www.example.com", least=0.0, most=3 * TIMEOUT + 0.5):
    answer, took = timed(server.client.ask, name)
    assert rcode(answer) == "SERVFAIL" and errors(answer) == FAILED and not answer.answer, answer
    assert least <= took <= most, took
    return took


def garbage(question):
    return bytes(random.Random(question.ident).randbytes(200))


def garbage_behind_question(question):
    return question.reply()[:6] + b"\xff\xff" + question.reply()[8:] + random.Random(1).randbytes(100)


def other_question(question):
    section = wire.question("forged.example.com")
    return question.reply([wire.record("forged.example.com", "A", 60, "198.51.66.6")], section=section)


def other_type(question):
    return question.reply([wire.record(question.spelt, "A", 60, "198.51.66.6")],
                          section=wire.question(question.spelt, "AAAA"))


def no_question(question):
    return question.reply([wire.record(question.spelt, "A", 60, "198.51.66.6")], section=b"")


def other_case(question):
    """As one would who cannot see the question."""
    if question.tcp:
        return None
    section = wire.question(question.spelt.swapcase())
    return question.reply([wire.record(question.spelt, "A", 60, "198.51.66.6")], section=section)


def other_id(question):
    return question.reply([wire.record(question.spelt, "A", 60, "198.51.66.6")], ident=question.ident ^ 1)


def a_question_back(question):
    return question.message


def loop(question):
    return question.reply([wire.record(question.spelt, "CNAME", 60, "a.example.com"),
                           wire.record("a.example.com", "CNAME", 60, "b.example.com"),
                           wire.record("b.example.com", "CNAME", 60, question.spelt)])


def to_itself(question):
    return question.reply([wire.record(question.spelt, "CNAME", 60, question.spelt)])


def chain_of(count):
    def reply(question):
        names = [question.spelt] + [f"l{n}.cdn.example" for n in range(count)]
        records = [wire.record(owner, "CNAME", 60, target) for owner, target in zip(names, names[1:])]
        return question.reply(records + [wire.record(names[-1], "A", 60, GOOD)])
    return reply


def only_others(question):
    return question.reply([wire.record("other.example.com", "A", 60, "198.51.66.6")])


def two_cnames(question):
    return question.reply([wire.record(question.spelt, "CNAME", 60, "a.example.com"),
                           wire.record(question.spelt, "CNAME", 60, "b.example.com"),
                           wire.record("a.example.com", "A", 60, "198.51.66.6")])


def nxdomain_with_address(question):
    return question.reply([wire.record(question.spelt, "A", 60, "198.51.66.6")], rcode=wire.NXDOMAIN)


def rcode_of(code):
    return lambda question: question.reply(rcode=code)


def cut_off(over_tcp):
    """TC over UDP, and then this."""
    return lambda question: over_tcp(question) if question.tcp else question.reply(flags=wire.TC)


def half_reply(question):
    return CutOff(good(question))


# what one server does, and whether it is seen at once (or only when the try's time is over)
FAULTS = {
    "silent": (silent, False), "garbage": (garbage, False), "garbage-behind-question": (garbage_behind_question, True),
    "other-question": (other_question, False), "other-type": (other_type, False), "no-question": (no_question, False),
    "other-case": (other_case, False), "other-id": (other_id, False), "a-question": (a_question_back, False),
    "loop": (loop, True), "to-itself": (to_itself, True), "17-links": (chain_of(17), True),
    "40-links": (chain_of(40), True), "only-others": (only_others, True), "two-cnames": (two_cnames, True),
    "nxdomain-with-address": (nxdomain_with_address, True), "servfail": (rcode_of(wire.SERVFAIL), True),
    "refused": (rcode_of(wire.REFUSED), True), "formerr": (rcode_of(wire.FORMERR), True),
    "notimp": (rcode_of(wire.NOTIMP), True), "tc-then-closed": (cut_off(lambda question: CLOSE), True),
    "tc-then-half": (cut_off(half_reply), True), "tc-then-silent": (cut_off(silent), False),
    "tc-over-tcp-too": (cut_off(lambda question: question.reply(flags=wire.TC)), True),
    "tc-then-other-question": (cut_off(other_question), True),
    "late": (lambda question: Late(2 * TIMEOUT, good(question)), False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_the_only_server(make, upstream, fault):
    """Three tries, then SERVFAIL and EDE 22, within the time-outs; nothing of it in the cache."""
    behaviour, at_once = FAULTS[fault]
    up = upstream()
    up.default = behaviour
    server = make(up)
    if at_once:
        fails(server, most=TIMEOUT)
    else:
        fails(server, least=3 * TIMEOUT - 0.1)
    assert len({question.ident for question in up.asked("www.example.com")}) >= 2, "three tries"
    assert len([question for question in up.asked() if not question.tcp]) == 3
    up.default = good
    server.flush()
    assert addresses(server.client.ask("www.example.com")) == [GOOD]
    assert addresses(server.client.ask("forged.example.com")) == [GOOD]
    assert addresses(server.client.ask("other.example.com")) == [GOOD]


@pytest.mark.parametrize("fault", FAULTS)
def test_next_server_answers(make, two, fault):
    bad, well = two
    behaviour, at_once = FAULTS[fault]
    bad.default = behaviour
    server = make(*two)
    for number in range(8):
        answer, took = timed(server.client.ask, f"n{number}.example.com")
        assert addresses(answer) == [GOOD], f"{number}: {answer}"
        assert took < 2 * TIMEOUT + 0.3, took
    assert bad.asked() and well.asked()


def test_sixteen_links_are_well(make, upstream):
    up = upstream()
    up.default = chain_of(16)
    answer = make(up).client.ask("www.example.com")
    assert addresses(answer) == [GOOD] and len(links(answer)) == 16


def test_refused_port(make):
    """ICMP says it at once."""
    fails(make(f"127.0.0.1@{free_port()}"), most=TIMEOUT)


def test_refused_port_and_a_good_one(make, two):
    _, well = two
    server = make(f"127.0.0.1@{free_port()}", well)
    answer, took = timed(server.client.ask, "www.example.com")
    assert addresses(answer) == [GOOD] and took < TIMEOUT


def test_tc_without_tcp(make, upstream):
    """Nobody listens there for TCP."""
    up = upstream(tcp=False)
    up.default = cut_off(silent)
    fails(make(up), most=TIMEOUT)


def test_tc_and_tcp(make, upstream):
    """The whole answer comes, and one connection serves for many questions."""
    up = upstream()
    many = [f"198.51.100.{n}" for n in range(200)]
    up.default = lambda question: question.reply(flags=wire.TC) if not question.tcp else question.reply(
        [wire.record(question.spelt, "A", 60, address) for address in many])
    server = make(up)
    for number in range(20):
        assert len(addresses(server.client.ask(f"n{number}.example.com", tcp=True))) == 200
    over_tcp = [question for question in up.asked() if question.tcp]
    assert len(over_tcp) == 20 and len({question.peer for question in over_tcp}) == 1
    assert server.counters()["upstream-tcp"] == 20


def test_upstream_closes_kept_connections(make, upstream):
    """Now and then, while idle: the next question gets its answer all the same."""
    up = upstream()
    up.default = cut_off(lambda question: [good(question), CLOSE])
    server = make(up)
    for number in range(5):
        assert addresses(server.client.ask(f"n{number}.example.com")) == [GOOD]


def test_each_try_from_a_fresh_port(make, upstream):
    up = upstream()
    up.default = by_name
    server = make(up)
    for number in range(60):
        server.client.ask(f"n{number}.example.com")
    asked = up.asked()
    assert len({question.peer[1] for question in asked}) > 55
    assert len({question.ident for question in asked}) > 55
    assert len({question.spelt for question in asked if question.spelt != question.name}) > 40, "case is random"


def test_case_keep(make, upstream):
    up = upstream()
    up.default = by_name
    server = make(up, upstream={"case": "keep"})
    for number in range(30):
        server.client.ask(f"N{number}.Example.COM")
    assert all(question.spelt == question.name for question in up.asked())


def test_server_that_folds_case(make, upstream):
    """It answers with the question in lower case: TCP proves that it is the server, and clients notice nothing."""
    up = upstream()

    def folding(question):
        section = wire.question(question.name)
        return question.reply([wire.record(question.name, "A", 60, GOOD)], section=section)
    up.default = folding
    server = make(up)
    for number in range(5):
        answer, took = timed(server.client.ask, f"Name-{number}-Long-Enough.example.com")
        assert addresses(answer) == [GOOD] and took < TIMEOUT
        assert answer.question[0].name.to_text() == f"Name-{number}-Long-Enough.example.com."


def test_forged_from_another_port(make, upstream):
    """All is right but the socket that it comes from."""
    up = upstream()
    elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def forge(question):
        forged = question.reply([wire.record(question.spelt, "A", 60, "198.51.66.6")])
        for _ in range(20):
            elsewhere.sendto(forged, question.peer)
        return Late(0.05, good(question))
    up.default = forge
    server = make(up)
    for number in range(5):
        assert addresses(server.client.ask(f"n{number}.example.com")) == [GOOD]
    elsewhere.close()


def test_flood_of_wrong_ids(make, upstream):
    """Five hundred guesses before the answer."""
    up = upstream()

    def flood(question):
        forged = [question.reply([wire.record(question.spelt, "A", 60, "198.51.66.6")], ident=n)
                  for n in range(500) if n != question.ident]
        return forged + [Late(0.05, good(question))]
    up.default = flood
    assert addresses(make(up).client.ask("www.example.com")) == [GOOD]


def test_foreign_records_are_left_out(make, upstream):
    """In all sections: nothing of them reaches the client or the cache."""
    up = upstream()
    poison = [wire.record("www.example.com", "A", 3600, "198.51.66.6"),
              wire.record("poison.example.com", "A", 3600, "198.51.66.6")]
    up.on("first.example.com", "A", lambda question: question.reply(
        [*poison, wire.record(question.spelt, "A", 60, GOOD)],
        [wire.record("example.com", "NS", 3600, "poison.example.com")],
        extra=poison))
    up.default = nodata
    server = make(up)
    answer = server.client.ask("first.example.com")
    assert addresses(answer) == [GOOD] and not answer.authority and not answer.additional
    for name in ("www.example.com", "poison.example.com"):
        assert addresses(server.client.ask(name)) == []
    assert up.asked("poison.example.com", "A"), "it was asked for, not remembered"


def test_failure_is_remembered_for_a_while(make, upstream):
    """RFC 9520: 5 s; then it is asked again."""
    up = upstream()
    up.default = rcode_of(wire.SERVFAIL)
    server = make(up)
    fails(server)
    began, asked = time.monotonic(), len(up.asked())
    for _ in range(10):
        fails(server, most=0.1)
    assert len(up.asked()) == asked
    up.default = good
    until(lambda: addresses(server.client.ask("www.example.com")) == [GOOD], "the failure to be forgotten", 8)
    assert 4.5 < time.monotonic() - began < 6.5


def test_dead_server_is_stepped_over_and_found_again(make, two):
    """After its failure it costs nobody time; once it answers again it is used."""
    bad, well = two
    bad.default = silent
    server = make(*two)
    slow = 0
    for number in range(60):
        _, took = timed(server.client.ask, f"n{number}.example.com")
        slow += took > TIMEOUT / 2
    assert slow <= 1
    assert [one["up"] for one in server.json("status")["upstreams"]] == [False, True]
    turn = iter(range(10000))

    def said(text):
        """Questions go on meanwhile: it is with copies of theirs that the dead one is tried."""
        server.client.ask(f"m{next(turn)}.example.com")
        return text in server.output()
    until(lambda: said("does not answer, stepped over"), "the log to say that it is dead")
    bad.default = good
    until(lambda: said("answers again"), "the dead server to be found again")
    assert [one["up"] for one in server.json("status")["upstreams"]] == [True, True]
    well.default = silent
    server.client.ask("once.example.com")
    _, took = timed(server.client.ask, "last.example.com")
    assert took < TIMEOUT


def test_all_servers_dead(make, upstream):
    """Three tries in all, however many servers."""
    dead = [upstream() for _ in range(5)]
    for one in dead:
        one.default = silent
    fails(make(*dead), least=3 * TIMEOUT - 0.1)
    assert sum(len(one.asked()) for one in dead) == 3 and max(len(one.asked()) for one in dead) == 1


def test_stale_answers(make, upstream):
    """RFC 8767: in time for the client, with EDE 3 and 30 s; while upstream is silent at once."""
    up = upstream()
    up.on("www.example.com", "A", lambda question: question.reply([wire.record(question.spelt, "A", 1, GOOD)]))
    up.on("gone.example.com", "A", lambda question: question.reply(
        authority=[wire.record("example.com", "SOA", 1, "a. b. 1 2 3 4 1")], rcode=wire.NXDOMAIN))
    server = make(up, cache={"stale": "1h"})
    assert addresses(server.client.ask("www.example.com")) == [GOOD]
    assert rcode(server.client.ask("gone.example.com")) == "NXDOMAIN"
    up.behaviours.clear()
    up.default = silent

    def stale():
        answer, took = timed(server.client.ask, "www.example.com")
        return (answer, took) if errors(answer) else None
    answer, took = until(stale, "the answer to be stale")
    assert addresses(answer) == [GOOD] and errors(answer) == [(wire.EDE_STALE, "")] and answer.answer[0].ttl == 30
    assert took < 1.8 + 0.3
    again, took = timed(server.client.ask, "www.example.com")
    assert errors(again) == [(wire.EDE_STALE, "")] and took < 0.1
    gone = server.client.ask("gone.example.com")
    assert rcode(gone) == "NXDOMAIN" and errors(gone) == [(wire.EDE_STALE_NXDOMAIN, "")]
    fails(server, "new.example.com")
    up.default = good
    fresh = until(lambda: (a := server.client.ask("www.example.com")) and not errors(a) and a, "a fresh answer")
    assert fresh.answer[0].ttl > 290


def test_late_reply_is_not_taken_for_the_next_try(make, upstream):
    """It comes to a port that is closed."""
    up = upstream()
    replies = iter([lambda question: Late(TIMEOUT + 0.1, other_address(question))])

    def behave(question):
        late = next(replies, None)
        return late(question) if late else Late(0.15, good(question))
    up.default = behave
    assert addresses(make(up).client.ask("www.example.com")) == [GOOD]


def other_address(question):
    return question.reply([wire.record(question.spelt, "A", 60, "198.51.66.6")])


def test_fault_with_nsd(make, nsd):
    """A real server that has a loop, and one name that is well."""
    zone = nsd({"example.com": "$TTL 60\n@ IN SOA a. b. 1 2 3 4 60\n@ NS a.\na CNAME b\nb CNAME a\nwww A 198.51.100.1\n"})
    server = make(zone)
    fails(server, "a.example.com")
    assert addresses(server.client.ask("www.example.com")) == [GOOD]
    assert rcode(server.client.ask("nothing.example.com")) == "NXDOMAIN"


def test_forward_zone_with_nsd(postern, nsd, upstream):
    """The zone's own server, any type, private addresses where it is told so; all else goes the other way."""
    up = upstream()
    up.default = by_name
    corp = nsd({"corp.test": "$TTL 60\n@ IN SOA a. b. 1 2 3 4 60\n@ NS a.\nhost A 10.1.2.3\nhost TXT \"x\"\n"
                             "out CNAME www.example.com.\n_ldap._tcp SRV 0 0 389 host\n"})
    server = postern({"upstream": {"address": up.at}, "profile default": {"catalog": "test"},
                      "forward corp.test": {"address": corp.at, "private": "yes"}}, CATALOGUE)
    assert addresses(server.client.ask("host.corp.test")) == ["10.1.2.3"]
    assert server.client.ask("host.corp.test", "TXT").answer[0][0].to_text() == '"x"'
    assert server.client.ask("_ldap._tcp.corp.test", "SRV").answer
    assert rcode(server.client.ask("nobody.corp.test")) == "NXDOMAIN"
    assert addresses(server.client.ask("www.example.com"))
    assert [question.name for question in up.asked()] == ["www.example.com"]
