#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listens where postern's `kind = socket` connects, and does what it says to another firewall.

mirror.py --socket PATH nft --set4 'inet lockdown update4' [--set6 …] [--key KEY] [--via 'ssh root@gw2']
mirror.py --socket PATH pf --table update [--via 'ssh root@gw2']

--dry-run prints the commands and answers as if they had worked. README.md beside this file says more.
"""

import argparse
import ipaddress
import json
import os
import pathlib
import re
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

LINE = 65536            # bytes of one line: more is no postern
READ = 262144
COMMENT = 127
DAY = 86400
PORT = re.compile(r"(tcp|udp)/([0-9]{1,5})\Z")
NAME = re.compile(r"[A-Za-z0-9._\\-]*\Z")


class Refused(Exception):
    """What the answer's `error` says."""


class Wish:
    """One line, looked at closely: what comes out of here is put into commands."""

    def __init__(self, said):
        try:
            self.deletes = {"add": False, "delete": True}[said["op"]]
            # + "": ip_address takes numbers, too
            self.address = ipaddress.ip_address(said["address"] + "")
            self.client = ipaddress.ip_address(said["client"] + "") if said["client"] is not None else None
            self.ports = [PORT.match(port).groups() for port in said["ports"]]
            self.seconds = int(said["seconds"])
            self.name = said["name"]
            fine = NAME.match(self.name) and 0 <= self.seconds <= 60 * DAY
            fine = fine and all(int(number) < 65536 for _, number in self.ports)
        except (KeyError, TypeError, ValueError, AttributeError):
            fine = False
        if not fine:
            raise Refused("not understood")


class Nft:
    """Sets with the flag `timeout`: their elements end by themselves."""

    def __init__(self, args):
        self.sets, self.key = {4: args.set4, 6: args.set6}, args.key
        if not any(self.sets.values()):
            raise SystemExit("nft: --set4, --set6 or both are needed")

    def elements(self, wish):
        parts = [[str(wish.address)]]
        if self.key.startswith("client"):
            if wish.client is None:
                raise Refused("this set is keyed by client, and there is none: give [export] the same key")
            parts = [[str(wish.client), str(wish.address)]]
        elif wish.client is not None:
            raise Refused("this set is not keyed by client, and would open for all: give [export] the same key")
        if self.key.endswith("service"):
            if not wish.ports:
                raise Refused("this set is keyed by port, and there is none")
            parts = [parts[0] + list(port) for port in wish.ports]
        return [" . ".join(part) for part in parts]

    def script(self, wish):
        where = self.sets[wish.address.version]
        if not where:
            raise Refused(f"no set for IPv{wish.address.version}")
        lines = []
        for element in self.elements(wish):
            new = f'add element {where} {{ {element} timeout {max(wish.seconds, 1)}s comment "{wish.name[:COMMENT]}" }}'
            gone = f"delete element {where} {{ {element} }}"
            # Before Linux 6.12 an add does not move the time of what is there: hence in one step added (it may not be
            # there), deleted, added.
            lines += [new, gone] if wish.deletes else [new, gone, new]
        return "\n".join(lines) + "\n"

    def commands(self, wishes):
        return [(["nft", "-f", "-"], "".join(self.script(wish) for wish in wishes))]

    def done(self, wish):
        pass

    def ended(self):
        return []


class Pf:
    """A table of addresses. pf has no timeouts: what ends is taken out here."""

    def __init__(self, args):
        self.table, self.ends = args.table, {}

    def commands(self, wishes):
        found = []
        for wish in wishes:
            if wish.client is not None:
                raise Refused("a pf table holds addresses, and would open for all: give [export] key = address")
            what = "delete" if wish.deletes else "add"
            if not found or found[-1][0][5] != what:
                found.append((["pfctl", "-q", "-t", self.table, "-T", what], ""))
            found[-1][0].append(str(wish.address))
        return found

    def done(self, wish):
        if wish.deletes:
            self.ends.pop(wish.address, None)
        else:
            self.ends[wish.address] = time.monotonic() + wish.seconds

    def ended(self):
        now = time.monotonic()
        over = [address for address, end in self.ends.items() if end <= now]
        for address in over:
            del self.ends[address]
        return [(["pfctl", "-q", "-t", self.table, "-T", "delete", *map(str, over)], "")] if over else []


