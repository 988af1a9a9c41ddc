# SPDX-License-Identifier: GPL-3.0-or-later
"""`postern import` of dnsmasq, adguard, rpz and m365, held against readers of its own, and Microsoft 365's catalogue.

POSTERN_SOURCES names the folder of the published documents (default: ../shared/sources beside the tree); what needs
them is skipped where they are not.
"""
import json
import os
import random
import re
import resource
import subprocess
import sys

import dns.rdatatype
import dns.zone
import pytest

from server import BINARY, ROOT, ZONES

SOURCES = os.environ.get("POSTERN_SOURCES", os.path.join(os.path.dirname(ROOT), "shared", "sources"))
FACTS = os.path.join(ROOT, "tests", "sources", "current", "m365-worldwide.tsv")
NAMED = ("server", "local", "address", "ipset", "nftset")
LINES = 100_000
SECONDS = 0.2


def sanitized():
    with open(BINARY, "rb") as file:
        text = file.read()
    return any(mark in text for mark in (b"__asan_init", b"__tsan_init"))


def reads_well(site):
    site.change({"profile default": {"catalog": "made"}})
    assert ": error: " not in site.command("check").stdout


def imported(site, form, path):
    """(exit status, lines complained of, {(purpose, pattern, ports)}) of a file; the catalogue must read well."""
    done = site.command("import", form, path, config=False)
    wrong = [int(line[len(path) + 1:].split(":")[0]) for line in done.stderr.splitlines() if ": error: " in line]
    site.write("zones/made.ini", done.stdout)
    if "allow " not in done.stdout:
        return done.returncode, wrong, set()
    reads_well(site)
    return done.returncode, wrong, {
        (group["purpose"], entry["pattern"], " ".join(group["ports"]))
        for group in site.json("catalog", "made")["groups"] for entry in group["entries"]}


def patterns(site, form, path):
    status, wrong, entries = imported(site, form, path)
    assert status == (1 if wrong else 0)
    return wrong, {pattern for _, pattern, _ in entries}


def a_name(rng):
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789-"
    labels = ["".join(rng.choices(alphabet[:36], k=rng.randint(1, 12))) for _ in range(rng.randint(1, 3))]
    return ".".join(labels + [rng.choice(["test", "example", "invalid"])])


# dnsmasq


def dnsmasq_reader(text):
    """Names of the five options as the manual page of dnsmasq describes them, and the lines that are no patterns."""
    names, wrong = set(), set()
    for number, line in enumerate(text.splitlines(), 1):
        found = re.fullmatch(r"\s*(\w+)\s*=\s*/(.*)/[^/]*", re.sub(r"(^|\s)#.*", "", line))
        if not found or found.group(1) not in NAMED:
            continue
        for name in found.group(2).lower().split("/"):
            if re.fullmatch(r"(\*\.?|\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)+", name):
                names.add(name if name[0] in "*." else "." + name)
            else:
                wrong.add(number)
    return names, sorted(wrong)


def dnsmasq_list(rng):
    for _ in range(LINES):
        name = a_name(rng)
        yield rng.choices([
            f"server=/{name}/114.114.114.114", f"nftset=/{name}/4#inet#t#s", f"ipset=/{name}/s,t", f"local=/{name}/",
            f"address=/{name}/0.0.0.0", f"server=/{name}/{a_name(rng)}/#", f"address=/*.{name}/#", f"local=/*{name}/",
            f"# server=/{name}/1.2.3.4", "", "cache-size=1000", f"server=/{name}/1.2.3.4 # {name}", "server=1.2.3.4",
            "address=/#/1.2.3.4", "server=/lan/192.168.1.1", "local=/a*.test/", f"server=/{name.upper()}/1.2.3.4",
        ], [80] + [2] * 12 + [0.1] * 3 + [1])[0]


def test_dnsmasq(site):
    text = "\n".join(dnsmasq_list(random.Random(1))) + "\n"
    wrong, names = patterns(site, "dnsmasq", site.write("list.conf", text))
    expected, expected_wrong = dnsmasq_reader(text)
    assert names == expected and len(names) > 80_000
    assert sorted(set(wrong)) == expected_wrong and expected_wrong


