/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chain_util.h"

/* A small table and its permutations; tests/replay does the rest. */

#define A1 "x.edge.net. 60 IN A 192.0.2.1\n"
#define TO_EDGE "www.ex.com. 300 IN CNAME x.edge.net.\n"
#define SOA_NET "net. 900 IN SOA a.net. b.net. 1 2 3 4 50\n"

static void test_links(void **state)
{
	static const struct example table[] = {
		{ "default", "www.ex.com", TYPE_A, "www.ex.com. 60 IN A 192.0.2.1\n",
		  "pass 60\nNOERROR\nwww.ex.com. 60 IN A 192.0.2.1\n" },
		{ "default", "www.ex.com", TYPE_A, TO_EDGE A1, "pass 60\nNOERROR\n" TO_EDGE A1 },
		{ "default", "www.ex.com", TYPE_A, TO_EDGE "x.edge.net. 5 IN CNAME y.ok.ex.com.\ny.ok.ex.com. 5000 IN A 192.0.2.1\n",
		  "pass 10\nNOERROR\n" TO_EDGE "x.edge.net. 10 IN CNAME y.ok.ex.com.\ny.ok.ex.com. 1000 IN A 192.0.2.1\n" },
		/* owners, sections and types that are not the question's */
		{ "default", "www.ex.com", TYPE_A,
		  TO_EDGE A1 "y.edge.net. 60 IN A 192.0.2.9\nx.edge.net. 60 IN AAAA 2001:db8::1\nns edge.net. 60 IN NS ns.edge.net.\n"
		  "ns x.edge.net. 60 IN A 192.0.2.8\nar x.edge.net. 60 IN A 192.0.2.7\nwww.ex.com. 60 IN A 192.0.2.6\n",
		  "pass 60\nNOERROR\n" TO_EDGE A1 },
		/* the bend, at each link */
		{ "default", "www.ex.com", TYPE_A, "www.ex.com. 60 IN CNAME evil.org.\nevil.org. 60 IN A 192.0.2.1\n",
		  "blocked: evil.org\n" },
		{ "default", "www.ex.com", TYPE_A, TO_EDGE "x.edge.net. 60 IN CNAME evil.org.\nevil.org. 60 IN A 192.0.2.1\n",
		  "blocked: evil.org\n" },
		{ "default", "www.ex.com", TYPE_A, TO_EDGE "x.edge.net. 60 IN CNAME evil.org.\nevil.org. 60 IN CNAME y.edge.net.\n"
		  "y.edge.net. 60 IN A 192.0.2.1\n", "blocked: evil.org\n" },
		{ "default", "www.ex.com", TYPE_A, TO_EDGE "x.edge.net. 60 IN CNAME edge.net.\n", "blocked: edge.net\n" },
		{ "trusting", "www.ex.com", TYPE_A, "www.ex.com. 60 IN CNAME evil.org.\nevil.org. 60 IN A 192.0.2.1\n",
		  "pass 60\nNOERROR\nwww.ex.com. 60 IN CNAME evil.org.\nevil.org. 60 IN A 192.0.2.1\n" },
		{ "default", "www.ex.com", TYPE_CNAME, TO_EDGE A1, "pass 300\nNOERROR\n" TO_EDGE },
		{ "default", "www.ex.com", TYPE_CNAME, "www.ex.com. 60 IN CNAME evil.org.\n", "blocked: evil.org\n" },
		{ "default", "a.corp.test", TYPE_A, "a.corp.test. 60 IN CNAME b.far.test.\nb.far.test. 60 IN A 10.0.0.9\n",
		  "pass 60\nNOERROR\na.corp.test. 60 IN CNAME b.far.test.\nb.far.test. 60 IN A 10.0.0.9\n" },
		{ "default", "a.corp.test", TYPE_A, "a.corp.test. 60 IN CNAME evil.org.\nevil.org. 60 IN A 10.0.0.9\n",
		  "blocked: evil.org\n" },
		/* malformed */
		{ "default", "www.ex.com", TYPE_A, "www.ex.com. 60 IN CNAME www.ex.com.\n",
		  "bad: more than 16 links, or a loop\n" },
		{ "default", "www.ex.com", TYPE_A, TO_EDGE "x.edge.net. 60 IN CNAME www.ex.com.\n",
		  "bad: more than 16 links, or a loop\n" },
		{ "default", "www.ex.com", TYPE_A, TO_EDGE "www.ex.com. 60 IN CNAME y.edge.net.\n" A1,
		  "bad: several CNAMEs or DNAMEs for one name\n" },
		{ "default", "www.ex.com", TYPE_A, A1, "bad: records, but none of the chain\n" },
		{ "default", "www.ex.com", TYPE_A, "SERVFAIL\n", "bad: an error code\n" },
		{ "default", "www.ex.com", TYPE_A, "NXDOMAIN\nwww.ex.com. 60 IN A 192.0.2.1\n",
		  "bad: records of a name that it says does not exist\n" },
	};

	check_all(table, ARRAY_SIZE(table), false);
}

