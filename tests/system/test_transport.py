# SPDX-License-Identifier: GPL-3.0-or-later
"""UDP and TCP: pipelining, order, idle time-out, caps, half-closed connections, fragments; families, listeners, workers."""
import socket
import struct
import time

import pytest

import wire
from client import Client, addresses, errors, frame, rcode, read_frame
from procs import free_port, until
from upstream import Late, by_name, number, silent

CATALOGUE = {"test": "[g]\nallow = *.example.com\n"}
PROFILE = {"profile default": {"catalog": "test"}}
FAMILIES = ["127.0.0.1", "::1"]


@pytest.fixture
def script(upstream):
    up = upstream()

    def serve(question):
        if not question.name.startswith("slow"):
            return by_name(question)
        return Late(0.3, by_name(question))
    up.default = serve
    return up


@pytest.fixture
def make(postern, script):
    """A server on both families; clients = {address: Client}."""
    def start(sections=None, workers=1, **kwargs):
        ports = {address: free_port(address) for address in FAMILIES}
        listen = " ".join(f"{address}@{port}" for address, port in ports.items())
        settings = {"server": {"listen": listen, "workers": workers}, "log": {"queries": "none"}, **PROFILE,
                    **(sections or {})}
        server = postern(settings, CATALOGUE, script, **kwargs)
        server.clients = {address: Client(address, port) for address, port in ports.items()}
        return server
    return start


def expected(name):
    class Asked:
        pass
    Asked.name = name
    return number(Asked)


def given(reply):
    """The id and the address of an answer with one."""
    assert reply is not None and reply[3] & 15 == 0, reply
    return struct.unpack("!H", reply[:2])[0], socket.inet_ntoa(reply[-4:])


def ask_all(sock, names):
    for ident, name in enumerate(names):
        sock.sendall(frame(wire.query(name, ident=ident)))


