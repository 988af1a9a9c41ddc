/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "book_util.h"

/*
 * Names that share addresses, random TTLs, acks out of order and late, failures, elements taken out by others, flushes,
 * lost events and dumps that tell what is not so any more. After each step a model that knows only the answers and the
 * fake kernel holds one against the other: what was confirmed in the epoch that still is, the kernel has.
 */

#define ADDRS 12
#define ASKED 4096

static uint64_t seed, running;
static struct { uint32_t seq; unsigned addr[2]; } asked[ASKED];
static struct { uint64_t until; uint32_t epoch; uint64_t before; } known[ADDRS];
static unsigned answered_well, answered_ill;

/* A dump under way: what it saw when it began. */
static struct fake_element *shot;
static size_t n_shot;
static bool dumping;
static bool early[FAKE_MAX];		/* the kernel has done it, and only the ack is late */
static uint64_t since[FAKE_MAX];

static unsigned draw(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

static struct addr addr_of(unsigned i)
{
	return addr_v4((uint8_t[]){ 192, 0, 2, (uint8_t)(i + 1) });
}

static void random_held(void *ctx, void *who, const struct proto_held *held)
{
	unsigned slot = held->seq % ASKED;

	assert_int_equal(asked[slot].seq, held->seq);
	asked[slot].seq = 0;		/* once, and not again */
	answered_ill += !!held->err;
	answered_well += !held->err;
	if (held->err)
		return;
	assert_int_equal(held->epoch, util_epoch());
	for (int i = 0; i < 2; i++) {
		unsigned a = asked[slot].addr[i];

		if (known[a].epoch != held->epoch || known[a].until < held->until_us)
			known[a].until = held->until_us;
		known[a].epoch = held->epoch;
	}
}

static void random_submit(struct sink *k, struct sink_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_true(fake.n_waiting < FAKE_MAX);
		/* What was planned by what is known now would be wrong after somebody else's change: no sink waits so long. */
		early[fake.n_waiting] = draw(2) || ops[i]->what == SINK_RENEW;
		if (early[fake.n_waiting])
			ops[i]->err = fake_do(ops[i]);
		since[fake.n_waiting] = util_now();
		fake.waiting[fake.n_waiting++] = ops[i];
	}
}

static void ack(size_t i)
{
	struct sink_op *op = fake.waiting[i];
	bool done = early[i];

	fake.lag = util_now() - since[i];
	fake.n_waiting--;
	fake.waiting[i] = fake.waiting[fake.n_waiting];
	early[i] = early[fake.n_waiting];
	since[i] = since[fake.n_waiting];
	if (!done)
		op->err = fake_do(op);
	fake.lag = 0;
	fake.ev->done(fake.ctx, op);
}

static int random_dump(struct sink *k, struct sink_set *set)
{
	struct fake_set *s = fake_of(set);

	assert_false(dumping);
	dumping = true;
	free(shot);
	n_shot = s->n;
	shot = calloc(n_shot + 1, sizeof(*shot));
	assert_non_null(shot);
	if (n_shot)
		memcpy(shot, s->v, n_shot * sizeof(*shot));
	return 0;
}

static void dump_more(void)
{
	for (unsigned n = draw(4); n && n_shot; n--) {
		struct fake_element *f = &shot[--n_shot];
		struct sink_element e = { .key = f->key, .ours = f->ours, .name = f->name };

		e.left_ms = f->end == SINK_EVER ? SINK_EVER : f->end > util_now() ? (f->end - util_now()) / CLOCK_MS : 0;
		fake.ev->element(fake.ctx, fake.sets[0].set, &e);
	}
	if (!n_shot && draw(2)) {
		dumping = false;
		fake.ev->dumped(fake.ctx, fake.sets[0].set, 0);
	}
}

static void check(void)
{
	struct fake_set *s = &fake.sets[0];

	for (unsigned i = 0; i < ADDRS; i++) {
		struct addr a = addr_of(i);
		struct fake_element *e = fake_find(s, a.b);

		if (known[i].epoch != util_epoch() || known[i].until <= util_now())
			continue;
		if (!e || (e->end != SINK_EVER && e->end < known[i].until + 300 * CLOCK_S))
			fail_msg("run %llu, address %u: promised until %llu, held until %llu", (unsigned long long)running, i,
				 (unsigned long long)known[i].until, e ? (unsigned long long)e->end : 0);
	}
}

