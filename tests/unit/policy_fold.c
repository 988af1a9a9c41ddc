/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf_util.h"

#include "policy/fold.h"

#define MANY 400

/* Names and what becomes of them, words between blanks; the patterns in the order of strcmp. */
static void expect_of(const char *names, const char *want, bool links)
{
	static char text[MANY * 64], got[MANY * 64];
	const char *v[MANY];
	struct fold f;
	size_t n = 0, sum = 0;

	snprintf(text, sizeof(text), "%s", names);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		v[n++] = word;
	assert_int_equal(fold_names(&f, v, n, NULL, links), 0);
	got[0] = '\0';
	for (size_t i = 0; i < f.n; i++) {
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "", f.v[i].text);
		sum += f.v[i].names;
	}
	assert_string_equal(got, want);
	assert_int_equal(sum, n);
	for (size_t i = 0; i < n; i++) {
		struct pattern p;
		struct name name;

		assert_int_equal(pattern_parse(&p, f.v[f.of[i]].text, strlen(f.v[f.of[i]].text), NULL, 0), 0);
		assert_false(pattern_anybody(&p));
		assert_int_equal(name_from_text(&name, v[i], strlen(v[i])), 0);
		if (!pattern_match(&p, &name))
			fail_msg("%s does not take %s", f.v[f.of[i]].text, v[i]);
	}
	fold_free(&f);
}

static void expect(const char *names, const char *want)
{
	expect_of(names, want, false);
	expect_of(names, want, true);
}

static void test_shapes(void **state)
{
	static const char *const cases[][2] = {
		{ "a767", "a#" }, { "3", "#" }, { "1d", "#" }, { "www", "www" }, { "au-v10", "au-v#" },
		{ "ip-10-0-0-1", "ip-#-#-#-#" }, { "v1beta2", "?" }, { "d2s7q6s2", "?" }, { "1st", "#st" },
		{ "deadbeef01", "?" }, { "deadbeef", "deadbeef" }, { "2f4a9c3e-9b1d-4e2a-8c7f-0123456789ab", "?" },
		{ "sn-4g5e6nz7", "sn-?" }, { "r3---sn-4g5e6nz7", "r#---sn-?" }, { "dc_07x", "dc_#x" },
		{ "abcdefghijklmnopqrstuvwxy", "?" }, { "communicationservices", "communicationservices" },
		{ "node7.dc2.example", "node#.dc#.example" }, { "12345", "#" }, { "", "" },
	};
	char shape[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fold_shape(cases[i][0], strlen(cases[i][0]), shape);
		assert_string_equal(shape, cases[i][1]);
	}
}

static void test_numbers(void **state)
{
	expect("a767.dspw65.akamai.net a1234.dspw65.akamai.net", "a*.dspw65.akamai.net");
	expect("3.tlu.dl.delivery.mp.microsoft.com 7.tlu.dl.delivery.mp.microsoft.com 1d.tlu.dl.delivery.mp.microsoft.com",
	       "*.tlu.dl.delivery.mp.microsoft.com");
	expect("img1.a.example.com img2.a.example.com www.a.example.com", "img*.a.example.com www.a.example.com");
	/* what does not differ stays */
	expect("node1-dc2.example.com node7-dc2.example.com", "node*-dc2.example.com");
	expect("x.3.y.example.com x.7.y.example.com", "x.*.y.example.com");
	/* one of them shows nothing, nor do names that differ in a word */
	expect("a767.dspw65.akamai.net", "a767.dspw65.akamai.net");
	expect("www.example.com web.example.com", "web.example.com www.example.com");
	expect("a1.example.com b2.example.com", "a1.example.com b2.example.com");
	expect("a1.example.com a1.example.net", "a1.example.com a1.example.net");
}

static void test_two_places(void **state)
{
	expect("s1.dc1.example.com s2.dc1.example.com s1.dc2.example.com s2.dc2.example.com", "s*.dc*.example.com");
	/* no two in one place, but three of one shape in places of one shape */
	expect("s1.dc1.example.com s2.dc2.example.com s3.dc3.example.com", "s*.dc*.example.com");
	expect("s1.dc1.example.com s2.dc2.example.com", "s1.dc1.example.com s2.dc2.example.com");
	/* two domains of one shape are two domains */
	expect("s1.site1.com s2.site2.com s3.site3.com", "s1.site1.com s2.site2.com s3.site3.com");
}

