# SPDX-License-Identifier: GPL-3.0-or-later
"""The three processes that `run` is with exports: what each may do, and how they end."""
import os
import pwd
import signal
import time

import pytest

from client import rcode
from firewall import SET4, SET6, given
from procs import until
from server import BINARY

ADMIN = 1 << 12
NOBODY = pwd.getpwnam("nobody").pw_uid


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def capabilities(pid):
    return {key: int(status(pid)[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}


def alive(pid):
    try:
        return status(pid)["State"][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def by_name(pid):
    """The children by their names."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        found = {}
        for child in map(int, file.read().split()):
            try:
                state = status(child)
            except (FileNotFoundError, ProcessLookupError):
                continue
            if state.get("State", "Z")[0] != "Z":
                found[state["Name"]] = child
        return found


def three(server):
    """Supervisor, server and agent, once all are there."""
    def find():
        names = by_name(server.pid)
        agent = names.get("postern-agent")
        return agent and alive(agent) and (server.pid, names.get("postern-server"), agent)
    return until(find, "three processes")


def sockets(pid):
    """Inodes of its sockets."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


def filtered():
    """What /proc says of an agent's system calls. The libraries of sanitizers need others: there is no filter then."""
    with open(BINARY, "rb") as file:
        binary = file.read()
    return "0" if b"__asan_init" in binary or b"__tsan_init" in binary else "2"


def page(pid):
    """How it has the shared page mapped."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        return {line.split()[1] for line in file if "postern-page" in line}


def network_sockets(pid):
    """How many of its sockets are of the network: datagrams and streams of IPv4 and IPv6."""
    inodes = set()
    for table in ("udp", "udp6", "tcp", "tcp6"):
        with open(f"/proc/{pid}/net/{table}", encoding="ascii") as file:
            inodes |= {f"socket:[{line.split()[9]}]" for line in list(file)[1:]}
    return len(sockets(pid) & inodes)


def gone(pids):
    until(lambda: not any(alive(pid) for pid in pids), lambda: f"the end of {[p for p in pids if alive(p)]}", 2)


@pytest.fixture
def door(gate):
    place = gate()
    place.start()
    place.give("a.example.com", "198.51.100.1")
    return place


def test_one_process_without_export(gate):
    place = gate()
    server = place.start(sections={"export lockdown": None, "profile default": {"export": ""}})
    assert by_name(server.pid) == {} and status(server.pid)["Name"] == "postern"
    assert "agent" not in server.json("status")
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com")) == ["198.51.100.1"]


@pytest.mark.parametrize("user", ["", "nobody"])
def test_what_each_may_do(gate, user):
    place = gate()
    server = place.start(sections={"server": {"user": user}})
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com")) == ["198.51.100.1"]
    supervisor, serving, agent = three(server)
    none = {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapBnd": 0, "CapAmb": 0}
    assert capabilities(supervisor) == {**none, "CapPrm": ADMIN}
    assert capabilities(serving) == none
    assert capabilities(agent) == {**none, "CapPrm": ADMIN, "CapEff": ADMIN}
    for pid in (supervisor, serving, agent):
        assert status(pid)["NoNewPrivs"] == "1"
        uids = set(status(pid)["Uid"].split())
        assert uids == {str(NOBODY if user else 0)}, pid
    assert status(agent)["Seccomp"] == filtered()
    # none but the server has a socket that reaches the network; the supervisor has its end of the line and no more
    assert network_sockets(supervisor) == network_sockets(agent) == 0 < network_sockets(serving)
    assert len(sockets(supervisor)) == 1
    # what the agent writes, the server only reads
    assert page(agent) == {"rw-s"} and page(serving) == {"r--s"}
    assert not any("memfd" in os.readlink(f"/proc/{serving}/fd/{fd}") for fd in os.listdir(f"/proc/{serving}/fd"))
    # a restarted one is no different
    os.kill(agent, signal.SIGKILL)
    until(lambda: not alive(agent), "the agent's end")
    _, _, again = three(server)
    until(lambda: server.json("status")["agent"]["up"], "the new agent")
    assert capabilities(again) == {**none, "CapPrm": ADMIN, "CapEff": ADMIN}
    assert status(again)["Seccomp"] == filtered() and status(again)["Uid"].split()[0] == str(NOBODY if user else 0)
    place.give("b.example.com", "198.51.100.2")
    assert given(place.ask("b.example.com")) == ["198.51.100.2"]


def test_no_capability_where_no_set_is_the_kernels(gate, scratch):
    os.mkdir(f"{scratch}/out")
    os.chmod(f"{scratch}/out", 0o777)
    place = gate()
    server = place.start(export={"kind": "file", "path": f"{scratch}/out/leases.json", "set4": "", "set6": ""},
                         sections={"server": {"user": "nobody"}})
    for pid in three(server):
        assert set(capabilities(pid).values()) == {0}, status(pid)["Name"]
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com")) == ["198.51.100.1"]
    with open(f"{scratch}/out/leases.json", encoding="ascii") as file:
        assert "198.51.100.1" in file.read()


def test_sandbox_off(gate):
    """No filter of system calls; what the account takes away is taken away."""
    place = gate()
    server = place.start(sections={"server": {"user": "nobody", "sandbox": "off"}})
    supervisor, serving, agent = three(server)
    assert status(agent)["Seccomp"] == "0" and status(agent)["Uid"].split()[0] == str(NOBODY)
    assert (capabilities(supervisor)["CapEff"], capabilities(serving)["CapEff"]) == (0, 0)
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com")) == ["198.51.100.1"]


def test_killed_agent_is_back_within_a_second(door):
    for count in range(1, 6):
        _, _, agent = three(door.server)
        os.kill(agent, signal.SIGKILL)
        started = time.monotonic()

        def back():
            state = door.server.json("status")["agent"]
            return state["up"] and state["pid"] != agent and state["restarts"] == count

        until(back, "another agent", 1)
        name, address = f"n{count}.example.com", f"198.51.100.{100 + count}"
        door.give(name, address)
        assert given(door.ask(name)) == [address]
        assert time.monotonic() - started < 1 and address in door.elements()
    assert f"killed by signal {int(signal.SIGKILL)}" in door.server.output()


def test_agents_that_end_at_once_do_not_spin(door):
    """Ten at once and then one in 100 ms; the server serves on, and what needs a lease fails."""
    def seen():
        return door.server.json("status")["agent"]["restarts"]

    end = time.monotonic() + 2
    while time.monotonic() < end:
        for name, pid in by_name(door.server.pid).items():
            if name in ("postern-agent", "postern"):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
    # ten, and twenty in two seconds, and those that were saved up meanwhile
    assert 10 <= seen() <= 45, door.server.output()
    until(lambda: door.server.json("status")["agent"]["up"], "an agent")
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]
    # nor is it said each time
    assert len(door.server.lines()) < 150


def test_probe_that_was_left_behind(gate):
    """By an agent that was killed while it found out what the kernel does: the next one takes it away."""
    place = gate()
    place.nft("add", "table", "ip", "postern_probe")
    place.nft("add", "set", "ip", "postern_probe", "probe", "{ type ipv6_addr; }")
    place.start({"refresh": "auto"})
    place.give("a.example.com", "198.51.100.1")
    assert given(place.ask("a.example.com")) == ["198.51.100.1"]
    assert "postern_probe" not in place.nft("list", "tables")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_all(door, how):
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]
    pids = three(door.server)
    door.server.program.popen.send_signal(how)
    assert door.server.program.popen.wait(2) == 0
    gone(pids)
    # leases stay
    assert door.nft.keys(SET4) == ["198.51.100.1"]


def test_signal_to_all_of_them(door):
    """As from a terminal, or systemd with KillMode=control-group."""
    pids = three(door.server)
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    assert door.server.program.popen.wait(2) == 0
    gone(pids)


def test_killed_server_ends_all(door):
    pids = three(door.server)
    os.kill(pids[1], signal.SIGKILL)
    assert door.server.program.popen.wait(2) == 1
    gone(pids)
    assert "server: killed by signal 9" in door.server.output()
    door.server.program = None


def test_signal_while_it_starts(gate):
    """Whenever it comes: none is left, and none is killed."""
    place = gate()
    ends = []
    for round in range(16):
        server = place.start(sections={"server": {"user": "nobody"}}, start=False)
        server.start(wait=False)
        time.sleep(round * 0.006)
        pids = [server.pid, *by_name(server.pid).values()]
        server.program.popen.terminate()
        # before it takes signals at all, it has nothing to end
        ends.append(server.program.popen.wait(2))
        assert ends[-1] in (0, -signal.SIGTERM), server.output()
        gone(pids)
        assert "bug" not in server.output() and "killed" not in server.output(), server.output()
        server.program = None
    assert 0 in ends


def test_start_that_fails_ends_all(gate):
    """Here what the server says, and it says it once; the status is 1."""
    place = gate()
    first = place.start()
    second = place.start(start=False)
    code, text = second.fails()
    assert code == 1 and text.count("error:") == 1 and "listen" in text, text
    first.still_alive()


def test_without_the_capability(gate):
    """Started as somebody who may not write to the kernel's sets."""
    place = gate()
    server = place.start(sections={"server": {"listen": "127.0.0.1@5533"}}, start=False)
    os.chmod(server.folder, 0o777)
    server.start(wait=False, wrap=["setpriv", f"--reuid={NOBODY}", "--clear-groups", "--inh-caps=-all"])
    until(lambda: not server.program.running(), "its end", 5)
    text = server.output()
    assert server.program.popen.returncode == 1 and "CAP_NET_ADMIN" in text, text
    server.program = None


@pytest.mark.parametrize("user", ["", "nobody"])
def test_killed_supervisor_ends_all(gate, user):
    place = gate()
    pids = three(place.start(sections={"server": {"user": user}}))
    os.kill(pids[0], signal.SIGKILL)
    gone(pids)
    # there is no exit status to look at
    place.server.program.popen.wait(5)
    place.server.program = None


def test_hangup_reloads(door):
    door.server.change({"profile default": {"mode": "enforce"}})
    door.server.hangup()
    door.server.wait_for("reload: done, generation 2")


def test_stopped_agent_fails_closed_and_does_not_block(door):
    """It hangs: what has an answer is answered, and status too."""
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]
    door.give("b.example.com", "198.51.100.2")
    _, _, agent = three(door.server)
    os.kill(agent, signal.SIGSTOP)
    try:
        assert given(door.ask("a.example.com")) == ["198.51.100.1"]
        assert rcode(door.ask("b.example.com")) == "SERVFAIL"
        assert door.server.json("status")["sets"] is None
    finally:
        os.kill(agent, signal.SIGCONT)
    until(lambda: given(door.ask("b.example.com")) == ["198.51.100.2"], "an answer", 3)
    assert len(door.server.json("status")["sets"]) == 2


def test_unfit_set_is_an_error_at_start(gate):
    """Said once, with the nft command; the exit status is 1."""
    place = gate("table inet lockdown { set update4 { type ipv4_addr; flags interval, timeout; }; }")
    server = place.start(start=False)
    code, text = server.fails(patience=5)
    assert code == 1 and text.count("error:") >= 1 and "nft" in text and "serving on" not in text, text


def test_missing_set_is_not(gate):
    place = gate(None)
    server = place.start()
    assert all(not one["present"] for one in server.json("status")["sets"])
    place.give("a.example.com", "198.51.100.1")
    assert rcode(place.ask("a.example.com")) == "SERVFAIL"


def test_status_of_sets(door):
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]
    shown = door.server.json("status")
    assert shown["agent"] == {"pid": three(door.server)[2], "up": True, "restarts": 0}
    four, six = (next(one for one in shown["sets"] if one["set"] == name) for name in (SET4, SET6))
    assert four["export"] == "lockdown" and four["kind"] == "nftables" and four["breaker"] == "closed"
    assert (four["leases"], four["added"], six["leases"]) == (1, 1, 0) and four["present"] and four["error"] is None
    text = door.server.command("status").stdout
    assert "agent: running" in text and f"export lockdown: nftables {SET4}: there, 1 leases" in text


# What a reload may do with exports.

def test_reload_adds_and_takes_a_set(door):
    door.nft("add", "set", "inet", "lockdown", "more4", "{ type ipv4_addr; flags timeout; }")
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]
    door.server.change({"export more": {"set4": "inet lockdown more4", "grace": "1s"},
                        "profile default": {"export": "lockdown more"}})
    assert door.server.reload().returncode == 0
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]
    assert door.nft.keys("inet lockdown more4") == door.nft.keys(SET4) == ["198.51.100.1"]
    # and away: what is ours in it goes
    door.server.change({"export more": None, "profile default": {"export": "lockdown"}})
    assert door.server.reload().returncode == 0
    until(lambda: not door.nft.keys("inet lockdown more4"), "an empty set", 2)
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]


