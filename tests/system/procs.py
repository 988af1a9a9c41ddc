# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that the tests start: each ends with its test, and what it wrote is at hand."""
import ctypes
import os
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
PATIENCE = 15
libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def until(condition, what, patience=PATIENCE):
    """Polls until condition() gives something true, and returns it; fails with `what` after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {patience} s: {what() if callable(what) else what}"
        time.sleep(0.01)


def free_port(address="127.0.0.1"):
    """A port that is free at the address for UDP and TCP both."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as tcp, socket.socket(family, socket.SOCK_DGRAM) as udp:
            tcp.bind((address, 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind((address, port))
            except OSError:
                continue
            return port


class Program:
    """One running program; its output goes to a file."""

    def __init__(self, argv, log, **kwargs):
        self.log = log
        self.argv = argv
        with open(log, "wb") as file:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                          preexec_fn=end_with_parent, **kwargs)
        self.pid = self.popen.pid

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def running(self):
        return self.popen.poll() is None

    def wait_for(self, what, patience=PATIENCE):
        """Waits until what() or until the text stands in the output."""
        found = what if callable(what) else lambda: what in self.output()
        until(lambda: found() or not self.running(), lambda: f"{what!r} of {self.argv[0]}:\n{self.output()}", patience)
        assert found(), f"{self.argv[0]} ended with {self.popen.poll()}:\n{self.output()}"

    def stop(self, patience=PATIENCE):
        """SIGTERM; gives the exit status."""
        if self.running():
            self.popen.terminate()
        try:
            return self.popen.wait(patience)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"{self.argv[0]} did not end on SIGTERM:\n{self.output()}") from None


def memory(pid):
    """Resident bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise AssertionError(f"{pid} has no memory")


def find_program(program):
    """Where it is, with the folders that only root has in its PATH; None: not installed."""
    for folder in os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/sbin"]:
        path = os.path.join(folder, program)
        if os.access(path, os.X_OK):
            return path
    return None