static void test_random(void **state)
{
	expect("2f4a9c3e-9b1d-4e2a-8c7f-0123456789ab.up.example.com 3f4a9c3e-9b1d-4e2a-8c7f-0123456789ab.up.example.com "
	       "4f4a9c3e-9b1d-4e2a-8c7f-0123456789ab.up.example.com", "*.up.example.com");
	/* two may be chance */
	expect("x7f3k9.up.example.com q2m4z8.up.example.com", "q2m4z8.up.example.com x7f3k9.up.example.com");
	expect("s-x7f3k9.up.example.com s-q2m4z8.up.example.com s-p1l2k3.up.example.com", "s-*.up.example.com");
	/* a tunnel, both of whose labels are of no use twice */
	expect("a1b2c3d4.e1f2g3h4.t.example.com b1b2c3d4.f1f2g3h4.t.example.com c1b2c3d4.g1f2g3h4.t.example.com",
	       "*.*.t.example.com");
}

/* Never what anybody can get: there the names stay. */
static void test_suffixes(void **state)
{
	expect("foo1.trafficmanager.net foo2.trafficmanager.net", "foo1.trafficmanager.net foo2.trafficmanager.net");
	expect("a1.cloudfront.net a2.cloudfront.net a3.cloudfront.net",
	       "a1.cloudfront.net a2.cloudfront.net a3.cloudfront.net");
	expect("x1.com x2.com x3.com", "x1.com x2.com x3.com");
	expect("x1.co.uk x2.co.uk x3.co.uk", "x1.co.uk x2.co.uk x3.co.uk");
	expect("a1.azureedge.net a2.azureedge.net b1.a1.azureedge.net",
	       "a1.azureedge.net a2.azureedge.net b1.a1.azureedge.net");
	expect("q1w2e3r4.blob.core.windows.net w1w2e3r4.blob.core.windows.net e1w2e3r4.blob.core.windows.net",
	       "e1w2e3r4.blob.core.windows.net q1w2e3r4.blob.core.windows.net w1w2e3r4.blob.core.windows.net");
	/* one label further down they belong to one owner */
	expect("a1.g.akamaiedge.net a2.g.akamaiedge.net", "a*.g.akamaiedge.net");
	expect("a1.d1.akamai.net a2.d1.akamai.net a1.d2.akamai.net a2.d2.akamai.net",
	       "a*.d1.akamai.net a*.d2.akamai.net");
}

/* Links: the operator's scheme is seen in any three of its maps. */
static void test_links(void **state)
{
	const char *names = "e1.dscd.akamaiedge.net e22.g.akamaiedge.net e333.dspb.akamaiedge.net a1.g.akamaiedge.net";

	expect_of(names, "a1.g.akamaiedge.net e*.dscd.akamaiedge.net e*.dspb.akamaiedge.net e*.g.akamaiedge.net", true);
	expect_of(names, "a1.g.akamaiedge.net e1.dscd.akamaiedge.net e22.g.akamaiedge.net e333.dspb.akamaiedge.net",
		  false);
	expect_of("e1.dscd.akamaiedge.net e22.g.akamaiedge.net", "e1.dscd.akamaiedge.net e22.g.akamaiedge.net", true);
}

static void test_many(void **state)
{
	static const char *const words[] = {
		"ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibex", "jay", "kite", "lynx", "mole", "newt",
		"owl", "pig",
	};
	char names[2048] = "", two[2048] = "", all[2048] = "";

	for (size_t i = 0; i < 16; i++) {
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s.zoo.example.com ", words[i]);
		snprintf(two + strlen(two), sizeof(two) - strlen(two), "%s%s.example.com", i ? " " : "", words[i]);
		if (i)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s.zoo.example.com", i > 1 ? " " : "",
				 words[i]);
	}
	expect(names, "*.zoo.example.com");
	/* one fewer, and the registrable domain itself */
	expect(all, all);
	expect(two, two);
}

enum look { WORDS, DIGITS, RANDOM };

/* n names of that look, asked for by `many` clients in turn; the first pattern of them. */
static void expect_first(unsigned n, unsigned many, enum look look, const char *end, const char *want)
{
	static char names[MANY][64];
	uint32_t only[MANY];
	const char *v[MANY];
	struct fold f;

	for (unsigned i = 0; i < n; i++) {
		if (look == WORDS)
			snprintf(names[i], sizeof(names[i]), "w%c%c%s", 'a' + i % 26, 'a' + i / 26, end);
		else if (look == DIGITS)
			snprintf(names[i], sizeof(names[i]), "%u%s", i, end);
		else
			snprintf(names[i], sizeof(names[i]), "%c7%c7x%u%s", 'a' + i % 26, 'a' + i / 26, i, end);
		v[i] = names[i];
		only[i] = i % many == 7 ? FOLD_SEVERAL : i % many;
	}
	assert_int_equal(fold_names(&f, v, n, only, false), 0);
	assert_true(f.n >= 1);
	assert_string_equal(f.v[0].text, want);
	fold_free(&f);
}

