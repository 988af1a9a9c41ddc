/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "export/proto.h"
#include "io/chan.h"

static uint8_t room[CHAN_MAX];
static struct wr w;
static struct proto_room got_room;
static struct conf_port ports[PROTO_PORTS + 1];
static struct addr addrs[PROTO_ADDRS + 1];
static uint8_t chain[PROTO_CHAIN + 1];
static char file[PROTO_FILE + 1];

static int setup(void **state)
{
	w = wr_init(room, sizeof(room));
	return 0;
}

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text, strlen(text)), 0);
	return a;
}

static struct name named(const char *text)
{
	struct name n;

	assert_int_equal(name_from_text(&n, text, strlen(text)), 0);
	return n;
}

/* The only record of what was written. */
static struct rd only(enum proto_type want)
{
	struct rd msg = rd_init(w.base, wr_len(&w)), body;
	enum proto_type type;

	assert_false(w.bad);
	assert_int_equal(proto_next(&msg, &type, &body), 1);
	assert_int_equal(type, want);
	assert_int_equal(proto_next(&msg, &type, &(struct rd){ 0 }), 0);
	return body;
}

/* Reads a body of any type into scratch. */
static int get(enum proto_type type, struct rd *body)
{
	static union {
		struct proto_hold hold;
		struct proto_held held;
		struct proto_lease lease;
		struct proto_set set;
		struct proto_review review;
		struct proto_verdict verdict;
		struct addr addr;
		uint64_t n;
	} u;
	static char text[PROTO_TEXT];
	int32_t err;

	switch (type) {
	case PROTO_HOLD:
		return proto_get_hold(body, &u.hold, &got_room);
	case PROTO_HELD:
		return proto_get_held(body, &u.held);
	case PROTO_LEASE:
		return proto_get_lease(body, &u.lease);
	case PROTO_SET:
		return proto_get_set(body, &u.set);
	case PROTO_REVIEW:
		return proto_get_review(body, &u.review);
	case PROTO_VERDICT:
		return proto_get_verdict(body, &u.verdict);
	case PROTO_PREPARED:
		return proto_get_prepared(body, &err, &u.n, text, sizeof(text));
	case PROTO_CLOSED:
	case PROTO_REVIEWED:
		return proto_get_count(body, &u.n);
	case PROTO_LIST:
	case PROTO_CLOSE:
		return proto_get_address(body, &u.addr);
	default:
		return 0;
	}
}

/* The record in w, its head and then its body cut at every byte; in memory that ends there. */
static void cut_everywhere(enum proto_type type)
{
	size_t len = wr_len(&w), bodies = len - PROTO_HEAD;
	struct rd msg, body;
	enum proto_type t;

	for (size_t n = 1; n < len; n++) {
		uint8_t *copy = malloc(n);

		memcpy(copy, room, n);
		msg = rd_init(copy, n);
		assert_int_equal(proto_next(&msg, &t, &body), -EBADMSG);
		free(copy);
	}
	for (size_t n = 0; n < bodies; n++) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, room + PROTO_HEAD, n);
		body = rd_init(copy, n);
		assert_int_equal(get(type, &body), -EBADMSG);
		free(copy);
	}
	/* and one byte more */
	room[len] = 0;
	body = rd_init(room + PROTO_HEAD, bodies + 1);
	assert_int_equal(get(type, &body), -EBADMSG);
	body = rd_init(room + PROTO_HEAD, bodies);
	assert_int_equal(get(type, &body), 0);
}

static void hold_of(struct proto_hold *h, size_t n_ports, size_t n_addrs)
{
	for (size_t i = 0; i < n_ports; i++)
		ports[i] = (struct conf_port){ i % 2 ? IPPROTO_UDP : IPPROTO_TCP, (uint16_t)(i + 1) };
	for (size_t i = 0; i < n_addrs; i++) {
		addrs[i] = address(i % 2 ? "2001:db8::1" : "192.0.2.1");
		addrs[i].b[3] = (uint8_t)i;
	}
	*h = (struct proto_hold){
		.seq = 0x81020304, .layout = 0x8102030405060708, .exports = 1ull << 63 | 1, .profile = 77,
		.ttl = 0x7fffffff, .client = address("fe80::1%1"), .name = named("www.example.com"),
		.chain = chain, .file = file, .line = 12, .ports = ports, .n_ports = n_ports, .addrs = addrs,
		.n_addrs = n_addrs,
	};
}

