/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include "policy_naive.h"
#include "state/rcache.h"

#define KEYS 2000
#define SEGMENTS 16

/* What was last put for a key, were memory endless: the cache may forget, but not give anything else. */
struct model {
	struct name name;
	struct rcache_key key;
	uint64_t hash, stored, expires;
	enum rcache_kind kind;
	uint8_t *wire;
	size_t len, n_ttls;
	uint16_t ttls[8];
	struct name link;			/* labels 0: none */
	bool put;
};

static struct model model[KEYS];
static struct naive_random random_state = { 77 };
static uint8_t scratch[WIRE_MAX];

static unsigned draw(unsigned n)
{
	return naive_below(&random_state, n);
}

/* A stored answer for the key: header, question, then `more` bytes that tell it from every other. */
static size_t make_wire(uint8_t *wire, const struct rcache_key *key, size_t more)
{
	struct wr w = wr_init(wire, WIRE_MAX);

	wr_bytes(&w, "\0\0\x80\x80\0\1\0\0\0\0\0\0", 12);
	wr_bytes(&w, key->name->wire, key->name->len);
	wr_u16(&w, key->type);
	wr_u16(&w, CLASS_IN);
	while (more-- && !w.bad)
		wr_u8(&w, (uint8_t)draw(256));
	assert_false(w.bad);
	return wr_len(&w);
}

static void model_reset(void)
{
	for (size_t i = 0; i < KEYS; i++) {
		struct model *m = &model[i];
		char text[40];

		free(m->wire);
		/* neighbours differ in one part of the key only */
		snprintf(text, sizeof(text), "n%zu.d%zu.example.com", i / 16, i / 80);
		*m = (struct model){ .name = snap_name(text) };
		m->key = (struct rcache_key){
			.profile = i & 1, .type = i & 2 ? TYPE_A : TYPE_AAAA, .dnssec_ok = i & 4, .view = i & 8 ? 7 : 3,
			.name = &m->name,
		};
		m->hash = rcache_hash(&m->key);
	}
}

static int model_teardown(void **state)
{
	for (size_t i = 0; i < KEYS; i++) {
		free(model[i].wire);
		model[i].wire = NULL;
	}
	return 0;
}

static struct rcache_entry *model_put(struct rcache *c, struct model *m, size_t more)
{
	struct rcache_entry *e;

	free(m->wire);
	m->len = make_wire(scratch, &m->key, more);
	m->wire = malloc(m->len);
	assert_non_null(m->wire);
	memcpy(m->wire, scratch, m->len);
	m->n_ttls = draw(ARRAY_SIZE(m->ttls) + 1);
	for (size_t i = 0; i < m->n_ttls; i++)
		m->ttls[i] = (uint16_t)draw(65536);
	m->kind = (enum rcache_kind)draw(RCACHE_FAILED + 1);
	m->link = name_root;
	if (draw(3) == 0)
		naive_name(&random_state, &m->link);
	m->stored = draw(1000000);
	m->expires = m->stored + draw(1000);
	e = rcache_put(c, &m->key, m->hash, &(struct rcache_item){
		.kind = m->kind, .wire = m->wire, .len = m->len, .ttls = m->ttls, .n_ttls = m->n_ttls,
		.link = m->link.labels ? &m->link : NULL, .stored = m->stored, .expires = m->expires });
	m->put = e != NULL;
	return e;
}

/* Right to the last byte, alive or not: the cache does not look at the time. */
static bool model_check(struct rcache *c, const struct model *m)
{
	const struct rcache_entry *e = rcache_find(c, &m->key, m->hash);
	struct name link;

	if (!e)
		return false;
	assert_true(m->put);
	assert_int_equal(e->len, m->len);
	assert_memory_equal(rcache_wire(e), m->wire, m->len);
	assert_int_equal(e->n_ttls, m->n_ttls);
	if (m->n_ttls)
		assert_memory_equal(e->ttls, m->ttls, m->n_ttls * sizeof(*m->ttls));
	assert_int_equal(e->kind, m->kind);
	assert_int_equal(rcache_is_answer(e), m->kind == RCACHE_ANSWER || m->kind == RCACHE_AUDITED);
	assert_int_equal(rcache_link(e, &link), m->link.labels > 0);
	if (m->link.labels)
		assert_true(name_equal(&link, &m->link) && link.labels == m->link.labels);
	assert_int_equal(e->stored, m->stored);
	assert_int_equal(e->expires, m->expires);
	assert_int_equal(e->type, m->key.type);
	assert_int_equal(e->profile, m->key.profile);
	assert_int_equal(e->dnssec_ok, m->key.dnssec_ok);
	return true;
}

