/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../unit/policy_naive.h"
#include "fuzz.h"
#include "policy/catalog.h"

#define FUZZ_ARENA ((size_t)256 << 20)
#define NAMES 24

/*
 * The first byte: bit 0 an INI file or a list, bit 1 with the warnings of `check`. The rest is a catalogue: read,
 * compiled, and asked for names made of its own patterns and words, against a matcher that goes through all entries.
 */

static int fd = -1;
static char folder[64], ini[80];

static void clean_up(void)
{
	unlink(ini);
	rmdir(folder);
}

/* A catalogue is INI by its name alone: a link with such a name to a file in memory. */
static void set_up(void)
{
	char target[40];

	CHECK((fd = memfd_create("catalog", MFD_CLOEXEC)) >= 0);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	snprintf(folder, sizeof(folder), "/tmp/postern-fuzz-XXXXXX");
	CHECK(mkdtemp(folder));
	snprintf(ini, sizeof(ini), "%s/x.ini", folder);
	CHECK(!symlink(target, ini) && !atexit(clean_up));
}

static const struct catalog *build(struct arena *a, struct diag_list *d, const char *path, bool hygiene,
				   struct choice *choice)
{
	struct conf_catalog file = { { "x", 1 }, { path, 1 } };
	struct conf conf = { .path = "conf", .catalogs = &file, .n_catalogs = 1 };
	struct conf_str name = { "x", 1 };
	struct catalog_build *b = catalog_build_new(a, &conf, d);
	const struct catalog *c;

	CHECK(b && catalog_choose(b, &(struct conf_strs){ &name, 1, 1 }, "conf"));
	CHECK(c = catalog_finish(b, choice, hygiene));
	return c;
}

static void check_entries(const struct catalog *c)
{
	char text[256];

	for (uint32_t i = 0; i < c->n_entries; i++) {
		const struct entry *e = &c->entries[i];
		struct pattern p;

		CHECK(e->group < c->n_groups);
		catalog_entry_text(c, i, text);
		CHECK(!pattern_parse(&p, text, strlen(text), NULL, 0));
		CHECK(p.dot == e->dot && !memcmp(p.wire, c->text + e->wire, p.len));
		CHECK(pattern_covers(&p, &p));
	}
}

static void check_find(const struct catalog *c, const struct choice *choice, const struct name *n)
{
	struct match m;
	bool any[2] = { false, false };
	uint32_t best[2];

	catalog_find(c, choice, n, &m);
	best[ROLE_ALLOW] = m.allow;
	best[ROLE_CHAIN] = m.chain;
	for (uint32_t i = 0; i < c->n_entries; i++) {
		const struct entry *e = &c->entries[i], *b;
		char text[256];
		int d;

		if (naive_match(catalog_entry_text(c, i, text), n) != pattern_match_wire(c->text + e->wire, e->dot, n))
			CHECK(!"the naive matcher says so");
		if (!pattern_match_wire(c->text + e->wire, e->dot, n))
			continue;
		any[e->role] = true;
		CHECK(best[e->role] != ENTRY_NONE);
		b = &c->entries[best[e->role]];
		d = pattern_compare(c->text + b->wire, b->dot, c->text + e->wire, e->dot);
		CHECK(d < 0 || (d == 0 && best[e->role] <= i));
	}
	CHECK(any[ROLE_ALLOW] == (m.allow != ENTRY_NONE) && any[ROLE_CHAIN] == (m.chain != ENTRY_NONE));
}

/* Names that patterns take, and words of the input with what stands around them. */
static void check_names(const struct catalog *c, const struct choice *choice, const uint8_t *data, size_t size)
{
	struct name n, parent;
	size_t i, from = 0, done = 0;

	for (i = 0; i < c->n_entries && i < NAMES; i++) {
		const struct entry *e = &c->entries[i];

		for (unsigned below = 0; below <= e->dot; below++) {
			if (!pattern_sample(&n, c->text + e->wire, below))
				continue;
			CHECK(pattern_match_wire(c->text + e->wire, e->dot, &n));
			check_find(c, choice, &n);
			name_parent(&parent, &n, 1);
			check_find(c, choice, &parent);
		}
	}
	for (i = 0; i <= size && done < NAMES; i++) {
		if (i < size && data[i] > ' ')
			continue;
		if (i > from && !name_from_text(&n, (const char *)data + from, i - from)) {
			check_find(c, choice, &n);
			done++;
		}
		from = i + 1;
	}
}

/* A naive matcher takes time that grows with the power of the stars. */
static bool modest(const struct catalog *c)
{
	for (size_t i = 0; i < c->n_entries; i++) {
		char text[256];
		unsigned stars = 0;

		catalog_entry_text(c, (uint32_t)i, text);
		for (const char *p = text; *p; p++)
			stars += *p == '*';
		if (stars > 6)
			return false;
	}
	return c->n_entries < 200;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a;
	struct diag_list *d;
	struct choice choice;
	const struct catalog *c;
	char list[40];

	if (!size)
		return 0;
	if (fd < 0)
		set_up();
	CHECK((a = arena_new(FUZZ_ARENA)) && (d = diag_new()));
	CHECK(!ftruncate(fd, 0) && pwrite(fd, data + 1, size - 1, 0) == (ssize_t)size - 1);
	snprintf(list, sizeof(list), "/proc/self/fd/%d", fd);
	c = build(a, d, data[0] & 1 ? ini : list, data[0] & 2, &choice);
	check_entries(c);
	if (modest(c))
		check_names(c, &choice, data + 1, size - 1);
	diag_free(d);
	arena_free(a);
	return 0;
}
