/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf_util.h"

#include <errno.h>

#include "base/hash.h"
#include "policy/catalog.h"
#include "policy_naive.h"

#define SEED 20261120u
#define CHOICES 8
#define L42 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnop"

/* What a test builds: a folder of files, and choices from them. */
struct built {
	struct arena *a;
	struct diag_list *d;
	struct conf conf;
	struct conf_str zones;
	struct catalog_build *b;
	struct choice choices[CHOICES];
	const struct catalog *c;
};

static void begin(struct built *t)
{
	memset(t, 0, sizeof(*t));
	t->a = arena_new((size_t)1 << 30);
	t->d = diag_new();
	assert_non_null(t->a);
	assert_non_null(t->d);
	t->zones = (struct conf_str){ util_dir, 0 };
	t->conf.path = "postern.conf";
	t->conf.server.zones = (struct conf_strs){ &t->zones, 1, 0 };
	t->b = catalog_build_new(t->a, &t->conf, t->d);
	assert_non_null(t->b);
}

/* A `catalog =` key in line 7 of postern.conf; words with blanks between. */
static void choose(struct built *t, const char *words)
{
	struct conf_str v[64];
	struct conf_strs names = { v, 0, 7 };
	char *copy = strdup(words), *save = NULL;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		v[names.n++] = (struct conf_str){ arena_text(t->a, w, strlen(w)), 7 };
	assert_true(catalog_choose(t->b, &names, "postern.conf"));
	free(copy);
}

static void finish(struct built *t, bool hygiene)
{
	t->c = catalog_finish(t->b, t->choices, hygiene);
	t->b = NULL;
	assert_non_null(t->c);
}

static void end(struct built *t)
{
	catalog_build_free(t->b);
	arena_free(t->a);
	diag_free(t->d);
}

static void end_clean(struct built *t)
{
	util_expect(t->d, "");
	end(t);
}

static void find(const struct built *t, unsigned choice, const char *name, struct match *m)
{
	struct name n;

	assert_int_equal(name_from_text(&n, name, strlen(name)), 0);
	catalog_find(t->c, &t->choices[choice], &n, m);
}

/* "GROUP PATTERN | GROUP PATTERN": of allow and of chain; "-" for none. */
static void expect(const struct built *t, unsigned choice, const char *name, const char *want)
{
	char got[1200], text[2][256] = { "", "" };
	const char *group[2] = { "", "" };
	struct match m;
	uint32_t e[2];

	find(t, choice, name, &m);
	e[0] = m.allow;
	e[1] = m.chain;
	for (unsigned i = 0; i < 2; i++) {
		if (e[i] == ENTRY_NONE) {
			strcpy(text[i], "-");
			continue;
		}
		group[i] = t->c->groups[t->c->entries[e[i]].group].name;
		text[i][0] = ' ';
		catalog_entry_text(t->c, e[i], text[i] + (*group[i] != '\0'));
	}
	snprintf(got, sizeof(got), "%s%s | %s%s", group[0], text[0], group[1], text[1]);
	if (strcmp(got, want))
		fail_msg("%s: %s, expected %s", name, got, want);
}

static const char *ports(const struct built *t, const struct attrs *a, char *buf)
{
	char one[16], *out = buf;

	*buf = '\0';
	for (size_t i = 0; i < t->c->n_ports; i++)
		if (a->ports[i / 64] >> i % 64 & 1)
			out += sprintf(out, "%s%s", out > buf ? " " : "", conf_port_text(&t->c->ports[i], one));
	return buf;
}

