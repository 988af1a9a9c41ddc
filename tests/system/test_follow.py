# SPDX-License-Identifier: GPL-3.0-or-later
"""follow = conntrack: a lease goes on while a flow to its address lives, for so long."""
import socket
import time

import pytest

from firewall import HOST, SET4, given, table
from procs import find_program, until

ADDRESS = "198.51.100.1"
# A rule that asks for the state is what has flows tracked.
TRACKED = "chain track { type filter hook output priority 0; ct state established accept; }\n"
SHORT = {"min-time": "0s", "grace": "1s"}
TTL = 2
END = TTL + 1


@pytest.fixture
def door(gate, ends):
    """A served gate whose upstream gives short TTLs, and something that listens at every address."""
    def make(sets=TRACKED, ruleset=None, **export):
        place = gate(ruleset or table(probes=sets))
        place.start({**SHORT, "follow": "conntrack", **{key.replace("_", "-"): value for key, value in export.items()}})
        place.give("a.example.com", ADDRESS, ttl=TTL)
        place.give("b.example.com", "198.51.100.2", ttl=TTL)
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            here = place.space.socket(socket.AF_INET, kind)
            ends.callback(here.close)
            here.bind(("0.0.0.0", 443))
            if kind == socket.SOCK_STREAM:
                here.listen()
                place.tcp = here
            else:
                place.udp = here
        return place
    return make


def flow(place, address, source=HOST, kind=socket.SOCK_STREAM, port=443):
    conn = place.space.socket(socket.AF_INET, kind)
    conn.bind((source, 0))
    conn.connect((address, port))
    return conn


def held(place, seconds, address=ADDRESS):
    """Whether the element was there all the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if address not in place.elements():
            return False
        time.sleep(0.1)
    return True


def test_lease_lives_as_long_as_its_flow(door):
    place = door()
    assert given(place.ask("a.example.com")) and given(place.ask("b.example.com"))
    conn = flow(place, ADDRESS)
    other = place.tcp.accept()[0]
    assert held(place, 3 * END)
    # the one without a flow has ended at its time
    assert "198.51.100.2" not in place.elements()
    conn.close()
    other.close()
    until(lambda: ADDRESS not in place.elements(), "the end", patience=3 * END)


def test_without_follow_it_ends(door):
    place = door(follow="none")
    assert given(place.ask("a.example.com"))
    conn = flow(place, ADDRESS)
    assert not held(place, 2 * END)
    conn.close()


def test_follow_max_bounds_it(door):
    place = door(follow_max="3s")
    begun = time.monotonic()
    assert given(place.ask("a.example.com"))
    conn = flow(place, ADDRESS)
    until(lambda: ADDRESS not in place.elements(), "the end", patience=4 * END)
    # counted from the lease's own end; the kernel's own clean-up is not to the second
    assert END + 2 <= time.monotonic() - begun <= END + 3 + 3
    conn.close()


def test_answered_udp_is_followed_and_unanswered_is_not(door):
    place = door()
    assert given(place.ask("a.example.com")) and given(place.ask("b.example.com"))
    conn = flow(place, ADDRESS, kind=socket.SOCK_DGRAM)
    lone = flow(place, "198.51.100.2", kind=socket.SOCK_DGRAM)
    conn.send(b"question")
    lone.send(b"question")
    for _ in range(2):
        _, client = place.udp.recvfrom(100)
        # from 0.0.0.0 the answer would come from another address: a connected socket of the same port answers
        if client == conn.getsockname():
            answer = place.space.socket(socket.AF_INET, socket.SOCK_DGRAM)
            answer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            place.udp.close()
            answer.bind((ADDRESS, 443))
            answer.sendto(b"answer", client)
            answer.close()
            break
    assert held(place, 2 * END)
    assert "198.51.100.2" not in place.elements()


def test_client_and_port_count(door):
    """Where the set is keyed by them, a flow of another client or to another port keeps nothing."""
    ruleset = f"""table inet lockdown {{
        set update4 {{ type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags timeout; }}
        set update6 {{ type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags timeout; }}
        {TRACKED} }}"""
    place = door(ruleset=ruleset)
    one, two = place.client("127.0.0.2"), place.client("127.0.0.3")
    assert given(one.ask("a.example.com")) and given(two.ask("a.example.com"))
    assert len(place.elements()) == 4
    conn = flow(place, ADDRESS, "127.0.0.2")
    wanted = [f"127.0.0.2 . {ADDRESS} . tcp . 443"]
    until(lambda: sorted(place.elements()) == wanted, "the others' end", patience=3 * END)
    assert held(place, END, wanted[0])
    conn.close()


def test_ended_flow_of_conntrack(door):
    """What an admin cuts is over."""
    program = find_program("conntrack")
    if not program:
        pytest.skip("conntrack is not installed")
    place = door()
    assert given(place.ask("a.example.com"))
    conn = flow(place, ADDRESS)
    assert held(place, END + 1)
    place.space.run(program, "-D", "-d", ADDRESS)
    until(lambda: ADDRESS not in place.elements(SET4), "the end", patience=3 * END)
    conn.close()
