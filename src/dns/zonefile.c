/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/zonefile.h"

#include <ctype.h>
#include <errno.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"

#define BLANKS " \t\r\n\f\v"

const struct name zonefile_unnamed = { .len = 3, .labels = 1, .wire = { 1, 0, 0 } };

struct zonefile {
	FILE *in;
	char *line;			/* getline's */
	size_t cap;
	unsigned lines, first;		/* read; where the record begins */
	size_t len;
	bool inherits;			/* the record begins with a blank: its owner is the last one's */
	bool has_owner;
	struct name owner, origin;
	ldns_rdf *base;			/* origin as ldns has it */
	const char *why;
	char text[ZONEFILE_RECORD];	/* as written */
	char whole[ZONEFILE_RECORD + 16];	/* the record as ldns is given it */
};

/* What goes on over lines, while one record is put together. */
struct scan {
	unsigned depth;			/* of brackets */
	const char *why;		/* the first thing wrong */
};

static int set_origin(struct zonefile *z, const struct name *origin)
{
	ldns_rdf *base = ldns_dname_new_frm_data(origin->len, origin->wire);

	if (!base)
		return -ENOMEM;
	ldns_rdf_deep_free(z->base);
	z->base = base;
	z->origin = *origin;
	return 0;
}

int zonefile_open(struct zonefile **out, FILE *in)
{
	struct zonefile *z = malloc(sizeof(*z));

	if (!z)
		return -ENOMEM;
	memset(z, 0, offsetof(struct zonefile, text));
	z->in = in;
	z->text[0] = '\0';
	if (set_origin(z, &zonefile_unnamed)) {
		zonefile_close(z);
		return -ENOMEM;
	}
	*out = z;
	return 0;
}

void zonefile_close(struct zonefile *z)
{
	if (!z)
		return;
	ldns_rdf_deep_free(z->base);
	free(z->line);
	free(z);
}

unsigned zonefile_line(const struct zonefile *z)
{
	return z->first;
}

const char *zonefile_why(const struct zonefile *z)
{
	return z->why;
}

const char *zonefile_text(const struct zonefile *z, size_t *len)
{
	*len = z->len;
	return z->text;
}

const struct name *zonefile_origin(const struct zonefile *z)
{
	return &z->origin;
}

static void wrong(struct scan *s, const char *why)
{
	if (!s->why)
		s->why = why;
}

static void put(struct zonefile *z, struct scan *s, char c)
{
	if (z->len < sizeof(z->text) - 1)
		z->text[z->len++] = c;
	else
		wrong(s, "a record of over 64 KiB");
}

/* Adds a line to the record without comments, with blanks for brackets. */
static void add_line(struct zonefile *z, struct scan *s, const char *line, size_t len)
{
	bool quoted = false;

	for (size_t i = 0; i < len && line[i] != '\n'; i++) {
		char c = line[i];

		if (!c)
			wrong(s, "NUL bytes: this is not text");
		if (c == '\\' && i + 1 < len && line[i + 1] != '\n') {
			put(z, s, c);
			c = line[++i];
		} else if (c == '"') {
			quoted = !quoted;
		} else if (!quoted && c == ';') {
			break;
		} else if (!quoted && c == '(') {
			s->depth++;
			c = ' ';
		} else if (!quoted && c == ')') {
			if (s->depth)
				s->depth--;
			else
				wrong(s, "')' without '('");
			c = ' ';
		}
		put(z, s, c);
	}
	if (quoted)
		wrong(s, "a quote is not closed on its line");
	put(z, s, ' ');
}