static void test_attrs(void **state)
{
	struct built t;
	struct match m;
	char buf[512];
	int bit;

	util_text("one.ini",
		  "[catalog]\ntitle = one\nsource = doc\n"
		  "[web]\npurpose = p\nallow = *.example.com\n"
		  "[odd]\nsource = page 3\nports = udp/123 tcp/8530\ntypes = TXT SRV\nprivate = yes\n"
		  "allow = a.example.com\n b.example.com\n"
		  "[shut]\nports = tcp/1\nchurn = yes\nallow = *.shut.example.org\n"
		  "[led]\nports = tcp/25\ntypes = MX\nprivate = yes\nchurn = yes\nchain = a.example.com\n *.cdn.example.net\n");
	util_text("flat.list", "# a list\n.example.com\n\n c.example.com  \n");
	begin(&t);
	choose(&t, "one flat");
	choose(&t, "one");
	choose(&t, "");
	finish(&t, false);

	expect(&t, 0, "a.example.com", "odd a.example.com | led a.example.com");
	expect(&t, 0, "A.EXAMPLE.com", "odd a.example.com | led a.example.com");
	expect(&t, 0, "c.example.com", "c.example.com | -");
	expect(&t, 0, "example.com", ".example.com | -");
	expect(&t, 1, "example.com", "- | -");
	expect(&t, 1, "c.example.com", "web *.example.com | -");
	expect(&t, 1, "x.cdn.example.net", "- | led *.cdn.example.net");
	expect(&t, 1, "cdn.example.net", "- | -");
	expect(&t, 2, "a.example.com", "- | -");
	expect(&t, 0, ".", "- | -");

	find(&t, 0, "a.example.com", &m);
	assert_string_equal(ports(&t, &m.attrs, buf), "tcp/80 tcp/443 udp/123 tcp/8530");
	assert_true(m.attrs.private);
	assert_false(m.attrs.churn);
	assert_int_equal(__builtin_popcountll(m.attrs.types), 2);
	bit = -1;
	for (size_t i = 0; i < t.c->n_types; i++)
		if (t.c->types[i] == 33)
			bit = (int)i;
	assert_true(bit >= 0 && m.attrs.types >> bit & 1);
	find(&t, 1, "x.shut.example.org", &m);
	assert_string_equal(ports(&t, &m.attrs, buf), "tcp/1");
	assert_true(m.attrs.churn);
	/* A chain entry opens and permits nothing. */
	find(&t, 1, "x.cdn.example.net", &m);
	assert_string_equal(ports(&t, &m.attrs, buf), "");
	assert_false(m.attrs.private || m.attrs.churn || m.attrs.types);

	find(&t, 1, "a.example.com", &m);
	assert_int_equal(t.c->entries[m.allow].line, 12);
	assert_int_equal(t.c->entries[m.chain].line, 23);
	assert_string_equal(t.c->groups[t.c->entries[m.allow].group].source, "page 3");
	find(&t, 1, "z.example.com", &m);
	assert_string_equal(t.c->groups[t.c->entries[m.allow].group].source, "doc");
	assert_string_equal(t.c->groups[t.c->entries[m.allow].group].purpose, "p");
	assert_string_equal(t.c->groups[t.c->entries[m.allow].group].catalog, "one");
	assert_string_equal(t.c->groups[t.c->entries[m.allow].group].file, util_path("one.ini"));
	end_clean(&t);
}

static void test_specific(void **state)
{
	struct built t;

	util_text("order.ini", "[first]\nallow = *.*.example.com\n *.example.com\n b*.example.com\n .b.example.com\n"
			       "[second]\nallow = *b.example.com\n a.b.example.com\n a.*.example.com\n *.example.com\n"
			       "[third]\nallow = .example.com\n");
	begin(&t);
	choose(&t, "order");
	choose(&t, "order/second");
	choose(&t, "order/first");
	finish(&t, false);
	expect(&t, 0, "a.b.example.com", "second a.b.example.com | -");
	expect(&t, 0, "x.b.example.com", "first .b.example.com | -");
	expect(&t, 0, "b.example.com", "first .b.example.com | -");
	expect(&t, 0, "example.com", "third .example.com | -");
	expect(&t, 0, "x.example.com", "third .example.com | -");
	expect(&t, 1, "b.example.com", "second *b.example.com | -");
	expect(&t, 1, "x.b.example.com", "second *b.example.com | -");
	expect(&t, 1, "a.c.example.com", "second a.*.example.com | -");
	expect(&t, 1, "c.c.example.com", "second *.example.com | -");
	expect(&t, 2, "c.c.example.com", "first *.*.example.com | -");
	expect(&t, 2, "bc.example.com", "first *.example.com | -");
	end_clean(&t);
}

