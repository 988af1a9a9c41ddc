/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "conf/catfile.h"
#include "conf/conf_value.h"
#include "dns/types.h"

#define DNS_PORT 53

int conf_port_parse(struct conf_port *p, const char *text, size_t len)
{
	unsigned n = 0;
	size_t i;

	if (len < 5 || len > 9 || (memcmp(text, "tcp/", 4) && memcmp(text, "udp/", 4)) || text[4] == '0')
		return -EINVAL;
	for (i = 4; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		n = n * 10 + (unsigned)(text[i] - '0');
	}
	if (n > UINT16_MAX)
		return -EINVAL;
	*p = (struct conf_port){ *text == 't' ? IPPROTO_TCP : IPPROTO_UDP, (uint16_t)n };
	return 0;
}

const char *conf_port_text(const struct conf_port *p, char *buf)
{
	snprintf(buf, 16, "%s/%u", p->proto == IPPROTO_TCP ? "tcp" : "udp", p->port);
	return buf;
}

static int endpoints_add(struct conf_in *in, const struct conf_option *o, void *field, const struct conf_str *word)
{
	struct conf_endpoints *list = field;
	struct conf_endpoint *e = &list->v[list->n];
	int rc = endpoint_parse(&e->at, word->text, strlen(word->text), DNS_PORT);

	if (rc)
		return rc;
	e->line = word->line;
	list->n++;
	return 0;
}

/* The prefix that was meant where bits behind its length are set. */
static bool prefix_mend(struct prefix *p, const char *text)
{
	const char *slash = strchr(text, '/');
	struct addr a;
	unsigned bits = 0, i;

	if (!slash || addr_parse(&a, text, (size_t)(slash - text)))
		return false;
	for (slash++; *slash; slash++)
		bits = bits * 10 + (unsigned)(*slash - '0');
	for (i = bits; i < a.len * 8u; i++)
		a.b[i / 8] &= (uint8_t)~(0x80 >> i % 8);
	*p = (struct prefix){ a, (uint8_t)bits };
	return true;
}

static int prefixes_add(struct conf_in *in, const struct conf_option *o, void *field, const struct conf_str *word)
{
	struct conf_prefixes *list = field;
	struct conf_prefix *p = &list->v[list->n];
	int rc = prefix_parse(&p->prefix, word->text, strlen(word->text));
	char buf[ADDR_TEXT];

	if (rc == -EDOM && prefix_mend(&p->prefix, word->text)) {
		diag_error(in->d, in->file, word->line, "%s = '%s': bits are set behind the prefix, %s would be right",
			   o->key, word->text, prefix_text(&p->prefix, buf));
		return 0;
	}
	if (rc)
		return rc;
	p->line = word->line;
	list->n++;
	return 0;
}

static int ports_add(struct conf_in *in, const struct conf_option *o, void *field, const struct conf_str *word)
{
	struct conf_ports *list = field;
	struct conf_port p;
	size_t i;
	int rc = conf_port_parse(&p, word->text, strlen(word->text));

	if (rc)
		return rc;
	for (i = 0; i < list->n; i++)
		if (list->v[i].proto == p.proto && list->v[i].port == p.port)
			return 0;
	list->v[list->n++] = p;
	return 0;
}

/* Types of questions and of the protocol itself (RFC 6895 3.1) are no types of records. */
static bool type_askable(uint16_t type)
{
	return type && type != TYPE_OPT && (type < 128 || type > 255);
}

static int types_add(struct conf_in *in, const struct conf_option *o, void *field, const struct conf_str *word)
{
	struct conf_types *list = field;
	uint16_t type;
	size_t i;
	int rc = type_parse(&type, word->text, strlen(word->text));

	if (rc || !type_askable(type))
		return -EINVAL;
	for (i = 0; i < list->n; i++)
		if (list->v[i] == type)
			return 0;
	list->v[list->n++] = type;
	return 0;
}

/* CATALOG or CATALOG/GROUP */
static bool catalog_ok(struct conf_in *in, const char *text)
{
	const char *slash = strchr(text, '/');
	char *name;

	if (!slash)
		return catfile_name_ok(text);
	name = arena_text(in->a, text, (size_t)(slash - text));
	if (!name) {
		in->starved = true;
		return true;
	}
	return catfile_name_ok(name) && catfile_name_ok(slash + 1);
}

