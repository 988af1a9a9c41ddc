/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "dns/zonefile.h"

static FILE *file(const char *text, size_t len)
{
	FILE *in = tmpfile();

	assert_non_null(in);
	assert_int_equal(fwrite(text, 1, len, in), len);
	rewind(in);
	return in;
}

/* All that is read, a line each: "LINE OWNER TYPE [TARGET]" or "LINE error WHY: TEXT". */
static char *dump(const char *text, size_t len)
{
	FILE *in = file(text, len), *out;
	char *all, owner[NAME_TEXT], target[NAME_TEXT], type[16];
	struct zonefile_record r;
	struct zonefile *z;
	size_t size, n;
	int got;

	out = open_memstream(&all, &size);
	assert_int_equal(zonefile_open(&z, in), 0);
	while ((got = zonefile_next(z, &r))) {
		assert_true(got == 1 || got == -EINVAL);
		if (got == 1) {
			bool leads = r.type == TYPE_CNAME || r.type == TYPE_DNAME;

			assert_true(leads || name_equal(&r.target, &name_root));
			fprintf(out, "%u %s %s%s%s\n", zonefile_line(z), name_text(&r.owner, owner), type_text(r.type, type),
				leads ? " " : "", leads ? name_text(&r.target, target) : "");
		} else {
			const char *shown = zonefile_text(z, &n);

			fprintf(out, "%u error %s: %.*s\n", zonefile_line(z), zonefile_why(z), (int)MIN(n, 60u), shown);
		}
	}
	assert_int_equal(zonefile_next(z, &r), 0);
	zonefile_close(z);
	fclose(in);
	fclose(out);
	return all;
}

static void expect(const char *text, const char *want)
{
	char *got = dump(text, strlen(text));

	assert_string_equal(got, want);
	free(got);
}

static void test_forms(void **state)
{
	expect("\xef\xbb\xbf$TTL 2h ; a comment\r\n"
	       "$ORIGIN Example.Test.\r\n"
	       "\n"
	       "@ IN SOA ns root (\n"
	       "\t1 ; serial (\n"
	       "\t2 3 4 5 )\n"
	       "  NS ns\n"
	       "\t60 IN NS ns2\n"
	       "www IN 60 CNAME ns\n"
	       "www2 1h30m cname Other.Zone. ; \")\n"
	       "123 IN CNAME @\n"
	       "*.wild\\.dot CNAME *.\n"
	       "txt TXT \"a;b(c\" (\n \"d\n\" )\n"
	       "t2 TXT \"a;b(\" (\n \"d\" )\n"
	       "a A 1.2.3.4\n"
	       "d DNAME up.to.\n"
	       "u TYPE65280 \\# 2 abcd\n"
	       "$ORIGIN sub\n"
	       "x CNAME .\n"
	       "whole.zone. CNAME y\n"
	       "$origin top.\n"
	       " CNAME z\n"
	       "$ORIGIN not\\.\n"
	       "a CNAME b\n"
	       "$ORIGIN whole\\\\.\n"
	       "a CNAME b",
	       "4 example.test SOA\n"
	       "7 example.test NS\n"
	       "8 example.test NS\n"
	       "9 www.example.test CNAME ns.example.test\n"
	       "10 www2.example.test CNAME other.zone\n"
	       "11 123.example.test CNAME example.test\n"
	       "12 \\042.wild\\046dot.example.test CNAME \\042\n"
	       "13 error a quote is not closed on its line: txt TXT \"a;b(c\"    \"d\n"
	       "15 error a quote is not closed on its line: \" )\n"
	       "16 t2.example.test TXT\n"
	       "18 a.example.test A\n"
	       "19 d.example.test DNAME up.to\n"
	       "20 u.example.test TYPE65280\n"
	       "22 x.sub.example.test CNAME .\n"
	       "23 whole.zone CNAME y.sub.example.test\n"
	       "25 whole.zone CNAME z.top\n"
	       "27 a.not\\046.top CNAME b.not\\046.top\n"
	       "29 a.whole\\092 CNAME b.whole\\092\n");
}

