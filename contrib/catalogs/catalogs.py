#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes zones/*.ini from published tables (tests/sources), as `postern import` reads them, and reviewed decisions
(*.recipe, beside this file).

catalogs.py write [NAME...]   writes them
catalogs.py check [NAME...]   says which differ from what would be written

README.md beside this file says how a new edition of a document is taken in.
"""

import functools
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SOURCES = ROOT / "tests/sources"
ZONES = ROOT / "zones"
POSTERN = os.environ.get("POSTERN", ROOT / "build/postern")
UNSAID = ("tcp/80", "tcp/443")
QUALITY = ["A", "B", "C(A)", "C"]
PART_NAMES = {("tcp/80",): "http", ("tcp/443",): "https", ("tcp/80", "tcp/443"): "http-https"}


class Wrong(Exception):
    pass


class Row:
    """One row of a published table: what it prints, and what `postern import` reads in it."""

    def __init__(self, table, line, cells, number, read):
        self.table, self.line, self.area, self.number = table, line, cells[0], number
        self.endpoint = cells[1].strip()
        self.quality, self.document = cells[3:5] if len(cells) > 4 else ("", "")
        self.pattern, self.ports = read

    def __str__(self):
        return f"tests/sources/{self.table}.tsv:{self.line}: {self.endpoint!r} ({self.area})"


@functools.cache
def read_by_import(path):
    """What `postern import tsv` reads in a table: {(area, row): (pattern or None, ports)}."""
    if not pathlib.Path(POSTERN).exists():
        raise Wrong(f"{POSTERN}: not there: build it first (make), or name another in POSTERN")
    done = subprocess.run([POSTERN, "import", "tsv", path], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or not done.stdout:
        raise Wrong(f"{path}: postern import: {done.stderr}")
    found, keys = {}, {}
    for line in done.stdout.splitlines():
        text = line.removeprefix("# ")
        key, _, value = text.partition("= ")
        if key.strip() in ("purpose", "ports"):
            keys[key.strip()] = value
        entry = re.match(r"(?:allow +=)? +(\S+) +; rows? ([\d ]+)", line)
        for number in entry[2].split() if entry else []:
            found[keys["purpose"], int(number)] = entry[1], tuple(keys["ports"].split())
        rejected = re.match(r"row (\d+) not read: ", text)
        if rejected:
            found[keys["purpose"], int(rejected[1])] = None, tuple(keys["ports"].split())
    return found


def as_value(text):
    """Text as `postern import` writes it into a value."""
    return "".join(chr(byte) if 32 <= byte < 127 and byte != ord(";") else "_" for byte in text.encode())


def port_order(port):
    protocol, number = port.split("/")
    return protocol, int(number)


def read_table(name):
    rows, counts = [], {}
    path = SOURCES / f"{name}.tsv"
    read = read_by_import(path)
    for line, text in enumerate(path.read_text().splitlines(), 1):
        cells = text.split("\t")
        if text.startswith("#") or cells[1] == "endpoint":
            continue
        area = cells[0]
        counts[area] = counts.get(area, 0) + 1
        rows.append(Row(name, line, cells, counts[area], read[as_value(area), counts[area]]))
    return rows


class Table:
    def __init__(self, name, date, prefix):
        self.name, self.date, self.prefix = name, date, prefix
        self.rows = [row for row in read_table(name) if row.area.startswith(prefix)]

    def title(self, rows):
        """Its short name and the date of the newest document that these rows name (its own, where they name none)."""
        documents = {word for row in rows for word in row.document.split()}
        head = head_of(self.name)
        date = max(date_of(head[word]) for word in documents) if documents else self.date
        return f"{self.short()} ({date or 'undated'})"

    def short(self):
        return self.name.split("/")[-1]

    def short_area(self, area):
        return area[len(self.prefix):].lstrip(" /") or area


def head_of(name):
    """What a table's head says of where it is from: {"S1": line, ...}, or {"": lines} where rows name no document."""
    lines = [line.removeprefix("# ") for line in (SOURCES / f"{name}.tsv").read_text().splitlines() if line[:1] == "#"]
    documents = {line.split(" ")[0]: line for line in lines if re.match(r"S\d+ ", line)}
    return documents or {"": "; ".join(lines)}


def date_of(document):
    """The last date in what is said of a document, YYYY, YYYY-MM or YYYY-MM-DD; "" for none."""
    found = re.findall(r"\b(?:19|20)\d\d(?:-\d\d(?:-\d\d)?)?\b(?!\.)", document.rpartition("(")[2])
    return found[-1] if found else ""


