#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a table of facts (tests/sources) from an answer of Microsoft's endpoint service: names and ports, no notes.

m365_table.py FILE.json 'HEADER LINE'... > tests/sources/current/NAME.tsv
"""

import json
import sys


def area(endpoint_set):
    need = "required" if endpoint_set["required"] else "optional"
    return f"{endpoint_set['serviceArea']}, {endpoint_set['category']}, {need}"


def ports(endpoint_set):
    cells = []
    for key, name in (("tcpPorts", "TCP"), ("udpPorts", "UDP")):
        if endpoint_set.get(key):
            cells.append(f"{name}: {', '.join(endpoint_set[key].split(','))}")
    return "; ".join(cells)


def rows(sets):
    """Sets without names are address ranges alone: DNS has no part in them."""
    for endpoint_set in sets:
        for url in endpoint_set.get("urls", []):
            yield area(endpoint_set), url, ports(endpoint_set)


def main(words):
    if not words:
        print(__doc__, file=sys.stderr)
        return 2
    with open(words[0], encoding="utf-8-sig") as file:
        sets = json.load(file)
    for line in words[1:]:
        print(f"# {line}")
    print("area\tendpoint\tprotocol/port")
    for row in rows(sets):
        print("\t".join(row))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
