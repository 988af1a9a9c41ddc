/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include <pthread.h>

#include "base/clock.h"
#include "state/learned.h"

#define DAY_MS (86400 * 1000ull)
#define READERS 3
#define NAMES 64
#define WRITES 200000

static const char catalog[] =
	"[web]\nports = tcp/443\nallow = www.ex.com other.ex.com\nchain = *.edge.net\n"
	"[inside]\nports = tcp/8443\ntypes = TXT\nprivate = yes\nchurn = yes\nallow = in.ex.com\n";

static const char config[] =
	"[forward corp.test]\naddress = 10.0.0.1\n"
	"[profile default]\ncatalog = c\n"
	"[profile second]\nclients = 10.0.0.0/8\ncatalog = c\n"
	"[profile trusting]\nclients = 10.1.0.0/16\ncatalog = c\nchain = trust\n";

static struct snapshot *snap;
static struct learned *table;

static int group_setup(void **state)
{
	if (util_setup(state))
		return -1;
	util_text("c.ini", catalog);
	snap = snap_build(config, 1);
	return 0;
}

static int group_teardown(void **state)
{
	snapshot_release(snap);
	return util_teardown(state);
}

static int setup(void **state)
{
	table = learned_new(1024);
	return table ? 0 : -1;
}

static int teardown(void **state)
{
	learned_free(table);
	return 0;
}

static void attrs_of(const struct snapshot *s, const char *profile, const char *opener, struct attrs *attrs)
{
	struct name n = snap_name(opener);
	struct verdict v;

	decide(s, snap_profile(s, profile), &n, TYPE_A, &v);
	*attrs = v.attrs;
}

/* As the server does it: attrs are those of the opener, which may itself be learned. */
static void add(const char *profile, const char *name, const char *opener, bool inherited, uint64_t now, uint64_t until)
{
	const struct profile *p = snap_profile(snap, profile);
	struct name n = snap_name(name), o = snap_name(opener);
	struct attrs attrs = { 0 };
	uint64_t end;

	if (!inherited)
		attrs_of(snap, profile, opener, &attrs);
	else if (!learned_find(table, p, &o, now, &attrs, &end))
		attrs = (struct attrs){ 0 };
	learned_add(table, p, &n, &o, inherited, &attrs, now, until);
}

/* until 0: it may not be asked for. */
static void expect(const struct snapshot *s, const char *profile, const char *name, uint64_t now, uint64_t until,
		   const char *ports)
{
	struct name n = snap_name(name);
	uint64_t got = 0;
	struct attrs attrs = { 0 };
	char buf[512];
	bool found = learned_find(table, snap_profile(s, profile), &n, now, &attrs, &got);

	if (found != (until > 0))
		fail_msg("%s for %s at %llu: found %d", name, profile, (unsigned long long)now, found);
	if (!found)
		return;
	assert_int_equal(got, until);
	assert_string_equal(snap_ports(s, &attrs, buf), ports);
}

static void test_expiry(void **state)
{
	expect(snap, "default", "x.edge.net", 0, 0, NULL);
	assert_int_equal(learned_count(table, 0), 0);
	add("default", "x.edge.net", "www.ex.com", false, 1000, 5000);
	expect(snap, "default", "x.edge.net", 1000, 5000, "tcp/443");
	expect(snap, "default", "x.edge.net", 4999, 5000, "tcp/443");
	expect(snap, "default", "x.edge.net", 5000, 0, NULL);
	expect(snap, "default", "y.x.edge.net", 1000, 0, NULL);
	expect(snap, "default", "edge.net", 1000, 0, NULL);
	expect(snap, "default", "www.ex.com", 1000, 0, NULL);
	assert_int_equal(learned_count(table, 4999), 1);
	assert_int_equal(learned_count(table, 5000), 0);
}

static void test_day(void **state)
{
	add("default", "x.edge.net", "www.ex.com", false, 1000, 1000 + 3 * DAY_MS);
	expect(snap, "default", "x.edge.net", 1000, 1000 + DAY_MS, "tcp/443");
	/* an hour later it is a day from then */
	add("default", "x.edge.net", "www.ex.com", false, 3601000, 3 * DAY_MS);
	expect(snap, "default", "x.edge.net", 1000, 3601000 + DAY_MS, "tcp/443");
}