static void test_include(void **state)
{
	struct built t;

	util_text("update.ini", "[catalog]\ninclude = cdn/akamai cdn/fastly base\n"
				"[core]\nallow = core.example.com\nchain = led.example.com\n"
				"[extra]\nallow = extra.example.com\nchain = xled.example.com\n");
	util_text("cdn.ini", "[akamai]\nchain = *.akamai.example\n[fastly]\nallow = ask.fastly.example\nchain = *.fastly.example\n"
			     "[other]\nchain = *.other.example\n");
	util_text("base.ini", "[catalog]\ninclude = deep\n[b]\nallow = base.example.com\nchain = bled.example.com\n");
	util_text("deep.list", "deep.example.com\n");
	util_text("part.ini", "[catalog]\ninclude = update/core\n[p]\nallow = part.example.com\n");
	begin(&t);
	choose(&t, "update");
	choose(&t, "update/core");
	choose(&t, "part");
	choose(&t, "cdn/other update/extra");
	finish(&t, false);
	/* all of it, and what includes reach */
	expect(&t, 0, "core.example.com", "core core.example.com | -");
	expect(&t, 0, "x.akamai.example", "- | akamai *.akamai.example");
	expect(&t, 0, "ask.fastly.example", "fastly ask.fastly.example | fastly *.fastly.example");
	expect(&t, 0, "x.other.example", "- | -");
	expect(&t, 0, "base.example.com", "b base.example.com | -");
	expect(&t, 0, "deep.example.com", "deep.example.com | -");
	/* one group's allow, the whole catalogue's chain */
	expect(&t, 1, "core.example.com", "core core.example.com | -");
	expect(&t, 1, "extra.example.com", "- | -");
	expect(&t, 1, "xled.example.com", "- | extra xled.example.com");
	expect(&t, 1, "x.akamai.example", "- | akamai *.akamai.example");
	expect(&t, 1, "ask.fastly.example", "- | fastly *.fastly.example");
	expect(&t, 1, "base.example.com", "- | -");
	expect(&t, 1, "bled.example.com", "- | b bled.example.com");
	expect(&t, 1, "deep.example.com", "- | -");
	/* a group of another: its entries, and to be led to where its catalogue's includes lead */
	expect(&t, 2, "core.example.com", "core core.example.com | -");
	expect(&t, 2, "led.example.com", "- | core led.example.com");
	expect(&t, 2, "extra.example.com", "- | -");
	expect(&t, 2, "xled.example.com", "- | -");
	expect(&t, 2, "x.akamai.example", "- | akamai *.akamai.example");
	expect(&t, 2, "base.example.com", "- | -");
	expect(&t, 3, "x.other.example", "- | other *.other.example");
	expect(&t, 3, "extra.example.com", "extra extra.example.com | -");
	expect(&t, 3, "core.example.com", "- | -");
	assert_int_equal(t.c->n_groups, 9 - 1);
	end_clean(&t);
}