def test_dnsmasq_is_fast(site):
    """The processor's time, which other work on the machine does not change."""
    if sanitized():
        pytest.skip("a build that looks for faults is slower")
    path = site.write("list.conf", "".join(f"server=/{a_name(random.Random(n))}/114.114.114.114\n" for n in range(LINES)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(os.path.join(site.folder, "out.ini"), "wb") as out:
        subprocess.run([BINARY, "import", "dnsmasq", path], stdout=out, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert spent < SECONDS, f"{LINES} lines took {spent:.3f} s"


# AdGuard


def adguard_reader(text):
    names, wrong = set(), []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        found = re.fullmatch(r"(@@)?\|\|([a-z0-9_-]+(\.[a-z0-9_-]+)+)\^\|?", line.lower())
        if found and not re.fullmatch(r"[\d.]+", found.group(2)):
            names.add("." + found.group(2))
        elif line and line[0] != "!" and not re.match(r"#([^@?$%#]|$)|\[Adblock", line):
            wrong.append(number)
    return names, wrong


def adguard_list(rng):
    yield "[Adblock Plus 2.0]"
    for _ in range(20_000):
        name = a_name(rng)
        yield rng.choices([
            f"||{name}^", f"@@||{name}^", f"@@||{name}^|", f"||{name.upper()}^", f"  ||{name}^ ", f"! {name}", f"# {name}", "",
            f"||{name}^$third-party", f"||{name}/ads^", f"{name}##.ad", f"/{name}/", f"||{name}", f"||*.{name}^",
            "||192.0.2.1^", f"0.0.0.0 {name}", f"|{name}^", f"||{name}^$dnsrewrite=1.2.3.4",
        ], [80, 10, 5] + [2] * 15)[0]


def test_adguard(site):
    text = "\n".join(adguard_list(random.Random(2))) + "\n"
    wrong, names = patterns(site, "adguard", site.write("list.txt", text))
    expected, expected_wrong = adguard_reader(text)
    assert names == expected and len(names) > 10_000
    assert wrong == expected_wrong


# RPZ


def rpz_reader(text):
    """Through dnspython's reader of zone files, which is not ldns."""
    zone = dns.zone.from_text(text, origin=None, relativize=True, check_origin=False)
    names = set()
    for owner, _, data in zone.iterate_rdatas(dns.rdatatype.CNAME):
        if data.target.to_text().lower() == "rpz-passthru." and not re.search(r"(^|\.)rpz-[a-z-]+$", owner.to_text()):
            names.add(owner.to_text().lower())
    return names


def rpz_zone(rng):
    yield "$TTL 1h ; an hour"
    yield "$ORIGIN rpz.example."
    yield "@ IN SOA ns.example. root.example. (\n  1 ; serial\n  3600 900\n  604800 300 )"
    yield " IN NS ns.example."
    seen = set()
    while len(seen) < 5_000:
        name = a_name(rng)
        if name in seen:
            continue
        seen.add(name)
        yield rng.choice([
            f"{name} CNAME rpz-passthru.", f"*.{name} IN CNAME rpz-passthru.", f"{name} 60 IN CNAME RPZ-PASSTHRU. ; why",
            f"{name}.rpz.example. IN 60 CNAME rpz-passthru.", f"{name} CNAME (\n rpz-passthru. )", f"{name.upper()} CNAME .",
            f"*.{name} CNAME *.", f"{name} CNAME rpz-drop.", f"{name} A 192.0.2.1\n A 192.0.2.2", f"{name} CNAME {a_name(rng)}.",
            f"{name} TXT \"a;b\" ; (", f"{name}\tCNAME\trpz-tcp-only.",
        ])


def test_rpz(site):
    text = "\n".join(rpz_zone(random.Random(3))) + "\n"
    wrong, names = patterns(site, "rpz", site.write("rpz.zone", text))
    expected = rpz_reader(text.replace(" IN 60 CNAME", " 60 IN CNAME"))
    assert names == expected and len(names) > 1_500
    assert not wrong


def test_rpz_by_line(site):
    """Passthru that no name says is told with the line on which its record begins; what blocks is not."""
    text = ("$ORIGIN rpz.example.\n@ SOA ns. root. ( 1 2\n 3 4 5 )\n\nok.example CNAME rpz-passthru.\n"
            "8.0.0.0.10.rpz-ip CNAME rpz-passthru.\n24.0.0.0.10.rpz-ip CNAME .\nx.example ( CNAME\n rpz-passthru )\n"
            "outside.example. CNAME rpz-passthru.\n$INCLUDE more\nlast.example CNAME rpz-passthru.\n")
    assert patterns(site, "rpz", site.write("rpz.zone", text)) == ([6, 8, 10, 11], {"ok.example", "last.example"})


def test_rpz_exceptions_are_told(site):
    """What is blocked below a wildcard that is let through would be let through too: a catalogue has no exceptions."""
    path = site.write("rpz.zone", "$ORIGIN rpz.example.\n@ SOA ns. root. 1 2 3 4 5\n*.bad.ok.example CNAME .\n"
                      "*.ok.example CNAME rpz-passthru.\nbad.ok.example CNAME .\nok.example CNAME .\nno.example CNAME .\n")
    done = site.command("import", "rpz", path)
    told = re.findall(r":(\d+): warning: (\S+): blocked here, but (\S+) \(line (\d+)\)", done.stderr)
    assert told == [("3", "*.bad.ok.example", "*.ok.example", "4"), ("5", "bad.ok.example", "*.ok.example", "4")], done
    assert done.returncode == 0 and "allow   = *.ok.example\n" in done.stdout, done


@pytest.mark.skipif(sanitized(), reason="a sanitizer is slower")
def test_many_of_one_kind_are_fast(site):
    """20,000 headings that have one name, and 60,000 urls of one set: neither costs more than its size."""
    areas = "".join(f"{chr(0x4e00 + i)}\tx{i}.example.com\tHTTPS\n" for i in range(20_000))
    urls = json.dumps([{"id": 1, "serviceArea": "X", "urls": [f"u{i}.example.com" for i in range(60_000)]}], indent=1)
    for form, text, count in (("tsv", areas, 20_000), ("m365", urls, 60_000)):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = site.command("import", form, site.write("many", text))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0 and len(re.findall(r"[xu]\d+\.example\.com", done.stdout)) == count
        assert after.ru_utime - before.ru_utime < 1


# Microsoft 365


def m365_ports(endpoint_set):
    ports = []
    for key, protocol in (("tcpPorts", "tcp"), ("udpPorts", "udp")):
        for part in filter(None, endpoint_set.get(key, "").split(",")):
            low, _, high = part.partition("-")
            ports += [f"{protocol}/{port}" for port in range(int(low), int(high or low) + 1)]
    return " ".join(sorted(set(ports), key=lambda port: (port[:3], int(port[4:]))))


def m365_reader(text):
    return {(f"{one['serviceArea']}, {one['category']}, {'required' if one['required'] else 'optional'}", url,
             m365_ports(one)) for one in json.loads(text) for url in one.get("urls", [])}


def published(name):
    path = os.path.join(SOURCES, "current", name)
    if not os.path.exists(path):
        pytest.skip(f"{path} is not here: POSTERN_SOURCES names the folder of the documents")
    return path


def made_up(rng):
    sets = []
    for number in range(300):
        one = {"id": number, "serviceArea": rng.choice(["Exchange", "Skype", "Common"]), "serviceAreaDisplayName": "x",
               "category": rng.choice(["Optimize", "Allow", "Default"]), "required": rng.random() < 0.5,
               "expressRoute": False, "notes": "words of somebody else; [not] to be copied"}
        if rng.random() < 0.9:
            one["urls"] = [rng.choice(["", "*.", "a*.", "x.*.", "*"]) + "n" + a_name(rng) for _ in range(rng.randint(1, 9))]
        if rng.random() < 0.5:
            one["ips"] = ["192.0.2.0/24", "2001:db8::/32"]
        one["tcpPorts"] = rng.choice(["80,443", "443", "443,80", "25", "143,587,993,995", "50000-50009"])
        if rng.random() < 0.2:
            one["udpPorts"] = rng.choice(["443", "3478-3481", "3478,3479"])
        sets.append(one)
    return json.dumps(sets, indent=rng.choice([None, 2]))


@pytest.mark.parametrize("seed", range(4))
def test_m365(site, seed):
    text = made_up(random.Random(seed))
    status, wrong, entries = imported(site, "m365", site.write("m365.json", text))
    assert (status, wrong) == (0, []) and entries == m365_reader(text)
    assert "somebody else" not in open(os.path.join(site.zones, "made.ini"), encoding="utf-8").read()


@pytest.mark.parametrize("name", ["m365-worldwide.json", "m365-worldwide-2021.json"])
def test_m365_as_published(site, name):
    path = published(name)
    status, wrong, entries = imported(site, "m365", path)
    with open(path, encoding="utf-8") as file:
        assert (status, wrong) == (0, []) and entries == m365_reader(file.read())


def test_m365_facts_are_the_published_ones(site):
    """The table under tests/sources and the service's JSON are one, entry by entry, and the script makes it."""
    path = published("m365-worldwide.json")
    assert imported(site, "tsv", FACTS) == imported(site, "m365", path)
    script = os.path.join(ROOT, "contrib", "catalogs", "m365_table.py")
    made = subprocess.run([sys.executable, script, path], capture_output=True, text=True, check=True).stdout
    with open(FACTS, encoding="utf-8") as file:
        assert made == "".join(line for line in file if not line.startswith("#"))


def m365_rows():
    with open(FACTS, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    return rows[1:]


def test_office_365_has_every_row(site):
    """Each name of the table is an entry of zones/office-365.ini as printed, with its ports."""
    site.change({"server": {"zones": ZONES}})
    entries = {}
    for group in site.json("catalog", "office-365")["groups"]:
        for entry in group["entries"]:
            entries.setdefault((entry["pattern"], entry["role"]), set()).update(group["ports"])
    rows = m365_rows()
    assert len(rows) == 216
    for _, endpoint, ports in rows:
        wanted = {f"{clause.split(':')[0].strip().lower()}/{port}" for clause in ports.split(";")
                  for port in re.findall(r"\d+", clause)}
        assert wanted and wanted <= entries[endpoint, "allow"], endpoint


@pytest.mark.parametrize("group, allowed, blocked", [
    ("exchange", ["outlook.office365.com"], ["outlook.office.example", "login.microsoftonline.com", "a.outlook.com"]),
    ("onenote", ["cdn.onenote.net", "xcdn.onenote.net", "a.bcdn.onenote.net"], ["cdnx.onenote.net", "onenote.net"]),
    ("exchange-autodiscover", ["autodiscover.a.onmicrosoft.com"],
     ["autodiscover.onmicrosoft.com", "autodiscover.a.b.onmicrosoft.com", "a.onmicrosoft.com"]),
    ("teams", ["teams.microsoft.com", "a.teams.microsoft.com"], ["microsoft.com", "www.microsoft.com", "steams.microsoft.com"]),
])
def test_office_365_by_group(site, group, allowed, blocked):
    """A group alone takes its service and not its neighbours: what is wide stands apart."""
    site.change({"server": {"zones": ZONES}, "profile default": {"catalog": f"office-365/{group}"}})
    for name in allowed:
        assert site.json("explain", name)["verdict"] == "allowed", name
        assert site.json("explain", name.upper())["verdict"] == "allowed", name
    for name in blocked:
        assert site.json("explain", name)["verdict"] == "blocked", name


# Any bytes


@pytest.mark.parametrize("form", ["dnsmasq", "adguard", "rpz", "m365"])
@pytest.mark.parametrize("kind", ["random", "zeros", "one line", "gzip", "brackets", "quotes", "empty"])
def test_any_bytes(site, form, kind):
    """The command ends with 0 or 1, in time, and whatever it writes is a catalogue."""
    rng = random.Random(form + kind)
    data = {
        "random": rng.randbytes(1 << 20), "zeros": bytes(1 << 20), "one line": b"x" * (1 << 20), "empty": b"",
        "gzip": b"\x1f\x8b\x08\x00" + rng.randbytes(5000), "brackets": b"([{" * 100_000, "quotes": b'"\\' * 300_000 + b'"\n',
    }[kind]
    path = site.write("data", data)
    done = subprocess.run([BINARY, "import", form, path], capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr[-500:]
    assert b"Sanitizer" not in done.stderr and b"runtime error" not in done.stderr, done.stderr[-500:]
    assert all(line.startswith(path.encode() + b":") for line in done.stderr.split(b"\n")[:-1])
    assert (done.returncode == 1) == (b": error: " in done.stderr)
    site.write("zones/made.ini", done.stdout)
    if b"allow " in done.stdout:
        reads_well(site)