/* The next record's text: 1, 0 at the end, -EINVAL, or -errno when reading failed. */
static int gather(struct zonefile *z)
{
	struct scan s = { 0 };
	ssize_t len;

	z->len = 0;
	z->first = z->lines + 1;
	while (errno = 0, (len = getline(&z->line, &z->cap, z->in)) >= 0) {
		const char *line = z->line;

		if (!z->lines++ && len >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {
			line += 3;
			len -= 3;
		}
		if (!z->len)
			z->inherits = len && strchr(BLANKS, *line);
		add_line(z, &s, line, (size_t)len);
		/* What is wrong with a line is no reason to take the next ones with it. */
		if (!s.depth || s.why)
			break;
	}
	if (len < 0 && (ferror(z->in) || errno == ENOMEM))
		return errno ? -errno : -EIO;
	while (z->len && strchr(BLANKS, z->text[z->len - 1]))
		z->len--;
	z->text[z->len] = '\0';
	if (s.depth)
		wrong(&s, "a bracket is not closed");
	z->why = s.why;
	return s.why ? -EINVAL : len >= 0;
}

static size_t word(const char *p)
{
	return strcspn(p, BLANKS);
}

/* A name of a directive, below the origin unless its dot at the end says that it is whole. */
static int read_name(struct zonefile *z, struct name *n, const char *text, size_t len)
{
	size_t slashes = 0;

	if (name_from_text(n, text, len))
		return -EINVAL;
	while (slashes + 1 < len && text[len - 2 - slashes] == '\\')
		slashes++;
	if (text[len - 1] == '.' && slashes % 2 == 0)
		return 0;
	if (n->len + z->origin.len - 1 > NAME_MAX_WIRE)
		return -EINVAL;
	memcpy(n->wire + n->len - 1, z->origin.wire, z->origin.len);
	n->len = (uint8_t)(n->len + z->origin.len - 1);
	n->labels = (uint8_t)(n->labels + z->origin.labels);
	return 0;
}

/* 0: read; -EINVAL. */
static int directive(struct zonefile *z)
{
	size_t len = word(z->text);
	const char *value = z->text + len;
	struct name n;

	value += strspn(value, BLANKS);
	if (len == 4 && !strncasecmp(z->text, "$TTL", 4))
		return 0;
	if (len == 7 && !strncasecmp(z->text, "$ORIGIN", 7)) {
		z->why = "expected one name behind $ORIGIN";
		len = word(value);
		if (!len || value[len] || read_name(z, &n, value, len))
			return -EINVAL;
		return set_origin(z, &n);
	}
	z->why = "of the directives only $ORIGIN and $TTL are followed";
	return -EINVAL;
}

static bool is_ttl(const char *p, size_t len)
{
	return isdigit((unsigned char)p[0]) && strspn(p, "0123456789smhdwSMHDW") == len;
}

static bool is_class(const char *p, size_t len)
{
	static const char *const names[] = { "IN", "CH", "HS", "NONE", "ANY" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == len && !strncasecmp(names[i], p, len))
			return true;
	return len > 5 && !strncasecmp(p, "CLASS", 5);
}

/*
 * The record without TTL and class, which ldns 1.8 knows in one order only. The root stands for an owner that is
 * the last one's. NULL: z->why.
 */
static const char *normalize(struct zonefile *z)
{
	const char *p = z->text;
	size_t owner = z->inherits ? 0 : word(p), len;
	bool ttl = false, class = false;
	struct wr w = wr_init((uint8_t *)z->whole, sizeof(z->whole));

	p += owner;
	for (;; p += len) {
		p += strspn(p, BLANKS);
		len = word(p);
		if (!ttl && is_ttl(p, len)) {
			ttl = true;
		} else if (!class && is_class(p, len)) {
			if (len != 2 || strncasecmp(p, "IN", 2)) {
				z->why = "the class must be IN";
				return NULL;
			}
			class = true;
		} else {
			break;
		}
	}
	if (z->inherits && !z->has_owner) {
		z->why = "no record before it whose owner could be meant";
		return NULL;
	}
	wr_bytes(&w, owner ? z->text : ".", owner ? owner : 1);
	wr_bytes(&w, " 0 IN ", 6);
	wr_bytes(&w, p, strlen(p) + 1);
	return z->whole;
}

static int from_rdf(struct name *n, const ldns_rdf *rdf)
{
	size_t off = 0;

	if (!rdf || name_read_case(n, ldns_rdf_data(rdf), ldns_rdf_size(rdf), &off, false))
		return -EINVAL;
	name_fold(n);
	return 0;
}

static int take(struct zonefile *z, struct zonefile_record *r, const ldns_rr *rr)
{
	r->type = (uint16_t)ldns_rr_get_type(rr);
	r->target = name_root;
	if (!z->inherits && from_rdf(&z->owner, ldns_rr_owner(rr))) {
		z->why = "the owner is no domain name";
		return -EINVAL;
	}
	z->has_owner = true;
	r->owner = z->owner;
	if ((r->type == TYPE_CNAME || r->type == TYPE_DNAME) && from_rdf(&r->target, ldns_rr_rdf(rr, 0))) {
		z->why = "the target is no domain name";
		return -EINVAL;
	}
	/* What a server is told beside the file: the zone's name is its first origin. */
	if (r->type == TYPE_SOA && name_equal(&z->origin, &zonefile_unnamed))
		return set_origin(z, &r->owner);
	return 0;
}

static int read_record(struct zonefile *z, struct zonefile_record *r)
{
	const char *text = normalize(z);
	ldns_rr *rr = NULL;
	ldns_status s;
	int err;

	if (!text)
		return -EINVAL;
	s = ldns_rr_new_frm_str(&rr, text, 0, z->base, NULL);
	if (s == LDNS_STATUS_MEM_ERR)
		return -ENOMEM;
	if (s != LDNS_STATUS_OK) {
		z->why = ldns_get_errorstr_by_id(s);
		return -EINVAL;
	}
	err = take(z, r, rr);
	ldns_rr_free(rr);
	return err ? err : 1;
}

int zonefile_next(struct zonefile *z, struct zonefile_record *r)
{
	int err;

	do {
		err = gather(z);
		if (err <= 0)
			return err;
		if (z->text[0] != '$' || !z->len)
			continue;
		err = directive(z);
		if (err)
			return err;
		z->len = 0;
	} while (!z->len);
	return read_record(z, r);
}