/* The usage says what can be found; everything found is right. */
static size_t check_all(struct rcache *c, size_t limit)
{
	struct rcache_usage u;
	size_t found = 0, bytes = 0;

	for (size_t i = 0; i < KEYS; i++) {
		if (!model_check(c, &model[i]))
			continue;
		found++;
		bytes += rcache_find(c, &model[i].key, model[i].hash)->size;
	}
	rcache_usage(c, &u);
	assert_int_equal(u.entries, found);
	assert_int_equal(u.bytes, bytes);
	assert_true(u.limit <= limit && u.bytes <= u.limit);
	return found;
}

static size_t model_flush(struct rcache *c, const char *below)
{
	struct name zone = snap_name(below);
	size_t want = 0, got;

	for (size_t i = 0; i < KEYS; i++)
		if (name_under(&model[i].name, &zone))
			want += rcache_find(c, &model[i].key, model[i].hash) != NULL;
	got = rcache_flush(c, &zone);
	assert_int_equal(got, want);
	for (size_t i = 0; i < KEYS; i++) {
		if (!name_under(&model[i].name, &zone))
			continue;
		assert_null(rcache_find(c, &model[i].key, model[i].hash));
		model[i].put = false;
	}
	return got;
}

static void test_random(void **state)
{
	static const size_t sizes[] = { 1, 65536, 65537, 100003, 300000, 2000000 };
	size_t flushed = 0, forgotten = 0;

	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
		size_t limit = sizes[k] < 65536 ? 65536 : sizes[k];
		struct rcache *c = rcache_new(sizes[k]);
		unsigned hot = 1 + draw(KEYS);

		assert_non_null(c);
		model_reset();
		for (unsigned round = 0; round < 20000; round++) {
			struct model *m = &model[draw(draw(2) ? hot : KEYS)];
			char zone[40];

			if (draw(3))
				model_put(c, m, draw(4) ? draw(100) : draw((unsigned)limit / 50));
			else if (m->put)
				forgotten += !model_check(c, m);
			if (draw(500) == 0) {
				snprintf(zone, sizeof(zone), "d%u.example.com", draw(KEYS / 80));
				flushed += model_flush(c, zone);
			}
			if (draw(4000) == 0) {
				struct rcache_usage u;

				rcache_usage(c, &u);
				assert_int_equal(rcache_flush(c, NULL), u.entries);
				for (size_t i = 0; i < KEYS; i++)
					model[i].put = false;
			}
			if (round % 997 == 0)
				check_all(c, limit);
		}
		check_all(c, limit);
		rcache_free(c);
	}
	assert_true(flushed > 100 && forgotten > 1000);
}

static void put_small(struct rcache *c, unsigned number, bool use)
{
	struct name n;
	struct rcache_key key = { .profile = 0, .type = TYPE_A, .name = &n };
	char text[40];
	size_t len;
	uint64_t hash;

	snprintf(text, sizeof(text), "c%u.churn.test", number);
	n = snap_name(text);
	hash = rcache_hash(&key);
	len = make_wire(scratch, &key, 60);
	assert_non_null(rcache_put(c, &key, hash,
				   &(struct rcache_item){ .kind = RCACHE_ANSWER, .wire = scratch, .len = len, .expires = 1 }));
	if (use)
		assert_non_null(rcache_find(c, &key, hash));
}

/* What is asked for once a round stays through many rounds of what nobody asks for again; the unused goes. */
static void test_churn(void **state)
{
	struct rcache *c = rcache_new(1 << 20);
	unsigned number = 0, alive = 0;

	assert_non_null(c);
	model_reset();
	for (size_t i = 0; i < 600; i++)
		model_put(c, &model[i], 60);
	/* once is not for ever */
	for (size_t i = 400; i < 600; i++)
		assert_true(model_check(c, &model[i]));
	for (unsigned round = 0; round < 200; round++) {
		for (size_t i = 0; i < 200; i++)
			assert_true(model_check(c, &model[i]));
		/* a quarter of what the whole holds */
		for (unsigned k = 0; k < 1600; k++)
			put_small(c, number++, false);
	}
	for (size_t i = 200; i < 600; i++)
		alive += model_check(c, &model[i]);
	assert_int_equal(alive, 0);
	rcache_free(c);
}

/* Where everything is used, something has to go all the same. */
static void test_all_used(void **state)
{
	struct rcache *c = rcache_new(1 << 20);
	struct rcache_usage u;

	for (unsigned i = 0; i < 100000; i++)
		put_small(c, i, true);
	rcache_usage(c, &u);
	assert_true(u.bytes <= u.limit && u.limit <= 1 << 20);
	assert_true(u.bytes > u.limit / 2);
	rcache_free(c);
}

