# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that need no service: what they print, and their exit statuses."""
import json
import re

import pytest

import wire
from procs import free_port
from server import ZONES
from upstream import by_name, nodata

CATALOGUE = """\
[catalog]
title   = A test
source  = a document of 2026

[web]
purpose = the first group
source  = section 1
ports   = tcp/443 udp/123
types   = TXT
allow   = *.example.com
          Exact.Example.org
chain   = *.cdn.example

[rest]
allow   = deep.www.example.com
"""
LINES = CATALOGUE.splitlines()
COMMANDS = ["run", "check", "explain", "catalog", "import", "suggest", "status", "leases", "blocked", "reload", "flush"]
KEYS = ["verdict", "reason", "name", "type", "profile", "role", "entry", "catalog", "group", "file", "line", "ports",
        "source"]


def line_of(text):
    return next(number for number, line in enumerate(LINES, 1) if text in line)


@pytest.fixture
def place(site):
    site.configure({
        "profile default": {"catalog": "test"},
        "profile wide": {"clients": "10.1.0.0/16", "catalog": "other"},
        "profile one": {"clients": "10.1.2.3 fd00::/64", "catalog": "test other", "local": "no", "aaaa": "no"},
        "records": {"record": ["box.corp.test. 60 IN A 10.0.0.1", "v6.example.com. 60 IN AAAA fd00::1"]},
        "forward fwd.test": {"address": "127.0.0.1@1"},
    }, {"test": CATALOGUE, "other.list": "# a list\n*.example.net\n"})
    return site


def explain(place, *args):
    done = place.command("explain", *args, "--json")
    assert done.stderr == "", done
    found = json.loads(done.stdout)
    assert list(found)[:len(KEYS)] == KEYS and len(found) == len(KEYS) + 2 * ("--live" in args), found
    assert done.returncode == {"allowed": 0, "blocked": 1}[found["verdict"]]
    text = place.command("explain", *args)
    assert text.returncode == done.returncode
    assert text.stdout.splitlines()[0] == f"{found['verdict']} {found['name']}"
    return found


def entry_of_test(place, text, group="web", source="section 1"):
    return {"entry": text.lower(), "catalog": "test", "group": group, "file": place.zones + "/test.ini",
            "line": line_of(text), "source": source}


def nothing():
    return {"role": None, "entry": None, "catalog": None, "group": None, "file": None, "line": None, "ports": [],
            "source": None}


def test_explain_listed(place):
    for name in ("www.example.com", "WWW.Example.COM.", "www.EXAMPLE.com"):
        assert explain(place, name) == {
            "verdict": "allowed", "reason": "listed", "name": "www.example.com", "type": "A", "profile": "default",
            "role": "query", "ports": ["tcp/443", "udp/123"], **entry_of_test(place, "*.example.com")}


def test_explain_default_ports_and_source(place):
    """Those of all entries that take the name together; the entry named is the most specific."""
    found = explain(place, "deep.www.example.com", "aaaa")
    assert found == {"verdict": "allowed", "reason": "listed", "name": "deep.www.example.com", "type": "AAAA",
                     "profile": "default", "role": "query", "ports": found["ports"],
                     **entry_of_test(place, "deep.www.example.com", "rest", "a document of 2026")}
    assert sorted(found["ports"]) == ["tcp/443", "tcp/80", "udp/123"]


def test_explain_unlisted(place):
    for name in ("www.example.net", "example.com", "exact.example.org.example.net", "com", "."):
        assert explain(place, name) == {
            "verdict": "blocked", "reason": "unlisted", "name": name if name == "." else name.lower(), "type": "A",
            "profile": "default", **nothing()}


def test_explain_chain_only(place):
    assert explain(place, "x.cdn.example") == {
        "verdict": "blocked", "reason": "chain-only", "name": "x.cdn.example", "type": "A", "profile": "default",
        "role": "chain", "ports": [], **entry_of_test(place, "*.cdn.example")}


def test_explain_type(place):
    found = explain(place, "www.example.com", "SRV")
    assert found == {"verdict": "blocked", "reason": "type", "name": "www.example.com", "type": "SRV",
                     "profile": "default", "role": "query", "ports": [], **entry_of_test(place, "*.example.com")}
    assert explain(place, "www.example.com", "TXT")["verdict"] == "allowed"
    assert explain(place, "www.example.com", "TYPE65")["type"] == "HTTPS"
    assert explain(place, "www.example.com", "TYPE65280")["verdict"] == "blocked"


