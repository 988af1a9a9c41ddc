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

/* With a sum that is right, so that what is before it is looked at. */
static void refuse(const char *body, const char *want)
{
	uint64_t h = 0xcbf29ce484222325ull;
	char text[8192], why[160];
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
	struct audit *a = audit_parse(text, strlen(text), why, sizeof(why));

	if (want && a)
		fail_msg("taken: %s", body);
	if (!want) {
		if (!a)
			fail_msg("%s: %s", why, body);
		audit_free(a);
		return;
	}
	if (!strstr(why, want))
		fail_msg("'%s' instead of '%s'", why, want);
}

#define HEAD "postern-audit 1\nsince 5 dropped 0\n"

static void test_fields(void **state)
{
	char many[8192] = HEAD "name a.b 1:2\n";

	refuse(HEAD "name a.b 1:2\nlink c.d\nby 10.0.0.1 1 5 5 32\n", NULL);
	refuse(HEAD "name a.b more 1:2 28:4\nby 10.0.0.1 4294967295 0 4294967295 4095\nby ::1 1 2 3 1\n", NULL);
	refuse("postern-audit 2\nsince 5 dropped 0\n", "line 1: not an audit record of this version");
	refuse("; a catalogue\n[catalog]\n", "line 1: not an audit record of this version");
	refuse("postern-audit 1\nname a.b 1:2\nby 10.0.0.1 1 5 5 32\n", "line 2: 'since' is expected");
	refuse(HEAD "since 5 dropped 0\n", "line 3");
	refuse(HEAD "nome a.b 1:2\n", "line 3: not a line");
	refuse(HEAD "\n", "line 3: not a line");
	refuse(HEAD "name a..b 1:2\nby 10.0.0.1 1 5 5 32\n", "line 3: not a name");
	refuse(HEAD "name a.b\nby 10.0.0.1 1 5 5 32\n", "line 3: a name without a type");
	refuse(HEAD "name a.b 1\nby 10.0.0.1 1 5 5 32\n", "line 3: not a type");
	refuse(HEAD "name a.b 1:0\nby 10.0.0.1 1 5 5 32\n", "line 3: not a type");
	refuse(HEAD "name a.b 1:32\nby 10.0.0.1 1 5 5 32\n", "line 3: not a type");
	refuse(HEAD "name a.b 65536:1\nby 10.0.0.1 1 5 5 32\n", "line 3: not a type");
	refuse(HEAD "name a.b -1:1\nby 10.0.0.1 1 5 5 32\n", "line 3: not a type");
	refuse(HEAD "name a.b 1:2\nname c.d 1:2\nby 10.0.0.1 1 5 5 32\n", "line 4: the name before it");
	refuse(HEAD "name a.b 1:2\n", "the last name was asked for by nobody");
	refuse(HEAD "by 10.0.0.1 1 5 5 32\n", "line 3: a client out of its place");
	refuse(HEAD "link a.b\n", "line 3: a link out of its place");
	refuse(HEAD "name a.b 1:2\nby 10.0.0.1 1 5 5 32\nlink c.d\n", "line 5: a link out of its place");
	refuse(HEAD "name a.b 1:2\nlink c d\nby 10.0.0.1 1 5 5 32\n", "line 4: not a name");
	refuse(HEAD "name a.b 1:2\nby 10.0.0 1 5 5 32\n", "line 4: not an address");
	refuse(HEAD "name a.b 1:2\nby fe80::1%1 1 5 5 32\n", "line 4: not an address");
	refuse(HEAD "name a.b 1:2\nby 10.0.0.1 0 5 5 32\n", "line 4: not COUNT");
	refuse(HEAD "name a.b 1:2\nby 10.0.0.1 1 6 5 32\n", "line 4: not COUNT");
	refuse(HEAD "name a.b 1:2\nby 10.0.0.1 1 5 5 0\n", "line 4: not COUNT");
	refuse(HEAD "name a.b 1:2\nby 10.0.0.1 1 5 5 4096\n", "line 4: not COUNT");
	refuse(HEAD "name a.b 1:2\nby 10.0.0.1 4294967296 5 5 32\n", "line 4: not COUNT");
	refuse(HEAD "name a.b 1:2\nby 10.0.0.1 1 5 5 32 7\n", "line 4: not COUNT");
	refuse(HEAD "name a.b 1:2\nby 10.0.0.1 1 5 5 32\nby 10.0.0.1 1 5 5 32\n", "line 5: the same client twice");
	refuse(HEAD "name a.b 1:2\nby 10.0.0.1 1 5 5 32\nname a.b 1:2\nby 10.0.0.2 1 5 5 32\n",
	       "line 6: the same name twice");
	for (unsigned i = 0; i <= AUDIT_LINKS; i++)
		sprintf(many + strlen(many), "link x%u.y\n", i);
	strcat(many, "by 10.0.0.1 1 5 5 32\n");
	refuse(many, "a link out of its place");
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
		TEST(test_empty_round_trip), TEST(test_damage), TEST(test_fields), TEST(test_file),
		TEST(test_no_ordinary_file),
	};

	return cmocka_run_group_tests(tests, group_setup, util_teardown);
}
