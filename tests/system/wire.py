# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages as bytes, written without a library: names keep their case, and what is wrong may be written too."""
import struct

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010
DO = 0x8000
IN, CH = 1, 3
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, BADVERS = 0, 1, 2, 3, 4, 5, 16
EDE, COOKIE, SUBNET, NSID, PADDING = 15, 10, 8, 3, 12
EDE_OTHER, EDE_STALE, EDE_BLOCKED, EDE_STALE_NXDOMAIN, EDE_NO_REACHABLE = 0, 3, 15, 19, 22
UDP_SIZE = 1232


def type_number(text):
    return dns.rdatatype.from_text(text)


def name(text):
    return dns.name.from_text(text).to_wire()


def header(ident, flags=RD, qd=1, an=0, ns=0, ar=0):
    return struct.pack("!6H", ident, flags, qd, an, ns, ar)


def question(qname, qtype="A", qclass=IN):
    return name(qname) + struct.pack("!HH", type_number(qtype), qclass)


def option(code, data=b""):
    return struct.pack("!HH", code, len(data)) + data


def opt(options=b"", version=0, flags=0, size=UDP_SIZE, rcode=0):
    return b"\0" + struct.pack("!HHBBHH", 41, size, rcode >> 4, version, flags, len(options)) + options


def ede(code, text=""):
    return option(EDE, struct.pack("!H", code) + text.encode())


def query(qname, qtype="A", ident=0x1234, flags=RD, qclass=IN, edns=None):
    """A question; edns: the bytes of an OPT record."""
    return header(ident, flags, ar=1 if edns else 0) + question(qname, qtype, qclass) + (edns or b"")


def rdata(rtype, text):
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rtype), text, origin=dns.name.root,
                               relativize=False).to_wire(origin=dns.name.root)


def record(owner, rtype, ttl, data, rclass=IN):
    """owner: text, or the bytes of a name or of a pointer to one; data: text, or bytes."""
    owner = name(owner) if isinstance(owner, str) else owner
    data = rdata(rtype, data) if isinstance(data, str) else data
    return owner + struct.pack("!HHIH", type_number(rtype), rclass, ttl, len(data)) + data


def block_soa(ttl):
    """The SOA of a refusal: of the root, with its TTL as its minimum."""
    return record(b"\0", "SOA", ttl, b"\0" + name("nobody.invalid.") + struct.pack("!5I", 1, 3600, 1200, 604800, ttl))
