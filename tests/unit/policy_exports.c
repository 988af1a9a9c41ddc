/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include <sys/wait.h>

#include "base/hash.h"

#define KINDS \
	"[export both]\nset4 = inet t a4\nset6 = inet t a6\n" \
	"[export four]\nset4 = inet t b4\n" \
	"[export six]\nkind = ipset\nset6 = b6\n" \
	"[export list]\nkind = file\npath = x.json\n" \
	"[export script]\nkind = file\npath = x.nft\nset6 = inet t a6\n" \
	"[export told]\nkind = socket\npath = x.sock\n" \
	"[export told4]\nkind = socket\npath = y.sock\nset4 = any\n" \
	"[profile default]\nexport = told4 both\n" \
	"[profile none]\nclients = 10.0.0.1\n" \
	"[profile six]\nclients = 10.0.0.2\nexport = six script\n" \
	"[profile mixed]\nclients = 10.0.0.3\nexport = six four\n" \
	"[profile list]\nclients = 10.0.0.4\nexport = list\n"

static int setup(void **state)
{
	hash_init();
	if (util_setup(state))
		return -1;
	util_text("windows-update.ini", "[a]\nallow = a.example.com\n");
	return 0;
}

static void test_bits(void **state)
{
	struct snapshot *s = snap_build(KINDS, 1);

	assert_int_equal(s->exports->n, 7);
	assert_string_equal(s->exports->v[2].name.text, "six");
	assert_int_equal(s->profiles[0].exports, 1 << 6 | 1 << 0);
	assert_int_equal(snap_profile(s, "none")->exports, 0);
	assert_int_equal(snap_profile(s, "six")->exports, 1 << 2 | 1 << 4);
	snapshot_release(s);
}

static void test_takes(void **state)
{
	static const unsigned want[] = { 3, 1, 2, 3, 2, 3, 1 };
	struct snapshot *s = snap_build(KINDS, 1);

	for (size_t i = 0; i < s->exports->n; i++)
		for (unsigned f = EXPORT_V4; f <= EXPORT_V6; f++)
			assert_int_equal(export_takes(&s->exports->v[i], f), want[i] >> f & 1);
	assert_int_equal(snapshot_families(s, &s->profiles[0]), 3);
	assert_int_equal(snapshot_families(s, snap_profile(s, "none")), 3);
	assert_int_equal(snapshot_families(s, snap_profile(s, "six")), 2);
	assert_int_equal(snapshot_families(s, snap_profile(s, "mixed")), 3);
	assert_int_equal(snapshot_families(s, snap_profile(s, "list")), 3);
	snapshot_release(s);
}

static uint64_t hash_of(const char *text)
{
	struct snapshot *s = snap_build(text, 1);
	uint64_t h = s->exports->hash;

	assert_int_not_equal(h, 0);
	snapshot_release(s);
	return h;
}

#define A "[export a]\nset4 = inet t s\n"

static void test_hash(void **state)
{
	/* each says something else than every other */
	static const char *const texts[] = {
		"", A, "private = 203.0.112.0/24\n" A, "private = 203.0.112.0/23\n" A, "private = 2001:db8::/32\n" A,
		"[export b]\nset4 = inet t s\n", A "set6 = inet t s6\n", "[export a]\nset6 = inet t s\n",
		"[export a]\nset4 = ip t s\n", "[export a]\nset4 = inet ts s\n", "[export a]\nset4 = inet t ss\n",
		"[export a]\nkind = ipset\nset4 = s\n", "[export a]\nkind = socket\npath = /p\nset4 = inet t s\n",
		"[export a]\nkind = socket\npath = /pp\nset4 = inet t s\n", A "create = yes\n", A "key = service\n",
		A "key = client\n", A "size = 7\n", A "min-time = 61s\n", A "grace = 61s\n", A "deadline = 51s\n",
		A "on-failure = answer\n", A "refresh = update\n", A "refresh = replace\n", A "private = yes\n",
		A "follow = conntrack\n", A "follow-max = 2h\n", A "[export c]\nset4 = inet t c\n",
		A "[cache]\nmax-ttl = 1h\n", A "[cache]\nmin-ttl = 9s\n",
	};
	uint64_t h[ARRAY_SIZE(texts)];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		h[i] = hash_of(texts[i]);
		for (size_t k = 0; k < i; k++)
			if (h[i] == h[k])
				fail_msg("alike:\n%s\nand\n%s", texts[i], texts[k]);
		assert_true(hash_of(texts[i]) == h[i]);
	}
	/* what is not of the exports, where things stand, and defaults that are written make no difference */
	assert_true(hash_of("# more\n\n[cache]\nsize = 1M\n" A "kind = nftables\ngrace = 5m\npath =\n"
			    "[profile default]\nexport = a\n") == h[1]);
}

/* Server and agent are processes that read the same file each for itself. */
static void test_two_processes(void **state)
{
	uint64_t mine = hash_of(KINDS), theirs = 0;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* other addresses than before */
		void *held = malloc(100000);

		theirs = hash_of(KINDS);
		_exit(!held || write(fds[1], &theirs, sizeof(theirs)) != sizeof(theirs));
	}
	assert_int_equal(read(fds[0], &theirs, sizeof(theirs)), sizeof(theirs));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(mine == theirs);
	close(fds[0]);
	close(fds[1]);
}

static void warned(const char *text, bool hygiene, const char *want)
{
	struct diag_list *d = diag_new();
	char *whole = NULL;

	assert_true(asprintf(&whole, "[server]\nzones = %s\n%s", util_dir, text) > 0);
	snapshot_release(snapshot_build(&(struct snapshot_options){ .path = util_text("postern.conf", whole),
								     .path_written = true, .hygiene = hygiene }, d));
	util_expect(d, want);
	diag_free(d);
	free(whole);
}

static void test_warnings(void **state)
{
	static const char source[] = "[catalog]\nsource = s\n[a]\nports = tcp/80\nsource = s\nallow = a.example.com\n";

	util_text("windows-update.ini", source);
	warned(A "[export b]\nset6 = inet t s6\n[export c]\nset6 = inet t s7\n[profile default]\nexport = a\n"
	       "[profile p]\nclients = 10.0.0.1\nexport = c\n[profile q]\nclients = 10.0.0.2\nexport = a\naaaa = no\n"
	       "[profile r]\nclients = 10.0.0.3\n[profile s]\nclients = 10.0.0.4\nexport = a c\n", true,
	       "postern.conf:5: warning: [export b]: no profile names it [unused]\n"
	       "postern.conf:10: warning: profile default: none of its exports has set6, so IPv6 addresses are taken out of "
	       "its answers (aaaa = no says that this is meant) [no-set]\n"
	       "postern.conf:13: warning: profile p: none of its exports has set4, so IPv4 addresses are taken out of its "
	       "answers [no-set]\n");
	warned(A "[profile default]\nexport = a\n", false, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits), cmocka_unit_test(test_takes), cmocka_unit_test(test_hash),
		cmocka_unit_test(test_two_processes), cmocka_unit_test(test_warnings),
	};

	return cmocka_run_group_tests_name("policy_exports", tests, setup, util_teardown);
}