static void test_errors(void **state)
{
	struct built t;
	char *got;

	util_text("a.ini", "[catalog]\ninclude = b\n[g]\nallow = a.example.com\n");
	util_text("b.ini", "[catalog]\ninclude = c/x\n[goods]\nallow = b.example.com\n");
	util_text("c.ini", "[catalog]\ninclude = c\n  a/g\n[x]\nallow = c.example.com\n *.com\n ok.example.com\n");
	util_text("lost.ini", "[catalog]\ninclude = nowhere c/y b/good\n[g]\nallow = lost.example.com\n");
	util_text("plain.list", "good.example.com\n10.0.0.1\n*.*\na\033b\xc3\xa4.example.com\n");
	begin(&t);
	choose(&t, "a lost plain plain/x windows-updat plian ../c a/ /g a/g/h");
	choose(&t, "plian a lost");
	finish(&t, false);
	assert_int_equal(t.c->n_entries, 6);
	expect(&t, 0, "c.example.com", "x c.example.com | -");
	expect(&t, 0, "ok.example.com", "x ok.example.com | -");
	expect(&t, 0, "good.example.com", "good.example.com | -");
	got = util_diags(t.d);
	assert_non_null(strstr(got, "c.ini:2: error: a circle: c includes c\n"));
	assert_non_null(strstr(got, "c.ini:3: error: a circle: a includes b includes c includes a\n"));
	assert_non_null(strstr(got, "c.ini:6: error: *.com: a wildcard"));
	assert_non_null(strstr(got, "plain.list:4: error: a\\027b\\195\\164.example.com: not ASCII"));
	assert_non_null(strstr(got, "lost.ini:2: error: no catalogue nowhere: no [catalog nowhere] section, and no "
				    "nowhere.ini or nowhere.list in "));
	assert_non_null(strstr(got, "lost.ini:2: error: catalogue c has no group y"));
	assert_non_null(strstr(got, "lost.ini:2: error: catalogue b has no group good: did you mean goods? (b.ini has: goods)\n"));
	assert_non_null(strstr(got, "plain.list:2: error: 10.0.0.1: an address"));
	assert_non_null(strstr(got, "plain.list:3: error: *.*: a star in the last label"));
	assert_non_null(strstr(got, "postern.conf:7: error: plain/x: plain.list is a plain list and has no groups\n"));
	assert_non_null(strstr(got, "postern.conf:7: error: no catalogue windows-updat: "));
	assert_non_null(strstr(got, " did you mean plain?\n"));
	assert_non_null(strstr(got, "postern.conf:7: error: ../c: expected CATALOG or CATALOG/GROUP"));
	assert_non_null(strstr(got, "postern.conf:7: error: a/: expected"));
	assert_non_null(strstr(got, "postern.conf:7: error: /g: expected"));
	assert_non_null(strstr(got, "postern.conf:7: error: a/g/h: expected"));
	assert_int_equal(diag_errors(t.d), 17);
	free(got);
	end(&t);
}

static void test_nesting(void **state)
{
	struct built t;
	char *got;

	for (unsigned i = 0; i < 40; i++) {
		char name[32], text[96];

		/* Two ways from each to the next: walked one by one they would be 2^40. */
		snprintf(name, sizeof(name), "n%u.ini", i);
		snprintf(text, sizeof(text), "[catalog]\ninclude = n%u n%u/g\n[g]\nallow = n%u.example.com\n", i + 1, i + 1, i);
		util_text(name, text);
	}
	util_text("n40.ini", "[g]\nallow = last.example.com\n");
	begin(&t);
	choose(&t, "n0");
	finish(&t, false);
	expect(&t, 0, "last.example.com", "g last.example.com | -");
	expect(&t, 0, "n39.example.com", "g n39.example.com | -");
	end_clean(&t);

	begin(&t);
	catalog_build_free(t.b);
	t.b = catalog_build_new(t.a, &t.conf, t.d);
	choose(&t, "nix");
	got = util_diags(t.d);
	assert_non_null(strstr(got, "no catalogue nix"));
	free(got);
	end(&t);
}