static void put_chain(struct proto_hold *h, const char *text)
{
	struct name n = named(text);

	memcpy(chain + h->chain_len, n.wire, n.len);
	h->chain_len += n.len;
}

static void same_hold(const struct proto_hold *a, const struct proto_hold *b)
{
	assert_int_equal(a->seq, b->seq);
	assert_true(a->layout == b->layout && a->exports == b->exports && a->profile == b->profile);
	assert_int_equal(a->ttl, b->ttl);
	assert_true(addr_equal(&a->client, &b->client));
	assert_true(name_equal(&a->name, &b->name));
	assert_int_equal(a->name.labels, b->name.labels);
	assert_int_equal(a->chain_len, b->chain_len);
	assert_memory_equal(a->chain, b->chain, a->chain_len);
	assert_int_equal(a->file_len, b->file_len);
	assert_memory_equal(a->file, b->file, a->file_len);
	assert_int_equal(b->file[b->file_len], 0);
	assert_int_equal(a->line, b->line);
	assert_int_equal(a->n_ports, b->n_ports);
	for (size_t i = 0; i < a->n_ports; i++)
		assert_true(a->ports[i].proto == b->ports[i].proto && a->ports[i].port == b->ports[i].port);
	assert_int_equal(a->n_addrs, b->n_addrs);
	for (size_t i = 0; i < a->n_addrs; i++)
		assert_true(addr_equal(&a->addrs[i], &b->addrs[i]));
}

static void test_hold(void **state)
{
	struct proto_hold h, got;
	struct rd body;

	hold_of(&h, 3, 4);
	put_chain(&h, "a.cdn.example.net");
	put_chain(&h, "b.example.net");
	strcpy(file, "/etc/postern/zones/a.ini");
	h.file_len = (uint16_t)strlen(file);
	proto_put_hold(&w, &h);
	body = only(PROTO_HOLD);
	assert_int_equal(proto_get_hold(&body, &got, &got_room), 0);
	same_hold(&h, &got);
	cut_everywhere(PROTO_HOLD);
}

/* The longest that there can be is one message; a byte, port or address more is not written. */
static void test_hold_longest(void **state)
{
	struct proto_hold h, got;
	struct name longest = named("example");
	struct rd body;
	uint8_t *before;

	memset(&longest, 0, sizeof(longest));
	for (unsigned i = 0; i < 127; i++)
		memcpy(longest.wire + 2 * i, "\1a", 2);
	longest.len = 255;
	longest.labels = 127;
	hold_of(&h, PROTO_PORTS, PROTO_ADDRS);
	for (size_t i = 0; i < PROTO_ADDRS; i++)
		addrs[i] = address("2001:db8::1");
	h.name = longest;
	for (unsigned i = 0; i < 17; i++)
		memcpy(chain + 255 * i, longest.wire, 255);
	h.chain_len = PROTO_CHAIN;
	memset(file, 'x', sizeof(file));
	h.file_len = PROTO_FILE - 1;
	proto_put_hold(&w, &h);
	body = only(PROTO_HOLD);
	assert_int_equal(proto_get_hold(&body, &got, &got_room), 0);
	same_hold(&h, &got);

	before = w.p;
	h.n_addrs = PROTO_ADDRS + 1;
	proto_put_hold(&w, &h);
	assert_true(w.bad && w.p == before);
	h.n_addrs = 1;
	w.bad = false;
	h.n_ports = PROTO_PORTS + 1;
	proto_put_hold(&w, &h);
	assert_true(w.bad && w.p == before);
	h.n_ports = 1;
	w.bad = false;
	h.chain_len++;
	proto_put_hold(&w, &h);
	assert_true(w.bad && w.p == before);
	h.chain_len = 0;
	w.bad = false;
	h.file_len++;
	proto_put_hold(&w, &h);
	assert_true(w.bad && w.p == before);
}

