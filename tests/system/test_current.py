# SPDX-License-Identifier: GPL-3.0-or-later
"""
The catalogues made from published tables: that each holds what its tables print and its recipe decides, and nothing
else. The recipes are read with the program that writes the catalogues; what they must come to is worked out anew here.
"""
import functools
import importlib.util
import json
import os
import pathlib
import re
from collections import Counter

import pytest

from server import ROOT, ZONES

TREE = pathlib.Path(ROOT)
PUBLISHED = pathlib.Path(os.environ.get("POSTERN_SOURCES", TREE.parent / "shared" / "sources"))
WEB = frozenset({"tcp/80", "tcp/443"})
LABEL = re.compile(r"[a-z0-9_*-]{1,63}")
DATE = re.compile(r"\b20\d\d-[01]\d-[0-3]\d\b")


def load(name):
    spec = importlib.util.spec_from_file_location(name, TREE / "contrib" / "catalogs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


catalogs = load("catalogs")
NAMES = sorted(path.stem for path in catalogs.HERE.glob("*.recipe"))
FACTS = sorted(path.relative_to(catalogs.SOURCES) for path in catalogs.SOURCES.glob("*/*.tsv")
               if path.parent.name != "documents")


@functools.cache
def recipe_of(name):
    return catalogs.Recipe(catalogs.HERE / f"{name}.recipe")


@functools.cache
def lines_of(table):
    return [line.split("\t") for line in (catalogs.SOURCES / f"{table}.tsv").read_text().splitlines()]


def printed(row):
    """A row's endpoint and protocol, from the table itself."""
    return lines_of(row.table)[row.line - 1][1:3]


def name_in(text):
    """The name or pattern in an endpoint as printed, None where it takes a decision to see one."""
    host = text.strip().lower().partition("://")[2] or text.strip().lower()
    for end in "/?":
        host = host.partition(end)[0]
    host, _, port = host.partition(":")
    labels = host.rstrip(".").split(".")
    named = all(LABEL.fullmatch(label) for label in labels[0 if labels[0] else 1:])
    top = labels[-1]
    if (port and not port.isdigit()) or len(labels) < 2 or not named or "*" in top or not re.search("[a-z]", top):
        return None
    return ".".join(labels)


def ports_in(protocol):
    """The ports in a protocol column, None where it takes a decision to see them."""
    text = re.sub(r"v?\d\.\d", "", protocol.lower())
    if re.search(r"\bntp\b|\bxmpp\b|tcp/udp|\d-\d", text):
        return None
    found = set()
    for part in text.split(";"):
        transport = "udp" if "udp" in part else "tcp"
        found |= {f"{transport}/{number}" for number in re.findall(r"\d+", part)}
    if not found:
        words = set(re.findall("[a-z]+", text))
        found |= {"tcp/80"} if "http" in words else set()
        found |= {"tcp/443"} if words & {"https", "tls", "tlsv"} else set()
    return frozenset(found) or WEB


def ports_of(group, row, role):
    if "ports" in group.keys:
        return frozenset(group.keys["ports"].split())
    protocol = printed(row)[1]
    ports = ports_in(protocol)
    assert ports or role == "chain", f"{row}: {protocol!r} says no port: group {group.name} must"
    return ports or WEB


def wanted_rows(recipe):
    """What the rows come to, group by group: {(group, role, pattern): ports}."""
    wanted = {}
    for _, row, group, decision in catalogs.place(recipe):
        if group is recipe.out:
            continue
        role = decision.role if decision else "allow"
        decided = decision.patterns if decision else []
        read = [name_in(printed(row)[0])]
        assert decided or read != [None], f"{row}: nothing decides what it means"
        for pattern in decided or read:
            key = group.name, role, pattern.lower()
            wanted[key] = wanted.get(key, frozenset()) | ports_of(group, row, role)
    return wanted


def added_to(recipe):
    return {(group.name, line.role, pattern.lower()) for group in recipe.groups for line in group.decisions
            if line.added for pattern in line.patterns}


def recipe_group(recipe, name, ports):
    """The recipe's group of a group in the catalogue: one with several kinds of ports is in several parts there."""
    names = {group.name for group in recipe.groups}
    part = {WEB: "http-https", frozenset({"tcp/80"}): "http", frozenset({"tcp/443"}): "https"}.get(
        ports, "-".join(port.replace("/", "-") for port in sorted(ports, key=catalogs.port_order)))
    short = name.removesuffix(f"-{part}")
    return name if name in names else short


def shown_by(site, recipe):
    """What `postern catalog` shows, in the form of wanted_rows()."""
    shown = Counter()
    for group in site.json("catalog", recipe.name)["groups"]:
        ports = frozenset(group["ports"])
        for entry in group["entries"]:
            shown[recipe_group(recipe, group["group"], ports), entry["role"], entry["pattern"], ports] += 1
    return shown


@pytest.fixture
def shipped(site):
    site.configure({"server": {"zones": ZONES}})
    return site


def test_there_are_recipes():
    assert len(NAMES) > 20 and len(FACTS) > 20


def test_catalogues_are_what_recipes_make(capsys):
    assert catalogs.main(["check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", NAMES)
def test_entries(shipped, name):
    """Every row is in its catalogue as printed or as decided, with its ports, and nothing is there besides."""
    recipe = recipe_of(name)
    wanted, added = wanted_rows(recipe), added_to(recipe)
    shown = shown_by(shipped, recipe)
    assert not [entry for entry, times in shown.items() if times > 1]
    by_row = {entry for entry in shown if entry[:3] in wanted}
    assert by_row == {(*key, ports) for key, ports in wanted.items()}
    assert {entry[:3] for entry in set(shown) - by_row} == added - wanted.keys()


@pytest.mark.parametrize("name", NAMES)
def test_rows_without_a_decision(name):
    """What the catalogue program reads in a row that nobody decided is what stands there."""
    recipe = recipe_of(name)
    for _, row, group, decision in catalogs.place(recipe):
        if group is not recipe.out and not (decision and decision.patterns):
            assert row.pattern == name_in(printed(row)[0]), row


def test_editions_of_windows_agree():
    """One and the same dirt means the same in the list of every edition."""
    meanings = {}
    for name in NAMES:
        if name.startswith("windows-1"):
            for _, row, _, decision in catalogs.place(recipe_of(name)):
                meaning = tuple(decision.patterns if decision and decision.patterns else [row.pattern])
                meanings.setdefault(row.endpoint, {})[name] = meaning
    assert not {endpoint: by for endpoint, by in meanings.items() if len(set(by.values())) > 1}


@pytest.mark.parametrize("name", [name for name in NAMES if any(
    table.name.startswith("current/") for table in recipe_of(name).tables)])
def test_age_is_seen(shipped, name):
    source = shipped.json("catalog", name)["source"]
    assert DATE.search(source), source


def test_check_strict(shipped):
    done = shipped.command("check", "--strict", *NAMES)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", FACTS, ids=str)
def test_facts_are_as_published(path):
    """Area, endpoint and protocol of every row, in order. The tables as they were taken down have notes besides."""
    if not PUBLISHED.is_dir():
        pytest.skip(f"the published tables are not at {PUBLISHED}; POSTERN_SOURCES says where else")
    facts = rows_in(catalogs.SOURCES / path)
    original = PUBLISHED / path.with_suffix(".json")
    published = answer_in(original) if original.exists() else rows_in(PUBLISHED / path)
    assert facts and facts == published


def answer_in(path):
    """The rows of an answer of Microsoft's endpoint service."""
    return [list(row) for row in load("m365_table").rows(json.loads(path.read_text("utf-8-sig")))]


def rows_in(path):
    rows = [line.split("\t")[:3] for line in path.read_text().splitlines() if not line.startswith("#")]
    return [row for row in rows if row[1:2] != ["endpoint"]]
