/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sched.h>

#include "io_help.h"

#include "export/flow.h"

static struct flow *flows;
static unsigned n_done, n_seen;
static int outcome;
static char seen[4096];

static void each(void *ctx, const struct addr *client, const struct addr *addr, uint8_t proto, uint16_t port)
{
	char a[ADDR_TEXT], b[ADDR_TEXT];
	size_t n = strlen(seen);

	n_seen++;
	snprintf(seen + n, sizeof(seen) - n, "%s %s %u %u\n", addr_text(client, a), addr_text(addr, b), proto, port);
}

static void done(void *ctx, int err)
{
	n_done++;
	outcome = err;
}

static bool is_done(void)
{
	return n_done > 0;
}

/* A namespace that tracks what goes over its loopback, to an address that is translated on the way. */
static bool prepare(void)
{
	return !geteuid() && !unshare(CLONE_NEWNET) &&
	       !system("ip link set lo up && ip addr add 192.0.2.1/32 dev lo && ip route add 192.0.2.9 dev lo &&"
		       "ip addr add 2001:db8::1/128 dev lo nodad &&"
		       "nft 'add table inet t; add chain inet t o { type nat hook output priority -100; };"
		       "add rule inet t o ip daddr 192.0.2.9 dnat ip to 192.0.2.1;"
		       "add chain inet t f { type filter hook output priority 0; };"
		       "add rule inet t f ct state new accept'");
}

static void read_all(void)
{
	n_done = n_seen = 0;
	outcome = 1;
	seen[0] = '\0';
	assert_int_equal(flow_read(flows, each, done, NULL), 0);
	assert_int_equal(flow_read(flows, each, done, NULL), -EBUSY);
	assert_int_equal(n_done, 0);
	help_until(is_done);
	assert_int_equal(outcome, 0);
}

static int dial(int type, const char *to, uint16_t port)
{
	struct endpoint e = { .port = port };
	struct sockaddr_storage ss;
	socklen_t len;
	int fd;

	assert_int_equal(addr_parse(&e.addr, to, strlen(to)), 0);
	len = endpoint_to_sockaddr(&e, &ss);
	fd = socket(ss.ss_family, type, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

static int serve(int type, const char *at, uint16_t port)
{
	struct endpoint e = { .port = port };
	struct sockaddr_storage ss;
	socklen_t len;
	int fd;

	assert_int_equal(addr_parse(&e.addr, at, strlen(at)), 0);
	len = endpoint_to_sockaddr(&e, &ss);
	fd = socket(ss.ss_family, type, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void living(void **state)
{
	int tcp4, tcp6, udp, c4, c6, cu, asked;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char buf[16];

	if (!prepare()) {
		print_message("needs root, namespaces, ip and nft\n");
		skip();
	}
	flows = flow_open(loop, seen, sizeof(seen));
	assert_non_null(flows);
	read_all();
	assert_int_equal(n_seen, 0);
	tcp4 = serve(SOCK_STREAM, "192.0.2.1", 443);
	tcp6 = serve(SOCK_STREAM, "2001:db8::1", 443);
	udp = serve(SOCK_DGRAM, "192.0.2.1", 443);
	c4 = dial(SOCK_STREAM, "192.0.2.9", 443);
	c6 = dial(SOCK_STREAM, "2001:db8::1", 443);
	cu = dial(SOCK_DGRAM, "192.0.2.1", 443);
	asked = dial(SOCK_DGRAM, "192.0.2.1", 444);
	assert_int_equal(write(cu, "hello", 5), 5);
	assert_int_equal(recvfrom(udp, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len), 5);
	read_all();
	/* Before the translation; a question without an answer is no flow that lives. */
	assert_non_null(strstr(seen, " 192.0.2.9 6 443\n"));
	assert_non_null(strstr(seen, "2001:db8::1 2001:db8::1 6 443\n"));
	assert_null(strstr(seen, " 17 443\n"));
	assert_int_equal(n_seen, 2);
	assert_int_equal(sendto(udp, "answer", 6, 0, (struct sockaddr *)&from, len), 6);
	read_all();
	assert_non_null(strstr(seen, "192.0.2.1 192.0.2.1 17 443\n"));
	assert_int_equal(n_seen, 3);
	/* A connection that both ends have closed is over. */
	close(c6);
	close(accept(tcp6, NULL, NULL));
	read_all();
	assert_null(strstr(seen, "2001:db8::1"));
	close(c4);
	close(cu);
	close(asked);
	close(tcp4);
	close(tcp6);
	close(udp);
	/* Closed in the middle: nothing more is heard of it. */
	n_done = 0;
	assert_int_equal(flow_read(flows, each, done, NULL), 0);
	flow_close(flows);
	help_turn(20);
	assert_int_equal(n_done, 0);
}

/* Thousands of flows come in parts. */
static void many(void **state)
{
	enum { N = 5000 };
	FILE *p;
	uint64_t begun;

	if (!prepare()) {
		print_message("needs root, namespaces, ip and nft\n");
		skip();
	}
	p = popen("conntrack -R - >/dev/null 2>&1", "w");
	assert_non_null(p);
	for (int i = 0; i < N; i++)
		fprintf(p, "-I -s 10.0.%d.%d -d 198.51.100.1 -p udp --sport %d --dport 443 --timeout 300"
			" -u SEEN_REPLY,ASSURED\n", i / 250, i % 250 + 1, 1000 + i);
	if (pclose(p)) {
		print_message("this conntrack(8) reads no list\n");
		skip();
	}
	flows = flow_open(loop, seen, sizeof(seen));
	assert_non_null(flows);
	begun = clock_now().mono_us;
	read_all();
	print_message("%u flows read in %.1f ms\n", n_seen, (double)(clock_now().mono_us - begun) / 1000);
	assert_int_equal(n_seen, N);
	flow_close(flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(living, help_setup, help_teardown),
		cmocka_unit_test_setup_teardown(many, help_setup, help_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
