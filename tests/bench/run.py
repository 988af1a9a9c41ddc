#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer costs: postern beside its peers and a bare echo, in one run.

The servers stand on one core, load and upstream on another; counted is the time that all of a server's processes ran,
by the kernel's own account, divided by the right answers. An echo, which does nothing but receive and send, runs in
turn with them, as the machine itself varies by a third: its multiples are what can be compared with another day's. Each
figure is the median of the rounds. All stays on 127.0.0.1 and in a temporary folder, and ends in under five minutes.

A further peer is a row in peers.py, a further load one in LOADS below.
"""
import argparse
import contextlib
import json
import os
import platform
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import openings  # noqa: E402
from peers import ECHO, PEERS, POSTERN, Site  # noqa: E402
from procs import Failure, Processes, free_port, libc  # noqa: E402

ZONE = "bench.example.net"
SIZES = (100, 100_000)
MAIN_SIZE = 1000
CACHED_NAMES = 1000
BLOCKED_NAMES = 20_000
UNIQUE_A_ROUND = 1_000_000
RECORDS_CACHED = 10_000  # two CNAMEs and twice four addresses for each of CACHED_NAMES
RECORDS_A_SECOND = 200_000  # more than any of the peers can miss
LOST_MOST = 0.001
START_TIMEOUT = 20
TTL = 3600
CLONE_NEWNET = 0x40000000


class Load:
    """questions: a file's name, or None for names that nobody asked before. expect: of the answers; empty: that the
    name is blocked. passes: what share of the questions may and
    must reach the upstream; it shows whether the load was what its name says."""

    def __init__(self, name, questions, expect, passes, window=192, warm=False):
        self.name, self.questions, self.expect, self.passes = name, questions, expect, passes
        self.window, self.warm = window, warm


LOADS = [
    Load("cached", "cached.txt", ["--rcode", "0", "--ancount", "4"], (0, 0.01), warm=True),
    Load("blocked", "blocked.txt", [], (0, 0.01)),
    Load("miss", None, ["--rcode", "0", "--ancount", "4"], (1, 3.1), window=64),
]
# The bound is what dnsmasq takes at a time with its sets; more are lost.
OPEN = Load(openings.NAME, None, ["--rcode", "0", "--ancount", str(2 + openings.ADDRESSES)], (1, 3.1), window=64)


def random_domains(count, seed):
    """Domains as lists have them. None of them is ever asked of anybody but our own upstream."""
    source = random.Random(seed)
    letters, ends = "abcdefghijklmnopqrstuvwxyz", ("com", "net", "org", "io", "de", "co.uk")
    found = {}
    while len(found) < count:
        labels = ["".join(source.choices(letters, k=source.randint(5, 14))) for _ in range(source.choice((1, 1, 2)))]
        found[".".join(labels + [source.choice(ends)])] = None
    return list(found)


def patterns(count):
    return [ZONE] + random_domains(count - 1, 1)


def write_questions(folder):
    names = {"cached.txt": [f"c{i}.{ZONE}" for i in range(CACHED_NAMES)],
             "blocked.txt": random_domains(BLOCKED_NAMES, 2)}
    for file, list_ in names.items():
        with open(os.path.join(folder, file), "w", encoding="ascii") as out:
            out.writelines(f"{name} A\n{name} AAAA\n" for name in list_)


def ask_until_answered(process, port, name):
    """Returns the seconds from the process's start to its first answer."""
    question = (b"\x12\x34\x01\x00\x00\x01" + bytes(6) +
                b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0\0\1\0\1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(0.002)
        while process.popen.poll() is None:
            # A refusal, as long as nobody listens, comes at once; hence the sleep.
            try:
                sock.send(question)
                if sock.recv(2048)[:2] == question[:2]:
                    return time.monotonic() - process.started
            except socket.timeout:
                pass
            except ConnectionRefusedError:
                time.sleep(0.001)
            if time.monotonic() - process.started > START_TIMEOUT:
                raise Failure("no answer")
    raise Failure(f"did not start: {process.last_words()}")


def enter_namespace():
    """A network of our own with nothing but loopback: sets of the machine are not touched. False: not permitted."""
    if libc.unshare(CLONE_NEWNET):
        return False
    return subprocess.run(["ip", "link", "set", "lo", "up"], check=False).returncode == 0 and bool(shutil.which("nft"))


class Bench:
    def __init__(self, args, folder, processes):
        self.args, self.folder, self.processes = args, folder, processes
        self.unique = 0
        self.sites = 0
        self.waited = 0.0
        self.remarks = {}
        self.in_namespace = enter_namespace()
        if not self.in_namespace:
            self.remark(OPEN.name, "needs root, for a network namespace and nft; left out")
        self.given = {POSTERN: args.postern, ECHO: os.path.join(args.tools, "echo")}
        self.serving = {}
        self.peers = self.choose()
        cores = sorted(os.sched_getaffinity(0))
        self.load_core, self.server_core = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
        write_questions(folder)
        self.upstream, self.distinct = free_port(), free_port()
        self.counter = os.path.join(folder, "asked")
        self.start_upstream(self.upstream, "--addresses", "2-4")
        self.start_upstream(self.distinct, "--addresses", str(openings.ADDRESSES), "--distinct")

    def start_upstream(self, port, *options):
        self.processes.start([self.tool("upstream"), "--listen", f"127.0.0.1@{port}", "--ttl", str(TTL), "--counter",
                              self.counter, "--seconds", "900", *options], self.load_core)

    def tool(self, name):
        return os.path.join(self.args.tools, name)

    def remark(self, subject, text):
        """One line a subject: the first round says it all."""
        self.remarks.setdefault(subject, text)

    def choose(self):
        """The peers that are wanted and there."""
        wanted = self.args.peers.split(",") if self.args.peers else [peer.name for peer in PEERS]
        chosen = [peer for peer in PEERS if peer.name == ECHO or peer.name in wanted]
        for peer in chosen:
            if not peer.find(self.given):
                self.remark(peer.name, "not on this machine, left out")
        return [peer for peer in chosen if peer.find(self.given)]

    def asked(self):
        with open(self.counter, "rb") as file:
            return int.from_bytes(file.read(8), sys.byteorder)

    def start(self, peer, names, records, upstream=None, sets=None):
        """Returns the seconds to its first answer."""
        self.sites += 1
        site = Site(os.path.join(self.folder, f"{peer.name}-{self.sites}"), free_port(), upstream or self.upstream,
                    names, records, sets)
        argv = peer.argv(peer.find(self.given), site)
        process = self.processes.start(argv, self.server_core, os.path.join(site.folder, "log"))
        self.serving[peer] = process, site.port
        return ask_until_answered(process, site.port, "start.invalid")

    def stop(self, peer):
        if peer in self.serving:
            self.processes.stop(self.serving.pop(peer)[0])

    @contextlib.contextmanager
    def part(self, peer):
        """A peer that fails is left out from there on, with a remark; the others are still worth measuring."""
        try:
            yield
        except (Failure, OSError) as error:
            self.remark(peer.name, f"left out: {error}")
            self.stop(peer)
            self.peers.remove(peer)

    def start_opening(self, peer, sets):
        """With an upstream whose addresses are always new, and sets to put them into, or None."""
        self.start(peer, patterns(MAIN_SIZE), RECORDS_CACHED + RECORDS_A_SECOND * self.args.seconds, self.distinct,
                   sets)

    def ask(self, port, load, *options):
        """Runs the load once and returns what it says."""
        argv = [self.tool("load"), "--server", f"127.0.0.1@{port}", "--window", str(load.window), *options]
        if load.questions:
            argv += ["--file", os.path.join(self.folder, load.questions)]
        else:
            argv += ["--unique", f"m%d.{ZONE}", "--first", str(self.unique)]
            self.unique += UNIQUE_A_ROUND
        process = self.processes.start(argv, self.load_core)
        try:
            return json.loads(process.output(self.args.seconds + 100))
        finally:
            self.processes.stop(process)

    def measure(self, peer, load, *options):
        """One run of one load. Returns what load says, with cpu_us: of CPU, for one answer."""
        process, port = self.serving[peer]
        expect = (load.expect or ["--rcode", str(peer.refusal)]) if peer.resolves else []
        if load.warm and peer.resolves:
            self.ask(port, load, "--count", str(2 * CACHED_NAMES), "--seconds", "5")
        asked, (ran, waited) = self.asked(), process.clock()
        result = self.ask(port, load, "--seconds", str(self.args.seconds), *expect, *options)
        # A core that went idle has brought its account up to date.
        time.sleep(0.01)
        ran_after, waited_after = process.clock()
        if not result["answers"]:
            raise Failure(f"{load.name}: no right answer of {result['sent']}, {result['wrong']} wrong")
        result["cpu_us"] = (ran_after - ran) / 1000 / result["answers"]
        self.waited = max(self.waited, (waited_after - waited) / 1e9 / result["seconds"])
        self.judge(peer, load, result, (self.asked() - asked) / result["sent"])
        return result

    def judge(self, peer, load, result, passed):
        if result["wrong"] + result["stray"] or result["lost"] > LOST_MOST * result["sent"]:
            self.remark(f"{peer.name}, {load.name}", f"of {result['sent']} answers {result['lost']} lost, "
                        f"{result['wrong']} wrong, {result['stray']} too late")
        if peer.resolves and not load.passes[0] * 0.99 <= passed <= load.passes[1]:
            self.remark(f"{peer.name}, {load.name}, upstream", f"{100 * passed:.1f} % of the questions came there, "
                        "which is not what this load means")


def costs(bench):
    """All peers and loads in turn. Returns the results by (peer, load), and by (peer, "half") at half the rate."""
    results = {}
    records = RECORDS_CACHED + RECORDS_A_SECOND * bench.args.rounds * bench.args.seconds
    for peer in bench.peers[:]:
        with bench.part(peer):
            bench.start(peer, patterns(MAIN_SIZE), records)
    for _ in range(bench.args.rounds):
        for load in LOADS:
            for peer in bench.peers[:]:
                with bench.part(peer):
                    results.setdefault((peer, load.name), []).append(bench.measure(peer, load))
        for peer in bench.peers[:]:
            with bench.part(peer):
                rate = int(median(results[peer, LOADS[0].name], "per_second") / 2)
                half = bench.measure(peer, LOADS[0], "--rate", str(rate))
                results.setdefault((peer, "half"), []).append(half)
    for peer in bench.peers:
        bench.stop(peer)
    return results


def growth(bench, size):
    """Starts every peer anew in every round, with so many patterns, in half as many rounds. Returns results by peer."""
    results = {}
    names = patterns(size)
    for _ in range((bench.args.rounds + 1) // 2):
        for peer in [peer for peer in bench.peers if peer.resolves]:
            with bench.part(peer):
                result = {"start": bench.start(peer, names, RECORDS_CACHED)}
                result["memory"] = bench.serving[peer][0].memory()
                for load in LOADS[:2]:
                    result[load.name] = bench.measure(peer, load)["cpu_us"]
                results.setdefault(peer, []).append(result)
                bench.stop(peer)
    return results


def median(results, key):
    return statistics.median(result[key] for result in results)


def table(title, head, rows):
    widths = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]
    print(f"\n{title}")
    for row in [head] + rows:
        print("  " + "  ".join([row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]).rstrip())
    sys.stdout.flush()


def print_costs(results, peers):
    rows, latencies = [], []
    for peer in peers:
        row = [peer.name]
        for load in LOADS:
            mine, echoes = results.get((peer, load.name)), results.get((peers[0], load.name))
            if not mine:
                row += ["-"] * 3
                continue
            # Each round against its own echo: what disturbed both falls out.
            times = statistics.median(m["cpu_us"] / e["cpu_us"] for m, e in zip(mine, echoes)) if echoes else 0
            row += [f"{median(mine, 'cpu_us'):.2f}", f"×{times:.2f}",
                    f"{min(m['cpu_us'] for m in mine):.1f}–{max(m['cpu_us'] for m in mine):.1f}"]
        rows.append(row)
        half = results.get((peer, "half"))
        if half:
            latencies.append([peer.name, f"{median(results[peer, LOADS[0].name], 'per_second'):.0f}"] +
                             [f"{median(half, key):.{digits}f}" for key, digits in
                              (("per_second", 0), ("median_us", 0), ("p99_us", 0), ("p999_us", 0), ("cpu_us", 2))])
    head = [""] + [text for load in LOADS for text in (load.name, "of echo", "range")]
    table(f"µs of CPU an answer, and as a multiple of the echo ({MAIN_SIZE} patterns)", head, rows)
    table(f"{LOADS[0].name}: answers a second, and at half of that the latency in µs",
          ["", "most/s", "half/s", "median", "p99", "p99.9", "µs CPU"], latencies)


def print_openings(bench, peers):
    results = openings.costs(bench, OPEN, bench.start_opening)
    echoes, rows = results.get(peers[0], []), []
    for peer in peers[1:]:
        mine = results.get(peer)
        if mine:
            times = statistics.median(m["cpu_us"] / e["cpu_us"] for m, e in zip(mine, echoes)) if echoes else 0
            rows.append([peer.name, f"{median(mine, 'cpu_us'):.1f}", f"×{times:.1f}",
                         f"{median(mine, 'per_second'):.0f}"])
    table(f"new names with {openings.ADDRESSES} new addresses each into an nftables set: µs of CPU an answer, all "
          "processes", ["", "µs", "of echo", "answers/s"], rows)
    latency = openings.cold(bench, OPEN, bench.start_opening)
    if len(latency) == 2:
        print(f"\nOne cold answer at a time, median: {latency[False]:.0f} µs without a set, {latency[True]:.0f} µs with "
              f"the addresses confirmed before it: {latency[True] - latency[False]:+.0f} µs.")
    many = openings.many(bench, OPEN, bench.start_opening)
    if many:
        print(f"{openings.LEASES:,} live leases: {many['memory'] / 1e6:.0f} MB of user memory, made in "
              f"{many['seconds']:.0f} s, the slowest answer {many['max_us'] / 1000:.1f} ms.")
    return results


def print_growth(results, peers):
    """results: by size, then by peer."""
    head, rows = [""], []
    for size in results:
        head += [f"{size:,}:", "start ms", "memory MB"] + [load.name for load in LOADS[:2]]
    for peer in peers:
        row = [peer.name]
        for by_peer in results.values():
            mine = by_peer.get(peer)
            row.append("")
            row += [f"{1000 * median(mine, 'start'):.0f}", f"{median(mine, 'memory') / 1e6:.1f}"] + \
                   [f"{median(mine, load.name):.2f}" for load in LOADS[:2]] if mine else ["-"] * 4
        if peer.resolves:
            rows.append(row)
    table("patterns: start until the first answer, memory resident then, µs of CPU an answer", head, rows)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--postern", default="build/postern", help="the server (%(default)s)")
    parser.add_argument("--tools", default="build/bench", help="folder of echo, load and upstream (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each, whose median counts (%(default)s)")
    parser.add_argument("--seconds", type=int, default=1, help="length of a run (%(default)s)")
    parser.add_argument("--peers", default="", help="only these, e.g. postern,unbound; the echo always runs")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)),
                        help="numbers of patterns (%(default)s), or empty")
    parser.add_argument("--openings", type=int, default=1, help="0: without what opens the firewall (%(default)s)")
    parser.add_argument("--limit", type=int, default=290, help="seconds after which it gives up (%(default)s)")
    parser.add_argument("--json", help="file for the medians")
    return parser.parse_args()


