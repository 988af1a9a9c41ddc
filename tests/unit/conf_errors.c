/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What conf_read says of configurations that are wrong: each message whole, all of a file in one run. */

#include "conf_util.h"

#include "conf/conf.h"
#include "conf/conf_value.h"

static void expect(const char *text, const char *want)
{
	util_read_text(text);
	util_expect(util_list, want);
}

static void test_sections(void **state)
{
	expect("[servr]\nworkers = x\n[server a]\nworkers = x\n[forward]\naddress = x\n[server]\nworkres = 2\n"
	       "[wholly-unknown]\n",
	       "postern.conf:1: error: unknown section [servr]: did you mean [server]?\n"
	       "postern.conf:3: error: [server a]: [server] takes no name\n"
	       "postern.conf:4: error: workers = 'x': expected a number from 1 to 256, or auto\n"
	       "postern.conf:5: error: [forward] needs a name: [forward ZONE]\n"
	       "postern.conf:6: error: address = 'x': expected ADDR@PORT or ADDR\n"
	       "postern.conf:7: error: [server] again: first on line 3\n"
	       "postern.conf:8: error: unknown key 'workres' in [server]: did you mean 'workers'?\n"
	       "postern.conf:9: error: unknown section [wholly-unknown]: there are server control upstream forward "
	       "records cache limits profile catalog export log\n");
	expect("[cache]\nlisten = 1.2.3.4\n",
	       "postern.conf:2: error: unknown key 'listen' in [cache]: it belongs in [server]\n");
	expect("[profile a]\nclients = 10.0.0.1\n[profile a]\nclients = 10.0.0.2\n[profile default]\n[profile default]\n"
	       "[profile .x]\nclients = 10.0.0.3\n[profile a/b]\n[catalog c]\nfile = x\n[catalog c]\n",
	       "postern.conf:3: error: [profile a] again: first on line 1\n"
	       "postern.conf:6: error: [profile default] again: first on line 5\n"
	       "postern.conf:7: error: [profile .x]: a name has letters, digits, '-', '_' and '.', and not '.' first\n"
	       "postern.conf:9: error: [profile a/b]: a name has letters, digits, '-', '_' and '.', and not '.' first\n"
	       "postern.conf:9: error: [profile a/b] needs 'clients', whom the profile is for\n"
	       "postern.conf:12: error: [catalog c] again: first on line 10\n"
	       "postern.conf:12: error: [catalog c] needs 'file', where the catalogue is\n");
	expect("[upstream]\ntls-name = dns.quad9.net\ntls-ca = x\ntls-pin = x\n",
	       "postern.conf:2: error: 'tls-name' is not in this version\n"
	       "postern.conf:3: error: 'tls-ca' is not in this version\n"
	       "postern.conf:4: error: 'tls-pin' is not in this version\n");
}