class Decision:
    """An indented line of a recipe: an endpoint as printed, or '+' for what no table has."""

    def __init__(self, where, text):
        self.where, self.used = where, False
        text, _, self.why = text.partition(" # ")
        left, _, right = text.partition(" = ")
        endpoint, _, self.area = left.partition(" @ ")
        self.endpoint, self.area, self.why = endpoint.strip(), self.area.strip(), self.why.strip()
        self.added = self.endpoint.startswith("+ ")
        words = (self.endpoint[2:] if self.added else right).split()
        self.role = "chain" if words[:1] == ["chain"] else "allow"
        self.patterns = words[1:] if self.role == "chain" else words
        if (words or self.added) and not self.why:
            raise Wrong(f"{where}: a decision without a reason: expected ' # WHY' at its end")

    def takes(self, row):
        return self.endpoint == row.endpoint and self.area in ("", row.area)


class Group:
    def __init__(self, where, name):
        self.where, self.name = where, name
        self.keys, self.notes, self.areas, self.decisions = {}, [], {}, []


class Recipe:
    GROUP_KEYS = ("purpose", "ports", "types", "churn", "private", "accept")

    def __init__(self, path):
        self.path, self.name = path, path.stem
        self.keys, self.about, self.tables, self.groups = {}, [], [], []
        self.out = None
        group = None
        for number, text in enumerate(path.read_text().splitlines(), 1):
            group = self.line(f"{path}:{number}", text, group)
        for key in ("title", "source"):
            if key not in self.keys:
                raise Wrong(f"{path}: no '{key}'")

    def line(self, where, text, group):
        if not text.strip() or text.startswith("#"):
            return group
        word, _, rest = text.strip().partition(" ")
        rest = rest.strip()
        if text[0] in " \t":
            if group is None:
                raise Wrong(f"{where}: expected 'group NAME' or 'out' before it")
            group.decisions.append(Decision(where, text.strip()))
        elif word == "group":
            group = Group(where, rest)
            self.groups.append(group)
        elif word == "out":
            group = self.out = Group(where, None)
        elif word == "about":
            self.about.append(rest)
        elif word == "table":
            name, date, *prefix = rest.split(" ", 2)
            self.tables.append(Table(name, date, prefix[0] if prefix else ""))
        elif word in ("title", "source", "include") and group is None:
            self.keys[word] = rest
        elif group is None:
            raise Wrong(f"{where}: unknown word {word!r}")
        elif word == "note":
            group.notes.append(rest)
        elif word == "area":
            area, _, why = rest.partition(" # ")
            group.areas[area.strip()] = why.strip()
        elif word in self.GROUP_KEYS and word not in group.keys:
            group.keys[word] = rest
        else:
            raise Wrong(f"{where}: unknown or second {word!r}")
        return group


class Entry:
    def __init__(self, role, pattern):
        self.role, self.pattern = role, pattern
        self.rows, self.why, self.ports = [], [], set()


def place(recipe):
    """Which group and which decision every row goes to; raises, with all that is wrong, unless each has one place."""
    placed, wrong = [], []
    everything = recipe.groups + ([recipe.out] if recipe.out else [])
    for table in recipe.tables:
        for row in table.rows:
            exact = places(table, row, everything)
            if len(exact) != 1:
                wrong.append(f"{row}: {recipe.name}.recipe has {len(exact)} places for it, expected one")
                continue
            group, decision = exact[0]
            if decision:
                decision.used = True
            if group is not recipe.out and not row.pattern and not (decision and decision.patterns):
                wrong.append(f"{row}: is not a name: {recipe.name}.recipe must say '{row.endpoint} = PATTERN # WHY'")
            placed.append((table, row, group, decision))
    wrong += [f"{decision.where}: no row prints {decision.endpoint!r}" for group in everything
              for decision in group.decisions if not decision.used and not decision.added]
    if wrong:
        raise Wrong("\n".join(wrong))
    return placed


def places(table, row, groups):
    found = [(g, d) for g in groups for d in g.decisions if not d.added and d.takes(row)]
    exact = [(g, d) for g, d in found if d.area] or found
    return exact or [(g, None) for g in groups if {row.area, table.short_area(row.area)} & set(g.areas)]


def entries_of(recipe, group, placed):
    entries = {}
    for table, row, to, decision in placed:
        if to is not group:
            continue
        patterns = decision.patterns if decision and decision.patterns else [row.pattern]
        for pattern in patterns:
            entry = entries.setdefault(pattern, Entry(decision.role if decision else "allow", pattern))
            entry.rows.append((table, row))
            entry.ports |= set(group.keys["ports"].split() if "ports" in group.keys else row.ports)
            if decision and decision.why and decision.why not in entry.why:
                entry.why.append(decision.why)
    for decision in group.decisions:
        for pattern in decision.patterns if decision.added else []:
            entry = entries.setdefault(pattern, Entry(decision.role, pattern))
            entry.why.append(decision.why)
    return list(entries.values())


