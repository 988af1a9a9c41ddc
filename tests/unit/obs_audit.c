/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "obs/audit.h"

#define DAY 86400

static struct audit *record;

static int setup(void **state)
{
	record = audit_new(1000);
	return record ? 0 : -1;
}

static int teardown(void **state)
{
	audit_free(record);
	record = NULL;
	return 0;
}

/* links: words between blanks, or NULL. */
static void note(const char *client, const char *name, uint16_t type, enum reason reason, enum event_outcome outcome,
		 const char *links, time_t when)
{
	static uint8_t path[EVENT_PATH];
	struct event e = {
		.client = snap_addr(client), .type = type, .verdict = EVENT_AUDITED, .reason = (uint8_t)reason,
		.outcome = (uint8_t)outcome, .name = snap_name(name), .path = path,
	};
	char text[4096];

	snprintf(text, sizeof(text), "%s", links ? links : "");
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		struct name link = snap_name(word);

		memcpy(path + e.path_len, link.wire, link.len);
		e.path_len = (uint16_t)(e.path_len + link.len);
	}
	audit_add(record, &e, when);
}

static void ask(const char *client, const char *name, time_t when)
{
	note(client, name, TYPE_A, REASON_UNLISTED, EVENT_FOUND, NULL, when);
}

struct find {
	const char *name;
	const struct audit_name *found;
};

static void find_one(void *ctx, const struct audit_name *n)
{
	struct find *f = ctx;
	struct name name;
	char text[NAME_TEXT];

	audit_name(n, &name);
	if (!strcmp(name_text(&name, text), f->name))
		f->found = n;
}

static const struct audit_name *find(const char *name)
{
	struct find f = { name, NULL };

	audit_each(record, find_one, &f);
	return f.found;
}

static const struct audit_pair *find_pair(const char *name, const char *client)
{
	const struct audit_name *n = find(name);
	struct addr addr = snap_addr(client);

	for (uint32_t i = n ? n->pairs : AUDIT_NONE; i != AUDIT_NONE; i = audit_pair(record, i)->older) {
		if (addr_equal(audit_client(record, audit_pair(record, i)), &addr))
			return audit_pair(record, i);
	}
	return NULL;
}

static struct audit_usage usage(void)
{
	struct audit_usage u;

	audit_usage(record, &u);
	return u;
}

static void test_counts(void **state)
{
	const struct audit_pair *p;

	ask("10.0.0.1", "a.example.com", 5000);
	ask("10.0.0.1", "A.example.COM", 4000);
	note("10.0.0.1", "a.example.com", TYPE_AAAA, REASON_CHAIN, EVENT_NODATA, NULL, 6000);
	ask("10.0.0.2", "a.example.com", 7000);
	ask("10.0.0.2", "b.example.com", 7000);
	assert_int_equal(usage().names, 2);
	assert_int_equal(usage().pairs, 3);
	assert_int_equal(usage().clients, 2);
	assert_int_equal(usage().dropped, 0);
	p = find_pair("a.example.com", "10.0.0.1");
	assert_non_null(p);
	assert_int_equal(p->count, 3);
	/* the clock may have been set back meanwhile */
	assert_int_equal(p->first, 4000);
	assert_int_equal(p->last, 6000);
	assert_int_equal(p->reasons, 1 << REASON_UNLISTED | 1 << REASON_CHAIN);
	assert_int_equal(find_pair("a.example.com", "10.0.0.2")->count, 1);
	assert_null(find_pair("b.example.com", "10.0.0.1"));
	assert_int_equal(find("a.example.com")->n_types, 2);
	assert_int_equal(find("a.example.com")->types[0].outcomes, 1 << EVENT_FOUND);
	assert_int_equal(find("a.example.com")->types[1].outcomes, 1 << EVENT_NODATA);
}

static void test_scopes_are_one_client(void **state)
{
	struct event e = { .client = snap_addr("fe80::1"), .type = 1, .outcome = EVENT_FOUND, .name = snap_name("a.b") };

	for (e.client.scope = 0; e.client.scope < 3; e.client.scope++)
		audit_add(record, &e, 1);
	assert_int_equal(usage().pairs, 1);
	assert_int_equal(find_pair("a.b", "fe80::1")->count, 3);
}