/* tests/golden/exports-bad.conf has the rest. */
static void test_exports(void **state)
{
	static char text[20000];
	char name[257];
	size_t n = 0, i;

	memset(name, 'x', 256);
	name[256] = '\0';
	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "[export a]\nset4 = inet t %s\n[export b]\nset4 = inet %s s\n", name + 1 - i,
			 name + 1 - i);
		util_read_text(text);
		assert_int_equal(diag_errors(util_list), 2 * i);
	}
	for (i = 0; i < CONF_EXPORTS + 2; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "[export e%zu]\nset4 = inet t s%zu\n", i, i);
	assert_int_equal(util_read_text(text)->n_exports, CONF_EXPORTS);
	util_expect(util_list, "postern.conf:129: error: [export e64]: there may be 64 of them\n"
		    "postern.conf:131: error: [export e65]: there may be 64 of them\n");
	/* the list beside a script, whichever comes first; it is one name longer, and no more */
	expect("[export a]\nkind = file\npath = /x.json\n[export b]\nkind = file\npath = /x\nset4 = inet t s\n",
	       "postern.conf:6: error: path = '/x' is written by [export a] too, line 3\n");
	expect("[export a]\nkind = file\npath = /x.json\n[export b]\nkind = socket\npath = /x\n[export c]\nkind = file\n"
	       "path = /x.json.json\n[export d]\nkind = file\npath = /x.jso\nset6 = ip6 t s\n", "");
	expect("[export a]\nkind = file\npath = /x\nset4 = inet t s\n[export b]\nkind = socket\npath = /run/c\n"
	       "[log]\nfile = /x.json\n[control]\nsocket = /run/c\n",
	       "postern.conf:3: error: path = '/x' is the [log]'s file\n"
	       "postern.conf:7: error: path = '/run/c' is the [control] socket\n");
	for (i = 107; i < 109; i++) {
		memset(name, '/', i);
		name[i] = '\0';
		snprintf(text, sizeof(text), "[export a]\nkind = socket\npath = %s\n[export b]\nkind = file\npath = %s.json\n",
			 name, name);
		util_read_text(text);
		assert_int_equal(diag_errors(util_list), i - 107);
	}
	/* a script is for another machine, maybe */
	expect("[export a]\nset4 = inet t s\n[export b]\nkind = file\npath = /x\nset4 = inet t s\n[export c]\nkind = file\n"
	       "path = /y\nset4 = inet t s\n[export d]\nkind = ipset\nset4 = s\n", "");
	expect("[profile default]\nexport = none\n  x\n", "postern.conf:2: error: export = 'none': there is no [export none]\n"
	       "postern.conf:3: error: export = 'x': there is no [export x]\n");
}

/* A '#' behind a value is no comment; what was meant is said, once a line. */
static void test_hash(void **state)
{
	static const char hint[] = "; a comment behind a value begins with ';'\n";
	char want[1024];

	snprintf(want, sizeof(want),
		 "postern.conf:2: error: rate = '5 # five': expected a number from 1 to 1000000000%s"
		 "postern.conf:3: error: queries = 'all?# of them': expected none, blocked or all%s"
		 "postern.conf:5: error: catalog = '# none': expected CATALOG or CATALOG/GROUP, names of letters, digits, "
		 "'-', '_' and '.'%s"
		 "postern.conf:7: error: clients = '# our own net': expected ADDR/BITS or ADDR%s"
		 "postern.conf:8: error: clients = '192.168.0.0/33': expected ADDR/BITS or ADDR\n", hint, hint, hint, hint);
	expect("[log]\nrate = 5 # five\nqueries = all\t# of them\n[profile default]\ncatalog = # none\n"
	       "[server]\nclients = 10.0.0.0/8 # our own net\n  192.168.0.0/33 ; and theirs\n", want);
	/* none of these is one */
	expect("[server]\nzones = a #b c#d\n[log]\nfile = x #y\n", "");
}

static void test_forwards(void **state)
{
	expect("[forward corp.example]\n[forward .]\naddress = 10.0.0.1\n[forward a..b]\naddress = 10.0.0.1\n"
	       "[forward a.b]\naddress = 10.0.0.1\n[forward A.B.]\naddress = 10.0.0.1\n",
	       "postern.conf:1: error: [forward corp.example] needs 'address', servers of this zone\n"
	       "postern.conf:2: error: [forward .]: for all other names there is [upstream]\n"
	       "postern.conf:4: error: [forward a..b]: not the name of a zone\n"
	       "postern.conf:8: error: [forward A.B.] again: first on line 6\n");
}

