# SPDX-License-Identifier: GPL-3.0-or-later
"""
`import tsv`, `import msdocs` and `import list`: every row of every table is read or reported, and means what a reader
written apart says; the same rows come out of pages made of them, in each of the forms in which pages print them.
"""
import pathlib
import random
import re
import resource

import pytest

from server import BINARY, ROOT

TABLES = sorted(path for path in pathlib.Path(ROOT, "tests/sources").rglob("*.tsv") if path.stem != "cname-chains")
MARKUP = re.compile(r"<span.*</span>|`|\[(?=[^]]*\]\()|\]\([^)]*\)|\\(?=[*/])")
NUMBERED = re.compile(r"(?<![\dv.])(\d{2,5})(?:-(\d{2,5}))?(?![\d.])")
BOTH = ("tcp/80", "tcp/443")


def rows_of(path):
    """(area, number within it, endpoint, protocol) of a table."""
    counts = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = line.split("\t")
        if line.startswith("#") or cells[1] == "endpoint":
            continue
        counts[cells[0]] = counts.get(cells[0], 0) + 1
        yield cells[0], counts[cells[0]], cells[1].strip(), cells[2] if len(cells) > 2 else ""


def name_in(endpoint):
    """The pattern in an endpoint as printed, or None."""
    text = MARKUP.sub("", endpoint).lower()
    text = re.sub(r"[/?].*", "", re.sub(r"^https?://", "", text))
    text = re.sub(r":\d+$", "", text).rstrip(".")
    good = re.fullmatch(r"(?:[a-z0-9_*-]+\.|\.(?=[a-z]))(?:[a-z0-9_*-]+\.)*[a-z]{2,}", text)
    return text if good and not text.endswith(".msedge") else None


def ports_in(protocol):
    found = set()
    for clause in protocol.split(";"):
        kinds = {kind for kind in ("tcp", "udp") if re.search(rf"\b{kind}\b", clause, re.I)} or {"tcp"}
        for first, last in NUMBERED.findall(clause):
            found |= {f"{kind}/{number}" for number in range(int(first), int(last or first) + 1) for kind in kinds}
    if not found:
        found |= {"tcp/80"} if re.search(r"\bhttp\b", protocol, re.I) else set()
        found |= {"tcp/443"} if re.search(r"https|tls", protocol, re.I) else set()
        found |= {"udp/123"} if re.search(r"ntp", protocol, re.I) else set()
    return found or set(BOTH)


def catalogue(text):
    """{(area, row): (pattern or None, ports)} of what import wrote."""
    found, keys = {}, {}
    for line in text.splitlines():
        plain = line.removeprefix("# ")
        key = re.match(r"(purpose|ports) += (.*)", plain)
        if key:
            keys[key[1]] = key[2]
        entry = re.match(r"(?:allow   =| {9}) (\S+) +; rows? ([\d ]+)(?:, |$)", line)
        for number in entry[2].split() if entry else []:
            assert (keys["purpose"], int(number)) not in found, line
            found[keys["purpose"], int(number)] = entry[1], set(keys["ports"].split())
        rejected = re.match(r"# row (\d+) not read: \S+: .", line)
        if rejected:
            found[keys["purpose"], int(rejected[1])] = None, set(keys["ports"].split())
    return found


def imported(site, form, path):
    done = site.command("import", form, str(path), config=False)
    found = catalogue(done.stdout)
    bad = [key for key, (pattern, _) in found.items() if pattern is None]
    assert done.returncode == (1 if bad else 0) and len(done.stderr.splitlines()) == len(bad), done.stderr
    site.write("zones/imported.ini", done.stdout)
    site.change({"profile default": {"catalog": "imported"}})
    assert " error: " not in site.command("check").stdout
    return found


def as_value(text):
    return "".join(chr(byte) if 32 <= byte < 127 and byte != ord(";") else "_" for byte in text.encode())


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_row_of_a_table(site, path):
    found = imported(site, "tsv", path)
    rows = list(rows_of(path))
    assert len(found) == len(rows) > 0
    for area, number, endpoint, protocol in rows:
        pattern, ports = found[as_value(area), number]
        assert pattern == name_in(endpoint), endpoint
        if pattern and not re.match("https?:", endpoint):
            assert ports == ports_in(protocol), (endpoint, protocol)


def full(rows):
    """A table with bars at both ends."""
    return ["| **Source** | **Destination** | **Protocol** |", "| --- | --- | --- |",
            *(f"| svchost | {endpoint} | {protocol} |" for endpoint, protocol in rows)]


def bare(rows):
    """One with bars between the cells only, and one behind the headings."""
    return ["Destination | Protocol | Description |", "---|---|---|",
            *(f"{endpoint} | {protocol} | Used by something. |" for endpoint, protocol in rows)]


