# SPDX-License-Identifier: GPL-3.0-or-later
"""Start and end: a second instance, stale sockets, taken ports, privileges, defaults."""
import os
import pwd
import random
import re
import socket
import stat

import pytest

from client import Client, addresses, rcode, refused
from procs import free_port, until
from server import ROOT
from upstream import by_name

CATALOGUE = {"test": "[g]\nallow = *.example.com\n"}
PROFILE = {"profile default": {"catalog": "test"}}
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def make(postern, script):
    def start(sections=None, start=True, **kwargs):
        return postern({**PROFILE, **(sections or {})}, CATALOGUE, script, start=start, **kwargs)
    return start


def test_second_instance_is_refused(make):
    """Through the control socket, before it touches anything; even at other ports."""
    first = make()
    second = make({"control": {"socket": first.socket}}, start=False)
    status, text = second.fails()
    assert status == 1 and "another postern serves" in text and first.socket in text
    first.still_alive()
    assert addresses(first.client.ask("www.example.com"))


def test_stale_socket_is_replaced(make):
    """Left by one that was killed."""
    server = make(start=False)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(server.socket)
    server.start()
    server.still_alive()
    server.kill()
    assert os.path.exists(server.socket)
    server.start()
    server.still_alive()


def test_other_file_at_the_socket_stays(make):
    server = make(start=False)
    with open(server.socket, "w", encoding="ascii") as file:
        file.write("mine")
    status, text = server.fails()
    assert status == 1 and server.socket in text
    assert open(server.socket, encoding="ascii").read() == "mine"


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_taken_port(make, kind):
    server = make(start=False)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", server.port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        status, text = server.fails()
    assert status == 1 and f"listen 127.0.0.1@{server.port}: Address already in use" in text
    assert not os.path.exists(server.socket)


@pytest.mark.parametrize("path", ["/proc/nothing/control.sock", "/dev/null/control.sock"])
def test_written_socket_that_cannot_be_made(make, path):
    status, text = make({"control": {"socket": path}}, start=False).fails()
    assert status == 1 and path in text and "error" in text


def test_written_state_that_cannot_be_made(make):
    status, text = make({"server": {"state": "/proc/nothing/state"}}, start=False).fails()
    assert status == 1 and "/proc/nothing/state" in text


def test_state_is_made(make, scratch):
    make({"server": {"state": os.path.join(scratch, "state")}})
    assert stat.S_IMODE(os.stat(os.path.join(scratch, "state")).st_mode) == 0o750


def test_empty_control_socket(make):
    status, text = make({"control": {"socket": ""}}, start=False).fails()
    assert status == 1 and re.search(r"postern\.conf:\d+: error: .*socket", text)


@pytest.mark.parametrize("change", [{"server": {"user": "no-such-user-here"}},
                                    {"log": {"file": "/proc/nothing/log"}}])
def test_other_failures(make, change):
    status, text = make(change, start=False).fails()
    assert status == 1 and len(text.splitlines()) >= 1


@pytest.mark.parametrize("config", ["/nowhere/at/all.conf", "."])
def test_named_configuration_must_be_there(make, config, scratch):
    server = make(start=False)
    server.config = config if config != "." else scratch
    status, text = server.fails()
    assert status == 1 and server.config in text


@pytest.mark.parametrize("number", ["TERM", "INT"])
def test_signals_end_it(make, number):
    """In order, with questions open, connections standing and a command waiting."""
    server = make()
    with server.client.connect():
        server.client.ask("www.example.com")
        server.program.popen.send_signal({"TERM": 15, "INT": 2}[number])
        assert server.program.popen.wait(10) == 0
    assert not os.path.exists(server.socket)


def status_of(pid):
    found = {}
    for line in open(f"/proc/{pid}/status", encoding="ascii"):
        key, value = line.split(":", 1)
        found[key] = value.split()
    return found


def all_threads(pid):
    return [status_of(f"{pid}/task/{thread}") for thread in os.listdir(f"/proc/{pid}/task")]


CAPABILITIES = ["CapInh", "CapPrm", "CapEff", "CapAmb"]


@ROOT_ONLY
@pytest.mark.parametrize("user", ["nobody", ""])
def test_privileges_are_dropped(make, user):
    """Every thread: no capability, no way to get one, and not root where `user` says who."""
    server = make({"server": {"user": user, "workers": "2"}})
    assert addresses(server.client.ask("www.example.com"))
    threads = all_threads(server.pid)
    assert len(threads) >= 3
    for thread in threads:
        assert [thread[key] for key in CAPABILITIES] == [["0" * 16]] * 4
        assert thread["CapBnd"] == ["0" * 16] and thread["NoNewPrivs"] == ["1"]
        if user:
            entry = pwd.getpwnam(user)
            assert thread["Uid"] == [str(entry.pw_uid)] * 4 and thread["Gid"] == [str(entry.pw_gid)] * 4
            assert thread["Groups"] in ([], [str(entry.pw_gid)])
        else:
            assert thread["Uid"] == ["0"] * 4


@ROOT_ONLY
def test_sandbox_off(make):
    """For debugging: capabilities are kept."""
    threads = all_threads(make({"server": {"sandbox": "off"}}).pid)
    assert all(int(thread["CapEff"][0], 16) and thread["NoNewPrivs"] == ["0"] for thread in threads)


