# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client sees: block modes, types, records, special names, service records, the rebinding guard."""
import pytest

import wire
from client import addresses, errors, rcode, types
from upstream import by_name, nodata

CATALOGUE = {"test": """\
[web]
ports = tcp/443
allow = *.example.com
chain = *.cdn.example

[inside]
private = yes
allow = *.inside.example.com

[text]
types = TXT SRV
ports = tcp/389
allow = text.example.org
  _ldap._tcp.example.org
"""}
CONTROL = wire.query("good.example.com", ident=0x7777)


def codes(answer):
    return [code for code, _ in errors(answer)]


@pytest.fixture
def script(upstream):
    up = upstream()
    up.default = by_name
    up.on("bent.example.com", "A", [wire.record("bent.example.com", "CNAME", 300, "evil.example.net"),
                                    wire.record("evil.example.net", "A", 300, "198.51.1.1")])
    return up


@pytest.fixture
def make(postern, script):
    def start(sections=None, **profile):
        server = postern({"profile default": {"catalog": "test", **profile}, **(sections or {})}, CATALOGUE, script)
        server.client.ask("good.example.com")
        return server
    return start


@pytest.mark.parametrize("name, link", [("x.example.net", ""), ("bent.example.com", "evil.example.net")])
@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("block", ["nxdomain", "nodata", "refused", "sinkhole"])
def test_block(make, block, tcp, name, link):
    """For names that are not listed, and for chains that leave: twice, the second from the cache."""
    client = make(block=block).client
    for _ in range(2):
        answer = client.ask(name, tcp=tcp)
        assert errors(answer) == [(wire.EDE_BLOCKED, link)]
        assert rcode(answer) == {"nxdomain": "NXDOMAIN", "refused": "REFUSED"}.get(block, "NOERROR")
        assert addresses(answer) == (["0.0.0.0"] if block == "sinkhole" else [])
        if block in ("nxdomain", "nodata"):
            (soa,) = answer.authority
            assert soa.ttl == 60 and soa[0].minimum == 60
        elif block == "sinkhole":
            assert answer.answer[0].ttl == 60 and answer.answer[0].name.to_text() == name + "."
        else:
            assert not answer.authority


def test_sinkhole_addresses(make):
    client = make(block="sinkhole", sinkhole="10.9.8.7 fd00::7").client
    assert addresses(client.ask("x.example.net")) == ["10.9.8.7"]
    assert addresses(client.ask("x.example.net", "AAAA")) == ["fd00::7"]
    for rtype in ("MX", "HTTPS", "TXT"):
        answer = client.ask("x.example.net", rtype)
        assert rcode(answer) == "NOERROR" and not answer.answer and answer.authority


@pytest.mark.parametrize("name", ["x.example.net", "bent.example.com"])
def test_drop(make, name):
    """UDP: nothing; TCP: the connection is closed. Allowed names are served."""
    client = make(block="drop").client
    for _ in range(2):
        assert client.raw(wire.query(name), patience=0.3) is None
        assert client.raw_tcp(wire.query(name)) is None
    assert client.silent(wire.query("x.example.net"), CONTROL)
    assert addresses(client.ask("good.example.com", tcp=True))


def test_block_ttl(make):
    client = make({"cache": {"block-ttl": "7s"}}).client
    answer = client.ask("x.example.net")
    assert answer.authority[0].ttl == 7 and answer.authority[0][0].minimum == 7


def test_types(make, script):
    """Others than those listed: NODATA with EDE 15, and upstream is not asked."""
    client = make().client
    script.default = nodata
    script.forget()
    for rtype in ("TXT", "MX", "SRV", "NS", "SOA", "PTR", "NULL", "TYPE65280"):
        answer = client.ask("new.example.com", rtype)
        assert rcode(answer) == "NOERROR" and not answer.answer and codes(answer) == [wire.EDE_BLOCKED]
    assert script.asked() == []
    for rtype in ("A", "AAAA", "CNAME", "HTTPS", "SVCB"):
        client.ask("new.example.com", rtype)
        assert len(script.asked("new.example.com", rtype)) == 1
    script.on("text.example.org", "TXT", [wire.record("text.example.org", "TXT", 60, '"a text"')])
    assert client.ask("text.example.org", "TXT").answer


def test_profile_types_and_aaaa(make, script):
    client = make(types="A TXT", aaaa="no").client
    script.on("www.example.com", "TXT", [wire.record("www.example.com", "TXT", 60, '"a text"')])
    assert client.ask("www.example.com", "TXT").answer
    for rtype in ("AAAA", "HTTPS"):
        assert codes(client.ask("www.example.com", rtype)) == [wire.EDE_BLOCKED]


