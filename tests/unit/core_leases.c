/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include "core/leases.h"

static struct conf_export exports[] = { { .name = { "lock\"down", 1 } }, { .name = { "other", 2 } } };
static const struct conf conf = { .exports = exports, .n_exports = 2 };
static struct proto_lease lease;

static int setup(void **state)
{
	struct name n;

	memset(&lease, 0, sizeof(lease));
	strcpy(lease.set, "inet lockdown update4");
	lease.addr = snap_addr("192.0.2.1");
	lease.client = snap_addr("10.0.0.7");
	lease.proto = IPPROTO_UDP;
	lease.port = 123;
	lease.seconds = 77;
	lease.name = snap_name("a\\034b.example.com");
	for (int i = 0; i < 2; i++) {
		n = snap_name(i ? "two.example.net" : "one.example.net");
		memcpy(lease.chain + lease.chain_len, n.wire, n.len);
		lease.chain_len += n.len;
	}
	strcpy(lease.file, "/etc/zones/my \"list\".ini");
	lease.line = 12;
	return 0;
}

static void expect(bool json, const char *want)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(leases_print(out, &conf, &lease, json), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, want);
	free(text);
}

static void test_json(void **state)
{
	expect(true, "{\"export\":\"lock\\\"down\",\"set\":\"inet lockdown update4\",\"address\":\"192.0.2.1\","
	       "\"client\":\"10.0.0.7\",\"proto\":\"udp\",\"port\":123,\"name\":\"a\\\\034b.example.com\","
	       "\"chain\":[\"one.example.net\",\"two.example.net\"],\"file\":\"/etc/zones/my \\\"list\\\".ini\","
	       "\"line\":12,\"seconds\":77}");
}

/* What does not apply or is not known. */
static void test_json_null(void **state)
{
	memset(&lease, 0, sizeof(lease));
	lease.export = 1;
	strcpy(lease.set, "s");
	lease.addr = snap_addr("2001:db8::1");
	expect(true, "{\"export\":\"other\",\"set\":\"s\",\"address\":\"2001:db8::1\",\"client\":null,\"proto\":null,"
	       "\"port\":null,\"name\":null,\"chain\":[],\"file\":null,\"line\":null,\"seconds\":0}");
}

static void test_text(void **state)
{
	expect(false, "      77 s  192.0.2.1        10.0.0.7         udp/123   lock\"down: inet lockdown update4  "
	       "a\\034b.example.com -> one.example.net -> two.example.net  /etc/zones/my \"list\".ini:12\n");
	lease.proto = 0;
	lease.client.len = 0;
	lease.chain_len = 0;
	lease.name.len = 0;
	lease.file[0] = '\0';
	expect(false, "      77 s  192.0.2.1        *  123       lock\"down: inet lockdown update4  "
	       "(not known any more)\n");
}

/* Of one family all lines have the same columns, whatever the addresses. */
static void test_text_ipv6(void **state)
{
	lease.chain_len = 0;
	lease.file[0] = '\0';
	lease.addr = snap_addr("2001:db8::1");
	lease.client = snap_addr("fd30:1:2:30:abcd:abcd:abcd:abcd");
	expect(false, "      77 s  2001:db8::1                              fd30:1:2:30:abcd:abcd:abcd:abcd          "
	       "udp/123   lock\"down: inet lockdown update4  a\\034b.example.com\n");
	lease.addr = snap_addr("2001:db8:1111:2222:3333:4444:5555:6666");
	lease.client = snap_addr("fd30::1");
	expect(false, "      77 s  2001:db8:1111:2222:3333:4444:5555:6666   fd30::1                                  "
	       "udp/123   lock\"down: inet lockdown update4  a\\034b.example.com\n");
}

/* The agent is another process: what it says is taken with care. */
static void test_bent(void **state)
{
	lease.export = 2;
	lease.chain[lease.chain_len - 1] = 60;
	lease.proto = 250;
	expect(false, "      77 s  192.0.2.1        10.0.0.7         123       ?: inet lockdown update4  "
	       "a\\034b.example.com -> one.example.net  /etc/zones/my \"list\".ini:12\n");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = { T(test_json), T(test_json_null), T(test_text), T(test_text_ipv6), T(test_bent) };

	return cmocka_run_group_tests_name("core_leases", tests, NULL, NULL);
}
