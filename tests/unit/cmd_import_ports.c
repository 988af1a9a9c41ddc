/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf_util.h"

#include "cmd/import_ports.h"

static void expect(const char *cell, const char *ports)
{
	struct import_ports p;
	const char *why = NULL;
	char all[512] = "", one[16];

	if (import_ports_read(&p, cell, &why)) {
		snprintf(all, sizeof(all), "! %s", why);
	} else {
		for (unsigned i = 0; i < p.n; i++) {
			conf_port_text(&p.v[i], one);
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? " " : "", one);
		}
	}
	if (strcmp(all, ports))
		fail_msg("\"%s\": \"%s\", expected \"%s\"", cell, all, ports);
}

#define UNKNOWN "! expected protocols, ports or both"
#define NO_PORT "! a transport without a port"

static void test_names(void **state)
{
	static const char *const https[] = {
		"HTTPS", "https", "HTTPs", "TLS", "TLSv1.2", "TLSV1.2", "TLS v1.2", "TLS 1.2", "TLSv1.3", "TLS1.2", "TLSv1.2/HTTPS",
		"TLSv1.2\\/HTTPS", "TLSv1.2/ HTTPS", "HTTPS/TLS v1.2", "HTTPS, TLSv1.2", "SSL", "TCP/HTTPS", "TLS 1.2+",
	};
	static const char *const both[] = {
		"HTTP/HTTPS", "HTTP \\ HTTPS", "HTTP and HTTPS", "HTTP, HTTPS", "HTTPS/HTTP", "TLSv1.2/HTTP",
		"TLSv1.2/HTTPS/HTTP", "HTTP/ TLS v1.2", "HTTP or HTTPS", "HTTP/1.1, HTTPS",
	};

	for (size_t i = 0; i < ARRAY_SIZE(https); i++)
		expect(https[i], "tcp/443");
	for (size_t i = 0; i < ARRAY_SIZE(both); i++)
		expect(both[i], "tcp/80 tcp/443");
	expect("HTTP", "tcp/80");
	expect("http", "tcp/80");
	expect("NTP", "udp/123");
	expect("HTTPS, NTP", "tcp/443 udp/123");
}

/* Nothing is said, or nothing that is a port. */
static void test_none(void **state)
{
	static const char *const none[] = {
		"", "-", "\xe2\x80\x93", "N/A", "as in URL", "DNS", "DNS A", "DNS AAAA", "DNS SRV", "DNS TXT", "DNS CNAME",
	};

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		expect(none[i], "");
	assert_true(import_ports_in_url("as in URL"));
	assert_false(import_ports_in_url("HTTP"));
}

static void test_numbers(void **state)
{
	expect("443", "tcp/443");
	expect("443, 80", "tcp/443 tcp/80");
	expect("ports 80 and 443", "tcp/80 tcp/443");
	expect("port 80", "tcp/80");
	expect("TCP: 80, 443", "tcp/80 tcp/443");
	expect("TCP 80/443", "tcp/80 tcp/443");
	expect("tcp/443", "tcp/443");
	expect("443/tcp, 123/udp", "tcp/443 udp/123");
	expect("443/tcp, 123/udp (NTP), 80", "tcp/443 udp/123 tcp/80");
	expect("53/tcp/udp", "tcp/53 udp/53");
	expect("tcp 80 and 443", "tcp/80 tcp/443");
	expect("UDP 123", "udp/123");
	expect("UDP: 123", "udp/123");
	expect("123 (NTP)", "udp/123");
	expect("TCP/UDP 53", "tcp/53 udp/53");
	expect("TCP and UDP port 53", "tcp/53 udp/53");
	expect("443 (HTTPS)", "tcp/443");
	expect("HTTPS/443", "tcp/443");
	expect("HTTPS 443", "tcp/443");
	expect("TCP/HTTPS 443", "tcp/443");
	expect("HTTP (TCP port 80)", "tcp/80");
	expect("HTTP 80, HTTPS 443", "tcp/80 tcp/443");
	expect("HTTP / 80; HTTPs / 443", "tcp/80 tcp/443");
	expect("HTTP Port 80, HTTPS Port 443", "tcp/80 tcp/443");
	expect("HTTPS 8443", "tcp/8443");
	expect("TCP 8883 (MQTT), 443", "tcp/8883 tcp/443");
	expect("UDP 123, HTTPS 443", "udp/123 tcp/443");
	expect("TCP 443 UDP 123", "tcp/443 udp/123");
	expect("QUIC 443", "udp/443");
	expect("UDP 3478; 443", "udp/3478 tcp/443");
	expect("443, 443", "tcp/443");
}

static void test_ranges(void **state)
{
	expect("TCP 443, 5228-5230", "tcp/443 tcp/5228 tcp/5229 tcp/5230");
	expect("5228\xe2\x80\x93" "5229", "tcp/5228 tcp/5229");
	expect("TCP 443; TCP/UDP 5228-5229", "tcp/443 tcp/5228 udp/5228 tcp/5229 udp/5229");
	expect("TCP 443, 5228-5230; XMPP 5235, 5236", "tcp/443 tcp/5228 tcp/5229 tcp/5230 tcp/5235 tcp/5236");
	expect("8001-8016", "tcp/8001 tcp/8002 tcp/8003 tcp/8004 tcp/8005 tcp/8006 tcp/8007 tcp/8008 tcp/8009 tcp/8010 "
	       "tcp/8011 tcp/8012 tcp/8013 tcp/8014 tcp/8015 tcp/8016");
	expect("8001-8017", "! more than 16 ports");
	expect("49152-65535", "! more than 16 ports");
	expect("TCP 8001-8009, UDP 8001-8009", "! more than 16 ports");
	expect("80-70", "! a number that is no port");
}

/* What is not understood to its last word is not read at all. */
static void test_bad(void **state)
{
	expect("TCP", NO_PORT);
	expect("UDP", NO_PORT);
	expect("port", NO_PORT);
	expect("any", UNKNOWN);
	expect("HTTP (optional)", UNKNOWN);
	expect("TCP 443 (see note)", UNKNOWN);
	expect("443*", UNKNOWN);
	expect("*", UNKNOWN);
	expect("A", UNKNOWN);
	expect("ICMP", UNKNOWN);
	expect("HTTP/2", "! a number that is no port");
	expect("0", "! a number that is no port");
	expect("65536", "! a number that is no port");
	expect("99999999999999999999", "! a number that is no port");
	expect("65535", "tcp/65535");
	expect("HTTP, HTTPS 443", "! one port for two protocols");
	expect("UDP/HTTPS 443", "! a protocol without its port");
	expect("HTTPS, UDP 123", "! a protocol without its port");
	expect("TCP 4.5", NO_PORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, util_setup, util_teardown);
}