class Mirror:
    def __init__(self, firewall, via, dry):
        self.firewall, self.via, self.dry = firewall, shlex.split(via), dry

    def run(self, commands):
        for argv, text in commands:
            # ssh hands its words to a shell
            argv = [*self.via, *(map(shlex.quote, argv) if self.via else argv)]
            if self.dry:
                print(" ".join(argv), *text.splitlines(), sep="\n\t" if text else " ", flush=True)
                continue
            try:
                ran = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=10, check=False)
            except (OSError, subprocess.TimeoutExpired) as why:
                raise Refused(str(why)) from why
            if ran.returncode:
                raise Refused((ran.stderr.strip().splitlines() or [f"exit status {ran.returncode}"])[0][:200])

    def attempt(self, wishes):
        self.run(self.firewall.commands(wishes))
        for wish in wishes:
            self.firewall.done(wish)

    def answers(self, lines):
        """An answer to each line. All of them are one transaction; if that fails, each is its own."""
        said, wishes, wrong = [], {}, {}
        for number, line in enumerate(lines):
            said.append(json.loads(line))
            try:
                wishes[number] = Wish(said[number])
            except Refused as why:
                wrong[number] = str(why)
        try:
            if wishes:
                self.attempt(list(wishes.values()))
        except Refused:
            for number, wish in wishes.items():
                try:
                    self.attempt([wish])
                except Refused as why:
                    wrong[number] = str(why)
        for number, one in enumerate(said):
            if number in wrong:
                print(f"refused: {wrong[number]}", file=sys.stderr)
                yield {"seq": one["seq"], "ok": False, "error": wrong[number]}
            else:
                yield {"seq": one["seq"], "ok": True}

    def serve(self, listener):
        poll, conn, waiting = selectors.DefaultSelector(), None, b""
        poll.register(listener, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in poll.select(1)]
            try:
                self.run(self.firewall.ended())
            except Refused as why:
                print(f"not taken out: {why}", file=sys.stderr)
            if listener in ready:
                # The new one begins with all that is open: nothing of the old one is needed.
                if conn:
                    poll.unregister(conn)
                    conn.close()
                conn, waiting = listener.accept()[0], b""
                conn.settimeout(10)
                poll.register(conn, selectors.EVENT_READ)
            elif conn in ready:
                try:
                    heard = conn.recv(READ)
                    *lines, waiting = (waiting + heard).split(b"\n")
                    if not heard or len(waiting) > LINE:
                        raise ValueError("the connection ended" if not heard else "a line without end")
                    if lines:
                        conn.sendall("".join(json.dumps(one) + "\n" for one in self.answers(lines)).encode())
                except (OSError, ValueError, KeyError, TypeError) as why:
                    print(f"connection: {why}", file=sys.stderr)
                    poll.unregister(conn)
                    conn.close()
                    conn = None


def listen(path, mode, group):
    pathlib.Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    # Whoever may write here may open the firewall: nobody, until it is the group's.
    old = os.umask(0o177)
    listener.bind(path)
    os.umask(old)
    if group is not None:
        shutil.chown(path, group=int(group) if group.isdigit() else group)
    os.chmod(path, mode)
    listener.listen(4)
    return listener


def octal(text):
    mode = int(text, 8)
    if not 0 <= mode <= 0o777:
        raise ValueError
    return mode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--socket", required=True, help="where to listen: the `path` of the export")
    parser.add_argument("--mode", type=octal, default=0o660, help="of the socket, 660 if not given")
    parser.add_argument("--group", help="of the socket: that of the account in postern's `user`")
    parser.add_argument("--via", default="", help="a command in front of nft or pfctl, like 'ssh root@gw2'")
    parser.add_argument("--dry-run", action="store_true", help="print commands, run none")
    kinds = parser.add_subparsers(dest="kind", required=True)
    nft = kinds.add_parser("nft", help="sets of nftables")
    nft.add_argument("--set4", help="FAMILY TABLE SET")
    nft.add_argument("--set6", help="FAMILY TABLE SET")
    nft.add_argument("--key", choices=["address", "service", "client", "client-service"], default="address",
                     help="of the sets; the export's `key` must be the same")
    kinds.add_parser("pf", help="a table of pf").add_argument("--table", required=True)
    args = parser.parse_args()
    firewall = Nft(args) if args.kind == "nft" else Pf(args)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        listener = listen(args.socket, args.mode, args.group)
    except (OSError, LookupError) as why:
        raise SystemExit(f"{args.socket}: {why}") from why
    try:
        Mirror(firewall, args.via, args.dry_run).serve(listener)
    except KeyboardInterrupt:
        pass
    finally:
        pathlib.Path(args.socket).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
