/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>

#include "obs/qlog.h"

#define NOON 1790510400			/* 2026-09-27T12:00:00Z */

static struct snapshot *snap;
static char text[1 << 20];

static int setup(void **state)
{
	if (util_setup(state))
		return -1;
	util_text("c.ini", "[web]\nallow = *.ex.com\n");
	util_text("q.log", "");
	snap = snap_build("[profile default]\ncatalog = c\n[profile lab]\nclients = 10.0.0.0/8\ncatalog =\n", 4);
	return 0;
}

static int teardown(void **state)
{
	snapshot_release(snap);
	return util_teardown(state);
}

static struct qlog *open_log(enum conf_queries queries, uint32_t rate, bool json)
{
	struct conf_log c = { .queries = queries, .rate = rate, .json = json, .file = { util_path("q.log"), 1 } };
	struct qlog *q;
	int err;

	assert_int_equal(truncate(c.file.text, 0), 0);
	q = qlog_open(&c, &err);
	assert_non_null(q);
	return q;
}

static const char *content(void)
{
	int fd = open(util_path("q.log"), O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(fd >= 0 && n >= 0);
	close(fd);
	text[n] = '\0';
	return text;
}

static struct event event(const char *name, enum event_verdict verdict, enum reason reason)
{
	return (struct event){
		.client = snap_addr("10.0.0.7"), .generation = 4, .entry = ENTRY_NONE, .profile = 1, .type = TYPE_AAAA,
		.verdict = (uint8_t)verdict, .reason = (uint8_t)reason, .us = 12345, .weight = 1, .name = snap_name(name),
	};
}

static void test_text(void **state)
{
	struct qlog *q = open_log(QUERIES_ALL, 0, false);
	struct event e = event("www.ex.com", EVENT_ALLOWED, REASON_LISTED);

	e.entry = 0;
	qlog_write(q, snap, &e, NOON);
	e = event("a.ex.com", EVENT_BLOCKED, REASON_CHAIN);
	e.link = snap_name("evil.org");
	e.us = 5;
	qlog_write(q, snap, &e, NOON + 1);
	e = event("a b\\010\\\"\\255.ex.com", EVENT_FAILED, REASON_FAILED);
	/* of another snapshot: neither profile nor entry can be named */
	e.generation = 3;
	e.entry = 0;
	e.profile = 99;
	e.client = snap_addr("fd00::7");
	e.type = 65399;
	qlog_write(q, snap, &e, NOON + 2);
	qlog_close(q);
	assert_string_equal(content(),
		"2026-09-27T12:00:00Z allowed 10.0.0.7 lab www.ex.com AAAA listed entry=*.ex.com 12.345 ms\n"
		"2026-09-27T12:00:01Z blocked 10.0.0.7 lab a.ex.com AAAA chain link=evil.org 0.005 ms\n"
		"2026-09-27T12:00:02Z failed fd00::7 - a\\032b\\010\\034\\255.ex.com TYPE65399 failed 12.345 ms\n");
}

static void expect_text(const json_t *o, const char *key, const char *want)
{
	const char *got = json_string_value(json_object_get(o, key));

	if (!want)
		assert_true(json_is_null(json_object_get(o, key)));
	else
		assert_string_equal(got ? got : "(none)", want);
}

static void test_json(void **state)
{
	struct qlog *q = open_log(QUERIES_ALL, 0, true);
	struct event e = event("a\\010b\"\\255.ex.com", EVENT_BLOCKED, REASON_CHAIN);
	const char *p;
	json_t *o;

	e.link = snap_name("\\000.evil.org");
	e.entry = 0;
	qlog_write(q, snap, &e, NOON);
	e = event("www.ex.com", EVENT_ALLOWED, REASON_LISTED);
	e.generation = 3;
	e.us = 0;
	qlog_write(q, snap, &e, NOON);
	qlog_close(q);
	p = content();
	o = json_loads(p, JSON_DISABLE_EOF_CHECK, NULL);
	assert_int_equal(json_object_size(o), 10);
	expect_text(o, "time", "2026-09-27T12:00:00Z");
	expect_text(o, "client", "10.0.0.7");
	expect_text(o, "profile", "lab");
	expect_text(o, "name", "a\\010b\\034\\255.ex.com");
	expect_text(o, "type", "AAAA");
	expect_text(o, "verdict", "blocked");
	expect_text(o, "reason", "chain");
	expect_text(o, "link", "\\000.evil.org");
	expect_text(o, "entry", "*.ex.com");
	assert_true(json_real_value(json_object_get(o, "ms")) == 12.345);
	json_decref(o);
	p = strchr(p, '\n') + 1;
	o = json_loads(p, 0, NULL);
	assert_int_equal(json_object_size(o), 10);
	expect_text(o, "profile", NULL);
	expect_text(o, "link", NULL);
	expect_text(o, "entry", NULL);
	assert_true(json_number_value(json_object_get(o, "ms")) == 0);
	json_decref(o);
	assert_string_equal(strchr(p, '\n'), "\n");
}

static size_t lines(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void test_which(void **state)
{
	static const struct { enum conf_queries queries; size_t want; } table[] = {
		{ QUERIES_NONE, 0 }, { QUERIES_BLOCKED, 2 }, { QUERIES_ALL, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct qlog *q = open_log(table[i].queries, 0, false);
		struct event e[] = {
			event("a.ex.com", EVENT_ALLOWED, REASON_LISTED), event("b.ex.com", EVENT_BLOCKED, REASON_UNLISTED),
			event("c.ex.com", EVENT_AUDITED, REASON_UNLISTED), event("d.ex.com", EVENT_FAILED, REASON_FAILED),
		};

		for (size_t k = 0; k < ARRAY_SIZE(e); k++)
			qlog_write(q, snap, &e[k], NOON);
		qlog_close(q);
		assert_int_equal(lines(content()), table[i].want);
	}
}

/* What is beyond the rate is counted, and the count written when the second is over, and at the end. */
static void test_rate(void **state)
{
	struct event e = event("a.ex.com", EVENT_BLOCKED, REASON_UNLISTED), other = event("a.ex.com", EVENT_ALLOWED, REASON_LISTED);
	struct qlog *q = open_log(QUERIES_BLOCKED, 3, false);

	for (unsigned i = 0; i < 10; i++) {
		qlog_write(q, snap, &e, NOON);
		/* what is not to be logged does not count */
		qlog_write(q, snap, &other, NOON);
	}
	assert_int_equal(lines(content()), 3);
	qlog_write(q, snap, &e, NOON + 1);
	assert_int_equal(lines(content()), 5);
	assert_non_null(strstr(text, "\n2026-09-27T12:00:00Z 7 more not written (rate = 3)\n2026-09-27T12:00:01Z blocked"));
	for (unsigned i = 0; i < 3; i++)
		qlog_write(q, snap, &e, NOON + 1);
	qlog_write(q, snap, &e, NOON + 2);
	qlog_close(q);
	assert_int_equal(lines(content()), 9);
	assert_non_null(strstr(text, "12:00:01Z 1 more not written"));
	q = open_log(QUERIES_BLOCKED, 1, true);
	for (unsigned i = 0; i < 5; i++)
		qlog_write(q, snap, &e, NOON);
	qlog_close(q);
	assert_non_null(strstr(content(), "\n{\"time\":\"2026-09-27T12:00:00Z\",\"unwritten\":4}\n"));
	assert_int_equal(lines(text), 2);
	q = open_log(QUERIES_BLOCKED, 0, false);
	for (unsigned i = 0; i < 1000; i++)
		qlog_write(q, snap, &e, NOON);
	qlog_close(q);
	assert_int_equal(lines(content()), 1000);
}

/* Every name may be four times as long as on the wire, and the profile's as long as the configuration lets it be. */
static void test_long_names(void **state)
{
	char conf[400], label[200] = "";
	struct snapshot *s;
	struct qlog *q;
	struct event e = event("a.ex.com", EVENT_BLOCKED, REASON_CHAIN);

	snprintf(label, sizeof(label), "%0*d", 60, 7);
	snprintf(conf, sizeof(conf), "[profile default]\ncatalog = c\n[profile p%s]\nclients = 10.0.0.0/8\ncatalog =\n", label);
	s = snap_build(conf, 4);
	for (unsigned i = 0; i < 252; i++)
		e.name.wire[i] = i % 63 ? 0xff : 62;
	memcpy(e.name.wire + 252, "\1\n", 3);
	e.name.len = 255;
	e.name.labels = 5;
	e.link = e.name;
	e.entry = 0;
	for (unsigned json = 0; json < 2; json++) {
		q = open_log(QUERIES_ALL, 0, json);
		qlog_write(q, s, &e, NOON);
		qlog_close(q);
		assert_int_equal(lines(content()), 1);
		assert_true(strlen(text) > 2000);
		assert_int_equal(text[strlen(text) - 1], '\n');
		assert_non_null(strstr(text, json ? "\"profile\":\"p0000" : " p0000"));
	}
	snapshot_release(s);
}

static void test_unwritable(void **state)
{
	struct conf_log c = { .queries = QUERIES_ALL, .file = { util_path("none/q.log"), 1 } };
	int err = 0;

	assert_null(qlog_open(&c, &err));
	assert_int_equal(err, -ENOENT);
	c.file.text = util_dir;
	assert_null(qlog_open(&c, &err));
	assert_int_equal(err, -EISDIR);
	qlog_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text), cmocka_unit_test(test_json), cmocka_unit_test(test_which),
		cmocka_unit_test(test_rate), cmocka_unit_test(test_long_names), cmocka_unit_test(test_unwritable),
	};

	return cmocka_run_group_tests_name("obs_qlog", tests, setup, teardown);
}