/* What nobody who means well sends. */
static void test_hold_bad(void **state)
{
	static const struct { const char *what; size_t off; uint8_t bytes[8]; size_t len; } bad[] = {
		{ "ttl", 28, { 0x80 }, 1 },
		{ "no client", 32, { 0, 0 }, 1 },
		{ "length of the client's address", 32, { 5 }, 1 },
		{ "length of the name", 37, { 12 }, 1 },
		{ "longer than its labels", 37, { 14 }, 1 },
		{ "a pointer", 42, { 0xc0, 0x0c }, 2 },
		{ "label over the end", 42, { 63 }, 1 },
		{ "chain's name without end", 53, { 1, 'b', 'x' }, 3 },
		{ "NUL in the file", 58, { 0 }, 1 },
		{ "no port", 64, { 0, 0 }, 2 },
		{ "protocol", 66, { 1 }, 1 },
		{ "port 0", 67, { 0, 0 }, 2 },
		{ "no address", 69, { 0, 0 }, 2 },
		{ "more addresses than there are", 69, { 0, 2 }, 2 },
		{ "length of an address", 71, { 0 }, 1 },
	};
	struct proto_hold h, got;
	struct rd body;
	uint8_t good[256];
	size_t len;

	hold_of(&h, 1, 1);
	h.client = address("10.0.0.1");
	h.name = named("abc.example");
	put_chain(&h, "b");
	memcpy(file, "xy", 3);
	h.file_len = 2;
	proto_put_hold(&w, &h);
	len = wr_len(&w) - PROTO_HEAD;
	assert_int_equal(len, 76);
	memcpy(good, room + PROTO_HEAD, len);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t copy[256];

		memcpy(copy, good, len);
		memcpy(copy + bad[i].off, bad[i].bytes, bad[i].len);
		body = rd_init(copy, len);
		if (proto_get_hold(&body, &got, &got_room) != -EBADMSG)
			fail_msg("taken: %s", bad[i].what);
	}
	/* a name that is spelt otherwise is the same */
	good[39] = 'A';
	body = rd_init(good, len);
	assert_int_equal(proto_get_hold(&body, &got, &got_room), 0);
	assert_true(name_equal(&got.name, &h.name));
}

/* Whole records that say what may not be said. */
static void refused(const char *what, const struct proto_hold *h)
{
	struct proto_hold got;
	struct rd body;

	w = wr_init(room, sizeof(room));
	proto_put_hold(&w, h);
	body = only(PROTO_HOLD);
	if (proto_get_hold(&body, &got, &got_room) != -EBADMSG)
		fail_msg("taken: %s", what);
}

static void test_hold_refused(void **state)
{
	struct proto_hold good, h, got;
	struct rd body;

	hold_of(&good, 1, 1);
	proto_put_hold(&w, &good);
	body = only(PROTO_HOLD);
	assert_int_equal(proto_get_hold(&body, &got, &got_room), 0);
	h = good;
	h.n_ports = 0;
	refused("no port", &h);
	h = good;
	h.n_addrs = 0;
	refused("no address", &h);
	h = good;
	h.client.len = 0;
	refused("no client", &h);
	h.client.len = 5;
	refused("a client's address of 5 bytes", &h);
	h = good;
	h.name.len = 0;
	refused("no name", &h);
	h = good;
	h.name.wire[h.name.len++] = 'x';
	refused("a byte behind the name", &h);
	h = good;
	addrs[0].len = 0;
	refused("an address without bytes", &h);
	hold_of(&h, 1, 1);
	h.file_len = 1;
	file[0] = '\0';
	refused("a NUL in the file's name", &h);
	hold_of(&h, 1, 1);
	memcpy(chain, "\13abcdefghijk\5hello\0\300\14", 21);
	h.chain_len = 21;
	refused("a pointer in the chain", &h);
	h.chain_len = 19;
	w = wr_init(room, sizeof(room));
	proto_put_hold(&w, &h);
	body = only(PROTO_HOLD);
	assert_int_equal(proto_get_hold(&body, &got, &got_room), 0);
}

