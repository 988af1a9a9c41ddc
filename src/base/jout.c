/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/jout.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS JSON_REAL_PRECISION(9)	/* 0.165, not 0.16500000000000001 */

/* `bad`: something could not be added. Half an answer is worse than none, so that nothing of it is printed. */
struct jout {
	json_t *value;
	bool bad;
};

static struct jout *make(json_t *value)
{
	struct jout *j = value ? malloc(sizeof(*j)) : NULL;

	if (!j) {
		json_decref(value);
		return NULL;
	}
	*j = (struct jout){ .value = value };
	return j;
}

struct jout *jout_object(void)
{
	return make(json_object());
}

struct jout *jout_array(void)
{
	return make(json_array());
}

void jout_delete(struct jout *j)
{
	if (!j)
		return;
	json_decref(j->value);
	free(j);
}

static void put(struct jout *object, const char *key, json_t *value)
{
	if (!object)
		json_decref(value);
	else if (json_object_set_new(object->value, key, value) < 0)
		object->bad = true;
}

static void append(struct jout *array, json_t *value)
{
	if (!array)
		json_decref(value);
	else if (json_array_append_new(array->value, value) < 0)
		array->bad = true;
}

/* The child's value, for its parent; what is wrong with it is wrong with the parent. */
static json_t *take(struct jout *parent, struct jout *child)
{
	json_t *value = child ? child->value : NULL;

	if (parent && (!child || child->bad))
		parent->bad = true;
	free(child);
	return value;
}

/* What is no UTF-8 comes from files that anyone may have written: shown as far as it is ASCII. */
static json_t *string(const char *text)
{
	json_t *value = json_string(text);
	char *copy;

	if (value || !(copy = strdup(text)))
		return value;
	for (char *c = copy; *c; c++) {
		if (*c & 0x80)
			*c = '?';
	}
	value = json_string(copy);
	free(copy);
	return value;
}

void jout_set_text(struct jout *object, const char *key, const char *text)
{
	put(object, key, text ? string(text) : json_null());
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
	put(object, key, take(object, child));
}

void jout_add(struct jout *array, struct jout *child)
{
	append(array, take(array, child));
}

void jout_add_text(struct jout *array, const char *text)
{
	append(array, string(text));
}

char *jout_print(struct jout *j, bool compact)
{
	char *text = j && !j->bad ? json_dumps(j->value, DIGITS | (compact ? JSON_COMPACT : JSON_INDENT(2))) : NULL;

	jout_delete(j);
	return text;
}