/* What one client alone asked for opens no zone; what it adds to what others did does not count. */
static void test_one_client(void **state)
{
	expect_first(200, 1, WORDS, ".zoo.example.com", "waa.zoo.example.com");
	expect_first(31, 2, WORDS, ".zoo.example.com", "waa.zoo.example.com");
	expect_first(32, 2, WORDS, ".zoo.example.com", "*.zoo.example.com");
	expect_first(20, 8, WORDS, ".zoo.example.com", "*.zoo.example.com");
	/* all of a domain */
	expect_first(50, 1, DIGITS, ".example.com", "0.example.com");
	expect_first(50, 2, DIGITS, ".example.com", "*.example.com");
	expect_first(50, 1, RANDOM, ".example.com", "a7a7x0.example.com");
	expect_first(50, 2, RANDOM, ".example.com", "*.example.com");
	/* less than that */
	expect_first(50, 1, DIGITS, "-n.example.com", "*-n.example.com");
	expect_first(50, 1, DIGITS, ".zoo.example.com", "*.zoo.example.com");
}

/* The label that differs is part of what is registered: two names of two owners. */
static void test_domain_in_the_way(void **state)
{
	expect("b1.s3-eu-west-1.amazonaws.com b1.s3-eu-west-2.amazonaws.com",
	       "b1.s3-eu-west-1.amazonaws.com b1.s3-eu-west-2.amazonaws.com");
}

/* No pattern takes all that another does: `check` would say so. */
static void test_covered(void **state)
{
	expect("www.example.com www1.example.com www2.example.com", "www*.example.com");
	expect("1.b.example.com 2.b.example.com x.b.example.com y.x.b.example.com", "*.b.example.com");
	expect("b.example.com 1.b.example.com 2.b.example.com", "*.b.example.com b.example.com");
}

/* A label that is a star in the wire is taken by a star. */
static void test_odd(void **state)
{
	expect("*.a.example.com www.example.com", "*.a.example.com www.example.com");
	expect("", "");
	expect("com", "com");
}

/* Whatever goes in: every name is taken by its pattern, nothing by anybody's. */
static void test_anything(void **state)
{
	static const char *const parts[] = { "a", "b1", "7", "x9y8z7", "cdn", "e12", "akamaiedge", "example", "s3",
					     "cloudfront", "3f" };
	static const char *const ends[] = { "net", "com", "co.uk", "azureedge.net" };
	static char names[MANY][64];
	const char *v[MANY];
	uint64_t r = 1;

	for (unsigned round = 0; round < 50; round++) {
		struct fold f;
		size_t n = 0;

		for (unsigned tries = 0; tries < MANY; tries++) {
			size_t labels, i;

			r = r * 6364136223846793005ull + 1442695040888963407ull;
			labels = 1 + (r >> 40) % 4;
			names[n][0] = '\0';
			for (i = 0; i < labels; i++) {
				strcat(strcat(names[n], parts[(r >> (8 * i)) % 11]), i % 2 ? "." : "");
				if (i % 2 == 0)
					sprintf(names[n] + strlen(names[n]), "%u.", (unsigned)((r >> (5 * i)) % 9));
			}
			strcat(names[n], ends[(r >> 60) % 4]);
			for (i = 0; i < n && strcmp(names[i], names[n]); i++)
				continue;
			v[n] = names[n];
			n += i == n;
		}
		assert_int_equal(fold_names(&f, v, n, NULL, round % 2), 0);
		for (size_t i = 0; i < n; i++) {
			struct pattern p;
			struct name name;
			const char *text = f.v[f.of[i]].text;

			assert_int_equal(pattern_parse(&p, text, strlen(text), NULL, 0), 0);
			assert_int_equal(name_from_text(&name, v[i], strlen(v[i])), 0);
			assert_true(pattern_match(&p, &name));
			assert_false(pattern_anybody(&p));
		}
		for (size_t i = 0; i < f.n; i++) {
			struct pattern a, b;

			assert_int_equal(pattern_parse(&a, f.v[i].text, strlen(f.v[i].text), NULL, 0), 0);
			for (size_t k = 0; k < f.n; k++) {
				assert_int_equal(pattern_parse(&b, f.v[k].text, strlen(f.v[k].text), NULL, 0), 0);
				assert_true(i == k || !pattern_covers(&a, &b));
			}
		}
		fold_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes), cmocka_unit_test(test_numbers), cmocka_unit_test(test_two_places),
		cmocka_unit_test(test_random), cmocka_unit_test(test_suffixes), cmocka_unit_test(test_links),
		cmocka_unit_test(test_many), cmocka_unit_test(test_covered), cmocka_unit_test(test_odd),
		cmocka_unit_test(test_anything), cmocka_unit_test(test_one_client), cmocka_unit_test(test_domain_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