def read_all(sock, names):
    """Every answer, in the order in which they came; each is the right one."""
    order = []
    for _ in names:
        ident, address = given(read_frame(sock))
        assert address == expected(names[ident])
        order.append(ident)
    assert sorted(order) == list(range(len(names)))
    return order


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("address", FAMILIES)
def test_udp_pipelined(make, address, workers):
    """Hundreds of questions from one socket before the first answer is read."""
    client = make(workers=workers).clients[address]
    names = [f"{'slow' if n % 10 == 0 else 'n'}{n}.example.com" for n in range(400)]
    with client.open(socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.connect(client.where())
        for ident, name in enumerate(names):
            sock.send(wire.query(name, ident=ident))
        seen = dict(given(sock.recv(512)) for _ in names)
    assert seen == {ident: expected(name) for ident, name in enumerate(names)}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("address", FAMILIES)
def test_tcp_pipelined_and_out_of_order(make, address, workers):
    client = make(workers=workers).clients[address]
    names = [f"{'slow' if n < 20 else 'n'}{n}.example.com" for n in range(90)]
    with client.connect() as sock:
        ask_all(sock, names)
        order = read_all(sock, names)
    assert min(order[-20:]) == 0 and set(order[-20:]) == set(range(20)), "the slow ones come last"


def test_tcp_many_more_than_are_worked_on_at_once(make):
    """A client that first writes all and only then reads gets all."""
    client = make().clients["127.0.0.1"]
    names = [f"n{n % 700}.example.com" for n in range(5000)]
    with client.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        ask_all(sock, names)
        read_all(sock, names)


def test_same_question_in_flight_is_asked_once(make, script):
    client = make().clients["127.0.0.1"]
    with client.connect() as sock:
        ask_all(sock, ["slow.example.com"] * 50)
        read_all(sock, ["slow.example.com"] * 50)
    assert len(script.asked("slow.example.com")) == 1


@pytest.mark.parametrize("address", FAMILIES)
def test_tcp_fragments(make, address):
    """Byte by byte, several in one write, and cut in the middle of the next."""
    client = make().clients[address]
    names = [f"n{n}.example.com" for n in range(6)]
    stream = b"".join(frame(wire.query(name, ident=ident)) for ident, name in enumerate(names))
    with client.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in stream:
            sock.send(bytes([byte]))
        read_all(sock, names)
        middle = len(stream) // 2 + 5
        sock.sendall(stream[:middle])
        time.sleep(0.05)        # so that they are two segments: either way all must come
        sock.sendall(stream[middle:])
        read_all(sock, names)


def test_half_closed(make):
    """Who has said all still gets every answer, and then the end."""
    client = make().clients["127.0.0.1"]
    names = [f"{'slow' if n % 2 else 'n'}{n}.example.com" for n in range(30)]
    with client.connect() as sock:
        ask_all(sock, names)
        sock.shutdown(socket.SHUT_WR)
        read_all(sock, names)
        assert sock.recv(1) == b""


def test_half_closed_within_a_question(make):
    client = make().clients["127.0.0.1"]
    with client.connect() as sock:
        sock.sendall(frame(wire.query("n.example.com"))[:9])
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""


def test_gone_before_the_answer(make):
    """Reset and closed connections with questions open: nothing is left of them."""
    server = make()
    client = server.clients["127.0.0.1"]
    for number_ in range(40):
        sock = client.connect()
        ask_all(sock, [f"slow{number_}-{n}.example.com" for n in range(5)])
        if number_ % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    until(lambda: server.json("status")["tcp-clients"] == 0 and server.json("status")["inflight"] == 0,
          "all connections and questions to be gone")


IDLE = {"limits": {"tcp-idle": "400ms"}}


def closes_after(sock):
    began = time.monotonic()
    assert sock.recv(1) == b""
    return time.monotonic() - began


def test_idle_connection_is_closed(make):
    client = make(IDLE).clients["127.0.0.1"]
    with client.connect() as sock:
        assert 0.3 < closes_after(sock) < 2
    with client.connect() as sock:
        ask_all(sock, ["n.example.com"])
        read_all(sock, ["n.example.com"])
        assert 0.3 < closes_after(sock) < 2


def test_questions_keep_a_connection(make):
    client = make(IDLE).clients["127.0.0.1"]
    began = time.monotonic()
    with client.connect() as sock:
        while time.monotonic() - began < 1.2:
            ask_all(sock, ["n.example.com"])
            read_all(sock, ["n.example.com"])
            time.sleep(0.1)
        assert 0.2 < closes_after(sock) < 2


def test_a_trickle_does_not_keep_it(make):
    """Bytes that never make a question."""
    client = make(IDLE).clients["127.0.0.1"]
    stream = frame(wire.query("n.example.com"))
    began = time.monotonic()
    with client.connect() as sock:
        sock.settimeout(0.1)
        for byte in stream[:-1]:
            try:
                sock.send(bytes([byte]))
                assert sock.recv(1) == b""
                break
            except TimeoutError:
                assert time.monotonic() - began < 2, "still open"
            except ConnectionError:
                break
    assert time.monotonic() - began > 0.3


def test_waiting_for_upstream_is_not_idle(make, script):
    client = make(IDLE).clients["127.0.0.1"]
    script.on("late.example.com", "A", lambda question: Late(1.0, by_name(question)))
    with client.connect() as sock:
        ask_all(sock, ["late.example.com"])
        read_all(sock, ["late.example.com"])


def test_who_does_not_read_is_closed(make):
    """Answers that make no way are dropped with their connection, not kept."""
    server = make(IDLE)
    client = server.clients["127.0.0.1"]
    with client.open(socket.SOCK_STREAM, 0.2) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.connect(client.where())
        question = frame(wire.query("n.example.com")) * 500
        with pytest.raises(OSError):
            for _ in range(100000):
                sock.sendall(question)
        until(lambda: server.json("status")["tcp-clients"] == 0, "the connection to be closed")


def test_cap_of_one_client(make):
    server = make({"limits": {"tcp-per-client": "3", "tcp-clients": "100"}})
    port = server.clients["127.0.0.1"].port
    mine, other = Client("127.0.0.1", port, "127.0.0.2"), Client("127.0.0.1", port, "127.0.0.3")
    socks = [mine.connect() for _ in range(3)]
    for sock in socks:
        ask_all(sock, ["n.example.com"])
        read_all(sock, ["n.example.com"])
    with mine.connect() as fourth:
        assert closed(fourth)
    assert other.raw_tcp(wire.query("n.example.com")) is not None
    socks.pop().close()
    until(lambda: server.json("status")["tcp-clients"] == 2, "the place to be free")
    assert mine.raw_tcp(wire.query("n.example.com")) is not None
    for sock in socks:
        sock.close()


def closed(sock):
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def test_cap_of_all(make):
    server = make({"limits": {"tcp-per-client": "0", "tcp-clients": "5"}}, workers=2)
    port = server.clients["127.0.0.1"].port
    socks = [Client("127.0.0.1", port, f"127.0.0.{n}").connect() for n in range(2, 7)]
    for sock in socks:
        ask_all(sock, ["n.example.com"])
        read_all(sock, ["n.example.com"])
    with Client("127.0.0.1", port, "127.0.0.9").connect() as sixth:
        assert closed(sixth)
    # UDP is not concerned
    assert addresses(server.clients["127.0.0.1"].ask("n.example.com"))
    for sock in socks:
        sock.close()


def test_caps_change_with_a_reload(make):
    server = make({"limits": {"tcp-per-client": "1"}})
    client = server.clients["127.0.0.1"]
    with client.connect() as first:
        ask_all(first, ["n.example.com"])
        read_all(first, ["n.example.com"])
        assert client.raw_tcp(wire.query("n.example.com")) is None
        server.change({"limits": {"tcp-per-client": "2"}})
        assert server.reload().returncode == 0
        assert client.raw_tcp(wire.query("n.example.com")) is not None


def test_client_inflight(make, script):
    """What one client has waiting does not stand in another's way."""
    server = make({"limits": {"client-inflight": "5"}, "upstream": {"timeout": "2s"}})
    script.default = silent
    port = server.clients["127.0.0.1"].port
    mine, other = Client("127.0.0.1", port, "127.0.0.2"), Client("127.0.0.1", port, "127.0.0.3")
    script.on("good.example.com", "A", by_name)
    with mine.open(socket.SOCK_DGRAM) as sock:
        sock.connect(mine.where())
        for ident in range(5):
            sock.send(wire.query(f"w{ident}.example.com", ident=ident))
        until(lambda: server.json("status")["inflight"] == 5, "five to wait")
        answer = mine.ask("good.example.com")
        assert rcode(answer) == "SERVFAIL" and errors(answer)[0][0] == wire.EDE_OTHER and errors(answer)[0][1]
        assert addresses(other.ask("good.example.com"))
        # what needs no upstream is answered all the same
        assert addresses(mine.ask("good.example.com")) and rcode(mine.ask("x.example.net")) == "NXDOMAIN"


def test_inflight(make, script):
    """The oldest of all makes room."""
    server = make({"limits": {"inflight": "10", "client-inflight": "0"}, "upstream": {"timeout": "3s"}})
    script.default = silent
    client = server.clients["127.0.0.1"]
    with client.open(socket.SOCK_DGRAM) as sock:
        sock.connect(client.where())
        for ident in range(10):
            sock.send(wire.query(f"w{ident}.example.com", ident=ident))
        until(lambda: server.json("status")["inflight"] == 10, "ten to wait")
        sock.send(wire.query("w10.example.com", ident=10))
        reply = sock.recv(512)
        assert reply[:2] == b"\0\0" and reply[3] & 15 == wire.SERVFAIL
    assert server.json("status")["inflight"] == 10


@pytest.mark.parametrize("workers", [1, 2])
def test_many_listeners_and_clients(postern, script, workers):
    """Each listener over UDP and TCP, for clients with many addresses."""
    ports = [free_port() for _ in range(5)]
    server = postern({"server": {"listen": " ".join(f"127.0.0.{n + 1}@{port}" for n, port in enumerate(ports)),
                                 "workers": workers}, **PROFILE}, CATALOGUE, script)
    for listener, port in enumerate(ports):
        for client in range(12):
            one = Client(f"127.0.0.{listener + 1}", port, f"127.0.{client + 1}.{listener + 1}")
            for tcp in (False, True):
                assert addresses(one.ask(f"n{client}.example.com", tcp=tcp)) == [expected(f"n{client}.example.com")]
    assert server.json("status")["workers"] == workers
    counters = server.counters()
    assert counters["udp"] == 60 and counters["tcp"] == 60


def test_workers_share_nothing_but_serve_alike(postern, script):
    """Each of two workers has its own cache: twice the questions go upstream, and never more; learned names are common."""
    script.on("www.example.com", "A", lambda question: question.reply(
        [wire.record("www.example.com", "CNAME", 300, "x.cdn.example"), wire.record("x.cdn.example", "A", 300, "198.51.1.1")]))
    server = postern({"server": {"workers": 2}, **PROFILE},
                     {"test": "[g]\nallow = *.example.com\nchain = *.cdn.example\n"}, script)
    clients = [Client("127.0.0.1", server.port, f"127.0.0.{n}") for n in range(2, 40)]
    assert rcode(clients[0].ask("x.cdn.example")) == "NXDOMAIN"
    for client in clients:
        assert addresses(client.ask("www.example.com")) == ["198.51.1.1"]
    assert len(script.asked("www.example.com")) == 2
    for client in clients:
        assert rcode(client.ask("x.cdn.example")) == "NOERROR"