def test_reload_is_refused_where_the_set_is_unfit(door):
    door.nft("add", "set", "inet", "lockdown", "bad4", "{ type inet_service; flags timeout; }")
    door.server.change({"export more": {"set4": "inet lockdown bad4"}, "profile default": {"export": "lockdown more"}})
    done = door.server.reload()
    assert done.returncode == 1 and "bad4" in done.stderr and "nft" in done.stderr, done
    assert door.server.json("status")["generation"] == 1
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]
    # the agent is as it was, too
    door.give("b.example.com", "198.51.100.2")
    assert given(door.ask("b.example.com")) == ["198.51.100.2"]


@pytest.mark.parametrize("change, named", [
    ({"export lockdown": None, "profile default": {"export": ""}}, "whether there is an [export]"),
    ({"export lockdown": None, "export f": {"kind": "file", "path": "/tmp/x.json"}, "profile default": {"export": "f"}},
     "kind nftables or ipset")])
def test_reload_does_not_change_who_may_what(door, change, named):
    door.server.change(change)
    done = door.server.reload()
    assert done.returncode == 1 and named in done.stderr and "needs a restart" in done.stderr, done


def test_reload_does_not_bring_exports(gate):
    place = gate()
    server = place.start(sections={"export lockdown": None, "profile default": {"export": ""}})
    server.sections = {section: keys for section, keys in server.sections.items() if keys is not None}
    server.change({"export lockdown": {"set4": SET4}, "profile default": {"export": "lockdown"}})
    done = server.reload()
    assert done.returncode == 1 and "needs a restart" in done.stderr, done