static void test_hygiene(void **state)
{
	struct built t;

	util_text("h.ini", "[catalog]\ntitle = h\n"
			   "[one]\nsource = s\nports = tcp/443\n"
			   "allow = *.cloudfront.net\n"		/* 6 anybody */
			   " *.example.com\n"			/* 7 */
			   " www.example.com\n"			/* 8 useless: 7 */
			   " *.EXAMPLE.com\n"			/* 9 duplicate: 7 */
			   " example.com\n"			/* 10 */
			   " .example.org\n"			/* 11 */
			   " *.example.org\n"			/* 12 useless: 11 */
			   " pre-*.example.org\n"		/* 13 useless: 11 */
			   " a*b.example.net\n"			/* 14 useless: 15 */
			   " a*.example.net\n"			/* 15 */
			   "chain = x.example.com\n"		/* 16 useless: 7 */
			   " *.cloudfront.net\n"		/* 17 useless: 6 */
			   " *.chain.example.net\n"		/* 18 */
			   "[two]\n"				/* 19 no-ports, no-source */
			   "allow = ports.example.com\n"	/* 20: has a port more than 7 */
			   " www.chain.example.net\n"		/* 21: 18 does not let it be asked for */
			   " example.com\n"			/* 22 duplicate: 10 */
			   "[three]\n"				/* 23 no-source */
			   "chain = *.s3.amazonaws.com\n"
			   "[four]\nports = tcp/443\naccept = anybody no-source duplicate useless\n"
			   "allow = *.github.io\n www.example.com\n *.example.com\n sub.www.example.com\n"
			   "[five]\naccept = no-ports\nsource = s\nallow = five.example\n");
	util_text("h2.ini", "[catalog]\nsource = s\n[g]\nports = tcp/443\nallow = *.example.com\n www.example.org\n");
	util_text("h3.list", "*.github.io\nx.example.com\nx.example.com\n*.example.com\n");
	begin(&t);
	choose(&t, "h h2 h3");
	finish(&t, true);
	util_expect(t.d,
		    "h.ini:6: warning: *.cloudfront.net: anybody can get a name that this takes [anybody]\n"
		    "h.ini:8: warning: www.example.com: *.example.com in line 7 takes all that it takes [useless]\n"
		    "h.ini:9: warning: *.example.com: line 7 has it already [duplicate]\n"
		    "h.ini:12: warning: *.example.org: .example.org in line 11 takes all that it takes [useless]\n"
		    "h.ini:13: warning: pre-*.example.org: .example.org in line 11 takes all that it takes [useless]\n"
		    "h.ini:14: warning: a*b.example.net: a*.example.net in line 15 takes all that it takes [useless]\n"
		    "h.ini:16: warning: x.example.com: *.example.com in line 7 takes all that it takes [useless]\n"
		    "h.ini:17: warning: *.cloudfront.net: *.cloudfront.net in line 6 takes all that it takes [useless]\n"
		    "h.ini:19: warning: group two says no ports: tcp/80 and tcp/443 are opened for it [no-ports]\n"
		    "h.ini:19: warning: group two: neither it nor [catalog] says where it is from [no-source]\n"
		    "h.ini:22: warning: example.com: line 10 has it already [duplicate]\n"
		    "h.ini:23: warning: group three: neither it nor [catalog] says where it is from [no-source]\n"
		    "h3.list:1: warning: *.github.io: anybody can get a name that this takes [anybody]\n"
		    "h3.list:2: warning: x.example.com: *.example.com in line 4 takes all that it takes [useless]\n"
		    "h3.list:3: warning: x.example.com: line 2 has it already [duplicate]\n");
	end(&t);
}

