/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARS_MAX 32
#define VAR_LEN 32
#define CHOICES_MAX 16

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "re");
	char *data = NULL;
	size_t cap = 0;
	ssize_t n;

	if (!f)
		return NULL;
	n = getdelim(&data, &cap, '\0', f);
	fclose(f);
	if (n < 0) {
		free(data);
		return NULL;
	}
	return data;
}

static size_t count_lines(const char *data)
{
	size_t n = 1;

	for (; *data; data++)
		n += *data == '\n';
	return n;
}

static void take_line(struct script *s, char *line, unsigned number, size_t *n_lines)
{
	struct command *c = s->n ? &s->commands[s->n - 1] : NULL;

	if (line[0] == '\t' && c) {
		if (!c->n_block++)
			c->block = &s->lines[*n_lines];
		s->lines[(*n_lines)++] = line + 1;
	} else if (line[0] && line[0] != '#') {
		s->commands[s->n++] = (struct command){ .line = number, .text = line };
	}
}

bool script_read(struct script *s, const char *path)
{
	size_t n, n_lines = 0;
	unsigned number = 0;
	char *rest, *line;

	*s = (struct script){ .path = path, .data = read_all(path) };
	if (!s->data)
		return false;
	n = count_lines(s->data);
	s->commands = calloc(n, sizeof(*s->commands));
	s->lines = calloc(n, sizeof(*s->lines));
	if (!s->commands || !s->lines)
		abort();
	rest = s->data;
	while ((line = strsep(&rest, "\n")))
		take_line(s, line, ++number, &n_lines);
	return true;
}

void script_free(struct script *s)
{
	free(s->commands);
	free(s->lines);
	free(s->data);
}

static struct var {
	char name[VAR_LEN];
	char value[LINE_MAX_LEN];
} vars[VARS_MAX];
static size_t n_vars;

void vars_clear(void)
{
	n_vars = 0;
}

static struct var *find_var(const char *name, size_t len)
{
	for (size_t i = 0; i < n_vars; i++) {
		if (strlen(vars[i].name) == len && !memcmp(vars[i].name, name, len))
			return &vars[i];
	}
	return NULL;
}

bool vars_set(const char *name, size_t len, const char *value)
{
	struct var *v = find_var(name, len);

	if (len >= VAR_LEN || strlen(value) >= LINE_MAX_LEN || (!v && n_vars == VARS_MAX))
		return false;
	if (!v) {
		v = &vars[n_vars++];
		snprintf(v->name, sizeof(v->name), "%.*s", (int)len, name);
	}
	strcpy(v->value, value);
	return true;
}

bool vars_expand(char *out, const char *text)
{
	size_t n = 0;

	while (*text) {
		const struct var *v;
		size_t len = 0;

		if (*text != '$') {
			if (n + 1 >= LINE_MAX_LEN)
				return false;
			out[n++] = *text++;
			continue;
		}
		while (isalnum((unsigned char)text[1 + len]))
			len++;
		v = find_var(text + 1, len);
		if (!v || n + strlen(v->value) >= LINE_MAX_LEN)
			return false;
		n += (size_t)sprintf(out + n, "%s", v->value);
		text += 1 + len;
	}
	out[n] = '\0';
	return true;
}

int words_split(char *p, char *words[WORDS_MAX])
{
	int n = 0;

	for (;;) {
		p += strspn(p, " \t");
		if (!*p)
			return n;
		if (n == WORDS_MAX)
			return -1;
		if (*p == '"') {
			words[n++] = ++p;
			p += strcspn(p, "\"");
		} else {
			words[n++] = p;
			p += strcspn(p, " \t");
		}
		if (*p)
			*p++ = '\0';
	}
}

static struct {
	unsigned at[CHOICES_MAX], of[CHOICES_MAX];
	size_t depth, pos;
} choices;

void choices_start(void)
{
	choices.depth = choices.pos = 0;
}

unsigned choices_take(unsigned n)
{
	if (choices.pos == choices.depth) {
		if (choices.depth == CHOICES_MAX || !n)
			abort();
		choices.at[choices.depth] = 0;
		choices.of[choices.depth++] = n;
	}
	return choices.at[choices.pos++];
}

bool choices_next(void)
{
	choices.pos = 0;
	while (choices.depth) {
		if (++choices.at[choices.depth - 1] < choices.of[choices.depth - 1])
			return true;
		choices.depth--;
	}
	return false;
}

const char *choices_text(void)
{
	static char text[256];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < choices.depth; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u of %u", i ? ", " : " [variant ",
				      choices.at[i] + 1, choices.of[i]);
	if (choices.depth)
		snprintf(text + n, sizeof(text) - n, "]");
	return text;
}
