/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The questions that the load asks: those of a file, over and over, or a new name each time. Each is a whole query with
 * EDNS; its id is the sender's to put in.
 */
#ifndef BENCH_QUESTIONS_H
#define BENCH_QUESTIONS_H

#include "bench.h"

#include <strings.h>

#define QUESTION_HEADER 12
#define QUESTION_OPT 11
#define QUESTION_MAX (QUESTION_HEADER + 255 + 4 + QUESTION_OPT)
#define QUESTION_EDNS_SIZE 1232

struct query {
	uint16_t length;
	uint8_t packet[QUESTION_MAX];
};

struct questions {
	struct query *list; /* NULL: made from prefix, number, suffix */
	size_t count;
	uint64_t next;
	char *prefix, *suffix;
	uint16_t type;
};

static uint16_t question_type(const char *text)
{
	static const struct {
		const char *name;
		uint16_t type;
	} types[] = { { "A", 1 }, { "AAAA", 28 }, { "HTTPS", 65 }, { "TXT", 16 }, { "MX", 15 }, { "SRV", 33 } };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcasecmp(text, types[i].name))
			return types[i].type;
	bench_die("%s: not a type that load knows", text);
}

/* Returns where the name ends, NULL if it is not one. */
static uint8_t *question_name(uint8_t *at, const char *name)
{
	const uint8_t *limit = at + 254;

	while (*name) {
		size_t label = strcspn(name, ".");

		if (!label || label > 63 || at + 1 + label > limit)
			return NULL;
		*at++ = (uint8_t)label;
		memcpy(at, name, label);
		at += label;
		name += label;
		name += *name == '.';
	}
	*at++ = 0;
	return at;
}

static void question_build(struct query *q, const char *name, uint16_t type)
{
	static const uint8_t header[QUESTION_HEADER] = { [2] = 0x01, [5] = 1, [11] = 1 }; /* RD, a question, an OPT */
	static const uint8_t opt[QUESTION_OPT] = { [2] = 41, [3] = QUESTION_EDNS_SIZE >> 8,
						   [4] = QUESTION_EDNS_SIZE & 0xff };
	uint8_t *at;

	memcpy(q->packet, header, sizeof(header));
	at = question_name(q->packet + QUESTION_HEADER, name);
	if (!at)
		bench_die("%s: not a name", name);
	*at++ = (uint8_t)(type >> 8);
	*at++ = (uint8_t)type;
	*at++ = 0;
	*at++ = 1;
	memcpy(at, opt, sizeof(opt));
	q->length = (uint16_t)(at + sizeof(opt) - q->packet);
}

/* Reads `name type` lines. */
static void questions_read(struct questions *qs, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[512], name[256], type[16];
	size_t room = 0;

	if (!file)
		bench_die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%255s %15s", name, type) != 2)
			bench_die("%s: not `name type`: %s", path, line);
		if (qs->count == room) {
			room = room ? 2 * room : 1024;
			qs->list = reallocarray(qs->list, room, sizeof(*qs->list));
			if (!qs->list)
				bench_die("out of memory");
		}
		question_build(&qs->list[qs->count++], name, question_type(type));
	}
	if (ferror(file) || !qs->count)
		bench_die("%s: no questions", path);
	fclose(file);
}

/* pattern: a name with one %d in it, where the number goes. */
static void questions_unique(struct questions *qs, const char *pattern)
{
	const char *number = strstr(pattern, "%d");

	if (!number)
		bench_die("%s: no %%d", pattern);
	qs->prefix = strndup(pattern, (size_t)(number - pattern));
	qs->suffix = strdup(number + 2);
	if (!qs->prefix || !qs->suffix)
		bench_die("out of memory");
}

static void questions_next(struct questions *qs, struct query *q)
{
	char name[300];

	if (qs->list) {
		const struct query *from = &qs->list[qs->next++ % qs->count];

		memcpy(q->packet, from->packet, from->length);
		q->length = from->length;
		return;
	}
	snprintf(name, sizeof(name), "%s%llu%s", qs->prefix, (unsigned long long)qs->next++, qs->suffix);
	question_build(q, name, qs->type);
}

#endif