/* The shapes' own corners: keys that only some labels settle, many of a kind at one suffix, one hash for several. */
static void test_shapes(void **state)
{
	struct built t;
	FILE *f = fopen(util_path("many.list"), "w");

	assert_non_null(f);
	util_remember(util_path("many.list"));
	for (unsigned i = 0; i < 3000; i++)
		fprintf(f, "a%u.*.example.com\nx%u-*-y.example.com\n*t%u.example.com\n%u.b.q*.example.com\nh%u*m*t.example.com\n",
			i, i, i, i, i % 7);
	fprintf(f, "*.a*.b.example.net\n*.*.a*.c.example.net\n*a*.example.org\n" L42 ".example.net\n*.x." L42
		".net\nq*." L42 ".y.net\n");
	assert_int_equal(fclose(f), 0);
	begin(&t);
	choose(&t, "many");
	finish(&t, false);
	expect(&t, 0, "a77.x.example.com", "a77.*.example.com | -");
	expect(&t, 0, "a3000.x.example.com", "- | -");
	expect(&t, 0, "a77.x.y.example.com", "- | -");
	expect(&t, 0, "x5-*-y.example.com", "x5-*-y.example.com | -");
	expect(&t, 0, "x5--y.example.com", "x5-*-y.example.com | -");
	expect(&t, 0, "x5-y.example.com", "- | -");
	expect(&t, 0, "z.t17.example.com", "*t17.example.com | -");
	expect(&t, 0, "z.yt17.example.com", "*t17.example.com | -");
	expect(&t, 0, "9.b.qqq.example.com", "9.b.q*.example.com | -");
	expect(&t, 0, "0.9.b.qqq.example.com", "- | -");
	expect(&t, 0, "9.a.qqq.example.com", "- | -");
	expect(&t, 0, "h3--m--t.example.com", "h3*m*t.example.com | -");
	expect(&t, 0, "h3--t.example.com", "- | -");
	expect(&t, 0, "h8--m--t.example.com", "- | -");
	expect(&t, 0, "z.a1.b.example.net", "*.a*.b.example.net | -");
	expect(&t, 0, "a1.b.example.net", "- | -");
	expect(&t, 0, "z.a1.c.example.net", "- | -");
	expect(&t, 0, "z.z.z.a1.c.example.net", "*.*.a*.c.example.net | -");
	expect(&t, 0, "q.xay.example.org", "*a*.example.org | -");
	/* A label as long as '*' is as a number. */
	expect(&t, 0, L42 ".example.net", L42 ".example.net | -");
	expect(&t, 0, "a." L42 ".example.net", "- | -");
	expect(&t, 0, "a.x." L42 ".net", "*.x." L42 ".net | -");
	expect(&t, 0, "qa." L42 ".y.net", "q*." L42 ".y.net | -");
	end_clean(&t);
}

/* What the property test knows of an entry, as text. */
struct line {
	char pattern[32];
	unsigned file, group, role;
	unsigned number;
};

#define FILES 4
#define GROUPS 3
#define LINES 4000

struct world {
	struct line lines[LINES];
	unsigned n;
	unsigned ports[FILES][GROUPS];
};

static void world_write(struct world *w, struct naive_random *r, unsigned per_key)
{
	w->n = 0;
	for (unsigned f = 0; f < FILES; f++) {
		char path[32], *text;
		unsigned line = 0;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		assert_non_null(out);
		for (unsigned g = 0; g < GROUPS; g++) {
			w->ports[f][g] = 1 + naive_below(r, 12);
			fprintf(out, "[g%u]\nports = tcp/%u\n", g, w->ports[f][g]);
			line += 2;
			for (unsigned role = 0; role < 2; role++) {
				for (unsigned i = 0; i < per_key; i++) {
					struct line *l = &w->lines[w->n++];
					struct pattern p;

					do
						naive_pattern(r, l->pattern);
					while (pattern_parse(&p, l->pattern, strlen(l->pattern), NULL, 0));
					pattern_text(p.wire, p.dot, l->pattern);
					l->file = f;
					l->group = g;
					l->role = role;
					l->number = ++line;
					fprintf(out, "%s%s\n", i ? "  " : role == ROLE_ALLOW ? "allow = " : "chain = ", l->pattern);
				}
			}
		}
		assert_int_equal(fclose(out), 0);
		snprintf(path, sizeof(path), "w%u.ini", f);
		util_text(path, text);
		free(text);
	}
}

/* SPEC 3's order, once more from the text. */
static bool before(const char *a, const char *b)
{
	const char *as = strrchr(a, '*'), *bs = strrchr(b, '*');
	int arank = as ? 2 : *a == '.', brank = bs ? 2 : *b == '.';

	if (arank != brank)
		return arank < brank;
	return strlen(as ? as : a) > strlen(bs ? bs : b);
}