static void test_links(void **state)
{
	char links[4096] = "", one[64];
	const struct audit_name *n;

	note("10.0.0.1", "a.example.com", TYPE_A, REASON_UNLISTED, EVENT_FOUND, "b.example.net c.example.net", 1);
	note("10.0.0.2", "a.example.com", TYPE_A, REASON_UNLISTED, EVENT_FOUND, "b.example.net d.example.net", 1);
	n = find("a.example.com");
	assert_int_equal(n->n_links, 3);
	assert_false(n->more_links);
	for (unsigned round = 0; round < 20; round++) {
		links[0] = '\0';
		for (unsigned i = 0; i < 20; i++) {
			snprintf(one, sizeof(one), "l%u.example.net ", round * 20 + i);
			strcat(links, one);
		}
		note("10.0.0.1", "a.example.com", TYPE_A, REASON_UNLISTED, EVENT_FOUND, links, 1);
	}
	assert_int_equal(n->n_links, AUDIT_LINKS);
	assert_true(n->more_links);
	for (unsigned type = 1; type < 200; type++)
		note("10.0.0.1", "a.example.com", (uint16_t)type, REASON_UNLISTED, EVENT_FOUND, NULL, 1);
	assert_int_equal(n->n_types, AUDIT_TYPES);
}

/* What five clients asked for once each. */
static void quiet_day(unsigned links)
{
	char client[32], name[64];

	for (unsigned i = 0; i < 500; i++) {
		snprintf(client, sizeof(client), "10.0.0.%u", i % 5);
		snprintf(name, sizeof(name), "n%u.quiet.example.com", i);
		note(client, name, TYPE_A, REASON_UNLISTED, EVENT_FOUND, links ? "a.example.net b.example.net" : NULL,
		     5 * DAY);
	}
}

static void count_quiet(void *ctx, const struct audit_name *n)
{
	struct name name, zone = snap_name("quiet.example.com");
	struct addr addr;
	char client[32];

	audit_name(n, &name);
	if (!name_under(&name, &zone))
		return;
	snprintf(client, sizeof(client), "10.0.0.%d", atoi((char *)name.wire + 2) % 5);
	addr = snap_addr(client);
	*(unsigned *)ctx += addr_equal(audit_client(record, audit_pair(record, n->pairs)), &addr);
}

static void quiet_day_is_there(void)
{
	unsigned n = 0;

	audit_each(record, count_quiet, &n);
	assert_int_equal(n, 500);
}

static void test_flood_of_one_client(void **state)
{
	char name[64];

	quiet_day(0);
	for (unsigned i = 0; i < 4 * AUDIT_PAIRS; i++) {
		snprintf(name, sizeof(name), "x%u.flood.example.org", i);
		/* asking twice buys it nothing */
		ask("10.6.6.6", name, 6 * DAY);
		ask("10.6.6.6", name, 6 * DAY);
		if (i % 50000 == 0) {
			assert_true(usage().pairs <= AUDIT_PAIRS);
			assert_true(usage().bytes <= AUDIT_BYTES + 8192);
		}
	}
	assert_true(usage().dropped > 3 * AUDIT_PAIRS);
	assert_true(usage().pairs > AUDIT_PAIRS / 4);
	quiet_day_is_there();
}

/* Few names, but each as long as can be, and led to names as long. */
static void test_flood_of_bytes(void **state)
{
	char name[256], links[4096], label[51];

	quiet_day(1);
	memset(label, 'x', 50);
	label[50] = '\0';
	for (unsigned i = 0; i < 12000; i++) {
		links[0] = '\0';
		for (unsigned k = 0; k < 10; k++)
			snprintf(links + strlen(links), sizeof(links) - strlen(links), "l%u.%u.%s.%s.%s.%s.org ", k, i, label,
				 label, label, label);
		snprintf(name, sizeof(name), "n%u.%s.%s.%s.%s.org", i, label, label, label, label);
		note("10.6.6.6", name, TYPE_A, REASON_UNLISTED, EVENT_FOUND, links, 6 * DAY);
	}
	assert_true(usage().bytes <= AUDIT_BYTES + 8192);
	assert_true(usage().dropped > 5000);
	quiet_day_is_there();
}

