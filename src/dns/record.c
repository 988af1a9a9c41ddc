/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/record.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "dns/answer_rdata.h"
#include "dns/svcb.h"

#define TTL_DEFAULT 3600
#define BLANKS " \t"

static int refuse(char *why, size_t whylen, const char *reason)
{
	snprintf(why, whylen, "%s", reason);
	return -EINVAL;
}

/* Seconds, or numbers with units as zone files have them. */
static bool parse_ttl(uint32_t *ttl, const char *text, size_t len)
{
	static const char units[] = "smhdw";
	static const uint32_t seconds[] = { 1, 60, 3600, 86400, 604800 };
	uint64_t sum = 0, v = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		const char *unit = strchr(units, text[i] | 0x20);

		if (text[i] >= '0' && text[i] <= '9') {
			v = v * 10 + (uint64_t)(text[i] - '0');
		} else if (unit && i && text[i - 1] >= '0' && text[i - 1] <= '9') {
			sum += v * seconds[unit - units];
			v = 0;
		} else {
			return false;
		}
		if (sum + v > INT32_MAX)
			return false;
	}
	*ttl = (uint32_t)(sum + v);
	return true;
}

static bool is_class(const char *text, size_t len)
{
	static const char *const names[] = { "IN", "CH", "HS", "NONE", "ANY" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == len && !strncasecmp(names[i], text, len))
			return true;
	return len > 5 && !strncasecmp(text, "CLASS", 5);
}

/*
 * Writes the record anew with its TTL and class in the one order that ldns 1.8
 * knows. It would also take the root for a missing owner, cut a TTL to 32 bits,
 * and read half of one.
 */