/* It ends never sooner than it was promised; ports and end belong together. */
static void test_extension(void **state)
{
	add("default", "x.edge.net", "www.ex.com", false, 0, 5000);
	add("default", "x.edge.net", "in.ex.com", false, 100, 4000);
	expect(snap, "default", "x.edge.net", 200, 5000, "tcp/443");
	add("default", "x.edge.net", "in.ex.com", false, 100, 6000);
	expect(snap, "default", "x.edge.net", 200, 6000, "tcp/8443");
	assert_int_equal(learned_count(table, 200), 1);
	/* one that has ended begins anew */
	add("default", "x.edge.net", "www.ex.com", false, 7000, 8000);
	expect(snap, "default", "x.edge.net", 7000, 8000, "tcp/443");
}

static void test_attrs(void **state)
{
	struct name x = snap_name("x.edge.net"), y = snap_name("y.edge.net");
	const struct profile *p = snap_profile(snap, "default");
	struct attrs attrs, want;
	uint64_t until;

	add("default", "x.edge.net", "in.ex.com", false, 0, 5000);
	add("default", "y.edge.net", "www.ex.com", false, 0, 5000);
	assert_true(learned_find(table, p, &x, 1, &attrs, &until));
	attrs_of(snap, "default", "in.ex.com", &want);
	assert_memory_equal(attrs.ports, want.ports, sizeof(attrs.ports));
	assert_int_equal(attrs.types, want.types);
	assert_true(attrs.types && attrs.private && attrs.churn);
	assert_true(learned_find(table, p, &y, 1, &attrs, &until));
	assert_false(attrs.types || attrs.private || attrs.churn);
}

static void test_profiles(void **state)
{
	add("default", "x.edge.net", "www.ex.com", false, 0, 5000);
	expect(snap, "second", "x.edge.net", 1, 0, NULL);
	add("second", "x.edge.net", "in.ex.com", false, 0, 7000);
	expect(snap, "default", "x.edge.net", 1, 5000, "tcp/443");
	expect(snap, "second", "x.edge.net", 1, 7000, "tcp/8443");
	assert_int_equal(learned_count(table, 1), 2);
}

/* What a learned name leads to lasts as long as the name itself, and opens what that one's opener opens. */
static void test_inherited(void **state)
{
	add("default", "x.edge.net", "www.ex.com", false, 0, 5000);
	add("default", "y.edge.net", "x.edge.net", true, 1000, 9000);
	expect(snap, "default", "y.edge.net", 1000, 5000, "tcp/443");
	/* asked for again and again, it leads on to itself and further, and ends all the same */
	add("default", "x.edge.net", "x.edge.net", true, 2000, 9000);
	add("default", "x.edge.net", "y.edge.net", true, 2000, 9000);
	add("default", "z.edge.net", "y.edge.net", true, 2000, 3000);
	expect(snap, "default", "x.edge.net", 2000, 5000, "tcp/443");
	expect(snap, "default", "z.edge.net", 2000, 3000, "tcp/443");
	/* an opener that nobody learned, or another profile did, opens nothing */
	add("default", "v.edge.net", "u.edge.net", true, 2000, 9000);
	expect(snap, "default", "v.edge.net", 2000, 0, NULL);
	add("second", "v.edge.net", "x.edge.net", true, 2000, 9000);
	expect(snap, "second", "v.edge.net", 2000, 0, NULL);
}

/* Who opened stands behind who was learned: with its entry gone, so are all that it led to, at any remove. */
static void test_inherited_opener(void **state)
{
	struct snapshot *after;

	add("default", "x.edge.net", "other.ex.com", false, 0, 5000);
	add("default", "y.edge.net", "x.edge.net", true, 0, 5000);
	add("default", "z.edge.net", "y.edge.net", true, 0, 5000);
	add("default", "w.edge.net", "www.ex.com", false, 0, 5000);
	add("default", "v.edge.net", "w.edge.net", true, 0, 5000);
	/* the same port has another place in the new snapshot's table */
	util_text("c.ini", "[first]\nports = tcp/1 tcp/2 tcp/443\nallow = first.ex.com\n"
		  "[web]\nports = tcp/444\nallow = www.ex.com\nchain = *.edge.net\n");
	after = snap_build(config, 2);
	learned_revise(table, after, 100);
	expect(after, "default", "x.edge.net", 100, 0, NULL);
	expect(after, "default", "y.edge.net", 100, 0, NULL);
	expect(after, "default", "z.edge.net", 100, 0, NULL);
	expect(after, "default", "w.edge.net", 100, 5000, "tcp/444");
	expect(after, "default", "v.edge.net", 100, 5000, "tcp/444");
	assert_int_equal(learned_count(table, 100), 2);
	snapshot_release(after);
	util_text("c.ini", catalog);
}

