# SPDX-License-Identifier: GPL-3.0-or-later
"""
The catalogues made by hand for tasks: windows-update and what stands beside it. Each entry leads to a row of a
published table (tests/sources), each row of today's update lists is answered, what updating does not need is not, and
the chains of their names come through; conf/wsus.conf does what it says.
"""
import json
import pathlib
import re
import subprocess

import pytest

import chains
import upstream
from client import addresses, errors, links, rcode, refused
from server import BINARY, ROOT, ZONES

SOURCES = pathlib.Path(ROOT) / "tests/sources"
NOT_FOR_UPDATES = pathlib.Path(__file__).with_name("not-for-updates.txt")
TASKS = ["windows-update", "windows-defender", "windows-activation", "windows-telemetry", "microsoft-store",
         "wsus-server"]
CITATION = re.compile(r"([a-z0-9-]+), (.+), rows? (\d+(?: \d+)*)(, printed wider)?")

# What each must answer: tables, and which areas of them.
MUST_ANSWER = {
    "windows-update": [
        ("windows-11-enterprise", "Windows Update|Certificates|Licensing|Network Connection Status"),
        ("windows-11-non-enterprise", ".*/ (Windows Update|Certificates|Network Connection Status)"),
        ("windows-10-21h2-enterprise", "Windows Update|Certificates|Licensing|Network Connection Status"),
        ("windows-update-troubleshooting", ""), ("windows-update-deployment-service", "Windows Update endpoints"),
        ("delivery-optimization-faq", "Cloud service|Metadata|VPN"),
        ("delivery-optimization-endpoints", "Windows Update|Microsoft Conn"),
        ("wsus-server", ""), ("configmgr-internet-endpoints", "Software updates|Windows servicing|Delivery optim"),
        ("activation", "Client activation"), ("certificates", ""), ("ncsi", "(?!Probe|Proxy)"),
        ("defender-antivirus", "Microsoft Update|Security intell|Certificate"),
        ("windows-update-reports", "Settings|Windows Update|Device identity"),
        ("windows-update-guide", ""),
        ("managed-desktop", "Windows Update for Business|Delivery Optimization")],
    "windows-defender": [("defender-antivirus", ""), ("windows-11-enterprise", "Microsoft Defender"),
                         ("windows-11-non-enterprise", ".*Microsoft Defender"), ("edge", "Microsoft Defender SmartScreen")],
    "windows-activation": [("activation", "(?!Own KMS)"), ("windows-update-guide", "Activation")],
    "windows-telemetry": [("windows-update-reports", "(?!Windows Update)"),
                          ("windows-10-21h2-enterprise", "Diagnostic"),
                          ("windows-11-enterprise", "Diagnostic|Settings"), ("windows-10-1709-endpoints", "Diagnostic")],
    "microsoft-store": [("windows-11-enterprise", "Microsoft Store|Licensing"),
                        ("windows-11-non-enterprise", ".*/ Microsoft Store"),
                        ("intune", "Microsoft Store API"), ("windows-10-1709-endpoints", "Microsoft Store")],
    "wsus-server": [("wsus-server", ""), ("configmgr-internet-endpoints", "Software updates"),
                    ("windows-update-guide", "WSUS Server")],
}
# Rows that are not taken as they are printed, and why.
EXCEPTIONS = {
    ("windows-update", "mp.microsoft.com"): "far more than updating; the services below it that updating uses are listed",
    ("windows-update", "*.mp.microsoft.com"): "the same",
    ("windows-update", "*.digicert.com"): "the authority's own hosts for revocation, not its shop: pki",
    ("windows-update", "*.globalsign.com"): "the same",
    ("windows-update", "*.verisign.com"): "the same",
    ("windows-update", "*.microsoft.com"): "printed with the path /pkiops, which is on www alone",
    ("windows-update", "cacerts.digicert.cn"): "for answers given in China: pki/digicert-china",
    ("windows-update", "crl.digicert.cn"): "the same",
    ("windows-update", "ocsp.digicert.cn"): "the same",
    ("windows-telemetry", "browser.events.data.msn.com"): "MSN's, not Windows'",
    ("windows-telemetry", "cy2.vortex.data.microsoft.com.akadns.net"): "a link of a chain: it may be led to",
    ("windows-telemetry", "modern.watson.data.microsoft.com.akadns.net"): "the same",
    ("windows-telemetry", "www.microsoft.com"): "of pki, over plain HTTP; what else is there Windows does without",
    ("microsoft-store", "*displaycatalog.mp.microsoft.com"): "no host is known that ends so without a dot",
    ("microsoft-store", "cy2.*.md.mp.microsoft.com.*"): "a link of a chain: it may be led to",
}