/* Counts and lengths over their bounds, with all that they announce. */
static void test_too_much(void **state)
{
	static uint8_t big[CHAN_MAX];
	static struct proto_verdict v;
	struct proto_set set = { 0 };
	struct proto_hold h, got;
	struct rd body;
	size_t len;

	/* one port more than a verdict has room for */
	v.n_ports = PROTO_PORTS;
	for (size_t i = 0; i < PROTO_PORTS; i++)
		v.ports[i] = (struct conf_port){ IPPROTO_TCP, 1 };
	proto_put_verdict(&w, &v);
	bytes_put_u16(room + PROTO_HEAD + 13, PROTO_PORTS + 1);
	memcpy(w.p, w.p - 3, 3);
	body = rd_init(room + PROTO_HEAD, wr_len(&w) - PROTO_HEAD + 3);
	assert_int_equal(proto_get_verdict(&body, &v), -EBADMSG);

	/* one address more than a grant has room for */
	w = wr_init(room, sizeof(room));
	hold_of(&h, 1, PROTO_ADDRS);
	for (size_t i = 0; i < PROTO_ADDRS; i++)
		addrs[i] = address("192.0.2.1");
	proto_put_hold(&w, &h);
	len = wr_len(&w) - PROTO_HEAD;
	memcpy(big, room + PROTO_HEAD, len);
	memcpy(big + len, big + len - 5, 5);
	bytes_put_u16(big + len - 5 * PROTO_ADDRS - 2, PROTO_ADDRS + 1);
	body = rd_init(big, len + 5);
	assert_int_equal(proto_get_hold(&body, &got, &got_room), -EBADMSG);

	/* a text one longer than its place */
	w = wr_init(room, sizeof(room));
	memset(set.set, 'x', sizeof(set.set) - 1);
	proto_put_set(&w, &set);
	len = wr_len(&w) - PROTO_HEAD;
	memcpy(big, room + PROTO_HEAD, len);
	memmove(big + 5, big + 4, len - 4);
	bytes_put_u16(big + 2, sizeof(set.set));
	body = rd_init(big, len + 1);
	assert_int_equal(proto_get_set(&body, &set), -EBADMSG);

	w = wr_init(room, sizeof(room));
	set = (struct proto_set){ .breaker = 3 };
	proto_put_set(&w, &set);
	body = only(PROTO_SET);
	assert_int_equal(proto_get_set(&body, &set), -EBADMSG);
}

static void test_held(void **state)
{
	struct proto_held h = { 0xffffffff, -EAFNOSUPPORT, 0x8000000000000001, 0x80000000, true }, got;
	struct rd body;

	proto_put_held(&w, &h);
	body = only(PROTO_HELD);
	assert_int_equal(proto_get_held(&body, &got), 0);
	assert_int_equal(got.seq, h.seq);
	assert_int_equal(got.err, h.err);
	assert_true(got.until_us == h.until_us && got.epoch == h.epoch && got.by_client);
	cut_everywhere(PROTO_HELD);

	/* success that is none, an errno that is none, a bool that is none */
	room[PROTO_HEAD + 4] = 0;
	body = rd_init(room + PROTO_HEAD, wr_len(&w) - PROTO_HEAD);
	assert_int_equal(proto_get_held(&body, &got), -EBADMSG);
	memcpy(room + PROTO_HEAD + 4, "\xff\xff\x00\x00", 4);
	body = rd_init(room + PROTO_HEAD, wr_len(&w) - PROTO_HEAD);
	assert_int_equal(proto_get_held(&body, &got), -EBADMSG);
	memcpy(room + PROTO_HEAD + 4, "\xff\xff\xff\xff", 4);
	room[wr_len(&w) - 1] = 2;
	body = rd_init(room + PROTO_HEAD, wr_len(&w) - PROTO_HEAD);
	assert_int_equal(proto_get_held(&body, &got), -EBADMSG);
}

