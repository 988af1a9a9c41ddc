# SPDX-License-Identifier: GPL-3.0-or-later
"""What `explain` and `check` say of exports, without a firewall."""
import json

import pytest

CATALOGUE = """\
[catalog]
source = a document
[web]
source = a chapter
ports = tcp/443
allow = www.example.com
chain = cdn.example.net
"""


@pytest.fixture
def place(site):
    site.configure({
        "profile default": {"catalog": "test", "export": "lockdown"},
        "profile two": {"clients": "10.0.0.2", "catalog": "test", "export": "told lockdown"},
        "profile none": {"clients": "10.0.0.3", "catalog": "test"},
        "export lockdown": {"set4": "inet lockdown update4"},
        "export told": {"kind": "socket", "path": "told.sock"},
        "export idle": {"kind": "ipset", "set6": "update6"},
        "records": {"record": ["box.corp.test. 60 IN A 10.0.0.1", "www.example.com. 60 IN AAAA fd00::1"]},
        "forward fwd.test": {"address": "127.0.0.1@1", "ports": "tcp/22"},
    }, {"test": CATALOGUE})
    return site


def exports(place, *args):
    """As JSON says, and the text in other words; None where neither says anything."""
    found = json.loads(place.command("explain", *args, "--json").stdout).get("exports")
    lines = [line for line in place.command("explain", *args).stdout.splitlines() if line.startswith("exports:")]
    if found is None:
        assert lines == []
    else:
        assert lines == [f"exports:   {' '.join(found) or 'none, as no ports are opened for it'}"]
    return found


def test_exports_of_the_profile(place):
    assert exports(place, "www.example.com") == ["lockdown"]
    assert exports(place, "www.example.com", "AAAA") == ["lockdown"]
    assert exports(place, "www.example.com", "--client", "10.0.0.2") == ["lockdown", "told"]
    assert exports(place, "www.example.com", "--client", "10.0.0.3") is None
    assert exports(place, "a.fwd.test") == ["lockdown"]


def test_no_exports(place):
    """Nothing is opened for a record that no entry has, and of what is blocked or special nothing is said."""
    assert exports(place, "box.corp.test") == []
    assert exports(place, "other.example.com") is None
    assert exports(place, "cdn.example.net") is None
    assert exports(place, "localhost") is None


def test_check_warns(place):
    done = place.command("check")
    assert done.returncode == 0, done
    # what the kernel says of the sets, or that it may not be asked, is another matter
    said = [line for line in done.stdout.splitlines() if " is not there: " not in line and "[unchecked]" not in line]
    assert len(said) == 2, said
    assert sum("warning: [export idle]: no profile names it [unused]" in line for line in said) == 1
    assert sum("warning: profile default: none of its exports has set6" in line and line.endswith("[no-set]")
               for line in said) == 1
    assert place.command("check", "--strict").returncode == 1