def broken(rows):
    """One whose rows go on in the next line, wherever the protocol has a slash."""
    return ["|Destination|Protocol|Description|", "|:-|:-|-|",
            *(f"|{endpoint.replace('*', chr(92) + '*')}|{protocol.replace('/', '/' + chr(10))}| Text. |"
              for endpoint, protocol in rows)]


def listed(rows):
    """Bullets, the ports behind the names."""
    return [f"- `{endpoint}`" + (f" ({protocol})" if protocol.strip("-") else "") for endpoint, protocol in rows]


def saved(rows):
    """A page saved as text: dots, and tabs."""
    return [f"  \u2022 {endpoint}" + (f" ({protocol})" if protocol.strip("-") else "") for endpoint, protocol in rows]


def tabbed(rows):
    return ["Endpoint\tProtocol", *(f"{endpoint}\t{protocol}" for endpoint, protocol in rows)]


def one_cell(rows):
    """A cell for each run of rows with the same protocol."""
    lines = ["Service purpose | Port(s) | URLs required on allow list", "--- | --- | ---"]
    last = None
    for endpoint, protocol in rows:
        if protocol == last:
            lines[-1] += f"<br>{endpoint} "
        else:
            lines.append(f"Text | {protocol} | {endpoint}")
        last = protocol
    return [*lines, ""]


def page(areas, form, heading):
    lines = ["Some words about it, with www.example.com in the midst.", ""]
    for area, rows in areas.items():
        lines += [heading + area, "These are the names that it needs:", "", *form(rows), ""]
    return "\n".join(lines)


def good_rows(path):
    """By area, rows that every form can print: a list's item must be a name beyond doubt."""
    areas = {}
    for area, _, endpoint, protocol in rows_of(path):
        name = as_value(area)
        if name_in(endpoint) and MARKUP.sub("", endpoint) == endpoint and not re.search("[;]|URL|DNS", protocol + area):
            areas.setdefault(name, []).append((endpoint, protocol))
    return areas


def expected(areas):
    return {(area, number): (name_in(endpoint), ports_in(protocol))
            for area, rows in areas.items() for number, (endpoint, protocol) in enumerate(rows, 1)
            if not re.match("https?:", endpoint)}


@pytest.mark.parametrize("form, heading", [(full, "## "), (bare, "## "), (broken, "# "), (listed, "### "), (saved, "# "),
                                           (tabbed, "# "), (one_cell, "## ")],
                         ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("stem", ["windows-10-1709-endpoints", "windows-11-non-enterprise", "intune", "apple",
                                  "delivery-optimization-endpoints"])
def test_pages_made_of_tables(site, stem, form, heading):
    areas = good_rows(next(path for path in TABLES if path.stem == stem))
    found = imported(site, "msdocs", site.write("page.md", page(areas, form, heading)))
    assert len(found) == sum(map(len, areas.values())) > 40
    for key, row in expected(areas).items():
        assert found[key] == row, key


def test_page_by_edition_and_area(site):
    """Windows 11's: a column of areas, blank where it goes on, and a table for each edition."""
    path = next(path for path in TABLES if path.stem == "windows-11-non-enterprise")
    lines, last = ["---", "title: x", "---", "# Endpoints"], (None, None)
    for area, _, endpoint, protocol in rows_of(path):
        edition, part = area.split(" / ", 1)
        if edition != last[0]:
            lines += ["", f"## {edition}", "", "|Area|Description|Protocol|Destination|", "|---|---|---|---|"]
        if (edition, part) != last:
            lines.append(f"|{part}|||[Learn how to turn off traffic.](other.md#{len(part)})|")
        lines.append(f"||The following is used.<br/>If you turn it off, it is off.|{protocol}|{endpoint}|")
        last = edition, part
    found = imported(site, "msdocs", site.write("page.md", "\n".join(lines)))
    assert found == imported(site, "tsv", path)


def random_list(lines):
    dice = random.Random(7)
    return "".join(f"{dice.choice(['', '*.', '.'])}{dice.getrandbits(60):x}.example{dice.randrange(500)}.com\n"
                   for _ in range(lines))


def test_list_of_100000_lines(site):
    """In 0.2 s of the processor's time, which other work on the machine does not change."""
    path = site.write("names.txt", random_list(100000))
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        lines = site.command("import", "list", path, config=False).stdout.splitlines()[7:]
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    names = [line.removeprefix("allow   = ").strip() for line in lines]
    assert len(names) == 100000 and names == sorted(names)
    if not re.search("address|thread|undefined", BINARY):
        assert min(spent) < 0.2