def test_reload_closes_what_nothing_allows(door):
    """And leaves what another entry allows."""
    door.give("b.example.com", "198.51.100.2")
    door.give("c.example.net", "198.51.100.3")
    for name in ("a.example.com", "b.example.com", "c.example.net"):
        assert given(door.ask(name)), name
    door.server.configure(door.server.sections, {"test": "[one]\nports = tcp/80\nallow = b.example.com\n"})
    assert door.server.reload().returncode == 0
    until(lambda: door.nft.keys(SET4) == ["198.51.100.2"], lambda: door.nft.keys(SET4), 2)
    assert door.agree()


def test_agent_works_by_what_was_committed(door):
    """The file is broken, and the agent dies: the next one works by the text that was good."""
    with open(door.server.config, encoding="ascii") as file:
        good = file.read()
    door.server.write("postern.conf", "[nonsense]\n")
    # for the commands, which read it too
    door.server.config = door.server.write("commands.conf", good)
    os.kill(three(door.server)[2], signal.SIGKILL)
    until(lambda: door.server.json("status")["agent"]["restarts"] == 1 and door.server.json("status")["agent"]["up"],
          "another agent", 2)
    assert given(door.ask("a.example.com")) == ["198.51.100.1"]


def test_agent_dies_around_reloads(door):
    """Whenever it does: in the end both mean the same, and answers come."""
    for round in range(12):
        door.server.change({"export lockdown": {"min-time": f"{round + 2}s"}})
        _, _, agent = three(door.server)
        door.server.hangup()
        time.sleep(round * 0.002)
        try:
            os.kill(agent, signal.SIGKILL)
        except ProcessLookupError:
            pass
        until(lambda: door.server.json("status")["agent"]["up"], "another agent", 2)
    until(lambda: door.server.reload().returncode == 0, "a reload", 3)
    name = "last.example.com"
    door.give(name, "198.51.100.77")
    until(lambda: given(door.ask(name)) == ["198.51.100.77"], "an answer", 8)
