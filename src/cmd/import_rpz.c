/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import_read.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "cmd/import_map.h"
#include "dns/zonefile.h"

/*
 * A response policy zone (draft-vixie-dnsop-dns-rpz): a record's owner, without the zone's name, is what it is
 * about, its CNAME what is to be done. Taken are names that are let through, rpz-passthru. Records that block, or
 * answer otherwise, say nothing of what may be asked: passed over.
 */

/* The zone's name; unless there was a SOA, what the first record was read below. */
struct apex {
	struct name name;
	bool known, soa;
};

/* A name that is blocked, which a wildcard let through elsewhere would let through too. */
struct blocked {
	struct blocked *next;
	const char *text;
	unsigned line;
};

struct rpz {
	struct apex apex;
	struct import_map wild;		/* what stands behind the star of a name let through, and its line */
	struct blocked *blocked, **last;
};

static const struct name passthru = { .len = 14, .labels = 1, .wire = "\014rpz-passthru" };

/* Whether n's last label, the root aside, is this. */
static bool ends_in(const struct name *n, const char *label)
{
	uint8_t off[NAME_MAX_LABELS + 1];
	size_t len = strlen(label);
	const uint8_t *p;

	if (!n->labels)
		return false;
	name_offsets(n, off);
	p = n->wire + off[n->labels - 1];
	return p[0] == len && !memcmp(p + 1, label, len);
}

/* n without the zone at its end; false: it is not below the zone. */
static bool below(struct name *n, const struct name *owner, const struct name *zone)
{
	*n = *owner;
	if (!name_under(owner, zone))
		return false;
	n->len = (uint8_t)(owner->len - zone->len + 1);
	n->labels = (uint8_t)(owner->labels - zone->labels);
	n->wire[n->len - 1] = 0;
	return true;
}

/* Why a name that is let through is no pattern, though it could be read as one; or NULL. */
static const char *refused(const struct name *n)
{
	static const char *const kinds[] = { "rpz-ip", "rpz-client-ip", "rpz-nsdname", "rpz-nsip" };
	uint8_t off[NAME_MAX_LABELS + 1];

	if (!n->labels)
		return "the zone itself is no name to let through";
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (ends_in(n, kinds[i]))
			return "lets through by address or name server, which no name says";
	name_offsets(n, off);
	if (n->labels == 1 && n->wire[0] == 1 && n->wire[1] == '*')
		return "stands for every name";
	for (unsigned i = 0; i < n->labels; i++)
		if (memchr(n->wire + off[i] + 1, '*', n->wire[off[i]]) && (i || n->wire[0] != 1))
			return "a star that is not the whole first label is a character in a zone";
	return NULL;
}

/* As a pattern is written: a star is no odd byte there. */
static void put_text(const struct name *n, char *text)
{
	bool star = n->labels > 1 && n->wire[0] == 1 && n->wire[1] == '*';
	struct name rest;

	if (!star) {
		name_text(n, text);
		return;
	}
	name_parent(&rest, n, 1);
	memcpy(text, "*.", 2);
	name_text(&rest, text + 2);
}

static void keep(struct import *im, const struct zonefile_record *r, struct rpz *rpz)
{
	const struct apex *apex = &rpz->apex;
	bool unnamed = name_equal(&apex->name, &zonefile_unnamed);
	static const struct import_ports none;
	struct import_group *g;
	char text[NAME_TEXT + 2];
	const char *why = NULL;
	uintptr_t *line;
	struct name n;

	/* A list of records without a SOA is no zone: whole names are what they say. */
	if (!below(&n, &r->owner, &apex->name) && (apex->soa || !unnamed))
		why = !unnamed ? "is not in the zone" :
		      "is written whole, but the file does not say the zone's name: expected $ORIGIN before it";
	put_text(&n, text);
	if (!why)
		why = refused(&n);
	if (why)
		import_complain(im, text, strlen(text), why);
	else if ((g = import_group(im, "", &none)))
		import_keep(im, g, text, strlen(text), 0, NULL);
	if (!why && *text == '*' && (line = import_map_at(im, &rpz->wild, text + 2)))
		*line = im->line;
}

static void note_blocked(struct import *im, const struct name *owner, struct rpz *rpz)
{
	struct blocked *b = arena_alloc(im->a, sizeof(*b));
	char text[NAME_TEXT + 2];

	put_text(owner, text);
	if (b)
		*b = (struct blocked){ NULL, arena_text(im->a, text, strlen(text)), im->line };
	if (!b || !b->text) {
		im->starved = true;
		return;
	}
	*rpz->last = b;
	rpz->last = &b->next;
}

/* A catalogue has no exceptions: that one was meant is said. */
static void warn_blocked(struct import *im, const struct rpz *rpz)
{
	for (const struct blocked *b = rpz->blocked; b; b = b->next) {
		const char *above = b->text + 2 * !strncmp(b->text, "*.", 2);
		uintptr_t line = 0;

		while (!line && (above = strchr(above, '.')))
			line = import_map_get(&rpz->wild, ++above);
		if (line)
			fprintf(im->err, "%s:%u: warning: %s: blocked here, but *.%s (line %u) lets it through, and a catalogue "
				"has no exceptions\n", im->file, b->line, b->text, above, (unsigned)line);
	}
}

static void read_record(struct import *im, const struct zonefile_record *r, struct rpz *rpz, const struct zonefile *z)
{
	struct apex *apex = &rpz->apex;
	const char *why = NULL;
	char text[NAME_TEXT];
	struct name n;

	if (!apex->known || (r->type == TYPE_SOA && !apex->soa)) {
		apex->name = r->type == TYPE_SOA ? r->owner : *zonefile_origin(z);
		apex->soa = r->type == TYPE_SOA;
		apex->known = true;
	}
	if (r->type != TYPE_CNAME)
		return;
	if (name_equal(&r->target, &passthru)) {
		keep(im, r, rpz);
		return;
	}
	if (below(&n, &r->owner, &apex->name) && n.labels > 1 && !refused(&n))
		note_blocked(im, &n, rpz);
	/* Both look like letting through, and neither is what the draft says of today. */
	if (below(&n, &r->target, zonefile_origin(z)) && name_equal(&n, &passthru))
		why = "rpz-passthru without its final dot is a name in the zone";
	else if (below(&n, &r->owner, &apex->name) && n.labels && name_equal(&n, &r->target))
		why = "leads to itself, the old way to let through: expected CNAME rpz-passthru.";
	if (why) {
		name_text(below(&n, &r->owner, &apex->name) ? &n : &r->owner, text);
		import_complain(im, text, strlen(text), why);
	}
}

static int rpz_stream(struct import *im, FILE *in)
{
	struct zonefile_record r;
	struct zonefile *z = NULL;
	struct rpz rpz = { .last = &rpz.blocked };
	const char *text;
	size_t len;
	int err = zonefile_open(&z, in);

	while (!err && !im->starved) {
		err = zonefile_next(z, &r);
		im->line = zonefile_line(z);
		if (err == -EINVAL) {
			text = zonefile_text(z, &len);
			import_complain(im, text, len, zonefile_why(z));
			err = 0;
			continue;
		}
		if (err <= 0)
			break;
		read_record(im, &r, &rpz, z);
		err = 0;
	}
	zonefile_close(z);
	warn_blocked(im, &rpz);
	return err;
}

const struct import_format import_rpz = { .name = "rpz", .what = "a response policy zone", .stream = rpz_stream };