/* groups[f]: bits of the groups whose allow is chosen; 0: the file is not chosen at all. */
static void linear(const struct world *w, const unsigned *groups, const struct name *n, const struct line *best[2],
		   unsigned *open)
{
	best[0] = best[1] = NULL;
	*open = 0;
	for (unsigned i = 0; i < w->n; i++) {
		const struct line *l = &w->lines[i];

		if (!groups[l->file] || (l->role == ROLE_ALLOW && !(groups[l->file] >> l->group & 1)) ||
		    !naive_match(l->pattern, n))
			continue;
		if (l->role == ROLE_ALLOW)
			*open |= 1u << w->ports[l->file][l->group];
		if (!best[l->role] || before(l->pattern, best[l->role]->pattern))
			best[l->role] = l;
	}
}

static void check_one(const struct built *t, const struct world *w, unsigned choice, const unsigned *groups,
		      const struct name *n)
{
	const struct line *best[2];
	unsigned open, got = 0;
	uint32_t e[2];
	struct match m;

	linear(w, groups, n, best, &open);
	catalog_find(t->c, &t->choices[choice], n, &m);
	e[0] = m.allow;
	e[1] = m.chain;
	for (unsigned role = 0; role < 2; role++) {
		char shown[NAME_TEXT], text[256];

		if (!best[role] && e[role] == ENTRY_NONE)
			continue;
		name_text(n, shown);
		if (!best[role] || e[role] == ENTRY_NONE)
			fail_msg("%s, role %u: %s", shown, role, best[role] ? best[role]->pattern :
				 catalog_entry_text(t->c, e[role], text));
		else if (strcmp(best[role]->pattern, catalog_entry_text(t->c, e[role], text)) ||
			 best[role]->number != t->c->entries[e[role]].line ||
			 best[role]->file != t->c->groups[t->c->entries[e[role]].group].catalog_index)
			fail_msg("%s, role %u: %s, expected %s in line %u of w%u", shown, role, text, best[role]->pattern,
				 best[role]->number, best[role]->file);
	}
	for (size_t i = 0; i < t->c->n_ports; i++)
		if (m.attrs.ports[i / 64] >> i % 64 & 1)
			got |= 1u << t->c->ports[i].port;
	assert_int_equal(got, open);
}

/* A choice in words, and what it means; the first takes all, in order, so that files are numbered as written. */
static void choose_random(struct built *t, struct naive_random *r, unsigned choice, unsigned *groups)
{
	char words[256] = "";

	for (unsigned f = 0; f < FILES; f++) {
		char word[32];
		unsigned g = naive_below(r, GROUPS);

		switch (choice ? naive_below(r, 3) : 2) {
		case 0:
			groups[f] = 0;
			continue;
		case 1:
			groups[f] = 1u << g;
			snprintf(word, sizeof(word), " w%u/g%u", f, g);
			break;
		default:
			groups[f] = (1u << GROUPS) - 1;
			snprintf(word, sizeof(word), " w%u", f);
		}
		strcat(words, word);
	}
	choose(t, words);
}

static void test_naive(void **state)
{
	static const unsigned sizes[] = { 1, 2, 3, 5, 8, 20, 60, 150 };
	static struct world w;
	struct naive_random r = { SEED };
	unsigned pairs = 0;

	print_message("seed %u\n", SEED);
	for (unsigned round = 0; round < 48; round++) {
		unsigned groups[CHOICES][FILES];
		struct built t;

		hash_init();
		world_write(&w, &r, sizes[round % ARRAY_SIZE(sizes)]);
		begin(&t);
		for (unsigned i = 0; i < CHOICES; i++)
			choose_random(&t, &r, i, groups[i]);
		finish(&t, false);
		assert_int_equal(t.c->n_entries, w.n);
		for (unsigned k = 0; k < 400; k++) {
			unsigned choice = naive_below(&r, CHOICES);
			struct name n;

			naive_name(&r, &n);
			check_one(&t, &w, choice, groups[choice], &n);
			pairs += w.n;
		}
		end_clean(&t);
	}
	print_message("%u pairs\n", pairs);
	assert_true(pairs > 100000);
}

