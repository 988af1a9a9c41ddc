/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DNS_TYPES_H
#define DNS_TYPES_H

/* Numbers of the IANA DNS registries that the code names, and types as text. */

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum dns_type {
	TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12, TYPE_HINFO = 13, TYPE_MX = 15, TYPE_TXT = 16,
	TYPE_AAAA = 28, TYPE_SRV = 33, TYPE_NAPTR = 35, TYPE_DNAME = 39, TYPE_OPT = 41, TYPE_DS = 43,
	TYPE_RRSIG = 46, TYPE_NSEC = 47, TYPE_DNSKEY = 48, TYPE_NSEC3 = 50, TYPE_SVCB = 64, TYPE_HTTPS = 65,
	TYPE_TKEY = 249, TYPE_TSIG = 250, TYPE_IXFR = 251, TYPE_AXFR = 252, TYPE_MAILB = 253, TYPE_MAILA = 254,
	TYPE_ANY = 255,
};

enum dns_class { CLASS_IN = 1, CLASS_CH = 3, CLASS_NONE = 254, CLASS_ANY = 255 };
enum dns_opcode { OPCODE_QUERY = 0 };
enum dns_rcode {
	RCODE_NOERROR = 0, RCODE_FORMERR = 1, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5, RCODE_BADVERS = 16,
};
/* RFC 8914 */
enum dns_ede {
	EDE_OTHER = 0, EDE_STALE = 3, EDE_BLOCKED = 15, EDE_FILTERED = 17, EDE_STALE_NXDOMAIN = 19, EDE_NO_REACHABLE = 22,
	EDE_NONE = 0xffff,
};

/* "A", "TYPE1234" …, upper case, into buf (16 bytes), which is returned. */
const char *type_text(uint16_t type, char *buf);
/* Mnemonics in any case, and TYPEnnn (RFC 3597 5). -EINVAL. */
must_check int type_parse(uint16_t *type, const char *text, size_t len);
const char *rcode_text(unsigned rcode);	/* "NOERROR", …; "RCODE" for the unknown */

#endif