static void test_revise(void **state)
{
	struct snapshot *after;

	add("default", "x.edge.net", "www.ex.com", false, 0, 5000);
	add("default", "old.edge.net", "www.ex.com", false, 0, 50);
	add("default", "x.evil.org", "www.ex.com", false, 0, 5000);
	add("trusting", "x.evil.org", "www.ex.com", false, 0, 5000);
	add("trusting", "y.evil.org", "in.ex.com", false, 0, 5000);
	add("second", "x.edge.net", "www.ex.com", false, 0, 5000);
	add("default", "a.corp.test", "b.corp.test", false, 0, 5000);
	learned_revise(table, snap, 10);
	/* the same snapshot once more takes what it would not have let through, and no more */
	expect(snap, "default", "old.edge.net", 10, 50, "tcp/443");
	expect(snap, "default", "x.evil.org", 10, 0, NULL);
	assert_int_equal(learned_count(table, 10), 6);
	util_text("c.ini", "[new]\nports = udp/5000\nallow = www.ex.com other.ex.com\nchain = x.edge.net\n");
	after = snap_build("[profile default]\ncatalog = c\n[profile trusting]\nclients = 10.1.0.0/16\ncatalog = c\nchain = trust\n",
			   2);
	learned_revise(table, after, 100);
	expect(after, "default", "x.edge.net", 100, 5000, "udp/5000");
	expect(after, "trusting", "x.evil.org", 100, 5000, "udp/5000");
	expect(after, "trusting", "y.evil.org", 100, 0, NULL);
	expect(after, "default", "old.edge.net", 20, 0, NULL);
	expect(after, "default", "a.corp.test", 100, 0, NULL);
	/* a profile that is gone takes its names with it */
	expect(snap, "second", "x.edge.net", 100, 0, NULL);
	assert_int_equal(learned_count(table, 0), 2);
	snapshot_release(after);
	util_text("c.ini", catalog);
}

/* The table is bounded; among those who compete for a place the one that ends first gives way. */
static void test_bound(void **state)
{
	const struct profile *p = snap_profile(snap, "default");
	struct attrs attrs = { 0 };
	struct name opener = snap_name("www.ex.com");
	unsigned kept = 0;
	uint64_t until;

	for (unsigned i = 0; i < 5000; i++) {
		struct name n;
		char text[40];

		snprintf(text, sizeof(text), "n%u.edge.net", i);
		n = snap_name(text);
		/* the first 100 last longest */
		learned_add(table, p, &n, &opener, false, &attrs, 0, i < 100 ? DAY_MS : 1000 + i);
		assert_true(learned_find(table, p, &n, 1, &attrs, &until));
		attrs = (struct attrs){ 0 };
	}
	assert_true(learned_count(table, 1) <= 1024);
	assert_true(learned_count(table, 1) > 900);
	for (unsigned i = 0; i < 100; i++) {
		char text[40];
		struct name n;

		snprintf(text, sizeof(text), "n%u.edge.net", i);
		n = snap_name(text);
		kept += learned_find(table, p, &n, 1, &attrs, &until);
	}
	assert_int_equal(kept, 100);
}

/*
 * One writes, the others read: what is found belongs together. Every name is
 * written with `until` and all attributes made of one number.
 */
static struct name names[NAMES];
static atomic_bool done, torn;
static atomic_uint found[READERS];

static struct attrs attrs_from(uint64_t v)
{
	return (struct attrs){ { v, ~v, v * 3, v << 7 }, v ^ 0x55, v & 1, v & 2 };
}