/* Every warning of a random catalogue, found again by looking at all pairs. */
static void test_hygiene_naive(void **state)
{
	static struct world w;
	struct naive_random r = { SEED + 2 };
	unsigned warned = 0;

	for (unsigned round = 0; round < 60; round++) {
		struct built t;
		char *got;

		world_write(&w, &r, 1 + round % 5);
		begin(&t);
		choose(&t, "w0 w1 w2 w3");
		finish(&t, true);
		got = util_diags(t.d);
		for (unsigned i = 0; i < w.n; i++) {
			const struct line *l = &w.lines[i];
			unsigned same = 0, wide = 0;
			char duplicate[96], useless[96];

			for (unsigned k = 0; k < w.n; k++) {
				const struct line *o = &w.lines[k];
				struct pattern p, q;

				if (o->file != l->file || i == k || (l->role == ROLE_ALLOW && o->role == ROLE_CHAIN))
					continue;
				if (o->role == l->role && !strcmp(o->pattern, l->pattern)) {
					if (k < i && !same)
						same = o->number;
					continue;
				}
				if (l->role == ROLE_ALLOW && w.ports[l->file][l->group] != w.ports[o->file][o->group])
					continue;
				assert_int_equal(pattern_parse(&p, o->pattern, strlen(o->pattern), NULL, 0), 0);
				assert_int_equal(pattern_parse(&q, l->pattern, strlen(l->pattern), NULL, 0), 0);
				if (!wide && pattern_covers(&p, &q))
					wide = o->number;
			}
			snprintf(duplicate, sizeof(duplicate), "w%u.ini:%u: warning: %s: line %u has it already [duplicate]", l->file,
				 l->number, l->pattern, same);
			snprintf(useless, sizeof(useless), " in line %u takes all that it takes [useless]", wide);
			if (!strstr(got, duplicate) != !same)
				fail_msg("%s\n%s", duplicate, got);
			if (!same && wide) {
				char line[64], *at, *nl;

				snprintf(line, sizeof(line), "w%u.ini:%u: warning: %s: ", l->file, l->number, l->pattern);
				for (at = strstr(got, line); at; at = strstr(at + 1, line)) {
					nl = strchr(at, '\n');
					if (memmem(at, (size_t)(nl - at), useless, strlen(useless)))
						break;
				}
				if (!at)
					fail_msg("%s%s\n%s", line, useless, got);
			}
			warned += same || wide;
		}
		/* As many as were looked for, and so none besides. */
		for (const char *p = got; (p = strstr(p, " [useless]\n")); p++)
			warned--;
		for (const char *p = got; (p = strstr(p, " [duplicate]\n")); p++)
			warned--;
		assert_int_equal(warned, 0);
		free(got);
		end(&t);
	}
}

static void test_bits(void **state)
{
	struct built t;

	begin(&t);
	for (unsigned i = 0; i < CATALOG_PORTS; i++) {
		struct conf_port p = { IPPROTO_TCP, (uint16_t)(i + 1) };

		assert_int_equal(catalog_port_bit(t.b, &p), i);
		assert_int_equal(catalog_port_bit(t.b, &p), i);
	}
	assert_int_equal(catalog_port_bit(t.b, &(struct conf_port){ IPPROTO_UDP, 1 }), -ENOSPC);
	assert_int_equal(catalog_port_bit(t.b, &(struct conf_port){ IPPROTO_UDP, 2 }), -ENOSPC);
	for (unsigned i = 0; i < CATALOG_TYPES; i++)
		assert_int_equal(catalog_type_bit(t.b, (uint16_t)(i + 1)), i);
	assert_int_equal(catalog_type_bit(t.b, 1000), -ENOSPC);
	assert_int_equal(catalog_type_bit(t.b, 64), 63);
	util_expect(t.d, "postern.conf: error: more than 256 different ports in all\n"
			 "postern.conf: error: more than 64 different types in all\n");
	choose(&t, "");
	finish(&t, true);
	expect(&t, 0, "example.com", "- | -");
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attrs),
		cmocka_unit_test(test_specific),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_hygiene),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_naive),
		cmocka_unit_test(test_hygiene_naive),
	};

	hash_init();
	return cmocka_run_group_tests(tests, util_setup, util_teardown);
}
