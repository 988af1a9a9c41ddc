/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONF_CONF_KEYS_H
#define CONF_CONF_KEYS_H

/*
 * The keys of one section after another, held against a schema: unknown and repeated ones, empty
 * values, defaults, what a section must have. Fed by the ini handlers of conf.c and catfile.c.
 * Inside the conf layer only.
 */

#include "conf/conf_value.h"

struct conf_keys {
	/* The owner fills these in. */
	struct conf_in *in;
	const struct conf_schema *schema;
	void (*put)(void *ctx, const struct conf_option *o, const char *text, unsigned line);	/* CONF_LINES */
	/* A section has all its keys, and what its options cannot say of themselves may be looked at; or NULL. */
	void (*whole)(void *ctx, const struct conf_keys *k);
	void *ctx;

	unsigned section;		/* index into schema->sections */
	unsigned section_line;
	char label[96];			/* "[profile wsus]" for messages */
	void *base;			/* the section's struct; NULL: keys are passed over */
	unsigned seen[CONF_OPTIONS_MAX];	/* line of each option's key */
	bool bad[CONF_OPTIONS_MAX];	/* its value was an error */
	const struct conf_option *option;	/* of the key at hand, or NULL */
	unsigned line;			/* of that key */
	struct conf_str *lines;		/* of its value */
	size_t n, cap;
	bool any;			/* a CONF_LINES value was not empty */
};

/* The default of every option of the section. */
void conf_keys_default(struct conf_in *in, const struct conf_schema *schema, unsigned section, void *base);
/* Ends the section before; the one that begins gets its defaults. label without brackets. */
void conf_keys_section(struct conf_keys *k, unsigned section, const char *label, void *base, unsigned line);
/* Ends the section before; the keys that follow are not judged. */
void conf_keys_skip(struct conf_keys *k);
void conf_keys_key(struct conf_keys *k, const char *key, const char *value, unsigned line);
void conf_keys_more(struct conf_keys *k, const char *value, unsigned line);
/* For `whole`. The line of a key, which is the section's where it is not written. */
unsigned conf_keys_seen(const struct conf_keys *k, const char *key);	/* 0: not written */
unsigned conf_keys_line(const struct conf_keys *k, const char *key);
/* Whether the key's value was an error: then the field says nothing. */
bool conf_keys_bad(const struct conf_keys *k, const char *key);
/* Ends the last section and frees what was needed on the way. */
void conf_keys_end(struct conf_keys *k);

#endif
