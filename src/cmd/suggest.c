/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/suggest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"
#include "cmd/cmd.h"
#include "io/unix.h"

#define ARENA_LIMIT ((size_t)2 << 30)
#define MINUTE_S 60
#define HOUR_S 3600
#define DAY_S 86400

static int span_parse(const char *text, time_t now, uint32_t *since)
{
	static const struct { const char *unit; uint64_t ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", MINUTE_S * 1000 }, { "h", HOUR_S * 1000 }, { "d", DAY_S * 1000ull },
	};
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(text, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units) && !errno; i++) {
		if (strcmp(end, units[i].unit) || v > UINT32_MAX * 1000ull / units[i].ms)
			continue;
		v = v * units[i].ms / 1000;
		*since = v < (uint64_t)now ? (uint32_t)((uint64_t)now - v) : 0;
		return 0;
	}
	return -EINVAL;
}

/* YYYY-MM-DD[THH:MM], UTC like all times that are shown. */
static int date_parse(const char *text, uint32_t *since)
{
	struct tm tm = { 0 }, again;
	bool day = strlen(text) == 10;
	char buf[32];
	time_t t;

	for (size_t i = 0; i < strlen(text); i++) {
		char want = i < 16 ? "dddd-dd-ddTdd:dd"[i] : '\0';

		if (want == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != want)
			return -EINVAL;
	}
	if (!day && strlen(text) != 16)
		return -EINVAL;
	tm.tm_year = atoi(text) - 1900;
	tm.tm_mon = atoi(text + 5) - 1;
	tm.tm_mday = atoi(text + 8);
	tm.tm_hour = day ? 0 : atoi(text + 11);
	tm.tm_min = day ? 0 : atoi(text + 14);
	t = timegm(&tm);
	gmtime_r(&t, &again);
	/* the 31st of February comes back as another day */
	strftime(buf, sizeof(buf), day ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M", &again);
	if (strcmp(buf, text) || t < 0 || t > UINT32_MAX)
		return -EINVAL;
	*since = (uint32_t)t;
	return 0;
}

static int time_parse(const char *text, time_t now, uint32_t *since)
{
	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	return span_parse(text, now, since) && date_parse(text, since) ? -EINVAL : 0;
}

static bool options_parse(const struct cmd_options *o, struct suggest *s, struct prefix *client, time_t now)
{
	int err;

	if (o->client) {
		err = prefix_parse(client, o->client, strlen(o->client));
		s->client = client;
		if (err) {
			fprintf(stderr, "postern: suggest: --client: %s\n", err == -EDOM ?
				"a prefix with bits set behind its length" : "expected an address or ADDRESS/BITS");
			return false;
		}
	}
	if (o->since && time_parse(o->since, now, &s->since) < 0) {
		fprintf(stderr, "postern: suggest: --since: expected a span as 12h or 7d, or YYYY-MM-DD[THH:MM] in UTC\n");
		return false;
	}
	return true;
}

/* The file that the server, if there is one, keeps. */
static char *read_file(const struct conf *c, int asked, size_t *len)
{
	const char *folder = c->server.state.text, *socket = c->control.socket.text;
	char *text = NULL;
	int dir, err;

	if (!folder[0]) {
		fprintf(stderr, "postern: control socket %s: %s (is postern running?), and state is empty: "
			"there is no file to read instead\n", socket, strerror(-asked));
		return NULL;
	}
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = dir < 0 ? -errno : audit_file_read(dir, &text, len);
	if (dir >= 0)
		close(dir);
	if (err)
		fprintf(stderr, "postern: control socket %s: %s (is postern running?); %s/" AUDIT_FILE ": %s\n", socket,
			strerror(-asked), folder, strerror(-err));
	else if (asked != -ENOENT && asked != -ECONNREFUSED)
		fprintf(stderr, "postern: control socket %s: %s: reading %s/" AUDIT_FILE "\n", socket, strerror(-asked),
			folder);
	return err ? NULL : text;
}

static struct audit *get_record(const struct conf *c)
{
	char why[160], *record, *text;
	struct audit *a = NULL;
	size_t len = 0;
	int err;

	text = unix_ask(c->control.socket.text, "audit", &len, &err);
	if (text && strncmp(text, "ok\n", 3)) {
		fprintf(stderr, "postern: %s", strncmp(text, "error\n", 6) ? "an answer that makes no sense\n" : text + 6);
		free(text);
		return NULL;
	}
	record = text ? text + 3 : NULL;
	len -= text ? 3 : 0;
	if (!text)
		record = text = read_file(c, err, &len);
	if (record && !(a = audit_parse(record, len, why, sizeof(why))))
		fprintf(stderr, "postern: the audit record cannot be read: %s\n", why);
	else if (a && why[0])
		fprintf(stderr, "postern: the audit record: %s\n", why);
	free(text);
	return a;
}

static int suggest(struct suggest *s, time_t now)
{
	struct audit *a = get_record(s->snapshot->conf);
	int err;

	if (!a)
		return 1;
	s->audit = a;
	s->arena = arena_new(ARENA_LIMIT);
	err = s->arena ? suggest_judge(s) : -ENOMEM;
	if (!err)
		err = suggest_entries(s);
	if (!err)
		suggest_print(s, now, stdout);
	else
		fprintf(stderr, "postern: out of memory\n");
	arena_free(s->arena);
	audit_free(a);
	return err || fflush(stdout) != 0;
}

int cmd_suggest(const struct cmd_options *o)
{
	struct suggest s = { 0 };
	struct snapshot *snapshot;
	struct prefix client;
	struct diag_list *d;
	time_t now = clock_wall();
	int status = 1;

	if (!options_parse(o, &s, &client, now))
		return 2;
	d = diag_new();
	snapshot = d ? snapshot_build(&(struct snapshot_options){
		.path = o->file, .path_written = o->file_written, .generation = 1 }, d) : NULL;
	s.snapshot = snapshot;
	if (snapshot)
		status = suggest(&s, now);
	else if (d)
		diag_print(d, stderr);
	else
		fprintf(stderr, "postern: out of memory\n");
	snapshot_release(snapshot);
	diag_free(d);
	return status;
}
