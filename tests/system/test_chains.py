# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job: the shipped catalogues with `chain = verify` on chains seen in the wild; first windows-update alone."""
import dataclasses
import glob
import os
import random

import pytest

import chains
import upstream
import wire
from authority import zone
from client import addresses, errors, links, rcode, refused
from server import ZONES

ALL, OTHERS = chains.read()
CHAINS = [one for one in ALL if one.area != "update-china"]
ROWS = chains.rows()
WHOLE = [one for one in ROWS if one.whole and one.rcode != wire.SERVFAIL]
EVERYTHING = sorted(os.path.basename(path)[:-4] for path in glob.glob(os.path.join(ZONES, "*.ini")))
SHIPPED = {"server": {"zones": ZONES}, "cache": {"block-ttl": "0s"}, "profile default": {"chain": "verify"}}
ALL_ON = {**SHIPPED, "profile default": {"chain": "verify", "catalog": " ".join(EVERYTHING)}}
BENT_SAMPLE = 1200


@pytest.fixture
def script(upstream):
    return upstream()


@pytest.fixture
def shipped(postern, script):
    return postern(SHIPPED, upstream=script)


def expected(one):
    return sorted(step.data.lower() for step in one.addresses if step.type == one.type)


def with_dots(one):
    return [(owner + ".", target + ".") for owner, target in one.links]


def in_any_case(pairs):
    return [(owner.lower(), target.lower()) for owner, target in pairs]


def test_table_is_whole():
    """So that a broken table does not make the other tests pass."""
    assert {one.area for one in CHAINS} == {"update", "pki", "activation", "defender", "connection-check"}
    assert len(CHAINS) > 70 and len(OTHERS) > 150
    assert len(ROWS) >= 311 and len(WHOLE) > 280 and len(EVERYTHING) > 10
    assert max(len(one.links) for one in WHOLE) >= 6
    assert any(step.ttl == 0 for one in WHOLE for step in one.steps[:-1])
    assert all(one.steps or one.soa for one in CHAINS)
    assert sum(len(one.links) for one in CHAINS) > 180


def test_every_chain_resolves(shipped, script):
    """Exactly in the case written, link by link."""
    for one in CHAINS:
        script.on(one.query, one.type, one.serve)
        answer = shipped.client.ask(one.query, one.type)
        assert rcode(answer) == "NOERROR", f"{one}: {answer}"
        assert answer.question[0].name.to_text() == one.query + "."
        # the first owner is the question, as it was asked: random case is for upstream only
        assert links(answer)[1:] == with_dots(one)[1:] and in_any_case(links(answer)) == in_any_case(with_dots(one))
        assert addresses(answer) == expected(one), one
        assert len(answer.answer) == 0 or answer.answer[0].name.to_text().lower() == one.query.lower() + "."
        shipped.flush()


def test_networks_of_china_are_opened_by_name(postern, script):
    """A chain that runs through China's networks alone is for the operator to allow."""
    for one in (one for one in ALL if one.area == "update-china"):
        script.on(one.query, one.type, one.serve)
        home = postern(SHIPPED, upstream=script)
        there = postern({**SHIPPED, "profile default": {"catalog": "windows-update cdn/china"}}, upstream=script)
        link = next(target.lower() for _, target in one.links if target.lower().endswith(".cn"))
        assert refused(home.client.ask(one.query, one.type), link)
        assert addresses(there.client.ask(one.query, one.type)) == expected(one)


def test_ttls_are_upstreams(shipped, script):
    for one in CHAINS:
        script.on(one.query, one.type, one.serve)
        answer = shipped.client.ask(one.query, one.type)
        given = {(rrset.name.to_text().lower(), rrset.rdtype): rrset.ttl for rrset in answer.answer}
        for step in one.steps:
            key = (step.owner.lower() + ".", wire.type_number(step.type))
            assert step.ttl - 1 <= given[key] <= step.ttl, one
        shipped.flush()


def test_shuffled_records_resolve(shipped, script):
    """The order of records in the packet means nothing."""
    dice = random.Random(2)
    for one in CHAINS:
        records = one.records()
        dice.shuffle(records)
        script.on(one.query, one.type, lambda question, records=records: question.reply(records))
        answer = shipped.client.ask(one.query, one.type)
        assert in_any_case(links(answer)) == in_any_case(with_dots(one)), f"{one}: {answer}"
        assert addresses(answer) == expected(one), f"{one}: {answer}"
        shipped.flush()