/* The largest answer that goes in, and one byte more. */
static void test_limits(void **state)
{
	static const size_t sizes[] = { 65536, 1 << 20, 8 << 20 };

	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
		struct rcache *c = rcache_new(sizes[k]);
		struct rcache_entry *e = NULL;
		size_t max = 0, most, room, bare;

		assert_non_null(c);
		model_reset();
		bare = make_wire(scratch, &model[0].key, 0);
		for (size_t more = 0; more <= WIRE_MAX - bare && more <= sizes[k] / 40; more += 8) {
			bool old = model[0].put;

			e = model_put(c, &model[0], more);
			if (!e) {
				assert_true(old);
				/* what it was to stand for must not be given any longer */
				assert_null(rcache_find(c, &model[0].key, model[0].hash));
				break;
			}
			max = e->size;
			assert_true(model_check(c, &model[0]));
		}
		most = sizes[k] / SEGMENTS / 4;
		room = most * 96 / 100;
		if (most < WIRE_MAX) {
			assert_null(e);
			assert_true(max <= most && max >= room);
		}
		/* many of that size, one after the other */
		for (unsigned i = 0; i < 500 && max > 200; i++)
			if (model_put(c, &model[i], max - 200))
				assert_true(model_check(c, &model[i]));
		check_all(c, sizes[k]);
		rcache_free(c);
	}
}

/* Other hashes than the keys' own: one bucket for all, and one hash for all. */
static void test_collisions(void **state)
{
	for (unsigned same = 0; same < 2; same++) {
		struct rcache *c = rcache_new(65536);

		model_reset();
		for (size_t i = 0; i < 300; i++)
			model[i].hash = same ? 42 : model[i].hash << 32;
		for (unsigned round = 0; round < 20; round++) {
			for (size_t i = 0; i < 300; i++)
				if (draw(2))
					model_put(c, &model[i], draw(200));
			check_all(c, 65536);
			for (size_t i = 0; i < 300; i++)
				if (draw(4) == 0)
					assert_int_equal(model_check(c, &model[i]) <= model[i].put, 1);
		}
		model_flush(c, "d1.example.com");
		check_all(c, 65536);
		rcache_free(c);
	}
}

static void test_hash(void **state)
{
	model_reset();
	for (size_t i = 0; i < 200; i++)
		for (size_t k = 0; k < i; k++)
			assert_true(model[i].hash != model[k].hash);
}

static void test_flush(void **state)
{
	struct rcache *c = rcache_new(1 << 20);
	struct rcache_usage u;
	struct name near = snap_name("x1.example.com"), label = snap_name("n0\\.d0.example.com");

	model_reset();
	for (size_t i = 0; i < KEYS / 2; i++)
		model_put(c, &model[i], 20);
	assert_int_equal(rcache_flush(c, &near), 0);
	assert_int_equal(rcache_flush(c, &label), 0);
	assert_int_equal(model_flush(c, "n0.d0.example.com"), 16);
	assert_int_equal(model_flush(c, "d0.example.com"), 64);
	assert_int_equal(model_flush(c, "d0.example.com"), 0);
	assert_int_equal(model_flush(c, "."), KEYS / 2 - 80);
	rcache_usage(c, &u);
	assert_int_equal(u.entries, 0);
	assert_int_equal(u.bytes, 0);
	assert_int_equal(rcache_flush(c, NULL), 0);
	model_put(c, &model[0], 20);
	assert_true(model_check(c, &model[0]));
	assert_int_equal(rcache_flush(c, NULL), 1);
	assert_null(rcache_find(c, &model[0].key, model[0].hash));
	rcache_free(c);
	rcache_free(NULL);
}

/* What an answer wants of the firewall stays by it, and a new one begins without a bound. */
static void test_held(void **state)
{
	struct rcache *c = rcache_new(1 << 16);
	struct name n = snap_name("held.example.com");
	struct rcache_key key = { .type = TYPE_A, .view = 5, .name = &n };
	uint64_t hash = rcache_hash(&key);
	size_t len = make_wire(scratch, &key, 60);
	struct rcache_item item = {
		.wire = scratch, .len = len, .expires = 1, .held = true, .held_ttl = 300, .id = 17, .ports = ~0ull,
	};
	struct rcache_entry *e;

	assert_non_null(c);
	e = rcache_put(c, &key, hash, &item);
	assert_non_null(e);
	assert_true(e->held && e->held_ttl == 300 && e->id == 17 && e->ports == ~0ull && !e->until_us && !e->epoch);
	e->until_us = 12345;
	e->epoch = 3;
	assert_ptr_equal(rcache_find(c, &key, hash), e);
	assert_true(e->until_us == 12345 && e->epoch == 3);
	item.id = 18;
	e = rcache_put(c, &key, hash, &item);
	assert_true(e->id == 18 && !e->until_us && !e->epoch);
	rcache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_random, model_teardown), cmocka_unit_test_teardown(test_churn, model_teardown),
		cmocka_unit_test(test_held), cmocka_unit_test(test_all_used),
		cmocka_unit_test_teardown(test_limits, model_teardown),
		cmocka_unit_test_teardown(test_collisions, model_teardown), cmocka_unit_test_teardown(test_hash, model_teardown),
		cmocka_unit_test_teardown(test_flush, model_teardown),
	};

	return cmocka_run_group_tests_name("state_rcache", tests, NULL, NULL);
}
