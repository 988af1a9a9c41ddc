/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/answer_rdata.h"

#include <errno.h>

#include "base/util.h"

static const struct {
	uint16_t type;
	bool compressible;
	const char *shape;
} shapes[] = {
	{ TYPE_A, false, "l" },
	{ TYPE_NS, true, "n" },
	{ 3 /* MD */, false, "n" },
	{ 4 /* MF */, false, "n" },
	{ TYPE_CNAME, true, "n" },
	{ TYPE_SOA, true, "nnlllll" },
	{ 7 /* MB */, false, "n" },
	{ 8 /* MG */, false, "n" },
	{ 9 /* MR */, false, "n" },
	{ TYPE_PTR, true, "n" },
	{ 14 /* MINFO */, false, "nn" },
	{ TYPE_MX, true, "wn" },
	{ TYPE_TXT, false, "S" },
	{ 17 /* RP */, false, "nn" },
	{ 18 /* AFSDB */, false, "wn" },
	{ 21 /* RT */, false, "wn" },
	{ 24 /* SIG */, false, "wbblllwn*" },
	{ 26 /* PX */, false, "wnn" },
	{ TYPE_AAAA, false, "llll" },
	{ 30 /* NXT */, false, "n*" },
	{ TYPE_SRV, false, "wwwn" },
	{ TYPE_NAPTR, false, "wwsssn" },
	{ 36 /* KX */, false, "wn" },
	{ TYPE_DNAME, false, "n" },
	{ TYPE_DS, false, "wbb*" },
	{ TYPE_RRSIG, false, "wbblllwu*" },
	{ TYPE_NSEC, false, "u*" },
	{ TYPE_DNSKEY, false, "wbb*" },
	{ TYPE_SVCB, false, "wu*" },
	{ TYPE_HTTPS, false, "wu*" },
};

const char *answer_rdata_shape(uint16_t type, uint16_t class)
{
	size_t i;

	/* Chaosnet's addresses are not the Internet's (RFC 1035 3.4.1). */
	if (class != CLASS_IN && (type == TYPE_A || type == TYPE_AAAA))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		if (shapes[i].type == type)
			return shapes[i].shape;
	return NULL;
}

bool answer_rdata_compressible(uint16_t type)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		if (shapes[i].type == type)
			return shapes[i].compressible;
	return false;
}

static int strings(const uint8_t *msg, size_t off, size_t end)
{
	struct rd r = rd_init(msg + off, end - off);

	do {
		rd_take(&r, rd_u8(&r));
	} while (!r.bad && rd_left(&r));
	return r.bad ? -EBADMSG : (int)(end - off);
}

int answer_rdata_field(char c, const uint8_t *msg, size_t off, size_t end)
{
	size_t pos = off, n = 0;
	struct name name;

	switch (c) {
	case 'n':
	case 'u':
		/* The name must end within the rdata; what its pointers lead to lies before. */
		if (name_read_case(&name, msg, end, &pos, c == 'n'))
			return -EBADMSG;
		return (int)(pos - off);
	case 'S':
		return strings(msg, off, end);
	case '*':
		return (int)(end - off);
	case 's':
		n = off < end ? 1u + msg[off] : 1;
		break;
	case 'b':
		n = 1;
		break;
	case 'w':
		n = 2;
		break;
	default:
		n = 4;
		break;
	}
	return end - off < n ? -EBADMSG : (int)n;
}

int answer_rdata_check(uint16_t type, uint16_t class, const uint8_t *msg, size_t off, size_t rdlen)
{
	const char *shape = answer_rdata_shape(type, class);
	size_t end = off + rdlen;

	if (!shape)
		return 0;
	for (; *shape; shape++) {
		int n = answer_rdata_field(*shape, msg, off, end);

		if (n < 0)
			return n;
		off += (size_t)n;
	}
	return off == end ? 0 : -EBADMSG;
}