def parts_of(group, entries):
    """The entries by their ports: ports belong to a group, so one with several kinds of rows becomes several."""
    parts = {}
    for entry in entries:
        if entry.ports:
            parts.setdefault(tuple(sorted(entry.ports, key=port_order)), []).append(entry)
    ports_written = group.keys.get("ports")
    for entry in entries:
        if not entry.ports:
            first = next(iter(parts), tuple(ports_written.split()) if ports_written else UNSAID)
            parts.setdefault(first, []).append(entry)
    return parts


def part_name(ports):
    return PART_NAMES.get(ports) or "-".join(port.replace("/", "-") for port in ports)


def where_from(entry, several):
    """The inline comment of an entry: quality, and rows of the table by area."""
    words = []
    graded = [row for _, row in entry.rows if row.quality]
    if graded:
        best = min((row.quality for row in graded), key=QUALITY.index)
        words.append(best + (" only" if best == "C" else ""))
    if entry.rows:
        words.append(rows_text(entry.rows, several))
    return "; ".join(words) if words else "added"


def several_in(rows):
    """What a row has to be told by: its table (with its date, where two have one name), its area."""
    tables = {table.name for table, _ in rows}
    return {"tables": len(tables) > 1, "areas": len({row.area for _, row in rows}) > 1,
            "dates": len({table.short() for table, _ in rows}) < len(tables)}


def rows_text(rows, several):
    by_area = {}
    for table, row in rows:
        by_area.setdefault((table, row.area), []).append(row)
    texts = []
    for (table, area), members in by_area.items():
        words = [f"{table.short()} {table.date}" if several["dates"] else table.short()] if several["tables"] else []
        words += [table.short_area(area)] if several["areas"] else []
        words += [" ".join(dict.fromkeys(word for row in members for word in row.document.split()))]
        words += [f"row{'s' if len(members) > 1 else ''} {' '.join(str(row.number) for row in members)}"]
        texts.append(", ".join(word for word in words if word))
    return "; ".join(texts)


def source_of(entries):
    by_table = {}
    for entry in entries:
        for table, row in entry.rows:
            by_table.setdefault(table, []).append(row)
    texts = []
    for table, rows in by_table.items():
        areas = dict.fromkeys(table.short_area(row.area) for row in rows)
        texts.append(f"{table.title(rows)} {' / '.join(areas)}")
    return ", ".join(texts)


def plain(text):
    """Text that INI takes as a value or a comment of one line."""
    return re.sub(r"\s;", ",", text).encode("ascii", "replace").decode()


def put_comment(out, text, indent=""):
    line = "#" + indent
    for word in text.split():
        if len(line) + 1 + len(word) > 118 and line.strip("# "):
            out.append(line)
            line = "#" + indent
        line += " " + word
    out.append(line)


def put_entries(out, role, entries, several):
    width = max((len(entry.pattern) for entry in entries), default=0)
    key = f"{role:7} = "
    for entry in entries:
        out.append(f"{key}{entry.pattern:{width}} ; {plain(where_from(entry, several))}")
        key = " " * len(key)


def put_group(out, recipe, group, entries):
    parts = parts_of(group, entries)
    names = {ports: group.name if len(parts) == 1 else f"{group.name}-{part_name(ports)}" for ports in parts}
    for ports, members in parts.items():
        several = several_in([(table, row) for entry in members for table, row in entry.rows])
        purpose = group.keys.get("purpose")
        if not purpose:
            raise Wrong(f"{group.where}: group {group.name} has no 'purpose'")
        if len(parts) > 1:
            purpose += f" (over {part_name(ports).replace('-', ' and ') if ports in PART_NAMES else ' '.join(ports)})"
        out += ["", f"[{names[ports]}]"]
        if len(parts) > 1:
            put_comment(out, "Belongs together with " + " ".join(f"[{name}]" for name in names.values() if name != names[ports]))
        for note in group.notes:
            put_comment(out, note)
        out.append(f"purpose = {plain(purpose)}")
        out.append(f"source  = {plain(source_of(members) or recipe.keys['source'])}")
        out.append(f"ports   = {' '.join(ports)}")
        for key in ("types", "churn", "private"):
            if key in group.keys:
                out.append(f"{key:7} = {group.keys[key]}")
        if "accept" in group.keys:
            warnings, _, why = group.keys["accept"].partition(" # ")
            if not why:
                raise Wrong(f"{group.where}: accept without a reason: expected ' # WHY' at its end")
            put_comment(out, f"{warnings}: {why}")
            out.append(f"accept  = {warnings.strip()}")
        put_reasons(out, members)
        for role in ("allow", "chain"):
            put_entries(out, role, [entry for entry in members if entry.role == role], several)