def test_explain_client(place):
    """The profile of the longest prefix; a client from elsewhere."""
    assert explain(place, "a.example.net", "--client", "10.1.9.9")["profile"] == "wide"
    found = explain(place, "a.example.net", "--client", "10.1.2.3")
    assert (found["profile"], found["catalog"], found["group"], found["line"]) == ("one", "other", None, 2)
    assert sorted(found["ports"]) == ["tcp/443", "tcp/80"]
    assert explain(place, "a.example.net", "--client", "fd00::5")["profile"] == "one"
    assert explain(place, "a.example.net", "--client", "10.2.0.1")["reason"] == "unlisted"
    for address in ("203.0.113.9", "2001:db8::1"):
        found = explain(place, "www.example.com", "--client", address)
        assert (found["verdict"], found["reason"]) == ("blocked", "client")


def test_explain_local(place):
    assert explain(place, "box.corp.test")["reason"] == "record"
    assert explain(place, "a.b.fwd.test", "TXT")["reason"] == "forward"
    found = explain(place, "v6.example.com", "AAAA")
    assert (found["reason"], found["verdict"], found["entry"]) == ("record", "allowed", "*.example.com")
    # `local = no`: only where the profile's catalogue has the name
    assert explain(place, "box.corp.test", "--client", "10.1.2.3")["verdict"] == "blocked"
    # `aaaa = no`
    assert explain(place, "www.example.com", "AAAA", "--client", "10.1.2.3")["reason"] == "type"


@pytest.mark.parametrize("name, verdict", [
    ("localhost", "allowed"), ("x.localhost", "allowed"), ("ipv4only.arpa", "allowed"),
    ("10.in-addr.arpa", "blocked"), ("1.1.168.192.in-addr.arpa", "blocked"), ("x.invalid", "blocked"),
    ("use-application-dns.net", "blocked"), ("mask.icloud.com", "blocked")])
def test_explain_special(place, name, verdict):
    found = explain(place, name)
    assert (found["reason"], found["verdict"]) == ("special", verdict)


def test_explain_escapes(place):
    for name, shown in ((r"a\032b.example.com", r"a\032b.example.com"), ("a b.example.com", r"a\032b.example.com"),
                        (r"a\.b.example.com", r"a\046b.example.com"), ("\x1b[31m.example.com", r"\027\09131m.example.com"),
                        (r"\255.example.com", r"\255.example.com")):
        assert explain(place, name)["name"] == shown


@pytest.mark.parametrize("args", [
    ["a..example.com"], ["x" * 64 + ".example.com"], [".".join(["a" * 60] * 5)], [""], [r"a\999.example.com"],
    ["www.example.com", "NOTYPE"], ["www.example.com", "A", "--client", "nowhere"],
    ["www.example.com", "A", "--client", "10.0.0.0/8"]])
def test_explain_cannot_tell(place, args):
    done = place.command("explain", *args)
    assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1, done


def test_explain_with_a_bad_configuration(place):
    place.change({"cache": {"size": "lots"}})
    done = place.command("explain", "www.example.com")
    assert done.returncode == 2 and re.search(r"postern\.conf:\d+: error: ", done.stderr), done


CHAIN = [("www.example.com", "one.cdn.example"), ("one.cdn.example", "two.cdn.example")]


def live(place, upstream, records):
    up = upstream()
    up.default = nodata
    up.on("www.example.com", "A", records if callable(records) else lambda question: question.reply(records))
    place.change({"upstream": {"address": up.at, "timeout": "200ms"}})
    return up


def cnames(pairs):
    return [wire.record(owner, "CNAME", 60, target) for owner, target in pairs]


def test_explain_live(place, upstream):
    live(place, upstream, cnames(CHAIN) + [wire.record("two.cdn.example", "A", 60, "198.51.100.1"),
                                           wire.record("two.cdn.example", "A", 60, "10.0.0.1")])
    found = explain(place, "www.example.com", "--live")
    assert found["verdict"] == "allowed" and found["reason"] == "listed"
    assert found["chain"] == [{"name": owner, "target": target, "verdict": "allowed", "entry": "*.cdn.example"}
                              for owner, target in CHAIN]
    assert found["addresses"] == ["198.51.100.1"]
    text = place.command("explain", "www.example.com", "--live").stdout
    assert "one.cdn.example" in text and "198.51.100.1" in text