static void test_bad(void **state)
{
	expect(" CNAME x.\n"
	       "a CH CNAME x.\n"
	       "a IN 60 IN CNAME x.\n"
	       "a FOO x.\n"
	       "a\n"
	       "a CNAME\n"
	       "a CNAME x. y.\n"
	       "a A 1.2.3\n"
	       "a..b CNAME x.\n"
	       "$INCLUDE /etc/passwd\n"
	       "$GENERATE 1-9 a$ CNAME x.\n"
	       "$ORIGIN\n"
	       "$ORIGIN a b\n"
	       "$ORIGIN a..b\n"
	       ") CNAME x.\n"
	       "b CNAME x.\n"
	       "c ( CNAME\nx.\n",
	       "1 error no record before it whose owner could be meant:  CNAME x.\n"
	       "2 error the class must be IN: a CH CNAME x.\n"
	       "3 error Syntax error, could not parse the RR's rdata: a IN 60 IN CNAME x.\n"
	       "4 error Syntax error, could not parse the RR's rdata: a FOO x.\n"
	       "5 error Syntax error, could not parse the RR's type: a\n"
	       "6 error Syntax error, value expected: a CNAME\n"
	       "7 error Syntax error, superfluous text present: a CNAME x. y.\n"
	       "8 error Syntax error, could not parse the RR's rdata: a A 1.2.3\n"
	       "9 error Syntax error, could not parse the RR: a..b CNAME x.\n"
	       "10 error of the directives only $ORIGIN and $TTL are followed: $INCLUDE /etc/passwd\n"
	       "11 error of the directives only $ORIGIN and $TTL are followed: $GENERATE 1-9 a$ CNAME x.\n"
	       "12 error expected one name behind $ORIGIN: $ORIGIN\n"
	       "13 error expected one name behind $ORIGIN: $ORIGIN a b\n"
	       "14 error expected one name behind $ORIGIN: $ORIGIN a..b\n"
	       "15 error ')' without '(':   CNAME x.\n"
	       "16 b.\\000 CNAME x\n"
	       "17 error a bracket is not closed: c   CNAME x.\n");
}

/* Without a word on its name a zone is below a name of its own; a SOA with a whole name says it. */
static void test_origin(void **state)
{
	static const char text[] = "a CNAME b.\n@ SOA n. m. 1 2 3 4 5\nrpz.test. SOA n. m. 1 2 3 4 5\nc CNAME d.\n"
				   "other. SOA n. m. 1 2 3 4 5\ne CNAME f.\n";
	FILE *in = file(text, strlen(text));
	struct zonefile_record r;
	struct zonefile *z;
	char buf[NAME_TEXT];

	assert_int_equal(zonefile_open(&z, in), 0);
	assert_true(name_equal(zonefile_origin(z), &zonefile_unnamed));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(zonefile_next(z, &r), 1);
		assert_true(name_under(&r.owner, &zonefile_unnamed));
		assert_true(name_equal(zonefile_origin(z), &zonefile_unnamed));
	}
	assert_int_equal(zonefile_next(z, &r), 1);
	assert_string_equal(name_text(zonefile_origin(z), buf), "rpz.test");
	assert_int_equal(zonefile_next(z, &r), 1);
	assert_string_equal(name_text(&r.owner, buf), "c.rpz.test");
	assert_int_equal(zonefile_next(z, &r), 1);
	assert_int_equal(zonefile_next(z, &r), 1);
	assert_string_equal(name_text(&r.owner, buf), "e.rpz.test");
	zonefile_close(z);
	zonefile_close(NULL);
	fclose(in);
}

static void test_any_bytes(void **state)
{
	static const char nul[] = "a CNAME x.\nb CNAME\0 y.\nc CNAME z.\n";
	size_t size = 3 << 20;
	char *text = malloc(size), *got = dump(nul, sizeof(nul) - 1);

	assert_string_equal(got, "1 a.\\000 CNAME x\n2 error NUL bytes: this is not text: b CNAME\n3 c.\\000 CNAME z\n");
	free(got);
	/* A line and a bracket that are longer than any record: told, and what follows the line is read. */
	memset(text, 'x', size);
	memcpy(text + size - 12, "\na CNAME b.\n", 12);
	got = dump(text, size);
	assert_non_null(strstr(got, "1 error a record of over 64 KiB: xxx"));
	assert_non_null(strstr(got, "2 a.\\000 CNAME b\n"));
	free(got);
	memset(text, '\n', size);
	text[0] = '(';
	memcpy(text + size - 12, "\na CNAME b.\n", 12);
	got = dump(text, size);
	assert_non_null(strstr(got, "1 error a record of over 64 KiB: "));
	assert_non_null(strstr(got, "a.\\000 CNAME b\n"));
	free(got);
	for (size_t i = 0, seed = 1; i < size; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		text[i] = (char)(seed >> 33);
	}
	free(dump(text, 1 << 20));
	free(text);
}

static void test_unreadable(void **state)
{
	FILE *in = fopen("/", "r");
	struct zonefile_record r;
	struct zonefile *z;

	assert_non_null(in);
	assert_int_equal(zonefile_open(&z, in), 0);
	assert_int_equal(zonefile_next(z, &r), -EISDIR);
	zonefile_close(z);
	fclose(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms), cmocka_unit_test(test_bad), cmocka_unit_test(test_origin),
		cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