static int normalize(char **out, const char *text, char *why, size_t whylen)
{
	size_t owner = strcspn(text, BLANKS), len;
	const char *p = text + owner;
	uint32_t ttl = TTL_DEFAULT;
	bool with_ttl = false, with_class = false;

	if (!owner || (owner == 1 && text[0] == '@') || text[0] == '$' || text[0] == ';')
		return refuse(why, whylen, "the record must begin with its owner's name");
	for (;; p += len) {
		p += strspn(p, BLANKS);
		len = strcspn(p, BLANKS);
		if (!with_ttl && p[0] >= '0' && p[0] <= '9') {
			if (!parse_ttl(&ttl, p, len))
				return refuse(why, whylen, "the TTL is no number of seconds up to 2147483647");
			with_ttl = true;
		} else if (!with_class && is_class(p, len)) {
			if (len != 2 || strncasecmp(p, "IN", 2))
				return refuse(why, whylen, "the class must be IN");
			with_class = true;
		} else {
			break;
		}
	}
	if (asprintf(out, "%.*s %u IN %s", (int)owner, text, ttl, p) < 0) {
		*out = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* The wire form of the one record in `wire`, checked as strictly as an upstream's. */
static int take_wire(struct record *r, struct arena *a, const uint8_t *wire, size_t size, char *why, size_t whylen)
{
	struct svcb svcb;
	const uint8_t *p;
	struct rd rd;
	size_t off = 0;

	if (name_read_case(&r->owner, wire, size, &off, false))
		return refuse(why, whylen, "the owner is no domain name");
	name_fold(&r->owner);
	rd = rd_init(wire + off, size - off);
	r->type = rd_u16(&rd);
	if (rd_u16(&rd) != CLASS_IN)
		return refuse(why, whylen, "the class must be IN");
	r->ttl = rd_u32(&rd);
	r->rdlen = rd_u16(&rd);
	p = rd_take(&rd, r->rdlen);
	/* RFC 6895 3.1: 128 to 255 are questions and such, no data. */
	if (!r->type || r->type == TYPE_OPT || (r->type >= 128 && r->type <= 255))
		return refuse(why, whylen, "no type of record that a zone can hold");
	if (!p || rd_left(&rd) || answer_rdata_check(r->type, CLASS_IN, wire, (size_t)(p - wire), r->rdlen))
		return refuse(why, whylen, "the data does not fit the type");
	if ((r->type == TYPE_SVCB || r->type == TYPE_HTTPS) &&
	    svcb_parse(&svcb, wire, (size_t)(p - wire), r->rdlen))
		return refuse(why, whylen, "the service parameters contradict RFC 9460");
	r->rdata = arena_bytes(a, p, r->rdlen);
	return r->rdata ? 0 : -ENOMEM;
}

int record_parse(struct record *r, struct arena *a, const char *text, char *why, size_t whylen)
{
	uint8_t root_wire[1] = { 0 };
	ldns_rdf *root = ldns_dname_new_frm_data(1, root_wire);
	uint8_t *wire = NULL;
	char *whole = NULL;
	ldns_rr *rr = NULL;
	ldns_status s;
	size_t size;
	int err;

	if (!root)
		return -ENOMEM;
	err = normalize(&whole, text, why, whylen);
	if (err)
		goto out;
	s = ldns_rr_new_frm_str(&rr, whole, TTL_DEFAULT, root, NULL);
	if (s == LDNS_STATUS_OK)
		s = ldns_rr2wire(&wire, rr, LDNS_SECTION_ANSWER, &size);
	if (s == LDNS_STATUS_MEM_ERR)
		err = -ENOMEM;
	else if (s != LDNS_STATUS_OK)
		err = refuse(why, whylen, ldns_get_errorstr_by_id(s));
	else
		err = take_wire(r, a, wire, size, why, whylen);
out:
	free(wire);
	free(whole);
	ldns_rr_free(rr);
	ldns_rdf_deep_free(root);
	return err;
}

/* RFC 3597 5. */
static char *generic_text(const uint8_t *rdata, size_t rdlen)
{
	char *text = malloc(16 + 2 * rdlen);
	size_t n, i;

	if (!text)
		return NULL;
	n = (size_t)sprintf(text, "\\# %zu%s", rdlen, rdlen ? " " : "");
	for (i = 0; i < rdlen; i++)
		n += (size_t)sprintf(text + n, "%02x", rdata[i]);
	return text;
}

/* A root-owned record as ldns prints it, or NULL. */
static char *ldns_text(uint16_t type, const uint8_t *rdata, size_t rdlen)
{
	uint8_t *wire = calloc(1, 11 + rdlen);
	ldns_rr *rr = NULL;
	char *text = NULL;
	size_t pos = 0;

	if (!wire)
		return NULL;
	bytes_put_u16(wire + 1, type);
	bytes_put_u16(wire + 3, CLASS_IN);
	bytes_put_u16(wire + 9, (uint16_t)rdlen);
	if (rdlen)
		memcpy(wire + 11, rdata, rdlen);
	if (ldns_wire2rr(&rr, wire, 11 + rdlen, &pos, LDNS_SECTION_ANSWER) == LDNS_STATUS_OK)
		text = ldns_rr2str(rr);
	ldns_rr_free(rr);
	free(wire);
	return text;
}

const char *record_rdata_text(uint16_t type, const uint8_t *rdata, size_t rdlen, char *buf, size_t cap)
{
	char *text = rdlen <= UINT16_MAX ? ldns_text(type, rdata, rdlen) : NULL;
	const char *from = text;
	size_t i, len;
	int tabs;

	/* Owner, TTL, class and type go before, each with its tab. */
	for (tabs = 0; from && tabs < 4; tabs++) {
		from = strchr(from, '\t');
		from = from ? from + 1 : NULL;
	}
	if (!from) {
		free(text);
		from = text = generic_text(rdata, rdlen);
	}
	if (!from)
		from = "(out of memory)";
	len = strcspn(from, "\n");
	if (len < cap)
		snprintf(buf, cap, "%.*s", (int)len, from);
	else
		snprintf(buf, cap, "%.*s...", cap > 4 ? (int)(cap - 4) : 0, from);
	for (i = 0; buf[i]; i++)
		if (buf[i] < ' ' || buf[i] > '~')
			buf[i] = '?';
	free(text);
	return buf;
}