static void test_profiles(void **state)
{
	expect("[profile a]\n[profile b]\nclients = 10.0.0.0/8 10.1.0.0/16\n 10.2.3.4\n[profile c]\n"
	       "clients = 10.2.3.4/32 10.1.0.0/17\n 10.0.0.0/8 10.0.0.0/8\n[profile default]\nclients = 10.9.0.0/16\n",
	       "postern.conf:1: error: [profile a] needs 'clients', whom the profile is for\n"
	       "postern.conf:6: error: clients = '10.2.3.4' again: first on line 4, in [profile b]\n"
	       "postern.conf:7: error: clients = '10.0.0.0/8' again: first on line 3, in [profile b]\n"
	       "postern.conf:7: error: clients = '10.0.0.0/8' again: first on line 3, in [profile b]\n"
	       "postern.conf:9: error: 'clients' in [profile default]: it is for every client that no other profile names\n");
	expect("[profile a]\nclients = 10.1.2.3/8 2001:db8::1/33 10.0.0.1/32\n",
	       "postern.conf:2: error: clients = '10.1.2.3/8': bits are set behind the prefix, 10.0.0.0/8 would be right\n"
	       "postern.conf:2: error: clients = '2001:db8::1/33': bits are set behind the prefix, "
	       "2001:db8::/33 would be right\n");
	expect("[profile default]\nsinkhole = 10.0.0.1 10.0.0.2 ::1 ::2\ntypes = ANY A AXFR\n IXFR OPT TKEY\n",
	       "postern.conf:2: error: sinkhole = '10.0.0.2': a second IPv4 address, one of each is the most\n"
	       "postern.conf:2: error: sinkhole = '::2': a second IPv6 address, one of each is the most\n"
	       "postern.conf:3: error: types = 'ANY': expected types that a name can be asked for, like AAAA\n"
	       "postern.conf:3: error: types = 'AXFR': expected types that a name can be asked for, like AAAA\n"
	       "postern.conf:4: error: types = 'IXFR': expected types that a name can be asked for, like AAAA\n"
	       "postern.conf:4: error: types = 'OPT': expected types that a name can be asked for, like AAAA\n"
	       "postern.conf:4: error: types = 'TKEY': expected types that a name can be asked for, like AAAA\n");
}

static void test_own_address(void **state)
{
	expect("[server]\nlisten = 0.0.0.0@53 ::@54 10.0.0.1@55 ::1@56\n"
	       "[upstream]\n"
	       "address = 127.0.0.1 127.9.9.9@53 127.0.0.1@54 10.0.0.1\n"
	       " 10.0.0.1@55 ::1@53 ::1@54 ::1@56\n"
	       " ::ffff:127.0.0.1@53 0.0.0.0@99 224.0.0.1 ::@99\n"
	       "[forward x]\n"
	       "address = 10.0.0.1@55\n",
	       "postern.conf:4: error: address = '127.0.0.1@53': we listen there ourselves (listen = 0.0.0.0@53)\n"
	       "postern.conf:4: error: address = '127.9.9.9@53': we listen there ourselves (listen = 0.0.0.0@53)\n"
	       "postern.conf:5: error: address = '10.0.0.1@55': we listen there ourselves (listen = 10.0.0.1@55)\n"
	       "postern.conf:5: error: address = '::1@54': we listen there ourselves (listen = ::@54)\n"
	       "postern.conf:5: error: address = '::1@56': we listen there ourselves (listen = ::1@56)\n"
	       "postern.conf:6: error: address = '::ffff:127.0.0.1@53': we listen there ourselves (listen = 0.0.0.0@53)\n"
	       "postern.conf:6: error: address = '0.0.0.0@99': not the address of a server\n"
	       "postern.conf:6: error: address = '224.0.0.1@53': not the address of a server\n"
	       "postern.conf:6: error: address = '::@99': not the address of a server\n"
	       "postern.conf:8: error: address = '10.0.0.1@55': we listen there ourselves (listen = 10.0.0.1@55)\n");
	/* The default of listen counts too. */
	expect("[upstream]\naddress = 127.0.0.1@5300\n",
	       "postern.conf:2: error: address = '127.0.0.1@5300': we listen there ourselves (listen = 127.0.0.1@5300)\n");
	expect("[server]\nlisten = 10.0.0.1 10.0.0.2\n 10.0.0.1@53 239.0.0.1\n",
	       "postern.conf:3: error: listen = '10.0.0.1@53' again: first on line 2\n"
	       "postern.conf:3: error: listen = '239.0.0.1@53': not an address of a machine\n");
}