@pytest.mark.parametrize("through", ["nsd", "unbound"])
def test_through_real_servers(postern, nsd, unbound, through):
    """nsd has the records, and unbound may stand between: the chain comes in other pieces and cases."""
    text, fitting = chains.as_zone(CHAINS)
    assert len({one.query for one in fitting}) > 30
    real = nsd({".": zone(text)})
    if through == "unbound":
        real = unbound(real.at)
    server = postern(SHIPPED, upstream=real)
    # first, for some of these are led to, and then they may be asked for
    for name in OTHERS:
        assert refused(server.client.ask(name)), name
    for one in fitting:
        answer = server.client.ask(one.query, one.type)
        assert rcode(answer) == "NOERROR", f"{one}: {answer}"
        assert in_any_case(links(answer)) == in_any_case(with_dots(one))
        assert addresses(answer) == expected(one), one


def near_misses():
    """Names beside those of the catalogue."""
    names = ["notwindowsupdate.com", "windowsupdate.com.example.org", "xmicrosoft.com", "update.microsoft.com.cn",
             "windowsupdate.com.evil.net", "www.microsoft.com.evil.net", "a.www.microsoft.com", "microsoft.com",
             "download-microsoft.com", "go.microsoft.com.", "com", "."]
    for one in CHAINS:
        first, rest = one.query.split(".", 1)
        names += [f"{one.query}.example.org", f"{first}{rest.replace('.', '-', 1)}x.example"]
    return sorted({name for name in names if name != "go.microsoft.com."})


def test_all_else_is_refused(shipped, script):
    script.default = upstream_leaks = upstream.by_name
    names = OTHERS + near_misses() + [f"host{number}.example.com" for number in range(100)]
    assert len(names) > 300 and upstream_leaks
    for name in names:
        for rtype in ("A", "AAAA", "HTTPS", "TXT"):
            assert refused(shipped.client.ask(name, rtype)), f"{name} {rtype}"
    assert script.asked() == []


def test_chain_names_may_not_be_asked_for(shipped, script):
    """Only led to: before any answer led there."""
    script.default = upstream.by_name
    seen = {one.query.lower() for one in CHAINS}
    targets = {target.lower() for one in CHAINS for _, target in one.links} - seen
    denied = [name for name in targets if refused(shipped.client.ask(name))]
    # the others are `allow` names of the catalogue themselves
    allowed = targets - set(denied)
    assert len(denied) > 60
    assert all(shipped.json("explain", name)["reason"] == "listed" for name in allowed)


def test_led_to_names_may_be_asked_for(shipped, script):
    script.default = upstream.by_name
    one = next(one for one in CHAINS if one.query == "www.msftconnecttest.com")
    script.on(one.query, one.type, one.serve)
    for _, target in one.links:
        assert refused(shipped.client.ask(target))
    shipped.client.ask(one.query)
    for _, target in one.links:
        assert rcode(shipped.client.ask(target)) == "NOERROR"
    assert refused(shipped.client.ask("a1962.g2.akamai.net"))


def strangers(target):
    return [target + ".example.org", ("not" + target.replace(".", "-"))[:63].rstrip("-"), "cdn.example.net"]


def bend(one, at, stranger):
    """The chain with an unlisted name put in before link `at` reaches its target; and all still leads to the addresses."""
    bent = []
    for number, (owner, target) in enumerate(one.links):
        if number == at:
            bent += [wire.record(owner, "CNAME", 60, stranger), wire.record(stranger, "CNAME", 60, target)]
        else:
            bent.append(wire.record(owner, "CNAME", 60, target))
    return bent + [wire.record(step.owner, step.type, 60, step.data) for step in one.addresses]


def cut(one, at, stranger):
    """The chain ends at an unlisted name, which has addresses of its own."""
    kept = [wire.record(owner, "CNAME", 60, target) for owner, target in one.links[:at]]
    return kept + [wire.record(one.links[at][0], "CNAME", 60, stranger), wire.record(stranger, "A", 60, "198.51.1.1"),
                   wire.record(stranger, "AAAA", 60, "2600:1::1")]


