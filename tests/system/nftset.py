# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's sets as nft shows them."""
import ctypes
import json
from dataclasses import dataclass
from typing import Optional

from procs import find_program


@dataclass(frozen=True)
class Element:
    key: str                 # "10.30.0.5 . 192.0.2.1 . tcp . 443"
    timeout: Optional[int]   # seconds; None: for ever
    expires: Optional[int]   # seconds left
    comment: str


def text_of(value):
    return " . ".join(str(part) for part in value["concat"]) if isinstance(value, dict) else str(value)


def parse(text):
    """What `nft -j list set` printed: {key: Element}."""
    found = {}
    for entry in json.loads(text)["nftables"]:
        for item in entry.get("set", {}).get("elem", []):
            item = item["elem"] if isinstance(item, dict) and "elem" in item else {"val": item}
            one = Element(text_of(item["val"]), item.get("timeout"), item.get("expires"), item.get("comment", ""))
            found[one.key] = one
    return found


class Library:
    """nft without a process: what it runs is done when it returns, and not some milliseconds later."""

    def __init__(self, space):
        self.library = ctypes.CDLL("libnftables.so.1")
        self.library.nft_ctx_new.restype = ctypes.c_void_p
        # the context has its socket from where it was made
        self.context = ctypes.c_void_p(space.within(lambda: self.library.nft_ctx_new(0)))
        self.library.nft_ctx_buffer_error(self.context)

    def load(self, script):
        assert self.library.nft_run_cmd_from_buffer(self.context, script.encode()) == 0, script


class Nft:
    """nft in a namespace."""

    def __init__(self, space):
        self.space, self.program = space, find_program("nft")

    def __call__(self, *args, **kwargs):
        return self.space.run(self.program, *args, **kwargs).stdout

    def load(self, script):
        return self("-f", "-", input=script)

    def elements(self, where):
        """where: "inet lockdown update4". None: there is no such set."""
        done = self.space.run(self.program, "-j", "list", "set", *where.split(), check=False)
        return parse(done.stdout) if done.returncode == 0 else None

    def keys(self, where):
        return sorted(self.elements(where) or ())

    def counter(self, where):
        """Packets. where: "inet lockdown refused"."""
        done = json.loads(self("-j", "list", "counter", *where.split()))
        return next(entry["counter"]["packets"] for entry in done["nftables"] if "counter" in entry)
