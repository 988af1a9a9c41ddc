/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import_read.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/jin.h"
#include "base/util.h"

/*
 * The answer of Microsoft's endpoint service (endpoints.office.com): a list of sets. Those without names, which are
 * address ranges alone, are passed over. Notes in it are Microsoft's sentences and stay there.
 */

#define LIMIT ((size_t)64 << 20)

struct set {
	const struct jin *v;
	char name[32];			/* "id=12" in messages, where a blank would be shown as an odd byte */
	char note[32];
};

static void complain(struct import *im, const struct set *s, const char *why)
{
	import_complain(im, s->name, strlen(s->name), why);
}

/* A number of at most five digits, and what stands behind it and blanks. */
static bool number(const char **text, unsigned *n)
{
	const char *p = *text + strspn(*text, IMPORT_BLANKS);
	size_t digits = strspn(p, "0123456789");

	if (!digits || digits > 5)
		return false;
	*n = (unsigned)strtoul(p, NULL, 10);
	*text = p + digits + strspn(p + digits, IMPORT_BLANKS);
	return *n && *n <= UINT16_MAX;
}

static bool add_port(struct import_ports *ports, uint8_t proto, unsigned port)
{
	for (unsigned i = 0; i < ports->n; i++)
		if (ports->v[i].proto == proto && ports->v[i].port == port)
			return true;
	if (ports->n == IMPORT_PORTS)
		return false;
	ports->v[ports->n++] = (struct conf_port){ .proto = proto, .port = (uint16_t)port };
	return true;
}

/* "80,443" or "3478-3481"; NULL, or what is wrong. */
static const char *read_ports(struct import_ports *ports, uint8_t proto, const struct jin *v)
{
	static const char wrong[] = "its ports cannot be read, its names are left out";
	const char *text = jin_text(v);
	unsigned low, high;

	if (!text)
		return v ? wrong : NULL;
	for (;; text++) {
		if (!number(&text, &low))
			return wrong;
		high = low;
		if (*text == '-') {
			text++;
			if (!number(&text, &high) || high < low)
				return wrong;
		}
		for (; low <= high; low++)
			if (!add_port(ports, proto, low))
				return "more ports than a group can have, its names are left out";
		if (!*text)
			return NULL;
		if (*text != ',')
			return wrong;
	}
}

/* "Exchange, Optimize, required" */
static const char *area(struct import *im, const struct set *s)
{
	const char *service = jin_text(jin_get(s->v, "serviceArea")), *category = jin_text(jin_get(s->v, "category"));
	const char *need = "";
	char *text;
	bool required;

	if (jin_bool(jin_get(s->v, "required"), &required))
		need = required ? "required" : "optional";
	text = arena_printf(im->a, "%s%s%s%s%s", service ? service : "", service && category ? ", " : "",
			    category ? category : "", (service || category) && *need ? ", " : "", need);
	im->starved |= !text;
	return text;
}

static void read_urls(struct import *im, const struct jin_list *l, const struct set *s,
		      const struct import_ports *ports)
{
	const struct jin *urls = jin_get(s->v, "urls");
	const char *where = area(im, s), *url;
	char why[PATTERN_WHY];
	struct import_group *g;
	struct pattern p;

	for (size_t i = 0; i < jin_count(urls) && !im->starved; i++) {
		url = jin_text(jin_at(urls, i));
		/* where it stands is searched for, so only for what has to be told */
		im->line = url && pattern_parse(&p, url, strlen(url), why, 0) ? jin_line_of(l, url) : jin_line(l);
		if (!url)
			complain(im, s, "one of its urls is no text");
		else if ((g = import_group(im, where, ports)))
			import_keep(im, g, url, strlen(url), 0, *s->note ? s->note : NULL);
	}
}

static void read_set(struct import *im, const struct jin_list *l, const struct jin *v)
{
	const struct jin *urls = jin_get(v, "urls");
	struct import_ports ports = { 0 };
	struct set s = { .v = v, .name = "set" };
	const char *why;
	int64_t id;

	if (jin_number(jin_get(v, "id"), &id)) {
		snprintf(s.name, sizeof(s.name), "id=%" PRId64, id);
		snprintf(s.note, sizeof(s.note), "id %" PRId64, id);
	}
	if (!jin_is_object(v)) {
		complain(im, &s, "expected an endpoint set, which begins with '{'");
		return;
	}
	if (urls && !jin_is_list(urls)) {
		complain(im, &s, "its urls are no list");
		return;
	}
	if (!jin_count(urls))
		return;
	why = read_ports(&ports, IPPROTO_TCP, jin_get(v, "tcpPorts"));
	if (!why)
		why = read_ports(&ports, IPPROTO_UDP, jin_get(v, "udpPorts"));
	if (why) {
		complain(im, &s, why);
		return;
	}
	read_urls(im, l, &s, &ports);
}

static int m365_stream(struct import *im, FILE *in)
{
	const struct jin *v = NULL;
	struct jin_list *l = NULL;
	int err = jin_open(&l, in, LIMIT);

	while (!err && !im->starved) {
		err = jin_next(l, &v);
		im->line = jin_line(l);
		if (err <= 0)
			break;
		err = 0;
		read_set(im, l, v);
	}
	if (err == -EBADMSG) {
		import_complain(im, "JSON", 4, jin_why(l));
		err = 0;
	}
	jin_close(l);
	return err;
}

const struct import_format import_m365 = {
	.name = "m365", .what = "the Microsoft 365 endpoint service", .stream = m365_stream,
};
