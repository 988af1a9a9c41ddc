/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include "io_help.h"

static char top[64];
static struct watch *watch;
static unsigned changes, seen;

static int setup(void **state)
{
	changes = seen = 0;
	watch = NULL;
	snprintf(top, sizeof(top), "/tmp/postern-watch-XXXXXX");
	return mkdtemp(top) ? help_setup(state) : -1;
}

static int teardown(void **state)
{
	char cmd[100];

	watch_close(watch);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd) ? -1 : help_teardown(state);
}

static void on_change(void *ctx)
{
	assert_ptr_equal(ctx, top);
	changes++;
}

/* A path below the test's folder; four at a time. */
static const char *at(const char *name)
{
	static char buf[4][128];
	static unsigned n;
	char *p = buf[n++ % 4];

	snprintf(p, sizeof(buf[0]), "%s/%s", top, name);
	return p;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void move(const char *from, const char *to)
{
	assert_int_equal(rename(at(from), at(to)), 0);
}

static void folder(const char *name)
{
	assert_int_equal(mkdir(at(name), 0755), 0);
}

static void lead(const char *target, const char *name)
{
	assert_int_equal(symlink(target, at(name)), 0);
}

static void start(const char *name)
{
	watch = watch_file(loop, at(name), on_change, top);
	assert_non_null(watch);
}

static bool changed(void)
{
	return changes > seen;
}

/* The change before is noticed; what it brings besides is let pass. */
static void noticed(void)
{
	help_until(changed);
	help_turn(5);
	seen = changes;
}

static void quiet(void)
{
	help_turn(10);
	assert_int_equal(changes, seen);
}

static void test_write_and_replace(void **state)
{
	put("file", "one");
	put("other", "one");
	start("file");
	quiet();
	put("file", "two");
	noticed();
	put("file.new", "three");
	quiet();
	move("file.new", "file");
	noticed();
	/* The watch is not left with the old file. */
	put("file", "four");
	noticed();
	assert_int_equal(unlink(at("file")), 0);
	noticed();
	put("file", "five");
	noticed();
	put("other", "two");
	quiet();
}

static void test_link_switch(void **state)
{
	folder("a");
	folder("b");
	put("a/real", "a");
	put("b/real", "b");
	lead("a/real", "file");
	start("file");
	put("a/real", "more");
	noticed();
	/* Switched as ln -sf and kubelet do. */
	lead("b/real", "file.tmp");
	move("file.tmp", "file");
	noticed();
	put("b/real", "more");
	noticed();
	/* The old target is of no concern any more. */
	put("a/real", "again");
	quiet();
	put("b/real.new", "new");
	quiet();
	move("b/real.new", "b/real");
	noticed();
}

/* A link on the way, and a chain of links with absolute ones and "..". */
static void test_link_in_path(void **state)
{
	folder("v1");
	folder("v2");
	folder("etc");
	put("v1/conf", "1");
	put("v2/conf", "2");
	lead("v1", "current");
	lead("../current/conf", "etc/second");
	lead(at("etc/second"), "etc/conf");
	start("etc/../etc/./conf");
	quiet();
	lead("v2", "current.tmp");
	move("current.tmp", "current");
	noticed();
	put("v2/conf", "3");
	noticed();
	put("v1/conf", "4");
	quiet();
	assert_int_equal(unlink(at("etc/second")), 0);
	noticed();
	put("etc/second", "5");
	noticed();
}

static void test_missing(void **state)
{
	start("a/b/file");
	quiet();
	folder("a");
	noticed();
	folder("a/b");
	noticed();
	put("a/b/file", "one");
	noticed();
	put("a/b/file", "two");
	noticed();
	/* The folder goes and comes again. */
	assert_int_equal(unlink(at("a/b/file")), 0);
	noticed();
	assert_int_equal(rmdir(at("a/b")), 0);
	noticed();
	folder("a/b");
	noticed();
	put("a/b/file", "three");
	noticed();
}

/* The folder is replaced by another of the same name. */
static void test_folder_replaced(void **state)
{
	folder("zones");
	put("zones/file", "one");
	start("zones/file");
	folder("new");
	put("new/file", "two");
	move("zones", "old");
	move("new", "zones");
	noticed();
	put("zones/file", "three");
	noticed();
	put("old/file", "four");
	quiet();
}

static void test_dangling_and_loop(void **state)
{
	lead("nowhere", "file");
	lead("one", "two");
	lead("two", "one");
	start("file");
	put("nowhere", "now");
	noticed();
	watch_close(watch);
	watch = watch_file(loop, at("one"), on_change, top);
	assert_non_null(watch);
	assert_int_equal(unlink(at("two")), 0);
	noticed();
	put("two", "now");
	noticed();
}

/* The folder itself may be what is watched, for what happens to it, and a relative path. */
static void test_relative(void **state)
{
	char was[256];

	assert_non_null(getcwd(was, sizeof(was)));
	assert_int_equal(chdir(top), 0);
	watch = watch_file(loop, "file", on_change, top);
	assert_non_null(watch);
	assert_int_equal(chdir(was), 0);
	put("file", "one");
	noticed();
}

static void close_it(void *ctx)
{
	changes++;
	watch_close(watch);
	watch = NULL;
}

static void test_close_within(void **state)
{
	struct watch *second;

	put("file", "one");
	watch = watch_file(loop, at("file"), close_it, NULL);
	second = watch_file(loop, at("file"), on_change, top);
	move("file", "gone");
	noticed();
	assert_null(watch);
	put("file", "two");
	noticed();
	watch_close(second);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_write_and_replace), T(test_link_switch), T(test_link_in_path), T(test_missing),
		T(test_folder_replaced), T(test_dangling_and_loop), T(test_relative), T(test_close_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