static void test_dname(void **state)
{
#define DNAME "ok.ex.com. 100 IN DNAME edge.net.\n"
#define MADE "x.ok.ex.com. 100 IN CNAME x.edge.net.\n"
	static const struct example table[] = {
		{ "default", "x.ok.ex.com", TYPE_A, DNAME MADE A1, "pass 60\nNOERROR\n" DNAME MADE A1 },
		{ "default", "x.ok.ex.com", TYPE_A, DNAME A1, "pass 60\nNOERROR\n" DNAME MADE A1 },
		{ "default", "x.ok.ex.com", TYPE_A, "ok.ex.com. 100 IN DNAME evil.org.\nx.evil.org. 60 IN A 192.0.2.1\n",
		  "blocked: x.evil.org\n" },
		{ "default", "x.ok.ex.com", TYPE_A, DNAME "x.ok.ex.com. 100 IN CNAME y.edge.net.\n",
		  "bad: CNAME and DNAME disagree\n" },
		/* the name that owns a DNAME is not below it; nor is one that only ends alike */
		{ "default", "x.ok.ex.com", TYPE_A, "x.ok.ex.com. 60 IN DNAME evil.org.\nx.ok.ex.com. 60 IN A 192.0.2.1\n",
		  "pass 60\nNOERROR\nx.ok.ex.com. 60 IN A 192.0.2.1\n" },
		{ "default", "www.ex.com", TYPE_A, "w.ex.com. 60 IN DNAME evil.org.\nwww.ex.com. 60 IN A 192.0.2.1\n",
		  "pass 60\nNOERROR\nwww.ex.com. 60 IN A 192.0.2.1\n" },
		/* asked for itself: its target is judged as a CNAME's is */
		{ "default", "www.ex.com", TYPE_DNAME, "www.ex.com. 60 IN DNAME x.edge.net.\n",
		  "pass 60\nNOERROR\nwww.ex.com. 60 IN DNAME x.edge.net.\n" },
		{ "default", "www.ex.com", TYPE_DNAME, "www.ex.com. 60 IN DNAME evil.org.\n", "blocked: evil.org\n" },
	};

	check_all(table, ARRAY_SIZE(table), false);
}

/* Two DNAMEs above one name contradict each other; which stands first must not choose. */
static void test_two_dnames(void **state)
{
	static const char *const text[] = {
		"ex.com. 100 IN DNAME edge.net.\nok.ex.com. 100 IN DNAME z.edge.net.\n",
		"ok.ex.com. 100 IN DNAME z.edge.net.\nok.ex.com. 100 IN DNAME edge.net.\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		struct packet p;
		char *first;

		read_packet(&p, "x.ok.ex.com", TYPE_A, text[i]);
		first = walk(&p, "default", false, false);
		permute(&p, "default", false, first);
		free(first);
		free_packet(&p);
	}
}

static void test_negative(void **state)
{
	static const struct example table[] = {
		{ "default", "www.ex.com", TYPE_A, "", "pass negative 1000\nNOERROR\n" },
		{ "default", "www.ex.com", TYPE_A, "NXDOMAIN\n", "pass negative 1000\nNXDOMAIN\n" },
		{ "default", "www.ex.com", TYPE_A, "ns ex.com. 900 IN SOA a.ex.com. b.ex.com. 1 2 3 4 50\n",
		  "pass negative 50\nNOERROR\nns ex.com. 50 IN SOA a.ex.com. b.ex.com. 1 2 3 4 50\n" },
		{ "default", "www.ex.com", TYPE_A, "ns ex.com. 20 IN SOA a.ex.com. b.ex.com. 1 2 3 4 50\n",
		  "pass negative 20\nNOERROR\nns ex.com. 20 IN SOA a.ex.com. b.ex.com. 1 2 3 4 50\n" },
		{ "default", "www.ex.com", TYPE_A, "ns ex.org. 20 IN SOA a.ex.com. b.ex.com. 1 2 3 4 50\n",
		  "pass negative 1000\nNOERROR\n" },
		{ "default", "www.ex.com", TYPE_A, TO_EDGE "NXDOMAIN\nns " SOA_NET,
		  "pass negative 50\nNXDOMAIN\n" TO_EDGE "ns net. 50 IN SOA a.net. b.net. 1 2 3 4 50\n" },
		{ "default", "www.ex.com", TYPE_A, TO_EDGE "ns com. 20 IN SOA a.com. b.com. 1 2 3 4 50\n",
		  "pass negative 300\nNOERROR\n" TO_EDGE },
		/* a positive answer needs none */
		{ "default", "www.ex.com", TYPE_A, TO_EDGE A1 "ns " SOA_NET, "pass 60\nNOERROR\n" TO_EDGE A1 },
	};

	check_all(table, ARRAY_SIZE(table), false);
}

