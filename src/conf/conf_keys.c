/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define KEYS_TEXT 2048			/* all keys of one section */

void conf_keys_default(struct conf_in *in, const struct conf_schema *schema, unsigned section, void *base)
{
	size_t i;

	for (i = 0; i < schema->n; i++)
		if (schema->options[i].sections & 1u << section)
			conf_value_default(in, &schema->options[i], base);
}

/* Things that are well written and yet not to be had. */
static void judge_version(struct conf_keys *k)
{
	const struct conf_option *o = k->option;

	if (o->flags & CONF_ABSENT && k->n)
		diag_error(k->in->d, k->in->file, k->line, "'%s' is not in this version", o->key);
	if (o->flags & CONF_IDLE && *(const uint32_t *)((const char *)k->base + o->offset))
		diag_warn(k->in->d, k->in->file, k->line, NULL, "'%s' is not in force in this version", o->key);
}

/* The key at hand is whole: its value into the field. */
static void finish_key(struct conf_keys *k)
{
	const struct conf_option *o = k->option;
	size_t errors = diag_errors(k->in->d);
	char expected[256];

	if (!o)
		return;
	if (!k->n && !k->any && !(o->flags & CONF_EMPTY))
		diag_error(k->in->d, k->in->file, k->line, "'%s' is empty: expected %s", o->key,
			   conf_expected(o, expected, sizeof(expected)));
	else if (k->n > 1 && !conf_type_list(o->type) && o->type != CONF_TEXT)
		diag_error(k->in->d, k->in->file, k->lines[1].line, "'%s' takes one value, not further lines", o->key);
	else if (o->flags & CONF_ABSENT)
		judge_version(k);
	else if (o->type != CONF_LINES) {
		conf_value_set(k->in, o, k->base, k->lines, k->n, k->line);
		judge_version(k);
	}
	k->bad[o - k->schema->options] = diag_errors(k->in->d) > errors;
	k->option = NULL;
}

static void finish_section(struct conf_keys *k)
{
	const struct conf_option *o = k->schema->options;
	size_t i;

	finish_key(k);
	if (!k->base)
		return;
	for (i = 0; i < k->schema->n; i++, o++)
		if (o->flags & CONF_REQUIRED && o->sections & 1u << k->section && !k->seen[i])
			diag_error(k->in->d, k->in->file, k->section_line, "[%s] needs '%s', %s", k->label, o->key, o->help);
	if (k->whole)
		k->whole(k->ctx, k);
	k->base = NULL;
}

void conf_keys_section(struct conf_keys *k, unsigned section, const char *label, void *base, unsigned line)
{
	finish_section(k);
	k->section = section;
	k->section_line = line;
	snprintf(k->label, sizeof(k->label), "%s", label);
	k->base = base;
	memset(k->seen, 0, sizeof(k->seen));
	memset(k->bad, 0, sizeof(k->bad));
	conf_keys_default(k->in, k->schema, section, base);
}

void conf_keys_skip(struct conf_keys *k)
{
	finish_section(k);
}

static void unknown_key(struct conf_keys *k, const char *key, unsigned line)
{
	char keys[KEYS_TEXT] = "";
	const char *elsewhere = NULL, *near;
	size_t i, used = 0, len, s;

	for (i = 0; i < k->schema->n; i++) {
		const struct conf_option *o = &k->schema->options[i];

		if (o->sections & 1u << k->section && used < sizeof(keys))
			used += (size_t)snprintf(keys + used, sizeof(keys) - used, "%s%s", used ? " " : "", o->key);
		for (s = 0; s < k->schema->n_sections && !elsewhere && !strcmp(o->key, key); s++)
			if (o->sections & 1u << s)
				elsewhere = k->schema->sections[s];
	}
	near = conf_near(key, keys, &len);
	if (near)
		diag_error(k->in->d, k->in->file, line, "unknown key '%s' in [%s]: did you mean '%.*s'?", key, k->label,
			   (int)len, near);
	else if (elsewhere)
		diag_error(k->in->d, k->in->file, line, "unknown key '%s' in [%s]: it belongs in [%s]", key, k->label,
			   elsewhere);
	else
		diag_error(k->in->d, k->in->file, line, "unknown key '%s' in [%s]%s%s", key, k->label,
			   used ? ": it takes " : "", keys);
}

static void add_line(struct conf_keys *k, const char *value, unsigned line)
{
	struct conf_str *grown;

	if (!*value)
		return;
	if (k->option->type == CONF_LINES) {
		k->any = true;
		k->put(k->ctx, k->option, value, line);
		return;
	}
	if (k->n == k->cap) {
		k->cap = k->cap ? 2 * k->cap : 16;
		grown = realloc(k->lines, k->cap * sizeof(*grown));
		if (!grown) {
			k->cap = k->n;
			k->in->starved = true;
			return;
		}
		k->lines = grown;
	}
	k->lines[k->n] = (struct conf_str){ arena_text(k->in->a, value, strlen(value)), line };
	if (!k->lines[k->n].text) {
		k->in->starved = true;
		return;
	}
	k->n++;
}

void conf_keys_key(struct conf_keys *k, const char *key, const char *value, unsigned line)
{
	const struct conf_option *o = k->schema->options;
	size_t i;

	finish_key(k);
	if (!k->base)
		return;
	for (i = 0; i < k->schema->n; i++, o++)
		if (o->sections & 1u << k->section && !strcmp(o->key, key))
			break;
	if (i == k->schema->n) {
		unknown_key(k, key, line);
		return;
	}
	if (k->seen[i] && o->type != CONF_LINES) {
		diag_error(k->in->d, k->in->file, line, "'%s' again in [%s]: first on line %u", key, k->label, k->seen[i]);
		return;
	}
	k->seen[i] = line;
	k->option = o;
	k->line = line;
	k->n = 0;
	k->any = false;
	add_line(k, value, line);
}

void conf_keys_more(struct conf_keys *k, const char *value, unsigned line)
{
	if (k->option)
		add_line(k, value, line);
}

/* The index of a key of the section at hand; it is there. */
static size_t key_index(const struct conf_keys *k, const char *key)
{
	size_t i = 0;

	while (i + 1 < k->schema->n && (!(k->schema->options[i].sections & 1u << k->section) ||
					strcmp(k->schema->options[i].key, key)))
		i++;
	return i;
}

unsigned conf_keys_seen(const struct conf_keys *k, const char *key)
{
	return k->seen[key_index(k, key)];
}

unsigned conf_keys_line(const struct conf_keys *k, const char *key)
{
	unsigned line = k->seen[key_index(k, key)];

	return line ? line : k->section_line;
}

bool conf_keys_bad(const struct conf_keys *k, const char *key)
{
	return k->bad[key_index(k, key)];
}

void conf_keys_end(struct conf_keys *k)
{
	finish_section(k);
	free(k->lines);
	k->lines = NULL;
	k->n = k->cap = 0;
}