static void test_lease(void **state)
{
	static struct proto_lease l, got;
	struct name n = named("c.example.net");
	struct rd body;

	l = (struct proto_lease){ .export = 63, .addr = address("2001:db8::7"), .client = address("2001:db8::8"),
				  .proto = IPPROTO_UDP, .port = 443, .seconds = 360, .name = named("www.example.com"),
				  .chain_len = n.len, .line = 7 };
	strcpy(l.set, "inet lockdown update6");
	strcpy(l.file, "/etc/x.ini");
	memcpy(l.chain, n.wire, n.len);
	proto_put_lease(&w, &l);
	body = only(PROTO_LEASE);
	assert_int_equal(proto_get_lease(&body, &got), 0);
	assert_int_equal(got.export, 63);
	assert_string_equal(got.set, l.set);
	assert_string_equal(got.file, l.file);
	assert_true(addr_equal(&got.addr, &l.addr) && addr_equal(&got.client, &l.client));
	assert_true(got.proto == l.proto && got.port == l.port && got.seconds == 360 && got.line == 7);
	assert_true(name_equal(&got.name, &l.name));
	assert_int_equal(got.chain_len, n.len);
	assert_memory_equal(got.chain, n.wire, n.len);
	cut_everywhere(PROTO_LEASE);

	/* adopted: of its opener nothing is known, and it is for all */
	w = wr_init(room, sizeof(room));
	l = (struct proto_lease){ .addr = address("192.0.2.7") };
	proto_put_lease(&w, &l);
	body = only(PROTO_LEASE);
	assert_int_equal(proto_get_lease(&body, &got), 0);
	assert_int_equal(got.name.len, 0);
	assert_int_equal(got.client.len, 0);
	room[PROTO_HEAD + 1] = 64;
	body = rd_init(room + PROTO_HEAD, wr_len(&w) - PROTO_HEAD);
	assert_int_equal(proto_get_lease(&body, &got), -EBADMSG);
}

/* Every field at its longest. */
static void test_lease_longest(void **state)
{
	static struct proto_lease l, got;
	struct rd body;

	l = (struct proto_lease){ .addr = address("2001:db8::7"), .client = address("2001:db8::8"),
				  .name = named("x"), .chain_len = PROTO_CHAIN };
	memset(l.set, 's', sizeof(l.set) - 1);
	memset(l.file, 'f', sizeof(l.file) - 1);
	proto_put_lease(&w, &l);
	body = only(PROTO_LEASE);
	assert_int_equal(proto_get_lease(&body, &got), 0);
	assert_string_equal(got.set, l.set);
	assert_string_equal(got.file, l.file);
}

static void test_set(void **state)
{
	struct proto_set s = { .export = 3, .set = "inet a b", .kind = "nftables", .six = true, .present = true,
			       .breaker = 2, .leases = 1, .foreign = 2,
			       .added = 3, .renewed = 4, .deleted = 5, .failed = 6,
			       .lost = 7, .refilled = 0x8000000000000008, .err = -ENOENT, .err_age = 9 }, got;
	struct rd body;

	proto_put_set(&w, &s);
	body = only(PROTO_SET);
	assert_int_equal(proto_get_set(&body, &got), 0);
	assert_string_equal(got.set, s.set);
	assert_string_equal(got.kind, s.kind);
	assert_true(got.export == 3 && got.six && got.present && !got.by_client && got.breaker == 2);
	assert_true(got.leases == 1 && got.foreign == 2 && got.added == 3 && got.renewed == 4 && got.deleted == 5 &&
		    got.failed == 6 && got.lost == 7 && got.refilled == s.refilled);
	assert_true(got.err == -ENOENT && got.err_age == 9);
	cut_everywhere(PROTO_SET);
	/* text that the reader has no room for */
	memset(room + PROTO_HEAD + 2, 0xff, 2);
	body = rd_init(room + PROTO_HEAD, 70000);
	assert_int_equal(proto_get_set(&body, &got), -EBADMSG);
}