static bool name_listed(const char *text, const char *words)
{
	size_t n;

	for (; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		if (strlen(text) == n && !memcmp(text, words, n))
			return true;
	}
	return false;
}

static int strs_add(struct conf_in *in, const struct conf_option *o, void *field, const struct conf_str *word)
{
	struct conf_strs *list = field;
	const char *text = word->text, *near;
	size_t len;

	if (o->type == CONF_PATHS) {
		text = conf_path(in, text);
		if (!text)
			return 0;
		if (strlen(text) > o->max)
			return -ERANGE;
	}
	if (o->type == CONF_CATALOGS && !catalog_ok(in, text))
		return -EINVAL;
	if (o->type == CONF_NAMES && !name_listed(text, o->words)) {
		near = conf_near(text, o->words, &len);
		if (!near)
			return -EINVAL;
		diag_error(in->d, in->file, word->line, "%s = '%s': did you mean '%.*s'?", o->key, text, (int)len, near);
		return 0;
	}
	list->v[list->n++] = (struct conf_str){ text, word->line };
	return 0;
}

static void sinkhole_set(struct conf_in *in, const struct conf_option *o, struct addr *field,
			 const struct conf_str *words, size_t n)
{
	struct addr given[2] = { { 0 }, { 0 } }, a;
	size_t i;

	for (i = 0; i < n; i++) {
		if (addr_parse(&a, words[i].text, strlen(words[i].text)) || a.scope) {
			conf_bad(in, o, words[i].text, words[i].line);
		} else if (given[a.len == 16].len) {
			diag_error(in->d, in->file, words[i].line, "%s = '%s': a second IPv%c address, one of each is the most",
				   o->key, words[i].text, a.len == 4 ? '4' : '6');
		} else {
			given[a.len == 16] = a;
		}
	}
	memcpy(field, given, sizeof(given));
}

/* How the lists differ; all of them begin as struct conf_strs does: the array, its length, the line. */
struct list_type {
	size_t size;
	int (*add)(struct conf_in *in, const struct conf_option *o, void *field, const struct conf_str *word);
};

static const struct list_type list_types[] = {
	[CONF_WORDS] = { sizeof(struct conf_str), strs_add },
	[CONF_PATHS] = { sizeof(struct conf_str), strs_add },
	[CONF_CATALOGS] = { sizeof(struct conf_str), strs_add },
	[CONF_NAMES] = { sizeof(struct conf_str), strs_add },
	[CONF_ENDPOINTS] = { sizeof(struct conf_endpoint), endpoints_add },
	[CONF_PREFIXES] = { sizeof(struct conf_prefix), prefixes_add },
	[CONF_PORTS] = { sizeof(struct conf_port), ports_add },
	[CONF_TYPES] = { sizeof(uint16_t), types_add },
};

struct any_list {
	void *v;
	size_t n;
	unsigned line;
};

_Static_assert(sizeof(struct conf_strs) == sizeof(struct any_list) &&
	       sizeof(struct conf_endpoints) == sizeof(struct any_list) &&
	       sizeof(struct conf_prefixes) == sizeof(struct any_list) &&
	       sizeof(struct conf_ports) == sizeof(struct any_list) &&
	       sizeof(struct conf_types) == sizeof(struct any_list), "the lists are alike");

void conf_list_set(struct conf_in *in, const struct conf_option *o, void *section, const struct conf_str *words,
		   size_t n, unsigned line)
{
	void *field = (char *)section + o->offset;
	struct any_list empty = { 0 };
	size_t i;

	if (o->type == CONF_SINKHOLE) {
		sinkhole_set(in, o, field, words, n);
		return;
	}
	empty.v = arena_array(in->a, n, list_types[o->type].size);
	if (!empty.v) {
		in->starved = true;
		return;
	}
	empty.line = line;
	memcpy(field, &empty, sizeof(empty));
	for (i = 0; i < n; i++)
		if (list_types[o->type].add(in, o, field, &words[i]))
			conf_bad(in, o, words[i].text, words[i].line);
}