static void *read_all(void *arg)
{
	const struct profile *p = snap_profile(snap, "default");
	atomic_uint *n = arg;

	while (!atomic_load(&done)) {
		for (unsigned i = 0; i < NAMES; i++) {
			struct attrs attrs, want;
			uint64_t until;

			if (!learned_find(table, p, &names[i], 1, &attrs, &until))
				continue;
			want = attrs_from(until);
			if (memcmp(attrs.ports, want.ports, sizeof(want.ports)) || attrs.types != want.types ||
			    attrs.private != want.private || attrs.churn != want.churn)
				atomic_store(&torn, true);
			atomic_fetch_add(n, 1);
		}
	}
	return NULL;
}

static void *write_others(void *arg)
{
	const struct profile *p = snap_profile(snap, "second");

	for (unsigned i = 0; !atomic_load(&done); i++) {
		struct attrs attrs = attrs_from(i);

		learned_add(table, p, &names[i % NAMES], &names[0], false, &attrs, 0, 1000 + i);
		if (i % 64 == 0)
			learned_count(table, 0);
	}
	return arg;
}

static bool all_found(unsigned least)
{
	for (unsigned i = 0; i < READERS; i++)
		if (atomic_load(&found[i]) < least)
			return false;
	return true;
}

/* Until every reader has found enough, at most a minute. */
static void write_until_found(void)
{
	const struct profile *p = snap_profile(snap, "default");
	uint64_t deadline = clock_now().mono_us + 60 * CLOCK_S;

	/* revised at the end of all time, so that nothing stays: the attributes are made up */
	for (uint64_t v = 2; v < WRITES || !all_found(WRITES); v++) {
		struct attrs attrs = attrs_from(v);

		learned_add(table, p, &names[v % NAMES], &names[0], false, &attrs, 0, v);
		if (v % 4096 == 0)
			learned_revise(table, snap, DAY_MS);
		if (atomic_load(&torn))
			fail_msg("attributes of another time than their end");
		if (v % 1024 == 0)
			assert_true(clock_now().mono_us < deadline);
	}
}

static void test_threads(void **state)
{
	pthread_t reader[READERS], writer;

	for (unsigned i = 0; i < NAMES; i++) {
		char text[40];

		snprintf(text, sizeof(text), "n%u.edge.net", i);
		names[i] = snap_name(text);
	}
	/* fewer places than names: slots change hands while they are read */
	learned_free(table);
	table = learned_new(32);
	assert_non_null(table);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&reader[i], NULL, read_all, &found[i]), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_others, NULL), 0);
	write_until_found();
	atomic_store(&done, true);
	pthread_join(writer, NULL);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(reader[i], NULL);
}

/* With what opened it, and by itself; the rest stays. */
static void test_forget(void **state)
{
	struct name www = snap_name("www.ex.com"), x = snap_name("x.edge.net"), below = snap_name("ex.com");

	add("default", "x.edge.net", "www.ex.com", false, 0, 5000);
	add("second", "x.edge.net", "www.ex.com", false, 0, 5000);
	add("default", "y.edge.net", "x.edge.net", true, 0, 5000);
	add("default", "z.edge.net", "other.ex.com", false, 0, 5000);
	learned_forget(table, &below);
	assert_int_equal(learned_count(table, 1), 4);
	learned_forget(table, &x);
	expect(snap, "default", "x.edge.net", 1, 0, NULL);
	expect(snap, "second", "x.edge.net", 1, 0, NULL);
	expect(snap, "default", "y.edge.net", 1, 5000, "tcp/443");
	learned_forget(table, &www);
	expect(snap, "default", "y.edge.net", 1, 0, NULL);
	expect(snap, "default", "z.edge.net", 1, 5000, "tcp/443");
	add("default", "x.edge.net", "www.ex.com", false, 0, 6000);
	expect(snap, "default", "x.edge.net", 1, 6000, "tcp/443");
	learned_forget(table, NULL);
	assert_int_equal(learned_count(table, 1), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_expiry), TEST(test_day), TEST(test_extension), TEST(test_attrs), TEST(test_profiles),
		TEST(test_inherited), TEST(test_inherited_opener), TEST(test_revise), TEST(test_bound), TEST(test_forget),
		TEST(test_threads),
	};

	return cmocka_run_group_tests_name("state_learned", tests, group_setup, group_teardown);
}