static void test_review(void **state)
{
	static struct proto_verdict v, got;
	struct proto_review r = { 9, 0x8000000000000000, named("w.example") }, back;
	struct rd body;

	proto_put_review(&w, &r);
	body = only(PROTO_REVIEW);
	assert_int_equal(proto_get_review(&body, &back), 0);
	assert_true(back.id == 9 && back.profile == r.profile && name_equal(&back.name, &r.name));
	cut_everywhere(PROTO_REVIEW);

	w = wr_init(room, sizeof(room));
	v = (struct proto_verdict){ .id = 9, .ok = true, .exports = 1ull << 63, .n_ports = PROTO_PORTS };
	for (size_t i = 0; i < PROTO_PORTS; i++)
		v.ports[i] = (struct conf_port){ IPPROTO_TCP, (uint16_t)(65535 - i) };
	proto_put_verdict(&w, &v);
	body = only(PROTO_VERDICT);
	assert_int_equal(proto_get_verdict(&body, &got), 0);
	assert_true(got.id == 9 && got.ok && got.exports == v.exports && got.n_ports == PROTO_PORTS);
	assert_int_equal(got.ports[255].port, 65535 - 255);
	cut_everywhere(PROTO_VERDICT);

	/* none may be opened */
	w = wr_init(room, sizeof(room));
	v.n_ports = 0;
	v.ok = false;
	proto_put_verdict(&w, &v);
	body = only(PROTO_VERDICT);
	assert_int_equal(proto_get_verdict(&body, &got), 0);
	assert_true(!got.ok && !got.n_ports);
	room[wr_len(&w) - 2] = 1;
	room[wr_len(&w) - 1] = 1;
	body = rd_init(room + PROTO_HEAD, sizeof(room) - PROTO_HEAD);
	assert_int_equal(proto_get_verdict(&body, &got), -EBADMSG);
}

static void test_prepared(void **state)
{
	static char text[PROTO_TEXT + 10], got[PROTO_TEXT];
	uint64_t layout;
	struct rd body;
	int32_t err;

	proto_put_prepared(&w, -EINVAL, 0x8000000000000003, "a:1: error: b\nc\n");
	body = only(PROTO_PREPARED);
	assert_int_equal(proto_get_prepared(&body, &err, &layout, got, sizeof(got)), 0);
	assert_string_equal(got, "a:1: error: b\nc\n");
	assert_true(err == -EINVAL && layout == 0x8000000000000003);
	cut_everywhere(PROTO_PREPARED);
	body = only(PROTO_PREPARED);
	assert_int_equal(proto_get_prepared(&body, &err, &layout, got, 4), 0);
	assert_string_equal(got, "a:1");

	w = wr_init(room, sizeof(room));
	memset(text, 'x', sizeof(text) - 1);
	proto_put_prepared(&w, 0, 1, text);
	body = only(PROTO_PREPARED);
	assert_int_equal(proto_get_prepared(&body, &err, &layout, got, sizeof(got)), 0);
	assert_int_equal(strlen(got), PROTO_TEXT - 1);
}

