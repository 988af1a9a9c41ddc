# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of ours: started on a core, read from /proc with all their children and threads, and always ended."""
import contextlib
import ctypes
import os
import resource
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
# What systemd gives a service. dnsmasq walks a table sized by it for each packet: with 20,000 it takes twice the time.
OPEN_FILES = 1024
libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """Something that was measured went wrong; its text is the report."""


def read(path):
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def free_port():
    """A port that is free on 127.0.0.1 for UDP and TCP both."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
             socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


class Process:
    """One started program and what it starts itself, known by their session: they must not make one of their own."""

    def __init__(self, argv, core, log=None):
        def prepare():
            # Should this script be killed outright, what it started ends too (but for a dnsmasq that began as root: a
            # change of credentials takes this away).
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard) if hard >= 0 else OPEN_FILES, hard))
            if core is not None:
                os.sched_setaffinity(0, {core})

        self.log = log
        self.started = time.monotonic()
        with contextlib.ExitStack() as files:
            errors = files.enter_context(open(log, "wb")) if log else None
            # A session of its own: Ctrl-C on the terminal comes to us alone, and we end the rest in order.
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=errors or subprocess.PIPE,
                                          stderr=errors, preexec_fn=prepare, start_new_session=True, text=True)

    def members(self):
        """Its pid, if it lives, and those of all that it started, even where it has left them behind."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                session = read(f"/proc/{pid}/stat").rpartition(")")[2].split()[3]
            except OSError:
                continue
            if int(session) == self.popen.pid:
                found.append(int(pid))
        return found

    def clock(self):
        """Nanoseconds that all threads ran, and that they waited for their core, since their start."""
        if self.popen.poll() is not None:
            raise Failure(f"ended by itself: {self.last_words()}")
        ran = waited = 0
        for pid in self.members():
            for thread in os.listdir(f"/proc/{pid}/task"):
                fields = read(f"/proc/{pid}/task/{thread}/schedstat").split()
                ran += int(fields[0])
                waited += int(fields[1])
        return ran, waited

    def memory(self):
        """Bytes resident; what several of its processes share is counted once, hence Pss where we may read it."""
        total = 0
        for pid in self.members():
            try:
                text, key = read(f"/proc/{pid}/smaps_rollup"), "Pss:"
            except PermissionError:
                text, key = read(f"/proc/{pid}/status"), "VmRSS:"
            total += sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(key))
        return total

    def last_words(self):
        lines = read(self.log).strip().splitlines() if self.log else []
        return " | ".join(lines[-3:]) or "no message"

    def output(self, timeout):
        """Waits for the end and returns what was written to standard output."""
        try:
            text, _ = self.popen.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{self.popen.args[0]} did not end") from error
        if self.popen.returncode:
            raise Failure(f"{' '.join(self.popen.args)}: exit status {self.popen.returncode}")
        return text

    def stop(self):
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(3)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        # By now it has ended its children, as a rule.
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.popen.stdout:
            self.popen.stdout.close()


class Processes:
    """All that run, so that one place can end them."""

    def __init__(self):
        self.running = []

    def start(self, *args, **kwargs):
        process = Process(*args, **kwargs)
        self.running.append(process)
        return process

    def stop(self, process):
        process.stop()
        self.running.remove(process)

    def stop_all(self):
        for process in reversed(self.running[:]):
            self.stop(process)
