/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#include "scene.h"

uint64_t command_ms(const char *text)
{
	static const struct { const char *unit; uint64_t ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	char *end;
	uint64_t v = strtoull(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end > text && !strcmp(end, units[i].unit))
			return v * units[i].ms;
	}
	fake_fault("%s is no time", text);
	return 0;
}

static void strike(char **words, int *n, int at, int count)
{
	memmove(words + at, words + at + count, (size_t)(*n - at - count) * sizeof(*words));
	*n -= count;
}

const char *command_value(char **words, int *n, const char *key)
{
	for (int i = 1; i + 1 < *n; i++) {
		if (!strcmp(words[i], key)) {
			const char *value = words[i + 1];

			strike(words, n, i, 2);
			return value;
		}
	}
	return NULL;
}

bool command_flag(char **words, int *n, const char *key)
{
	for (int i = 1; i < *n; i++) {
		if (!strcmp(words[i], key)) {
			strike(words, n, i, 1);
			return true;
		}
	}
	return false;
}

bool command_done(char **words, int n, int used)
{
	if (n == used)
		return true;
	fake_fault("%s: %s", words[0], n > used ? words[used] : "words are missing");
	return false;
}

static void catalog(char **words, int n, const struct command *c)
{
	scene_catalog(n > 1 ? words[1] : "test", c->block, c->n_block);
}

/* CONFIG and RELOAD; RELOAD refused */
static void config(char **words, int n, const struct command *c)
{
	scene_configure(c->block, c->n_block, n > 1 && !strcmp(words[1], "refused"));
}

static void resolv(char **words, int n, const struct command *c)
{
	scene_resolv(words + 1, (size_t)n - 1);
	fake_turn(scene.worker->loop);
}

static void pass_time(char **words, int n, const struct command *c)
{
	if (n == 2)
		fake_time_passes(scene.worker->loop, command_ms(words[1]));
}

static void suspend(char **words, int n, const struct command *c)
{
	if (n == 2)
		fake_suspend(command_ms(words[1]));
}

/* FLUSH [NAME] */
static void flush(char **words, int n, const struct command *c)
{
	struct name below;

	if (n > 1 && name_from_text(&below, words[1], strlen(words[1])) < 0)
		fake_fault("%s is no name", words[1]);
	else
		rcache_flush(scene.worker->cache, n > 1 ? &below : NULL);
}

/* COUNT NAME N: a counter of `status`. */
static void count(char **words, int n, const struct command *c)
{
	for (int i = 0; n == 3 && i < STAT_COUNT; i++) {
		uint64_t v = scene.worker->stats.n[i];

		if (strcmp(stat_info[i].name, words[1]))
			continue;
		if (v != strtoull(words[2], NULL, 10))
			fake_fault("%s is %llu", words[1], (unsigned long long)v);
		return;
	}
	fake_fault("COUNT NAME N, of the names that status shows");
}

/* WAITING N: questions that wait for upstream. */
static void waiting(char **words, int n, const struct command *c)
{
	if (n == 2 && atomic_load(&scene.shared.waiting) != strtoul(words[1], NULL, 10))
		fake_fault("%u wait", atomic_load(&scene.shared.waiting));
}

/* The names of the event's path, commas between; "-" for none. */
static const char *path_of(const struct event *e, char *out, size_t cap)
{
	char one[NAME_TEXT];
	struct name name;
	size_t off = 0;

	snprintf(out, cap, "%s", e->path_len ? "" : "-");
	while (off < e->path_len && name_read(&name, e->path, e->path_len, &off) == 0)
		snprintf(out + strlen(out), cap - strlen(out), "%s%s", *out ? "," : "", name_text(&name, one));
	return out;
}

static bool event_is(const struct event *e, char **words, int n)
{
	static const char *const verdicts[] = { "allowed", "blocked", "audited", "failed" };
	static const char *const outcomes[] = { "unknown", "found", "nodata", "nxdomain", "filtered" };
	const char *through = command_value(words, &n, "through"), *outcome = command_value(words, &n, "outcome");
	const char *link = command_value(words, &n, "link"), *client = command_value(words, &n, "client");
	char name[NAME_TEXT], behind[NAME_TEXT], addr[ADDR_TEXT], path[4 * NAME_TEXT];

	return n == 4 && !strcmp(verdicts[e->verdict], words[1]) && !strcmp(name_text(&e->name, name), words[2]) &&
	       !strcmp(reason_text(e->reason), words[3]) && (e->link.len > 0) == (link != NULL) &&
	       (!link || !strcmp(name_text(&e->link, behind), link)) &&
	       (!client || !strcmp(addr_text(&e->client, addr), client)) &&
	       (!through || !strcmp(path_of(e, path, sizeof(path)), through)) &&
	       (!outcome || !strcmp(outcomes[e->outcome], outcome));
}

