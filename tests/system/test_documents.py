# SPDX-License-Identifier: GPL-3.0-or-later
"""
The catalogues of the five documents, against their facts (tests/sources/documents): every row is answered, what only
looks like one is not, and ports are those of the protocol column. How a row is read is written here once more,
independently of the catalogues and of what makes them.
"""
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass

import pytest

import wire
from server import ROOT, ZONES
from upstream import by_name

FACTS = pathlib.Path(ROOT) / "tests/sources/documents"
GIVEN = pathlib.Path(os.environ.get("POSTERN_SOURCES") or pathlib.Path(ROOT).parent / "shared/sources")

# Catalogue: its document, and which areas of it.
CATALOGUES = {
    "windows-update-guide": ("windows-update-guide", ""),
    "windows-10-1709-enterprise": ("windows-10-1709-endpoints", "(?!Windows 10 )"),
    "windows-10-1709-home": ("windows-10-1709-endpoints", "Windows 10 Home$"),
    "windows-10-1709-pro": ("windows-10-1709-endpoints", "Windows 10 Pro$"),
    "windows-10-1709-education": ("windows-10-1709-endpoints", "Windows 10 Education$"),
    "windows-10-2004-home": ("windows-10-2004-non-enterprise", "Windows 10 Home$"),
    "windows-10-2004-pro": ("windows-10-2004-non-enterprise", "Windows 10 Pro$"),
    "windows-10-2004-education": ("windows-10-2004-non-enterprise", "Windows 10 Education$"),
    "windows-autopatch": ("windows-autopatch", ""),
    "managed-desktop": ("managed-desktop", ""),
}
ROWS = {"windows-update-guide": 42, "windows-10-1709-endpoints": 303, "windows-10-2004-non-enterprise": 143,
        "windows-autopatch": 4, "managed-desktop": 102}
FILES = {"windows-update-guide": "txt", "windows-autopatch": "txt"}

# What a dirty row means, where more than a path or a final dot has to go.
MEANT = {
    "*g.akamaiedge.net": ["*.g.akamaiedge.net"],
    "*wac.phicdn.net": ["*.wac.phicdn.net"],
    "*wac.edgecastcdn.net": ["*.wac.edgecastcdn.net"],
    "*msn-com.akamaized.net": ["img-s-msn-com.akamaized.net"],
    "cy2.*.md.mp.microsoft.com.*.": ["cy2.*.md.mp.microsoft.com.akadns.net"],
    "groupsapi-": ["groupsapi-prod.outlookgroups.ms"],
    "img-prod-cms-rt-microsoft-com": ["img-prod-cms-rt-microsoft-com.akamaized.net"],
    "img-prod-cms-rt-microsoft-com*": ["img-prod-cms-rt-microsoft-com.akamaized.net"],
    "msftconnecttest.com/*": ["msftconnecttest.com", "www.msftconnecttest.com"],
    "rod.outlookgroups.ms": ["groupsapi-prod.outlookgroups.ms"],
    "store-images.*microsoft.com": ["store-images.microsoft.com", "store-images.s-microsoft.com"],
    "<tenant>.onmicrosoft.com": ["*.onmicrosoft.com"],
}
# What such a row, taken as it stands or mended carelessly, would let in.
REFUSED = {
    "windows-update-guide": ["update.evilmicrosoft.com", "evilwindowsupdate.com", "microsoft.com.evil.net"],
    "windows-10-1709-enterprise": ["evilwac.phicdn.net", "wac.evil.net", "evilg.akamaiedge.net", "e1.x.akamaiedge.net",
                                   "cy2.x.md.mp.microsoft.com.evil.net", "cy2.x.y.md.mp.microsoft.com.akadns.net",
                                   "cy2.md.mp.microsoft.com.akadns.net", "www.windows.com", "cdn.onenote.com"],
    "windows-10-1709-home": ["evilg.akamaiedge.net", "a.dspb.akamaiedge.net", "msnbot.search.msn.com.evil.net"],
    "windows-10-1709-pro": ["a.akamai.net", "a.akamaiedge.net", "cs12.wpc.evil.net", "wpc.v0cdn.net",
                            "cs13.wpc.v0cdn.net", "msnbot-1-2.x.search.msn.com", "blob.core.windows.net"],
    "windows-10-1709-education": ["evil.msftconnecttest.com", "hwcdn.net", "cds.a.b.hwcdn.net", "evil.login.live.com"],
    "windows-10-2004-home": ["img-prod-cms-rt-microsoft-com", "img-prod-cms-rt-microsoft-com.evil.net"],
    "windows-10-2004-pro": ["img-prod-cms-rt-microsoft-com", "img-prod-cms-rt-microsoft-com.evil.net",
                            "img-prod-cms-rt-microsoft-comevil.net", "store-images.evilmicrosoft.com",
                            "store-images.x.microsoft.com", "evil-msn-com.akamaized.net", "msn-com.akamaized.net",
                            "evilmsn-com.akamaized.net"],
    "windows-10-2004-education": ["store-images.microsoft.com", "evilring.msedge.net.evil.net"],
    "windows-autopatch": ["mmd.microsoft.com", "payloadprod1.blob.core.evil.net",
                          "evilpayloadprod.blob.core.windows.net"],
    "managed-desktop": ["groupsapi-", "rod.outlookgroups.ms", "outlookgroups.ms", "groupsapi5-prod.outlookgroups.ms",
                        "onmicrosoft.com", "msftncsi.com", "o365weve.com", "evilmicrosoft.com", "microsoft.com"],
}