/* So many clients that none of them holds much: what was asked for again and again stays. */
static void test_flood_of_many_clients(void **state)
{
	char client[32], name[64];

	for (unsigned round = 0; round < 8; round++)
		quiet_day(0);
	for (unsigned i = 0; i < 3 * AUDIT_PAIRS; i++) {
		snprintf(client, sizeof(client), "10.%u.%u.%u", 1 + i / 65536, i / 256 % 256, i % 256);
		snprintf(name, sizeof(name), "x%u.flood.example.org", i);
		ask(client, name, 6 * DAY);
	}
	assert_int_equal(usage().pairs <= AUDIT_PAIRS, 1);
	quiet_day_is_there();
}

/* A machine with as many addresses as it likes is one: of others nothing gives way, however often it asks. */
static void test_flood_of_one_network(void **state)
{
	char client[64], name[64];

	quiet_day(0);
	for (unsigned i = 0; i < 70000; i++) {
		snprintf(client, sizeof(client), "fd00:1:2:3::%x:%x", i >> 8, i & 255);
		snprintf(name, sizeof(name), "x%u.flood.example.org", i);
		for (unsigned k = 0; k < 4; k++)
			ask(client, name, 6 * DAY);
	}
	assert_true(usage().dropped > 4000);
	quiet_day_is_there();
}

/* In one network the client that holds most gives way first: neighbours are not one another's victims. */
static void test_flood_of_a_neighbour(void **state)
{
	char name[64];

	for (unsigned i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "n%u.quiet.example.com", i);
		ask("fd00:1:2:3::1", name, 5 * DAY);
	}
	for (unsigned i = 0; i < 2 * AUDIT_PAIRS; i++) {
		snprintf(name, sizeof(name), "x%u.flood.example.org", i);
		ask("fd00:1:2:3::2", name, 6 * DAY);
		ask("fd00:1:2:3::2", name, 6 * DAY);
	}
	for (unsigned i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "n%u.quiet.example.com", i);
		assert_non_null(find_pair(name, "fd00:1:2:3::1"));
	}
}

/* Few names that hold much: 64 links each, of a thousand bytes as text. */
static void hold_much(const char *client, unsigned names)
{
	char name[64], label[241] = "", links[4096];

	for (unsigned i = 0; i < 60; i++)
		strcat(label, "\\001");
	for (unsigned i = 0; i < names * AUDIT_LINKS; i++) {
		snprintf(name, sizeof(name), "h%u.example.org", i / AUDIT_LINKS);
		snprintf(links, sizeof(links), "l%u.%s.%s.%s.%s", i, label, label, label, label);
		note(client, name, TYPE_A, REASON_UNLISTED, EVENT_FOUND, links, 6 * DAY);
	}
}

/*
 * At the limit a name that gets another client does not give way for it: it would come back without types and links, as
 * a record that cannot be read. It is the oldest of the client that holds most, few enough for all to be looked at.
 */
static void test_name_outlives_its_first_pair(void **state)
{
	struct name z = snap_name("z.example.net");
	struct addr other = snap_addr("10.2.0.1");
	char client[64], name[64];
	uint32_t room;

	hold_much("10.6.6.6", 20);
	note("10.6.6.6", "z.example.net", TYPE_A, REASON_UNLISTED, EVENT_FOUND, "z.example.org", 1);
	room = find("z.example.net")->charge;
	for (unsigned i = 0; usage().bytes < AUDIT_BYTES; i++) {
		assert_int_equal(usage().dropped, 0);
		snprintf(client, sizeof(client), "10.1.%u.%u", i / 250 % 250, i % 250);
		snprintf(name, sizeof(name), "n%u.example.com", i);
		ask(client, name, 5 * DAY);
	}
	assert_true(usage().bytes < AUDIT_BYTES + room);
	assert_true(audit_pair_get(record, &z, &other) >= 0);
	assert_int_equal(usage().dropped, 1);
	assert_non_null(find_pair("z.example.net", "10.6.6.6"));
	assert_int_equal(find("z.example.net")->n_types, 1);
	assert_int_equal(find("z.example.net")->n_links, 1);
}