def put_reasons(out, entries):
    reasons = {}
    for entry in entries:
        other = [row.endpoint for _, row in entry.rows if row.pattern != entry.pattern]
        for why in entry.why:
            reasons.setdefault((other[0] if other else None, why), []).append(entry.pattern)
    for (other, why), patterns in reasons.items():
        put_comment(out, " ".join(patterns) + ": " + (f'for "{other}", ' if other else "") + why)


def put_left_out(out, recipe, placed):
    left, areas = {}, {}
    for table, row, group, decision in placed:
        if group is recipe.out and decision:
            left.setdefault((row.endpoint, decision.why), []).append((table, row))
        elif group is recipe.out:
            areas.setdefault((table, row.area), []).append(row)
    if left or areas:
        out += ["", "# Left out:"]
    for (table, area), rows in areas.items():
        short = table.short_area(area)
        why = group_why(recipe.out, area, short)
        put_comment(out, f"{short}, all {len(rows)} rows that are in no group: {why}")
    several = several_in([(table, row) for table, row, *_ in placed]) | {"areas": True}
    for (endpoint, why), rows in left.items():
        put_comment(out, f"{endpoint} ({rows_text(rows, several)}): {why}")


def group_why(group, area, short):
    why = group.areas.get(area) or group.areas.get(short)
    if not why:
        raise Wrong(f"{group.where}: area {short} left out without a reason: expected ' # WHY' at its end")
    return why


def put_about(out, recipe, placed):
    texts = [" ".join(recipe.about)]
    if "pki" in recipe.keys.get("include", "").split() and "pki" not in texts[0]:
        texts.append(f"Who takes single groups, as {recipe.name}/GROUP, names pki beside them: what an included catalogue "
                     "allows comes only with the whole.")
    graded = any(row.quality for table in recipe.tables for row in table.rows)
    if graded:
        texts.append("Behind each entry: how good its source is (A the vendor's own list, B the vendor's source or shipped "
                     "files, C(A) somebody's copy of the vendor's list, C a community's list), the document, and the row.")
    tables = ", ".join(dict.fromkeys(f"tests/sources/{table.name}.tsv" for table in recipe.tables))
    texts.append(f"Rows are counted within their area, in {tables} of the project. What those were read from:")
    for text in texts:
        if text:
            out.append("#")
            put_comment(out, text)
    put_documents(out, recipe, placed)


def put_documents(out, recipe, placed):
    for name in dict.fromkeys(table.name for table in recipe.tables):
        cited = {word for table, row, group, _ in placed if table.name == name and group is not recipe.out
                 for word in row.document.split()}
        lines = [line for word, line in head_of(name).items() if not word or word in cited]
        if len(recipe.tables) > 1 and lines and cited:
            put_comment(out, name.split("/")[-1], "  ")
        for line in lines:
            put_comment(out, line, "  " if not cited or len(recipe.tables) == 1 else "    ")


def catalogue(recipe):
    placed = place(recipe)
    out = ["# SPDX-License-Identifier: GPL-3.0-or-later",
           f"# Made by contrib/catalogs from the published table and {recipe.name}.recipe: changes belong there."]
    put_about(out, recipe, placed)
    out += ["", "[catalog]"]
    for key in ("title", "source", "include"):
        if key in recipe.keys:
            out.append(f"{key:7} = {plain(recipe.keys[key])}")
    for group in recipe.groups:
        entries = entries_of(recipe, group, placed)
        if not entries:
            raise Wrong(f"{group.where}: group {group.name} is empty")
        put_group(out, recipe, group, entries)
    put_left_out(out, recipe, placed)
    return "\n".join(out) + "\n"


def main(words):
    if not words or words[0] not in ("write", "check"):
        print(__doc__, file=sys.stderr)
        return 2
    status = 0
    for path in sorted(HERE.glob("*.recipe")):
        if words[1:] and path.stem not in words[1:]:
            continue
        try:
            text = catalogue(Recipe(path))
        except Wrong as wrong:
            print(wrong, file=sys.stderr)
            status = 1
            continue
        zone = ZONES / f"{path.stem}.ini"
        if words[0] == "write":
            zone.write_text(text)
        elif not zone.exists() or zone.read_text() != text:
            print(f"{zone}: differs from what {path.name} makes", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