def test_explain_live_bent(place, upstream):
    """Every link is judged, also those behind the bad one."""
    bent = [("www.example.com", "evil.example.net"), ("evil.example.net", "two.cdn.example")]
    live(place, upstream, cnames(bent) + [wire.record("two.cdn.example", "A", 60, "198.51.100.1")])
    found = explain(place, "www.example.com", "--live")
    assert (found["verdict"], found["reason"]) == ("blocked", "chain")
    assert [(link["target"], link["verdict"], link["entry"]) for link in found["chain"]] == [
        ("evil.example.net", "blocked", None), ("two.cdn.example", "allowed", "*.cdn.example")]


def test_explain_live_negative(place, upstream):
    live(place, upstream, [])
    assert "answer:    no such type\n" in place.command("explain", "www.example.com", "--live").stdout
    live(place, upstream, lambda question: question.reply(rcode=wire.NXDOMAIN))
    assert "answer:    NXDOMAIN\n" in place.command("explain", "www.example.com", "--live").stdout


def test_explain_live_of_another_family(place, upstream):
    """What a set with clients in it cannot open for a client is not given to him."""
    live(place, upstream, [wire.record("www.example.com", "A", 60, "198.51.100.1")])
    place.change({"export gate": {"set4": "inet t s4", "set6": "inet t s6", "key": "client"},
                  "profile default": {"export": "gate"}})
    text = place.command("explain", "www.example.com", "--live", "--client", "::1").stdout
    assert "filtered:  address of another family than the client's" in text and "address:   " not in text
    for args in (["--client", "127.0.0.1"], []):
        text = place.command("explain", "www.example.com", "--live", *args).stdout
        assert "address:   198.51.100.1\n" in text and "filtered:" not in text


def test_explain_live_without_an_answer(place, upstream):
    live(place, upstream, lambda question: None)
    done = place.command("explain", "www.example.com", "--live")
    assert done.returncode == 2 and "no upstream gave" in done.stderr, done
    # what the catalogue says is said all the same
    assert done.stdout.startswith("allowed www.example.com\n"), done
    # what is blocked anyway is not asked
    assert explain(place, "www.example.net", "--live")["chain"] == []


def test_check_clean(place):
    done = place.command("check")
    assert done.returncode == 0 and done.stderr == "", done
    assert [line for line in done.stdout.splitlines() if ": error: " in line] == []


WARNED = """\
[g]
source = s
ports  = tcp/80
allow  = *.cloudfront.net
"""


def test_check_warnings(place):
    place.write("zones/test.ini", WARNED)
    done = place.command("check")
    assert done.returncode == 0 and re.search(r"/test\.ini:4: warning: .* \[anybody\]\n", done.stdout), done
    assert place.command("check", "--strict").returncode == 1
    place.write("zones/test.ini", WARNED + "accept = anybody\n")
    place.change({"profile one": None, "profile wide": None})
    strict = place.command("check", "--strict")
    assert strict.returncode == 0 and "anybody" not in strict.stdout, strict


def test_check_of_named_and_all(place):
    """A catalogue that no profile uses is only looked at when asked for."""
    place.write("zones/unused.ini", "[g]\nallow = *.com\n")
    assert place.command("check").returncode == 0
    for args in (["unused"], ["--all"], ["test", "unused"]):
        done = place.command("check", *args)
        assert done.returncode == 1 and re.search(r"/unused\.ini:2: error: ", done.stdout), done
    assert place.command("check", "other").returncode == 0
    missing = place.command("check", "nowhere")
    assert missing.returncode == 1 and "nowhere" in missing.stdout + missing.stderr


def test_check_says_every_error(place):
    """Of the configuration and of several catalogues, in one run, each with its line."""
    place.write("zones/test.ini", "[g]\nallow = *.com\n  good.example.com\n  .net\n  10.0.0.1\nports = tcp/99999\nblah = 1\n")
    place.write("zones/other.list", "fine.example.com\n*.org\nhttp://x.example.com/\n")
    place.change({"cache": {"size": "lots", "mintl": "1s", "max-ttl": "5"}, "serverr": {}})
    done = place.command("check")
    assert done.returncode == 1
    said = re.findall(r"^(?:.*/)?([^/:]+):(\d+): error: ", done.stdout, re.M)
    config = open(place.config, encoding="ascii").read().splitlines()
    lines = [str(config.index(text) + 1) for text in ("size = lots", "mintl = 1s", "max-ttl = 5", "[serverr]")]
    for line in lines:
        assert ("postern.conf", line) in said, done.stdout
    for line in ("2", "4", "5", "6", "7"):
        assert ("test.ini", line) in said, done.stdout
    for line in ("2", "3"):
        assert ("other.list", line) in said, done.stdout
    assert re.search(r"did you mean", done.stdout)
    assert ("test.ini", "3") not in said and ("other.list", "1") not in said