/* All places taken by one name. */
static void test_one_name_of_all(void **state)
{
	char client[64];

	for (unsigned i = 0; i < AUDIT_PAIRS + 5000; i++) {
		snprintf(client, sizeof(client), "10.%u.%u.%u", 1 + i / 65536, i / 256 % 256, i % 256);
		ask(client, "www.example.com", (time_t)i);
	}
	assert_int_equal(usage().pairs, AUDIT_PAIRS);
	assert_int_equal(usage().clients, AUDIT_PAIRS);
	assert_int_equal(usage().dropped, 5000);
	assert_int_equal(find("www.example.com")->n_types, 1);
}

/* A name of which nothing came, for want of memory, is not written. */
static void test_name_without_type(void **state)
{
	struct name bare = snap_name("bare.example.com");
	struct addr addr = snap_addr("10.0.0.1");
	char why[160], *text;
	size_t len;

	ask("10.0.0.1", "a.example.com", 5);
	assert_true(audit_pair_get(record, &bare, &addr) >= 0);
	text = audit_text(record, "", &len);
	audit_free(record);
	record = audit_parse(text, len, why, sizeof(why));
	assert_non_null(record);
	assert_string_equal(why, "");
	assert_int_equal(usage().names, 1);
	free(text);
}

static void test_emptied(void **state)
{
	char name[64];

	for (unsigned i = 0; i < 3 * AUDIT_PAIRS; i++) {
		char client[32];

		snprintf(client, sizeof(client), "10.0.%u.%u", i % 7, i % 250);
		snprintf(name, sizeof(name), "x%u.example.org", i % 90000);
		note(client, name, TYPE_A, REASON_UNLISTED, EVENT_FOUND, i % 3 ? NULL : "a.b c.d", (time_t)i);
	}
	assert_true(usage().pairs <= AUDIT_PAIRS);
}

/* Lines in any order: names stand as they lie in the table. */
static int by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *sorted(char *text)
{
	char *lines[64], *out = calloc(1, strlen(text) + 2);
	size_t n = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		lines[n++] = line;
	qsort(lines, n - 1, sizeof(*lines), by_line);
	for (size_t i = 0; i + 1 < n; i++)
		strcat(strcat(out, lines[i]), "\n");
	free(text);
	return out;
}

static void fill(void)
{
	note("10.0.0.1", "www.example.com", TYPE_A, REASON_UNLISTED, EVENT_FOUND, "a.example.net e1.g.akamaiedge.net", 5000);
	note("fd00::1", "www.example.com", TYPE_HTTPS, REASON_CHAIN, EVENT_NODATA, NULL, 6000);
	note("10.0.0.1", "\\000\\010\\;\\.\\ \\255\\*.example.com", TYPE_TXT, REASON_TYPE, EVENT_NXDOMAIN, "\\010.x", 7000);
	note("10.0.0.1", ".", 65535, REASON_FILTERED, EVENT_FILTERED, NULL, 7000);
}

static void test_round_trip(void **state)
{
	char why[160], *first, *second;
	size_t len;

	fill();
	audit_set_dropped(record, 77);
	first = audit_text(record, "", &len);
	assert_non_null(first);
	assert_null(strchr(first, ';'));
	audit_free(record);
	record = audit_parse(first, len, why, sizeof(why));
	if (!record)
		fail_msg("%s", why);
	assert_int_equal(usage().dropped, 77);
	assert_int_equal(usage().since, 1000);
	assert_int_equal(usage().pairs, 4);
	assert_int_equal(find("www.example.com")->n_links, 2);
	assert_int_equal(find_pair("www.example.com", "fd00::1")->reasons, 1 << REASON_CHAIN);
	second = audit_text(record, "", &len);
	first = sorted(first);
	second = sorted(second);
	assert_string_equal(first, second);
	free(first);
	free(second);
}

static void test_empty_round_trip(void **state)
{
	char why[160], *text;
	size_t len;

	text = audit_text(record, "head\n", &len);
	assert_memory_equal(text, "head\n", 5);
	audit_free(record);
	record = audit_parse(text + 5, len - 5, why, sizeof(why));
	assert_non_null(record);
	free(text);
}

