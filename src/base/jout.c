/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/jout.h"

#include <jansson.h>

/* struct jout is jansson's json_t: the library's own type stays in this file. */
static json_t *in(struct jout *j)
{
	return (json_t *)j;
}

struct jout *jout_object(void)
{
	return (struct jout *)json_object();
}

struct jout *jout_array(void)
{
	return (struct jout *)json_array();
}

void jout_delete(struct jout *j)
{
	json_decref(in(j));
}

/* What could not be added makes the whole unprintable: half an answer is worse than none. */
static void spoil(json_t *parent)
{
	if (json_is_array(parent))
		json_array_clear(parent);
	else if (parent)
		json_object_clear(parent);
}

static void put(struct jout *object, const char *key, json_t *value)
{
	if (json_object_set_new(in(object), key, value) < 0)
		spoil(in(object));
}

void jout_set_text(struct jout *object, const char *key, const char *text)
{
	put(object, key, text ? json_string(text) : json_null());
}

void jout_set_number(struct jout *object, const char *key, int64_t n)
{
	put(object, key, json_integer(n));
}

void jout_set_real(struct jout *object, const char *key, double n)
{
	put(object, key, json_real(n));
}

void jout_set_bool(struct jout *object, const char *key, bool b)
{
	put(object, key, json_boolean(b));
}

void jout_set(struct jout *object, const char *key, struct jout *child)
{
	put(object, key, child ? in(child) : json_null());
}

void jout_add(struct jout *array, struct jout *child)
{
	if (json_array_append_new(in(array), in(child)) < 0)
		spoil(in(array));
}

void jout_add_text(struct jout *array, const char *text)
{
	jout_add(array, (struct jout *)json_string(text));
}

char *jout_print(struct jout *j, bool compact)
{
	char *text = json_dumps(in(j), compact ? JSON_COMPACT : JSON_INDENT(2));

	jout_delete(j);
	return text;
}
