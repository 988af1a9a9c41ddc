# SPDX-License-Identifier: GPL-3.0-or-later
"""The program under test: its configuration, its commands, its service."""
import json
import os
import re
import signal
import subprocess

from procs import Program, until

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BINARY = os.path.abspath(os.environ.get("POSTERN", os.path.join(ROOT, "build", "postern")))
ZONES = os.path.join(ROOT, "zones")
READY = re.compile(r": entries \d+, groups \d+")
FAULTS = ("bug", "AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error", "Assertion")


def ini(sections):
    """{section: {key: value}} as text. A value: text, or a list, one a line; a section's value None: not written."""
    lines = []
    for section, keys in sections.items():
        if keys is None:
            continue
        lines.append(f"[{section}]")
        for key, value in keys.items():
            values = [value] if not isinstance(value, (list, tuple)) else value
            lines += [f"{key} = {one}" for one in values]
        lines.append("")
    return "\n".join(lines)


def merge(base, over):
    merged = {section: keys if keys is None else dict(keys) for section, keys in base.items()}
    for section, keys in over.items():
        if keys is None:
            merged[section] = None
        else:
            merged[section] = {**(merged.get(section) or {}), **keys}
    return merged


class Site:
    """A folder with a configuration and catalogues, and the commands run on it. prefix: a command to run them in."""

    def __init__(self, folder, prefix=()):
        self.folder = folder
        self.prefix = list(prefix)
        self.config = os.path.join(folder, "postern.conf")
        self.zones = os.path.join(folder, "zones")
        self.socket = os.path.join(folder, "control.sock")
        self.sections = {}
        os.makedirs(self.zones, exist_ok=True)

    def write(self, path, text):
        """Writes aside and renames, as editors do: nobody reads half a file."""
        path = os.path.join(self.folder, path)
        with open(path + ".new", "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.rename(path + ".new", path)
        return path

    def configure(self, sections, catalogues=None):
        self.sections = merge({
            "server": {"zones": self.zones, "state": ""},
            "control": {"socket": self.socket},
        }, sections)
        for name, text in (catalogues or {}).items():
            self.write(os.path.join("zones", name if "." in name else name + ".ini"), text)
        self.write("postern.conf", ini(self.sections))

    def change(self, sections):
        """Changes the configuration file by some keys."""
        self.sections = merge(self.sections, sections)
        self.write("postern.conf", ini(self.sections))

    def command(self, *args, stdin=None, config=True, timeout=30):
        """Runs a command to its end."""
        argv = self.prefix + [BINARY] + (["-c", self.config] if config else []) + list(args)
        return subprocess.run(argv, input=stdin, capture_output=True, text=not isinstance(stdin, bytes),
                              timeout=timeout, check=False)

    def json(self, *args):
        """What a command prints with --json."""
        done = self.command(*args, "--json")
        assert done.returncode in (0, 1) and done.stdout, done
        return json.loads(done.stdout)


class Postern(Site):
    """The service."""

    def __init__(self, folder, prefix=()):
        super().__init__(folder, prefix)
        self.program = None

    def start(self, *args, wait=True, config=True, wrap=()):
        argv = self.prefix + list(wrap) + [BINARY] + (["-c", self.config] if config else []) + ["run", *args]
        self.program = Program(argv, os.path.join(self.folder, "postern.log"))
        if wait:
            self.program.wait_for(self.ready)
        return self

    def ready(self):
        return READY.search(self.program.output())

    def output(self):
        return self.program.output()

    def lines(self):
        return self.output().splitlines()

    @property
    def pid(self):
        return self.program.pid

    def counters(self):
        return self.json("status")["counters"]

    def reload(self):
        return self.command("reload")

    def flush(self, *args):
        done = self.command("flush", *args)
        assert done.returncode == 0, done
        return done

    def hangup(self):
        self.program.popen.send_signal(signal.SIGHUP)

    def wait_for(self, what):
        self.program.wait_for(what)

    def still_alive(self):
        assert self.program.running(), self.output()
        done = self.command("status")
        assert done.returncode == 0, done

    def stop(self):
        """Ends it and looks for what must not be in its log."""
        if not self.program:
            return
        status = self.program.stop()
        text = self.program.output()
        self.program = None
        for fault in FAULTS:
            assert fault not in text, text
        assert status == 0, f"exit status {status}:\n{text}"

    def kill(self):
        if self.program and self.program.running():
            self.program.popen.kill()
            self.program.popen.wait()
        self.program = None

    def fails(self, *args, config=True, patience=15):
        """Starts it, expecting it to give up; its exit status and output."""
        self.start(*args, wait=False, config=config)
        until(lambda: not self.program.running(), lambda: "the end of a start that fails:\n" + self.output(), patience)
        status, text = self.program.popen.returncode, self.output()
        self.program = None
        return status, text