static void test_addresses(void **state)
{
	static const struct example table[] = {
		{ "default", "www.ex.com", TYPE_A, "www.ex.com. 60 IN A 10.0.0.1\nwww.ex.com. 60 IN A 192.0.2.1\n",
		  "pass filtered 60\nNOERROR\nwww.ex.com. 60 IN A 192.0.2.1\n" },
		{ "default", "www.ex.com", TYPE_A, "www.ex.com. 60 IN A 127.0.0.1\n", "pass negative filtered 1000\nNOERROR\n" },
		{ "trusting", "www.ex.com", TYPE_A, TO_EDGE "x.edge.net. 60 IN A 192.168.0.1\n",
		  "pass negative filtered 300\nNOERROR\n" TO_EDGE },
		{ "watched", "www.ex.com", TYPE_A, "www.ex.com. 60 IN A 10.0.0.1\n", "pass negative filtered 1000\nNOERROR\n" },
		{ "default", "www.ex.com", TYPE_AAAA, "www.ex.com. 60 IN AAAA 64:ff9b::a00:1\nwww.ex.com. 60 IN AAAA ::ffff:10.0.0.1\n"
		  "www.ex.com. 60 IN AAAA 2001:db8::1\n",
		  "pass filtered 60\nNOERROR\nwww.ex.com. 60 IN AAAA 2001:db8::1\n" },
		/* who answered decides, or the question's entry; not the link's */
		{ "default", "in.ex.com", TYPE_A, "in.ex.com. 60 IN A 10.0.0.1\n",
		  "pass 60\nNOERROR\nin.ex.com. 60 IN A 10.0.0.1\n" },
		{ "default", "www.ex.com", TYPE_A, "www.ex.com. 60 IN CNAME in.ex.com.\nin.ex.com. 60 IN A 10.0.0.1\n",
		  "pass negative filtered 60\nNOERROR\nwww.ex.com. 60 IN CNAME in.ex.com.\n" },
		{ "default", "a.corp.test", TYPE_A, "a.corp.test. 60 IN A 10.0.0.1\n",
		  "pass 60\nNOERROR\na.corp.test. 60 IN A 10.0.0.1\n" },
		{ "default", "a.far.test", TYPE_A, "a.far.test. 60 IN A 10.0.0.1\n", "pass negative filtered 1000\nNOERROR\n" },
	};

	check_all(table, ARRAY_SIZE(table), false);
}

#define SIG(owner, type) owner " 60 IN RRSIG " type " 8 2 60 20300101000000 20200101000000 1 ex.com. AAAA\n"

/* Addresses of a family that no set takes; whatever the profile says, and whose they are. */
static void test_families(void **state)
{
#define A4 "www.ex.com. 60 IN A 192.0.2.1\n"
#define A6 "www.ex.com. 60 IN AAAA 2001:db8::1\n"
	static const struct example four[] = {
		{ "default", "www.ex.com", TYPE_A, A4, "pass 60\nNOERROR\n" A4 },
		{ "default", "www.ex.com", TYPE_AAAA, A6, "pass negative filtered 1000\nNOERROR\n" },
		{ "trusting", "www.ex.com", TYPE_AAAA, A6, "pass negative filtered 1000\nNOERROR\n" },
		{ "watched", "www.ex.com", TYPE_AAAA, A6, "pass negative filtered 1000\nNOERROR\n" },
		{ "default", "a.corp.test", TYPE_AAAA, "a.corp.test. 60 IN AAAA fd00::1\n",
		  "pass negative filtered 1000\nNOERROR\n" },
		{ "default", "www.ex.com", TYPE_AAAA, TO_EDGE "x.edge.net. 60 IN AAAA 2001:db8::1\n",
		  "pass negative filtered 300\nNOERROR\n" TO_EDGE },
	};
	static const struct example six[] = {
		{ "default", "www.ex.com", TYPE_AAAA, A6, "pass 60\nNOERROR\n" A6 },
		{ "default", "www.ex.com", TYPE_A, A4, "pass negative filtered 1000\nNOERROR\n" },
	};

	families = 1 << EXPORT_V4;
	check_all(four, ARRAY_SIZE(four), false);
	assert_string_equal(chain.why, CHAIN_NO_SET);
	families = 1 << EXPORT_V6;
	check_all(six, ARRAY_SIZE(six), false);
	families = EXPORT_BOTH;
}