static void test_values(void **state)
{
	expect("[cache]\nblock-ttl = 1500ms\nmin-ttl = 5m\nmax-ttl = 1m\nstale = 99999999999999999999d\nsize = 32m\n",
	       "postern.conf:1: error: [cache] min-ttl is larger than max-ttl\n"
	       "postern.conf:2: error: block-ttl = '1500ms': expected a time from 0s to 1d with its unit, in whole seconds: "
	       "s, m, h or d\n"
	       "postern.conf:5: error: stale = '99999999999999999999d': expected a time from 0s to 7d with its unit, "
	       "in whole seconds: s, m, h or d\n"
	       "postern.conf:6: error: size = '32m': expected a size from 64K to 1024G, in K, M, G or bytes\n");
	expect("[upstream]\ntimeout = 1.5s\ncase = Random\nprivate = ja\n[profile default]\nblock = nxdomian\n",
	       "postern.conf:2: error: timeout = '1.5s': expected a time from 10ms to 1m with its unit, ms, s, m, h or d\n"
	       "postern.conf:3: error: case = 'Random': expected keep or random\n"
	       "postern.conf:4: error: private = 'ja': expected yes or no\n"
	       "postern.conf:6: error: block = 'nxdomian': expected nxdomain, nodata, refused, sinkhole or drop\n");
	assert_int_equal(util_read_text("[cache]\nblock-ttl = 2000ms\n")->cache.block_ttl, 2);
	assert_int_equal(util_read_text("[cache]\nsize = 65536\n")->cache.size, 65536);
	assert_int_equal(util_read_text("[cache]\nstale = 0\n")->cache.stale, 0);
	/* The first line of a value may be empty. */
	assert_int_equal(util_read_text("[server]\nlisten =\n  10.0.0.1\n  10.0.0.2\n")->server.listen.n, 2);
	util_expect(util_list, "");
}

/* `user` of n characters, and an error behind it. */
static char *long_value(size_t n)
{
	char *text = NULL;
	size_t len, i;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	fprintf(f, "[server]\nuser = ");
	for (i = 0; i < n; i++)
		fputc('u', f);
	fprintf(f, "\nworkers = 0\n");
	fclose(f);
	return text;
}

static void test_long_value(void **state)
{
	char *text = long_value(300), *got;

	util_read_text(text);
	got = util_diags(util_list);
	/* Shown cut, and said so. */
	assert_non_null(strstr(got, "uuu…': expected one word\n"));
	assert_true(strlen(got) < 300);
	free(got);
	free(text);
	text = long_value(10 << 20);
	expect(text, "postern.conf:2: error: a line longer than 65536 bytes\n"
		     "postern.conf:3: error: workers = '0': expected a number from 1 to 256, or auto\n");
	free(text);
}

static void test_near(void **state)
{
	size_t len;

	assert_int_equal(conf_distance("listen", 6, "listen", 6, 2), 0);
	assert_int_equal(conf_distance("lisen", 5, "listen", 6, 2), 1);
	assert_int_equal(conf_distance("lsiten", 6, "listen", 6, 2), 2);
	assert_int_equal(conf_distance("", 0, "abc", 3, 2), 3);
	assert_int_equal(conf_distance("kitten", 6, "sitting", 7, 9), 3);
	assert_null(conf_near("ab", "xy zz", &len));
	assert_string_equal(conf_near("workesr", "listen workers", &len), "workers");
	assert_int_equal(len, 7);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections), cmocka_unit_test(test_exports), cmocka_unit_test(test_hash), cmocka_unit_test(test_forwards),
		cmocka_unit_test(test_profiles), cmocka_unit_test(test_own_address), cmocka_unit_test(test_values),
		cmocka_unit_test(test_long_value), cmocka_unit_test(test_near),
	};

	return cmocka_run_group_tests_name("conf_errors", tests, util_setup, util_end);
}