/*
 * LOG VERDICT NAME REASON [link NAME] [client ADDR] [through NAME,NAME] [outcome WHAT]: one of the events
 * since the last LOG; it and those before are done with.
 */
static void log_event(char **words, int n, const struct command *c)
{
	scene_read_events();
	for (size_t i = 0; i < scene.n_events; i++) {
		char *copy[WORDS_MAX];

		memcpy(copy, words, (size_t)n * sizeof(*words));
		if (!event_is(&scene.events[i], copy, n))
			continue;
		scene.n_events -= i + 1;
		memmove(scene.events, scene.events + i + 1, scene.n_events * sizeof(scene.events[0]));
		memmove(scene.paths, scene.paths + i + 1, scene.n_events * sizeof(scene.paths[0]));
		for (size_t k = 0; k < scene.n_events; k++)
			scene.events[k].path = scene.paths[k];
		return;
	}
	fake_fault("no such event");
}

static void unlogged(char **words, int n, const struct command *c)
{
	scene_read_events();
	if (scene.n_events)
		fake_fault("there are %zu events", scene.n_events);
}

/* CLOSE: the worker ends with whatever is in flight. */
static void close_worker(char **words, int n, const struct command *c)
{
	worker_close(scene.worker);
}

/* EACH NAME[,NAME] VALUE[,VALUE] ...: the whole script is run with each. */
static void each(char **words, int n, const struct command *c)
{
	char *names = words[1], *values = n > 2 ? words[2 + choices_take((unsigned)n - 2)] : NULL;

	while (names && values) {
		char *name = strsep(&names, ","), *value = strsep(&values, ",");

		if (!vars_set(name, strlen(name), value))
			fake_fault("%s: too many variables, or too long", name);
	}
	if (names || values)
		fake_fault("EACH: as many values as names");
}

/* SET NAME VALUE */
static void set(char **words, int n, const struct command *c)
{
	if (n != 3 || !vars_set(words[1], strlen(words[1]), words[2]))
		fake_fault("SET NAME VALUE");
}

static const struct {
	const char *word;
	command_fn *run;
	bool before;			/* may stand before CONFIG */
} commands[] = {
	{ "EACH", each, true },
	{ "SET", set, true },
	{ "CATALOG", catalog, true },
	{ "CONFIG", config, true },
	{ "RELOAD", config, false },
	{ "RESOLV", resolv, false },
	{ "ASK", client_ask, false },
	{ "CROWD", client_crowd, false },
	{ "RAW", client_raw, false },
	{ "ANSWER", client_answer, false },
	{ "NOTHING", client_nothing, false },
	{ "CLOSED", client_closed, false },
	{ "OPEN", client_closed, false },
	{ "HANGUP", client_hangup, false },
	{ "EXPECT", upstream_expect, false },
	{ "REPLY", upstream_reply, false },
	{ "BREAK", upstream_break, false },
	{ "QUIET", upstream_quiet, false },
	{ "AWAIT", upstream_await, false },
	{ "UNREACHABLE", upstream_unreachable, false },
	{ "AGENT", agent_state, false },
	{ "HOLD", agent_hold, false },
	{ "HELD", agent_held, false },
	{ "NOHOLD", agent_nohold, false },
	{ "SAYS", agent_says, false },
	{ "EPOCH", agent_epoch, false },
	{ "BYCLIENT", agent_by_client, false },
	{ "MESSAGES", agent_messages, false },
	{ "UNHELD", agent_unheld, false },
	{ "UNKNOWN", agent_unknown, false },
	{ "TIME", pass_time, false },
	{ "SUSPEND", suspend, false },
	{ "FLUSH", flush, false },
	{ "COUNT", count, false },
	{ "WAITING", waiting, false },
	{ "LOG", log_event, false },
	{ "UNLOGGED", unlogged, false },
	{ "CLOSE", close_worker, false },
};

void command_run(const struct command *c)
{
	char text[LINE_MAX_LEN], *words[WORDS_MAX];
	int n;

	if (!vars_expand(text, c->text)) {
		fake_fault("no such variable, or too long");
		return;
	}
	n = words_split(text, words);
	for (size_t i = 0; n > 0 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].word, words[0]))
			continue;
		if (!commands[i].before && !scene.worker)
			fake_fault("%s before CONFIG", words[0]);
		else
			commands[i].run(words, n, c);
		return;
	}
	fake_fault("no such command");
}