def test_no_bent_chain_passes(shipped, script):
    """At each link, to three kinds of unlisted names, in shuffled order of the records."""
    dice, tried = random.Random(3), 0
    for one in CHAINS:
        for at, (_, target) in enumerate(one.links):
            for stranger in strangers(target):
                for build in (bend, cut):
                    records = build(one, at, stranger)
                    dice.shuffle(records)
                    script.on(one.query, one.type, lambda question, records=records: question.reply(records))
                    answer = shipped.client.ask(one.query, one.type)
                    assert refused(answer, stranger.lower()), f"{one} bent at {at} to {stranger}: {answer}"
                    tried += 1
    assert tried > 1000


def test_bent_chain_stays_out_of_the_cache(postern, script):
    """Neither its names nor its addresses: a good answer after it is a good answer, and nothing was learned."""
    server = postern({**SHIPPED, "cache": {"block-ttl": "1s"}}, upstream=script)
    script.default = upstream.nxdomain
    one = next(one for one in CHAINS if one.query == "www.msftconnecttest.com")
    script.on(one.query, "A", lambda question: question.reply(bend(one, 1, "cdn.example.net")))
    assert refused(server.client.ask(one.query), "cdn.example.net")
    assert refused(server.client.ask(one.query), "cdn.example.net")
    assert len(script.asked(one.query)) == 1
    assert refused(server.client.ask("cdn.example.net"))
    server.flush()
    script.on(one.query, "A", one.serve)
    assert addresses(server.client.ask(one.query)) == expected(one)


def test_foreign_addresses_are_left_out(shipped, script):
    """Only the owner at the end of the chain gives addresses."""
    for one in CHAINS:
        if one.type != "A" or not one.addresses:
            continue
        first = one.links[0][0] if one.links else None
        foreign = [wire.record("ads.example.net", "A", 60, "198.51.9.1"),
                   wire.record("ads.example.net", "CNAME", 60, "evil.example.net")]
        if first:
            foreign.append(wire.record(first, "AAAA", 60, "2600:9::1"))
        records = foreign + one.records()
        script.on(one.query, one.type, lambda question, records=records: question.reply(records))
        answer = shipped.client.ask(one.query)
        assert addresses(answer) == expected(one), f"{one}: {answer}"
        assert in_any_case(links(answer)) == in_any_case(with_dots(one))
        shipped.flush()


def test_trust_lets_bent_chains_pass(postern, script):
    """The other way of `chain`, which also shows that the bent chains above are otherwise sound."""
    server = postern({**SHIPPED, "profile default": {"chain": "trust"}}, upstream=script)
    for one in CHAINS:
        if one.links:
            script.on(one.query, one.type, lambda question, one=one: question.reply(bend(one, 0, "cdn.example.net")))
            answer = server.client.ask(one.query, one.type)
            assert addresses(answer) == expected(one) and "cdn.example.net." in dict(links(answer)), one
            server.flush()
    assert refused(server.client.ask("unlisted.example.net"))


@pytest.fixture
def all_on(postern, script):
    return postern(ALL_ON, upstream=script)


def listed(server, script, table):
    """Those whose question may be asked, on a server that has learned no names yet."""
    script.default = upstream.by_name
    may = [one for one in table if not refused(server.client.ask(one.query))]
    script.default = upstream.nodata
    server.flush()
    return may


def answers(server, script, one):
    """Afresh: the table has many answers to one question."""
    server.flush(one.query)
    script.on(one.query, one.type, one.serve)
    return server.client.ask(one.query, one.type)


def came_through(answer, one):
    """Link by link, address by address, with the code that upstream gave."""
    return (rcode(answer) == {wire.NOERROR: "NOERROR", wire.NXDOMAIN: "NXDOMAIN"}[one.rcode] and not errors(answer) and
            in_any_case(links(answer)) == in_any_case(with_dots(one)) and addresses(answer) == expected(one))