@dataclass(frozen=True)
class Fact:
    area: str
    endpoint: str
    patterns: tuple
    ports: frozenset


def ports_of(protocol):
    """The names of protocols and the numbers of a protocol cell; both 80 and 443 where it says nothing."""
    found = set()
    words = re.findall(r"https?|tls|\bport (\d+)(?: and (\d+))?", protocol.lower())
    for word in re.findall(r"https?|tls", protocol.lower()):
        found.add("tcp/80" if word == "http" else "tcp/443")
    for pair in words:
        found.update(f"tcp/{number}" for number in pair if number)
    assert found or not protocol, protocol
    return frozenset(found or {"tcp/80", "tcp/443"})


def meant(endpoint):
    return MEANT.get(endpoint) or [endpoint.lower().split("/")[0].rstrip(".")]


def table(document):
    lines = (FACTS / f"{document}.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    assert rows[0] == ["area", "endpoint", "protocol/port"]
    return rows[1:]


def facts(catalogue):
    document, areas = CATALOGUES[catalogue]
    return [Fact(area, endpoint, tuple(meant(endpoint)), ports_of(protocol))
            for area, endpoint, protocol in table(document) if re.match(areas, area)]


def expression(pattern):
    """A pattern of a catalogue as a regular expression."""
    if pattern.startswith("."):
        return re.compile(r"(?:.+\.)?" + re.escape(pattern[1:]))
    first, *rest = pattern.split(".")
    parts = [r"[^.]+(?:\.[^.]+)*" if first == "*" else ".*" + inside(first[1:]) if first[0] == "*" else inside(first)]
    parts += [r"[^.]+" if label == "*" else inside(label) for label in rest]
    return re.compile(r"\.".join(parts))


def inside(label):
    return re.escape(label).replace(r"\*", "[^.]*")


def samples(pattern):
    """Names that it stands for."""
    if pattern.startswith("."):
        return [pattern[1:], "a" + pattern, "a.b-1" + pattern]
    first, _, rest = pattern.partition(".")
    rest = ".".join("q7" if label == "*" else label.replace("*", "65-52") for label in rest.split("."))
    if first == "*":
        return [f"{left}.{rest}" for left in ("a", "a.b-1", "e1.x2.y3")]
    if first[0] == "*":
        return [f"{left}{first[1:]}.{rest}" for left in ("", "emd", "3.t.")]
    return [f"{first.replace('*', left)}.{rest}" for left in (["", "65-52"] if "*" in first else [""])]


def near_misses(pattern):
    """Names that only look like its own: most are nobody's, some another row's."""
    names = []
    for name in samples(pattern):
        labels = name.split(".")
        names += [f"x.{name}", f"x{name}", f"{name}.net", f"{name}x", ".".join(labels[1:]), ".".join(labels[:-1]),
                  ".".join(["x" + labels[-2] if i == len(labels) - 2 else label for i, label in enumerate(labels)])]
    bare = pattern.lstrip("*").lstrip(".")
    return [name for name in names + ["x" + bare, bare[1:]] if re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", name)]


def taken_in(catalogue):
    """What a catalogue includes besides chain entries, read from the file: [(pattern, ports)]."""
    includes = re.search(r"^include = (.*)$", zone(catalogue), re.M).group(1).split()
    found = []
    for name, _, only in (include.partition("/") for include in includes):
        groups = re.split(r"^\[(.*)\]$", zone(name), flags=re.M)[1:]
        for group, text in zip(groups[::2], groups[1::2]):
            if only and group != only:
                continue
            ports = re.search(r"^ports\s*= *(.*)$", text, re.M)
            found += [(pattern, frozenset(ports.group(1).split())) for pattern in allowed(text)]
    return found


def zone(name):
    return (pathlib.Path(ZONES) / f"{name}.ini").read_text(encoding="ascii")


def allowed(text):
    """The allow entries of one group's text."""
    found, key = [], None
    for line in text.splitlines():
        line = re.sub(r"(^|\s);.*", "", line)
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            key, _, line = (part.strip() for part in line.partition("="))
        if key == "allow":
            found += line.split()
    return found


class Expected:
    """What a catalogue should say of a name."""

    def __init__(self, catalogue):
        pairs = [(pattern, fact.ports) for fact in facts(catalogue) for pattern in fact.patterns]
        if catalogue == "windows-autopatch":
            pairs += [(endpoint, ports_of("")) for endpoint in later_generation()]
        self.own = dict.fromkeys(pattern for pattern, _ in pairs)
        self.all = [(expression(pattern), ports) for pattern, ports in pairs + taken_in(catalogue)]

    def ports(self, name):
        return set().union(*(ports for rule, ports in self.all if rule.fullmatch(name)))


def later_generation():
    """Autopatch's newer tables, which stand in the same catalogue."""
    for name in ("windows-autopatch", "windows-update-deployment-service", "windows-update-reports"):
        for line in (FACTS.parent / f"current/{name}.tsv").read_text(encoding="utf-8").splitlines():
            if not line.startswith(("#", "area\t")):
                yield line.split("\t")[1]


def ask(server, names):
    """name: (RCODE, number of answers), over UDP."""
    found = {}
    with server.client.open(socket.SOCK_DGRAM) as sock:
        sock.connect(server.client.where())
        for ident, name in enumerate(names, 1):
            query = wire.query(name, ident=ident & 0xffff)
            sock.send(query)
            reply = sock.recv(65535)
            assert reply[:2] == query[:2] and reply[12:len(query)] == query[12:], f"no answer to {name}"
            flags, _, count = struct.unpack("!3H", reply[2:8])
            found[name] = (flags & 15, count)
    return found


@pytest.fixture(params=CATALOGUES)
def catalogue(request):
    return request.param


@pytest.fixture
def serving(postern, upstream, catalogue):
    up = upstream()
    up.default = by_name
    return postern({"server": {"zones": ZONES}, "limits": {"udp-rate": 0}, "log": {"queries": "none"},
                    "profile default": {"catalog": catalogue}}, upstream=up)


def test_recipes_make_the_zones():
    """And every row of every table has its place in them."""
    done = subprocess.run([sys.executable, os.path.join(ROOT, "contrib/catalogs/catalogs.py"), "check"],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("document", ROWS)
def test_rows(document):
    """No row got lost; each is read by exactly one catalogue."""
    rows = table(document)
    assert len(rows) == ROWS[document]
    assert sum(len(facts(name)) for name in CATALOGUES if CATALOGUES[name][0] == document) == len(rows)


def test_every_row_is_answered(serving, catalogue):
    names = {name for pattern in Expected(catalogue).own for name in samples(pattern)}
    names |= {name.upper() for name in names}
    wrong = {name: got for name, got in ask(serving, sorted(names)).items() if got != (0, 1)}
    assert not wrong


def test_near_misses_are_refused(serving, catalogue):
    expected = Expected(catalogue)
    near = {name for pattern in expected.own for name in near_misses(pattern)}
    nobodys = {name for name in near if not expected.ports(name)}
    assert len(nobodys) > len(expected.own)
    assert not [name for name in REFUSED[catalogue] if expected.ports(name)]
    answers = ask(serving, sorted(nobodys) + REFUSED[catalogue])
    assert not {name: got for name, got in answers.items() if got != (wire.NXDOMAIN, 0)}
    # what another row takes is answered
    others = ask(serving, sorted(near - nobodys))
    assert not {name: got for name, got in others.items() if got != (0, 1)}


def test_ports(site, catalogue):
    """Those of all rows that take the name."""
    site.configure({"server": {"zones": ZONES}, "profile default": {"catalog": catalogue}})
    expected = Expected(catalogue)
    for pattern in expected.own:
        name = samples(pattern)[-1]
        found = site.json("explain", name)
        assert (found["verdict"], set(found["ports"])) == ("allowed", expected.ports(name)), found


def test_wide_patterns_stand_apart():
    """In groups that warn of them."""
    for name in CATALOGUES:
        for group in re.split(r"^(?=\[)", zone(name), flags=re.M):
            if re.search(r"^accept .*anybody", group, re.M) or "*.microsoft.com" in allowed(group):
                assert "# Warning: " in group, (name, group)


def given(document):
    path = GIVEN / f"{document}.{FILES.get(document, 'md')}"
    if not path.exists():
        pytest.skip(f"{path}: the published document is not on this machine (POSTERN_SOURCES names its folder)")
    return path


def imported(site, form, path):
    """{(area, ports, pattern)} and {(area, row, what was not read)}."""
    text = site.command("import", form, str(path), config=False).stdout
    read, rejected = set(), set()
    for group in re.split(r"^(?:# )?\[.*\]\n", text, flags=re.M)[2:]:
        area, ports = (re.search(rf"^(?:# )?{key} *= *(.*)$", group, re.M).group(1) for key in ("purpose", "ports"))
        read |= {(area, ports, pattern) for pattern in allowed(group)}
        rejected |= {(area, *found) for found in re.findall(r"^# row (\d+) not read: (\S+): ", group, re.M)}
    assert read, text
    return read, rejected


@pytest.mark.parametrize("document", ROWS)
def test_import_of_the_document(site, document):
    """The program reads in the document what stands in the table of its facts."""
    path = given(document)
    assert imported(site, "msdocs", path) == imported(site, "tsv", FACTS / f"{document}.tsv")


def words(text):
    """In lower case, with a blank between; a name is a word."""
    return " ".join(re.findall(r"[a-z0-9]+(?:[./'’*_-]+[a-z0-9]+)*", text.lower()))


def titles():
    """What the tables print of documents: their titles and headings."""
    for path in FACTS.parent.rglob("*.tsv"):
        lines = path.read_text(encoding="utf-8").splitlines()
        yield from (words(line) for line in lines[:1] + [line.split("\t")[0] for line in lines])


def sentences(document):
    """What a document says in six words or more, cell by cell; titles are no sentences."""
    text = given(document).read_text(encoding="utf-8")
    known = set(titles())
    text = re.sub(r"\]\([^)]*\)|<.*?>", "", text.replace("<br>", "\n"))
    for part in re.split(r"\n|\||(?<=[.:!?;])\s", text):
        said = words(part)
        if said.count(" ") >= 5 and said not in known:
            yield said


@pytest.mark.parametrize("document", ROWS)
def test_sentences_stay_out(document):
    said = set(sentences(document))
    assert len(said) > 5
    for folder in ("zones", "contrib", "tests"):
        for path in (pathlib.Path(ROOT) / folder).rglob("*"):
            if not path.is_file() or "__pycache__" in path.parts:
                continue
            ours = f" {words(path.read_text(encoding='latin-1'))} "
            assert not [text for text in said if f" {text} " in ours], path
