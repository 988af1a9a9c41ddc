/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/util.h"
#include "conf/conf_value.h"
#include "dns/types.h"

#define WIDTH 100			/* where a list goes on in the next line */
#define KEY_WIDTH 16

/* Writes the words of one list, so that they are read back as they were. */
struct line {
	FILE *out;
	size_t column;
};

/* What would be read as a comment, section or key if it began a line. */
static bool must_follow(const char *word)
{
	return *word == '#' || *word == '[' || strchr(word, '=');
}

static void put_word(struct line *l, const char *word)
{
	size_t n = strlen(word);

	if (l->column && l->column + n > WIDTH && !must_follow(word)) {
		fprintf(l->out, "\n%*s", KEY_WIDTH + 2, "");
		l->column = KEY_WIDTH;
	}
	fprintf(l->out, " %s", word);
	l->column += n + 1;
}

/* A path that stands below the file's folder, where that is relative, is written as it was. */
static const char *path_text(const char *path, const char *file)
{
	size_t n = conf_dir_length(file);

	return *file != '/' && !strncmp(path, file, n) ? path + n : path;
}

static void put_strs(struct line *l, const struct conf_option *o, const struct conf_strs *s, const char *file)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		put_word(l, o->type == CONF_PATHS ? path_text(s->v[i].text, file) : s->v[i].text);
}

static void put_list(struct line *l, const struct conf_option *o, const void *field, const char *file)
{
	const struct conf_endpoints *endpoints = field;
	const struct conf_prefixes *prefixes = field;
	const struct conf_ports *ports = field;
	const struct conf_types *types = field;
	const struct addr *sinkhole = field;
	char buf[ADDR_TEXT];
	size_t i;

	switch (o->type) {
	case CONF_ENDPOINTS:
		for (i = 0; i < endpoints->n; i++)
			put_word(l, endpoint_text(&endpoints->v[i].at, buf));
		break;
	case CONF_PREFIXES:
		for (i = 0; i < prefixes->n; i++)
			put_word(l, prefix_text(&prefixes->v[i].prefix, buf));
		break;
	case CONF_PORTS:
		for (i = 0; i < ports->n; i++)
			put_word(l, conf_port_text(&ports->v[i], buf));
		break;
	case CONF_TYPES:
		for (i = 0; i < types->n; i++)
			put_word(l, type_text(types->v[i], buf));
		break;
	case CONF_SINKHOLE:
		for (i = 0; i < 2; i++)
			if (sinkhole[i].len)
				put_word(l, addr_text(&sinkhole[i], buf));
		break;
	default:
		put_strs(l, o, field, file);
	}
}

static void put_choice(FILE *out, const char *words, unsigned n)
{
	while (n--)
		words += strcspn(words, " ") + 1;
	fprintf(out, " %.*s", (int)strcspn(words, " "), words);
}

static void put_set(FILE *out, const struct conf_set *set)
{
	if (*set->family)
		fprintf(out, " %s %s", set->family, set->table);
	if (*set->name)
		fprintf(out, " %s", set->name);
}

static void put_number(FILE *out, const struct conf_option *o, const void *field)
{
	uint64_t v = o->type == CONF_SIZE || o->type == CONF_LARGE ? *(const uint64_t *)field : *(const uint32_t *)field;
	char buf[CONF_NUMBER_TEXT];

	if (o->type == CONF_AUTO && !v)
		fprintf(out, " auto");
	else if (o->type == CONF_SECONDS)
		fprintf(out, " %s", conf_time_text(v * 1000, buf));
	else if (o->type == CONF_MILLIS)
		fprintf(out, " %s", conf_time_text(v, buf));
	else if (o->type == CONF_SIZE)
		fprintf(out, " %s", conf_size_text(v, buf));
	else
		fprintf(out, " %u", (unsigned)v);
}

void conf_value_print(const struct conf_option *o, const void *section, const char *file, FILE *out)
{
	const void *field = (const char *)section + o->offset;
	const struct conf_str *text = field;
	struct line l = { out, KEY_WIDTH };

	fprintf(out, "%-*s =", KEY_WIDTH, o->key);
	switch (o->type) {
	case CONF_BOOL:
		fprintf(out, " %s", *(const bool *)field ? "yes" : "no");
		break;
	case CONF_EITHER:
		put_choice(out, o->words, *(const bool *)field);
		break;
	case CONF_CHOICE:
		put_choice(out, o->words, *(const unsigned *)field);
		break;
	case CONF_WORD:
	case CONF_TEXT:
	case CONF_PATH:
		if (*text->text)
			fprintf(out, " %s", o->type == CONF_PATH ? path_text(text->text, file) : text->text);
		break;
	case CONF_SET:
		put_set(out, field);
		break;
	case CONF_COUNT:
	case CONF_AUTO:
	case CONF_SECONDS:
	case CONF_MILLIS:
	case CONF_SIZE:
	case CONF_LARGE:
		put_number(out, o, field);
		break;
	default:
		put_list(&l, o, field, file);
	}
	fputc('\n', out);
}

static void put_section(const struct conf *c, enum conf_section s, const char *kind, const char *name,
			const void *section, FILE *out)
{
	size_t i;

	fprintf(out, "[%s%s%s]\n", kind, *name ? " " : "", name);
	for (i = 0; i < conf_schema.n; i++)
		if (conf_schema.options[i].sections & 1u << s)
			conf_value_print(&conf_schema.options[i], section, c->path, out);
	fputc('\n', out);
}

static void put_records(const struct conf *c, FILE *out)
{
	size_t i;

	fprintf(out, "[records]\n");
	for (i = 0; i < c->n_records; i++)
		fprintf(out, "%-*s = %s\n", KEY_WIDTH, "record", c->records[i].text);
	fputc('\n', out);
}

void conf_print(const struct conf *c, FILE *out)
{
	char buf[NAME_TEXT];
	size_t i;

	put_section(c, CONF_SERVER, "server", "", &c->server, out);
	put_section(c, CONF_CONTROL, "control", "", &c->control, out);
	put_section(c, CONF_UPSTREAM, "upstream", "", &c->upstream, out);
	for (i = 0; i < c->n_forwards; i++)
		put_section(c, CONF_FORWARD, "forward", name_text(&c->forwards[i].zone, buf), &c->forwards[i], out);
	put_records(c, out);
	put_section(c, CONF_CACHE, "cache", "", &c->cache, out);
	put_section(c, CONF_LIMITS, "limits", "", &c->limits, out);
	for (i = 0; i < c->n_profiles; i++)
		put_section(c, i ? CONF_PROFILE : CONF_DEFAULT, "profile", c->profiles[i].name.text, &c->profiles[i], out);
	for (i = 0; i < c->n_catalogs; i++)
		put_section(c, CONF_CATALOG, "catalog", c->catalogs[i].name.text, &c->catalogs[i], out);
	for (i = 0; i < c->n_exports; i++)
		put_section(c, CONF_EXPORT, "export", c->exports[i].name.text, &c->exports[i], out);
	put_section(c, CONF_LOG, "log", "", &c->log, out);
}
