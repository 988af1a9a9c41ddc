# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test of the real program may ask for. Nothing outlives its test, whichever way it ends."""
import contextlib
import itertools
import os
import shutil
import tempfile

import pytest

from authority import Nsd, Unbound
from client import Client
from firewall import TABLE, Gate
from netns import Namespace, furnish, why_not
from procs import find_program, free_port
from server import BINARY, ZONES, Postern, Site
from upstream import Upstream, by_name

LOCAL = "127.0.0.1"


def pytest_configure(config):
    if not os.access(BINARY, os.X_OK):
        raise pytest.UsageError(f"{BINARY}: not there; build it with make, or name it in POSTERN")


@pytest.fixture
def scratch():
    """A folder of the test's own; its path is short enough for a Unix socket."""
    folder = tempfile.mkdtemp(prefix="postern-")
    os.chmod(folder, 0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ends(scratch):
    """What is to be ended, the last started first. All are ended, and then the first failure is told."""
    with contextlib.ExitStack() as stack:
        yield stack


def required(program):
    path = find_program(program)
    if not path:
        pytest.skip(f"{program} is not installed")
    return path


@pytest.fixture
def upstream(ends):
    """Makes a scripted upstream."""
    def make(address=LOCAL, port=None, **kwargs):
        server = Upstream(address, port or free_port(address), **kwargs)
        ends.callback(server.stop)
        return server
    return make


@pytest.fixture
def script(upstream):
    """One that answers every name; a test module may have its own."""
    up = upstream()
    up.default = by_name
    return up


@pytest.fixture
def nsd(scratch, ends):
    numbers = itertools.count()

    def make(zones, address=LOCAL, port=None, prefix=()):
        server = Nsd(required("nsd"), f"{scratch}/nsd{next(numbers)}", address, port or free_port(address), zones,
                     prefix)
        ends.callback(server.stop)
        return server
    return make


@pytest.fixture
def unbound(scratch, ends):
    def make(to, **kwargs):
        server = Unbound(required("unbound"), f"{scratch}/unbound", LOCAL, free_port(), to, **kwargs)
        ends.callback(server.stop)
        return server
    return make


@pytest.fixture
def site(scratch):
    """A configuration without a service, for commands."""
    place = Site(scratch)
    place.configure({})
    return place


@pytest.fixture
def postern(scratch, ends):
    """
    Makes a running postern. Without a `listen` of its own it is at 127.0.0.1 and a free port, and `client` asks it
    there. It must end well and have no fault in its log.
    """
    numbers = itertools.count()

    def make(sections=None, catalogues=None, upstream=None, start=True, args=(), prefix=(), wrap=()):
        number = next(numbers)
        server = Postern(scratch if not number else os.path.join(scratch, str(number)), prefix)
        ends.callback(server.stop)
        port = free_port()
        base = {"server": {"listen": f"{LOCAL}@{port}"}, **({"upstream": {"address": upstream.at}} if upstream else {})}
        for section, keys in (sections or {}).items():
            base[section] = {**base.get(section, {}), **keys} if keys is not None else None
        server.configure(base, catalogues)
        server.port = port
        server.client = Client(LOCAL, port)
        if start:
            server.start(*args, wrap=wrap)
        return server
    return make


@pytest.fixture
def namespace(scratch, ends):
    """Makes a network and mount namespace."""
    reason = why_not()
    if reason:
        pytest.skip(reason)

    def make():
        space = Namespace()
        ends.callback(space.stop)
        return space
    return make


@pytest.fixture
def fresh(namespace, scratch):
    """A namespace with folders of its own: /etc is scratch/etc, see netns.FOLDERS."""
    space = namespace()
    furnish(space, scratch, ZONES)
    return space


@pytest.fixture
def gate(namespace, upstream, postern):
    """Makes a machine with nft and a scripted upstream, on which postern can be started."""
    required("nft")

    def make(ruleset=TABLE):
        return Gate(namespace(), upstream, postern, ruleset)
    return make


@pytest.fixture
def need():
    """The path of a program, or the test is skipped."""
    return required