static void test_small(void **state)
{
	static const enum proto_type bare[] = { PROTO_PREPARE, PROTO_COMMIT, PROTO_ABORT, PROTO_STATUS, PROTO_END };
	struct addr a = address("2001:db8::1"), got;
	enum proto_type type;
	struct rd msg, body;
	uint64_t n;

	for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
		w = wr_init(room, sizeof(room));
		proto_put_bare(&w, bare[i]);
		only(bare[i]);
		/* with a body it is not that */
		memcpy(room + 1, "\0\0\0\1\0", 5);
		msg = rd_init(room, 6);
		assert_int_equal(proto_next(&msg, &type, &body), -EBADMSG);
	}
	w = wr_init(room, sizeof(room));
	proto_put_count(&w, PROTO_REVIEWED, 0x8000000000000002);
	body = only(PROTO_REVIEWED);
	assert_int_equal(proto_get_count(&body, &n), 0);
	assert_true(n == 0x8000000000000002);
	cut_everywhere(PROTO_REVIEWED);

	w = wr_init(room, sizeof(room));
	proto_put_address(&w, PROTO_CLOSE, &a);
	body = only(PROTO_CLOSE);
	assert_int_equal(proto_get_address(&body, &got), 0);
	assert_true(addr_equal(&a, &got));
	cut_everywhere(PROTO_CLOSE);
	w = wr_init(room, sizeof(room));
	proto_put_address(&w, PROTO_LIST, NULL);
	body = only(PROTO_LIST);
	assert_int_equal(proto_get_address(&body, &got), 0);
	assert_int_equal(got.len, 0);
}

/* Several in one message, as they were put; one that finds no room leaves no trace. */
static void test_next(void **state)
{
	struct proto_held h = { .seq = 1 }, got;
	enum proto_type type;
	struct rd msg, body;
	size_t n = 0, one;

	w = wr_init(room, 1000);
	proto_put_held(&w, &h);
	one = wr_len(&w);
	for (h.seq = 2; !w.bad; h.seq++)
		proto_put_held(&w, &h);
	assert_int_equal(wr_len(&w), 1000 / one * one);
	msg = rd_init(room, wr_len(&w));
	while (proto_next(&msg, &type, &body) == 1) {
		assert_int_equal(type, PROTO_HELD);
		assert_int_equal(proto_get_held(&body, &got), 0);
		assert_int_equal(got.seq, ++n);
	}
	assert_int_equal(n, 1000 / one);
	assert_int_equal(rd_left(&msg), 0);

	for (unsigned t = 0; t < 256; t++) {
		room[0] = (uint8_t)t;
		msg = rd_init(room, one);
		assert_int_equal(proto_next(&msg, &type, &body) > 0,
				 t >= PROTO_HOLD && t <= PROTO_END && t != PROTO_PREPARE && t != PROTO_COMMIT &&
				 t != PROTO_ABORT && t != PROTO_STATUS && t != PROTO_END);
	}
	/* a length beyond the message, and one that would wrap */
	memcpy(room, "\2\xff\xff\xff\xff", 5);
	msg = rd_init(room, one);
	assert_int_equal(proto_next(&msg, &type, &body), -EBADMSG);
}

/* Any bytes are read or refused, with a fixed seed; memory ends where they do. */
static void test_random(void **state)
{
	uint32_t seed = 1;

	for (unsigned i = 0; i < 200000; i++) {
		uint8_t *p;
		size_t len;
		struct rd body;

		seed = seed * 1664525 + 1013904223;
		len = seed >> 24;
		p = malloc(len + 1);
		for (size_t k = 0; k < len; k++) {
			seed = seed * 1664525 + 1013904223;
			/* small numbers more often: they are lengths */
			p[k] = (uint8_t)(seed & 0x10000 ? seed >> 24 : seed >> 29);
		}
		body = rd_init(p, len);
		(void)get((enum proto_type)(PROTO_HOLD + i % PROTO_END), &body);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_hold, setup),
		cmocka_unit_test_setup(test_hold_longest, setup),
		cmocka_unit_test_setup(test_hold_bad, setup),
		cmocka_unit_test_setup(test_hold_refused, setup),
		cmocka_unit_test_setup(test_too_much, setup),
		cmocka_unit_test_setup(test_held, setup),
		cmocka_unit_test_setup(test_lease, setup),
		cmocka_unit_test_setup(test_lease_longest, setup),
		cmocka_unit_test_setup(test_set, setup),
		cmocka_unit_test_setup(test_review, setup),
		cmocka_unit_test_setup(test_prepared, setup),
		cmocka_unit_test_setup(test_small, setup),
		cmocka_unit_test_setup(test_next, setup),
		cmocka_unit_test_setup(test_random, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