def test_run_says_every_error_and_does_not_start(place):
    place.write("zones/test.ini", "[g]\nallow = *.com\n")
    place.change({"cache": {"size": "lots"}})
    done = place.command("run")
    assert done.returncode == 1 and done.stderr.count(": error: ") == 2, done


def test_check_of_what_ships(site):
    """Every shipped catalogue is clean, and the default configuration with them."""
    site.configure({"server": {"zones": ZONES}})
    done = site.command("check", "--all", "--strict")
    assert done.returncode == 0, done.stdout


def test_catalog(place):
    found = place.json("catalog", "test")
    assert found["catalog"] == "test" and found["title"] == "A test" and found["source"] == "a document of 2026"
    assert found["file"] == place.zones + "/test.ini"
    web, rest = found["groups"]
    assert (web["group"], web["purpose"], web["source"]) == ("web", "the first group", "section 1")
    assert web["ports"] == ["tcp/443", "udp/123"] and rest["ports"] == ["tcp/80", "tcp/443"]
    assert [(entry["pattern"].lower(), entry["role"], entry["line"]) for entry in web["entries"]] == [
        ("*.example.com", "allow", line_of("*.example.com")),
        ("exact.example.org", "allow", line_of("Exact.Example.org")),
        ("*.cdn.example", "chain", line_of("*.cdn.example"))]
    assert all(list(entry) == ["pattern", "role", "line"] for entry in web["entries"])
    text = place.command("catalog", "test")
    assert text.returncode == 0 and all(word in text.stdout for word in ("*.example.com", "web", "rest", "tcp/443"))


def test_catalog_list(place):
    assert {one["catalog"] for one in place.json("catalog")} == {"test", "other"}
    text = place.command("catalog")
    assert text.returncode == 0 and len(text.stdout.splitlines()) == 2


def test_catalog_not_found(place):
    for args in (["nowhere"], ["nowhere", "--json"]):
        done = place.command("catalog", *args)
        assert done.returncode == 1 and "nowhere" in done.stderr and done.stdout == "", done


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_commands(site, command):
    for option in ("--help", "-h"):
        done = site.command(command, option, config=False)
        assert done.returncode == 0 and done.stderr == "" and command in done.stdout, done


@pytest.mark.parametrize("command, options, later", [
    ("run", ["-v", "-q", "--takeover"], ["--takeover"]), ("check", ["--all", "--strict", "--json"], []),
    ("explain", ["--client ADDR", "--live", "--json"], []), ("catalog", ["--diff", "--json"], []),
    ("suggest", ["--client PREFIX", "--since TIME"], []), ("flush", [], [])])
def test_help_of_options(site, command, options, later):
    """A line for each option, with a word on what is not there yet."""
    text = site.command(command, "--help", config=False).stdout
    found = dict(re.findall(r"^  (-\S+(?: [A-Z]+)?) {2,}(\S.*)$", text, re.M))
    assert sorted(found) == sorted([*options, "--help"])
    assert [option for option in found if "not in this version" in found[option]] == later


def test_import_names_its_formats(site):
    done = site.command("import", "xml", "-", config=False)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done
    assert done.stderr.endswith("expected list, hosts, dnsmasq, adguard, rpz, tsv, msdocs or m365\n"), done


def test_explain_has_no_empty_lines(place):
    assert "ports" not in place.command("explain", "localhost").stdout
    assert re.search(r"^ports: +tcp/443 udp/123$", place.command("explain", "www.example.com").stdout, re.M)


def test_help_and_version(site):
    done = site.command("--help", config=False)
    assert done.returncode == 0 and all(f"  {command} " in done.stdout for command in COMMANDS)
    done = site.command("--version", config=False)
    assert done.returncode == 0 and re.fullmatch(r"postern \S+\n", done.stdout)