def write_json(path, results, sizes):
    runs = {f"{peer.name} {load}": mine for (peer, load), mine in results.items()}
    for size, by_peer in sizes.items():
        runs.update((f"{peer.name} {size}", mine) for peer, mine in by_peer.items())
    medians = {name: {key: median(mine, key) for key in mine[0]} for name, mine in runs.items()}
    with open(path, "w", encoding="ascii") as file:
        json.dump(medians, file, indent=1)


def run(args, folder, processes):
    began = time.monotonic()
    bench = Bench(args, folder, processes)
    peers = bench.peers[:]
    print(f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores; "
          f"median of {args.rounds} runs of {args.seconds} s", flush=True)
    results = costs(bench)
    print_costs(results, peers)
    sizes = {int(size): growth(bench, int(size)) for size in args.sizes.split(",") if size}
    if sizes:
        print_growth(sizes, peers)
    if args.openings and bench.in_namespace:
        results.update({(peer, OPEN.name): mine for peer, mine in print_openings(bench, peers).items()})
    print("\nOnly postern checks every name of a chain against the patterns.")
    if bench.server_core is None:
        print("One core only: servers and load disturb each other.")
    print(f"Servers waited for their core for {100 * bench.waited:.0f} % of a run at worst; the run took "
          f"{time.monotonic() - began:.0f} s.")
    for subject, text in bench.remarks.items():
        print(f"{subject}: {text}")
    if args.json:
        write_json(args.json, results, sizes)
    # A peer may fail; that ours did is what this run is there to tell.
    return int(any(peer.name == POSTERN for peer in peers if peer not in bench.peers))


def main():
    args = parse_args()
    for name in ("echo", "load", "upstream"):
        if not os.access(os.path.join(args.tools, name), os.X_OK):
            sys.exit(f"{args.tools}/{name} is missing: `make bench` builds it")

    def interrupted(number, _):
        sys.exit(f"ended by {signal.Signals(number).name}")

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    for number in signals:
        signal.signal(number, interrupted)
    signal.alarm(args.limit)
    folder = tempfile.mkdtemp(prefix="postern-bench-")
    processes = Processes()
    try:
        return run(args, folder, processes)
    finally:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
        processes.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
