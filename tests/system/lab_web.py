#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server on every address and on the ports given: it says where it was reached, and by which name."""
import selectors
import socket
import sys


def answer(conn):
    conn.settimeout(2)
    try:
        request = conn.recv(4096).decode("latin-1")
        host = next((line[6:] for line in request.split("\r\n") if line.lower().startswith("host: ")), "nobody")
        body = f"hello from {conn.getsockname()[0].removeprefix('::ffff:')}, you asked for {host}\n"
        conn.sendall(f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    except OSError:
        pass
    conn.close()


def main():
    selector = selectors.DefaultSelector()
    for port in sys.argv[1:]:
        sock = socket.create_server(("::", int(port)), family=socket.AF_INET6, backlog=1024, dualstack_ipv6=True)
        selector.register(sock, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            answer(key.fileobj.accept()[0])


if __name__ == "__main__":
    main()
