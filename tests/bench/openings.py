# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to open the firewall: unique names with three addresses each that no set has yet."""
import statistics
import subprocess
import time

from peers import ECHO, POSTERN, Sets

NAME = "open"
TABLE = "bench"
ADDRESSES = 3
SIZE = 4_000_000
LATENCY_COUNT = 3000
LEASES = 1_000_000
LEASES_TTL = 3600


def nft(*words):
    subprocess.run(["nft", *words], check=True, capture_output=True, text=True)


def sets(timeout):
    """Fresh sets: no run finds what another has put there."""
    subprocess.run(["nft", "delete", "table", "inet", TABLE], check=False, capture_output=True)
    nft("add", "table", "inet", TABLE)
    for name, type_ in (("four", "ipv4_addr"), ("six", "ipv6_addr")):
        flags = "flags timeout ; " if timeout else ""
        nft("add", "set", "inet", TABLE, name, f"{{ type {type_} ; {flags}size {SIZE} ; }}")
    return Sets(TABLE, "four", "six", SIZE)


def costs(bench, load, start):
    """All that open, in turn with the echo. start(peer, sets) gives it an upstream of distinct addresses."""
    results = {}
    for _ in range(bench.args.rounds):
        for peer in [peer for peer in bench.peers if peer.opens or peer.name == ECHO]:
            with bench.part(peer):
                start(peer, sets(peer.timeouts) if peer.opens else None)
                results.setdefault(peer, []).append(bench.measure(peer, load))
                bench.stop(peer)
    return results


def cold(bench, load, start):
    """One question at a time: the median µs of an answer without and with a set to open, of postern alone."""
    found = {False: [], True: []}
    for peer in [peer for peer in bench.peers if peer.name == POSTERN]:
        for _ in range(bench.args.rounds):
            for opens in found:
                with bench.part(peer):
                    start(peer, sets(True) if opens else None)
                    result = bench.ask(bench.serving[peer][1], load, "--window", "1", "--ports", "1", "--count",
                                       str(LATENCY_COUNT), "--seconds", "5")
                    found[opens].append(result["median_us"])
                    bench.stop(peer)
    return {opens: statistics.median(values) for opens, values in found.items() if values}


def many(bench, load, start):
    """A million live leases: bytes of user memory, and the slowest cached answer while they are made. Postern alone."""
    for peer in [peer for peer in bench.peers if peer.name == POSTERN]:
        with bench.part(peer):
            start(peer, sets(True))
            process, port = bench.serving[peer]
            began = time.monotonic()
            result = bench.ask(port, load, "--count", str(LEASES // ADDRESSES + 1), "--seconds", "60")
            seconds = time.monotonic() - began
            memory = process.memory()
            bench.stop(peer)
            return {"answers": result["answers"], "seconds": seconds, "memory": memory, "max_us": result["max_us"]}
    return None
