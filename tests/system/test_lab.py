# SPDX-License-Identifier: GPL-3.0-or-later
"""The laboratory of `make demo` as a test, and the files of contrib that it is made of."""
import os
import subprocess

import pytest

import demo
import lab
from server import BINARY, ROOT

CONTRIB = os.path.join(ROOT, "contrib")


def test_every_step_of_the_demonstration_holds(scratch, ends):
    reason = lab.why_not()
    if reason:
        pytest.skip(reason)
    shown = []
    try:
        demo.run(lab.Laboratory(scratch, ends), shown.append)
    except AssertionError as failure:
        raise AssertionError(f"{failure}\n" + "\n".join(shown)) from None


@pytest.fixture
def gateway(namespace, need):
    space = namespace()
    nft = need("nft")

    def run(*args, **kwargs):
        return space.run(nft, *args, **kwargs)
    return run


def test_ruleset_is_right_to_nft(gateway):
    gateway("-c", "-f", lab.RULESET)
    assert gateway("list", "ruleset").stdout == ""


def test_ruleset_loads_again_and_keeps_what_is_open(gateway):
    gateway("-f", lab.RULESET)
    first = gateway("-s", "list", "ruleset").stdout
    gateway("add", "element", "inet", "lockdown", "update4", "{ 192.0.2.1 timeout 1h }")
    for _ in range(2):
        gateway("-f", lab.RULESET)
        assert "192.0.2.1" in gateway("list", "set", "inet", "lockdown", "update4").stdout
    gateway("delete", "element", "inet", "lockdown", "update4", "{ 192.0.2.1 }")
    assert gateway("-s", "list", "ruleset").stdout == first


def test_ruleset_can_begin_anew_in_one_step(gateway, scratch):
    """As its README has it."""
    gateway("-f", lab.RULESET)
    gateway("add", "element", "inet", "lockdown", "update4", "{ 192.0.2.1 timeout 1h }")
    with open(f"{scratch}/anew.nft", "w", encoding="ascii") as file:
        file.write(f'table inet lockdown\ndelete table inet lockdown\ninclude "{lab.RULESET}"\n')
    gateway("-f", f"{scratch}/anew.nft")
    assert "192.0.2.1" not in gateway("list", "set", "inet", "lockdown", "update4").stdout


def test_vlan_conf_fits_the_ruleset(fresh, need):
    """The example's sets are there, and are what it takes them for."""
    fresh.run(need("nft"), "-f", lab.RULESET)
    done = fresh.run(BINARY, "-c", os.path.join(ROOT, "conf/vlan.conf"), "check", "--strict", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_dnsmasq_takes_its_file(need):
    done = subprocess.run([need("dnsmasq"), "--test", "-C", f"{CONTRIB}/dhcp/dnsmasq.conf"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program,args,file", [
    ("kea-dhcp4", ["-t"], "kea-dhcp4.conf"), ("kea-dhcp6", ["-t"], "kea-dhcp6.conf"),
    ("dhcpd", ["-t", "-4", "-cf"], "dhcpd.conf"), ("dhcpd", ["-t", "-6", "-cf"], "dhcpd6.conf"),
    ("radvd", ["-c", "-C"], "radvd.conf")])
def test_other_servers_take_their_files(need, namespace, scratch, program, args, file):
    """Where they are installed. In a namespace that has the interface."""
    path = need(program)
    space = namespace()
    space.run("ip", "link", "add", "vlan30", "type", "bridge")
    space.run("ip", "link", "set", "vlan30", "up")
    space.address("vlan30", "10.30.0.1/24", "fd30:0:0:30::1/64")
    leases = ["-lf", f"{scratch}/leases"] if program == "dhcpd" else []
    if leases:
        with open(f"{scratch}/leases", "w", encoding="ascii"):
            pass
    space.run(path, *args, f"{CONTRIB}/dhcp/{file}", *leases)


def test_openwrt_script_is_clean(need):
    for program in (["sh", "-n"], [need("shellcheck")]):
        done = subprocess.run([*program, f"{CONTRIB}/openwrt/postern.init"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_ruleset_does_for_ipv6_what_it_does_for_ipv4(scratch, ends):
    reason = lab.why_not()
    if reason:
        pytest.skip(reason)
    place = lab.Laboratory(scratch, ends)
    client, router = place.client, "fd30:0:0:30::1"
    client.address("eth0", "fd30:0:0:30::50/64", "fd30:0:0:30::51/64")
    client.run("ip", "-6", "route", "replace", "default", "via", router, "dev", "eth0")

    def reach(address, port, source="fd30:0:0:30::50", patience="4"):
        return client.run("curl", "-sS", "-m", patience, "-g", "--interface", source, f"http://[{address}]:{port}/",
                          check=False).returncode

    def ask(name, server=router):
        return client.run("dig", "-b", "fd30:0:0:30::50", "+tries=1", "+time=2", f"@{server}", name, "AAAA").stdout
    chain = next(one for one in place.chains if one.area == "update" and one.type == "AAAA" and one.addresses)
    address = chain.addresses[0].data
    assert reach(address, 80) == 7
    assert address in ask(chain.query)
    assert reach(address, 80) == 0
    # another's address, another port, an address of nobody's, other name servers
    assert reach(address, 80, "fd30:0:0:30::51") == 7 and reach(address, 8080) == 7 and reach("2a00::1", 80) == 7
    assert "NXDOMAIN" in ask("www.example.org", "2001:4860:4860::8888")
    assert reach("2620:fe::fe", 853) == 7 and reach("2606:4700:4700::1111", 443) == 7
    # somebody else's source address
    client.address("eth0", "fd99::1/128")
    before = place.counter("refused")
    assert reach(address, 80, "fd99::1", "0.5") != 0 and place.counter("refused") > before


def test_ruleset_redirects_what_is_not_for_the_gateway(scratch, ends):
    """Its address in that network is postern's; at one that it has elsewhere another server may listen."""
    reason = lab.why_not()
    if reason:
        pytest.skip(reason)
    place = lab.Laboratory(scratch, ends)
    place.client.address("eth0", "fd30:0:0:30::50/64")
    place.client.run("ip", "-6", "route", "replace", "default", "via", "fd30:0:0:30::1", "dev", "eth0")
    place.gateway.run("ip", "address", "add", "10.99.0.1/32", "dev", "lo")
    for server, more in ((lab.GATEWAY, 0), ("fd30:0:0:30::1", 0), ("10.99.0.1", 1), ("8.8.8.8", 1)):
        before = place.counter("redirected")
        for extra in ([], ["+tcp"]):
            done = place.client.run("dig", "+tries=1", "+time=2", *extra, f"@{server}", "www.example.org")
            assert "NXDOMAIN" in done.stdout, done.stdout
        assert place.counter("redirected") == before + 2 * more, server