@pytest.mark.parametrize("args", [
    [], ["nonsense"], ["--nonsense"], ["-x"], ["-c"], ["run", "--json"], ["run", "extra"], ["check", "--nonsense"],
    ["explain"], ["explain", "a", "A", "extra"], ["explain", "a", "--client"], ["catalog", "a", "b", "c"],
    ["catalog", "a", "b"], ["catalog", "--diff"], ["catalog", "--diff", "a"], ["catalog", "--diff", "a", "b", "c"],
    ["import", "list"], ["status", "extra"], ["status", "-v"], ["blocked", "--live"], ["reload", "--json"],
    ["flush", "a", "b"], ["Check"]])
def test_usage(site, args):
    """One line to standard error, and 2."""
    done = site.command(*args, config=False)
    assert done.returncode == 2 and done.stdout == "", done
    assert len(done.stderr.splitlines()) == 1 and "usage: " in done.stderr, done


@pytest.mark.parametrize("args", [["run", "--takeover"]])
def test_not_in_this_version(place, args):
    done = place.command(*args, stdin="")
    assert done.returncode == 1 and "not in this version" in done.stderr and done.stdout == "", done


def test_configuration_not_in_this_version(place):
    place.change({"upstream": {"address": "9.9.9.9", "tls-name": "dns.quad9.net"}})
    done = place.command("check")
    assert done.returncode == 1 and re.search(r"postern\.conf:\d+: error: .*not in this version", done.stdout), done


def imported(place, form, text):
    """What comes out is a catalogue that reads well."""
    done = place.command("import", form, "-", stdin=text)
    if done.stdout:
        place.write("zones/imported.ini", done.stdout)
        found = place.json("catalog", "imported")
        names = [entry["pattern"] for group in found["groups"] for entry in group["entries"]]
        return done, names
    return done, []


def test_import_list(place):
    text = "# names\nWWW.Example.com\n\n*.example.net   # a comment\n.example.org\n*dl.example.com\nwww.example.com\n"
    done, names = imported(place, "list", text)
    assert done.returncode == 0 and done.stderr == ""
    assert sorted(names) == sorted(["www.example.com", "*.example.net", ".example.org", "*dl.example.com"])
    file = place.write("names.txt", text)
    assert place.command("import", "list", file, config=False).returncode == 0


def test_import_says_what_it_could_not_read(place):
    done, names = imported(place, "list", "good.example.com\n*.com\nhttp://x/\nalso.example.com\n")
    assert done.returncode == 1 and sorted(names) == ["also.example.com", "good.example.com"]
    assert re.findall(r":(\d+): error: ", done.stderr) == ["2", "3"], done.stderr


def test_import_hosts(place):
    text = ("127.0.0.1 localhost\n::1 localhost ip6-localhost\n# a comment\n0.0.0.0 ads.example.com track.example.com\n"
            "fe80::1%lo0 one.example.net\n\n198.51.100.1\tTabbed.Example.com # end\n")
    done, names = imported(place, "hosts", text)
    assert done.returncode == 0, done
    assert sorted(names) == ["ads.example.com", "one.example.net", "tabbed.example.com", "track.example.com"]
    done, names = imported(place, "hosts", "nonsense here\n198.51.100.1 *.example.com ok.example.com\n")
    assert done.returncode == 1 and names == ["ok.example.com"] and len(done.stderr.splitlines()) == 2, done


def test_import_serves(postern, upstream):
    """A list goes through import into a service."""
    up = upstream()
    up.default = by_name
    server = postern({"profile default": {"catalog": "imported"}}, upstream=up, start=False)
    server.write("zones/imported.ini", server.command("import", "list", "-", stdin="*.example.com\n").stdout)
    server.start()
    assert server.client.ask("www.example.com").answer and not server.client.ask("www.example.net").answer


def test_import_of_no_file_and_no_format(place):
    for args, status in ((["list", "/nowhere/at/all"], 1), (["list", place.folder], 1), (["nonsense", "-"], 2)):
        done = place.command("import", *args, stdin="")
        assert done.returncode == status and len(done.stderr.splitlines()) == 1 and done.stdout == "", done


@pytest.mark.parametrize("command", [["status"], ["blocked"], ["reload"], ["flush"], ["status", "--json"]])
def test_no_server_to_ask(place, command):
    done = place.command(*command)
    assert done.returncode == 1 and done.stdout == "" and place.socket in done.stderr, done
    place.change({"control": {"socket": f"/proc/self/nothing{free_port()}"}})
    assert place.command(*command).returncode == 1