def test_records(make, script):
    """Answered here, aliases too; other types NODATA; private addresses may be."""
    records = ["wsus.corp.test. 300 IN A 10.0.0.5", "wsus.corp.test. 300 IN A 10.0.0.6",
               'wsus.corp.test. 300 IN TXT "one" "two"', "alias.corp.test. 60 IN CNAME wsus.corp.test.",
               "good.example.com. 9 IN A 192.168.1.1"]
    client = make({"records": {"record": records}}).client
    script.forget()
    answer = client.ask("wsus.corp.test")
    assert addresses(answer) == ["10.0.0.5", "10.0.0.6"] and answer.answer[0].ttl == 300
    assert client.ask("WSUS.corp.test", "TXT").answer
    answer = client.ask("alias.corp.test")
    assert types(answer) == ["CNAME", "A"]
    for rtype in ("AAAA", "MX", "HTTPS"):
        answer = client.ask("wsus.corp.test", rtype)
        assert rcode(answer) == "NOERROR" and not answer.answer
    assert addresses(client.ask("good.example.com")) == ["192.168.1.1"]
    assert rcode(client.ask("x.wsus.corp.test")) == "NXDOMAIN"
    assert script.asked() == []


SPECIAL = [
    ("localhost", "A", "NOERROR", ["127.0.0.1"]), ("a.b.localhost", "AAAA", "NOERROR", ["::1"]),
    ("localhost", "MX", "NOERROR", []), ("ipv4only.arpa", "A", "NOERROR", ["192.0.0.170", "192.0.0.171"]),
    ("resolver.arpa", "A", "NOERROR", []), ("_dns.resolver.arpa", "SVCB", "NOERROR", []),
    ("1.0.168.192.in-addr.arpa", "PTR", "NXDOMAIN", []), ("1.1.10.in-addr.arpa", "PTR", "NXDOMAIN", []),
    ("5.16.172.in-addr.arpa", "PTR", "NXDOMAIN", []), ("5.31.172.in-addr.arpa", "PTR", "NXDOMAIN", []),
    ("x.invalid", "A", "NXDOMAIN", []), ("x.test", "A", "NXDOMAIN", []), ("x.onion", "A", "NXDOMAIN", []),
    ("host.local", "A", "NXDOMAIN", []), ("use-application-dns.net", "A", "NXDOMAIN", []),
    ("mask.icloud.com", "A", "NXDOMAIN", []), ("mask-h2.icloud.com", "AAAA", "NXDOMAIN", []),
]


@pytest.mark.parametrize("block", ["nxdomain", "sinkhole"])
@pytest.mark.parametrize("name, rtype, code, wanted", SPECIAL)
def test_special_names(make, script, name, rtype, code, wanted, block):
    """Answered here whatever `block` says, never sent upstream."""
    client = make(block=block).client
    script.forget()
    answer = client.ask(name, rtype)
    assert rcode(answer) == code and addresses(answer) == wanted and script.asked() == []


