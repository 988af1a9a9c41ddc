#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the tree against its own rules: layers, owners of libraries, sizes, licence lines."""

import pathlib
import re
import subprocess
import sys

LAYERS = ["base", "dns", "conf", "policy", "state", "io", "export", "obs", "core", "cmd"]
SIBLINGS = {("export", "obs"), ("obs", "export")}

# Header of a library -> where alone it may be included (files or a folder under src/).
OWNERS = {
    "ldns/": "dns/record.c dns/zonefile.c",
    "ini.h": "conf/ini.c",
    "uv.h": "io/",
    "jansson.h": "base/jin.c base/jout.c",
    "libpsl.h": "policy/suffix.c policy/suffix_list.c",
    "sys/capability.h": "core/sandbox.c",
    "seccomp.h": "core/sandbox_agent.c",
    "libmnl/": "export/",
    "libnftnl/": "export/",
    "libnetfilter_conntrack/": "export/",
    "openssl/": "io/tls.c",
}

MAX_FILE = 450
MAX_FUNCTION = 60
SPDX = "SPDX-License-Identifier: GPL-3.0-or-later"
INCLUDE = re.compile(r'^#include\s+(["<])([^">]+)[">]')


def layer_problem(path, included):
    own, other = path.split("/")[0], included.split("/")[0]
    if other not in LAYERS:
        return f"includes {included}, which is not rooted at src"
    if (own, other) in SIBLINGS:
        return f"{own} and {other} do not see each other, but it includes {included}"
    if LAYERS.index(other) > LAYERS.index(own):
        return f"{own} is below {other}, but it includes {included}"
    return None


def owner_problem(path, included):
    for header, owner in OWNERS.items():
        allowed = path in owner.split() or (owner.endswith("/") and path.startswith(owner))
        if included.startswith(header) and not allowed:
            return f"includes {included}, which belongs to {owner}"
    return None


def long_functions(lines):
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            if number - start - 1 > MAX_FUNCTION:
                yield start, number - start - 1
            start = None


def check_source(root, file):
    path = file.relative_to(root / "src").as_posix()
    lines = file.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        check = layer_problem if found.group(1) == '"' else owner_problem
        problem = check(path, found.group(2))
        if problem:
            yield f"src/{path}:{number}: {problem}"
    if file.suffix == ".c" and len(lines) > MAX_FILE:
        yield f"src/{path}: {len(lines)} lines, over {MAX_FILE}"
    for start, length in long_functions(lines):
        yield f"src/{path}:{start}: a function of {length} lines, over {MAX_FUNCTION}"


def tracked(root):
    out = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True)
    if out.returncode:
        return [p for p in root.rglob("*") if p.is_file() and "build" not in p.parts and ".git" not in p.parts]
    return [root / name for name in out.stdout.splitlines()]


def check_licence(root, file):
    wanted = {".c", ".h", ".py", ".ini", ".conf", ".sh", ".5", ".8", ".rpl"}
    if file.suffix not in wanted and file.name != "Makefile":
        return
    if file.relative_to(root).as_posix().startswith(("tests/golden/", "tests/fuzz/corpus/")):
        return
    if SPDX not in "\n".join(file.read_text(errors="replace").splitlines()[:3]):
        yield f"{file.relative_to(root)}: no SPDX line"


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    problems = []
    for file in sorted((root / "src").rglob("*.[ch]")):
        problems += check_source(root, file)
    for file in tracked(root):
        if file.is_file():
            problems += check_licence(root, file)
    print("\n".join(problems) or "layers, owners, sizes and licence lines are in order")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