/* Cut anywhere, with any byte another: said, and nothing is taken over. */
static void test_damage(void **state)
{
	char why[160], *text;
	size_t len;

	fill();
	text = audit_text(record, "", &len);
	for (size_t i = 0; i < len; i++) {
		char *cut = malloc(i ? i : 1);
		char was = text[i];

		memcpy(cut, text, i);
		assert_null(audit_parse(cut, i, why, sizeof(why)));
		assert_true(why[0]);
		free(cut);
		for (unsigned bit = 0; bit < 8; bit++) {
			text[i] = (char)(was ^ 1 << bit);
			assert_null(audit_parse(text, len, why, sizeof(why)));
		}
		text[i] = was;
	}
	free(text);
}

/* A sum that is right, so that what is before it is looked at. */
static struct audit *parse_body(const char *body, char *why, size_t whylen)
{
	uint64_t h = 0xcbf29ce484222325ull;
	char text[8192];
	unsigned names = 0, pairs = 0;

	for (const char *p = body; *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3ull;
	for (const char *line = body; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		names += !strncmp(line, "name ", 5);
		pairs += !strncmp(line, "by ", 3);
		if (!*line)
			break;
	}
	snprintf(text, sizeof(text), "%send %u %u %016llx\n", body, names, pairs, (unsigned long long)h);
	return audit_parse(text, strlen(text), why, whylen);
}

static void refuse(const char *body, const char *want)
{
	char why[160];

	if (parse_body(body, why, sizeof(why)))
		fail_msg("taken: %s", body);
	if (!strstr(why, want))
		fail_msg("'%s' instead of '%s'", why, want);
}

/* Taken over, but for what `want` says (NULL: whole), and what stands before and behind is there. */
static void leave_out(const char *lines, const char *want)
{
	char why[160], body[8192];
	const struct audit_pair *first, *last;

	snprintf(body, sizeof(body), "postern-audit 1\nsince 5 dropped 0\nname first.x 1:2\nby 10.0.0.1 7 5 5 32\n%s"
		 "name last.x more 1:2\nlink l.x\nby 10.0.0.2 8 5 5 32\n", lines);
	audit_free(record);
	record = parse_body(body, why, sizeof(why));
	if (!record)
		fail_msg("%s: %s", why, body);
	if (want ? !strstr(why, want) || !strstr(why, "left out") : why[0])
		fail_msg("'%s' instead of '%s'", why, want ? want : "");
	first = find_pair("first.x", "10.0.0.1");
	last = find_pair("last.x", "10.0.0.2");
	assert_true(first && first->count == 7 && first->name->n_types == 1);
	assert_true(last && last->count == 8 && last->name->n_links == 1 && last->name->more_links);
}

#define HEAD "postern-audit 1\nsince 5 dropped 0\n"

static void test_no_record(void **state)
{
	refuse("postern-audit 2\nsince 5 dropped 0\n", "line 1: not an audit record of this version");
	refuse("; a catalogue\n[catalog]\n", "line 1: not an audit record of this version");
	refuse("postern-audit 1\nname a.b 1:2\nby 10.0.0.1 1 5 5 32\n", "line 2: 'since' is expected");
	refuse(HEAD "since 5 dropped 0\n", "line 3");
	refuse(HEAD "nome a.b 1:2\n", "line 3: not a line");
	refuse(HEAD "\n", "line 3: not a line");
}

/* Of a record that is whole one line that makes no sense costs that line, or that name. */
static void test_odd_lines(void **state)
{
	static const struct { const char *lines, *want; unsigned names, pairs; } cases[] = {
		{ "name a.b 1:2\nlink c.d\nby 10.0.0.1 1 5 5 32\n", NULL, 1, 1 },
		{ "name a.b more 1:2 28:4\nby 10.0.0.1 4294967295 0 4294967295 4095\nby ::1 1 2 3 1\n", NULL, 1, 2 },
		{ "name a.b 1:2\nby 10.0.0.1 1 5 5 32\nname a.b 1:2\nby 10.0.0.2 1 5 5 32\n", NULL, 1, 2 },
		{ "name a..b 1:2\nlink c.d\nby 10.0.0.1 1 5 5 32\nby 10.0.0.2 1 5 5 32\n", "line 5: not a name", 0, 0 },
		{ "name a.b\nby 10.0.0.1 1 5 5 32\n", "line 5: a name without a type", 0, 0 },
		{ "name a.b 1\nby 10.0.0.1 1 5 5 32\n", "line 5: not a type", 0, 0 },
		{ "name a.b 1:0\nby 10.0.0.1 1 5 5 32\n", "line 5: not a type", 0, 0 },
		{ "name a.b 1:64\nby 10.0.0.1 1 5 5 32\n", "line 5: not a type", 0, 0 },
		{ "name a.b 65536:1\nby 10.0.0.1 1 5 5 32\n", "line 5: not a type", 0, 0 },
		{ "name a.b -1:1\nby 10.0.0.1 1 5 5 32\n", "line 5: not a type", 0, 0 },
		{ "name a.b 1:2\nname c.d 1:2\nby 10.0.0.1 1 5 5 32\n", "line 6: the name before it", 1, 1 },
		{ "name a.b 1:2\nlink c d\nby 10.0.0.1 1 5 5 32\n", "line 6: not a name", 1, 1 },
		{ "name a.b 1:2\nby 10.0.0.1 1 5 5 32\nlink c.d\n", "line 7: a link out of its place", 1, 1 },
		{ "name a.b 1:2\nby 10.0.0 1 5 5 32\n", "line 6: not an address", 0, 0 },
		{ "name a.b 1:2\nby fe80::1%1 1 5 5 32\nby 10.0.0.3 1 5 5 32\n", "line 6: not an address", 1, 1 },
		{ "name a.b 1:2\nby 10.0.0.1 0 5 5 32\n", "line 6: not COUNT", 0, 0 },
		{ "name a.b 1:2\nby 10.0.0.1 1 6 5 32\n", "line 6: not COUNT", 0, 0 },
		{ "name a.b 1:2\nby 10.0.0.1 1 5 5 0\n", "line 6: not COUNT", 0, 0 },
		{ "name a.b 1:2\nby 10.0.0.1 1 5 5 4096\n", "line 6: not COUNT", 0, 0 },
		{ "name a.b 1:2\nby 10.0.0.1 4294967296 5 5 32\n", "line 6: not COUNT", 0, 0 },
		{ "name a.b 1:2\nby 10.0.0.1 1 5 5 32 7\n", "line 6: not COUNT", 0, 0 },
		{ "name a.b 1:2\nby 10.0.0.1 1 5 5 32\nby 10.0.0.1 2 5 5 32\n", "line 7: the same client twice", 1, 1 },
		{ "name a.b\nby 10.0.0.1 1 5 5 32\nname b.b\n", "line 5: a name without a type: left out, as 2 in all", 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		leave_out(cases[i].lines, cases[i].want);
		assert_int_equal(usage().names, 2 + cases[i].names);
		assert_int_equal(usage().pairs, 2 + cases[i].pairs);
	}
}

static void test_odd_ends(void **state)
{
	char many[8192] = "name a.b 1:2\n", why[160];
	struct audit *a;

	a = parse_body(HEAD "by 10.0.0.1 1 5 5 32\nlink a.b\nname a.b 1:2\n", why, sizeof(why));
	assert_non_null(a);
	assert_string_equal(why, "line 3: a client out of its place: left out, as 3 in all");
	audit_free(a);
	for (unsigned i = 0; i <= AUDIT_LINKS; i++)
		sprintf(many + strlen(many), "link x%u.y\n", i);
	strcat(many, "by 10.0.0.1 1 5 5 32\n");
	leave_out(many, "a link out of its place");
	assert_int_equal(find("a.b")->n_links, AUDIT_LINKS);
}

static int open_folder(void)
{
	int dir = open(util_dir, O_RDONLY | O_DIRECTORY);

	assert_true(dir >= 0);
	return dir;
}

static void test_file(void **state)
{
	int dir = open_folder();
	char *text;
	size_t len;

	unlinkat(dir, AUDIT_FILE, 0);
	assert_int_equal(audit_file_read(dir, &text, &len), -ENOENT);
	/* left by one that was killed while it wrote */
	util_text(AUDIT_FILE_NEW, "half a rec");
	assert_int_equal(audit_file_write(dir, "first", 5), 0);
	assert_int_equal(audit_file_write(dir, "second\n", 7), 0);
	assert_int_equal(audit_file_read(dir, &text, &len), 0);
	assert_int_equal(len, 7);
	assert_memory_equal(text, "second\n", 8);
	free(text);
	assert_int_equal(faccessat(dir, AUDIT_FILE_NEW, F_OK, 0), -1);
	assert_int_equal(audit_file_aside(dir), 0);
	assert_int_equal(audit_file_read(dir, &text, &len), -ENOENT);
	assert_int_equal(faccessat(dir, AUDIT_FILE_BAD, F_OK, 0), 0);
	assert_int_equal(audit_file_write(dir, "", 0), 0);
	assert_int_equal(audit_file_read(dir, &text, &len), 0);
	assert_int_equal(len, 0);
	free(text);
	unlinkat(dir, AUDIT_FILE, 0);
	unlinkat(dir, AUDIT_FILE_BAD, 0);
	close(dir);
}

static void test_folders_in_the_way(void **state)
{
	int dir = open_folder();

	unlinkat(dir, AUDIT_FILE, 0);
	assert_int_equal(mkdirat(dir, AUDIT_FILE_NEW, 0700), 0);
	assert_int_equal(audit_file_write(dir, "x", 1), -EEXIST);
	assert_int_equal(unlinkat(dir, AUDIT_FILE_NEW, AT_REMOVEDIR), 0);
	assert_int_equal(mkdirat(dir, AUDIT_FILE, 0700), 0);
	assert_int_equal(audit_file_write(dir, "x", 1), -EISDIR);
	assert_int_equal(unlinkat(dir, AUDIT_FILE, AT_REMOVEDIR), 0);
	assert_int_equal(audit_file_write(dir, "x", 1), 0);
	unlinkat(dir, AUDIT_FILE, 0);
	close(dir);
}

/* What another account could put there. */
static void test_no_ordinary_file(void **state)
{
	int dir = open_folder(), fd;
	char *text;
	size_t len;

	unlinkat(dir, AUDIT_FILE, 0);
	assert_int_equal(symlinkat("/etc/passwd", dir, AUDIT_FILE), 0);
	assert_int_equal(audit_file_read(dir, &text, &len), -ELOOP);
	/* it is replaced, not followed */
	assert_int_equal(audit_file_write(dir, "x", 1), 0);
	assert_int_equal(audit_file_read(dir, &text, &len), 0);
	free(text);
	unlinkat(dir, AUDIT_FILE, 0);
	assert_int_equal(mkfifoat(dir, AUDIT_FILE, 0600), 0);
	assert_int_equal(audit_file_read(dir, &text, &len), -EINVAL);
	unlinkat(dir, AUDIT_FILE, 0);
	fd = openat(dir, AUDIT_FILE, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, (off_t)AUDIT_FILE_MAX + 1), 0);
	close(fd);
	assert_int_equal(audit_file_read(dir, &text, &len), -EFBIG);
	unlinkat(dir, AUDIT_FILE, 0);
	close(dir);
}

static int group_setup(void **state)
{
	hash_init();
	return util_setup(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_counts), TEST(test_scopes_are_one_client), TEST(test_links), TEST(test_flood_of_one_client),
		TEST(test_flood_of_bytes), TEST(test_flood_of_many_clients), TEST(test_emptied), TEST(test_round_trip),
		TEST(test_empty_round_trip), TEST(test_damage), TEST(test_no_record), TEST(test_odd_lines), TEST(test_odd_ends),
		TEST(test_flood_of_one_network), TEST(test_flood_of_a_neighbour), TEST(test_name_outlives_its_first_pair),
		TEST(test_one_name_of_all), TEST(test_name_without_type), TEST(test_file), TEST(test_folders_in_the_way),
		TEST(test_no_ordinary_file),
	};

	return cmocka_run_group_tests(tests, group_setup, util_teardown);
}
