# SPDX-License-Identifier: GPL-3.0-or-later
"""The chains of tests/chains.tsv, as data and as records."""
import os
from dataclasses import dataclass

import upstream
import wire

TABLE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "chains.tsv")
TTL = 300
BLOCKER = "0.0.0.0"


@dataclass(frozen=True)
class Step:
    owner: str
    type: str
    ttl: int
    data: str

    def record(self):
        return wire.record(self.owner, self.type, self.ttl, self.data)


@dataclass(frozen=True)
class Chain:
    area: str
    query: str
    type: str
    steps: tuple
    soa: tuple
    unfinished: bool     # it stops at a CNAME
    rcode: int = wire.NOERROR
    whole: bool = True   # False: the source shows a part only, or what a blocking resolver (0.0.0.0) made of it

    @property
    def links(self):
        return [(step.owner, step.data) for step in self.steps if step.type == "CNAME"]

    @property
    def addresses(self):
        return [step for step in self.steps if step.type != "CNAME"]

    def records(self):
        return [step.record() for step in self.steps]

    def serve(self, question):
        """As an upstream would have given it."""
        return question.reply(self.records(), [step.record() for step in self.soa], rcode=self.rcode)

    def __str__(self):
        return f"{self.query}-{self.type}-{len(self.links)}"


def step(text):
    owner, rtype, ttl, data = text.split(" ", 3)
    return Step(owner, rtype, TTL if ttl == "-" else int(ttl), data)


def chain(area, query, rtype, text):
    parts = [part for part in text.split(" | ") if part != "CUT" and not part.startswith("= ")]
    steps = [step(part) for part in parts]
    rcode = wire.SERVFAIL if "= SERVFAIL" in text else wire.NXDOMAIN if "= NXDOMAIN" in text else wire.NOERROR
    return Chain(area, query, rtype, tuple(one for one in steps if one.type != "SOA"),
                 tuple(one for one in steps if one.type == "SOA"), "= CNAME-ONLY" in text, rcode,
                 "CUT" not in text and all(one.data != BLOCKER for one in steps))


def rows():
    """All of the table, of every area, failures and parts of answers too."""
    with open(TABLE, encoding="utf-8") as file:
        return [chain(*line.split("\t")[:4]) for line in file if not line.startswith("#")]


def read():
    """The answers for updating, and the names that updating does not need."""
    table = rows()
    found = [one for one in table if one.area != "none" and one.whole and one.rcode != wire.SERVFAIL]
    return found, sorted({one.query for one in table if one.area == "none"})


def as_zone(chains):
    """One root zone with as many of the chains as can stand side by side, and those chains."""
    owners, lines, fitting = {}, [], []
    for one in chains:
        claims = {}
        for part in one.steps:
            claims.setdefault((part.owner.lower(), part.type), []).append(part)
        if not one.steps or one.unfinished or any(clash(owners, owner, rtype, parts) for (owner, rtype), parts in claims.items()):
            continue
        fitting.append(one)
        if not one.addresses:
            lines.append(f"{one.links[-1][1]}. IN TXT exists")
        for (owner, rtype), parts in claims.items():
            if (owner, rtype) not in owners:
                owners[owner, rtype] = {part.data.lower() for part in parts}
                lines += [f"{part.owner}. {part.ttl} IN {rtype} {part.data}{'.' if rtype == 'CNAME' else ''}"
                          for part in parts]
    return "\n".join(lines) + "\n", fitting


def clash(owners, owner, rtype, parts):
    """A CNAME stands alone, and a set of records is one set."""
    for (known, known_type), data in owners.items():
        if known != owner:
            continue
        if known_type != rtype and "CNAME" in (known_type, rtype):
            return True
        if known_type == rtype and data != {part.data.lower() for part in parts}:
            return True
    return False


def serve(server, chains):
    """Lets a scripted upstream serve them, each for its question; all else has an address."""
    server.default = upstream.by_name
    for one in chains:
        server.on(one.query, one.type, one.serve)
