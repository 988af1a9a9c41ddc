# SPDX-License-Identifier: GPL-3.0-or-later
"""Network and mount namespaces of the tests' own, held by a process: they vanish with it."""
import ctypes
import os
import shutil
import socket
import subprocess

from procs import Program, end_with_parent, find_program, libc, until

CLONE_NEWNET = 0x40000000


def why_not():
    """Why there can be no namespaces here; None: there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "unshare", "nsenter"):
        if not find_program(program):
            return f"{program} is not installed"
    done = subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True, text=True, check=False)
    return f"no namespaces here: {done.stderr.strip()}" if done.returncode else None


def set_namespace(fd):
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """prefix: the command that runs others in it."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "-m", "--propagation", "private", "sleep", "infinity"],
                                       preexec_fn=end_with_parent)
        self.pid = self.holder.pid
        self.prefix = ["nsenter", "-t", str(self.pid), "-n", "-m", "--"]
        until(self.ready, "a namespace")
        self.run("ip", "link", "set", "lo", "up")

    def ready(self):
        """unshare has become sleep, in namespaces that are not ours."""
        with open(f"/proc/{self.pid}/comm", encoding="ascii") as file:
            asleep = file.read().strip() == "sleep"
        return asleep and os.readlink(f"/proc/{self.pid}/ns/net") != os.readlink("/proc/self/ns/net")

    def run(self, *argv, check=True, **kwargs):
        """Runs a command in it to its end."""
        done = subprocess.run([*self.prefix, *argv], capture_output=True, text=True, check=False, timeout=60, **kwargs)
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done

    def start(self, argv, log):
        return Program([*self.prefix, *argv], log)

    def within(self, what):
        """Calls it with this thread in the network namespace."""
        with open("/proc/thread-self/ns/net", encoding="ascii") as home, \
             open(f"/proc/{self.pid}/ns/net", encoding="ascii") as there:
            set_namespace(there.fileno())
            try:
                return what()
            finally:
                set_namespace(home.fileno())

    def socket(self, *args, **kwargs):
        """A socket of it."""
        return self.within(lambda: socket.socket(*args, **kwargs))

    def link(self, other, ours, theirs):
        """A cable to another namespace, up at both ends."""
        self.run("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", str(other.pid))
        self.run("ip", "link", "set", ours, "up")
        other.run("ip", "link", "set", theirs, "up")

    def address(self, device, *addresses):
        for address in addresses:
            extra = ["nodad"] if ":" in address else []
            self.run("ip", "address", "add", address, "dev", device, *extra)

    def link_local(self, device):
        """The device's fe80:: address, once it may be used."""
        def find():
            for line in self.run("ip", "-o", "-6", "address", "show", "dev", device, "scope", "link").stdout.splitlines():
                if "tentative" not in line:
                    return line.split()[3].split("/")[0]
            return None
        return until(find, f"a link-local address on {device}")

    def bind(self, source, target):
        """Lets `source` stand in the place of `target`, for this namespace only."""
        self.run("mount", "--bind", source, target)

    def stop(self):
        self.holder.kill()
        self.holder.wait()


# The folders that postern's defaults name, to be the test's own in a namespace.
FOLDERS = {"/etc": "etc", "/usr/share": "share", "/run": "run", "/var/lib": "lib"}
KEPT_OF_ETC = ["passwd", "group", "nsswitch.conf", "hosts", "ld.so.cache", "ld.so.conf"]
SUFFIXES = "/usr/share/publicsuffix"


def furnish(space, folder, zones):
    """Makes it a machine on which postern was just installed: nothing but its catalogues; /etc is folder/etc, and so on."""
    for name in FOLDERS.values():
        os.makedirs(os.path.join(folder, name))
    for name in KEPT_OF_ETC:
        if os.path.exists(f"/etc/{name}"):
            shutil.copy(f"/etc/{name}", os.path.join(folder, "etc", name))
    if os.path.isdir(SUFFIXES):
        shutil.copytree(SUFFIXES, os.path.join(folder, "share", "publicsuffix"))
    shutil.copytree(zones, os.path.join(folder, "share", "postern", "zones"))
    for target, name in FOLDERS.items():
        space.bind(os.path.join(folder, name), target)