def with_other_numbers(one, dice):
    """Another day's leaves: other digits in what stands before a link's registrable domain."""
    renamed = {}
    for _, target in one.links:
        labels = target.split(".")
        for at, label in enumerate(labels[:-2]):
            labels[at] = "".join(dice.choice("123456789") if c.isdigit() else c for c in label)
        renamed[target.lower()] = ".".join(labels)
    steps = tuple(chains.Step(renamed.get(step.owner.lower(), step.owner), step.type, step.ttl,
                              renamed.get(step.data.lower(), step.data)) for step in one.steps)
    return dataclasses.replace(one, steps=steps)


def test_every_chain_with_all_catalogues(all_on, script):
    """All shipped catalogues at once: each row whose question is listed comes through."""
    table = listed(all_on, script, WHOLE)
    assert len(table) > 230
    failed = [str(one) for one in table if not came_through(answers(all_on, script, one), one)]
    assert failed == []


def test_other_leaves_with_all_catalogues(all_on, script):
    """So do the leaves of another day: a catalogue that knew these chains by heart would fail."""
    dice = random.Random(11)
    table = [with_other_numbers(one, dice) for one in listed(all_on, script, WHOLE) if one.links]
    failed = [one for one in table if not came_through(answers(all_on, script, one), one)]
    assert len(table) > 180 and len(failed) <= len(table) / 20, [one.links for one in failed]


def neighbours(target):
    """Names beside the operator's: of other domains that look like its own."""
    labels = target.split(".")
    return [".".join(labels[:-2] + ["x" + labels[-2], labels[-1]]), ".".join(labels[:-1] + ["example"])]


def test_no_bent_chain_with_all_catalogues(all_on, script):
    """A sample of all ways to bend them: at each link, to strangers near and far."""
    dice = random.Random(12)
    ways = [(one, at, stranger, build) for one in listed(all_on, script, WHOLE) for at, (_, target) in enumerate(one.links)
            for stranger in strangers(target) + neighbours(target) for build in (bend, cut)]
    assert len(ways) > BENT_SAMPLE
    for one, at, stranger, build in dice.sample(ways, BENT_SAMPLE):
        script.on(one.query, one.type, lambda question: question.reply(build(one, at, stranger)))
        answer = all_on.client.ask(one.query, one.type)
        assert refused(answer, stranger.lower()), f"{one} bent at {at} to {stranger}: {answer}"


def test_what_a_blocker_answered_is_taken_out(all_on, script):
    """0.0.0.0 counts as private: the guard leaves none of it."""
    blocked = [one for one in ROWS if any(step.data == chains.BLOCKER for step in one.addresses)]
    assert len(blocked) > 5
    for one in listed(all_on, script, blocked):
        answer = answers(all_on, script, one)
        assert rcode(answer) == "NOERROR" and addresses(answer) == [], one


def test_failures_are_no_answers(all_on, script):
    """SERVFAIL is what the client gets, not a refusal, however much of a chain stood before it."""
    failures = [one for one in ROWS if one.rcode == wire.SERVFAIL and one.whole]
    assert len(failures) > 5
    for one in failures:
        answer = answers(all_on, script, one)
        assert rcode(answer) == "SERVFAIL" and not answer.answer, one


def test_a_star_may_be_a_label(all_on, script):
    """Wildcards of careless zones come as they are written; the label is like any other."""
    name = "download.windowsupdate.com"
    for star, passes in (("e1.*.akamaiedge.net", True), ("*.edgesuite.net", True), ("*.akamaiedge.example", False)):
        script.on(name, "A", [wire.record(name, "CNAME", 60, star), wire.record(star, "A", 60, "23.1.2.3")])
        answer = all_on.client.ask(name)
        assert (addresses(answer) == ["23.1.2.3"]) == passes, star
        assert passes or refused(answer, star.replace("*", "\\042")), answer
        all_on.flush()


def test_private_address_of_the_connection_check(shipped, script):
    """Windows compares it; no other name of the catalogue may have it."""
    for name, given in (("dns.msftncsi.com", ["fd3e:4f5a:5b81::1"]), ("www.msftncsi.com", [])):
        script.on(name, "AAAA", [wire.record(name, "AAAA", 60, "fd3e:4f5a:5b81::1")])
        assert addresses(shipped.client.ask(name, "AAAA")) == given