static void test_dnssec(void **state)
{
	static const struct example with[] = {
		{ "default", "www.ex.com", TYPE_A, TO_EDGE A1 SIG("www.ex.com.", "CNAME") SIG("x.edge.net.", "A")
		  SIG("y.edge.net.", "A") SIG("x.edge.net.", "AAAA"),
		  "pass 60\nNOERROR\n" TO_EDGE A1 SIG("www.ex.com.", "CNAME") SIG("x.edge.net.", "A") },
		/* what was changed is signed no longer */
		{ "default", "www.ex.com", TYPE_A, TO_EDGE A1 "x.edge.net. 60 IN A 10.0.0.1\n" SIG("www.ex.com.", "CNAME")
		  SIG("x.edge.net.", "A"), "pass filtered 60\nNOERROR\n" TO_EDGE A1 SIG("www.ex.com.", "CNAME") },
	}, without[] = {
		{ "default", "www.ex.com", TYPE_A, TO_EDGE A1 SIG("www.ex.com.", "CNAME") SIG("x.edge.net.", "A"),
		  "pass 60\nNOERROR\n" TO_EDGE A1 },
	};
	check_all(with, ARRAY_SIZE(with), true);
	check_all(without, ARRAY_SIZE(without), false);
}

/* 16 links pass, 17 do not. */
static void test_length(void **state)
{
	for (unsigned links = 15; links <= 17; links++) {
		char text[2048] = "", line[100], *got;
		struct packet p;

		for (unsigned i = 0; i < links; i++) {
			snprintf(line, sizeof(line), "n%u.ok.ex.com. 60 IN CNAME n%u.ok.ex.com.\n", i, i + 1);
			strcat(text, line);
		}
		snprintf(line, sizeof(line), "n%u.ok.ex.com. 60 IN A 192.0.2.1\n", links);
		strcat(text, line);
		read_packet(&p, "n0.ok.ex.com", TYPE_A, text);
		got = walk(&p, "default", false, false);
		assert_int_equal(chain.outcome, links <= 16 ? CHAIN_PASS : CHAIN_BAD);
		permute(&p, "default", false, got);
		free(got);
		free_packet(&p);
	}
}

static void expect_target(size_t i, const char *name, uint32_t ttl, const char *entry, bool ok)
{
	const struct chain_target *t = &chain.targets[i];
	char buf[NAME_TEXT];

	assert_true(i < chain.n_targets);
	assert_string_equal(name_text(&t->name, buf), name);
	assert_int_equal(t->ttl, ttl);
	assert_string_equal(t->entry == ENTRY_NONE ? "-" : catalog_entry_text(snap->catalog, t->entry, buf), entry);
	assert_int_equal(t->ok, ok);
}

/* What an answer teaches, with the longest TTL on the way there; and the walk that is told to go on. */
static void test_targets(void **state)
{
	struct packet p;

	read_packet(&p, "svc.ex.com", TYPE_HTTPS, "svc.ex.com. 20 IN CNAME b.ok.ex.com.\nb.ok.ex.com. 300 IN CNAME x.edge.net.\n"
		    "x.edge.net. 60 IN HTTPS 1 y.edge.net.\nx.edge.net. 900 IN HTTPS 2 z.edge.net.\n");
	free(walk(&p, "default", false, false));
	assert_int_equal(chain.outcome, CHAIN_PASS);
	assert_int_equal(chain.n_targets, 4);
	expect_target(0, "b.ok.ex.com", 20, "*.ok.ex.com", true);
	expect_target(1, "x.edge.net", 300, "*.edge.net", true);
	expect_target(2, "y.edge.net", 300, "*.edge.net", true);
	expect_target(3, "z.edge.net", 900, "*.edge.net", true);
	free_packet(&p);
	read_packet(&p, "www.ex.com", TYPE_A, "www.ex.com. 60 IN CNAME evil.org.\nevil.org. 60 IN CNAME x.edge.net.\n"
		    "x.edge.net. 60 IN CNAME worse.org.\nworse.org. 60 IN A 192.0.2.1\nworse.org. 60 IN A 10.0.0.1\n");
	free(walk(&p, "default", true, false));
	assert_int_equal(chain.outcome, CHAIN_BLOCKED);
	assert_int_equal(chain.n_keep, 4);
	assert_int_equal(chain.n_targets, 3);
	expect_target(0, "evil.org", 60, "-", false);
	expect_target(1, "x.edge.net", 60, "*.edge.net", true);
	expect_target(2, "worse.org", 60, "-", false);
	free_packet(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links), cmocka_unit_test(test_dname), cmocka_unit_test(test_two_dnames),
		cmocka_unit_test(test_negative), cmocka_unit_test(test_addresses), cmocka_unit_test(test_families),
		cmocka_unit_test(test_dnssec), cmocka_unit_test(test_length), cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests_name("policy_chain", tests, setup, teardown);
}