static void ask(void)
{
	static const uint32_t ttls[] = { 5, 300, 5, 300, 60, 1000, 0 };
	static const char *const names[] = { "a.example", "b.example" };
	unsigned x = draw(ADDRS), y = draw(ADDRS);
	char text[64];

	if (asked[(util_seq + 1) % ASKED].seq)
		return;
	snprintf(text, sizeof(text), "192.0.2.%u 192.0.2.%u", x + 1, y + 1);
	asked[(util_seq + 1) % ASKED].seq = util_seq + 1;
	asked[(util_seq + 1) % ASKED].addr[0] = x;
	asked[(util_seq + 1) % ASKED].addr[1] = y;
	util_ask(names[draw(2)], text, ttls[draw(ARRAY_SIZE(ttls))]);
}

static void foreign_change(void)
{
	struct fake_set *s = &fake.sets[0];
	struct addr a = addr_of(draw(ADDRS));
	struct fake_element *e = fake_find(s, a.b);

	switch (draw(4)) {
	case 0:
		s->n = 0;
		fake.ev->emptied(fake.ctx, s->set, false, "nft");
		break;
	case 1:		/* out of sight */
		if (e)
			fake_take(s, a.b);
		fake.ev->overrun(fake.ctx, (struct sink *)&fake);
		break;
	case 2:
		if (e) {
			fake_take(s, a.b);
			fake.ev->removed(fake.ctx, s->set, a.b);
		}
		break;
	case 3:		/* somebody else's comes, for ever or not, told of or not */
		if (!e) {
			e = fake_put(s, a.b, draw(2) ? SINK_EVER : util_now() + draw(500) * CLOCK_S + 1, false, "admin");
			if (draw(2)) {
				struct sink_element se = { .key = a.b, .name = "admin" };

				se.left_ms = e->end == SINK_EVER ? SINK_EVER : (e->end - util_now()) / CLOCK_MS;
				fake.ev->element(fake.ctx, s->set, &se);
			}
		}
		break;
	}
}

static void step(void)
{
	unsigned what = draw(100);

	if (what < 45) {
		ask();
	} else if (what < 80) {
		if (fake.n_waiting)
			ack(draw((unsigned)fake.n_waiting));
	} else if (what < 84) {
		foreign_change();
	} else if (what < 86) {
		fake.err = fake.err ? 0 : (int[]){ -ENFILE, -EINVAL, -ENOMEM, -EPERM }[draw(4)];
	} else if (what < 92 && dumping) {
		dump_more();
	} else if (what < 93) {
		loop->now.mono_us += draw(200) * CLOCK_S;
	} else {
		loop->now.mono_us += draw(100) * CLOCK_MS;
	}
	timers_run(&loop->timers, loop->now);
	check();
	if (draw(3))
		book_run(book);
	check();
}

/* When all is over it is quiet: every hold was answered, and the kernel has what the book wants. */
static void end(void)
{
	fake.err = 0;
	for (int i = 0; i < 4000 && (fake.n_waiting || book->holds || dumping || i < 50); i++) {
		while (fake.n_waiting)
			ack(0);
		if (dumping)
			dump_more();
		util_pass(100 * CLOCK_MS);
		check();
	}
	assert_null(book->holds);
	for (unsigned i = 0; i < ASKED; i++)
		assert_int_equal(asked[i].seq, 0);
	assert_int_equal(book->waiters.count, 0);
	assert_int_equal(book->ops.count, 0);
	for (uint32_t id = 1; id <= leases_top(&book->sets->leases); id++) {
		struct lease *l = lease_at(&book->sets->leases, id);
		struct fake_element *e;

		if (!l || lease_wanted(l) <= util_now() + 2 * CLOCK_S)
			continue;
		e = fake_find(&fake.sets[0], l->key);
		if (!e || e->end < lease_wanted(l) - 2 * CLOCK_S)
			fail_msg("run %llu: wanted until %llu, held %llu", (unsigned long long)running,
				 (unsigned long long)lease_wanted(l), e ? (unsigned long long)e->end : 0);
	}
}

static void run(uint64_t with)
{
	memset(asked, 0, sizeof(asked));
	memset(known, 0, sizeof(known));
	dumping = false;
	running = with;
	seed = with * 2654435761u + 1;
	assert_int_equal(util_setup(NULL), 0);
	exports_v[0].set[1].name = "";
	book->held = random_held;
	util_begin();
	fake_kind.submit = random_submit;
	fake_kind.dump = random_dump;
	for (int i = 0; i < 1500; i++)
		step();
	end();
	fake_kind.submit = fake_submit;
	fake_kind.dump = fake_dump;
	assert_int_equal(util_teardown(NULL), 0);
	free(shot);
	shot = NULL;
}

static void test_random(void **state)
{
	for (uint64_t i = 1; i <= 300; i++)
		run(i);
	print_message("%u answers, %u refusals\n", answered_well, answered_ill);
	assert_true(answered_well > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
