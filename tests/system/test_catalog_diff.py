# SPDX-License-Identifier: GPL-3.0-or-later
"""postern catalog --diff A B, and how a catalogue is shown."""
import re

import pytest

CATALOGUES = {
    "a": """
[catalog]
title = A
source = a's document, 2026-01-01
include = shared/one
[first]
purpose = what is first
ports = tcp/443 udp/123
allow = www.example.com *.example.net .example.org
        img*.cdn.example.com
chain = *.chain.example a.led.example
[second]
source = row 7
ports = tcp/80
types = TXT SRV
allow = typed.example.com
        covered.wide.example.com
""",
    "b": """
[catalog]
source = b's document
[all]
ports = tcp/443
allow = *.example.net example.org img*.cdn.example.com *.wide.example.com
        *.led.example
[more]
ports = udp/123
types = TXT
allow = img*.cdn.example.com typed.example.com
[links]
chain = www.example.com
""",
    "shared": "[one]\nports = tcp/80\nallow = in.shared.example\n[two]\nports = tcp/80\nallow = not.shared.example\n",
    "c": "[catalog]\ninclude = a\n[own]\nports = tcp/1\nallow = own.example.com\n",
    "names.list": "www.example.com\nother.example.com\n",
}


@pytest.fixture
def place(site):
    site.configure({"profile default": {"catalog": ""}}, CATALOGUES)
    return site


def lacks(place, one, other):
    """{pattern: what the other lacks} of the JSON."""
    found = place.json("catalog", "--diff", one, other)
    assert (found["a"], found["b"]) == (one, other)
    assert found["lacking"] == sum(len(group["entries"]) for group in found["groups"])
    return {entry["pattern"]: entry for group in found["groups"] for entry in group["entries"]}


def test_what_is_lacking(place):
    found = lacks(place, "a", "b")
    assert {pattern: entry["lacks"] for pattern, entry in found.items()} == {
        "www.example.com": "allow",             # b only leads there
        "*.example.net": "ports",
        ".example.org": "entry",                # b has the name, not what is below it
        "*.chain.example": "entry",
        "typed.example.com": "ports",
        "covered.wide.example.com": "ports",
        "in.shared.example": "entry",           # taken in by an include
    }
    assert found["*.example.net"]["ports"] == ["udp/123"] and found["*.example.net"]["by"] == "*.example.net"
    assert (found["typed.example.com"]["ports"], found["typed.example.com"]["types"]) == (["tcp/80"], ["SRV"])
    assert (found["covered.wide.example.com"]["by"], found["covered.wide.example.com"]["by-group"]) == \
        ("*.wide.example.com", "b/all")
    assert found["www.example.com"]["by-group"] == "b/links" and found[".example.org"]["by"] is None


def test_types_alone(place):
    place.write("zones/d.ini", "[g]\nports = tcp/80\ntypes = TXT\nallow = typed.example.com\n")
    assert lacks(place, "a/second", "d")["typed.example.com"]["lacks"] == "types"
    assert "typed.example.com" not in lacks(place, "d", "a")


def test_groups_of_the_json(place):
    found = place.json("catalog", "--diff", "a", "b")
    groups = {group["group"]: group for group in found["groups"]}
    assert list(groups) == ["first", "second", "one"] and found["entries"] == 9
    first = groups["first"]
    assert (first["catalog"], first["purpose"], first["source"]) == ("a", "what is first", "a's document, 2026-01-01")
    assert first["ports"] == ["tcp/443", "udp/123"] and first["file"].endswith("zones/a.ini")
    assert groups["second"]["source"] == "row 7" and groups["one"]["catalog"] == "shared"
    roles = {entry["pattern"]: (entry["role"], entry["line"]) for entry in first["entries"]}
    assert roles["*.chain.example"] == ("chain", 11) and roles["www.example.com"] == ("allow", 9)


def test_nothing_is_lacking(place):
    for one, other in (("a", "a"), ("a", "c"), ("shared/one", "a")):
        done = place.command("catalog", "--diff", one, other)
        assert done.returncode == 0 and done.stderr == "", done
        assert len(done.stdout.splitlines()) == 1 and f"{one}: 0 of " in done.stdout
    assert set(lacks(place, "c", "a")) == {"own.example.com"}


def test_lists_and_groups(place):
    assert set(lacks(place, "names", "a")) == {"www.example.com", "other.example.com"}
    assert lacks(place, "names", "a")["www.example.com"]["lacks"] == "ports"
    # of a group its own allow entries, and what the whole catalogue leads to
    assert set(lacks(place, "a/second", "b/more")) == {"typed.example.com", "covered.wide.example.com",
                                                       "*.chain.example", "a.led.example"}


def test_text_is_aligned(place):
    text = place.command("catalog", "--diff", "a", "b").stdout
    assert text.startswith("a: 7 of 9 entries, with what it includes, are not or not wholly in b\n\na/first  tcp/443 udp/123\n"
                           "  what is first\n")
    assert re.search(r"^  allow  www\.example\.com  only to be led to \(www\.example\.com in b/links\)$", text, re.M), text
    assert re.search(r"^  allow  \.example\.org     not there$", text, re.M), text
    assert re.search(r"^  allow  typed\.example\.com         there without tcp/80 SRV \(typed\.example\.com in b/more\)$",
                     text, re.M), text


@pytest.mark.parametrize("args", [["nowhere", "a"], ["a", "nowhere"], ["a/nothing", "b"]])
def test_not_found(place, args):
    for extra in ([], ["--json"]):
        done = place.command("catalog", "--diff", *args, *extra)
        assert done.returncode == 1 and done.stdout == "" and "no" in done.stderr, done


def test_a_group_says_what_it_permits(place):
    place.write("zones/d.ini", "[g]\nports = tcp/80\ntypes = TXT SRV\nprivate = yes\nchurn = yes\naccept = anybody\n"
                "allow = *.cloudfront.net\n")
    text = place.command("catalog", "d").stdout
    assert re.search(r"^  ports    tcp/80\n  types    TXT SRV\n  private  yes\n  churn    yes\n  accept   anybody\n"
                     r"  allow    \*\.cloudfront\.net$", text, re.M), text
    text = place.command("catalog", "b").stdout
    assert "private" not in text and "accept" not in text


def test_one_group(site):
    """CATALOG/GROUP shows that group alone, as text and JSON; one that is not there is said."""
    site.write("zones/big.ini", "[catalog]\ntitle = t\n[one]\nallow = a.example\n[two]\nports = udp/123\nallow = b.example\n")
    assert [group["group"] for group in site.json("catalog", "big/two")["groups"]] == ["two"]
    shown = site.command("catalog", "big/two").stdout
    assert "b.example" in shown and "udp/123" in shown and "a.example" not in shown
    for name, told in (("big/three", "no group three"), ("big/", "no group"), ("huge/two", "huge: not found")):
        done = site.command("catalog", name)
        assert done.returncode == 1 and told in done.stderr and not done.stdout, done


def test_nothing_found_is_said(site):
    site.change({"server": {"zones": "nowhere"}, "profile default": {"catalog": ""}})
    done = site.command("catalog")
    assert done.returncode == 1 and "none found in" in done.stderr and "nowhere" in done.stderr, done