@ROOT_ONLY
def test_user_and_what_was_made_before(make, scratch):
    """A reload can open the log anew, the socket goes at the end, the state folder is the user's."""
    os.chown(scratch, *pwd.getpwnam("nobody")[2:4])
    log, state = os.path.join(scratch, "queries.log"), os.path.join(scratch, "state")
    server = make({"server": {"user": "nobody", "state": state}, "log": {"file": log}})
    server.client.ask("first.example.net")
    until(lambda: "first" in open(log, encoding="ascii").read(), "the first line")
    os.rename(log, log + ".1")
    assert server.reload().returncode == 0
    server.client.ask("second.example.net")
    until(lambda: os.path.exists(log) and "second" in open(log, encoding="ascii").read(), "the second line")
    nobody = pwd.getpwnam("nobody").pw_uid
    assert os.stat(state).st_uid == nobody and os.stat(server.socket).st_uid == nobody
    path = server.socket
    server.stop()
    assert not os.path.exists(path)


@ROOT_ONLY
def test_low_port_and_user(make):
    """Bound as root, served as nobody."""
    address = f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"
    server = make({"server": {"listen": f"{address}@53", "user": "nobody"}})
    assert addresses(Client(address, 53).ask("www.example.com"))
    assert addresses(Client(address, 53).ask("www.example.com", tcp=True))


@pytest.fixture
def installed(fresh, scratch, postern, upstream):
    """Postern on it, without -c; its upstream is that of /etc/resolv.conf."""
    up = upstream("127.0.0.1", 53, make=fresh.socket)
    up.default = by_name
    with open(os.path.join(scratch, "etc", "resolv.conf"), "w", encoding="ascii") as file:
        file.write("nameserver 127.0.0.1\n")
    server = postern(start=False, prefix=fresh.prefix)
    server.client = Client("127.0.0.1", 5300, make=fresh.socket)
    return server


def default_of(server, *args):
    return server.command(*args, config=False)


@pytest.mark.parametrize("written", [None, "", "# nothing but a comment\n"])
def test_defaults_serve_windows_update(installed, scratch, written):
    """No configuration, or an empty one: windows-update on 127.0.0.1@5300 and ::1@5300."""
    if written is not None:
        os.makedirs(os.path.join(scratch, "etc", "postern"))
        with open(os.path.join(scratch, "etc", "postern", "postern.conf"), "w", encoding="ascii") as file:
            file.write(written)
    installed.start(config=False)
    assert addresses(installed.client.ask("download.windowsupdate.com"))
    assert refused(installed.client.ask("www.example.com"))
    six = Client("::1", 5300, make=installed.client.make)
    assert addresses(six.ask("ctldl.windowsupdate.com", tcp=True))
    assert default_of(installed, "status").returncode == 0
    assert "control.sock" in os.listdir(os.path.join(scratch, "run", "postern"))
    done = default_of(installed, "explain", "download.windowsupdate.com")
    assert done.returncode == 0 and "/usr/share/postern/zones/windows-update.ini:" in done.stdout
    assert os.path.isdir(os.path.join(scratch, "lib", "postern"))


@pytest.mark.parametrize("written", [False, True])
def test_check_says_that_there_is_no_file(installed, scratch, written):
    """Beside its list, which is empty, and not where one was named."""
    if written:
        os.makedirs(os.path.join(scratch, "etc", "postern"))
        with open(os.path.join(scratch, "etc", "postern", "postern.conf"), "w", encoding="ascii"):
            pass
    done = default_of(installed, "check", "--strict", "--json")
    assert (done.returncode, done.stdout.strip()) == (0, "[]")
    said = "postern: /etc/postern/postern.conf is not there: every key has its default\n"
    assert done.stderr == ("" if written else said)


def test_default_socket_and_state_that_cannot_be_made(installed, scratch):
    """A warning each, and it serves."""
    for folder in ("run", "lib"):
        with open(os.path.join(scratch, folder, "postern"), "w", encoding="ascii") as file:
            file.write("a file where a folder should be")
    installed.start(config=False)
    assert addresses(installed.client.ask("download.windowsupdate.com"))
    text = installed.output()
    assert re.search(r"warning: control socket /run/postern/control\.sock: ", text)
    assert re.search(r"warning: state /var/lib/postern: ", text)


def test_etc_zones_win(installed, scratch):
    """/etc/postern/zones before /usr/share/postern/zones."""
    zones = os.path.join(scratch, "etc", "postern", "zones")
    os.makedirs(zones)
    with open(os.path.join(zones, "windows-update.ini"), "w", encoding="ascii") as file:
        file.write("[g]\nallow = mine.example.com\n")
    installed.start(config=False)
    assert addresses(installed.client.ask("mine.example.com"))
    assert refused(installed.client.ask("download.windowsupdate.com"))


def test_ipv6_switched_off(installed):
    """The address is not there, and may come: it is no reason not to serve."""
    installed.prefix = [*installed.prefix, "sh", "-c",
                        "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && exec \"$@\"", "sh"]
    installed.start(config=False)
    assert addresses(installed.client.ask("download.windowsupdate.com"))


def test_no_upstream_at_all(installed, scratch):
    """An empty resolv.conf: a warning at start, refusals as ever, SERVFAIL for what would have to be asked."""
    with open(os.path.join(scratch, "etc", "resolv.conf"), "w", encoding="ascii"):
        pass
    installed.start(config=False)
    assert re.search(r"warning: /etc/resolv\.conf: ", installed.output())
    assert refused(installed.client.ask("www.example.com"))
    assert rcode(installed.client.ask("download.windowsupdate.com")) == "SERVFAIL"


def test_run_conf(installed):
    """What `make run` starts serves too."""
    config = os.path.join(ROOT, "conf", "run.conf")
    if not os.path.exists(config):
        pytest.skip("conf/run.conf is not there")
    installed.config = config
    installed.start()
    assert addresses(installed.client.ask("download.windowsupdate.com"))
    assert refused(installed.client.ask(f"host{free_port()}.example.com"))