PRIVATE = ["0.1.2.3", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
           "192.0.0.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "224.0.0.1", "255.255.255.255"]
PUBLIC = ["9.9.9.9", "100.128.0.1", "172.32.0.1", "192.0.2.1", "192.169.0.1", "198.20.0.1", "203.0.113.1", "223.255.255.255"]
PRIVATE6 = ["::", "::1", "fc00::1", "fdff::1", "fe80::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1", "::10.0.0.1",
            "64:ff9b::192.168.0.1", "64:ff9b:1::10.0.0.1", "2002:c0a8:1::1", "2001:0:909:909:3:4:f5ff:fffe",
            "2001:0:a00:1:3:4:f6f6:f6f6"]
PUBLIC6 = ["2606:4700::1", "2001:db8::1", "::ffff:9.9.9.9", "64:ff9b::9.9.9.9", "2002:909:909::1", "2001:0:909:909:3:4:f6f6:f6f6"]


@pytest.mark.parametrize("rtype, private, public", [("A", PRIVATE, PUBLIC), ("AAAA", PRIVATE6, PUBLIC6)])
def test_rebinding_guard(make, script, rtype, private, public):
    """Every private range and what carries one inside; all that is beside them passes."""
    script.on("all.example.com", rtype, [wire.record("all.example.com", rtype, 60, address)
                                         for address in private + public])
    script.on("none.example.com", rtype, [wire.record("none.example.com", rtype, 60, address) for address in private])
    script.on("all.inside.example.com", rtype, [wire.record("all.inside.example.com", rtype, 60, address)
                                                for address in private])
    client = make({"server": {"private": "203.0.113.0/24 2606:4700::/32"}}).client
    kept = [address for address in public if address not in ("203.0.113.1", "2606:4700::1")]
    assert len(addresses(client.ask("all.example.com", rtype))) == len(kept) < len(public)
    answer = client.ask("none.example.com", rtype)
    assert rcode(answer) == "NOERROR" and not answer.answer
    assert len(addresses(client.ask("all.inside.example.com", rtype))) == len(private)


def test_service_records(make, script):
    """A target or port that is not listed, and private hints, are taken out."""
    script.on("good.example.com", "HTTPS", [
        wire.record("good.example.com", "HTTPS", 60, '1 . alpn="h2" ipv4hint="198.51.1.1,10.0.0.1" ipv6hint="2606::1,fd00::1"')])
    script.on("evil.example.com", "HTTPS", [
        wire.record("evil.example.com", "HTTPS", 60, '1 evil.example.net. ipv4hint="198.51.1.1"')])
    script.on("port.example.com", "HTTPS", [
        wire.record("port.example.com", "HTTPS", 60, '1 . port="8443" ipv4hint="198.51.1.1"'),
        wire.record("port.example.com", "HTTPS", 60, '2 x.cdn.example. port="443"')])
    script.on("_ldap._tcp.example.org", "SRV", [
        wire.record("_ldap._tcp.example.org", "SRV", 60, "0 0 389 text.example.org."),
        wire.record("_ldap._tcp.example.org", "SRV", 60, "0 0 22 text.example.org."),
        wire.record("_ldap._tcp.example.org", "SRV", 60, "0 0 389 evil.example.net.")])
    client = make().client
    (record,) = client.ask("good.example.com", "HTTPS").answer[0]
    text = record.to_text()
    assert "198.51.1.1" in text and "2606::1" in text and "10.0.0.1" not in text and "fd00::1" not in text
    answer = client.ask("evil.example.com", "HTTPS")
    assert rcode(answer) == "NOERROR" and not answer.answer and errors(answer)[0][0] == wire.EDE_BLOCKED
    (record,) = client.ask("port.example.com", "HTTPS").answer[0]
    assert "x.cdn.example" in record.to_text()
    (record,) = client.ask("_ldap._tcp.example.org", "SRV").answer[0]
    assert record.to_text() == "0 0 389 text.example.org."
    # the target that was given may be asked for, those taken out may not
    assert addresses(client.ask("x.cdn.example"))
    assert rcode(client.ask("evil.example.net")) == "NXDOMAIN"


def test_dname(make, script):
    """A chain through DNAME, with the CNAME that it stands for or without; and one that leaves."""
    def to(target, with_cname):
        made = [wire.record("below.example.com", "DNAME", 60, target)]
        if with_cname:
            made.append(wire.record("x.below.example.com", "CNAME", 60, f"x.{target}"))
        return made + [wire.record(f"x.{target}", "A", 60, "198.51.1.1")]
    server = make()
    for with_cname in (True, False):
        script.on("x.below.example.com", "A", to("edge.cdn.example", with_cname))
        answer = server.client.ask("x.below.example.com")
        assert addresses(answer) == ["198.51.1.1"] and types(answer) == ["DNAME", "CNAME", "A"]
        server.flush()
        script.on("x.below.example.com", "A", to("evil.example.net", with_cname))
        answer = server.client.ask("x.below.example.com")
        assert rcode(answer) == "NXDOMAIN" and errors(answer) == [(wire.EDE_BLOCKED, "x.evil.example.net")]
        server.flush()


def test_forward_of_special_names(postern, script):
    """[forward] lifts the special names under it."""
    script.on("1.1.168.192.in-addr.arpa", "PTR", [wire.record("1.1.168.192.in-addr.arpa", "PTR", 60, "host.corp.test.")])
    server = postern({"profile default": {"catalog": "test"}, "forward 168.192.in-addr.arpa": {"address": script.at}},
                     CATALOGUE, script)
    assert server.client.ask("1.1.168.192.in-addr.arpa", "PTR").answer
    assert rcode(server.client.ask("1.1.10.in-addr.arpa", "PTR")) == "NXDOMAIN"