def host(endpoint):
    """The host of an endpoint as printed, stars and all."""
    text = re.sub(r"^[a-z]+://", "", endpoint.strip().lower().replace("\\", ""))
    return re.sub(r"[/?:].*$", "", text).rstrip(".")


def rows(table):
    """(area, number in it, host) of each row."""
    (path,) = (path for path in SOURCES.glob(f"*/{table}.tsv") if path.parent.name != "vendors")
    counts, found = {}, []
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = line.split("\t")
        if line.startswith("#") or cells[1] == "endpoint":
            continue
        counts[cells[0]] = counts.get(cells[0], 0) + 1
        found.append((cells[0], counts[cells[0]], host(cells[1])))
    return found


def tail(name):
    """What a pattern ends in: *.x, .x, *x and an open right end are printings of x."""
    return re.sub(r"^(\*\.|\.|\*)|\.?\*$", "", name)


def entries(catalogue):
    """(pattern, comment) of each allow entry."""
    found, key = [], None
    for line in pathlib.Path(ZONES, catalogue + ".ini").read_text(encoding="utf-8").splitlines():
        if re.match(r"\w+ *=", line):
            key, line = (part.strip() for part in line.split("=", 1))
        elif not line.startswith(" "):
            continue
        if key == "allow":
            patterns, _, comment = line.strip().partition(" ;")
            found += [(pattern, comment.strip()) for pattern in patterns.split()]
    return found


def samples(name):
    """Names that a printed pattern takes; an open right end is closed."""
    bare = tail(name).replace("*", "x1")
    below = [f"x1.{bare}", f"a.b2.{bare}"]
    return below if name.startswith("*.") else [bare] + below if name[0] in ".*" else [bare]


@pytest.fixture
def make(postern, upstream_script):
    return lambda catalogue: postern({"server": {"zones": ZONES}, "profile default": {"catalog": catalogue}},
                                     upstream=upstream_script)


@pytest.fixture
def upstream_script(upstream):
    return upstream()


@pytest.mark.parametrize("task", TASKS)
def test_entries_lead_to_rows(task):
    """Each entry cites rows that print it; the file names each document, with its date."""
    text = pathlib.Path(ZONES, task + ".ini").read_text(encoding="utf-8")
    listed = entries(task)
    assert len(listed) > 5
    for pattern, comment in listed:
        assert comment, f"{pattern}: no row"
        for citation in comment.split("; "):
            table, area, numbers, wider = CITATION.fullmatch(citation).groups()
            printed = {number: name for found, number, name in rows(table) if found == area}
            for number in numbers.split():
                name = printed[int(number)]
                assert tail(name) == tail(pattern) or wider and pattern.endswith("." + tail(name)), f"{pattern}: {name}"
            explained = re.search(rf"(?m)^#   {table} +\S.*(20\d\d|undated)", text)
            assert explained, f"{task}: {table} is not explained"


@pytest.mark.parametrize("task", TASKS)
def test_groups_say_what_for(task, postern):
    """Purpose with what breaks, source and ports: what an administrator decides by."""
    groups = postern({"server": {"zones": ZONES}}, start=False).json("catalog", task)["groups"]
    assert len(groups) > 3
    for group in groups:
        assert re.search("without ", group["purpose"]), group["group"]
        assert group["source"] and group["ports"], group["group"]


def must_answer(task):
    return sorted({name for table, areas in MUST_ANSWER[task] for area, _, name in rows(table) if re.match(areas, area)})


@pytest.mark.parametrize("task", TASKS)
def test_published_endpoints_are_answered(task, make, upstream_script):
    upstream_script.default = upstream.by_name
    server = make(task)
    names = must_answer(task)
    assert len(names) > 5
    for name in names:
        for sample in samples(name):
            if re.fullmatch(r"[a-z0-9._-]+\.[a-z]+", sample) and (task, name) not in EXCEPTIONS:
                answer = server.client.ask(sample)
                assert rcode(answer) == "NOERROR" and addresses(answer), f"{name}: {sample}"
    assert {name for table, name in EXCEPTIONS if table == task} <= set(names)


