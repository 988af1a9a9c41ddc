/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "export/proto.h"
#include "fuzz.h"

/* The input as a message between server and agent. What is read and written again is the same bytes. */

static uint8_t out[1 << 18];
static struct proto_room room;

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

static bool names_alike(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (name_lower(a[i]) != name_lower(b[i]))
			return false;
	return true;
}

/* Writes again what was just read; false: there is nothing to write. */
static bool put_again(struct wr *w, enum proto_type type)
{
	switch (type) {
	case PROTO_HOLD:
		CHECK(u.hold.n_ports && u.hold.n_addrs && u.hold.client.len && u.hold.name.len);
		CHECK(strlen(u.hold.file) == u.hold.file_len);
		proto_put_hold(w, &u.hold);
		return true;
	case PROTO_HELD:
		proto_put_held(w, &u.held);
		return true;
	case PROTO_LEASE:
		proto_put_lease(w, &u.lease);
		return true;
	case PROTO_SET:
		proto_put_set(w, &u.set);
		return true;
	case PROTO_REVIEW:
		proto_put_review(w, &u.review);
		return true;
	case PROTO_VERDICT:
		proto_put_verdict(w, &u.verdict);
		return true;
	case PROTO_CLOSED:
	case PROTO_REVIEWED:
		proto_put_count(w, type, u.n);
		return true;
	case PROTO_LIST:
	case PROTO_CLOSE:
		proto_put_address(w, type, &u.addr);
		return true;
	default:
		return false;
	}
}

static int get(enum proto_type type, struct rd *body)
{
	switch (type) {
	case PROTO_HOLD:
		return proto_get_hold(body, &u.hold, &room);
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
	case PROTO_CLOSED:
	case PROTO_REVIEWED:
		return proto_get_count(body, &u.n);
	case PROTO_LIST:
	case PROTO_CLOSE:
		return proto_get_address(body, &u.addr);
	default:
		return -1;
	}
}

static void check_prepared(struct rd body)
{
	static char text[PROTO_TEXT];
	struct rd again = body;
	uint64_t layout;
	int32_t err;
	struct wr w = wr_init(out, sizeof(out));

	if (proto_get_prepared(&body, &err, &layout, text, sizeof(text)))
		return;
	CHECK(err <= 0);
	proto_put_prepared(&w, err, layout, text);
	CHECK(wr_len(&w) == rd_left(&again) + PROTO_HEAD);
	CHECK(memcmp(out + PROTO_HEAD, again.p, rd_left(&again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd msg = rd_init(data, size), body, whole;
	enum proto_type type;
	int more;

	while ((more = proto_next(&msg, &type, &body)) == 1) {
		struct wr w = wr_init(out, sizeof(out));

		if (type == PROTO_PREPARED)
			check_prepared(body);
		whole = body;
		if (get(type, &body))
			continue;
		CHECK(rd_left(&body) == 0);
		if (!put_again(&w, type))
			continue;
		CHECK(!w.bad && wr_len(&w) == rd_left(&whole) + PROTO_HEAD);
		/* but for the case of names, which a reader folds */
		CHECK(names_alike(out + PROTO_HEAD, whole.p, rd_left(&whole)));
	}
	CHECK(more == -EBADMSG || rd_left(&msg) == 0);
	return 0;
}