@pytest.mark.parametrize("task", TASKS)
def test_near_misses_are_refused(task, make, upstream_script):
    upstream_script.default = upstream.by_name
    server = make(task)
    for pattern, _ in entries(task):
        name = tail(pattern).replace("*", "x1")
        for miss in (name + ".example.net", name.rsplit(".", 1)[0] + ".example", "x" + name.replace(".", "-")):
            assert refused(server.client.ask(miss)), miss
    for wide in ("microsoft.com", "mp.microsoft.com", "x.microsoft.com", "windows.com", "x.windows.com", "x.live.com",
                 "x.digicert.com", "x.blob.core.windows.net", "x.trafficmanager.net", "x.cloudapp.net",
                 "x.azureedge.net", "x.edgekey.net"):
        assert refused(server.client.ask(wide)), wide
    assert upstream_script.asked() == []


def test_nothing_else_resolves_for_updates(make, upstream_script):
    """Real names that the same machines ask for: refused, and never sent on."""
    upstream_script.default = upstream.by_name
    server = make("windows-update")
    lines = NOT_FOR_UPDATES.read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert len(names) > 1000 and len(set(names)) == len(names)
    wrong = [name for name in names for rtype in ("A", "AAAA", "HTTPS")
             if not rcode(server.client.ask(name, rtype)) == "NXDOMAIN"]
    assert wrong == [] and upstream_script.asked() == []


@pytest.mark.parametrize("task", TASKS)
def test_chains_of_the_task_come_through(task, make, upstream_script):
    """Seen in the wild, for what the catalogue lists, with nothing else on; but for networks of China."""
    upstream_script.default = upstream.by_name
    server = make(task)
    table = [one for one in chains.rows() if one.whole and one.rcode == 0 and one.area != "update-china" and
             not refused(server.client.ask(one.query))]
    upstream_script.default = upstream.nodata
    assert len(table) >= {"windows-activation": 15}.get(task, 20)
    for one in table:
        server.flush(one.query)
        upstream_script.on(one.query, one.type, one.serve)
        answer = server.client.ask(one.query, one.type)
        assert not errors(answer) and len(links(answer)) == len(one.links), f"{one}: {answer}"
        assert addresses(answer) == sorted(step.data.lower() for step in one.addresses if step.type == one.type), one


def explain(name, client):
    done = subprocess.run([BINARY, "-c", "conf/wsus.conf", "explain", name, "--client", client, "--json"], cwd=ROOT,
                          capture_output=True, text=True, timeout=30)
    assert done.returncode in (0, 1), done
    return json.loads(done.stdout)


def test_wsus_conf():
    """The example: machines see their server and its ports and nothing else, the server sees Microsoft."""
    done = subprocess.run([BINARY, "-c", "conf/wsus.conf", "check", "--strict"], cwd=ROOT, capture_output=True,
                          text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, ""), done
    seen = explain("wsus.corp.example.com", "10.40.0.20")
    assert (seen["verdict"], seen["reason"], seen["ports"]) == ("allowed", "record", ["tcp/8530", "tcp/8531"])
    for name in ("download.windowsupdate.com", "ctldl.windowsupdate.com", "dc1.corp.example.com", "example.com"):
        assert explain(name, "10.40.0.20")["verdict"] == "blocked", name
    for name in ("download.windowsupdate.com", "sws.update.microsoft.com", "ctldl.windowsupdate.com",
                 "crl.microsoft.com"):
        assert explain(name, "10.40.1.5")["reason"] == "listed", name
    for name in ("login.live.com", "example.com"):
        assert explain(name, "10.40.1.5")["verdict"] == "blocked", name


def test_wsus_machines_find_their_server(postern, upstream_script):
    """The same profile served: its record, of the types that machines need."""
    catalogue = pathlib.Path(ROOT, "conf", "wsus-clients.ini").read_text(encoding="utf-8")
    server = postern({"records": {"record": ["wsus.corp.example.com. 300 IN A 10.40.1.5",
                                             "other.corp.example.com. 300 IN A 10.40.1.6"]},
                      "profile default": {"catalog": "wsus-clients", "local": "no", "types": "A AAAA CNAME"}},
                     {"wsus-clients": catalogue}, upstream_script)
    assert addresses(server.client.ask("wsus.corp.example.com")) == ["10.40.1.5"]
    assert refused(server.client.ask("other.corp.example.com"))
    assert refused(server.client.ask("download.windowsupdate.com"))
